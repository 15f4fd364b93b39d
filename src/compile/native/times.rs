//! When the last build of a platform began and ended.
//!
//! `make` and ninja compare times of files. So what was written while the last build ran, or under a
//! clock that has been set back since, must not be taken for older or newer than it is. Both times are
//! those of empty files beside what was built: by the clock of the file system, which may be another
//! machine's.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::atomic;

/// Seconds and nanoseconds, as files have them.
pub(super) type Moment = (i64, i64);

const BEGAN: &str = "began";
const ENDED: &str = "ended";

/// The last build.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Last {
    /// When it began.
    pub(super) began: Option<Moment>,
    /// When it ended; unknown where it was killed.
    pub(super) ended: Option<Moment>,
}

impl Last {
    /// Whether it began and nobody knows how it ended.
    pub(super) fn was_killed(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }
}

/// Notes that a build begins, and says when the last one was. `None` where that has yet to come by
/// today's clock: what it left is gone, since everything that changes now would pass for older.
pub(super) fn begin(folder: &Path) -> io::Result<Option<Last>> {
    fs_err::create_dir_all(folder)?;
    let last = Last {
        began: time(&folder.join(BEGAN)),
        ended: time(&folder.join(ENDED)),
    };
    let now = note(&folder.join(BEGAN))?;
    if last.began.max(last.ended) > now {
        fs_err::remove_dir_all(folder)?;
        fs_err::create_dir_all(folder)?;
        note(&folder.join(BEGAN))?;
        return Ok(None);
    }
    atomic::remove(&folder.join(ENDED))?;
    Ok(Some(last))
}

/// Notes that a build has ended, well or not.
pub(super) fn end(folder: &Path) {
    // Where that can't be noted, it counts as killed.
    let _ = note(&folder.join(ENDED));
}

fn note(file: &Path) -> io::Result<Option<Moment>> {
    fs_err::write(file, "")?;
    Ok(time(file))
}

fn time(file: &Path) -> Option<Moment> {
    let found = fs_err::metadata(file).ok()?;
    Some((found.mtime(), found.mtime_nsec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn the_next_build_knows_when_the_last_one_was() {
        let home = tempfile::tempdir().expect("tempdir");
        let folder = home.path().join("build");
        assert_eq!(begin(&folder).expect("begins"), Some(Last::default()));
        let killed = begin(&folder).expect("begins").expect("no jump");
        assert!(killed.was_killed());
        end(&folder);
        let ended = begin(&folder).expect("begins").expect("no jump");
        assert!(ended.began <= ended.ended && !ended.was_killed());
    }

    #[test]
    fn under_a_clock_that_was_set_back_everything_is_made_again() {
        let home = tempfile::tempdir().expect("tempdir");
        let hour = Duration::from_secs(3600);
        for mark in [BEGAN, ENDED] {
            begin(home.path()).expect("begins");
            end(home.path());
            fs_err::write(home.path().join("app.o"), "").expect("written");
            let file = fs_err::File::options()
                .write(true)
                .open(home.path().join(mark));
            let later = SystemTime::now() + hour;
            file.expect("there").set_modified(later).expect("set");
            assert_eq!(begin(home.path()).expect("begins"), None, "{mark}");
            assert!(!home.path().join("app.o").exists());
        }
    }
}
