//! What can go wrong while images are written.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::fault::{Exit, Fault, refused};
use crate::oci;
use crate::oci::reference::ParseNameError;

/// Why an output could not be written.
#[derive(Debug, Error)]
pub enum Error {
    /// A layout or archive could not be written.
    #[error(transparent)]
    Oci(#[from] oci::Error),
    /// The machine refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Writing a result failed.
    #[error("can't write `{}`", path.display())]
    Write {
        /// The result.
        path: PathBuf,
        /// The reason.
        source: oci::Error,
    },
    /// A `-t` that is no name.
    #[error("tag is malformed")]
    Tag(#[source] ParseNameError),
    /// A `-t` that says which digest the image will have.
    #[error("tag `{0}` has a digest: an image's digest follows from its content")]
    TagWithDigest(String),
    /// A destination with an unknown placeholder.
    #[error(
        "output `{dest}`: unknown placeholder `{{{name}}}`, expected `{{name}}`, `{{arch}}`, `{{variant}}` or `{{platform}}`"
    )]
    Placeholder {
        /// The destination.
        dest: String,
        /// The placeholder.
        name: String,
    },
    /// A destination with placeholders that is not text.
    #[error("output `{}`: a path with placeholders must be UTF-8", .0.display())]
    NotUtf8(PathBuf),
    /// Two images would lie in one place.
    #[error("`{}` would be written twice: for `{first}` and for `{second}`", path.display())]
    SamePlace {
        /// The path.
        path: PathBuf,
        /// The one image.
        first: String,
        /// The other.
        second: String,
    },
    /// Two compiled files of one name.
    #[error("`{}` would be written twice: from `{}` and from `{}`", path.display(), first.display(), second.display())]
    SameFile {
        /// The path.
        path: PathBuf,
        /// The one source.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Oci(error) | Self::Write { source: error, .. } => error.exit(),
            Self::Io(_) => Exit::Io,
            Self::Tag(_)
            | Self::TagWithDigest(_)
            | Self::Placeholder { .. }
            | Self::NotUtf8(_)
            | Self::SamePlace { .. }
            | Self::SameFile { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Oci(error) | Self::Write { source: error, .. } => error.hint(),
            Self::Tag(_) | Self::TagWithDigest(_) => Some("`-t ghcr.io/me/app:1.2`".to_owned()),
            Self::SamePlace { .. } => {
                Some("tell them apart with `{name}` or `{platform}` in `dest`".to_owned())
            }
            Self::Io(error) => refused(error),
            Self::Placeholder { .. } | Self::NotUtf8(_) | Self::SameFile { .. } => None,
        }
    }
}
