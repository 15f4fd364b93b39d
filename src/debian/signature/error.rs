//! Why a release is not believed.

use std::io;

use thiserror::Error;

use crate::fault::{Exit, Fault};
use crate::process;

/// Why a release is not believed.
#[derive(Debug, Error)]
pub enum Error {
    /// It is not one message of the cleartext framework.
    #[error("it is not one signed message: {reason}")]
    Framework {
        /// What is wrong.
        reason: &'static str,
    },
    /// None of its signatures is by a key of the keyring.
    #[error("signed by {}, none of which is in keyring {keyring}", list(signers))]
    Unknown {
        /// The keys that signed it, as far as the signatures say.
        signers: Vec<String>,
        /// The keyring.
        keyring: String,
    },
    /// A key of the keyring has not signed this.
    #[error("the signature by `{signer}` is wrong: the text was changed after it was signed")]
    Wrong {
        /// The key.
        signer: String,
    },
    /// There are signatures by keys of the keyring, and none may count.
    #[error("no signature counts: {}", reasons.join("; "))]
    Refused {
        /// Why, for each.
        reasons: Vec<String>,
    },
    /// There is none.
    #[error("it has no signature")]
    Unsigned,
    /// The keyring has no key.
    #[error("keyring {keyring} has no key{}", with_reason(reason))]
    NoKeys {
        /// Where keys were looked for.
        keyring: String,
        /// What is wrong with what is there.
        reason: &'static str,
    },
    /// A keyring is not there.
    #[error("keyring {keyring} does not exist")]
    NoKeyring {
        /// Its path.
        keyring: String,
    },
    /// A keyring can't be read.
    #[error("can't read keyring {keyring}")]
    Keyring {
        /// Its path.
        keyring: String,
        /// The reason.
        source: super::super::sources::Error,
    },
    /// The verifier that was asked for is not on `PATH`.
    #[error("`{name}` is not on `PATH`")]
    NoProgram {
        /// Its name.
        name: &'static str,
    },
    /// It could not be run.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// It failed in a way that says nothing about the signature.
    #[error("`{name}` failed with {status}: {message}")]
    Program {
        /// Its name.
        name: &'static str,
        /// How it ended.
        status: String,
        /// What it wrote.
        message: String,
    },
    /// Its files can't be written.
    #[error("can't write the files that `{name}` is to judge")]
    Io {
        /// Its name.
        name: &'static str,
        /// The system's reason.
        source: io::Error,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Framework { .. }
            | Self::Unknown { .. }
            | Self::Wrong { .. }
            | Self::Refused { .. }
            | Self::Unsigned => Exit::Integrity,
            Self::NoKeys { .. } | Self::NoKeyring { .. } => Exit::Usage,
            Self::Keyring { source, .. } => source.exit(),
            Self::NoProgram { .. } | Self::Program { .. } => Exit::Toolchain,
            Self::Process(error) => error.exit(),
            Self::Io { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } | Self::NoKeys { .. } | Self::NoKeyring { .. } => Some(
                "name the archive's keyring in its source: \
                 `[signed-by=/usr/share/keyrings/NAME.gpg]`"
                    .to_owned(),
            ),
            Self::Framework { .. } | Self::Unsigned => Some(
                "something in between may have answered in the archive's place; check the network, \
                 or name another mirror under `[mirrors]`"
                    .to_owned(),
            ),
            Self::Refused { .. } => Some(
                "where `date -u` is wrong, set this machine's clock; else name another mirror under \
                 `[mirrors]`"
                    .to_owned(),
            ),
            Self::Io { source, .. } => crate::fault::refused(source),
            Self::Wrong { .. }
            | Self::Keyring { .. }
            | Self::NoProgram { .. }
            | Self::Process(_)
            | Self::Program { .. } => None,
        }
    }
}

fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn with_reason(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(" that can be used: {reason}")
    }
}
