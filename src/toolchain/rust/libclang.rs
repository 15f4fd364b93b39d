//! Whether this machine has clang's library, which the crate `bindgen` loads in build scripts.
//!
//! Comes in: the environment and the folders of libraries. Goes out: yes or no. The places are those
//! that the crate `clang-sys` looks at on Linux.

use std::path::{Path, PathBuf};

use crate::process;

/// Where systems keep libraries.
const PLACES: [&str; 6] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/lib",
    "/lib64",
];

/// Whether a build script will find it.
pub fn is_there() -> bool {
    // What a user of these crates sets says where it is.
    if std::env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let searched = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    std::env::split_paths(&searched).any(|folder| holds(&folder))
        || PLACES.iter().any(|place| is_below(Path::new(place)))
        || of_llvm().iter().any(|folder| holds(folder))
}

/// The folders of the LLVM that says where it is. Many systems have one without clang.
fn of_llvm() -> Vec<PathBuf> {
    let told = std::env::var_os("LLVM_CONFIG_PATH").map(PathBuf::from);
    let prefix = told
        .or_else(|| process::find("llvm-config"))
        .and_then(|program| process::query(&program, &["--prefix"], Path::new("/")))
        .map(PathBuf::from);
    let below = |prefix: PathBuf| ["bin", "lib", "lib64"].map(|folder| prefix.join(folder));
    prefix.map(below).into_iter().flatten().collect()
}

/// Whether it is in a folder of libraries, or in one inside: those of an architecture
/// (`x86_64-linux-gnu`) and of a version of LLVM (`llvm-18/lib`).
fn is_below(place: &Path) -> bool {
    holds(place)
        || entries(place)
            .iter()
            .any(|folder| holds(folder) || holds(&folder.join("lib")))
}

fn holds(folder: &Path) -> bool {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix("libclang");
        // The one with `-cpp` has nothing of the interface in C.
        rest.is_some_and(|rest| {
            (rest.starts_with(".so") || rest.starts_with('-'))
                && rest.contains(".so")
                && !rest.starts_with("-cpp.")
        })
    };
    entries(folder)
        .iter()
        .any(|path| is_library(path) && path.is_file())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_in_the_folders_of_an_architecture_and_of_a_version() {
        let found = |name: &str| {
            let folder = tempfile::tempdir().expect("tempdir");
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("created");
            fs_err::write(path, "").expect("written");
            is_below(folder.path())
        };
        for name in [
            "libclang.so",
            "x86_64-linux-gnu/libclang-18.so.18",
            "llvm-14/lib/libclang.so.1",
        ] {
            assert!(found(name), "{name}");
        }
        for name in [
            "libclang-cpp.a",
            "libclang-cpp.so.14",
            "llvm-14/lib/libclang-cpp.so.14",
            "libclang_rt.so",
            "a/b/libclang.so",
        ] {
            assert!(!found(name), "{name}");
        }
    }
}
