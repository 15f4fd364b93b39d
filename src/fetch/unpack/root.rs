//! The directory that an archive is unpacked into, and everything that may not happen there.
//!
//! What was made so far is kept in memory, so no check depends on the filesystem: a path's parents
//! are directories that we made, or it is refused. A link's target may climb only at its beginning
//! (`../../lib/x`, not `a/../x`). The climbing then passes real directories alone and ends inside;
//! every name after that leads down, or through another link, for which the same holds. So no
//! chain of links leads out.

use fs_err::os::unix::fs::OpenOptionsExt;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Error, Rules};
use crate::digest::BLOCK;
use crate::extract::{self, MOST_ENTRIES};
use crate::interrupt;
use crate::store;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link,
}

/// What is unpacked, where to, and what is there already.
pub(super) struct Root<'a> {
    pub(super) archive: &'a Path,
    rules: &'a Rules,
    into: &'a Path,
    made: BTreeMap<String, Kind>,
    left: u64,
    buffer: Vec<u8>,
}

impl<'a> Root<'a> {
    pub(super) fn new(archive: &'a Path, rules: &'a Rules, into: &'a Path) -> Self {
        Self {
            archive,
            rules,
            into,
            made: BTreeMap::new(),
            left: rules.maximum,
            buffer: vec![0; BLOCK],
        }
    }

    /// Where an entry goes, relative to the root: the prefix stripped, the name changed as the
    /// rules say. `None` if it is not wanted.
    pub(super) fn place(&self, name: &[u8]) -> Result<Option<String>, Error> {
        let parts = extract::parts(name)
            .map_err(|reason| self.refuse(&String::from_utf8_lossy(name), reason))?;
        let strip = self.rules.strip.as_deref().unwrap_or_default();
        let mut rest = parts.as_slice();
        for part in strip.split('/').filter(|part| !part.is_empty()) {
            match rest.split_first() {
                Some((first, more)) if *first == part => rest = more,
                _ => return Ok(None),
            }
        }
        let Some((last, parents)) = rest.split_last() else {
            return Ok(None);
        };
        let last = self.rules.rename.get(*last).map_or(*last, String::as_str);
        let whole: Vec<&str> = parents.iter().copied().chain([last]).collect();
        Ok(Some(whole.join("/")))
    }

    /// Makes a directory.
    pub(super) fn directory(&mut self, path: &str) -> Result<(), Error> {
        self.parents(path)?;
        self.ensure_directory(path)
    }

    /// Writes a file; `size` is what the archive announces, if it does.
    pub(super) fn file(
        &mut self,
        path: &str,
        executable: bool,
        size: Option<u64>,
        content: &mut impl Read,
    ) -> Result<(), Error> {
        self.parents(path)?;
        if size.is_some_and(|size| size > self.left) {
            return Err(self.too_much(path));
        }
        self.vacate(path)?;
        let executable = executable
            || self
                .rules
                .executable
                .iter()
                .any(|pattern| pattern.matches(path));
        let target = self.into.join(path);
        let failed = |error| store::Error::writing(&target, size, error);
        let mut file = fs_err::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(if executable { 0o755 } else { 0o644 })
            .open(&target)
            .map_err(failed)?;
        self.record(path, Kind::File)?;
        loop {
            interrupt::check().map_err(|_| Error::Interrupted)?;
            let read = match content.read(&mut self.buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(self.damaged(source)),
            };
            self.left = match self.left.checked_sub(read as u64) {
                Some(left) => left,
                None => return Err(self.too_much(path)),
            };
            file.write_all(&self.buffer[..read]).map_err(failed)?;
        }
    }

    /// Makes a symbolic link, if it stays inside.
    pub(super) fn link(&mut self, path: &str, target: &[u8]) -> Result<(), Error> {
        self.parents(path)?;
        let target = extract::target(target).map_err(|reason| self.refuse(path, reason))?;
        if target.starts_with('/') {
            return Err(self.refuse(path, &format!("links to the absolute path `{target}`")));
        }
        let parts = || extract::target_parts(target);
        let climbs = parts().take_while(|part| *part == "..").count();
        if climbs > path.matches('/').count() {
            return Err(self.refuse(path, &format!("links out of the tree, to `{target}`")));
        }
        if parts().skip(climbs).any(|part| part == "..") {
            return Err(self.refuse(path, &format!("links to `{target}`, with `..` inside")));
        }
        self.vacate(path)?;
        let place = self.into.join(path);
        fs_err::os::unix::fs::symlink(target, &place)
            .map_err(|error| store::Error::writing(&place, None, error))?;
        self.record(path, Kind::Link)
    }

    /// Gives a file that was unpacked a second name.
    pub(super) fn hard_link(&mut self, path: &str, original: &str) -> Result<(), Error> {
        self.parents(path)?;
        if self.made.get(original) != Some(&Kind::File) {
            let reason =
                format!("is a hard link to `{original}`, which is no file unpacked before");
            return Err(self.refuse(path, &reason));
        }
        if path == original {
            return Ok(());
        }
        self.vacate(path)?;
        let place = self.into.join(path);
        fs_err::hard_link(self.into.join(original), &place)
            .map_err(|error| store::Error::writing(&place, None, error))?;
        self.record(path, Kind::File)
    }

    /// Ends the unpacking; something must have come of it.
    pub(super) fn finish(self) -> Result<(), Error> {
        match &self.rules.strip {
            Some(strip) if self.made.is_empty() => Err(Error::Empty {
                archive: self.archive.to_owned(),
                strip: strip.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// An entry that is not accepted.
    pub(super) fn refuse(&self, entry: &str, reason: &str) -> Error {
        Error::Unsafe {
            archive: self.archive.to_owned(),
            entry: entry.to_owned(),
            reason: reason.to_owned(),
        }
    }

    /// An archive that can't be read.
    pub(super) fn damaged(&self, source: io::Error) -> Error {
        Error::Damaged {
            archive: self.archive.to_owned(),
            source,
        }
    }

    fn too_much(&self, path: &str) -> Error {
        let most = self.rules.maximum;
        self.refuse(
            path,
            &format!("exceeds the {most} bytes that may be unpacked"),
        )
    }

    /// Makes what lies above a path. A parent that is a file or a link is refused.
    fn parents(&mut self, path: &str) -> Result<(), Error> {
        let slashes = path.match_indices('/');
        for parent in slashes.map(|(at, _)| &path[..at]) {
            self.ensure_directory(parent).map_err(|error| match error {
                Error::Unsafe { reason, .. } => self.refuse(path, &reason),
                other => other,
            })?;
        }
        Ok(())
    }

    fn ensure_directory(&mut self, path: &str) -> Result<(), Error> {
        match self.made.get(path) {
            Some(Kind::Directory) => Ok(()),
            Some(Kind::Link) => Err(self.refuse(path, &format!("goes through the link `{path}`"))),
            Some(Kind::File) => Err(self.refuse(path, &format!("goes through the file `{path}`"))),
            None => {
                let place = self.into.join(path);
                fs_err::create_dir(&place)
                    .map_err(|error| store::Error::writing(&place, None, error))?;
                self.record(path, Kind::Directory)
            }
        }
    }

    /// A later file takes an earlier one's place, as tar has it, but never by writing into it: that
    /// could be a hard link.
    fn vacate(&mut self, path: &str) -> Result<(), Error> {
        match self.made.get(path) {
            None => Ok(()),
            Some(Kind::File) => {
                let place: PathBuf = self.into.join(path);
                fs_err::remove_file(&place)
                    .map_err(|error| store::Error::writing(&place, None, error))?;
                self.made.remove(path);
                Ok(())
            }
            Some(Kind::Link) => Err(self.refuse(path, "takes the place of a link")),
            Some(Kind::Directory) => Err(self.refuse(path, "takes the place of a directory")),
        }
    }

    fn record(&mut self, path: &str, kind: Kind) -> Result<(), Error> {
        if self.made.len() >= MOST_ENTRIES {
            return Err(self.refuse(path, &format!("is one of over {MOST_ENTRIES}")));
        }
        self.made.insert(path.to_owned(), kind);
        Ok(())
    }
}
