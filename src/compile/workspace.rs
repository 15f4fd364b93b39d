//! The project's `out` folder while a build works in it.
//!
//! One build at a time: a second one waits at `out/.lock`, which compilers hold, too: those of a
//! killed build end first. What a killed build left under
//! `out/.tmp` is removed by the next. `out/.gitignore` keeps results out of the repository, and so
//! out of what Go stamps into a binary about it.

use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use fs_err::File;

use crate::atomic;
use crate::interrupt::{self, Temporary};
use crate::progress::Observer;
use crate::target::Platform;

/// The `out` folder, held for one build.
pub struct Workspace {
    /// The project's folder.
    pub root: PathBuf,
    /// The folder of the results.
    pub out: PathBuf,
    /// An empty folder on the same file system for files in the making.
    pub temporary: PathBuf,
    _registered: Temporary,
    opened: File,
    lock: File,
}

impl Workspace {
    /// Prepares `out` and waits until no other build works in it.
    pub fn open(root: &Path, observer: &dyn Observer) -> std::io::Result<Self> {
        let out = root.join("out");
        fs_err::create_dir_all(&out)?;
        let lock = fs_err::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(out.join(".lock"))?;
        if lock.try_lock().is_err() {
            observer.note(&format!("waiting for another build in {}", out.display()));
            while let Err(error) = lock.try_lock() {
                interrupt::check()?;
                match error {
                    std::fs::TryLockError::Error(error) => return Err(error),
                    std::fs::TryLockError::WouldBlock => {
                        std::thread::sleep(std::time::Duration::from_millis(50));
                    }
                }
            }
        }
        ignore(&out)?;
        // Of a `polyarch.lock` that a killed run did not come to rename: this run may write none.
        atomic::clear_leftovers(root);
        let temporary = out.join(".tmp");
        let registered = interrupt::temporary(&temporary);
        if temporary.exists() {
            fs_err::remove_dir_all(&temporary)?;
        }
        fs_err::create_dir(&temporary)?;
        Ok(Self {
            root: root.to_owned(),
            out,
            opened: File::open(&temporary)?,
            temporary,
            _registered: registered,
            lock,
        })
    }

    /// The lock that says that somebody builds here.
    pub fn lock(&self) -> &std::fs::File {
        self.lock.file()
    }

    /// The temporary folder by a path that is not below the project's: the one that Linux gives every
    /// descriptor.
    pub fn temporary_elsewhere(&self) -> PathBuf {
        let (process, descriptor) = (std::process::id(), self.opened.as_raw_fd());
        PathBuf::from(format!("/proc/{process}/fd/{descriptor}"))
    }

    /// Makes `out/arm` a link to the one arm variant that was built, and removes it where there
    /// are several.
    pub fn link_arm(&self, platforms: &[Platform]) -> std::io::Result<()> {
        let mut arm = platforms
            .iter()
            .filter(|platform| platform.architecture().name == "arm")
            .map(|platform| platform.directory());
        let Some(first) = arm.next() else {
            return Ok(());
        };
        let link = self.out.join("arm");
        match fs_err::symlink_metadata(&link) {
            // A real folder is somebody else's.
            Ok(found) if !found.is_symlink() => return Ok(()),
            Ok(_) => fs_err::remove_file(&link)?,
            Err(_) => {}
        }
        if arm.next().is_none() {
            fs_err::os::unix::fs::symlink(first, &link)?;
        }
        Ok(())
    }

    /// The folder whose device is full, if one is, with what is free there: of the results, of
    /// temporary files, of the compilers' caches. For a look after a compiler has failed.
    pub fn full_device(&self, caches: &BTreeSet<PathBuf>) -> Option<(u64, PathBuf)> {
        let folders = [self.out.clone(), std::env::temp_dir()];
        let folders = folders.into_iter().chain(caches.iter().cloned());
        let devices = folders.filter_map(|folder| {
            // What is still to be made will lie on its parent's device.
            let here = folder.ancestors().find(|folder| folder.exists())?;
            let found = rustix::fs::statvfs(here).ok()?;
            // Some file systems have no size at all.
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            (found.f_blocks > 0).then_some((free, folder))
        });
        fullest(devices)
    }
}

/// A compiler clears up before it ends, and a linker reserves its whole output or fails at once:
/// so a full device has some space again. This is what an ordinary program and its object files
/// take.
const FULL: u64 = 16 * 1024 * 1024;

fn fullest(devices: impl Iterator<Item = (u64, PathBuf)>) -> Option<(u64, PathBuf)> {
    devices.min().filter(|(free, _)| *free < FULL)
}

/// An empty file is what a killed build or a full disk leaves.
fn ignore(out: &Path) -> std::io::Result<()> {
    let path = out.join(".gitignore");
    if fs_err::metadata(&path).is_ok_and(|found| found.len() > 0) {
        return Ok(());
    }
    fs_err::write(&path, "*\n")
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What can't be removed now is removed by the next build.
        let _ = fs_err::remove_dir_all(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    #[test]
    fn of_several_devices_the_fullest_is_named_and_only_where_next_to_nothing_is_free() {
        let device = |free: u64, folder: &str| (free, PathBuf::from(folder));
        let found = fullest([device(FULL, "out"), device(FULL - 1, "tmp")].into_iter());
        assert_eq!(found, Some(device(FULL - 1, "tmp")));
        assert_eq!(fullest([device(FULL, "out")].into_iter()), None);
    }

    #[test]
    fn a_device_without_a_size_is_never_full() {
        let folder = tempfile::tempdir().expect("tempdir");
        let workspace = Workspace::open(folder.path(), &Silent).expect("opens");
        let caches = BTreeSet::from([PathBuf::from("/proc/none")]);
        assert_eq!(workspace.full_device(&caches), None);
    }
}
