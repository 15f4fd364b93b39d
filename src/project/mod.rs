//! What the source tree is: facts found, nothing chosen.
//!
//! [`detect`] looks at file names and gives the evidence for each kind of project; [`go`] and
//! [`prebuilt`] then learn what is needed to plan a build. Nothing of the project is built or run
//! here; `go list` reads it.

pub mod detect;
pub mod git;
pub mod go;
pub mod gocache;
pub mod gomod;
pub mod prebuilt;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::target::Platform;

pub use detect::{Detected, Evidence, Kind};
pub use git::Git;

/// A project, ready to be planned.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder, absolute.
    pub root: PathBuf,
    /// Its name, for images and messages.
    pub name: String,
    /// What it is, and why that is believed.
    pub detected: Detected,
    /// What git knows, where there is a repository.
    pub git: Option<Git>,
    /// What is to be built.
    pub source: Source,
}

/// What is to be built, by kind.
#[derive(Clone, Debug)]
pub enum Source {
    /// Go commands.
    Go(go::GoProject),
    /// Files that exist already, by platform, as absolute paths.
    Prebuilt(BTreeMap<Platform, Vec<PathBuf>>),
}
