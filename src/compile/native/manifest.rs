//! What a copy of a source tree was made from: a record beside the copy.
//!
//! Paths and links are bytes, since names of files need not be UTF-8: so the record is made of
//! fields that end with NUL, and not of JSON.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::atomic;

/// The first field: another form is another word.
const FORM: &[u8] = b"polyarch-copy-1";

/// What one path of the source tree is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A folder.
    Folder,
    /// A symbolic link, with what the copy's says.
    Link(PathBuf),
    /// A regular file that is copied.
    File(Stamp),
    /// A regular file that is left out: somebody's build made it there.
    Product(Stamp),
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    /// When anything about it changed; the system's own and not to be set.
    pub(super) changed: (i64, i64),
    pub(super) mode: u32,
}

/// All paths of a source tree, relative to its top.
pub(super) type Manifest = BTreeMap<PathBuf, Entry>;

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            mode: metadata.mode() & 0o7777,
        }
    }
}

/// Reads a record; what is not there or not whole is as good as none.
pub(super) fn read(file: &Path) -> Manifest {
    let bytes = fs_err::read(file).unwrap_or_default();
    parse(&bytes).unwrap_or_default()
}

/// Writes a record.
pub(super) fn write(file: &Path, manifest: &Manifest) -> io::Result<()> {
    atomic::write(file, |out| out.write_all(&bytes(manifest)))
}

fn bytes(manifest: &Manifest) -> Vec<u8> {
    let mut out = Vec::with_capacity(manifest.len() * 96);
    let mut field = |bytes: &[u8]| {
        out.extend_from_slice(bytes);
        out.push(0);
    };
    field(FORM);
    for (path, entry) in manifest {
        field(path.as_os_str().as_bytes());
        match entry {
            Entry::Folder => field(b"d"),
            Entry::Link(target) => {
                field(b"l");
                field(target.as_os_str().as_bytes());
            }
            Entry::File(stamp) => field(format!("f {}", words(stamp)).as_bytes()),
            Entry::Product(stamp) => field(format!("p {}", words(stamp)).as_bytes()),
        }
    }
    out
}

fn words(stamp: &Stamp) -> String {
    let Stamp {
        size,
        modified,
        changed,
        mode,
    } = stamp;
    format!(
        "{size} {} {} {} {} {mode}",
        modified.0, modified.1, changed.0, changed.1
    )
}

fn parse(bytes: &[u8]) -> Option<Manifest> {
    let whole = bytes.strip_suffix(b"\0")?;
    let mut fields = whole.split(|byte| *byte == 0);
    if fields.next()? != FORM {
        return None;
    }
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let mut manifest = Manifest::new();
    while let Some(name) = fields.next() {
        let kind = fields.next()?;
        let entry = match kind.first()? {
            b'd' => Entry::Folder,
            b'l' => Entry::Link(path(fields.next()?)),
            b'f' => Entry::File(stamp(kind)?),
            b'p' => Entry::Product(stamp(kind)?),
            _ => return None,
        };
        manifest.insert(path(name), entry);
    }
    Some(manifest)
}

fn stamp(field: &[u8]) -> Option<Stamp> {
    let mut words = std::str::from_utf8(field).ok()?.split(' ').skip(1);
    let mut number = || words.next()?.parse::<i64>().ok();
    Some(Stamp {
        size: number()?.try_into().ok()?,
        modified: (number()?, number()?),
        changed: (number()?, number()?),
        mode: number()?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_with_any_names() {
        let home = tempfile::tempdir().expect("tempdir");
        let file = home.path().join("record");
        let stamp = Stamp {
            size: 7,
            modified: (-1, 999_999_999),
            changed: (5, 0),
            mode: 0o644,
        };
        let manifest = Manifest::from([
            (PathBuf::from("a b"), Entry::Folder),
            (
                PathBuf::from(OsStr::from_bytes(b"\xff\n")),
                Entry::File(stamp),
            ),
            (PathBuf::from("l"), Entry::Link("../x y".into())),
            (PathBuf::from("x.o"), Entry::Product(stamp)),
        ]);
        write(&file, &manifest).expect("written");
        assert_eq!(read(&file), manifest);
        let bytes = fs_err::read(&file).expect("there");
        fs_err::write(&file, &bytes[..bytes.len() - 3]).expect("written");
        assert_eq!(read(&file), Manifest::new());
        assert_eq!(read(&home.path().join("none")), Manifest::new());
    }
}
