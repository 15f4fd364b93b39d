//! Why an audit could not be made. What it finds is no error.

use std::io;

use thiserror::Error;

use crate::fault::{Exit, Fault, refused};
use crate::{oci, store};

/// Why an audit could not be made.
#[derive(Debug, Error)]
pub enum Error {
    /// The layout or archive can't be read at all.
    #[error(transparent)]
    Oci(#[from] oci::Error),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The machine refuses; the text names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Registries are not read yet.
    #[error("`{0}` is in a registry: only layouts and archives are read yet")]
    Registry(String),
    /// A base that only exists once something is built on it.
    #[error("`{0}` is no image that lies anywhere")]
    MadeUp(String),
    /// There is nothing to look at.
    #[error("there is no image to verify: `{0}` is not there")]
    Nothing(String),
    /// A folder that is neither a layout nor has folders of platforms.
    #[error("`{0}` holds no image, and no folders of platforms such as `{0}/arm64`")]
    NoFolders(String),
    /// A layout has no such entry.
    #[error("`{image}` has no such entry, it has {}", list(available))]
    NoEntry {
        /// The layout.
        image: String,
        /// What it has.
        available: String,
    },
    /// A platform was asked for that the image does not have.
    #[error("`{image}` has no image for `{platform}`, it has {}", list(available))]
    NoPlatform {
        /// The image.
        image: String,
        /// What was asked for.
        platform: String,
        /// What it has.
        available: String,
    },
    /// A pattern of what is allowed.
    #[error("`{pattern}` is no pattern of findings: {reason}")]
    Allow {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
        /// The nearest kind, where one is near.
        nearest: Option<&'static str>,
    },
}

fn list(available: &str) -> &str {
    match available {
        "" => "nothing",
        available => available,
    }
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Oci(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Io(_) => Exit::Io,
            Self::Registry(_)
            | Self::MadeUp(_)
            | Self::Nothing(_)
            | Self::NoFolders(_)
            | Self::Allow { .. } => Exit::Usage,
            Self::NoEntry { .. } | Self::NoPlatform { .. } => Exit::Base,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Oci(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Io(error) => refused(error),
            Self::Registry(name) => Some(format!(
                "`skopeo copy --all docker://{name} oci:image && polyarch verify oci:image`"
            )),
            Self::MadeUp(_) | Self::Nothing(_) | Self::NoFolders(_) => Some(
                "`polyarch build` writes an image to `out/image`; another one is named as \
                 `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`"
                    .to_owned(),
            ),
            Self::NoEntry { .. } | Self::NoPlatform { .. } => None,
            Self::Allow { nearest, .. } => Some(match nearest {
                Some(kind) => format!("did you mean `{kind}`?"),
                None => {
                    "`KIND`, `KIND:GLOB` or `/GLOB`, such as `machine:/opt/firmware/*`".to_owned()
                }
            }),
        }
    }
}
