//! A folder of compiled files, `out/<arch><variant>/…`, as `polyarch compile` leaves it.
//!
//! There is no base to hold them against: each file is held against the platform of its folder.

use std::path::{Path, PathBuf};

use super::finding::{Finding, Kind, Severity, Subject};
use super::{Allow, Audit, Audited, Error, machine, sort};
use crate::elf::check::{self, Aspect};
use crate::elf::facts::{self, Facts};
use crate::target::Platform;

/// Audits the files of a folder.
pub fn audit(
    folder: &Path,
    name: &str,
    platforms: &[Platform],
    allow: &[Allow],
) -> Result<Audit, Error> {
    let mut audit = Audit {
        image: name.to_owned(),
        digest: None,
        platforms: Vec::new(),
        findings: Vec::new(),
    };
    let all = Platform::all();
    for platform in all
        .into_iter()
        .filter(|one| platforms.is_empty() || platforms.contains(one))
    {
        let folder = folder.join(platform.directory());
        if !folder.is_dir() || folder.is_symlink() {
            continue;
        }
        let mut files = Vec::new();
        collect(&folder, &mut files)?;
        let mut elf = 0;
        for file in &files {
            let inside = file.strip_prefix(&folder).unwrap_or(file);
            let shown = format!("{}/{}", platform.directory(), inside.display());
            let found = one(file, platform)?;
            elf += usize::from(found.is_some());
            audit.findings.extend(
                found
                    .into_iter()
                    .flatten()
                    .map(|(kind, severity, finding)| Finding {
                        kind,
                        severity,
                        platform: Some(platform.to_string()),
                        subject: Subject::File(shown.clone()),
                        layer: None,
                        expected: finding.expected,
                        found: finding.found,
                        hint: finding.hint,
                    }),
            );
        }
        audit.platforms.push(Audited {
            platform: platform.to_string(),
            digest: None,
            files: files.len(),
            elf,
            skipped: None,
        });
    }
    if let Some(missing) = platforms.iter().find(|one| {
        !audit
            .platforms
            .iter()
            .any(|audited| audited.platform == one.to_string())
    }) {
        return Err(Error::NoPlatform {
            image: name.to_owned(),
            platform: missing.to_string(),
            available: audit
                .platforms
                .iter()
                .map(|one| format!("`{}`", one.platform))
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    if audit.platforms.is_empty() {
        return Err(Error::NoFolders(name.to_owned()));
    }
    audit
        .findings
        .retain(|finding| !allow.iter().any(|allow| allow.covers(finding)));
    sort(&mut audit.findings);
    Ok(audit)
}

type Found = Vec<(Kind, Severity, check::Finding)>;

/// What is wrong with a file; `None` for one that is no program.
fn one(file: &Path, platform: Platform) -> Result<Option<Found>, Error> {
    let wrong = |kind, expected: &str, found: String| {
        let finding = check::Finding {
            aspect: Aspect::Kind,
            expected: expected.to_owned(),
            found,
            hint: None,
        };
        Ok(Some(vec![(kind, Severity::Error, finding)]))
    };
    match Facts::read(file) {
        Ok(facts) => {
            let (findings, _) = check::findings(&facts, platform);
            let found = findings
                .into_iter()
                .map(|finding| (machine::kind(finding.aspect), Severity::Error, finding));
            Ok(Some(found.collect()))
        }
        Err(facts::Error::Malformed { problem, .. }) => {
            wrong(Kind::ElfDamaged, "a whole ELF file", problem)
        }
        Err(facts::Error::NotElf { content, .. }) => {
            use crate::elf::content::Content;
            match content {
                Content::Pe | Content::MachO => wrong(
                    Kind::ForeignFormat,
                    "a program for Linux",
                    content.to_string(),
                ),
                _ => Ok(None),
            }
        }
        Err(facts::Error::Io { source, .. }) => Err(source.into()),
    }
}

/// Every file below a folder, sorted; links are not followed.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut entries = fs_err::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs_err::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}
