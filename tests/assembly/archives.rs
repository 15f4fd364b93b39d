//! Archives: what is written can be a base again, and hostile members are refused.

use std::path::Path;

use polyarch::base::{Error, Wanted};
use polyarch::oci;
use serde_json::json;

use super::support::{Yard, plan, platform};

#[test]
fn an_oci_archive_is_a_base_with_the_same_digest() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let plan = plan(&["linux/amd64", "linux/arm64"], &[(&app, "/app")]);
    let image = yard.build("scratch", &plan);
    yard.write(&plan, &image, "type=oci,dest=a.tar")
        .expect("writes");
    let first = fs_err::read(yard.path("a.tar")).expect("reads");
    yard.write(&plan, &image, "type=oci,dest=a.tar")
        .expect("writes");
    assert!(first == fs_err::read(yard.path("a.tar")).expect("reads"));
    let other = Yard::new();
    let reference = format!("oci-archive:{}", yard.path("a.tar").display());
    let base = other.load(&reference, &Wanted::All).expect("base");
    assert_eq!(base.digest, Some(image.root.digest));
    assert!(
        base.platforms[1]
            .rootfs(&other.store)
            .expect("reads")
            .get("app")
            .is_some()
    );
}

#[test]
fn a_docker_archive_is_a_base_for_its_platform() {
    let yard = Yard::new();
    let app = yard.file("app", b"one");
    let mut plan = plan(&["linux/arm64"], &[(&app, "/app")]);
    plan.tags = vec!["me/app:1".to_owned()];
    let image = yard.build("scratch", &plan);
    yard.write(&plan, &image, "type=docker,dest=d.tar")
        .expect("writes");
    let other = Yard::new();
    let reference = format!("docker-archive:{}", yard.path("d.tar").display());
    let base = other.load(&reference, &Wanted::All).expect("base");
    assert_eq!(base.platforms[0].platform, platform("arm64"));
    assert_eq!(base.name.expect("named").to_string(), "docker.io/me/app:1");
    assert_eq!(
        base.platforms[0].layers[0].digest,
        image.manifests[0].layers[0].descriptor.digest
    );
}

#[test]
fn the_archives_of_old_dockers_with_links_between_layers_are_read() {
    let yard = Yard::new();
    let layer = {
        let mut builder = tar::Builder::new(Vec::new());
        append(&mut builder, "etc/x", b"x");
        builder.into_inner().expect("memory")
    };
    let diff_id = polyarch::digest::Digest::of(&layer).to_string();
    let config = json!({
        "os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [diff_id, diff_id]},
    });
    let mut builder = tar::Builder::new(Vec::new());
    append(&mut builder, "one/layer.tar", &layer);
    link(&mut builder, "two/layer.tar", "../one/layer.tar");
    append(&mut builder, "config.json", config.to_string().as_bytes());
    let manifest = json!([{
        "Config": "config.json", "RepoTags": null, "Layers": ["one/layer.tar", "two/layer.tar"],
    }]);
    append(
        &mut builder,
        "manifest.json",
        manifest.to_string().as_bytes(),
    );
    yard.file("old.tar", &builder.into_inner().expect("memory"));
    let base = yard
        .load("docker-archive:old.tar", &Wanted::All)
        .expect("base");
    assert_eq!(base.platforms[0].layers.len(), 2);
    assert!(
        base.platforms[0]
            .rootfs(&yard.store)
            .expect("reads")
            .get("etc/x")
            .is_some()
    );
}

#[test]
fn hostile_and_broken_archives_are_refused() {
    let yard = Yard::new();
    type Fill = fn(&mut tar::Builder<Vec<u8>>);
    let table: [(&str, Fill, &str); 6] = [
        (
            "dots",
            |b| raw(b, "../x", tar::EntryType::Regular, ""),
            "`..` part",
        ),
        (
            "absolute",
            |b| raw(b, "/etc/x", tar::EntryType::Regular, ""),
            "absolute name",
        ),
        (
            "link out",
            |b| raw(b, "a", tar::EntryType::Symlink, "../../etc"),
            "leads out of the archive",
        ),
        (
            "absolute link",
            |b| raw(b, "a", tar::EntryType::Symlink, "/etc"),
            "leads out of the archive",
        ),
        (
            "device",
            |b| raw(b, "a", tar::EntryType::Char, ""),
            "neither a file nor a folder",
        ),
        (
            "twice",
            |b| {
                append(b, "index.json", b"{}");
                append(b, "index.json", b"{}");
            },
            "is there twice",
        ),
    ];
    for (name, fill, expected) in table {
        let mut builder = tar::Builder::new(Vec::new());
        fill(&mut builder);
        yard.file("bad.tar", &builder.into_inner().expect("memory"));
        let error = yard
            .load("oci-archive:bad.tar", &Wanted::All)
            .expect_err(name);
        assert!(error.to_string().contains(expected), "{name}: {error}");
    }
    yard.file(
        "text.tar",
        b"this is not a tar archive, whatever its name may say",
    );
    yard.file("gz.tar", b"\x1f\x8b\x08 compressed");
    let load = |name: &str| yard.load(&format!("oci-archive:{name}"), &Wanted::All);
    assert!(matches!(
        load("text.tar"),
        Err(Error::Oci(oci::Error::Tar { .. }))
    ));
    assert!(matches!(
        load("gz.tar"),
        Err(Error::Oci(oci::Error::Compressed { .. }))
    ));
    cut_short(&yard);
}

/// An archive that breaks off anywhere is an error, never a smaller image.
fn cut_short(yard: &Yard) {
    let plan = plan(&["linux/amd64"], &[(&yard.file("app", b"one"), "/app")]);
    let image = yard.build("scratch", &plan);
    yard.write(&plan, &image, "type=oci,dest=a.tar")
        .expect("writes");
    let whole = fs_err::read(yard.path("a.tar")).expect("reads");
    // The last member and the end marker: padding and the two zero blocks may be missing.
    for length in (0..whole.len() - 2048).step_by(97) {
        yard.file("cut.tar", &whole[..length]);
        yard.load("oci-archive:cut.tar", &Wanted::All)
            .expect_err("cut short");
    }
}

#[test]
fn a_layer_with_members_that_lead_out_is_refused() {
    let yard = Yard::new();
    for (kind, path, target) in [
        (tar::EntryType::Regular, "a/../../x", ""),
        (tar::EntryType::Link, "a", "../../etc/passwd"),
    ] {
        let mut builder = tar::Builder::new(Vec::new());
        raw(&mut builder, path, kind, target);
        let bytes = builder.into_inner().expect("memory");
        let (coding, mut layer) = (oci::media::Coding::Plain, &bytes[..]);
        let error = oci::listing::Listing::read(&mut layer, coding, "layer x", &mut |_, _| Ok(()))
            .expect_err(path);
        assert!(matches!(error, oci::Error::Member { .. }), "{error}");
    }
    assert!(Path::new(&yard.path("store")).exists());
}

fn append(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder
        .append_data(&mut header, path, content)
        .expect("memory");
}

fn link(builder: &mut tar::Builder<Vec<u8>>, path: &str, target: &str) {
    raw(builder, path, tar::EntryType::Symlink, target);
}

/// A member whose names are not looked at by the tar crate.
fn raw(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: tar::EntryType, target: &str) {
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, &b""[..]).expect("memory");
}
