//! Members of the tar archives inside packages, in the subset that dpkg reads (deb(5): v7, ustar, and
//! GNU's long names; every other type is an error).
//!
//! Comes in: a stream. Goes out: one member after the other to a visitor, with its content as a
//! reader. Devices, pipes, sparse files and PAX records are refused, as is content that ends early.
//! Names and targets of links are handed on as they stand.

use std::io::{self, Read};

use tar::{Archive, EntryType, Header};
use thiserror::Error;

use crate::extract::LONGEST_PATH;
use crate::interrupt;

/// Why an archive is not accepted.
#[derive(Debug, Error)]
pub enum Error {
    /// It can't be read to its end.
    #[error("is damaged{}: {reason}", at(entry))]
    Damaged {
        /// The member where that was noticed; empty where there is none.
        entry: String,
        /// The reader's reason.
        reason: io::Error,
    },
    /// A member is nothing that packages may have.
    #[error("is unsafe: entry `{entry}` {reason}")]
    Unsafe {
        /// Its name.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

/// The kinds of member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name of a file.
    Hardlink,
}

/// One member's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name as it stands there.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The bytes of its content.
    pub size: u64,
    /// The target of a link; empty where it is none.
    pub target: Vec<u8>,
}

impl Member {
    /// The name for an error.
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }

    /// An error about this member.
    pub fn refuse(&self, reason: impl Into<String>) -> Error {
        Error::Unsafe {
            entry: self.shown(),
            reason: reason.into(),
        }
    }

    /// What happened while its content was read.
    pub fn damaged(&self, reason: io::Error) -> Error {
        damaged(&self.name, reason)
    }
}

/// Shows every member to `visit`, and reads the stream to its end, so that checksums are compared.
pub fn walk<E: From<Error>>(
    mut stream: impl Read,
    mut visit: impl FnMut(&Member, &mut dyn Read) -> Result<(), E>,
) -> Result<(), E> {
    let mut archive = Archive::new(&mut stream);
    // Raw: the library would apply PAX records and expand sparse files.
    let entries = archive.entries().map_err(|error| damaged(b"", error))?;
    let (mut long_name, mut long_target) = (None, None);
    let mut last = Vec::new();
    for entry in entries.raw(true) {
        interrupt::check().map_err(|_| Error::Interrupted)?;
        let mut entry = entry.map_err(|error| damaged(&last, error))?;
        let size = entry.size();
        match entry.header().entry_type() {
            EntryType::GNULongName => long_name = Some(long(&mut entry, size)?),
            EntryType::GNULongLink => long_target = Some(long(&mut entry, size)?),
            _ => {
                let header = entry.header();
                let member = member(header, size, long_name.take(), long_target.take())?;
                let mut content = Content {
                    inner: &mut entry,
                    left: size,
                };
                visit(&member, &mut content)?;
                last = member.name;
            }
        }
    }
    if long_name.is_some() || long_target.is_some() {
        let reason = io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "a long name without a member behind it",
        );
        return Err(damaged(&last, reason).into());
    }
    crate::digest::copy(&mut stream, &mut io::sink()).map_err(|error| damaged(b"", error))?;
    Ok(())
}

fn member(
    header: &Header,
    size: u64,
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
) -> Result<Member, Error> {
    let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
    let refuse = |reason: &str| Error::Unsafe {
        entry: String::from_utf8_lossy(&name).into_owned(),
        reason: reason.to_owned(),
    };
    let kind = match header.entry_type() {
        // v7 marked directories by their name alone.
        EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
        EntryType::Regular => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::Hardlink,
        EntryType::Char | EntryType::Block => return Err(refuse("is a device")),
        EntryType::Fifo => return Err(refuse("is a pipe")),
        EntryType::GNUSparse => return Err(refuse("is a sparse file, which packages do not have")),
        EntryType::XHeader | EntryType::XGlobalHeader => {
            return Err(refuse("is a PAX record, which packages do not have"));
        }
        other => {
            let letter = char::from(other.as_byte()).escape_default();
            return Err(refuse(&format!("is of the unknown kind `{letter}`")));
        }
    };
    let id = |field: io::Result<u64>| {
        let id = field.map_err(|error| damaged(&name, error))?;
        u32::try_from(id).map_err(|_| refuse("has an owner that can't be"))
    };
    Ok(Member {
        kind,
        mode: header.mode().map_err(|error| damaged(&name, error))? & 0o7777,
        uid: id(header.uid())?,
        gid: id(header.gid())?,
        size,
        target: match kind {
            Kind::Symlink | Kind::Hardlink => target
                .or_else(|| header.link_name_bytes().map(Into::into))
                .unwrap_or_default(),
            Kind::File | Kind::Directory => Vec::new(),
        },
        name,
    })
}

/// A name that did not fit into its header: up to the first NUL.
fn long(content: &mut impl Read, size: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let mut content = Content {
        inner: content,
        left: size,
    };
    (&mut content)
        .take(LONGEST_PATH as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| damaged(b"", error))?;
    let end = bytes.iter().position(|byte| *byte == 0);
    bytes.truncate(end.unwrap_or(bytes.len()));
    if bytes.len() > LONGEST_PATH {
        bytes.truncate(80);
        return Err(Error::Unsafe {
            entry: String::from_utf8_lossy(&bytes).into_owned(),
            reason: "has a path that can't be".to_owned(),
        });
    }
    Ok(bytes)
}

fn damaged(name: &[u8], reason: io::Error) -> Error {
    if interrupt::signal().is_some() {
        return Error::Interrupted;
    }
    Error::Damaged {
        entry: String::from_utf8_lossy(name).into_owned(),
        reason,
    }
}

/// The content of a member; that it ends early is an error here, which it is not in the library.
struct Content<'a, R> {
    inner: &'a mut R,
    left: u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(read as u64);
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("it ends {} bytes before the end of the member", self.left),
            ));
        }
        Ok(read)
    }
}

fn at(entry: &str) -> String {
    if entry.is_empty() {
        String::new()
    } else {
        format!(" at or behind `{entry}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debian::sample::Tar;

    fn members(bytes: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, Error> {
        let mut found = Vec::new();
        walk(bytes, |member, content| {
            let mut bytes = Vec::new();
            content
                .read_to_end(&mut bytes)
                .map_err(|error| member.damaged(error))?;
            found.push((member.clone(), bytes));
            Ok::<_, Error>(())
        })?;
        Ok(found)
    }

    #[test]
    fn long_names_and_targets_belong_to_the_member_behind_them() {
        let long = format!("./usr/{}", "name/".repeat(60));
        let name = format!("{long}x");
        let tar = Tar::default()
            .file(&name, "one")
            .link("./l", &name)
            .file("./s", "two");
        let found = members(&tar.end()).unwrap();
        assert_eq!(found[0].0.shown(), name);
        assert_eq!(found[0].1, b"one");
        assert_eq!(found[1].0.target, name.as_bytes());
        assert_eq!(
            (found[2].0.shown().as_str(), &found[2].1[..]),
            ("./s", &b"two"[..])
        );
    }

    #[test]
    fn directories_of_the_oldest_format_are_known_by_their_slash() {
        let found = members(&Tar::default().file("./usr/", "").end()).unwrap();
        assert_eq!(found[0].0.kind, Kind::Directory);
    }

    #[test]
    fn a_name_without_end_or_without_member_is_refused() {
        let long = EntryType::GNULongName;
        let endless = Tar::default()
            .entry("x", long, 0, "", &[b'a'; 5000])
            .file("x", "");
        assert!(matches!(members(&endless.end()), Err(Error::Unsafe { .. })));
        let alone = Tar::default().entry("x", long, 0, "", b"name");
        assert!(matches!(members(&alone.end()), Err(Error::Damaged { .. })));
    }

    #[test]
    fn an_archive_that_ends_in_a_member_is_damaged() {
        let whole = Tar::default().file("./a", &"x".repeat(1000)).0;
        for length in [100, 511, 513, 1000, 1535] {
            let error = members(&whole[..length]).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{length}: {error}");
        }
        // The end mark is missing, and nothing else.
        assert_eq!(members(&whole).unwrap().len(), 1);
    }

    #[test]
    fn a_header_that_was_changed_is_noticed() {
        let mut tar = Tar::default().file("./a", "x").end();
        tar[0] ^= 1;
        assert!(matches!(members(&tar), Err(Error::Damaged { .. })));
    }
}
