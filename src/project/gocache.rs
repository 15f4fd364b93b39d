//! Go's build cache, looked at after a `go` has failed. In: the command that failed. Out: the cache's
//! folder, and whether anything can be written there. Nothing here reads what Go printed.
//!
//! The place is Go's own answer (`go env GOCACHE`; see `go help cache`), asked with the environment
//! of the command that failed.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::atomic;
use crate::fault::{Exit, Fault, refused};
use crate::process::{CommandSpec, Runner};

/// Why Go can keep nothing of what it compiles.
#[derive(Debug, Error)]
pub enum Unusable {
    /// Nothing says where.
    #[error("go has no folder for its build cache: neither `GOCACHE` nor `HOME` names one")]
    Nowhere,
    /// It can't be written.
    #[error("go can't write to its build cache `{}`: {reason}", folder.display())]
    Refused {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

impl Fault for Unusable {
    fn exit(&self) -> Exit {
        Exit::Io
    }

    fn hint(&self) -> Option<String> {
        if let Self::Refused { reason, .. } = self
            && let Some(hint) = refused(reason)
        {
            return Some(hint);
        }
        let other = std::env::temp_dir().join("go-build");
        Some(format!(
            "name a folder that can be written: `export GOCACHE={}`",
            other.display()
        ))
    }
}

/// The folder that a `go` started so would use; none where it has no place for one.
pub fn folder(failed: &CommandSpec) -> Result<Option<PathBuf>, crate::process::Error> {
    let question = CommandSpec {
        arguments: ["env", "GOCACHE"].map(OsString::from).to_vec(),
        ..failed.clone()
    };
    let output = Runner.output(&question)?;
    let answer = String::from_utf8_lossy(&output.stdout);
    // Without a place it says `off`.
    let folder = PathBuf::from(answer.trim_end());
    Ok(Some(folder).filter(|folder| output.status.success() && folder.is_absolute()))
}

/// Whether something can be written to the folder, or where it will be made.
pub fn check(folder: Option<&Path>) -> Result<(), Unusable> {
    let folder = folder.ok_or(Unusable::Nowhere)?;
    let here = folder.ancestors().find(|folder| folder.exists());
    tempfile::Builder::new()
        .prefix(atomic::PREFIX)
        .tempdir_in(here.unwrap_or(folder))
        .map(drop)
        .map_err(|reason| Unusable::Refused {
            folder: folder.to_owned(),
            reason: reason.kind().into(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_will_be_made_is_fine_and_leaves_nothing() {
        let home = tempfile::tempdir().expect("tempdir");
        check(Some(&home.path().join("a/b"))).expect("can be made");
        assert_eq!(fs_err::read_dir(home.path()).expect("lists").count(), 0);
    }

    #[test]
    fn a_cache_that_can_not_be_written_is_named_with_the_way_out() {
        let home = tempfile::tempdir().expect("tempdir");
        let file = home.path().join("file");
        fs_err::write(&file, "").expect("writes");
        let below = file.join("cache");
        let error = check(Some(&below)).expect_err("a file is no folder");
        let expected = format!(
            "go can't write to its build cache `{}`: not a directory",
            below.display()
        );
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().expect("hint").contains("`export GOCACHE=/"));
        assert_eq!(error.exit(), Exit::Io);
        assert!(matches!(check(None), Err(Unusable::Nowhere)));
    }
}
