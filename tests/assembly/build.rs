//! What is built: config, manifests, layers, index.

use polyarch::base::Wanted;
use polyarch::digest::Digest;
use polyarch::fault::Fault;
use polyarch::image::{self, Origin};
use polyarch::oci::layer::Compression;
use polyarch::plan::ImagePlan;
use serde_json::json;

use super::support::{Yard, plan, platform, snapshot};

#[test]
fn a_layout_has_the_bytes_it_had_before() {
    let yard = Yard::new();
    let app = yard.file("app", b"#!/bin/sh\necho hello\n");
    let mut plan = plan(&["linux/amd64", "linux/arm/v7"], &[(&app, "/bin/app")]);
    plan.tags = vec!["example.com/app:1".to_owned()];
    for platform in &mut plan.platforms {
        platform.config.entrypoint = Some(vec!["/bin/app".to_owned()]);
        platform
            .config
            .labels
            .insert("a".to_owned(), "two\nlines".to_owned());
    }
    let image = yard.build("scratch", &plan);
    yard.write(&plan, &image, "type=oci-layout,dest=image")
        .expect("writes");
    let found = snapshot(&yard.path("image"));
    let found: Vec<String> = found
        .into_iter()
        .map(|(name, digest)| shorten(&name, digest))
        .collect();
    // When the compressor or a format changes on purpose, so does this list.
    assert_eq!(found, GOLDEN, "{found:#?}");
}

const GOLDEN: [&str; 8] = [
    "70c647122451",
    "7e8ba1a1e1df",
    "8752e31b131b",
    "8b093c1d1efc",
    "ca1fda037da1",
    "eab9f2c0c5d1",
    "index.json 552336301f80",
    "oci-layout 18f0797eab35",
];

/// Blobs are named by their digest, and every one is also hashed here.
fn shorten(name: &str, digest: Digest) -> String {
    let hex = &digest.hex()[..12];
    match name.strip_prefix("blobs/sha256/") {
        Some(name) if name == digest.hex() => hex.to_owned(),
        _ => format!("{name} {hex}"),
    }
}

#[test]
fn files_land_behind_the_links_of_the_base() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64"]);
    let app = yard.file("app", b"app");
    let plan = plan(
        &["linux/amd64"],
        &[(&app, "/bin/app"), (&app, "/opt/x/app")],
    );
    let image = yard.build("oci:base", &plan);
    let layers = &image.manifests[0].layers;
    assert_eq!(
        layers.iter().map(|l| l.origin).collect::<Vec<_>>(),
        [Origin::Base, Origin::Made]
    );
    let blob = yard
        .store
        .blob(&layers[1].descriptor.digest)
        .expect("stored");
    let file = fs_err::File::open(blob.path).expect("opens");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let names: Vec<String> = archive
        .entries()
        .expect("tar")
        .map(|entry| {
            entry
                .expect("entry")
                .path()
                .expect("path")
                .display()
                .to_string()
        })
        .collect();
    // Neither `usr` nor `usr/bin`: the base has them.
    assert_eq!(names, ["opt/", "opt/x/", "opt/x/app", "usr/bin/app"]);
}

#[test]
fn the_config_keeps_what_it_does_not_know_and_follows_dockers_rules() {
    let yard = Yard::new();
    yard.base("base", &["linux/arm64"]);
    // Healthcheck and a made-up field go into the base's config by hand.
    let base = yard.load("oci:base", &Wanted::All).expect("base");
    let mut base = base;
    base.platforms[0].config["config"]["Healthcheck"] = json!({"Test": ["CMD", "true"]});
    base.platforms[0].config["x-unknown"] = json!([1, {"b": null}]);
    base.platforms[0].spelling.variant = Some("v8".to_owned());
    let app = yard.file("app", b"app");
    let mut plan = plan(&["linux/arm64"], &[(&app, "/app")]);
    let config = &mut plan.platforms[0].config;
    config.entrypoint = Some(vec!["/app".to_owned()]);
    config.env = vec![("PATH".into(), "/x".into()), ("NEW".into(), "1".into())];
    config.ports = vec!["8080".into(), "53/udp".into()];
    config.volumes = vec!["/data".into()];
    config.user = Some("65532".into());
    config.workdir = Some("/work".into());
    config.created = 86_400;
    let image = image::build(&plan, &base, &yard.store, 1).expect("builds");
    let config = yard.json(image.manifests[0].config.digest);
    assert_eq!(config["x-unknown"], json!([1, {"b": null}]));
    assert_eq!(config["created"], "1970-01-02T00:00:00Z");
    assert_eq!(config["variant"], "v8");
    assert_eq!(
        config["config"],
        json!({
            "Healthcheck": {"Test": ["CMD", "true"]},
            "Entrypoint": ["/app"],
            "Env": ["PATH=/x", "NEW=1"],
            "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
            "Volumes": {"/data": {}},
            "User": "65532",
            "WorkingDir": "/work",
        })
    );
    // The base's layer, the working directory's, the program's.
    assert_eq!(
        config["rootfs"]["diff_ids"].as_array().expect("list").len(),
        3
    );
    assert_eq!(config["history"].as_array().expect("list").len(), 3);
    let manifest = yard.json(image.root.digest);
    let annotations = &manifest["annotations"];
    assert_eq!(
        annotations["org.opencontainers.image.base.name"],
        "registry.example/base:1"
    );
    let digest = base.platforms[0]
        .descriptor
        .as_ref()
        .expect("has one")
        .digest
        .to_string();
    assert_eq!(annotations["org.opencontainers.image.base.digest"], digest);
    assert_eq!(
        image
            .root
            .platform
            .as_ref()
            .and_then(|p| p.variant.as_deref()),
        Some("v8")
    );
}

#[test]
fn an_unchanged_layer_is_found_again_and_a_changed_one_is_made() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let mut plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    let origin = |plan: &_| yard.build("scratch", plan).manifests[0].layers[0].origin;
    assert_eq!(origin(&plan), Origin::Made);
    assert_eq!(origin(&plan), Origin::Reused);
    plan.epoch = 1;
    assert_eq!(origin(&plan), Origin::Made);
    plan.compression = Compression::ZSTD;
    assert_eq!(origin(&plan), Origin::Made);
    fs_err::write(&app, b"two").expect("writes");
    assert_eq!(origin(&plan), Origin::Made);
}

#[test]
fn one_platform_is_a_bare_manifest_unless_an_index_is_asked_for() {
    let yard = Yard::new();
    let app = yard.file("app", b"app");
    let mut plan = plan(&["linux/riscv64"], &[(&app, "/app")]);
    let bare = yard.build("scratch", &plan);
    assert!(bare.index.is_none());
    plan.always_index = true;
    let image = yard.build("scratch", &plan);
    let index = yard.json(image.root.digest);
    assert_eq!(
        index["manifests"][0]["digest"],
        bare.root.digest.to_string()
    );
    assert_eq!(index["manifests"][0]["platform"]["architecture"], "riscv64");
}

#[test]
fn a_weaker_variant_of_the_base_serves_a_stronger_one() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm/v6"]);
    let app = yard.file("app", b"app");
    let plan = plan(&["linux/amd64/v3", "linux/arm/v7"], &[(&app, "/app")]);
    let image = yard.build("oci:base", &plan);
    let variants: Vec<_> = image
        .manifests
        .iter()
        .map(|m| {
            m.descriptor
                .platform
                .as_ref()
                .and_then(|p| p.variant.clone())
        })
        .collect();
    assert_eq!(variants, [Some("v3".to_owned()), Some("v7".to_owned())]);
    assert_eq!(yard.json(image.manifests[1].config.digest)["variant"], "v7");
}

#[test]
fn folders_are_laid_out_with_plain_modes_and_their_links() {
    use std::os::unix::fs::PermissionsExt;
    let yard = Yard::new();
    let run = yard.file("site/run", b"#!");
    fs_err::set_permissions(&run, PermissionsExt::from_mode(0o700)).expect("chmod");
    yard.file("site/a/ä.txt", b"text");
    fs_err::os::unix::fs::symlink("../elsewhere", yard.path("site/a/link")).expect("links");
    let mut plan = plan(&["linux/amd64"], &[(&yard.path("site"), "/srv")]);
    let names = ["srv/", "srv/a/", "srv/a/link", "srv/a/ä.txt", "srv/run"];
    let laid = |modes: [u32; 5]| {
        let named = names.iter().map(|name| (*name).to_owned());
        named.zip(modes).collect::<Vec<_>>()
    };
    assert_eq!(
        modes(&yard, &plan),
        laid([0o755, 0o755, 0o777, 0o644, 0o755])
    );
    // A mode is for all of it; special bits are not for the folders below.
    plan.platforms[0].files[0].mode = Some(0o2640);
    assert_eq!(
        modes(&yard, &plan),
        laid([0o2750, 0o750, 0o777, 0o2640, 0o2640])
    );
}

/// What the image's one layer holds, with modes.
fn modes(yard: &Yard, plan: &ImagePlan) -> Vec<(String, u32)> {
    let image = yard.build("scratch", plan);
    let layer = image.manifests[0].layers[0].descriptor.digest;
    let blob = yard.store.blob(&layer).expect("stored");
    let file = fs_err::File::open(blob.path).expect("opens");
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let entries = archive.entries().expect("tar").map(|entry| {
        let entry = entry.expect("entry");
        let path = entry.path().expect("path").display().to_string();
        (path, entry.header().mode().expect("mode"))
    });
    entries.collect()
}

#[test]
fn what_cannot_be_laid_out_is_named() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64"]);
    let base = yard.load("oci:base", &Wanted::All).expect("base");
    let app = yard.file("app", b"app");
    fs_err::create_dir_all(yard.path("d")).expect("folder");
    fs_err::os::unix::fs::symlink("loop", yard.path("d/loop")).expect("links");
    let pipes = yard.path("pipes");
    fs_err::create_dir_all(&pipes).expect("folder");
    let _socket = std::os::unix::net::UnixListener::bind(pipes.join("socket")).expect("binds");
    let (missing, looped) = (yard.path("missing"), yard.path("d/loop"));
    for (source, destination, reason) in [
        (&app, "app", "not an absolute path"),
        (&app, "/usr/bin", "is a folder of the base"),
        (&app, "/usr/bin/sh/app", "is not a folder"),
        (&app, "/a/../b/.wh.x", "`.wh.`"),
        (&missing, "/x", "missing"),
        (&looped, "/x", "leads back to itself"),
        (&yard.path("d"), "/x", "leads back to itself"),
        (&pipes, "/x", "is a socket"),
    ] {
        let plan = plan(&["linux/amd64"], &[(source, destination)]);
        let error = image::build(&plan, &base, &yard.store, 1).expect_err(reason);
        assert!(error.to_string().contains(reason), "{error}");
        assert_ne!(error.exit().code(), 70);
    }
    let both = plan(
        &["linux/amd64"],
        &[(&app, "/x"), (&yard.file("b", b"b"), "/x")],
    );
    let error = image::build(&both, &base, &yard.store, 1).expect_err("twice");
    assert!(error.to_string().contains("given twice"), "{error}");
}

#[test]
fn a_base_loaded_for_other_platforms_is_a_defect_not_a_guess() {
    let yard = Yard::new();
    let base = yard
        .load("scratch", &Wanted::These(vec![platform("arm64")]))
        .expect("base");
    let app = yard.file("app", b"app");
    let plan = plan(&["linux/amd64"], &[(&app, "/app")]);
    let error = image::build(&plan, &base, &yard.store, 1).expect_err("not loaded");
    assert_eq!(error.exit().code(), 70);
}
