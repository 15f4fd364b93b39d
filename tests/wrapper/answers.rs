//! What a wrapper says about itself, and wrappers of a store whose path has spaces.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Wrappers;
use crate::support::judge::agrees;
use crate::support::program::store;

#[test]
fn questions_are_answered_as_gcc_answers_them() {
    let wrappers = Wrappers::new("musl", &[]);
    let answer = |words: &str| wrappers.cc(words).stdout.trim_end().to_owned();
    assert_eq!(answer("-dumpmachine"), "aarch64-linux-musl");
    assert_eq!(answer("-print-multiarch"), "aarch64-linux-musl");
    assert_eq!(answer("-print-file-name=no-such-file"), "no-such-file");
    let libc = answer("-print-file-name=libc.a");
    assert!(Path::new(&libc).is_absolute(), "{libc}");
    assert!(Path::new(&libc).is_file(), "{libc}");
    let linker = answer("-print-prog-name=ld");
    assert_eq!(
        Path::new(&linker),
        wrappers.bin.join("aarch64-linux-musl-ld")
    );
    let version = answer("--version");
    assert!(version.starts_with("clang version "), "{version}");
    assert!(version.contains("\nTarget: aarch64-"), "{version}");
    let macros = answer("-dM -E -x c /dev/null");
    assert!(macros.contains("#define __aarch64__ 1"), "{macros}");
}

/// Links to the tests' store in a folder whose name needs quoting. What is made new lies in it.
fn spaced(folder: &Path) -> PathBuf {
    let (from, into) = (store().join("v1"), folder.join("it's a store"));
    let link = |name: &str, to: &Path| {
        fs_err::os::unix::fs::symlink(from.join(name), to).unwrap();
    };
    for name in ["trees", "bin", "targets", "locks", "tmp"] {
        fs_err::create_dir_all(into.join("v1").join(name)).unwrap();
    }
    for name in ["format", "blobs", "caches"] {
        link(name, &into.join("v1").join(name));
    }
    for entry in fs_err::read_dir(from.join("trees")).unwrap() {
        let name = entry.unwrap().file_name();
        let name = format!("trees/{}", name.to_str().unwrap());
        link(&name, &into.join("v1").join(&name));
    }
    let mut copy = Command::new("cp");
    agrees(
        copy.arg("-r")
            .arg(from.join("records"))
            .arg(into.join("v1")),
    );
    into
}

#[test]
fn a_store_whose_path_has_spaces_has_wrappers_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = spaced(folder.path());
    let source = ("main.c", "int main(void) { return 42; }\n");
    let wrappers = Wrappers::of("linux/arm64", "musl", &store, &[source]);
    let script = fs_err::read_to_string(wrappers.tool("cc").get_program()).unwrap();
    assert!(script.starts_with("#!/bin/sh\n"), "{script}");
    wrappers.cc("-O2 main.c -o program -Wl,-Map=x.map");
    assert_eq!(wrappers.code("program"), 42);
    assert_eq!(wrappers.cc("-dumpmachine").stdout, "aarch64-linux-musl\n");
}
