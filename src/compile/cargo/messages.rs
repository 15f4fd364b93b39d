//! What cargo says that it has made, or found up to date
//! (<https://doc.rust-lang.org/cargo/reference/external-tools.html>).
//!
//! Comes in: the messages of a call. Goes out: programs, and every file that a linker has written.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use cargo_metadata::{Artifact, CrateType, Message};

use super::super::Error;
use crate::{atomic, interrupt};

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) package: String,
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// What a call has made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) programs: Vec<Program>,
    /// What was linked: programs, build scripts, procedural macros.
    pub(super) linked: BTreeSet<PathBuf>,
}

/// Reads the messages of a call. Those of one that was ended may break off; what stands before
/// that holds.
pub(super) fn read(messages: File, whole: bool) -> Result<Made, Error> {
    let mut made = Made::default();
    for message in Message::parse_stream(BufReader::new(messages)) {
        interrupt::check()?;
        let artifact = match message {
            Ok(Message::CompilerArtifact(artifact)) => artifact,
            Err(error) if whole => return Err(error.into()),
            _ => continue,
        };
        if is_linked(&artifact) {
            let files = artifact.filenames.iter();
            made.linked.extend(files.map(|file| file.clone().into()));
        }
        if let Some(path) = artifact.executable
            && artifact.target.is_bin()
        {
            made.programs.push(Program {
                package: artifact.package_id.repr,
                name: artifact.target.name,
                path: path.into(),
            });
        }
    }
    Ok(made)
}

fn is_linked(artifact: &Artifact) -> bool {
    let kinds = artifact.target.crate_types.iter();
    let mut linked = kinds.filter(|kind| {
        matches!(
            kind,
            CrateType::Bin | CrateType::ProcMacro | CrateType::CDyLib | CrateType::DyLib
        )
    });
    linked.next().is_some()
}

/// Removes what was linked, so that cargo links it again: each file, and the one that cargo takes it
/// from, which has the crate's name and a hash, in the same folder or in `deps` below it.
pub(super) fn forget(linked: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    for path in linked {
        let folder = path.parent().unwrap_or(path);
        for folder in [folder.to_owned(), folder.join("deps")] {
            let Ok(entries) = fs_err::read_dir(folder) else {
                continue;
            };
            for entry in entries {
                let entry = entry?;
                if is_source(&entry.file_name().to_string_lossy(), path) {
                    atomic::remove(&entry.path())?;
                }
            }
        }
        atomic::remove(path)?;
    }
    Ok(())
}

/// Whether a file's name is that of what was linked, with cargo's hash behind it.
fn is_source(name: &str, linked: &Path) -> bool {
    let stem = linked.file_stem().unwrap_or_default().to_string_lossy();
    let end = linked.extension();
    let name = Path::new(name);
    let hash = name
        .file_stem()
        .and_then(|own| own.to_str())
        .and_then(|own| own.strip_prefix(&*stem.replace('-', "_")))
        .and_then(|rest| rest.strip_prefix('-'));
    name.extension() == end
        && hash.is_some_and(|hash| hash.len() == 16 && hash.bytes().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn artifact(name: &str, kind: &str, file: &Path) -> String {
        let executable = (kind == "bin").then_some(file);
        serde_json::json!({
            "reason": "compiler-artifact", "package_id": "path+file:///a#0.1.0",
            "manifest_path": "/a/Cargo.toml", "features": [], "fresh": false,
            "target": {
                "name": name, "kind": [kind], "crate_types": [kind], "src_path": "/a/src.rs",
                "edition": "2021", "doc": true, "doctest": false, "test": true
            },
            "profile": {
                "opt_level": "3", "debuginfo": 0, "debug_assertions": false,
                "overflow_checks": false, "test": false
            },
            "filenames": [file], "executable": executable,
        })
        .to_string()
    }

    #[test]
    fn what_was_linked_is_forgotten_with_what_cargo_takes_it_from_and_nothing_else() {
        let folder = tempfile::tempdir().expect("tempdir");
        let release = folder.path().join("release");
        let names = [
            "my-app",
            "my-app.d",
            "deps/my_app-0123456789abcdef",
            "deps/my_app-0123456789abcdef.d",
            "deps/my_app_too-0123456789abcdef",
            "deps/libother-0123456789abcdef.rlib",
            "deps/libmacros-0123456789abcdef.so",
        ];
        fs_err::create_dir_all(release.join("deps")).expect("created");
        for name in names {
            fs_err::write(release.join(name), "").expect("written");
        }
        let mut messages = tempfile::tempfile().expect("a file");
        let lines = [
            artifact("my-app", "bin", &release.join("my-app")),
            artifact("other", "lib", &release.join(names[5])),
            artifact("macros", "proc-macro", &release.join(names[6])),
            r#"{"reason":"compiler-arti"#.to_owned(),
        ];
        messages
            .write_all(lines.join("\n").as_bytes())
            .expect("written");
        messages.rewind().expect("rewound");
        let made = read(messages, false).expect("read");
        assert_eq!(made.programs.len(), 1);
        forget(&made.linked).expect("removed");
        let left = names.iter().filter(|name| release.join(name).exists());
        let left: Vec<&&str> = left.collect();
        assert_eq!(left, [&names[1], &names[3], &names[4], &names[5]]);
    }
}
