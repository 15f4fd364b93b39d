//! Programs from packages, made to run where they lie: each asks for the dynamic linker and the
//! libraries of its own tree, so the host needs none of them.
//!
//! Comes in: a directory unpacked from packages, and the path it will have in the store. Every ELF
//! file that needs libraries gets a search path relative to itself (`DT_RUNPATH` with `$ORIGIN`,
//! System V ABI, "Shared Object Dependencies"); every program gets the absolute path of the tree's
//! dynamic linker (`PT_INTERP`), which is why the tree is made for one place. The linker itself and
//! the C library stay as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::elf::Facts;
use crate::fault::{Exit, Fault};
use crate::process::{self, CommandSpec, Runner};
use crate::target::Platform;
use crate::{elf, interrupt, parallel};

/// Goes into the name of every relocated tree: a change of these rules makes new trees.
pub(super) const VERSION: &str = "1";

/// What is changed in one file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// Relative to the tree.
    file: String,
    interpreter: Option<PathBuf>,
    search: Vec<String>,
}

/// Why programs can't be made to run.
#[derive(Debug, Error)]
pub enum Error {
    /// The tree can't be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A library or the dynamic linker is in none of the packages.
    #[error("`{file}` needs `{needed}`, which none of its packages has")]
    Missing {
        /// The file, relative to the tree.
        file: String,
        /// The soname, or the path of the dynamic linker.
        needed: String,
    },
    /// The file could not be changed.
    #[error("can't change the search path of `{file}`: {reason}")]
    Patch {
        /// The file.
        file: String,
        /// What the program said.
        reason: String,
    },
    /// The program that changes files can't be run.
    #[error(transparent)]
    Process(#[from] process::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io(_) => Exit::Io,
            Self::Missing { .. } | Self::Patch { .. } => Exit::Toolchain,
            Self::Process(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { needed, .. } => Some(format!(
                "add the package that has `{needed}` to the definition's `packages`"
            )),
            Self::Io(_) | Self::Patch { .. } | Self::Process(_) => None,
        }
    }
}

/// One ELF file of the host's machine.
struct Found {
    file: String,
    facts: Facts,
}

/// The folders that have a file of a library's name.
type Libraries = BTreeMap<String, Vec<String>>;

/// What has to be changed in the directory `root`, so that it works as `place`.
pub(super) fn plan(root: &Path, place: &Path, host: Platform) -> Result<Vec<Patch>, Error> {
    let (found, libraries) = survey(root, host)?;
    let linkers: BTreeSet<&str> = found
        .iter()
        .filter_map(|found| found.facts.interpreter.as_deref())
        .filter_map(|path| path.rsplit('/').next())
        .collect();
    let mut patches = Vec::new();
    for Found { file, facts } in &found {
        // The C library: whoever needs it has loaded the linker before.
        if facts
            .needed
            .iter()
            .all(|name| linkers.contains(name.as_str()))
        {
            continue;
        }
        let interpreter = match &facts.interpreter {
            None => None,
            Some(path) => Some(linker(root, place, file, path)?),
        };
        let mut search = Vec::new();
        for name in &facts.needed {
            match libraries.get(name) {
                Some(folders) => {
                    let folder = nearest(folders, file);
                    let relative = format!("$ORIGIN/{}", climb(parent(file), folder));
                    let relative = relative.trim_end_matches('/').to_owned();
                    if !search.contains(&relative) {
                        search.push(relative);
                    }
                }
                None if interpreter.is_some() => {
                    return Err(Error::Missing {
                        file: file.clone(),
                        needed: name.clone(),
                    });
                }
                // A plug-in for something that is not there.
                None => {}
            }
        }
        if interpreter.is_some() || !search.is_empty() {
            patches.push(Patch {
                file: file.clone(),
                interpreter,
                search,
            });
        }
    }
    Ok(patches)
}

/// Makes the changes with `patchelf`.
pub(super) fn apply(
    root: &Path,
    patches: &[Patch],
    patchelf: &Path,
    threads: usize,
) -> Result<(), Error> {
    parallel::map(patches, threads, |patch| change(root, patch, patchelf)).map(|_| ())
}

fn change(root: &Path, patch: &Patch, patchelf: &Path) -> Result<(), Error> {
    let mut spec = CommandSpec::new(patchelf, root);
    if let Some(interpreter) = &patch.interpreter {
        spec = spec.arg("--set-interpreter").arg(interpreter.as_os_str());
    }
    if !patch.search.is_empty() {
        spec = spec.arg("--set-rpath").arg(patch.search.join(":"));
    }
    let output = Runner.output(&spec.arg(&patch.file))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Patch {
        file: patch.file.clone(),
        reason: format!(
            "{} ({})",
            String::from_utf8_lossy(&output.stderr).trim(),
            process::describe(output.status)
        ),
    })
}

/// ELF files of the host's machine, each once however many names it has, and for every file name
/// that may be a library's the folders where it is.
fn survey(root: &Path, host: Platform) -> Result<(Vec<Found>, Libraries), Error> {
    let mut found = Vec::new();
    let mut libraries = Libraries::new();
    let mut seen = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        let mut entries = fs_err::read_dir(root.join(&folder))?.collect::<Result<Vec<_>, _>>()?;
        // Of several names of one file it has to be the same each time.
        entries.sort_by_key(fs_err::DirEntry::file_name);
        for entry in entries {
            interrupt::check()?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let file = match folder.as_str() {
                "" => name.clone(),
                folder => format!("{folder}/{name}"),
            };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(file);
                continue;
            }
            if name.contains(".so") {
                let places = libraries.entry(name).or_default();
                places.push(folder.clone());
            }
            let metadata = entry.metadata()?;
            if kind.is_file() && seen.insert(metadata.ino()) {
                match Facts::read(&entry.path()) {
                    Ok(facts) if facts.header == host.architecture().elf => {
                        found.push(Found { file, facts });
                    }
                    // Another machine's, or damaged on purpose as test data is.
                    Ok(_)
                    | Err(elf::facts::Error::NotElf { .. } | elf::facts::Error::Malformed { .. }) =>
                        {}
                    Err(elf::facts::Error::Io { source, .. }) => return Err(source.into()),
                }
            }
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    for places in libraries.values_mut() {
        places.sort();
    }
    Ok((found, libraries))
}

/// Where the dynamic linker will be.
fn linker(root: &Path, place: &Path, file: &str, path: &str) -> Result<PathBuf, Error> {
    let relative = path.trim_start_matches('/');
    if !root.join(relative).exists() {
        return Err(Error::Missing {
            file: file.to_owned(),
            needed: path.to_owned(),
        });
    }
    Ok(place.join(relative))
}

/// Its own folder, else the shortest name: `usr/lib/x` before `usr/lib/x/private`.
fn nearest<'a>(folders: &'a [String], file: &str) -> &'a str {
    let own = parent(file);
    folders
        .iter()
        .min_by_key(|folder| (folder.as_str() != own, folder.len()))
        .map_or("", String::as_str)
}

fn parent(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The way from one folder to another.
fn climb(from: &str, to: &str) -> String {
    let parts = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (from, to) = (parts(from), parts(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| "..".to_owned());
    let down = to[common..].iter().cloned();
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::Sample;

    fn put(root: &Path, path: &str, bytes: &[u8]) {
        let path = root.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }

    #[test]
    fn the_way_between_folders_is_relative() {
        assert_eq!(climb("usr/bin", "usr/lib/x"), "../lib/x");
        assert_eq!(climb("usr/lib/x", "usr/lib/x"), "");
        assert_eq!(climb("", "usr"), "usr");
        assert_eq!(climb("usr/libexec/a/b", "usr/lib"), "../../../lib");
    }

    #[test]
    fn a_library_is_taken_from_beside_the_file_or_from_the_nearest_place() {
        let folders = ["usr/lib/x".to_owned(), "usr/lib/x/private".to_owned()];
        assert_eq!(
            nearest(&folders, "usr/lib/x/private/a.so"),
            "usr/lib/x/private"
        );
        assert_eq!(nearest(&folders, "usr/bin/a"), "usr/lib/x");
    }

    /// A tree with a program in `usr/bin` that needs `libx.so.1`, and that library where it is said.
    fn tree(library: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let host: Platform = "linux/amd64".parse().unwrap();
        let program = Sample {
            interpreter: Some("/lib64/ld-x.so.2"),
            needed: vec!["libx.so.1", "libc.so.6"],
            ..Sample::new(host.architecture().elf)
        };
        let c = Sample {
            needed: vec!["ld-x.so.2"],
            ..Sample::new(host.architecture().elf)
        };
        put(home.path(), "usr/bin/program", &program.bytes());
        put(home.path(), "usr/lib/x/libc.so.6", &c.bytes());
        put(home.path(), "lib64/ld-x.so.2", b"linker");
        put(home.path(), library, b"library");
        home
    }

    #[test]
    fn a_program_gets_the_linker_of_its_place_and_a_relative_search_path() {
        let home = tree("usr/lib/x/private/libx.so.1");
        let host = "linux/amd64".parse().unwrap();
        let patches = plan(home.path(), Path::new("/store/tree"), host).unwrap();
        let expected = Patch {
            file: "usr/bin/program".to_owned(),
            interpreter: Some(PathBuf::from("/store/tree/lib64/ld-x.so.2")),
            search: vec![
                "$ORIGIN/../lib/x/private".to_owned(),
                "$ORIGIN/../lib/x".to_owned(),
            ],
        };
        assert_eq!(patches, [expected]);
        let other = plan(
            home.path(),
            Path::new("/store/tree"),
            "linux/arm64".parse().unwrap(),
        );
        assert_eq!(other.unwrap(), [], "programs of another machine are data");
    }

    #[test]
    fn a_library_that_no_package_has_is_named() {
        let home = tree("usr/lib/x/liby.so.1");
        let host = "linux/amd64".parse().unwrap();
        let error = plan(home.path(), Path::new("/store/tree"), host).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`usr/bin/program` needs `libx.so.1`, which none of its packages has"
        );
        assert!(error.hint().unwrap().contains("`packages`"));
    }

    #[test]
    fn files_that_are_no_programs_are_left_alone() {
        let home = tempfile::tempdir().unwrap();
        put(home.path(), "usr/bin/script", b"#!/bin/sh\n");
        put(home.path(), "usr/share/doc/x", b"text");
        let host = "linux/amd64".parse().unwrap();
        let patches = plan(home.path(), Path::new("/store/tree"), host).unwrap();
        assert_eq!(patches, []);
    }
}
