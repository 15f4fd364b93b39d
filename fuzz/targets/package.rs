//! What the targets `deb` and `tarball` do with a package, and how the latter makes one.
#![allow(dead_code, reason = "each target uses a part")]

use std::path::Path;

use polyarch::debian::unpack::{self, Deb, Kind, Options};
use polyarch::debian::{Package, deb};
use polyarch::digest::Digest;
use polyarch::progress::Silent;

/// The most bytes that are unpacked: a fuzzer finds bombs at once.
const MAXIMUM: u64 = 1 << 20;

/// A package around a `data.tar`.
pub(crate) fn deb(data: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let control = b"Package: demo\nVersion: 1\nArchitecture: all\n";
    header[..7].copy_from_slice(b"control");
    header[100..107].copy_from_slice(b"0000644");
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    header[124..135].copy_from_slice(format!("{:011o}", control.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    header[154] = 0;
    let mut tar = header.to_vec();
    tar.extend_from_slice(control);
    tar.resize(2048, 0);
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in [
        ("debian-binary", &b"2.0\n"[..]),
        ("control.tar", &tar),
        ("data.tar", data),
    ] {
        let size = content.len();
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, "100644");
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        if size % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// Unpacks a package as a sysroot and as a root.
pub(crate) fn unpack(bytes: &[u8]) {
    let Ok(opened) = deb::open(bytes, MAXIMUM) else {
        return;
    };
    let control = opened.control;
    let package = Package {
        name: control.package,
        version: control.version,
        architecture: control.architecture.clone(),
        suite: "stable".to_owned(),
        path: "pool/x.deb".to_owned(),
        size: bytes.len() as u64,
        sha256: Digest::of(b""),
    };
    let outer = tempfile::tempdir().expect("a temporary folder");
    let path = outer.path().join("x.deb");
    std::fs::write(&path, bytes).expect("writes");
    let debs = [Deb {
        path: &path,
        package: &package,
    }];
    for kind in [Kind::Sysroot, Kind::Rootfs] {
        let into = outer.path().join(format!("{kind:?}"));
        std::fs::create_dir(&into).expect("makes");
        let options = Options {
            maximum: MAXIMUM,
            ..Options::new(kind, 1)
        };
        let result = unpack::unpack(&debs, &control.architecture, &into, options, &Silent);
        if kind == Kind::Sysroot && result.is_ok() {
            stays_inside(&into);
        }
    }
    let mut left: Vec<_> = std::fs::read_dir(outer.path())
        .expect("lists")
        .map(|entry| entry.expect("lists").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["Rootfs", "Sysroot", "x.deb"]);
}

fn stays_inside(root: &Path) {
    let root = root.canonicalize().expect("is there");
    let mut todo = vec![root.clone()];
    while let Some(folder) = todo.pop() {
        for entry in std::fs::read_dir(folder).expect("lists") {
            let path = entry.expect("lists").path();
            if let Ok(real) = path.canonicalize() {
                assert!(real.starts_with(&root), "{path:?} is {real:?}");
            }
            if path.is_dir() && !path.is_symlink() {
                todo.push(path);
            }
        }
    }
}
