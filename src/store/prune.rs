//! Giving space back: what was not used for long, or the oldest uses until the rest fits.
//!
//! What a running process holds is never removed. Blobs, trees and caches are judged alike, by
//! their last use.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::cache;
use super::lock::{self, Mode};
use super::tree::{MANIFEST, What};
use super::{Error, Store};
use crate::digest::Digest;
use crate::interrupt;

/// A build that runs names programs by their path and holds none of them; none runs that long.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What to remove. With neither bound, everything that is not in use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prune {
    /// What was last used longer ago than this goes.
    pub older_than: Option<Duration>,
    /// The oldest go until no more bytes than this are left.
    pub max_size: Option<u64>,
    /// Only tell what would be removed.
    pub dry_run: bool,
}

/// What a prune did, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pruned {
    /// What was removed, oldest use first.
    pub removed: Vec<Item>,
    /// What would have been removed but is in use.
    pub in_use: Vec<Item>,
    /// The bytes of everything removed.
    pub freed: u64,
    /// The bytes that are left.
    pub left: u64,
}

/// A blob, a tree or a cache.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// `blob`, `tree` or `cache`.
    pub kind: &'static str,
    /// Its name.
    pub digest: Digest,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Seconds since it was last used.
    pub idle: u64,
}

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many.
    pub count: usize,
    /// How many bytes in all.
    pub bytes: u64,
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Usage {
    /// Fetched and made files.
    pub blobs: Amount,
    /// Unpacked toolchains.
    pub trees: Amount,
    /// What compilers keep for themselves.
    pub caches: Amount,
    /// Remembered answers.
    pub records: Amount,
}

impl Store {
    /// Removes what the rules name.
    pub fn prune(&self, rules: Prune) -> Result<Pruned, Error> {
        let mut items = self.items()?;
        items.sort_by_key(|item| (std::cmp::Reverse(item.idle), item.digest));
        let mut pruned = Pruned {
            left: items.iter().map(|item| item.size).sum(),
            ..Pruned::default()
        };
        // Held to the end, so that no blob is taken from who locks them all from now on.
        let (blobs, free) = match lock::attempt(&self.blobs.path, Mode::Exclusive) {
            // In a store that can't be written nobody locks what is not there.
            Err(_) if rules.dry_run => (None, true),
            attempted => {
                let blobs = attempted?;
                let free = blobs.is_some();
                (blobs, free)
            }
        };
        for item in items {
            interrupt::check().map_err(Error::Io)?;
            if !rules.removes(&item, pruned.left) {
                continue;
            }
            let gone = if item.kind == "blob" && !free {
                false
            } else if rules.dry_run {
                !self.in_use(&item)?
            } else {
                self.remove(item.kind, &item.digest, &item.path)?
            };
            if gone {
                pruned.freed += item.size;
                pruned.left -= item.size;
                pruned.removed.push(item);
            } else {
                pruned.in_use.push(item);
            }
        }
        if blobs.is_some() {
            // Whoever waited for it sees that, and makes another.
            let _ = fs_err::remove_file(&self.blobs.path);
        }
        drop(blobs);
        if !rules.dry_run {
            self.prune_records(rules)?;
            if rules.older_than.is_some() || rules.max_size.is_none() {
                self.prune_programs(rules.older_than.max(Some(DAY)))?;
            }
            self.prune_locks()?;
        }
        Ok(pruned)
    }

    /// How much the store holds.
    pub fn usage(&self) -> Result<Usage, Error> {
        let mut usage = Usage::default();
        for item in self.items()? {
            let amount = match item.kind {
                "blob" => &mut usage.blobs,
                cache::KIND => &mut usage.caches,
                _ => &mut usage.trees,
            };
            amount.count += 1;
            amount.bytes += item.size;
        }
        usage.records = measure(&self.base.join("records"))?;
        Ok(usage)
    }

    fn items(&self) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        for (digest, path) in self.named("blobs/sha256")? {
            if let (Some(digest), Ok(metadata)) = (digest, fs_err::metadata(&path)) {
                items.push(self.item("blob", digest, path, metadata.len()));
            }
        }
        for (recipe, path) in self.named("trees")? {
            if let Some(recipe) = recipe {
                let size = self.tree_size(&recipe, &path)?;
                items.push(self.item("tree", recipe, path, size));
            }
        }
        for (digest, path) in self.caches()? {
            let size = measure(&path)?.bytes;
            items.push(self.item(cache::KIND, digest, path, size));
        }
        Ok(items)
    }

    fn item(&self, kind: &'static str, digest: Digest, path: PathBuf, size: u64) -> Item {
        let idle = age(&self.lock_path(kind, &digest))
            .or_else(|| age(&path))
            .unwrap_or_default()
            .as_secs();
        Item {
            kind,
            digest,
            path,
            size,
            idle,
        }
    }

    fn tree_size(&self, recipe: &Digest, path: &Path) -> Result<u64, Error> {
        match self.manifest(recipe) {
            Some(entries) => Ok(entries
                .iter()
                .map(|entry| match entry.what {
                    What::File { size, .. } => size,
                    What::Directory | What::Link { .. } => 0,
                })
                .sum()),
            None => measure(path).map(|amount| amount.bytes),
        }
    }

    fn in_use(&self, item: &Item) -> Result<bool, Error> {
        let path = self.lock_path(item.kind, &item.digest);
        Ok(lock::attempt(&path, Mode::Exclusive)?.is_none())
    }

    /// Records cost little; they go by age alone, and a tree's manifest goes with its tree.
    fn prune_records(&self, rules: Prune) -> Result<(), Error> {
        let limit = match (rules.older_than, rules.max_size) {
            (Some(limit), _) => limit,
            (None, Some(_)) => return Ok(()),
            (None, None) => Duration::ZERO,
        };
        for kind in fs_err::read_dir(self.base.join("records")).map_err(Error::Io)? {
            let kind = kind.map_err(Error::Io)?;
            let folder = Path::new("records").join(kind.file_name());
            let manifests = kind.file_name() == MANIFEST;
            for (digest, path) in self.named(&folder.to_string_lossy())? {
                let needed = manifests && digest.is_some_and(|digest| self.has_tree(&digest));
                if !needed && age(&path).is_some_and(|age| age >= limit) {
                    // Another prune may have been quicker.
                    let _ = fs_err::remove_file(&path);
                }
            }
        }
        Ok(())
    }
}

impl Store {
    /// Lock files of what was never stored, such as a file that no source had.
    fn prune_locks(&self) -> Result<(), Error> {
        for entry in fs_err::read_dir(self.base.join("locks")).map_err(Error::Io)? {
            let entry = entry.map_err(Error::Io)?;
            let name = entry.file_name();
            let parts = name.to_str().and_then(|name| name.split_once('-'));
            let Some((kind, Ok(digest))) = parts.map(|(kind, hex)| (kind, Digest::from_hex(hex)))
            else {
                continue;
            };
            let guarded = match kind {
                "blob" => self.blob_path(&digest),
                // Its lock goes with it, and nobody waits for one that is not there.
                cache::KIND => continue,
                _ => self.tree_path(&digest),
            };
            if !guarded.exists()
                && let Some(_exclusive) = lock::attempt(&entry.path(), Mode::Exclusive)?
                && !guarded.exists()
            {
                let _ = fs_err::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

impl Prune {
    fn removes(self, item: &Item, left: u64) -> bool {
        let old = self
            .older_than
            .is_some_and(|limit| Duration::from_secs(item.idle) >= limit);
        let over = self.max_size.is_some_and(|limit| left > limit);
        old || over || (self.older_than.is_none() && self.max_size.is_none())
    }
}

fn age(path: &Path) -> Option<Duration> {
    let modified = fs_err::metadata(path).ok()?.modified().ok()?;
    Some(
        SystemTime::now()
            .duration_since(modified)
            .unwrap_or_default(),
    )
}

fn measure(root: &Path) -> Result<Amount, Error> {
    let mut amount = Amount::default();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        interrupt::check().map_err(Error::Io)?;
        for entry in fs_err::read_dir(&folder).map_err(Error::Io)? {
            let path = entry.map_err(Error::Io)?.path();
            // A compiler may be tidying its cache meanwhile.
            let Ok(metadata) = fs_err::symlink_metadata(&path) else {
                continue;
            };
            if metadata.is_dir() {
                folders.push(path);
            } else {
                amount.count += 1;
                amount.bytes += metadata.len();
            }
        }
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn aged(store: &Store, kind: &str, digest: &Digest, hours: u64) {
        let past = SystemTime::now() - Duration::from_secs(hours * 3600);
        let stamp = fs_err::OpenOptions::new()
            .write(true)
            .open(store.lock_path(kind, digest))
            .unwrap();
        stamp.set_modified(past).unwrap();
    }

    fn store_with_three(home: &Path) -> (Store, [Digest; 3]) {
        let store = Store::open(home).unwrap();
        let one = store.insert_blob(&mut &b"1"[..], None).unwrap().0;
        let two = store.insert_blob(&mut &b"22"[..], None).unwrap().0;
        let tree = Digest::of(b"recipe");
        store
            .tree::<Error>(&tree, "t", &Silent, |root| {
                fs_err::write(root.join("file"), "333").map_err(Error::Io)
            })
            .unwrap();
        aged(&store, "blob", &one, 30);
        aged(&store, "blob", &two, 20);
        aged(&store, "tree", &tree, 10);
        (store, [one, two, tree])
    }

    fn digests(items: &[Item]) -> Vec<Digest> {
        items.iter().map(|item| item.digest).collect()
    }

    #[test]
    fn blobs_that_are_locked_together_are_in_use_for_another_process() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        store.insert_blob(&mut &b"abc"[..], None).unwrap();
        let together = Store::open(home.path()).unwrap().blobs.hold().unwrap();
        let pruned = store.prune(Prune::default()).unwrap();
        assert_eq!((pruned.in_use.len(), pruned.removed.len()), (1, 0));
        drop(together);
        let pruned = store.prune(Prune::default()).unwrap();
        assert_eq!((pruned.in_use.len(), pruned.removed.len()), (0, 1));
    }

    #[test]
    fn what_was_not_used_for_long_goes() {
        let home = tempfile::tempdir().unwrap();
        let (store, [one, two, tree]) = store_with_three(home.path());
        let rules = Prune {
            older_than: Some(Duration::from_secs(15 * 3600)),
            ..Prune::default()
        };
        let pruned = store.prune(rules).unwrap();
        assert_eq!(digests(&pruned.removed), [one, two]);
        assert_eq!((pruned.freed, pruned.left), (3, 3));
        assert!(store.has_tree(&tree));
        assert!(store.blob(&one).is_none());
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits() {
        let home = tempfile::tempdir().unwrap();
        let (store, [one, ..]) = store_with_three(home.path());
        let rules = Prune {
            max_size: Some(5),
            ..Prune::default()
        };
        assert_eq!(digests(&store.prune(rules).unwrap().removed), [one]);
        assert_eq!(store.usage().unwrap().blobs, Amount { count: 1, bytes: 2 });
    }

    #[test]
    fn a_use_makes_young_again() {
        let home = tempfile::tempdir().unwrap();
        let (store, [one, two, _]) = store_with_three(home.path());
        drop(store.blob(&one).unwrap());
        let rules = Prune {
            older_than: Some(Duration::from_secs(15 * 3600)),
            ..Prune::default()
        };
        assert_eq!(digests(&store.prune(rules).unwrap().removed), [two]);
    }

    #[test]
    fn what_is_held_stays_and_a_dry_run_removes_nothing() {
        let home = tempfile::tempdir().unwrap();
        let (store, [one, two, tree]) = store_with_three(home.path());
        let held = Store::open(home.path()).unwrap().blob(&two).unwrap();
        for dry_run in [true, false] {
            let pruned = store
                .prune(Prune {
                    dry_run,
                    ..Prune::default()
                })
                .unwrap();
            assert_eq!(digests(&pruned.in_use), [two]);
            assert_eq!(pruned.removed.len(), 2);
            assert_eq!(store.has_tree(&tree), dry_run);
            assert_eq!(store.blob(&one).is_some(), dry_run);
            aged_if_there(&store, &one);
        }
        assert!(held.path.exists());
    }

    fn aged_if_there(store: &Store, digest: &Digest) {
        if store.lock_path("blob", digest).exists() {
            aged(store, "blob", digest, 30);
        }
    }

    #[test]
    fn records_go_by_age_and_manifests_and_locks_with_what_they_belong_to() {
        let home = tempfile::tempdir().unwrap();
        let (store, [.., tree]) = store_with_three(home.path());
        store.put_record("layer", &tree, b"x").unwrap();
        let rules = Prune {
            older_than: Some(Duration::from_secs(15 * 3600)),
            ..Prune::default()
        };
        store.prune(rules).unwrap();
        assert!(store.record("layer", &tree).is_some());
        fs_err::write(store.lock_path("blob", &Digest::of(b"never")), "").unwrap();
        store.prune(Prune::default()).unwrap();
        assert!(store.record("layer", &tree).is_none());
        assert!(store.manifest(&tree).is_none());
        let locks = fs_err::read_dir(home.path().join("v1/locks")).unwrap();
        assert_eq!(locks.count(), 0);
    }
}
