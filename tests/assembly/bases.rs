//! Bases on disk: sound ones, and each way in which they can be damaged.

use std::path::Path;

use polyarch::base::{Error, Wanted};
use polyarch::digest::Digest;
use polyarch::fault::Fault;
use polyarch::oci;
use polyarch::store::Store;
use polyarch::target::{Glibc, Libc};
use serde_json::{Value, json};

use super::support::{Yard, plan, platform};

#[test]
fn all_platforms_are_those_of_the_base() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64", "linux/s390x"]);
    let base = yard.load("oci:base", &Wanted::All).expect("base");
    let found: Vec<String> = base
        .platforms
        .iter()
        .map(|p| p.platform.to_string())
        .collect();
    assert_eq!(found, ["linux/amd64", "linux/arm64", "linux/s390x"]);
    assert_eq!(
        base.name.expect("named").to_string(),
        "registry.example/base:1"
    );
    let rootfs = base.platforms[0].rootfs(&yard.store).expect("reads");
    assert!(rootfs.is_folder("usr/bin"));
    assert_eq!(
        rootfs.resolve_parent("/bin/app").expect("resolves"),
        "usr/bin/app"
    );
}

#[test]
fn a_base_says_its_c_library_however_it_is_stored() {
    let yard = Yard::new();
    let tree = yard.path("debian.tree");
    for (name, content) in [
        ("usr/lib/aarch64-linux-gnu/libc.so.6", "not read"),
        (
            "var/lib/dpkg/status.d/libc6",
            "Package: libc6\nVersion: 2.36-9+deb12u10\nArchitecture: arm64\n",
        ),
    ] {
        yard.file(&format!("debian.tree/{name}"), content.as_bytes());
    }
    let mut debian = plan(&["linux/arm64"], &[(&tree, "/")]);
    debian.tags = vec!["registry.example/debian:1".to_owned()];
    let image = yard.build("scratch", &debian);
    for (output, reference) in [
        ("type=oci-layout,dest=debian", "oci:debian"),
        ("type=oci,dest=debian.tar", "oci-archive:debian.tar"),
        ("type=docker,dest=docker.tar", "docker-archive:docker.tar"),
    ] {
        yard.write(&debian, &image, output).expect(output);
        let base = yard.load(reference, &Wanted::All).expect(reference);
        let libc = base.platforms[0].libc(&yard.store).expect("reads");
        assert_eq!(libc, Some(Libc::Gnu(Glibc::new(2, 36))), "{reference}");
    }
    // One that is made here is known without its layers.
    let wanted = Wanted::These(vec![platform("arm64")]);
    let scratch = yard.load("scratch", &wanted).expect("made here");
    assert_eq!(scratch.platforms[0].libc(&yard.store).expect("known"), None);
}

#[test]
fn a_platform_the_base_lacks_is_an_error_naming_those_it_has() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64"]);
    let wanted = Wanted::These(vec![platform("arm64"), platform("riscv64")]);
    let error = yard.load("oci:base", &wanted).expect_err("lacks");
    let text = error.to_string();
    assert!(text.contains("lacks platform linux/riscv64"), "{text}");
    assert!(text.contains("`linux/amd64`, `linux/arm64`"), "{text}");
    assert_eq!(error.hint().as_deref(), Some("`--platform linux/arm64`"));
    assert_eq!(error.exit().code(), 10);
}

#[test]
fn only_what_is_asked_for_is_brought_into_the_store() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64"]);
    let other = Yard::new();
    let base = format!("oci:{}", yard.path("base").display());
    let wanted = Wanted::These(vec![platform("amd64")]);
    let loaded = other.load(&base, &wanted).expect("base");
    assert_eq!(loaded.platforms.len(), 1);
    let count = fs_err::read_dir(other.path("store/v1/blobs/sha256"))
        .expect("lists")
        .count();
    assert_eq!(count, 1);
    // The layer is not needed in the layout any more.
    let layer = loaded.platforms[0].layers[0].digest;
    fs_err::remove_file(yard.path("base/blobs/sha256").join(layer.hex())).expect("removes");
    other.load(&base, &wanted).expect("base again");
}

#[test]
fn entries_are_chosen_by_tag_and_digest() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64"]);
    let plan = {
        let mut plan = plan(&["linux/amd64"], &[(&yard.file("app", b"app"), "/app")]);
        plan.tags = vec!["x/app:two".to_owned()];
        plan
    };
    let image = yard.build("scratch", &plan);
    yard.write(&plan, &image, "type=oci-layout,dest=base")
        .expect("adds");
    let all = |reference: &str| yard.load(reference, &Wanted::All);
    assert!(matches!(all("oci:base"), Err(Error::Ambiguous { .. })));
    assert!(matches!(all("oci:base:three"), Err(Error::NoEntry { .. })));
    assert_eq!(all("oci:base:1").expect("tag").platforms.len(), 2);
    assert_eq!(all("oci:base:two").expect("tag").platforms.len(), 1);
    let digest = image.root.digest;
    assert_eq!(
        all(&format!("oci:base@{digest}")).expect("digest").digest,
        Some(digest)
    );
    let absent = Digest::of(b"absent");
    assert!(matches!(
        all(&format!("oci:base@{absent}")),
        Err(Error::NoEntry { .. })
    ));
    // A manifest inside an index can be named by its digest, too.
    let arm = all("oci:base:1").expect("tag").platforms[1]
        .descriptor
        .clone()
        .expect("has one");
    let found = all(&format!("oci:base@{}", arm.digest)).expect("nested");
    assert_eq!(found.platforms[0].platform, platform("arm64"));
}

#[test]
fn attestations_are_dropped_and_platforms_of_tomorrow_are_listed() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64"]);
    edit_root(&yard.path("base"), |index| {
        let mut attestation = index["manifests"][0].clone();
        attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        let mut tomorrow = index["manifests"][0].clone();
        tomorrow["platform"] = json!({"os": "linux", "architecture": "quantum"});
        let twice = index["manifests"][1].clone();
        let list = index["manifests"].as_array_mut().expect("list");
        list.extend([attestation, tomorrow, twice]);
    });
    let base = yard.load("oci:base", &Wanted::All).expect("base");
    assert_eq!(base.platforms.len(), 2);
    assert_eq!(base.ignored, ["linux/quantum"]);
}

#[test]
fn a_nested_index_and_a_single_manifest_are_read() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64"]);
    let root = yard.path("base");
    let mut index = read(&root.join("index.json"));
    let entry = index["manifests"][0].clone();
    let outer = json!({"schemaVersion": 2, "mediaType": oci::media::INDEX, "manifests": [entry]});
    index["manifests"][0] = put(&root, &outer, oci::media::INDEX);
    write(&root.join("index.json"), &index);
    assert_eq!(
        yard.load("oci:base", &Wanted::All)
            .expect("nested")
            .platforms
            .len(),
        2
    );

    // A manifest without a platform in its descriptor: the config says it.
    let inner = read_blob(&root, &entry);
    let mut single = inner["manifests"][1].clone();
    single.as_object_mut().expect("object").remove("platform");
    index["manifests"][0] = single;
    write(&root.join("index.json"), &index);
    let base = yard.load("oci:base", &Wanted::All).expect("single");
    assert_eq!(base.platforms[0].platform, platform("arm64"));
}

/// Damages a layout.
type Damage = fn(&Path);

#[test]
fn every_damage_is_an_error_that_says_what_is_wrong() {
    let table: [(&str, Damage, &str, u8); 15] = [
        (
            "no marker",
            |root| remove(&root.join("oci-layout")),
            "`oci-layout` is missing",
            10,
        ),
        (
            "no index",
            |root| remove(&root.join("index.json")),
            "`index.json` is missing",
            10,
        ),
        (
            "malformed marker",
            |root| put_text(&root.join("oci-layout"), "{"),
            "is malformed",
            10,
        ),
        (
            "version of tomorrow",
            |root| {
                put_text(
                    &root.join("oci-layout"),
                    "{\"imageLayoutVersion\":\"2.0.0\"}",
                )
            },
            "has layout version `2.0.0`: expected `1.x`",
            10,
        ),
        (
            "malformed index",
            |root| put_text(&root.join("index.json"), "[]"),
            "is malformed",
            10,
        ),
        (
            "malformed digest",
            |root| {
                edit(&root.join("index.json"), |v| {
                    v["manifests"][0]["digest"] = json!("sha256:x")
                })
            },
            "is malformed",
            10,
        ),
        (
            "lie about the size of the index",
            |root| {
                edit(&root.join("index.json"), |v| {
                    v["manifests"][0]["size"] = json!(7)
                })
            },
            "is damaged",
            6,
        ),
        (
            "manifest missing",
            |root| remove(&blob(root, &first_manifest(root))),
            "is missing",
            6,
        ),
        (
            "manifest with other bytes",
            |root| flip(&blob(root, &first_manifest(root))),
            "is damaged",
            6,
        ),
        (
            "config with other bytes",
            |root| {
                flip(&blob(
                    root,
                    &read_blob(root, &first_manifest(root))["config"],
                ))
            },
            "is damaged",
            6,
        ),
        (
            "layer missing",
            |root| remove(&blob(root, &first_layer(root))),
            "is missing",
            6,
        ),
        (
            "layer with other bytes",
            |root| flip(&blob(root, &first_layer(root))),
            "can't use layer",
            6,
        ),
        (
            "layer cut short",
            |root| {
                let path = blob(root, &first_layer(root));
                let bytes = fs_err::read(&path).expect("reads");
                put_bytes(&path, &bytes[..bytes.len() - 1]);
            },
            "is damaged",
            6,
        ),
        (
            "layer of an unknown kind",
            |root| {
                edit_manifest(root, |v| {
                    v["layers"][0]["mediaType"] = json!("application/x")
                })
            },
            "has media type `application/x`",
            10,
        ),
        (
            "more layers than diff IDs",
            |root| {
                edit_manifest(root, |v| {
                    let layer = v["layers"][0].clone();
                    v["layers"].as_array_mut().expect("list").push(layer);
                });
            },
            "manifest has 2 layers, config has 1 diff IDs",
            10,
        ),
    ];
    for (name, damage, expected, code) in table {
        let yard = Yard::new();
        yard.base("base", &["linux/amd64", "linux/arm64"]);
        damage(&yard.path("base"));
        let fresh = Store::open(&yard.path("fresh")).expect("store");
        let yard = Yard {
            store: fresh,
            ..yard
        };
        let wanted = Wanted::These(vec![platform("amd64")]);
        let error = yard.load("oci:base", &wanted).expect_err(name);
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert_eq!(error.exit().code(), code, "{name}: {error}");
    }
}

#[test]
fn a_layer_that_is_not_what_the_config_says_is_noticed_when_it_is_read() {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64"]);
    let mut base = yard.load("oci:base", &Wanted::All).expect("base");
    base.platforms[0].diff_ids[0] = polyarch::digest::DiffId::new(Digest::of(b"other"));
    let error = base.platforms[0].rootfs(&yard.store).expect_err("differs");
    assert!(error.to_string().contains("diff ID mismatch"), "{error}");
}

#[test]
fn the_static_base_holds_what_a_static_program_expects() {
    let yard = Yard::new();
    yard.file("data/certifi/certifi/cacert.pem", b"certificates");
    yard.file("data/certifi/certifi/core.py", b"python");
    yard.file("data/certifi/certifi-1.dist-info/LICENSE", b"licence");
    yard.file("data/tzdata/tzdata/zoneinfo/Europe/Berlin", b"TZif2");
    yard.file("data/tzdata/tzdata/zoneinfo/Europe/__init__.py", b"");
    yard.file("data/tzdata/tzdata/zoneinfo/zone.tab", b"table");
    let wanted = Wanted::These(vec![platform("arm64"), platform("amd64")]);
    let base = yard.load("static", &wanted).expect("base");
    assert_eq!(base.platforms[0].layers, base.platforms[1].layers);
    let rootfs = base.platforms[0].rootfs(&yard.store).expect("reads");
    let mode = |path: &str| rootfs.get(path).map(|node| (node.mode, node.uid));
    assert_eq!(mode("tmp"), Some((0o1777, 0)));
    assert_eq!(mode("home/nonroot"), Some((0o700, 65532)));
    assert_eq!(mode("etc/passwd"), Some((0o644, 0)));
    assert_eq!(mode("usr/share/zoneinfo/Europe/Berlin"), Some((0o644, 0)));
    assert_eq!(mode("usr/share/zoneinfo/zone.tab"), None);
    assert_eq!(mode("usr/share/zoneinfo/Europe/__init__.py"), None);
    assert_eq!(mode("usr/share/licenses/certifi/LICENSE"), Some((0o644, 0)));
    let (path, _) = rootfs.follow("etc/ssl/cert.pem").expect("follows");
    assert_eq!(path, "etc/ssl/certs/ca-certificates.crt");
    assert!(matches!(
        yard.load("static", &Wanted::All),
        Err(Error::NoPlatforms(_))
    ));
}

#[test]
fn a_registry_base_says_the_way_round() {
    let error = Yard::new()
        .load("ghcr.io/me/base:1", &Wanted::All)
        .expect_err("not yet");
    let hint = error.hint().expect("hint");
    assert!(
        hint.contains("skopeo copy --all docker://ghcr.io/me/base:1 oci:base"),
        "{hint}"
    );
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).expect("reads")).expect("json")
}

fn write(path: &Path, value: &Value) {
    put_bytes(path, &serde_json::to_vec(value).expect("prints"));
}

fn edit(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = read(path);
    change(&mut value);
    write(path, &value);
}

fn put_text(path: &Path, text: &str) {
    put_bytes(path, text.as_bytes());
}

pub(super) fn put_bytes(path: &Path, bytes: &[u8]) {
    fs_err::write(path, bytes).expect("writes");
}

fn remove(path: &Path) {
    fs_err::remove_file(path).expect("removes");
}

fn flip(path: &Path) {
    let mut bytes = fs_err::read(path).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    put_bytes(path, &bytes);
}

fn blob(root: &Path, descriptor: &Value) -> std::path::PathBuf {
    let digest: Digest = descriptor["digest"]
        .as_str()
        .expect("text")
        .parse()
        .expect("digest");
    oci::layout::blob_path(root, digest)
}

pub(super) fn read_blob(root: &Path, descriptor: &Value) -> Value {
    read(&blob(root, descriptor))
}

fn first_manifest(root: &Path) -> Value {
    let entry = read(&root.join("index.json"))["manifests"][0].clone();
    read_blob(root, &entry)["manifests"][0].clone()
}

fn first_layer(root: &Path) -> Value {
    read_blob(root, &first_manifest(root))["layers"][0].clone()
}

/// Stores a document in a layout and describes it.
pub(super) fn put(root: &Path, value: &Value, media_type: &str) -> Value {
    let document = oci::Document::new(media_type, value).expect("prints");
    put_bytes(
        &oci::layout::blob_path(root, document.digest),
        &document.bytes,
    );
    serde_json::to_value(document.descriptor()).expect("prints")
}

/// Changes the index that `index.json` points to, with all digests made right again.
fn edit_root(root: &Path, change: impl FnOnce(&mut Value)) {
    let mut top = read(&root.join("index.json"));
    let mut index = read_blob(root, &top["manifests"][0]);
    change(&mut index);
    top["manifests"][0] = put(root, &index, oci::media::INDEX);
    write(&root.join("index.json"), &top);
}

/// Changes the first manifest, with all digests made right again.
pub(super) fn edit_manifest(root: &Path, change: impl FnOnce(&mut Value)) {
    edit_root(root, |index| {
        let mut manifest = read_blob(root, &index["manifests"][0]);
        change(&mut manifest);
        let platform = index["manifests"][0]["platform"].clone();
        index["manifests"][0] = put(root, &manifest, oci::media::MANIFEST);
        index["manifests"][0]["platform"] = platform;
    });
}
