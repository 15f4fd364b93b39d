//! What a part of a cache holds, as a record has it: each file with its digest, and with what tells
//! without reading that it was not written since.
//!
//! Form: a line with the part's own time of modification and its path, then a line a file: digest, size,
//! modification and change in nanoseconds, path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::{Error, record};
use super::{Damage, Part};
use crate::digest::{self, Digest};
use crate::interrupt;

/// The files of one part of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// Below the cache.
    part: String,
    /// When a folder was last added to the part, as it was before it was listed.
    listed: i128,
    /// By their paths below the part.
    files: BTreeMap<String, File>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct File {
    digest: Digest,
    stamp: Stamp,
}

/// Size, modification and change of a file.
type Stamp = (u64, i128, i128);

impl Contents {
    /// The record at this path, if there is a whole one.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = String::from_utf8(record::read(path)?).ok()?;
        let mut lines = text.lines();
        let (listed, part) = lines.next()?.split_once(' ')?;
        let (listed, part) = (listed.parse().ok()?, part.to_owned());
        let files = lines.map(line).collect::<Option<_>>()?;
        Some(Self {
            part,
            listed,
            files,
        })
    }

    /// What [`Contents::read`] reads.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {}\n", self.listed, self.part);
        for (path, file) in &self.files {
            let (size, modified, changed) = file.stamp;
            let hex = file.digest.hex();
            // A string takes everything.
            let _ = writeln!(text, "{hex} {size} {modified} {changed} {path}");
        }
        text.into_bytes()
    }

    /// What there is now; files that are as they were known are not read again. One folder a set of
    /// files, which nobody adds to later: those that are known are not listed again.
    pub(super) fn note(root: &Path, part: Part, known: Option<&Self>) -> Result<Self, Error> {
        let known = known.filter(|known| known.part == part.folder);
        let mut files = known.map(|known| known.files.clone()).unwrap_or_default();
        let whole: BTreeSet<String> = files.keys().filter_map(|path| folder(path)).collect();
        let top = root.join(part.folder);
        let listed = modified(&top);
        let mut open = vec![PathBuf::new()];
        while let Some(inner) = open.pop() {
            interrupt::check().map_err(Error::Io)?;
            for entry in fs_err::read_dir(top.join(&inner)).into_iter().flatten() {
                let entry = entry.map_err(Error::Io)?;
                let path = inner.join(entry.file_name());
                let kind = entry.file_type().map_err(Error::Io)?;
                // A line of the record has no room for any other name.
                let Some(name) = path.to_str().filter(|name| !name.contains('\n')) else {
                    continue;
                };
                if kind.is_dir() && !whole.contains(name) {
                    open.push(path);
                } else if kind.is_file()
                    && !files.contains_key(name)
                    && (part.holds)(&entry.file_name().to_string_lossy())
                {
                    files.insert(name.to_owned(), File::of(&entry.path())?);
                }
            }
        }
        Ok(Self {
            part: part.folder.to_owned(),
            listed,
            files,
        })
    }

    /// Whether no folder has been added since.
    pub(super) fn is_all(&self, root: &Path) -> bool {
        self.listed == modified(&root.join(&self.part))
    }

    /// Whether the compiler has no memory of the part, since the folder with both is gone: it makes
    /// everything anew then.
    pub(super) fn is_forgotten(&self, root: &Path) -> bool {
        let both = Path::new(&self.part).iter().next().unwrap_or_default();
        !root.join(both).exists()
    }

    /// Takes new stamps where the content is the old one, as after a copy of the whole store; whether
    /// there were any.
    pub(super) fn refresh(&mut self, root: &Path) -> bool {
        let top = root.join(&self.part);
        let mut changed = false;
        for (path, file) in &mut self.files {
            let path = top.join(path);
            if let Ok(now) = stamp(&path)
                && now != file.stamp
                && digest_of(&path).is_ok_and(|digest| digest == file.digest)
            {
                file.stamp = now;
                changed = true;
            }
        }
        changed
    }

    /// What is not as it was. Without `deep` a file is only read where something tells that it may
    /// have been written.
    pub(super) fn damage(&self, root: &Path, deep: bool) -> Result<Vec<Damage>, Error> {
        if self.is_forgotten(root) {
            return Ok(Vec::new());
        }
        let top = root.join(&self.part);
        let mut damage = Vec::new();
        for (path, file) in &self.files {
            interrupt::check().map_err(Error::Io)?;
            let place = top.join(path);
            if let Some(reason) = file.fault(&place, deep)? {
                damage.push(Damage {
                    file: place,
                    reason,
                });
            }
        }
        Ok(damage)
    }
}

impl File {
    fn of(path: &Path) -> Result<Self, Error> {
        let stamp = stamp(path).map_err(Error::Io)?;
        let digest = digest_of(path).map_err(Error::Io)?;
        Ok(Self { digest, stamp })
    }

    fn fault(&self, path: &Path, deep: bool) -> Result<Option<String>, Error> {
        let now = match stamp(path) {
            Ok(now) => now,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Some("is missing".to_owned()));
            }
            Err(error) => return Err(Error::Io(error)),
        };
        if now == self.stamp && !deep {
            return Ok(None);
        }
        if now.0 != self.stamp.0 {
            let (found, had) = (now.0, self.stamp.0);
            return Ok(Some(format!("has {found} bytes, and had {had}")));
        }
        let same = digest_of(path).map_err(Error::Io)? == self.digest;
        Ok((!same).then(|| "is not what was written there".to_owned()))
    }
}

fn line(line: &str) -> Option<(String, File)> {
    let mut words = line.splitn(5, ' ');
    let digest = Digest::from_hex(words.next()?).ok()?;
    let size = words.next()?.parse().ok()?;
    let modified = words.next()?.parse().ok()?;
    let changed = words.next()?.parse().ok()?;
    let stamp = (size, modified, changed);
    Some((words.next()?.to_owned(), File { digest, stamp }))
}

/// The folder of a file; `None` for one that lies in the part itself.
fn folder(path: &str) -> Option<String> {
    path.rsplit_once('/').map(|(folder, _)| folder.to_owned())
}

fn stamp(path: &Path) -> std::io::Result<Stamp> {
    let found = fs_err::metadata(path)?;
    let time = |seconds: i64, nanoseconds: i64| {
        i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
    };
    Ok((
        found.len(),
        time(found.mtime(), found.mtime_nsec()),
        time(found.ctime(), found.ctime_nsec()),
    ))
}

/// When a folder's entries last changed; zero where there is none.
fn modified(folder: &Path) -> i128 {
    stamp(folder).map_or(0, |(_, modified, _)| modified)
}

fn digest_of(path: &Path) -> std::io::Result<Digest> {
    let mut file = fs_err::File::open(path)?;
    Ok(digest::hash(&mut file)?.0)
}
