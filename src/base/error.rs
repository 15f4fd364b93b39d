//! What can be wrong with a base.

use std::path::PathBuf;

use thiserror::Error;

use super::pack;
use crate::fault::{Exit, Fault, Foreign};
use crate::oci::reference::Name;
use crate::target::Platform;
use crate::{elf, oci, store};

/// Why a base could not be loaded.
#[derive(Debug, Error)]
pub enum Error {
    /// The layout or archive is at fault.
    #[error(transparent)]
    Oci(#[from] oci::Error),
    /// The store is at fault.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A blob could not be brought into the store.
    #[error("{place}: can't use layer {digest}")]
    Import {
        /// The layout or archive.
        place: String,
        /// The layer.
        digest: crate::digest::Digest,
        /// Why not.
        source: store::Error,
    },
    /// The packages of a base could not be had.
    #[error("can't make the base for {platform}")]
    Packages {
        /// The platform.
        platform: Platform,
        /// What is wrong.
        source: Box<crate::packages::Error>,
    },
    /// The data of the `static` base could not be had.
    #[error("can't make the `static` base")]
    Data(#[source] Foreign),
    /// The data of the `static` base is not what it should be.
    #[error("can't make the `static` base: `{}` {reason}", path.display())]
    DataMissing {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Bases are read from disk only.
    #[error("base `{0}`: registry bases are not supported yet")]
    Registry(Name),
    /// `--platform all` with a base that has none of its own.
    #[error("base `{0}` has no platforms of its own: `all` says nothing")]
    NoPlatforms(String),
    /// The base has no such platform.
    #[error("base `{base}` lacks platform {platform}: it has {available}")]
    Lacks {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// Those it has, as a list.
        available: String,
        /// Those of the wanted ones that it has.
        common: Vec<Platform>,
    },
    /// The base has no image for Linux at all.
    #[error("base `{base}` has no platform that can be built for: it has {available}")]
    Nothing {
        /// The base.
        base: String,
        /// Those it has, as a list.
        available: String,
    },
    /// The reference names an entry that is not there.
    #[error("base `{base}`: no entry is named `{wanted}`, there is {available}")]
    NoEntry {
        /// The base.
        base: String,
        /// The name or digest.
        wanted: String,
        /// The names there are, as a list.
        available: String,
    },
    /// Several entries and no name to choose by.
    #[error("base `{base}` holds several images: {}", available.join(", "))]
    Ambiguous {
        /// The base.
        base: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// Its C library can't be read.
    #[error("can't tell the C library of the base for {platform}")]
    Libc {
        /// The platform.
        platform: Platform,
        /// What is wrong with the file.
        source: elf::facts::Error,
    },
    /// A manifest or config says something impossible.
    #[error("base `{base}`, {platform}: {reason}")]
    Malformed {
        /// The base.
        base: String,
        /// The platform.
        platform: String,
        /// What is wrong.
        reason: String,
    },
}

impl From<pack::Error> for Error {
    fn from(error: pack::Error) -> Self {
        match error {
            pack::Error::Oci(error) => Self::Oci(error),
            pack::Error::Store(error) => Self::Store(error),
        }
    }
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Oci(error) => error.exit(),
            Self::Store(error) | Self::Import { source: error, .. } => error.exit(),
            Self::Data(error) => error.exit(),
            Self::Packages { source, .. } => source.exit(),
            Self::DataMissing { .. } => Exit::Integrity,
            Self::NoPlatforms(_) | Self::Ambiguous { .. } => Exit::Usage,
            Self::Registry(_)
            | Self::Lacks { .. }
            | Self::Nothing { .. }
            | Self::NoEntry { .. }
            | Self::Libc { .. }
            | Self::Malformed { .. } => Exit::Base,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Oci(error) => error.hint(),
            Self::Store(error) | Self::Import { source: error, .. } => error.hint(),
            Self::Data(error) => error.hint(),
            Self::Packages { source, .. } => source.hint(),
            Self::Registry(name) => Some(format!(
                "`skopeo copy --all docker://{name} oci:base`, then `base = \"oci:base\"`"
            )),
            Self::NoPlatforms(_) => {
                Some(format!("`--platform {}`", crate::target::DEFAULT.join(",")))
            }
            Self::Lacks { common, .. } if !common.is_empty() => {
                let names: Vec<String> = common.iter().map(Platform::to_string).collect();
                Some(format!("`--platform {}`", names.join(",")))
            }
            Self::Lacks { .. } => Some("`--platform all` builds for what the base has".to_owned()),
            Self::Ambiguous { base, available } => available
                .first()
                .map(|name| format!("`base = \"{base}:{name}\"`")),
            Self::DataMissing { .. }
            | Self::Nothing { .. }
            | Self::NoEntry { .. }
            | Self::Libc { .. }
            | Self::Malformed { .. } => None,
        }
    }
}
