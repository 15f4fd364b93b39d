//! Directories in which compilers keep what they build for themselves, such as libc++ for a target.
//!
//! They are the compilers' own, which believe what they find there: an object that was removed or cut
//! short would be linked as it is, or be missed for ever. So the store notes what a part of such a
//! directory holds when a command has ended well, and one that has lost something of that is emptied
//! before it is used again.

mod contents;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::lock::{self, Hold, Mode};
use super::{Error, Store};
use crate::digest::Digest;
use contents::Contents;

/// The kind of lock and of record, and of item when pruning.
pub(super) const KIND: &str = "cache";

/// A compiler's own directory. While this lives it is not pruned.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Where it is.
    pub path: PathBuf,
    known: Option<Arc<Contents>>,
    #[expect(dead_code, reason = "kept for its lock")]
    hold: Arc<Hold>,
}

/// What of a cache is noted: files that never change once they are there, and that programs are made
/// from.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// The folder, below the cache.
    pub folder: &'static str,
    /// Whether a file of this name is one of them.
    pub holds: fn(&str) -> bool,
}

/// A file of a cache that is not what was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: PathBuf,
    /// How it differs.
    pub reason: String,
}

/// The caches that this process has used.
#[derive(Debug, Default)]
pub(super) struct Used(Mutex<BTreeMap<String, One>>);

/// A cache that was used.
#[derive(Clone, Debug)]
struct One {
    part: Part,
    known: Option<Arc<Contents>>,
    hold: Weak<Hold>,
}

impl Used {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, One>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// The directory that `toolchain` may use for what its compiler builds for itself. What was lost
    /// of its `part` is told, and the directory is then empty.
    pub fn cache(
        &self,
        toolchain: &str,
        part: Part,
        lost: &mut dyn FnMut(&[Damage]),
    ) -> Result<Cache, Error> {
        let path = self.base.join("caches").join(toolchain);
        let mut used = self.used.lock();
        let held = used
            .get(toolchain)
            .and_then(|one| Some((one.hold.upgrade()?, one.known.clone())));
        let (hold, known) = if let Some(held) = held {
            held
        } else {
            let (hold, known) = self.hold_sound(toolchain, &path, lost)?;
            let hold = Arc::new(hold);
            let one = One {
                part,
                known: known.clone(),
                hold: Arc::downgrade(&hold),
            };
            used.insert(toolchain.to_owned(), one);
            (hold, known)
        };
        drop(used);
        hold.touch();
        fs_err::create_dir_all(&path).map_err(|error| Error::writing(&path, None, error))?;
        Ok(Cache { path, known, hold })
    }

    /// The lock of a cache that is sound, with what it holds: a damaged one is removed.
    fn hold_sound(
        &self,
        toolchain: &str,
        path: &Path,
        lost: &mut dyn FnMut(&[Damage]),
    ) -> Result<(Hold, Option<Arc<Contents>>), Error> {
        let digest = Digest::of(toolchain.as_bytes());
        let lock = self.lock_path(KIND, &digest);
        // Only a prune locks it exclusively, and that takes moments.
        let hold = lock::acquire(&lock, Mode::Shared, &mut || {})?;
        let Some(mut known) = Contents::read(&self.record_path(KIND, &digest)) else {
            return Ok((hold, None));
        };
        if known.is_forgotten(path) {
            let _ = fs_err::remove_file(self.record_path(KIND, &digest));
            return Ok((hold, None));
        }
        let damage = known.damage(path, false)?;
        let Some(first) = damage.first() else {
            if known.refresh(path) {
                // A store that another user filled can't be written; then it is compared again.
                let _ = self.put_record(KIND, &digest, &known.to_bytes());
            }
            return Ok((hold, Some(Arc::new(known))));
        };
        drop(hold);
        if !self.remove(KIND, &digest, path)? {
            return Err(first.in_use());
        }
        lost(&damage);
        Ok((lock::acquire(&lock, Mode::Shared, &mut || {})?, None))
    }

    /// Notes what the caches hold that this process has used and does not use any more. One that
    /// another process uses is left to that: its compilers may be writing.
    pub fn note_caches(&self) -> Result<(), Error> {
        let used = self.used.lock().clone();
        for (toolchain, One { part, known, .. }) in used {
            let digest = Digest::of(toolchain.as_bytes());
            let path = self.base.join("caches").join(&toolchain);
            if known.is_some_and(|known| known.is_all(&path)) {
                continue;
            }
            let lock = self.lock_path(KIND, &digest);
            let Some(_exclusive) = lock::attempt(&lock, Mode::Exclusive)? else {
                continue;
            };
            // Another process may have noted more.
            let known = Contents::read(&self.record_path(KIND, &digest));
            let noted = Contents::note(&path, part, known.as_ref())?;
            if known.as_ref() != Some(&noted) {
                self.put_record(KIND, &digest, &noted.to_bytes())?;
            }
        }
        Ok(())
    }

    /// Every cache with the digest that its lock goes by.
    pub(super) fn caches(&self) -> Result<Vec<(Digest, PathBuf)>, Error> {
        let mut caches = Vec::new();
        for entry in fs_err::read_dir(self.base.join("caches")).map_err(Error::Io)? {
            let entry = entry.map_err(Error::Io)?;
            let digest = Digest::of(entry.file_name().as_encoded_bytes());
            caches.push((digest, entry.path()));
        }
        caches.sort();
        Ok(caches)
    }

    /// What a cache has lost, every byte compared.
    pub(super) fn cache_faults(&self, digest: &Digest, path: &Path) -> Result<Vec<String>, Error> {
        let Some(known) = Contents::read(&self.record_path(KIND, digest)) else {
            return Ok(Vec::new());
        };
        let damage = known.damage(path, true)?;
        let said = |one: &Damage| {
            let file = one.file.strip_prefix(path).unwrap_or(&one.file);
            format!("`{}` {}", file.display(), one.reason)
        };
        Ok(damage.iter().map(said).collect())
    }
}

impl Cache {
    /// What has been lost since it was noted; empty where all is well, or where nothing was noted.
    pub fn damage(&self) -> Result<Vec<Damage>, Error> {
        match &self.known {
            Some(known) => known.damage(&self.path, false),
            None => Ok(Vec::new()),
        }
    }
}

impl Damage {
    fn in_use(&self) -> Error {
        Error::Altered {
            path: self.file.clone(),
            reason: format!("{}, and another build uses what is beside it", self.reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Prune;

    const DEEP: Part = Part {
        folder: "g/o",
        holds: |name| Path::new(name).extension().is_none_or(|end| end != "tmp"),
    };
    const FLAT: Part = Part {
        folder: "o",
        holds: |_| true,
    };

    #[test]
    fn a_cache_is_pruned_as_a_whole_and_not_while_it_is_used() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let cache = store.cache("cc-1", FLAT, &mut |_| {}).unwrap();
        fs_err::create_dir(cache.path.join("deep")).unwrap();
        fs_err::write(cache.path.join("deep/file"), "12345").unwrap();
        let pruned = store.prune(Prune::default()).unwrap();
        assert_eq!(pruned.in_use.len(), 1);
        let path = cache.path.clone();
        drop(cache);
        let young = Prune {
            older_than: Some(Duration::from_secs(60)),
            ..Prune::default()
        };
        assert!(store.prune(young).unwrap().removed.is_empty());
        let pruned = store.prune(Prune::default()).unwrap();
        assert_eq!((pruned.removed[0].kind, pruned.freed), (KIND, 5));
        assert!(!path.exists());
    }

    fn write(cache: &Cache, name: &str, text: &str) -> PathBuf {
        let path = cache.path.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        path
    }

    /// A cache with two objects that were noted, and what harm was done to it meanwhile.
    fn after(harm: &dyn Fn(&Path)) -> Vec<String> {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let cache = store.cache("cc-1", DEEP, &mut |_| {}).unwrap();
        write(&cache, "g/o/1/a.o", "first");
        write(&cache, "g/o/2/b.o", "second");
        write(&cache, "g/o/2/b.tmp", "nothing is made from this");
        write(&cache, "g/h/a.txt", "says that there are objects");
        let path = cache.path.clone();
        drop(cache);
        store.note_caches().unwrap();
        harm(&path);
        let store = Store::open(home.path()).unwrap();
        let mut lost = Vec::new();
        let cache = store.cache("cc-1", DEEP, &mut |damage| {
            lost.extend(damage.iter().map(|one| {
                let file = one.file.strip_prefix(&path).unwrap();
                format!("{} {}", file.display(), one.reason)
            }));
        });
        let cache = cache.unwrap();
        assert_eq!(cache.damage().unwrap(), []);
        assert_eq!(
            path.join("g/h").exists(),
            lost.is_empty() && path.join("g").exists()
        );
        lost
    }

    #[test]
    fn a_cache_that_has_lost_something_is_emptied_and_that_is_told() {
        let none: [&str; 0] = [];
        assert_eq!(after(&|_| {}), none);
        let cut = after(&|path| fs_err::write(path.join("g/o/1/a.o"), "").unwrap());
        assert_eq!(cut, ["g/o/1/a.o has 0 bytes, and had 5"]);
        let passed = after(&|path| fs_err::remove_file(path.join("g/o/2/b.tmp")).unwrap());
        assert_eq!(passed, none);
        let other = after(&|path| fs_err::write(path.join("g/o/1/a.o"), "fir\0t").unwrap());
        assert_eq!(other, ["g/o/1/a.o is not what was written there"]);
        let gone = after(&|path| fs_err::remove_dir_all(path.join("g/o")).unwrap());
        assert_eq!(gone, ["g/o/1/a.o is missing", "g/o/2/b.o is missing"]);
    }

    #[test]
    fn a_cache_that_was_copied_removed_or_grew_is_sound() {
        let none: [&str; 0] = [];
        let copied = after(&|path| {
            fs_err::rename(path.join("g"), path.join("old")).unwrap();
            for file in ["g/o/1/a.o", "g/o/2/b.o", "g/h/a.txt"] {
                fs_err::create_dir_all(path.join(file).parent().unwrap()).unwrap();
                let from = path.join(file.replacen("g/", "old/", 1));
                fs_err::copy(from, path.join(file)).unwrap();
            }
        });
        assert_eq!(copied, none);
        assert_eq!(after(&|path| fs_err::remove_dir_all(path).unwrap()), none);
        let grown = after(&|path| {
            fs_err::create_dir(path.join("g/o/3")).unwrap();
            fs_err::write(path.join("g/o/3/c.o"), "third").unwrap();
        });
        assert_eq!(grown, none);
    }

    #[test]
    fn what_was_in_a_removed_cache_is_not_missed_in_the_next() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        for name in ["g/o/1/a.o", "g/o/2/b.o"] {
            let never = &mut |_: &[Damage]| panic!("nothing is damaged");
            let cache = store.cache("cc-1", DEEP, never).unwrap();
            write(&cache, name, "text");
            let path = cache.path.clone();
            drop(cache);
            store.note_caches().unwrap();
            let cache = store.cache("cc-1", DEEP, never).unwrap();
            assert_eq!(cache.damage().unwrap(), []);
            fs_err::remove_dir_all(path).unwrap();
        }
    }

    #[test]
    fn a_damaged_cache_that_another_process_uses_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let cache = store.cache("cc-1", FLAT, &mut |_| {}).unwrap();
        let object = write(&cache, "o/1/a.o", "first");
        drop(cache);
        store.note_caches().unwrap();
        let other = Store::open(home.path()).unwrap();
        let held = other.cache("cc-1", FLAT, &mut |_| {}).unwrap();
        fs_err::remove_file(&object).unwrap();
        assert_eq!(held.damage().unwrap().len(), 1);
        let error = store.cache("cc-1", FLAT, &mut |_| {}).unwrap_err();
        assert!(
            error.to_string().contains("a.o` is missing, and another"),
            "{error}"
        );
        drop(held);
        let mut lost = 0;
        store
            .cache("cc-1", FLAT, &mut |damage| lost = damage.len())
            .unwrap();
        assert_eq!(lost, 1);
    }
}
