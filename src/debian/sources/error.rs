//! Why no archive is known.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::Origin;
use crate::fault::{Exit, Fault};

/// Why no archive is known. Addresses are printed without credentials.
#[derive(Debug, Error)]
pub enum Error {
    /// An entry that can't be read.
    #[error("{origin}: {reason}")]
    Malformed {
        /// Where it stands.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that is not text.
    #[error("`/{}` is not UTF-8 text", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A file that is larger than any of its kind.
    #[error("`{}` is larger than {maximum} bytes, the most that is read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound.
        maximum: u64,
    },
    /// Links in a circle.
    #[error("`{}` can't be resolved: too many symbolic links", path.display())]
    Links {
        /// The path.
        path: PathBuf,
    },
    /// A file can't be read.
    #[error("can't read apt's configuration")]
    Io(#[source] io::Error),
    /// There is no configuration of apt.
    #[error("no Debian archive is configured: there are no apt sources")]
    None {
        /// The suite that was asked for.
        suite: String,
    },
    /// None of the sources belongs to the suite.
    #[error(
        "no apt source has suite `{suite}` or one that it can be derived from; there are {}",
        list(have)
    )]
    NoSuite {
        /// The suite that was asked for.
        suite: String,
        /// Those there are.
        have: Vec<String>,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Malformed { .. } | Self::None { .. } | Self::NoSuite { .. } => Exit::Usage,
            Self::NotText { .. } | Self::TooLarge { .. } | Self::Links { .. } => Exit::Integrity,
            Self::Io(_) => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::None { suite } | Self::NoSuite { suite, .. } => Some(format!(
                "name one in `polyarch.toml`, with your mirror in place of `archive.example`: \
                 `[mirrors]` and below it `debian = [\"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
                 https://archive.example/debian {suite} main\"]`"
            )),
            Self::Malformed { .. } => Some(
                "write it as `deb [signed-by=/usr/share/keyrings/NAME.gpg] \
                 https://archive.example/debian SUITE main`, with your mirror in place of \
                 `archive.example`"
                    .to_owned(),
            ),
            Self::NotText { .. } | Self::TooLarge { .. } | Self::Links { .. } | Self::Io(_) => None,
        }
    }
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
