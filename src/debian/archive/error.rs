//! Why an archive could not be opened.

use thiserror::Error;

use crate::debian::release;
use crate::debian::signature;
use crate::debian::sources::{ArchiveAddress, Origin};
use crate::fault::{Exit, Fault, Foreign};
use crate::target::Platform;

/// Why an archive could not be opened. Addresses are printed without credentials.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing is left to open.
    #[error(
        "no source is left for architecture `{architecture}`: there are suites {}",
        list(suites)
    )]
    Nothing {
        /// The architecture.
        architecture: String,
        /// The suites of the sources given.
        suites: Vec<String>,
    },
    /// The archive answers that it has no such suite.
    #[error("suite `{suite}` does not exist: `{address}` was not found")]
    NoSuite {
        /// What was asked for.
        address: String,
        /// The suite.
        suite: String,
        /// Whether it only belongs to another suite that was asked for.
        companion: bool,
    },
    /// A signature that does not count.
    #[error("release of suite `{suite}` of {archive} is not believed")]
    Signature {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// Why.
        source: signature::Error,
    },
    /// The host trusts an archive without a signature; this program does not by itself.
    #[error("{origin} trusts suite `{suite}` of {archive} without a signature")]
    NotChosen {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// Where the source is written down.
        origin: Origin,
    },
    /// The release itself.
    #[error(transparent)]
    Release(#[from] release::Error),
    /// The suite is not built for the architecture.
    #[error(
        "suite `{suite}` of {archive} has no architecture `{architecture}`; it has {}",
        list(have)
    )]
    NoArchitecture {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The architecture.
        architecture: String,
        /// Those it has.
        have: Vec<String>,
    },
    /// The suite has no such component.
    #[error(
        "suite `{suite}` of {archive} has no component `{component}`; it has {}",
        list(have)
    )]
    NoComponent {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The component.
        component: String,
        /// Those it has.
        have: Vec<String>,
    },
    /// The release names no index in a form that can be read.
    #[error(
        "release of suite `{suite}` of {archive} names no index `{path}` in xz, gzip, zstd or plain form"
    )]
    NoIndex {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The index, without an ending.
        path: String,
    },
    /// Index and release do not fit together, and the release has not changed since.
    #[error(
        "archive {archive} is in the middle of an update: `{path}` of suite `{suite}` {}",
        if *missing { "is not there" } else { "is not the one that its release names" }
    )]
    Changed {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The index.
        path: String,
        /// Whether nothing is there, in no form; else it is another index.
        missing: bool,
    },
    /// An index is not what its release promises, once decompressed.
    #[error("`{path}` of suite `{suite}` of {archive} can't be read: {reason}")]
    Index {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The index.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The index could be decompressed but not compiled.
    #[error("`{path}` of suite `{suite}` of {archive}")]
    Compile {
        /// The archive.
        archive: ArchiveAddress,
        /// The suite.
        suite: String,
        /// The index.
        path: String,
        /// The compiler's reason.
        source: Foreign,
    },
    /// The caller's own error.
    #[error(transparent)]
    Fetch(Foreign),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Nothing { .. }
            | Self::NotChosen { .. }
            | Self::NoArchitecture { .. }
            | Self::NoComponent { .. } => Exit::Usage,
            Self::NoSuite { .. } | Self::Changed { .. } => Exit::Network,
            Self::NoIndex { .. } | Self::Index { .. } => Exit::Integrity,
            Self::Signature { source, .. } => source.exit(),
            Self::Release(error) => error.exit(),
            Self::Compile { source, .. } => source.exit(),
            Self::Fetch(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoArchitecture {
                architecture,
                suite,
                ..
            } => other_suite(architecture, suite),
            Self::NoSuite {
                suite,
                companion: true,
                ..
            } => Some(format!(
                "do without it: `without-suites = [\"{suite}\"]` under `[mirrors]`"
            )),
            Self::NoSuite { .. } => Some(
                "correct the suite's name, such as `suite = \"trixie\"`, or the archive's address \
                 in `POLYARCH_DEBIAN`, `[mirrors] debian` or apt's sources"
                    .to_owned(),
            ),
            Self::NotChosen { archive, suite, .. } => Some(format!(
                "if you trust it as well, write `debian = [\"deb [trusted=yes] {} {suite} …\"]` \
                 under `[mirrors]`",
                archive.to_string().trim_matches('`')
            )),
            Self::Changed { suite, .. } => Some(format!(
                "run the same command again in some minutes, name another mirror under \
                 `[mirrors]`, or do without the suite: `without-suites = [\"{suite}\"]` there"
            )),
            Self::Nothing { .. } => Some(
                "take suites out of `without-suites` under `[mirrors]`, or architectures into the \
                 source's `[arch=…]`"
                    .to_owned(),
            ),
            Self::Signature { source, .. } => source.hint(),
            Self::Release(error) => error.hint(),
            Self::Compile { source, .. } => source.hint(),
            Self::Fetch(error) => error.hint(),
            Self::NoComponent { .. } | Self::NoIndex { .. } | Self::Index { .. } => None,
        }
    }
}

/// The setting that takes a suite which has the architecture, for its platform alone.
fn other_suite(architecture: &str, suite: &str) -> Option<String> {
    // Releases add and drop architectures; of what no release has, ports may have it in sid.
    let other = match architecture {
        "mips64el" => "bookworm",
        "loong64" | "mips64" => "sid",
        _ => "trixie",
    };
    let platform = Platform::all()
        .into_iter()
        .find(|platform| platform.debian() == architecture)?;
    let other = if other == suite { "…" } else { other };
    Some(format!(
        "name a suite that has it, for this platform alone: `suite = \"{other}\"` under \
         `[platform.\"{platform}\".sysroot]`"
    ))
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_the_platform_and_a_suite_that_has_it() {
        for (architecture, suite, setting, platform) in [
            ("riscv64", "bookworm", "trixie", "linux/riscv64"),
            ("mips64el", "trixie", "bookworm", "linux/mips64le"),
            ("loong64", "trixie", "sid", "linux/loong64"),
            ("riscv64", "trixie", "…", "linux/riscv64"),
        ] {
            let error = Error::NoArchitecture {
                archive: ArchiveAddress::new("https://archive.example/debian"),
                suite: suite.to_owned(),
                architecture: architecture.to_owned(),
                have: Vec::new(),
            };
            let expected =
                format!("`suite = \"{setting}\"` under `[platform.\"{platform}\".sysroot]`");
            let hint = error.hint().unwrap();
            assert!(hint.ends_with(&expected), "{hint}");
        }
    }
}
