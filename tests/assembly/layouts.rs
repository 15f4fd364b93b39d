//! Layouts as folders: added to, mended, kept, never half-written.

use polyarch::fault::Fault;
use polyarch::oci::layout::{Layout, REF_NAME};
use polyarch::output::{self, Item, Kind, OutputSpec};
use serde_json::Value;

use super::support::{Yard, plan, snapshot};

fn names(yard: &Yard) -> Vec<String> {
    let layout = Layout::open(&yard.path("image")).expect("opens");
    let entries = layout.index().manifests.iter();
    entries
        .map(|entry| entry.annotations[REF_NAME].clone())
        .collect()
}

#[test]
fn other_names_stay_and_in_our_own_folder_only_what_was_just_built() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let mut plan = plan(&["linux/amd64", "linux/arm64"], &[(&app, "/app")]);
    plan.tags = vec!["x/app:one".to_owned()];
    let image = yard.build("scratch", &plan);
    let spec = "type=oci-layout,dest=image";
    yard.write(&plan, &image, spec).expect("writes");
    let first = snapshot(&yard.path("image"));
    plan.tags = vec!["x/app:two".to_owned(), "x/app:three".to_owned()];
    fs_err::write(&app, b"two").expect("writes");
    let second = yard.build("scratch", &plan);
    yard.write(&plan, &second, spec).expect("adds");
    assert_eq!(names(&yard), ["one", "two", "three"]);
    let both = snapshot(&yard.path("image"));
    assert!(first.keys().all(|name| both.contains_key(name)));
    plan.tags = vec!["x/app:one".to_owned()];
    yard.write(&plan, &second, spec).expect("replaces");
    assert_eq!(names(&yard), ["two", "three", "one"]);
    let own = OutputSpec::new(Kind::Layout, yard.path("image"));
    let item = Item {
        plan: &plan,
        image: &second,
    };
    output::write(&[item], &own, &yard.store, true).expect("replaces all");
    let last = snapshot(&yard.path("image"));
    assert_eq!(names(&yard), ["one"]);
    // The two images share nothing: layers, configs and manifests differ.
    assert_eq!(last.len(), first.len());
}

#[test]
fn writing_again_changes_nothing() {
    use std::os::unix::fs::MetadataExt;
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    let image = yard.build("scratch", &plan);
    let inodes = || {
        yard.write(&plan, &image, "type=oci-layout,dest=image")
            .expect("writes");
        let blobs = snapshot(&yard.path("image"));
        let inode = |name: &String| {
            fs_err::metadata(yard.path("image").join(name))
                .expect("there")
                .ino()
        };
        blobs.keys().map(inode).collect::<Vec<_>>()
    };
    assert_eq!(inodes(), inodes());
}

#[test]
fn a_damaged_blob_is_replaced() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    let image = yard.build("scratch", &plan);
    let write = || {
        yard.write(&plan, &image, "type=oci-layout,dest=image")
            .expect("writes")
    };
    write();
    let sound = snapshot(&yard.path("image"));
    for blob in image.blobs() {
        let path = yard.path("image/blobs/sha256").join(blob.digest.hex());
        let mut bytes = fs_err::read(&path).expect("reads");
        bytes[0] ^= 1;
        fs_err::write(&path, bytes).expect("damages");
        write();
        assert_eq!(snapshot(&yard.path("image")), sound);
    }
}

#[test]
fn a_folder_with_other_things_is_left_alone() {
    let yard = Yard::new();
    let precious = yard.file("image/precious", b"data");
    let app = yard.file("app", b"one");
    let plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    let image = yard.build("scratch", &plan);
    let error = yard
        .write(&plan, &image, "type=oci-layout,dest=image")
        .expect_err("refused");
    assert!(
        error
            .to_string()
            .contains("neither empty nor an OCI image layout"),
        "{error}"
    );
    assert_eq!(error.exit().code(), 2);
    assert_eq!(fs_err::read(precious).expect("reads"), b"data");
    assert_eq!(snapshot(&yard.path("image")).len(), 1);
}

#[test]
fn a_blob_that_is_missing_at_the_end_leaves_what_was_there() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    let old = yard.build("scratch", &plan);
    let archives = ["type=oci,dest=a.tar", "type=docker,dest=d.tar"];
    let layout = "type=oci-layout,dest=image";
    for spec in archives.into_iter().chain([layout]) {
        yard.write(&plan, &old, spec).expect("writes");
    }
    let kept = |yard: &Yard| {
        let archives = ["a.tar", "d.tar"].map(|name| fs_err::read(yard.path(name)).expect("reads"));
        (snapshot(&yard.path("image")), archives)
    };
    let before = kept(&yard);
    fs_err::write(&app, b"two").expect("writes");
    let new = yard.build("scratch", &plan);
    let config = yard
        .store
        .blob(&new.manifests[0].config.digest)
        .expect("stored")
        .path;
    fs_err::remove_file(config).expect("removes");
    for spec in archives
        .into_iter()
        .chain([layout, "type=oci-layout,dest=fresh"])
    {
        let error = yard.write(&plan, &new, spec).expect_err(spec);
        assert!(error.to_string().starts_with("can't write `"), "{error}");
    }
    assert_eq!(kept(&yard), before);
    assert!(!yard.path("fresh").exists());
    let leftovers = fs_err::read_dir(yard.folder.path()).expect("lists");
    let temporary = |name: String| name.starts_with(".polyarch-");
    assert!(
        !leftovers
            .map(|e| e.expect("entry").file_name())
            .any(|n| temporary(n.into_string().expect("utf-8")))
    );
}

#[test]
fn what_a_killed_process_left_is_removed_by_the_next() {
    let yard = Yard::new();
    let dead = yard.path(".polyarch-image-abc");
    fs_err::create_dir_all(dead.join("blobs")).expect("folder");
    let plan = plan(&["linux/amd64"], &[(&yard.file("app", b"one"), "/app")]);
    let image = yard.build("scratch", &plan);
    yard.write(&plan, &image, "type=oci-layout,dest=image")
        .expect("writes");
    assert!(!dead.exists());
    // A layout that was begun and has no index yet is finished.
    fs_err::remove_file(yard.path("image/index.json")).expect("removes");
    yard.write(&plan, &image, "type=oci-layout,dest=image")
        .expect("writes");
    assert_eq!(names(&yard), ["latest"]);
}

#[test]
fn several_writers_at_once_leave_one_sound_layout() {
    let yard = Yard::new();
    let app = yard.file("app", &vec![7; 1 << 20]);
    let images: Vec<_> = (0..4)
        .map(|number| {
            let mut plan = plan(&["linux/amd64", "linux/arm64"], &[(&app, "/app")]);
            plan.epoch = number;
            plan.tags = vec![format!("x/app:{number}")];
            let image = yard.build("scratch", &plan);
            (plan, image)
        })
        .collect();
    std::thread::scope(|scope| {
        for (plan, image) in &images {
            scope.spawn(|| {
                yard.write(plan, image, "type=oci-layout,dest=image")
                    .expect("writes")
            });
        }
    });
    let mut found = names(&yard);
    found.sort();
    assert_eq!(found, ["0", "1", "2", "3"]);
    for (_, image) in &images {
        for blob in image.blobs() {
            let path = yard.path("image/blobs/sha256").join(blob.digest.hex());
            assert_eq!(fs_err::metadata(path).expect("there").len(), blob.size);
        }
    }
}

#[test]
fn metadata_has_the_keys_that_buildx_writes() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let mut plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    plan.tags = vec!["x/app:1".to_owned(), "app".to_owned()];
    let image = yard.build("scratch", &plan);
    let one = Item {
        plan: &plan,
        image: &image,
    };
    let (json, iid) = (yard.path("metadata.json"), yard.path("iid"));
    output::metadata_file(&json, &[one]).expect("writes");
    output::iid_file(&iid, &[one]).expect("writes");
    let digest = image.root.digest.to_string();
    assert_eq!(fs_err::read_to_string(iid).expect("reads"), digest);
    let value: Value = serde_json::from_slice(&fs_err::read(&json).expect("reads")).expect("json");
    assert_eq!(value["containerimage.digest"], digest);
    assert_eq!(value["containerimage.descriptor"]["size"], image.root.size);
    assert_eq!(
        value["containerimage.config.digest"],
        image.manifests[0].config.digest.to_string()
    );
    assert_eq!(
        value["image.name"],
        "docker.io/x/app:1,docker.io/library/app:latest"
    );
    let mut other = plan.clone();
    other.name = "other".to_owned();
    let two = Item {
        plan: &other,
        image: &image,
    };
    output::metadata_file(&json, &[one, two]).expect("writes");
    let value: Value = serde_json::from_slice(&fs_err::read(&json).expect("reads")).expect("json");
    assert_eq!(value["other"]["containerimage.digest"], digest);
}

#[test]
fn places_are_told_apart_or_refused() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let plan = plan(&["linux/arm64", "linux/arm/v7"], &[(&app, "/usr/bin/app")]);
    let image = yard.build("scratch", &plan);
    let mut second = plan.clone();
    second.name = "worker".to_owned();
    let items = [
        Item {
            plan: &plan,
            image: &image,
        },
        Item {
            plan: &second,
            image: &image,
        },
    ];
    let paths = |items: &[Item], spec: &str| -> Result<Vec<String>, output::Error> {
        let spec: OutputSpec = spec.parse().expect(spec);
        let spec = spec.relative_to(yard.folder.path());
        let written = output::write(items, &spec, &yard.store, false)?;
        let name = |path: &std::path::Path| {
            path.strip_prefix(yard.folder.path())
                .expect("below")
                .display()
                .to_string()
        };
        Ok(written.iter().map(|w| name(&w.path)).collect())
    };
    let one = &items[..1];
    assert_eq!(
        paths(one, "type=docker,dest=app.tar").expect("ok"),
        ["app-arm64.tar", "app-armv7.tar"]
    );
    assert_eq!(
        paths(one, "type=docker,dest={name}_{platform}.tar").expect("ok"),
        ["app_linux_arm64.tar", "app_linux_arm_v7.tar"]
    );
    assert_eq!(
        paths(&items, "type=oci,dest=x.tar").expect("ok"),
        ["x-app.tar", "x-worker.tar"]
    );
    assert_eq!(
        paths(&items, "type=docker,dest=y.tar").expect("ok"),
        [
            "y-app-arm64.tar",
            "y-app-armv7.tar",
            "y-worker-arm64.tar",
            "y-worker-armv7.tar"
        ]
    );
    assert_eq!(
        paths(&items, "type=oci-layout,dest=l").expect("ok"),
        ["l/app", "l/worker"]
    );
    assert_eq!(
        paths(one, "type=oci,dest=p-{arch}{variant}.tar").expect("ok"),
        ["p-arm64.tar", "p-armv7.tar"]
    );
    assert_eq!(paths(one, "type=local,dest=files").expect("ok"), ["files"]);
    assert_eq!(
        fs_err::read(yard.path("files/armv7/app")).expect("reads"),
        b"one"
    );
    assert!(matches!(
        paths(one, "type=docker,dest={name}-{arch}-x{variant}.tar").map(|p| p.len()),
        Ok(2)
    ));
    assert!(matches!(
        paths(one, "type=oci,dest={os}.tar"),
        Err(output::Error::Placeholder { .. })
    ));
    let twice = [items[0], items[0]];
    assert!(matches!(
        paths(&twice, "type=oci,dest=z.tar"),
        Err(output::Error::SamePlace { .. })
    ));
}
