//! Why packages can't be had.

use thiserror::Error;

use crate::debian::{self, archive, index, resolve, rootfs, sources, unpack};
use crate::fault::{Exit, Fault};
use crate::{fetch, store};

/// Why packages can't be had.
#[derive(Debug, Error)]
pub enum Error {
    /// No archive is known, or its sources are malformed.
    #[error(transparent)]
    Sources(Box<sources::Error>),
    /// The sources of a base image are malformed.
    #[error("can't use the apt sources of the base image")]
    BaseSources {
        /// The suite that was wanted.
        suite: String,
        /// What is wrong with them.
        source: Box<sources::Error>,
    },
    /// The archive can't be read or trusted.
    #[error(transparent)]
    Archive(Box<archive::Error>),
    /// An index that was kept can't be used.
    #[error(transparent)]
    Index(Box<index::Error>),
    /// The packages do not go together.
    #[error("can't resolve the packages of the {what} for {platform}")]
    Resolve {
        /// What they are for.
        what: String,
        /// The platform.
        platform: String,
        /// Why not.
        source: Box<resolve::Error>,
    },
    /// The lock says something else.
    #[error("polyarch.lock does not fit the {what} for {platform}: it {difference}")]
    Drift {
        /// What it is for.
        what: String,
        /// The platform.
        platform: String,
        /// What differs.
        difference: String,
    },
    /// The lock names a version that is none.
    #[error("polyarch.lock is malformed")]
    Version(#[source] debian::ParseVersionError),
    /// A package can't be fetched.
    #[error("can't fetch package `{name}` {version} ({architecture})")]
    Fetch {
        /// The package.
        name: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
        /// Why not.
        source: Box<fetch::Error>,
    },
    /// A package can't be unpacked.
    #[error(transparent)]
    Unpack(Box<unpack::Error>),
    /// What packages lack can't be added.
    #[error(transparent)]
    Rootfs(#[from] rootfs::Error),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The list of a tree's entries can't be read.
    #[error("`{}` is malformed", path.display())]
    Entries {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl From<sources::Error> for Error {
    fn from(error: sources::Error) -> Self {
        Self::Sources(Box::new(error))
    }
}

impl From<archive::Error> for Error {
    fn from(error: archive::Error) -> Self {
        Self::Archive(Box::new(error))
    }
}

impl From<index::Error> for Error {
    fn from(error: index::Error) -> Self {
        Self::Index(Box::new(error))
    }
}

impl From<unpack::Error> for Error {
    fn from(error: unpack::Error) -> Self {
        Self::Unpack(Box::new(error))
    }
}

impl Error {
    /// Whether there is just no archive to be had here: none is configured, or none answers.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self, Self::Sources(_)) || self.exit() == Exit::Network
    }
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Sources(error) => error.exit(),
            Self::BaseSources { .. } => Exit::Base,
            Self::Archive(error) => error.exit(),
            Self::Index(error) => error.exit(),
            Self::Rootfs(error) => error.exit(),
            Self::Resolve { source, .. } => source.exit(),
            Self::Drift { .. } => Exit::Locked,
            Self::Version(_) => Exit::Usage,
            Self::Fetch { source, .. } => source.exit(),
            Self::Unpack(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Entries { .. } => Exit::Integrity,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Sources(error) => error.hint(),
            Self::BaseSources { suite, .. } => sources::Error::None {
                suite: suite.clone(),
            }
            .hint(),
            Self::Archive(error) => error.hint(),
            Self::Index(error) => error.hint(),
            Self::Rootfs(error) => error.hint(),
            Self::Resolve { source, .. } => source.hint(),
            Self::Drift { .. } | Self::Version(_) => Some("`polyarch lock`".to_owned()),
            Self::Fetch { source, .. } => source.hint(),
            Self::Unpack(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Entries { .. } => Some("`polyarch toolchain check --repair`".to_owned()),
        }
    }
}
