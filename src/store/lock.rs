//! Lock files: one for each blob and tree, locked while it is made (exclusive) or used (shared),
//! whose modification time is the last use.
//!
//! A lock file goes with what it guards. Whoever waited for one that was removed meanwhile holds
//! a lock on nothing, sees that by the inode, and begins again.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::{Error, workspace};
use crate::{interrupt, limits};

/// How long a wait is kept to oneself.
const PATIENCE: Duration = Duration::from_millis(700);
/// Between two looks at a lock. `flock` itself could not be interrupted.
const POLL: Duration = Duration::from_millis(20);
/// Last-use times are this coarse, so that reading does not mean writing each time.
const COARSE: Duration = Duration::from_secs(3600);

/// Files that stay free for everything else: downloads, compilers' pipes, what is being unpacked.
const FREE: u64 = 40;

/// How many locks this process holds, each by an open file.
static HELD: AtomicU64 = AtomicU64::new(0);

/// A lock that is held until dropped.
#[derive(Debug)]
pub(super) struct Hold {
    file: fs_err::File,
}

impl Drop for Hold {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One lock in the place of many, where this process may not have so many files open: while it is
/// held, all that it stands for is in use.
#[derive(Debug)]
pub(super) struct Together {
    pub(super) path: PathBuf,
    held: Mutex<Weak<Hold>>,
}

impl Together {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            held: Mutex::default(),
        }
    }

    /// The lock itself, or this one where there are too many already.
    pub(super) fn instead_of(&self, own: Hold) -> Result<Arc<Hold>, Error> {
        let held = HELD.load(Ordering::Relaxed);
        match limits::files() {
            Some(limit) if held.saturating_add(FREE) > limit => self.hold(),
            _ => Ok(Arc::new(own)),
        }
    }

    /// This lock.
    pub(super) fn hold(&self) -> Result<Arc<Hold>, Error> {
        let mut together = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hold) = together.upgrade() {
            return Ok(hold);
        }
        // Only a prune locks it exclusively, and takes nothing that is locked meanwhile.
        let hold = Arc::new(acquire(&self.path, Mode::Shared, &mut || ())?);
        *together = Arc::downgrade(&hold);
        Ok(hold)
    }
}

/// With or beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Shared,
    Exclusive,
}

/// Waits for the lock; calls `waiting` once if that takes longer than a moment.
pub(super) fn acquire(path: &Path, mode: Mode, waiting: &mut dyn FnMut()) -> Result<Hold, Error> {
    let start = Instant::now();
    let mut told = false;
    loop {
        if let Some(hold) = attempt(path, mode)? {
            return Ok(hold);
        }
        interrupt::check().map_err(Error::Io)?;
        if !told && start.elapsed() > PATIENCE {
            waiting();
            told = true;
        }
        std::thread::sleep(POLL);
    }
}

/// Takes the lock if that is possible at once.
pub(super) fn attempt(path: &Path, mode: Mode) -> Result<Option<Hold>, Error> {
    let file = open(path)?;
    let taken = match mode {
        Mode::Shared => file.try_lock_shared(),
        Mode::Exclusive => file.try_lock(),
    };
    match taken {
        Ok(()) if workspace::is_at(&file, path) => {
            HELD.fetch_add(1, Ordering::Relaxed);
            Ok(Some(Hold { file }))
        }
        Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::Io(error)),
    }
}

fn open(path: &Path) -> Result<fs_err::File, Error> {
    let opened = fs_err::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    match opened {
        // A filled store that only another user can write can still be read: `flock` does not ask
        // for write access.
        Err(error) if Error::is_refusal(&error) => {
            fs_err::File::open(path).map_err(|_| Error::writing(path, None, error))
        }
        opened => opened.map_err(|error| Error::writing(path, None, error)),
    }
}

impl Hold {
    /// Notes that what is guarded was used now.
    pub(super) fn touch(&self) {
        let now = SystemTime::now();
        let recent = self
            .file
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|last| now.duration_since(last).is_ok_and(|age| age < COARSE));
        if !recent {
            // A last use that can't be written is no reason to stop.
            let _ = self.file.set_modified(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusive_lock_keeps_others_out_until_dropped() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let shared = attempt(&path, Mode::Shared).unwrap();
        assert!(shared.is_some());
        assert!(attempt(&path, Mode::Shared).unwrap().is_some());
        assert!(attempt(&path, Mode::Exclusive).unwrap().is_none());
        drop(shared);
        let exclusive = attempt(&path, Mode::Exclusive).unwrap();
        assert!(exclusive.is_some());
        assert!(attempt(&path, Mode::Shared).unwrap().is_none());
    }

    #[test]
    fn a_lock_on_a_removed_file_is_not_taken_for_a_lock() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let first = attempt(&path, Mode::Exclusive).unwrap().unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| acquire(&path, Mode::Exclusive, &mut || ()).unwrap());
            std::thread::sleep(Duration::from_millis(60));
            fs_err::remove_file(&path).unwrap();
            drop(first);
            let second = waiter.join().unwrap();
            assert!(workspace::is_at(&second.file, &path));
        });
    }

    #[test]
    fn many_that_are_locked_together_are_in_use_until_the_last_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let together = Together::new(home.path().join("all"));
        let free = || attempt(&together.path, Mode::Exclusive).unwrap().is_some();
        let (first, second) = (together.hold().unwrap(), together.hold().unwrap());
        drop(first);
        assert!(!free());
        drop(second);
        assert!(free());
        let own = attempt(&home.path().join("one"), Mode::Shared).unwrap();
        let own = together.instead_of(own.unwrap()).unwrap();
        assert!(free(), "here many files may be open");
        drop(own);
    }

    #[test]
    fn last_use_is_written_at_most_once_an_hour() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("lock");
        let hold = attempt(&path, Mode::Shared).unwrap().unwrap();
        let recent = SystemTime::now() - Duration::from_secs(60);
        hold.file.set_modified(recent).unwrap();
        hold.touch();
        assert_eq!(hold.file.metadata().unwrap().modified().unwrap(), recent);
        hold.file.set_modified(recent - COARSE).unwrap();
        hold.touch();
        assert!(hold.file.metadata().unwrap().modified().unwrap() > recent);
    }
}
