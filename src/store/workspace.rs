//! A process' own directory under `v1/tmp`, and the removal of those that ended processes left.
//!
//! The owner holds an exclusive lock on the directory itself. A directory whose lock can be taken
//! belongs to nobody any more. Between making a directory and locking it another process may take
//! it for a dead one, so the owner looks once more after locking and otherwise begins again.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Error;
use crate::interrupt;

/// Made at first need, removed when dropped.
#[derive(Debug)]
pub(super) struct Workspace {
    parent: PathBuf,
    own: Mutex<Option<Own>>,
    next: AtomicU64,
}

struct Own {
    path: PathBuf,
    _lock: fs_err::File,
    _temporary: interrupt::Temporary,
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.fmt(f)
    }
}

/// A directory inside the workspace, removed when dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Workspace {
    pub(super) fn new(parent: PathBuf) -> Self {
        Self {
            parent,
            own: Mutex::new(None),
            next: AtomicU64::new(0),
        }
    }

    /// A path for a file that nobody else uses. The file is not made.
    pub(super) fn file(&self) -> Result<PathBuf, Error> {
        let mut own = self
            .own
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let own = match &mut *own {
            Some(own) => own,
            empty => empty.insert(claim(&self.parent)?),
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Ok(own.path.join(number.to_string()))
    }

    /// Removes it with all that is in it; the next need makes another.
    pub(super) fn clear(&self) {
        let mut own = self
            .own
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(own) = own.take() {
            // What can't be removed now is removed by the next process.
            let _ = fs_err::remove_dir_all(&own.path);
        }
    }

    /// A new, empty directory.
    pub(super) fn directory(&self) -> Result<Directory, Error> {
        let path = self.file()?;
        fs_err::create_dir(&path).map_err(|error| Error::writing(&path, None, error))?;
        Ok(Directory { path })
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Directory {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // It may have been renamed into place; else the workspace goes with all it holds.
        let _ = fs_err::remove_dir_all(&self.path);
    }
}

fn claim(parent: &Path) -> Result<Own, Error> {
    let failed = |error| Error::writing(parent, None, error);
    loop {
        interrupt::check().map_err(Error::Io)?;
        let path = tempfile::Builder::new()
            .prefix(&format!("{}-", std::process::id()))
            .tempdir_in(parent)
            .map_err(failed)?
            .keep();
        let temporary = interrupt::temporary(&path);
        // Each of these fails when a sweep took the directory in between.
        let Ok(lock) = fs_err::File::open(&path) else {
            continue;
        };
        if lock.try_lock().is_ok() && is_at(&lock, &path) {
            return Ok(Own {
                path,
                _lock: lock,
                _temporary: temporary,
            });
        }
    }
}

/// Whether the open file is still the one that the path names.
pub(super) fn is_at(file: &fs_err::File, path: &Path) -> bool {
    match (file.metadata(), fs_err::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

/// Removes the directories of ended processes.
pub(super) fn sweep(parent: &Path) -> Result<(), Error> {
    for entry in fs_err::read_dir(parent).map_err(Error::Io)? {
        let path = entry.map_err(Error::Io)?.path();
        let Ok(directory) = fs_err::File::open(&path) else {
            continue;
        };
        if directory.try_lock().is_err() {
            continue;
        }
        match fs_err::remove_dir_all(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                let _ = fs_err::remove_file(&path);
            }
            // Another user's, or swept by somebody else at the same moment.
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::store::Store;

    #[test]
    fn what_a_dead_process_left_is_removed_and_what_a_live_one_uses_is_not() {
        let home = tempfile::tempdir().unwrap();
        let live = Store::open(home.path()).unwrap();
        let scratch = live.scratch().unwrap();
        let dead = home.path().join("v1/tmp/1-dead");
        fs_err::create_dir_all(dead.join("half")).unwrap();
        fs_err::write(dead.join("half/file"), "x").unwrap();

        drop(Store::open(home.path()).unwrap());
        assert!(!dead.exists());
        assert!(scratch.path().exists());

        drop(scratch);
        drop(live);
        let left = fs_err::read_dir(home.path().join("v1/tmp"))
            .unwrap()
            .count();
        assert_eq!(left, 0);
    }

    #[test]
    fn many_openers_at_once_do_not_take_each_others_directories() {
        let home = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let store = Store::open(home.path()).unwrap();
                        let scratch = store.scratch().unwrap();
                        fs_err::write(scratch.path().join("file"), "x").unwrap();
                    }
                });
            }
        });
        let left = fs_err::read_dir(home.path().join("v1/tmp"))
            .unwrap()
            .count();
        assert_eq!(left, 0);
    }
}
