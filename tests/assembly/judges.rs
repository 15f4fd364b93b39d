//! What skopeo and umoci say to the images: programs of other people, which read them by their own
//! code. A missing one fails the test.

use std::path::Path;
use std::process::Command;

use polyarch::base::Wanted;
use polyarch::digest::Digest;
use polyarch::oci::layer::Compression;
use serde_json::Value;

use super::support::{Yard, plan};

const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm/v7", "linux/riscv64"];

/// Runs a judge in the folder and returns what it says.
fn run(yard: &Yard, command: &str) -> Vec<u8> {
    let mut words = command.split(' ');
    let program = words.next().expect("a program");
    let mut judge = Command::new(program);
    if program == "skopeo" {
        // For what is large, it goes to /var/tmp otherwise, which not every machine has.
        judge.arg("--tmpdir").arg(yard.folder.path());
    }
    let output = judge
        .args(words)
        .current_dir(yard.folder.path())
        .output()
        .unwrap_or_else(|error| {
            panic!("`{program}` is missing, start the tests with tests/run: {error}")
        });
    assert!(
        output.status.success(),
        "`{command}`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn image(yard: &Yard, compression: Compression, specs: &[&str]) -> Digest {
    yard.base("base", &PLATFORMS);
    let app = yard.file("app", b"#!/bin/sh\n");
    let mut plan = plan(&PLATFORMS, &[(&app, "/bin/app"), (&app, "/opt/ü/app")]);
    plan.compression = compression;
    plan.tags = vec!["example.com/me/app:1".to_owned()];
    for platform in &mut plan.platforms {
        platform.config.entrypoint = Some(vec!["/bin/app".to_owned()]);
    }
    let image = yard.build("oci:base", &plan);
    for spec in specs {
        yard.write(&plan, &image, spec).expect("writes");
    }
    image.root.digest
}

#[test]
fn skopeo_reads_the_layout_and_copies_every_platform() {
    let yard = Yard::new();
    let digest = image(&yard, Compression::GZIP, &["type=oci-layout,dest=image"]);
    let raw = run(&yard, "skopeo inspect --raw oci:image:1");
    assert_eq!(Digest::of(&raw), digest);
    run(
        &yard,
        "skopeo --insecure-policy copy -q --all oci:image:1 dir:copy",
    );
    let copied = fs_err::read(yard.path("copy/manifest.json")).expect("reads");
    assert_eq!(Digest::of(&copied), digest);
}

#[test]
fn umoci_unpacks_every_platform_and_the_links_of_the_base_survive() {
    for compression in [Compression::GZIP, Compression::Uncompressed] {
        let yard = Yard::new();
        image(&yard, compression, &["type=oci-layout,dest=image"]);
        for (number, options) in ["amd64", "arm --override-variant v7", "riscv64"]
            .iter()
            .enumerate()
        {
            run(
                &yard,
                &format!(
                    "skopeo --insecure-policy --override-arch {options} \
                     copy -q oci:image:1 oci:single:{number}"
                ),
            );
            run(
                &yard,
                &format!("umoci unpack --rootless --image single:{number} bundle{number}"),
            );
            let root = yard.path(&format!("bundle{number}/rootfs"));
            assert!(
                fs_err::symlink_metadata(root.join("bin"))
                    .expect("there")
                    .is_symlink()
            );
            for path in ["usr/bin/app", "opt/ü/app"] {
                assert_eq!(fs_err::read(root.join(path)).expect(path), b"#!/bin/sh\n");
            }
            assert!(Path::new(&root).join("usr/bin/sh").exists());
        }
    }
}

#[test]
fn skopeo_reads_the_archives() {
    let yard = Yard::new();
    let specs = ["type=oci,dest=o.tar", "type=docker,dest=d.tar"];
    let digest = image(&yard, Compression::GZIP, &specs);
    let raw = run(&yard, "skopeo inspect --raw oci-archive:o.tar:1");
    assert_eq!(Digest::of(&raw), digest);
    for (file, architecture) in [("amd64", "amd64"), ("armv7", "arm"), ("riscv64", "riscv64")] {
        let reference = format!("docker-archive:d-{file}.tar:example.com/me/app:1");
        let config = run(&yard, &format!("skopeo inspect --config {reference}"));
        let config: Value = serde_json::from_slice(&config).expect("json");
        assert_eq!(config["architecture"], architecture);
    }
}

#[test]
fn skopeo_reads_zstd_layers() {
    let yard = Yard::new();
    image(&yard, Compression::ZSTD, &["type=oci-layout,dest=image"]);
    run(
        &yard,
        "skopeo --insecure-policy copy -q --all oci:image:1 dir:copy",
    );
}

#[test]
fn archives_that_skopeo_wrote_are_bases() {
    let yard = Yard::new();
    image(&yard, Compression::GZIP, &["type=oci-layout,dest=image"]);
    let arm =
        "skopeo --insecure-policy --override-arch arm --override-variant v7 copy -q oci:image:1";
    run(&yard, &format!("{arm} docker-archive:theirs.tar:x/y:1"));
    run(&yard, &format!("{arm} oci-archive:theirs-oci.tar"));
    for reference in ["docker-archive:theirs.tar", "oci-archive:theirs-oci.tar"] {
        let base = yard.load(reference, &Wanted::All).expect(reference);
        assert_eq!(base.platforms[0].platform.to_string(), "linux/arm/v7");
        let rootfs = base.platforms[0].rootfs(&yard.store).expect("reads");
        assert!(rootfs.get("bin/app").is_some(), "{reference}");
    }
}
