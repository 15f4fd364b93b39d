//! Blobs: files named by their own digest.
//!
//! Comes in: bytes, from a reader or written piece by piece, with or without a promise of what
//! they are. Goes out: a file that has exactly the digest in its name, 0444.

use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lock::{self, Hold, Mode};
use super::{Error, Store};
use crate::digest::{BLOCK, Digest, HashWriter, Mismatch};
use crate::interrupt;
use crate::progress::Observer;

/// A blob in the store. While this lives it is not pruned.
#[derive(Clone, Debug)]
pub struct Blob {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    _hold: Arc<Hold>,
}

/// Takes the bytes of a blob whose digest is not known yet. Dropped without
/// [`BlobWriter::commit`], nothing of it stays.
pub struct BlobWriter<'a> {
    store: &'a Store,
    path: PathBuf,
    file: Option<HashWriter<fs_err::File>>,
    written: u64,
    needed: Option<u64>,
}

impl Store {
    /// The blob, if it is here; this counts as a use.
    pub fn blob(&self, digest: &Digest) -> Option<Blob> {
        let path = self.blob_path(digest);
        // Without a look first, a lock file would be made for every question.
        fs_err::metadata(&path).ok()?;
        let hold = lock::acquire(&self.lock_path("blob", digest), Mode::Shared, &mut || ()).ok()?;
        self.held_blob(digest, hold)
    }

    /// The blob, made by `fetch` if it is not here. Of several processes that want the same, one
    /// fetches; the others wait, say so after a moment, and find it.
    pub fn get_or_insert<E: From<Error>>(
        &self,
        digest: &Digest,
        label: &str,
        observer: &dyn Observer,
        mut fetch: impl FnMut(&Self) -> Result<(), E>,
    ) -> Result<Blob, E> {
        let path = self.lock_path("blob", digest);
        // Once more only if a prune came between the fetch and the use.
        loop {
            if let Some(blob) = self.blob(digest) {
                return Ok(blob);
            }
            let exclusive = lock::acquire(&path, Mode::Exclusive, &mut || {
                observer.note(&format!(
                    "waiting for another polyarch that fetches {label}"
                ));
            })?;
            if !self.blob_path(digest).exists() {
                fetch(self)?;
                if !self.blob_path(digest).exists() {
                    return Err(E::from(Error::Absent(*digest)));
                }
            }
            drop(exclusive);
        }
    }

    /// Stores everything a reader yields. With a promise, no more is read than was promised, and
    /// nothing is stored that breaks it.
    pub fn insert_blob(
        &self,
        reader: &mut impl Read,
        expected: Option<(Digest, Option<u64>)>,
    ) -> Result<(Digest, u64), Error> {
        let (digest, size) = expected.map_or((None, None), |(digest, size)| (Some(digest), size));
        let mut writer = self.writer()?.expecting(size);
        let mut buffer = vec![0; BLOCK];
        loop {
            interrupt::check().map_err(Error::Io)?;
            let read = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Error::Io(error)),
            };
            let found = writer.written() + read as u64;
            if let Some(expected) = size.filter(|expected| found > *expected) {
                return Err(Error::Mismatch {
                    what: digest.map_or_else(|| "blob".to_owned(), |digest| digest.to_string()),
                    source: Mismatch::Size { expected, found },
                });
            }
            writer.put(&buffer[..read])?;
        }
        writer.commit(digest)
    }

    /// A writer for bytes whose digest is known when they are written.
    pub fn writer(&self) -> Result<BlobWriter<'_>, Error> {
        let path = self.workspace.file()?;
        let file = create(&path)?;
        Ok(BlobWriter {
            store: self,
            path,
            file: Some(HashWriter::new(file)),
            written: 0,
            needed: None,
        })
    }

    pub(super) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.base.join("blobs/sha256").join(digest.hex())
    }

    pub(super) fn lock_path(&self, kind: &str, digest: &Digest) -> PathBuf {
        self.base
            .join("locks")
            .join(format!("{kind}-{}", digest.hex()))
    }

    fn held_blob(&self, digest: &Digest, hold: Hold) -> Option<Blob> {
        let path = self.blob_path(digest);
        let size = fs_err::metadata(&path).ok()?.len();
        hold.touch();
        Some(Blob {
            path,
            size,
            _hold: self.blobs.instead_of(hold).ok()?,
        })
    }
}

fn create(path: &Path) -> Result<fs_err::File, Error> {
    fs_err::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .map_err(|error| Error::writing(path, None, error))
}

impl BlobWriter<'_> {
    /// Notes how many bytes will come, for the message when the disk is full and as a check at
    /// the end.
    #[must_use]
    pub fn expecting(mut self, size: Option<u64>) -> Self {
        self.needed = size;
        self
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Writes all of a block; the error says what a full disk would have needed.
    pub fn put(&mut self, block: &[u8]) -> Result<(), Error> {
        self.write_all(block)
            .map_err(|error| Error::writing(&self.path, self.needed, error))
    }

    /// Forgets what was written and begins again.
    pub fn restart(&mut self) -> Result<(), Error> {
        self.file = Some(HashWriter::new(create(&self.path)?));
        self.written = 0;
        Ok(())
    }

    /// Ends the writing and gives the file the name of its digest. It is an error if that is not
    /// the expected one, or if the size is not [`BlobWriter::expecting`]'s.
    pub fn commit(mut self, expected: Option<Digest>) -> Result<(Digest, u64), Error> {
        let Some(file) = self.file.take() else {
            return Err(Error::Io(io::Error::other(
                "blob writer was used after its end",
            )));
        };
        let (file, computed, size) = file.finish();
        self.verify(expected, computed, size)?;
        let target = self.store.blob_path(&computed);
        let failed = |error| Error::writing(&self.path, self.needed, error);
        if !target.exists() {
            file.sync_all().map_err(failed)?;
            file.set_permissions(std::fs::Permissions::from_mode(0o444))
                .map_err(failed)?;
            fs_err::rename(&self.path, &target).map_err(failed)?;
        }
        // The lock file is the last-use stamp, too; a waiting process may hold it already.
        let stamp = self.store.lock_path("blob", &computed);
        if let Ok(Some(hold)) = lock::attempt(&stamp, Mode::Shared) {
            hold.touch();
        }
        Ok((computed, size))
    }

    fn verify(&self, expected: Option<Digest>, computed: Digest, found: u64) -> Result<(), Error> {
        let source = match (self.needed, expected) {
            (Some(expected), _) if expected != found => Mismatch::Size { expected, found },
            (_, Some(expected)) if expected != computed => Mismatch::Digest { expected, computed },
            _ => return Ok(()),
        };
        Err(Error::Mismatch {
            what: expected.unwrap_or(computed).to_string(),
            source,
        })
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let file = self
            .file
            .as_mut()
            .ok_or_else(|| io::Error::other("blob writer was used after its end"))?;
        let written = file.write(buffer)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.flush(),
            None => Ok(()),
        }
    }
}

impl Drop for BlobWriter<'_> {
    fn drop(&mut self) {
        // After a commit the name is gone already; else nothing of it may stay.
        let _ = fs_err::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::progress::Silent;

    fn temporary_files(home: &Path) -> usize {
        fs_err::read_dir(home.join("v1/tmp"))
            .unwrap()
            .map(|entry| fs_err::read_dir(entry.unwrap().path()).unwrap().count())
            .sum()
    }

    #[test]
    fn a_blob_is_found_by_its_digest_and_can_not_be_written() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let (digest, size) = store.insert_blob(&mut &b"abc"[..], None).unwrap();
        assert_eq!((digest, size), (Digest::of(b"abc"), 3));
        let blob = store.blob(&digest).unwrap();
        assert_eq!(fs_err::read(&blob.path).unwrap(), b"abc");
        let mode = fs_err::metadata(&blob.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444);
        assert!(store.blob(&Digest::of(b"other")).is_none());
    }

    #[test]
    fn inserting_what_is_there_is_success() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        for _ in 0..2 {
            store.insert_blob(&mut &b"abc"[..], None).unwrap();
        }
        assert_eq!(temporary_files(home.path()), 0);
    }

    #[test]
    fn bytes_that_break_their_promise_are_not_stored() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let good = Digest::of(b"abc");
        for (bytes, size) in [(&b"abd"[..], 3), (b"ab", 3), (b"abcd", 3)] {
            let error = store
                .insert_blob(&mut &bytes[..], Some((good, Some(size))))
                .unwrap_err();
            assert!(matches!(error, Error::Mismatch { .. }), "{error}");
        }
        assert!(store.blob(&good).is_none());
        assert_eq!(temporary_files(home.path()), 0);
    }

    #[test]
    fn an_endless_reader_is_cut_off_at_the_promised_size() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let error = store
            .insert_blob(&mut io::repeat(0), Some((Digest::of(b""), Some(1000))))
            .unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. }));
    }

    #[test]
    fn a_writer_that_is_dropped_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let mut writer = store.writer().unwrap();
        writer.put(b"half").unwrap();
        assert_eq!(temporary_files(home.path()), 1);
        drop(writer);
        assert_eq!(temporary_files(home.path()), 0);
    }

    #[test]
    fn a_restarted_writer_has_only_what_came_after() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let mut writer = store.writer().unwrap();
        writer.put(b"wrong and long").unwrap();
        writer.restart().unwrap();
        writer.put(b"abc").unwrap();
        assert_eq!(writer.commit(None).unwrap(), (Digest::of(b"abc"), 3));
        assert_eq!(
            fs_err::read(store.blob_path(&Digest::of(b"abc"))).unwrap(),
            b"abc"
        );
    }

    #[test]
    fn of_many_that_want_the_same_one_fetches() {
        let home = tempfile::tempdir().unwrap();
        let digest = Digest::of(b"abc");
        let fetched = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let store = Store::open(home.path()).unwrap();
                    let blob = store
                        .get_or_insert::<Error>(&digest, "abc", &Silent, |store| {
                            fetched.fetch_add(1, Ordering::SeqCst);
                            std::thread::sleep(Duration::from_millis(50));
                            store.insert_blob(&mut &b"abc"[..], None).map(|_| ())
                        })
                        .unwrap();
                    assert_eq!(blob.size, 3);
                });
            }
        });
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_fetch_that_stores_something_else_is_a_defect() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let error = store
            .get_or_insert::<Error>(&Digest::of(b"abc"), "abc", &Silent, |_| Ok(()))
            .unwrap_err();
        assert!(matches!(error, Error::Absent(_)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_bytes_in_any_pieces_come_back(
            pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..8)
        ) {
            let home = tempfile::tempdir().unwrap();
            let store = Store::open(home.path()).unwrap();
            let mut writer = store.writer().unwrap();
            for piece in &pieces {
                writer.put(piece).unwrap();
            }
            let whole = pieces.concat();
            let (digest, size) = writer.commit(Some(Digest::of(&whole))).unwrap();
            prop_assert_eq!(size, whole.len() as u64);
            prop_assert_eq!(fs_err::read(store.blob(&digest).unwrap().path).unwrap(), whole);
        }
    }
}
