//! Where a build works that may write beside its sources: in a copy of the tree that they are in.
//!
//! Comes in: the tree's top and the project's folder in it. Goes out: the project's folder in the
//! copy, which [`super::sync`] keeps up to date.

use std::io;
use std::path::{Path, PathBuf};

use super::Job;
use super::sync::{Synced, Trees, sync};
use crate::atomic;

/// The copy of a tree.
pub(super) struct Place {
    /// The top of what is copied.
    pub(super) top: PathBuf,
    /// The folder that holds the copy and what is built beside it.
    pub(super) folder: PathBuf,
    /// The copy of the tree's top.
    pub(super) copy: PathBuf,
    /// The record of what was copied.
    pub(super) record: PathBuf,
    /// The project's folder in the copy.
    pub(super) directory: PathBuf,
}

impl Place {
    /// A copy in one of the step's own folders, with its record beside that.
    pub(super) fn new(job: &Job<'_>, top: &Path, folder: &str, record: &str) -> Self {
        let build = &job.native.build;
        let folder = build.join(folder);
        // One folder down: a build that writes to `..` must find no other platform's there.
        let copy = folder.join("src");
        let inside = job.native.root.strip_prefix(top);
        Self {
            top: top.to_owned(),
            directory: copy.join(inside.unwrap_or(Path::new(""))),
            record: build.join(record),
            folder,
            copy,
        }
    }

    /// Brings the copy up to date.
    pub(super) fn sync(&self, job: &Job<'_>) -> io::Result<Synced> {
        let trees = Trees {
            source: &self.top,
            out: &job.native.root.join("out"),
            copy: &self.copy,
            record: &self.record,
            ended: job.last.ended,
        };
        sync(&trees, job.context.share)
    }

    /// Removes the copy with all that was built in it.
    pub(super) fn discard(&self) -> io::Result<()> {
        atomic::remove(&self.record)?;
        atomic::remove(&self.folder)
    }
}
