//! Digests of files, remembered as long as the file's inode says that nothing touched it.
//!
//! The change time cannot be set by programs, so size, inode and both times together prove that the
//! content is what was hashed before. A file that changed within the last moments is not
//! remembered: a later change could get the same time ("racily clean", as git's index documents).

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Recipe};
use crate::oci::layer::hash_file;
use crate::store::Store;

const KIND: &str = "fingerprint";
/// Hashing less than this costs no more than looking it up.
const SMALL: u64 = 256 * 1024;
/// No filesystem's times are coarser.
const RACY_SECONDS: i64 = 3;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Fingerprint {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

#[derive(Serialize, Deserialize)]
struct Known {
    fingerprint: Fingerprint,
    digest: Digest,
}

/// The digest and size of a file.
pub fn hash(store: &Store, path: &Path) -> io::Result<(Digest, u64)> {
    let before = Fingerprint::take(path)?;
    if before.size < SMALL {
        return hash_file(path);
    }
    let key = key(path, "")?;
    if let Some(digest) = recall(store, &key, &before) {
        return Ok((digest, before.size));
    }
    let (digest, size) = hash_file(path)?;
    remember(store, path, &key, before, digest)?;
    Ok((digest, size))
}

/// A part of a file (a member of an archive, by its digest) that is read by somebody else.
#[derive(Debug)]
pub struct Part {
    key: Digest,
    before: Fingerprint,
}

impl Part {
    /// Takes the file's fingerprint, before anything of it is read. Without a name for the part it is
    /// the whole file.
    pub fn new(path: &Path, name: &str) -> io::Result<Self> {
        Ok(Self {
            key: key(path, name)?,
            before: Fingerprint::take(path)?,
        })
    }

    /// The digest that the part had, where nothing touched the file since.
    pub fn known(&self, store: &Store) -> Option<Digest> {
        recall(store, &self.key, &self.before)
    }

    /// Notes the digest that was computed after this was made.
    pub fn note(self, store: &Store, path: &Path, digest: Digest) -> io::Result<()> {
        remember(store, path, &self.key, self.before, digest)
    }
}

fn key(path: &Path, part: &str) -> io::Result<Digest> {
    let absolute = fs_err::canonicalize(path)?;
    let recipe = Recipe::new(KIND).with(absolute.as_os_str().as_bytes());
    Ok(match part {
        "" => recipe,
        part => recipe.with(part),
    }
    .finish())
}

fn recall(store: &Store, key: &Digest, now: &Fingerprint) -> Option<Digest> {
    let known = store.record(KIND, key)?;
    let known: Known = serde_json::from_slice(&known).ok()?;
    (known.fingerprint == *now).then_some(known.digest)
}

fn remember(
    store: &Store,
    path: &Path,
    key: &Digest,
    before: Fingerprint,
    digest: Digest,
) -> io::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let settled = before.changed.0.saturating_add(RACY_SECONDS) < now;
    if settled && Fingerprint::take(path)? == before {
        let known = Known {
            fingerprint: before,
            digest,
        };
        // Only speed is lost when it can't be kept.
        let bytes = serde_json::to_vec(&known)?;
        let _ = store.put_record(KIND, key, &bytes);
    }
    Ok(())
}

impl Fingerprint {
    fn take(path: &Path) -> io::Result<Self> {
        let metadata = fs_err::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed_even_when_size_and_time_stay() {
        let folder = tempfile::tempdir().expect("tempdir");
        let store = Store::open(&folder.path().join("store")).expect("store");
        let path = folder.path().join("file");
        let mut content = vec![7; 300_000];
        fs_err::write(&path, &content).expect("writes");
        let time = fs_err::metadata(&path)
            .expect("there")
            .modified()
            .expect("time");
        let first = hash(&store, &path).expect("hashes");
        assert_eq!(first, (Digest::of(&content), 300_000));
        content[0] = 8;
        fs_err::write(&path, &content).expect("writes");
        let file = fs_err::OpenOptions::new()
            .write(true)
            .open(&path)
            .expect("opens");
        file.set_modified(time).expect("sets");
        assert_eq!(hash(&store, &path).expect("hashes").0, Digest::of(&content));
    }

    #[test]
    fn what_is_remembered_is_believed_only_for_the_same_inode() {
        let folder = tempfile::tempdir().expect("tempdir");
        let store = Store::open(&folder.path().join("store")).expect("store");
        let path = folder.path().join("file");
        fs_err::write(&path, vec![7; 300_000]).expect("writes");
        let absolute = fs_err::canonicalize(&path).expect("there");
        let key = Recipe::new(KIND)
            .with(absolute.as_os_str().as_bytes())
            .finish();
        let mark = Digest::of(b"as remembered");
        let mut known = Known {
            fingerprint: Fingerprint::take(&path).expect("there"),
            digest: mark,
        };
        let put = |known: &Known| {
            let bytes = serde_json::to_vec(known).expect("json");
            store.put_record(KIND, &key, &bytes).expect("stores");
        };
        put(&known);
        assert_eq!(hash(&store, &path).expect("hashes").0, mark);
        known.fingerprint.inode += 1;
        put(&known);
        assert_ne!(hash(&store, &path).expect("hashes").0, mark);
    }
}
