//! Layers of bases as others make them: read as their media types say, or refused.

use std::io::Write;

use polyarch::base::Wanted;
use polyarch::digest::Digest;
use polyarch::fault::Fault;
use polyarch::oci;
use serde_json::json;
use tar::EntryType as Type;

use super::bases::{edit_manifest, put, put_bytes, read_blob};
use super::support::{Yard, platform};

const PLAIN: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const DOCKER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

/// Reads a base for linux/amd64 whose only layer this is; the number of files, or the error and
/// its exit code.
fn read(media_type: &str, tar: &[u8], bytes: &[u8]) -> Result<usize, (String, u8)> {
    let yard = Yard::new();
    yard.base("base", &["linux/amd64", "linux/arm64"]);
    let root = yard.path("base");
    let digest = Digest::of(bytes);
    put_bytes(&oci::layout::blob_path(&root, digest), bytes);
    edit_manifest(&root, |manifest| {
        let mut config = read_blob(&root, &manifest["config"]);
        config["rootfs"]["diff_ids"][0] = json!(Digest::of(tar).to_string());
        manifest["config"] = put(&root, &config, oci::media::CONFIG);
        manifest["layers"][0] = json!({
            "mediaType": media_type, "digest": digest.to_string(), "size": bytes.len(),
        });
    });
    let wanted = Wanted::These(vec![platform("amd64")]);
    let listed = yard.load("oci:base", &wanted).and_then(|base| {
        let rootfs = base.platforms[0].rootfs(&yard.store)?;
        Ok(rootfs.iter().count())
    });
    listed.map_err(|error| (error.to_string(), error.exit().code()))
}

fn tar(name: &str, kind: Type, link: &str) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o755);
    header.set_cksum();
    [header.as_bytes().as_slice(), &[0; 1024]].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

#[test]
fn every_compression_and_both_families_of_media_types_are_read() {
    let app = tar("app", Type::Regular, "");
    let members = [gzip(&app[..512]), gzip(&app[512..])].concat();
    for (media_type, bytes) in [
        (PLAIN, app.clone()),
        (GZIP, gzip(&app)),
        (GZIP, members),
        (ZSTD, zstd(&app)),
        (DOCKER, gzip(&app)),
    ] {
        assert_eq!(read(media_type, &app, &bytes), Ok(1), "{media_type}");
    }
    let (error, code) = read(FOREIGN, &app, &gzip(&app)).expect_err("lies elsewhere");
    assert!(error.contains("has media type"), "{error}");
    assert_eq!(code, 10);
}

#[test]
fn members_may_be_anything_an_engine_keeps_inside_the_root() {
    for (member, count) in [
        (tar("/app", Type::Regular, ""), 1),
        (tar("dev/null", Type::Char, ""), 2),
        (tar("app", Type::Symlink, "../../../tmp"), 1),
    ] {
        assert_eq!(read(PLAIN, &member, &member), Ok(count));
    }
}

#[test]
fn members_that_lead_out_are_refused() {
    for (member, expected) in [
        (tar("../../app", Type::Regular, ""), "has a `..` part"),
        (tar("usr/../../app", Type::Regular, ""), "has a `..` part"),
        (
            tar("a", Type::Link, "../etc/passwd"),
            "is a hard link to `../etc/passwd`",
        ),
    ] {
        let (error, code) = read(PLAIN, &member, &member).expect_err(expected);
        assert!(error.contains(expected), "{error}");
        assert_eq!(code, 6, "{error}");
    }
}

#[test]
fn what_is_not_compressed_as_it_says_is_damage_and_no_fault_of_this_machine() {
    let app = tar("app", Type::Regular, "");
    let (gzip, zstd) = (gzip(&app), zstd(&app));
    let mut checksum = gzip.clone();
    let at = checksum.len() - 8;
    checksum[at] ^= 1;
    for (name, media_type, bytes) in [
        ("plain", GZIP, &app[..]),
        ("zstd", GZIP, &zstd),
        ("gzip", ZSTD, &gzip),
        ("gzip", PLAIN, &gzip),
        ("a wrong checksum", GZIP, &checksum),
        ("the end missing", GZIP, &gzip[..gzip.len() - 9]),
        ("the end missing", ZSTD, &zstd[..zstd.len() - 5]),
        ("something behind it", GZIP, &[&gzip[..], b"more"].concat()),
        ("nothing", GZIP, b""),
    ] {
        let (error, code) = read(media_type, &app, bytes).expect_err(name);
        assert!(
            error.contains("layer sha256:"),
            "{media_type}, {name}: {error}"
        );
        assert_eq!(code, 6, "{media_type}, {name}: {error}");
    }
}
