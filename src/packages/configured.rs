//! Archives that a base image is configured with.
//!
//! Comes in: a tree of the store with `etc/apt`, the keyrings and os-release of the image, as
//! `base` lays it out. Goes out: the suite of the image, and its sources. The keyrings are as
//! trustworthy as the image that brings them, so its sources serve what is wanted for that image
//! alone, and a release that they name is verified as every other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::Error;
use crate::debian::sources::{self, Distribution, SignedBy, Sources};
use crate::store::Tree;

/// What an image says of its distribution and its archives.
#[derive(Clone, Debug)]
pub struct Configured {
    tree: Tree,
    sources: Arc<OnceLock<Sources>>,
}

/// The same tree holds the same files.
impl PartialEq for Configured {
    fn eq(&self, other: &Self) -> bool {
        self.tree.path == other.tree.path
    }
}

impl Eq for Configured {}

impl Configured {
    /// What the tree says. Nothing is read yet: sources that are malformed do no harm where the user
    /// names others.
    pub fn new(tree: Tree) -> Self {
        Self {
            tree,
            sources: Arc::default(),
        }
    }

    /// The suite of the image: its codename; but where its sources are those of a release that
    /// moves on, such as `sid`, that one.
    pub fn suite(&self) -> Result<Option<String>, Error> {
        let codename = Distribution::read(self.path())?.codename;
        let moving = self
            .sources()
            .ok()
            .and_then(|sources| sources.moving().map(str::to_owned));
        Ok(moving.or(codename))
    }

    /// The files with keys that the sources under a directory name.
    pub fn keyrings(root: &Path) -> Vec<PathBuf> {
        let sources = Sources::read(root).unwrap_or_default();
        let mut found = Vec::new();
        for source in sources.list {
            if let SignedBy::Files(paths) = source.signed_by {
                found.extend(paths);
            }
        }
        found
    }

    /// `ID` of os-release.
    pub(super) fn distribution(&self) -> Result<Option<String>, Error> {
        Ok(Distribution::read(self.path())?.id)
    }

    /// The sources of the image.
    pub(super) fn sources(&self) -> Result<&Sources, sources::Error> {
        if let Some(sources) = self.sources.get() {
            return Ok(sources);
        }
        let sources = Sources::read(self.path())?;
        Ok(self.sources.get_or_init(|| sources))
    }

    /// The directory that is the image's root to its sources.
    pub fn path(&self) -> &Path {
        &self.tree.path
    }
}
