//! C and C++ sources without a build system: which there are.
//!
//! Comes in: a folder. Goes out: the sources in it and below its `src`, and the folders whose
//! headers they may mean. Which of them make a program is known when they are compiled.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::interrupt;

/// What gcc and clang take for C++.
const CPP: [&str; 6] = ["cc", "cpp", "cxx", "c++", "C", "CPP"];

/// What they take for C, and for assembler with the C preprocessor and without.
const C: [&str; 3] = ["c", "S", "s"];

/// Files that say that something else builds the project.
const OTHERS: [&str; 14] = [
    "configure",
    "configure.ac",
    "configure.in",
    "meson.build",
    "Cargo.toml",
    "BUILD",
    "BUILD.bazel",
    "SConstruct",
    "wscript",
    "build.zig",
    "xmake.lua",
    "premake5.lua",
    "package.json",
    "pyproject.toml",
];

/// C and C++ sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The files, relative to the project's folder, sorted.
    pub files: Vec<PathBuf>,
    /// The folders to search for headers, relative to it.
    pub includes: Vec<PathBuf>,
}

/// The language of a file, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C, or assembler, which the C compiler takes.
    C,
    /// C++.
    Cpp,
}

/// The language of a source; `None` for any other file.
pub fn language(file: &Path) -> Option<Language> {
    let extension = file.extension()?.to_str()?;
    if CPP.contains(&extension) {
        Some(Language::Cpp)
    } else if C.contains(&extension) {
        Some(Language::C)
    } else {
        None
    }
}

/// The file of a build system that is not driven from here; `None` where there is none.
pub fn other_build_system(root: &Path) -> Option<&'static str> {
    OTHERS.into_iter().find(|name| root.join(name).is_file())
}

/// Whether there is a source at all.
pub fn has_sources(root: &Path) -> bool {
    first_source(root).is_some()
}

/// The first source of a folder or of its `src`, as a reason to believe in the kind. Assembler
/// alone is none.
pub fn first_source(root: &Path) -> Option<String> {
    ["", "src"].into_iter().find_map(|folder| {
        let entries = fs_err::read_dir(root.join(folder)).ok()?;
        let sources = entries
            .flatten()
            .map(|entry| Path::new(folder).join(entry.file_name()))
            .filter(|path| !is_hidden(path) && language(path).is_some())
            .filter(|path| {
                path.extension()
                    .is_none_or(|extension| !extension.eq_ignore_ascii_case("s"))
            });
        let first = sources.min()?;
        Some(first.display().to_string())
    })
}

/// Lists the sources: those in the folder itself, and those anywhere below `src`.
pub fn read(root: &Path) -> io::Result<Sources> {
    let mut files = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        interrupt::check()?;
        for entry in fs_err::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if is_hidden(&path) {
                continue;
            }
            // A link to a folder may lead anywhere, itself included.
            let is_folder = entry.file_type()?.is_dir();
            let below = path.starts_with("src");
            if is_folder && below {
                open.push(path);
            } else if language(&path).is_some() && root.join(&path).is_file() {
                files.insert(path);
            }
        }
    }
    let headers = ["", "src", "include"].into_iter().map(PathBuf::from);
    Ok(Sources {
        files: files.into_iter().collect(),
        includes: headers
            .filter(|folder| root.join(folder).is_dir())
            .collect(),
    })
}

fn is_hidden(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_bytes().starts_with(b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("tempdir");
        for file in files {
            let path = folder.path().join(file);
            fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
            fs_err::write(path, "").expect("written");
        }
        folder
    }

    #[test]
    fn languages_go_by_the_extension_as_compilers_have_it() {
        let of = |name: &str| language(Path::new(name));
        for name in ["a.c", "a.s", "a.S"] {
            assert_eq!(of(name), Some(Language::C), "{name}");
        }
        for name in ["a.cc", "a.cpp", "a.cxx", "a.C"] {
            assert_eq!(of(name), Some(Language::Cpp), "{name}");
        }
        for name in ["a.h", "a", ".c", "a.c.orig", "a.rs"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[test]
    fn sources_are_in_the_folder_and_below_src_and_nowhere_else() {
        let folder = folder(&[
            "main.c",
            "util.h",
            ".hidden.c",
            "src/a.cc",
            "src/deep/b.S",
            "tests/t.c",
            "include/x.h",
            "with space.c",
        ]);
        let found = read(folder.path()).expect("read");
        let names: Vec<_> = found
            .files
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(
            names,
            ["main.c", "src/a.cc", "src/deep/b.S", "with space.c"]
        );
        assert_eq!(found.includes, ["", "src", "include"].map(PathBuf::from));
        assert_eq!(first_source(folder.path()).as_deref(), Some("main.c"));
    }

    #[test]
    fn a_file_of_another_build_system_is_named() {
        let folder = folder(&["main.c", "meson.build"]);
        assert_eq!(other_build_system(folder.path()), Some("meson.build"));
        assert!(has_sources(folder.path()));
    }
}
