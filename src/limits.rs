//! What the system lets this process have: open files, processes, the size of a file (setrlimit(2)).
//!
//! Comes in: errors. Goes out: the limit that was met, with its number and the way out. The number of
//! open files is raised at the start as far as a user may raise it: every package of a sysroot that is
//! being made is held by an open file. A program that takes the place of this one has the old number.

use std::error::Error;
use std::io;
use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As many open files as the largest set of packages takes. Not more: what this process starts has the
/// same number, and there are programs that close everything up to it, one by one.
const FILES: u64 = 4096;

static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Lets this process open more files, where that is allowed.
pub fn raise() {
    let before = getrlimit(Resource::Nofile);
    let Some(current) = before.current.filter(|current| *current < FILES) else {
        return;
    };
    let most = before.maximum.map_or(FILES, |most| most.min(FILES));
    let wanted = Rlimit {
        current: Some(most),
        maximum: before.maximum,
    };
    // Who may not, has what there is.
    if most > current && setrlimit(Resource::Nofile, wanted).is_ok() {
        let _ = BEFORE.set(before);
    }
}

/// Takes back what [`raise`] has done, for a program in the place of this one.
pub fn restore() {
    if let Some(before) = BEFORE.get() {
        let now = getrlimit(Resource::Nofile);
        let old = Rlimit {
            current: before.current,
            maximum: now.maximum,
        };
        // It has more than it would have had, then.
        let _ = setrlimit(Resource::Nofile, old);
    }
}

/// How many files this process may have open; `None` where there is no limit.
pub fn files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Which limit an error comes from, and how it is raised; `None` where it comes from none.
pub fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(hint) = error.downcast_ref::<io::Error>().and_then(way_out) {
            return Some(hint);
        }
        cause = error.source();
    }
    None
}

/// The same for what the system itself has said.
pub fn way_out(error: &io::Error) -> Option<String> {
    let set = |resource| getrlimit(resource).current;
    let errno = match error.kind() {
        // One that names its file has a kind only.
        io::ErrorKind::FileTooLarge => Errno::FBIG,
        _ => Errno::from_raw_os_error(error.raw_os_error()?),
    };
    match errno {
        Errno::MFILE => {
            let limit = files()?;
            Some(format!(
                "this process may have {limit} files open; `ulimit -n {FILES}` allows more"
            ))
        }
        Errno::NFILE => Some(
            "this machine has as many files open as it may; `sysctl fs.file-max` shows how many"
                .to_owned(),
        ),
        Errno::FBIG => {
            let limit = set(Resource::Fsize)?;
            Some(format!(
                "a file may have {limit} bytes here; `ulimit -f unlimited` allows more"
            ))
        }
        // Of what is done here only a new process or thread is refused so.
        Errno::AGAIN => {
            let limit = set(Resource::Nproc)?;
            Some(format!(
                "this user may have {limit} processes and threads; `ulimit -u` sets that, and `--jobs 1` \
                 needs fewer"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_found_below_what_names_the_file() {
        let deep = io::Error::from_raw_os_error(Errno::MFILE.raw_os_error());
        #[derive(Debug, thiserror::Error)]
        #[error("can't open `{path}`")]
        struct Named {
            path: &'static str,
            source: io::Error,
        }
        let named = Named {
            path: "a/file",
            source: deep,
        };
        let hint = hint(&named).expect("a limit");
        assert!(hint.contains("`ulimit -n 4096`"), "{hint}");
        let large = io::Error::new(io::ErrorKind::FileTooLarge, "failed to write to file `x`");
        let plain = io::Error::from_raw_os_error(Errno::FBIG.raw_os_error());
        assert_eq!(super::hint(&large), way_out(&plain));
        assert!(super::hint(&io::Error::other("no limit")).is_none());
        let gone = io::Error::from_raw_os_error(Errno::NOENT.raw_os_error());
        assert!(super::hint(&gone).is_none());
    }

    #[test]
    fn open_files_are_raised_to_no_more_than_what_is_allowed() {
        raise();
        let now = getrlimit(Resource::Nofile);
        let most = now.maximum.map_or(FILES, |most| most.min(FILES));
        assert!(now.current.is_none_or(|current| current >= most));
    }
}
