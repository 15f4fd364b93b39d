//! Records: small answers worth keeping, such as the descriptor that a layer's recipe led to.
//!
//! A record's file begins with the digest of the rest. One that is torn, unreadable or foreign is
//! as good as none: what it said is found out again.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Error, Store};
use crate::digest::Digest;

const COARSE: Duration = Duration::from_secs(3600);

impl Store {
    /// The record of that kind under that key, if there is a whole one.
    pub fn record(&self, kind: &str, key: &Digest) -> Option<Vec<u8>> {
        read(&self.record_path(kind, key))
    }

    /// Writes a record, replacing one that says something else.
    pub fn put_record(&self, kind: &str, key: &Digest, bytes: &[u8]) -> Result<(), Error> {
        let path = self.record_path(kind, key);
        // So a store that has everything need not be written.
        if read(&path).as_deref() == Some(bytes) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent).map_err(|error| Error::writing(parent, None, error))?;
        }
        let mut whole = format!("{}\n", Digest::of(bytes)).into_bytes();
        whole.extend_from_slice(bytes);
        self.replace(&path, &whole)
    }

    pub(super) fn record_path(&self, kind: &str, key: &Digest) -> PathBuf {
        self.base.join("records").join(kind).join(key.hex())
    }
}

/// What the record at this path says, if it is a whole one.
pub(super) fn read(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = fs_err::read(path).ok()?;
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let promised: Digest = std::str::from_utf8(&bytes[..end]).ok()?.parse().ok()?;
    bytes.drain(..=end);
    if Digest::of(&bytes) != promised {
        return None;
    }
    touch(path);
    Some(bytes)
}

/// Makes now the last use of a file; a last use that can't be written is no reason to stop.
pub(super) fn touch(path: &Path) {
    let now = SystemTime::now();
    // One that has yet to come is of a clock that was wrong, and would keep the file for good.
    let old = fs_err::metadata(path)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|last| now.duration_since(last).map_or(true, |age| age > COARSE));
    // Its owner may do that to a file that is only read.
    if old && let Ok(file) = fs_err::File::open(path) {
        let _ = file.set_modified(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_use_that_has_yet_to_come_is_corrected() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs_err::write(&path, "").unwrap();
        let last = || fs_err::metadata(&path).unwrap().modified().unwrap();
        for wrong in [
            SystemTime::now() + 9 * COARSE,
            SystemTime::now() - 9 * COARSE,
        ] {
            let file = fs_err::File::open(&path).unwrap();
            file.set_modified(wrong).unwrap();
            touch(&path);
            let now = SystemTime::now();
            assert!(last() <= now && last() > now - COARSE);
        }
    }

    #[test]
    fn a_record_comes_back_and_a_torn_one_does_not() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let key = Digest::of(b"key");
        assert_eq!(store.record("layer", &key), None);
        store.put_record("layer", &key, b"one\ntwo").unwrap();
        assert_eq!(store.record("layer", &key).unwrap(), b"one\ntwo");
        assert_eq!(store.record("other", &key), None);

        let path = store.record_path("layer", &key);
        let inode = || std::os::unix::fs::MetadataExt::ino(&fs_err::metadata(&path).unwrap());
        let before = inode();
        store.put_record("layer", &key, b"one\ntwo").unwrap();
        assert_eq!(inode(), before);
        let whole = fs_err::read(&path).unwrap();
        for length in 0..whole.len() {
            fs_err::write(&path, &whole[..length]).unwrap();
            assert_eq!(store.record("layer", &key), None, "{length} bytes");
        }
    }
}
