//! Puts what a build has left into `out/<arch>`: stripped, checked, whole or not at all.
//!
//! Comes in: files of a build tree with their names. Goes out: artifacts. What has not changed since
//! the last run is not written again; a record beside the build tree says what was made from what.
//! What an earlier run has put there and this one does not is removed.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::found::Picked;
use super::sync::same;
use super::{Error, Job, Result};
use crate::compile::{self, Artifact, StepError};
use crate::process::CommandSpec;
use crate::{atomic, elf};

/// What was made last time, by name.
type Record = BTreeMap<String, Made>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    /// The file in the build tree.
    from: PathBuf,
    source: Stamp,
    /// What it was stripped with; empty where it was not.
    with: String,
    result: Stamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    modified: (i64, i64),
    inode: u64,
}

impl Stamp {
    fn of(path: &Path) -> std::io::Result<Self> {
        let found = fs_err::metadata(path)?;
        Ok(Self {
            size: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            inode: found.ino(),
        })
    }
}

/// Puts files into a step's folder.
pub(super) fn publish(job: &Job<'_>, picked: &[Picked]) -> Result<Vec<Artifact>, StepError> {
    let file = job.native.build.join("results.json");
    let before: Record = fs_err::read(&file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let mut record = Record::new();
    let mut artifacts = Vec::new();
    for one in picked {
        let made = put(job, one, before.get(&one.name))?;
        artifacts.push(Artifact {
            platform: job.step.platform,
            name: one.name.clone(),
            path: job.step.directory.join(&one.name),
            size: made.result.size,
            library: one.library,
        });
        record.insert(one.name.clone(), made);
    }
    for name in before.keys().filter(|name| !record.contains_key(*name)) {
        // Somebody may have been quicker.
        let _ = fs_err::remove_file(job.step.directory.join(name));
    }
    if record != before {
        let bytes = serde_json::to_vec(&record).map_err(std::io::Error::from)?;
        atomic::write(&file, |out| out.write_all(&bytes))?;
    }
    Ok(artifacts)
}

/// One file; nothing is done where its record still holds.
fn put(job: &Job<'_>, one: &Picked, before: Option<&Made>) -> Result<Made, StepError> {
    let place = job.step.directory.join(&one.name);
    let strip = job.compilers.tool("strip");
    let with = match job.native.debug {
        true => String::new(),
        false => job.compilers.digest.hex(),
    };
    let source = Stamp::of(&one.file.path)?;
    if let Some(before) = before
        && (&before.from, &before.source, &before.with) == (&one.file.path, &source, &with)
        && Stamp::of(&place).is_ok_and(|now| now == before.result)
    {
        return Ok(before.clone());
    }
    let made = temporary(job, &one.name);
    if job.native.debug {
        fs_err::copy(&one.file.path, &made)?;
    } else {
        let spec = CommandSpec::new(strip, &job.native.root)
            .arg("-o")
            .arg(&made)
            .arg(&one.file.path);
        job.run(spec, "strip")?;
    }
    fs_err::set_permissions(&made, std::fs::Permissions::from_mode(0o755))?;
    check(job, one, &made, &place)?;
    if place.is_file() && same(&made, &place)? {
        fs_err::remove_file(&made)?;
    } else {
        fs_err::rename(&made, &place)?;
    }
    Ok(Made {
        from: one.file.path.clone(),
        source,
        with,
        result: Stamp::of(&place)?,
    })
}

/// A path on the results' file system that no other platform uses.
fn temporary(job: &Job<'_>, name: &str) -> PathBuf {
    let folder = job.step.platform.directory();
    job.workspace.temporary.join(format!("{folder}-{name}"))
}

/// Holds a file against its platform; an error names it by the place it would have had.
fn check(job: &Job<'_>, one: &Picked, made: &Path, place: &Path) -> Result<(), StepError> {
    let platform = job.step.platform;
    let result = match one.library {
        true => elf::check_library(made, platform),
        false => elf::check_file(made, platform, job.options.loader),
    };
    match result {
        Ok(_) => Ok(()),
        Err(elf::check::Error::Unfit(unfit)) => {
            let unfit = elf::Unfit {
                file: place.to_owned(),
                ..unfit
            };
            Err(compile::Error::from(elf::check::Error::from(unfit)).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// The files that an earlier run took its results from.
pub(super) fn earlier(build: &Path) -> Vec<PathBuf> {
    let bytes = fs_err::read(build.join("results.json")).unwrap_or_default();
    let record: Record = serde_json::from_slice(&bytes).unwrap_or_default();
    record.into_values().map(|made| made.from).collect()
}

/// Says where a program would not find a library that was put beside it.
pub(super) fn note_runpaths(job: &Job<'_>, picked: &[Picked]) {
    let libraries: Vec<&str> = picked
        .iter()
        .filter(|one| one.library)
        .map(|one| one.name.as_str())
        .collect();
    for program in picked.iter().filter(|one| !one.library) {
        let looks = program
            .file
            .runpath()
            .split(':')
            .any(|folder| matches!(folder.trim_end_matches('/'), "$ORIGIN" | "${ORIGIN}"));
        for needed in program.file.needed() {
            let library = needed.rsplit('/').next().unwrap_or(needed);
            let flag = match (needed.contains('/'), looks) {
                _ if !libraries.contains(&library) => continue,
                (true, _) => format!("-Wl,-soname,{library}` for the library"),
                (false, false) => "-Wl,-rpath,'$ORIGIN'` for the program".to_owned(),
                (false, true) => continue,
            };
            job.options.observer.warn(&format!(
                "`{}` for {} needs `{needed}` and would not find it beside itself: link with `{flag}",
                program.name, job.step.platform
            ));
        }
    }
}

/// A result whose build did nothing wrong and that is not for the target.
pub(super) fn nothing(
    job: &Job<'_>,
    system: &'static str,
    foreign: &[super::found::File],
) -> Error {
    let platform = job.step.platform;
    match foreign.first() {
        None => Error::Nothing { system, platform },
        Some(first) => Error::OtherMachine {
            system,
            platform,
            found: first.machine(),
            files: foreign.iter().map(|file| file.shown.clone()).collect(),
        },
    }
}
