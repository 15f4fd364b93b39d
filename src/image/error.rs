//! What can go wrong while an image is made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::base::pack;
use crate::fault::{Exit, Fault, refused};
use crate::target::Platform;
use crate::{base, oci, store};

/// Why an image could not be made.
#[derive(Debug, Error)]
pub enum Error {
    /// The base turned out to be unusable.
    #[error(transparent)]
    Base(#[from] base::Error),
    /// A layer or document could not be made.
    #[error(transparent)]
    Oci(#[from] oci::Error),
    /// The store is at fault.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A base that was loaded for other platforms.
    #[error("base `{base}` was not loaded for {platform}")]
    NotLoaded {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
    },
    /// A destination that is not absolute.
    #[error("`{path}` is not an absolute path in the image")]
    Relative {
        /// The destination or working directory.
        path: String,
    },
    /// A file that would take the place of a folder.
    #[error("`{}` can't become `{destination}`: that is a folder of the base", source_path.display())]
    OverFolder {
        /// The file.
        source_path: PathBuf,
        /// Where it should lie.
        destination: String,
    },
    /// A file where a program lies.
    #[error("`/{path}` can't be put into the image: the program `/{program}` is there")]
    OverProgram {
        /// Where the file should lie.
        path: String,
        /// The program.
        program: String,
    },
    /// A file that was asked for and does not exist.
    #[error("`{}` does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A file name that no layer can hold portably.
    #[error("`{}`: the name is not UTF-8", path.display())]
    NotUtf8 {
        /// The file, or the link whose target it is.
        path: PathBuf,
    },
    /// A device, pipe or socket.
    #[error("`{}` is {what}: expected a file, a folder or a symbolic link", path.display())]
    Special {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A link that leads back to itself.
    #[error("`{}` is a symbolic link that leads back to itself", path.display())]
    LinkLoop {
        /// The link.
        path: PathBuf,
    },
    /// A base's config that cannot be edited.
    #[error("base `{base}`, {platform}: `{field}` of the config is not {expected}")]
    Config {
        /// The base.
        base: String,
        /// The platform.
        platform: Platform,
        /// The field.
        field: String,
        /// What it should be.
        expected: &'static str,
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
            Self::Base(error) => error.exit(),
            Self::Oci(error) => error.exit(),
            Self::Store(error) => error.exit(),
            Self::Io(_) => Exit::Io,
            Self::NotLoaded { .. } => Exit::Internal,
            Self::Relative { .. }
            | Self::OverFolder { .. }
            | Self::OverProgram { .. }
            | Self::Missing { .. }
            | Self::NotUtf8 { .. }
            | Self::Special { .. }
            | Self::LinkLoop { .. } => Exit::Usage,
            Self::Config { .. } => Exit::Base,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Base(error) => error.hint(),
            Self::Oci(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Relative { path } => Some(format!("write `/{path}`")),
            Self::OverFolder { destination, .. } => {
                Some(format!("to put it into the folder, write `{destination}/`"))
            }
            Self::OverProgram { .. } => {
                Some("choose another `dst` under `[[image.files]]`".to_owned())
            }
            Self::Missing { .. } => Some(
                "`src` under `[[image.files]]` is relative to the folder of polyarch.toml"
                    .to_owned(),
            ),
            Self::NotUtf8 { .. } | Self::LinkLoop { .. } => {
                Some("rename or remove it, or name the files one by one".to_owned())
            }
            Self::Io(error) => refused(error),
            Self::NotLoaded { .. } | Self::Special { .. } | Self::Config { .. } => None,
        }
    }
}
