//! What every error of the library has besides its words: an exit code and, where there is a way
//! out, a hint.
//!
//! Each stage has an error enum of its own and says for each variant which [`Exit`] it means. The
//! command line prints the error, its causes and the hint; nothing ever reads an error's text to
//! choose one.

use std::error::Error;
use std::fmt;
use std::io;

use crate::limits;

/// The process exit codes, documented in `docs/exit-codes.md`.
///
/// The numbers are part of the interface: scripts branch on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// The request was carried out.
    Success = 0,
    /// The user's own code did not compile, or the program that compiles it failed.
    Compile = 1,
    /// A wrong flag, platform or configuration value.
    Usage = 2,
    /// No project was found, or more than one kind of project was.
    Project = 3,
    /// A toolchain is missing, too old, or not available for this host.
    Toolchain = 4,
    /// A server could not be reached or answered with an error.
    Network = 5,
    /// Bytes do not have the digest or size they were promised to have, or an archive is unsafe.
    Integrity = 6,
    /// A file does not fit the platform it was built for.
    Mismatch = 7,
    /// This machine refused: disk full, no permission, a file that vanished or changed.
    Io = 8,
    /// `--locked` or `--offline` forbids what would have to be done.
    Locked = 9,
    /// The base image is malformed or lacks a platform.
    Base = 10,
    /// A defect in polyarch itself.
    Internal = 70,
    /// Ended by SIGHUP (128 + 1).
    Hangup = 129,
    /// Ended by SIGINT (128 + 2).
    Interrupted = 130,
    /// Ended by SIGTERM (128 + 15).
    Terminated = 143,
}

impl Exit {
    /// Every code, with the sentence that the documentation prints for it.
    pub const TABLE: &[(Exit, &str)] = &[
        (Exit::Success, "done"),
        (
            Exit::Compile,
            "the project's own code did not compile; the compiler's message stands above",
        ),
        (
            Exit::Usage,
            "a flag, a platform or a configuration value is wrong",
        ),
        (
            Exit::Project,
            "no project was found, or it is not clear which kind it is",
        ),
        (
            Exit::Toolchain,
            "a toolchain is missing, too old, or not to be had for this host",
        ),
        (
            Exit::Network,
            "a server could not be reached or answered with an error",
        ),
        (
            Exit::Integrity,
            "bytes do not match their digest or size, or an archive is unsafe",
        ),
        (
            Exit::Mismatch,
            "a file does not fit the platform it was built for",
        ),
        (
            Exit::Io,
            "this machine refused: disk full, no permission, a file that vanished or changed",
        ),
        (
            Exit::Locked,
            "`--locked` or `--offline` forbids what would have to be done",
        ),
        (
            Exit::Base,
            "the base image is malformed or lacks a platform",
        ),
        (Exit::Internal, "a defect in polyarch; please report it"),
        (Exit::Hangup, "ended by SIGHUP"),
        (Exit::Interrupted, "ended by SIGINT (Ctrl-C)"),
        (Exit::Terminated, "ended by SIGTERM"),
    ];

    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// An error that knows its exit code and the way out.
pub trait Fault: Error + Send + Sync + 'static {
    /// The code the process ends with when this error ends it.
    fn exit(&self) -> Exit;

    /// The exact command or configuration line that mends it, without the word `hint`.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Another part's error, passed through whole: a library that calls back does not know its caller.
#[derive(Debug)]
pub struct Foreign(pub Box<dyn Fault>);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Foreign {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Fault for Foreign {
    fn exit(&self) -> Exit {
        self.0.exit()
    }

    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

/// The way out of what the system refused, by its kind: a full disk and a limit have one, most else
/// has not.
pub fn refused(error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
            "free some space there; `polyarch toolchain prune` empties polyarch's own store"
                .to_owned(),
        ),
        _ => limits::way_out(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_has_a_way_out() {
        assert!(refused(&io::ErrorKind::StorageFull.into()).is_some());
        assert!(refused(&io::ErrorKind::PermissionDenied.into()).is_none());
    }

    #[test]
    fn exit_codes_are_listed_once_and_in_order() {
        let codes: Vec<u8> = Exit::TABLE.iter().map(|(exit, _)| exit.code()).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(codes, sorted);
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 129, 130, 143]);
    }
}
