//! Why a toolchain can't be had.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::relocate;
use crate::fault::{Exit, Fault};
use crate::fetch::{self, unpack};
use crate::{packages, process, store};

/// Why a toolchain can't be had.
#[derive(Debug, Error)]
pub enum Error {
    /// A definition's file can't be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A definition's file is malformed.
    #[error("toolchain definition `{}` is malformed: {reason}", path.display())]
    Definition {
        /// The file.
        path: PathBuf,
        /// What and where.
        reason: String,
    },
    /// No definition has that name.
    #[error("there is no toolchain `{name}`")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Nothing can be fetched for that machine.
    #[error(
        "toolchain `{name}` is not available for host `{host}`, only for {}",
        quoted(hosts)
    )]
    NoHost {
        /// The toolchain.
        name: String,
        /// The machine.
        host: String,
        /// Those it is available for.
        hosts: Vec<String>,
    },
    /// Nothing is new enough.
    #[error(
        "{because} asks for `{name}` {minimum}, but the one on PATH is {system}, and polyarch's is {pinned}"
    )]
    TooOld {
        /// The toolchain.
        name: String,
        /// What asks for it.
        because: String,
        /// What is asked for.
        minimum: String,
        /// What is on PATH: its version, or `missing`.
        system: String,
        /// What the definition pins.
        pinned: String,
    },
    /// No source could be reached.
    #[error(
        "can't get toolchain `{name}` {version} for `{host}` from any source{}",
        listed(reasons)
    )]
    Unavailable {
        /// The toolchain.
        name: String,
        /// The pinned version.
        version: String,
        /// The machine.
        host: String,
        /// Each source with its reason.
        reasons: Vec<(String, fetch::Error)>,
    },
    /// A source was reached, but what it has is wrong.
    #[error("can't get toolchain `{name}` {version}")]
    Fetch {
        /// The toolchain.
        name: String,
        /// The version.
        version: String,
        /// What is wrong.
        source: Box<fetch::Error>,
    },
    /// The archive can't be unpacked.
    #[error("can't unpack toolchain `{name}` {version}")]
    Unpack {
        /// The toolchain.
        name: String,
        /// The version.
        version: String,
        /// What is wrong.
        source: Box<unpack::Error>,
    },
    /// Packages can't be had.
    #[error("can't get toolchain `{name}`")]
    Packages {
        /// The toolchain.
        name: String,
        /// What is wrong.
        source: Box<packages::Error>,
    },
    /// Its programs can't be made to run.
    #[error("can't make toolchain `{name}` {version} run from the store")]
    Relocate {
        /// The toolchain.
        name: String,
        /// The version.
        version: String,
        /// What is wrong.
        source: relocate::Error,
    },
    /// The lock says something else than the machine has.
    #[error("polyarch.lock has `{name}` {locked}, but {present}")]
    Drift {
        /// The toolchain.
        name: String,
        /// What is locked.
        locked: String,
        /// What there is instead.
        present: String,
    },
    /// `--locked`, and the lock has no such entry.
    #[error(
        "polyarch.lock has no entry for toolchain `{name}`, which {because} needs, and `--locked` forbids adding one"
    )]
    NotLocked {
        /// The toolchain.
        name: String,
        /// What needs it.
        because: String,
    },
    /// The toolchain is no compiler.
    #[error("toolchain `{name}` does not say how it compiles")]
    NoCompiler {
        /// The toolchain.
        name: String,
    },
    /// The C library is older than the architecture, for this compiler.
    #[error("`{name}` can't link for `{target}`: the oldest glibc it has there is {oldest}")]
    Glibc {
        /// The toolchain.
        name: String,
        /// The target.
        target: String,
        /// The oldest version.
        oldest: String,
    },
    /// Packages that should have a C library have none.
    #[error("no C library for `{target}` in `{}`", path.display())]
    NoLibc {
        /// The target.
        target: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A program could not be asked.
    #[error(transparent)]
    Process(#[from] process::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io(_) => Exit::Io,
            Self::Definition { .. } | Self::Unknown { .. } => Exit::Usage,
            Self::NoHost { .. }
            | Self::TooOld { .. }
            | Self::NoCompiler { .. }
            | Self::Glibc { .. }
            | Self::NoLibc { .. } => Exit::Toolchain,
            Self::Unavailable { reasons, .. } => worst(reasons),
            Self::Fetch { source, .. } => source.exit(),
            Self::Unpack { source, .. } => source.exit(),
            Self::Packages { source, .. } => source.exit(),
            Self::Relocate { source, .. } => source.exit(),
            Self::Drift { .. } | Self::NotLocked { .. } => Exit::Locked,
            Self::Store(error) => error.exit(),
            Self::Process(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { name, known } => Some(match nearest(name, known) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "`polyarch toolchain list`".to_owned(),
            }),
            Self::NoHost { name, .. } => Some(format!(
                "install `{name}` on this machine, so that it is on PATH"
            )),
            Self::TooOld { name, minimum, .. } => Some(format!(
                "install `{name}` {minimum} or newer, so that it is on PATH, or upgrade polyarch"
            )),
            Self::Unavailable { reasons, name, .. } => match worst(reasons) {
                Exit::Locked => Some(format!(
                    "run `polyarch toolchain fetch {name}` while there is a network"
                )),
                _ => Some(format!(
                    "check the network and `HTTPS_PROXY`, name mirrors under `[mirrors]`, or install `{name}` on this machine"
                )),
            },
            Self::Fetch { source, .. } => source.hint(),
            Self::Unpack { source, .. } => source.hint(),
            Self::Packages { source, .. } => source.hint(),
            Self::Relocate { source, .. } => source.hint(),
            Self::Drift { name, .. } => Some(format!("`polyarch lock --upgrade {name}`")),
            Self::NotLocked { .. } => Some("`polyarch lock`".to_owned()),
            Self::Store(error) => error.hint(),
            Self::Process(error) => error.hint(),
            Self::Glibc { oldest, .. } => Some(format!(
                "choose a base with glibc {oldest} or newer, or a static one: `--base static`"
            )),
            Self::NoCompiler { .. } => {
                Some("give its definition a `[compiler]` table, see docs/toolchains.md".to_owned())
            }
            Self::NoLibc { .. } => {
                Some("`polyarch toolchain check --repair`, then build again".to_owned())
            }
            Self::Io(_) | Self::Definition { .. } => None,
        }
    }
}

impl Error {
    /// The name and version of a toolchain that is missing only because the network is forbidden.
    pub fn offline(&self) -> Option<(&str, &str)> {
        match self {
            Self::Unavailable {
                name,
                version,
                reasons,
                ..
            } if worst(reasons) == Exit::Locked => Some((name, version)),
            _ => None,
        }
    }
}

/// Forbidden by the user before wrong before out of reach.
fn worst(reasons: &[(String, fetch::Error)]) -> Exit {
    let exits = || reasons.iter().map(|(_, error)| error.exit());
    let order = [Exit::Locked, Exit::Integrity, Exit::Network];
    let found = order
        .into_iter()
        .find(|exit| exits().any(|other| other == *exit));
    found.unwrap_or(Exit::Toolchain)
}

fn nearest<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), other.as_str()))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, other)| other)
}

fn quoted(names: &[String]) -> String {
    format!("`{}`", names.join("`, `"))
}

fn listed(reasons: &[(String, fetch::Error)]) -> String {
    let mut text = String::new();
    for (source, error) in reasons {
        text.push_str("\n  ");
        text.push_str(source);
        text.push_str(": ");
        text.push_str(&error.to_string());
        let mut cause = error.source();
        while let Some(deeper) = cause {
            text.push_str(": ");
            text.push_str(&deeper.to_string());
            cause = deeper.source();
        }
    }
    text
}
