//! Tests of the C library: bases as distributions make them, and as people change them.

use super::*;
use crate::base::sample::{Member, Yard, link, text};
use crate::elf::sample::Sample;
use crate::fault::{Exit, Fault};

/// A C library for a platform that defines these versions.
fn library(platform: &str, versions: &[&'static str]) -> Member {
    let platform: Platform = platform.parse().unwrap();
    let mut all = vec!["libc.so.6"];
    all.extend(versions);
    let sample = Sample {
        kind: 3,
        versions: all,
        ..Sample::usual(platform.architecture().elf)
    };
    Member::File(sample.bytes())
}

fn status(package: &str, version: &str, architecture: &str) -> Member {
    text(&format!(
        "Package: base-files\nStatus: install ok installed\nVersion: 12\nArchitecture: {architecture}\n\n\
         Package: {package}\nStatus: install ok installed\nVersion: {version}\n\
         Architecture: {architecture}\n"
    ))
}

impl Yard {
    fn libc(&self, platform: &str, layers: &[&[(&str, Member)]]) -> String {
        match self.base(platform, layers).libc(&self.store).unwrap() {
            None => "none".to_owned(),
            Some(libc) => libc.to_string(),
        }
    }
}

const STATUS: &str = "var/lib/dpkg/status";

#[test]
fn a_debian_base_has_the_version_that_dpkg_installed() {
    let yard = Yard::new();
    // Merged /usr: the library lies behind the link, under a name with its version.
    let debian: &[(&str, Member)] = &[
        ("lib", link("usr/lib")),
        ("usr/lib/aarch64-linux-gnu/libc-2.31.so", text("unread")),
        ("lib/aarch64-linux-gnu/libc.so.6", link("libc-2.31.so")),
        (STATUS, status("libc6", "2.31-13+deb11u11", "arm64")),
    ];
    assert_eq!(yard.libc("linux/arm64", &[debian]), "glibc 2.31");
    // A later layer upgraded it.
    let upgrade: &[(&str, Member)] = &[(STATUS, status("libc6", "2.36-9+deb12u10", "arm64"))];
    assert_eq!(yard.libc("linux/arm64", &[debian, upgrade]), "glibc 2.36");
}

#[test]
fn a_base_like_distroless_has_one_file_a_package() {
    let yard = Yard::new();
    let base: &[(&str, Member)] = &[
        ("usr/lib/x86_64-linux-gnu/libc.so.6", text("unread")),
        (
            "var/lib/dpkg/status.d/base",
            text("Package: base-files\nVersion: 12\nArchitecture: amd64\n"),
        ),
        (
            "var/lib/dpkg/status.d/libc6.md5sums",
            text("00 usr/lib/x86_64-linux-gnu/libc.so.6\n"),
        ),
        (
            "var/lib/dpkg/status.d/libc6",
            text("Package: libc6\nVersion: 2.41-12\nArchitecture: amd64\n"),
        ),
    ];
    assert_eq!(yard.libc("linux/amd64", &[base]), "glibc 2.41");
}

#[test]
fn without_dpkg_the_library_itself_is_asked_for_this_machine() {
    let yard = Yard::new();
    let versions = ["GLIBC_2.9", "GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_PRIVATE"];
    for platform in ["linux/amd64", "linux/s390x", "linux/arm/v7", "linux/386"] {
        let base: &[(&str, Member)] = &[
            ("lib64", link("/usr/lib64")),
            ("usr/lib64/libc.so.6", library(platform, &versions)),
            // Of another machine, and not where a dynamic linker looks.
            (
                "usr/lib/libc.so.6",
                library("linux/riscv64", &["GLIBC_2.27"]),
            ),
            ("opt/old/lib/libc.so.6", library(platform, &["GLIBC_2.17"])),
        ];
        assert_eq!(yard.libc(platform, &[base]), "glibc 2.34", "{platform}");
    }
}

#[test]
fn a_database_that_says_nothing_of_this_machine_is_passed_over() {
    let yard = Yard::new();
    let library = || library("linux/amd64", &["GLIBC_2.28"]);
    for (name, database) in [
        ("another architecture", status("libc6", "2.36-9", "i386")),
        ("another package", status("libc6-dev", "2.36-9", "amd64")),
        ("no version", status("libc6", "unreleased", "amd64")),
        ("malformed", text("nonsense")),
    ] {
        let base: &[(&str, Member)] = &[("lib64/libc.so.6", library()), (STATUS, database)];
        assert_eq!(yard.libc("linux/amd64", &[base]), "glibc 2.28", "{name}");
    }
}

#[test]
fn a_base_like_alpine_has_musl() {
    let yard = Yard::new();
    let linker: &[(&str, Member)] = &[
        ("lib/ld-musl-x86_64.so.1", text("unread")),
        ("lib/libc.musl-x86_64.so.1", link("ld-musl-x86_64.so.1")),
    ];
    assert_eq!(yard.libc("linux/amd64", &[linker]), "musl");
    // What has glibc's name there is musl, too.
    let named: &[(&str, Member)] = &[("lib/libc.so.6", library("linux/amd64", &[]))];
    assert_eq!(yard.libc("linux/amd64", &[linker, named]), "musl");
    let alpine: &[(&str, Member)] = &[("etc/alpine-release", text("3.22.1\n"))];
    assert_eq!(yard.libc("linux/amd64", &[alpine]), "musl");
    let merged: &[(&str, Member)] = &[
        ("lib", link("usr/lib")),
        ("usr/lib/ld-musl-aarch64.so.1", link("libc.so")),
        ("usr/lib/libc.so", text("unread")),
    ];
    assert_eq!(yard.libc("linux/arm64", &[merged]), "musl");
}

#[test]
fn what_a_later_layer_removed_is_not_there() {
    let yard = Yard::new();
    let debian: &[(&str, Member)] = &[
        ("lib", link("usr/lib")),
        ("usr/lib/x86_64-linux-gnu/libc.so.6", text("unread")),
        (STATUS, status("libc6", "2.36-9", "amd64")),
    ];
    assert_eq!(yard.libc("linux/amd64", &[debian]), "glibc 2.36");
    for removed in [
        "usr/lib/x86_64-linux-gnu/.wh.libc.so.6",
        "lib/x86_64-linux-gnu/.wh.libc.so.6",
        "usr/lib/x86_64-linux-gnu/.wh..wh..opq",
        "usr/.wh.lib",
    ] {
        let whiteout: &[(&str, Member)] = &[(removed, text(""))];
        let found = yard.libc("linux/amd64", &[debian, whiteout]);
        assert_eq!(found, "none", "{removed}");
    }
    let alpine: &[(&str, Member)] = &[("lib/ld-musl-x86_64.so.1", text(""))];
    let whiteout: &[(&str, Member)] = &[("lib/.wh.ld-musl-x86_64.so.1", text(""))];
    assert_eq!(yard.libc("linux/amd64", &[alpine, whiteout]), "none");
}

#[test]
fn a_base_without_either_has_none() {
    let yard = Yard::new();
    let files: &[(&str, Member)] = &[
        ("etc/passwd", text("root:x:0:0::/:\n")),
        // A link that leads nowhere is no library.
        ("lib/libc.so.6", link("libc-2.36.so")),
    ];
    assert_eq!(yard.libc("linux/amd64", &[files]), "none");
    assert_eq!(yard.libc("linux/amd64", &[]), "none");
}

#[test]
fn the_answer_is_kept_for_the_same_layers_and_platform() {
    let yard = Yard::new();
    let library: &[(&str, Member)] =
        &[("lib64/libc.so.6", library("linux/amd64", &["GLIBC_2.28"]))];
    let base = yard.base("linux/amd64", &[library]);
    let first = base.libc(&yard.store).unwrap();
    yard.remove_blobs(&base);
    // The layers are gone, the answer is not.
    let again = |platform: &str| {
        let mut other = yard.base(platform, &[]);
        other.layers.clone_from(&base.layers);
        other.diff_ids.clone_from(&base.diff_ids);
        other.libc(&yard.store)
    };
    assert_eq!(again("linux/amd64").unwrap(), first);
    // The facts of the layers are kept, too; another platform has an answer of its own.
    assert_eq!(again("linux/arm64").unwrap(), None);
}

#[test]
fn a_damaged_library_is_an_error_that_names_it() {
    let yard = Yard::new();
    let Member::File(mut bytes) = library("linux/amd64", &["GLIBC_2.28"]) else {
        return;
    };
    bytes.truncate(bytes.len() / 2);
    let base: &[(&str, Member)] = &[("lib64/libc.so.6", Member::File(bytes))];
    let error = yard
        .base("linux/amd64", &[base])
        .libc(&yard.store)
        .unwrap_err();
    assert_eq!(error.exit(), Exit::Base);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("`/lib64/libc.so.6`"), "{source}");
}

#[test]
fn versions_of_packages_are_cut_to_two_numbers() {
    for (version, expected) in [
        ("2.36-9+deb12u10", Some("2.36")),
        ("2.39-0ubuntu8.3", Some("2.39")),
        ("1:2.17-1", Some("2.17")),
        ("2.36.9000-1", Some("2.36")),
        ("2.41", Some("2.41")),
        ("unreleased", None),
        ("2-1", None),
        ("2.x", None),
    ] {
        let found = of_package(version).map(|version| version.to_string());
        assert_eq!(found.as_deref(), expected, "{version}");
    }
}
