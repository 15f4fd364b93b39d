//! Directories in which compilers keep what they build for themselves, such as libc++ for a target.
//! The store only knows how large they are and when they were last used.

use std::path::PathBuf;
use std::sync::Arc;

use super::lock::{self, Hold, Mode};
use super::{Error, Store};
use crate::digest::Digest;

/// The kind of lock, and of item when pruning.
pub(super) const KIND: &str = "cache";

/// A compiler's own directory. While this lives it is not pruned.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Where it is.
    pub path: PathBuf,
    #[expect(dead_code, reason = "kept for its lock")]
    hold: Arc<Hold>,
}

impl Store {
    /// The directory that `toolchain` may use for what its compiler builds for itself.
    pub fn cache(&self, toolchain: &str) -> Result<Cache, Error> {
        let lock = self.lock_path(KIND, &Digest::of(toolchain.as_bytes()));
        // Only a prune locks it exclusively, and that takes moments.
        let hold = lock::acquire(&lock, Mode::Shared, &mut || {})?;
        hold.touch();
        let path = self.base.join("caches").join(toolchain);
        fs_err::create_dir_all(&path).map_err(|error| Error::writing(&path, None, error))?;
        let hold = Arc::new(hold);
        Ok(Cache { path, hold })
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
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Prune;

    #[test]
    fn a_cache_is_pruned_as_a_whole_and_not_while_it_is_used() {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(home.path()).unwrap();
        let cache = store.cache("cc-1").unwrap();
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
}
