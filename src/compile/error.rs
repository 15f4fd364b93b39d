//! Why there are no artifacts, and what compilers said.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{crates, headers, libraries, native};
use crate::elf;
use crate::fault::{Exit, Fault, refused};
use crate::process;
use crate::project::gocache;
use crate::store::{self, Damage};
use crate::target::Platform;
use crate::toolchain::rust;

/// Why there are no artifacts.
#[derive(Debug, Error)]
pub enum Error {
    /// The compiler refused; what it said was untouched.
    #[error("{}", failures(.0))]
    Failed(Vec<Failure>),
    /// What a C or C++ build left can't be used.
    #[error(transparent)]
    Native(#[from] native::Error),
    /// What cargo's configuration says can't be used.
    #[error("can't read cargo's configuration")]
    CargoConfig(#[from] cargo_config2::Error),
    /// What build scripts are told can't be found out.
    #[error(transparent)]
    Rust(#[from] rust::Error),
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Cargo was content and has not said where a program is.
    #[error("cargo has built no `{name}` for {platform}")]
    NoProgram {
        /// The program.
        name: String,
        /// The platform.
        platform: Platform,
    },
    /// A file does not fit its platform, or is missing.
    #[error(transparent)]
    Elf(#[from] elf::check::Error),
    /// The compiler could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// The `out` folder could not be prepared.
    #[error("can't prepare the folder for results")]
    Io(#[from] io::Error),
    /// A file vanished or can't be read.
    #[error(transparent)]
    Artifact(io::Error),
    /// The project's folder can't be written, so there can be no `out` in it.
    #[error("can't write results into `{}`: {}", folder.display(), source.kind())]
    ReadOnly {
        /// The project's folder.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The compiler can't keep what it compiles.
    #[error("{cache}\n{}", failures(failed))]
    Cache {
        /// What is wrong with its cache.
        cache: gocache::Unusable,
        /// What the compiler said.
        failed: Vec<Failure>,
    },
    /// Compilers can't keep what they build for themselves.
    #[error("can't write to `{}`: {source}\n{}", folder.display(), failures(failed))]
    Caches {
        /// Where that is kept.
        folder: PathBuf,
        /// Why not.
        source: io::Error,
        /// What the compiler said.
        failed: Vec<Failure>,
    },
    /// What a compiler had built for itself was changed while it was used.
    #[error(
        "while it was used, `{}` was changed: it {}{}",
        damage.file.display(), damage.reason, below(failed)
    )]
    Damaged {
        /// The first file.
        damage: Damage,
        /// What the compiler said.
        failed: Vec<Failure>,
    },
    /// A compiler failed, and where it writes there is next to no space.
    #[error(
        "no space left: {} kB free on the device that holds `{}`\n{}",
        free / 1000, folder.display(), failures(failed)
    )]
    Full {
        /// The folder.
        folder: PathBuf,
        /// How many bytes are free there.
        free: u64,
        /// What the compiler said.
        failed: Vec<Failure>,
    },
}

/// What the compiler said for some platforms.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The platforms, which all got this message.
    pub platforms: Vec<Platform>,
    /// How the compiler ended.
    pub status: String,
    /// What it wrote, untouched.
    pub message: String,
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Failed(_) | Self::NoProgram { .. } => Exit::Compile,
            Self::CargoConfig(_) => Exit::Usage,
            Self::Store(error) => error.exit(),
            Self::Rust(error) => error.exit(),
            Self::Elf(error) => error.exit(),
            Self::Native(error) => error.exit(),
            Self::Process(error) => error.exit(),
            Self::Cache { cache, .. } => cache.exit(),
            Self::Damaged { .. } => Exit::Integrity,
            Self::Io(_)
            | Self::Artifact(_)
            | Self::ReadOnly { .. }
            | Self::Caches { .. }
            | Self::Full { .. } => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Elf(error) => error.hint(),
            Self::Native(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Rust(error) => error.hint(),
            Self::Cache { cache, .. } => cache.hint(),
            Self::Caches { .. } => {
                Some("set `POLYARCH_HOME` to a directory that can be written".to_owned())
            }
            Self::Damaged { .. } => Some(
                "`polyarch toolchain check --repair` removes what is damaged; then build again"
                    .to_owned(),
            ),
            Self::ReadOnly { folder, .. } => Some(format!(
                "build a copy: `cp -r '{}' /tmp/project && polyarch build /tmp/project`",
                folder.display()
            )),
            Self::Full { .. } => {
                Some("free some space, for instance with `polyarch toolchain prune`".to_owned())
            }
            Self::Io(error) | Self::Artifact(error) => refused(error),
            Self::Failed(failures) => crates::hint(failures)
                .or_else(|| headers::hint(failures))
                .or_else(|| libraries::hint(failures)),
            Self::NoProgram { .. } | Self::CargoConfig(_) | Self::Process(_) => None,
        }
    }
}

impl Error {
    /// Sorts what the system said about the `out` folder of a project.
    pub fn opening(folder: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly {
                folder: folder.to_owned(),
                source,
            },
            _ => Self::Io(source),
        }
    }
}

/// What the compiler said, if it said something, in lines of its own.
fn below(failed: &[Failure]) -> String {
    match failed {
        [] => String::new(),
        failed => format!("\n{}", failures(failed)),
    }
}

fn failures(failures: &[Failure]) -> String {
    let parts: Vec<String> = failures
        .iter()
        .map(|failure| {
            let platforms: Vec<String> =
                failure.platforms.iter().map(ToString::to_string).collect();
            format!(
                "compiling for {} failed ({})\n{}",
                platforms.join(", "),
                failure.status,
                failure.message
            )
        })
        .collect();
    parts.join("\n")
}
