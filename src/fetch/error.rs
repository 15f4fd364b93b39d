//! Why a file could not be brought into the store.

use std::io;

use thiserror::Error;

use super::Address;
use crate::digest::{Digest, Mismatch};
use crate::fault::{Exit, Fault};
use crate::store;

/// Why a file could not be brought into the store. Addresses are printed without credentials.
#[derive(Debug, Error)]
pub enum Error {
    /// The network is forbidden and the store does not have it.
    #[error("{what} ({digest}) is not in the store and `--offline` forbids fetching it")]
    Offline {
        /// The source.
        what: String,
        /// What it should have been.
        digest: Digest,
    },
    /// The network is forbidden and the address was never asked.
    #[error("no answer of {address} is kept and `--offline` forbids asking it")]
    OfflineDocument {
        /// What would have been asked.
        address: Address,
    },
    /// No archive has the locked version of a package any more.
    #[error(
        "locked version `{version}` of package `{name}` is gone: `{path}` is not {}",
        describe_archives(archives)
    )]
    Gone {
        /// The package.
        name: String,
        /// Its locked version.
        version: String,
        /// Its path.
        path: String,
        /// The archives that were asked.
        archives: Vec<Address>,
    },
    /// An address that can't be used.
    #[error("{address} is not an address that can be fetched: {reason}")]
    BadAddress {
        /// As configured.
        address: Address,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer.
    #[error("can't reach {address}: {reason}")]
    Unreachable {
        /// What was asked.
        address: Address,
        /// The innermost reasons.
        reason: String,
    },
    /// The server's certificate is not valid at this time.
    #[error("can't trust {address}: {reason}")]
    Untimely {
        /// What was asked.
        address: Address,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// The answer is an error.
    #[error("{address} answered {status}{}", describe_wait(*wait))]
    Status {
        /// What was asked.
        address: Address,
        /// Number and words.
        status: String,
        /// Its number alone.
        code: u16,
        /// The seconds that the server asks us to wait, where that is too long.
        wait: Option<u64>,
    },
    /// The connection broke or fell silent, again and again.
    #[error(
        "{address} ended early: expected {}, found {found} bytes after {attempts} attempts: {reason}",
        describe_size(*expected)
    )]
    Truncated {
        /// What was asked.
        address: Address,
        /// The bytes promised.
        expected: Option<u64>,
        /// The bytes that came.
        found: u64,
        /// How often it was tried.
        attempts: u32,
        /// How the last one ended.
        reason: String,
    },
    /// Something else lies there, as the announced length shows.
    #[error(
        "{address} is not the pinned file: expected {expected} bytes, the server announces {announced}{}",
        describe_type(kind)
    )]
    Different {
        /// What was asked.
        address: Address,
        /// The bytes promised.
        expected: u64,
        /// The announced length.
        announced: u64,
        /// The announced content type.
        kind: String,
    },
    /// What came is not what was promised.
    #[error("{address} is not the pinned file")]
    Mismatch {
        /// What was asked.
        address: Address,
        /// The difference.
        source: Mismatch,
    },
    /// More came than may.
    #[error("{address} is larger than {maximum} bytes, the most that is accepted")]
    TooLarge {
        /// What was asked.
        address: Address,
        /// The bound.
        maximum: u64,
    },
    /// The answer is packed, and nobody asked for that.
    #[error("{address} answered with content coding `{encoding}`, expected none")]
    Encoded {
        /// What was asked.
        address: Address,
        /// The coding.
        encoding: String,
    },
    /// A local file can't be read.
    #[error("can't read {address}")]
    File {
        /// What was asked.
        address: Address,
        /// The system's reason.
        source: io::Error,
    },
    /// The index does not have the file.
    #[error("{index} has no file `{file}` of project `{project}`")]
    NotListed {
        /// The index, or several.
        index: String,
        /// The project.
        project: String,
        /// The file.
        file: String,
    },
    /// No Python package index is known.
    #[error("no Python package index is configured and no pip is there to ask for its default")]
    NoIndex,
    /// No Go proxy is known.
    #[error("no Go module proxy is configured and no go is there to ask for its default")]
    NoProxy,
    /// The configured proxies can't serve a toolchain.
    #[error("`GOPROXY={configured}` leaves no module proxy to ask: {reason}")]
    ProxyOff {
        /// The value.
        configured: String,
        /// What it means.
        reason: &'static str,
    },
    /// The TLS client can't be set up.
    #[error("can't set up the HTTP client: {0}")]
    Client(String),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A signal came.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Whether another source may be tried instead: true where nothing was reached, false where
    /// something was reached that is wrong, or where this machine is at fault.
    pub fn is_elsewhere(&self) -> bool {
        match self {
            Self::Offline { .. }
            | Self::OfflineDocument { .. }
            | Self::Gone { .. }
            | Self::BadAddress { .. }
            | Self::Unreachable { .. }
            | Self::Untimely { .. }
            | Self::Status { .. }
            | Self::Truncated { .. }
            | Self::Different { .. }
            | Self::Encoded { .. }
            | Self::File { .. }
            | Self::NotListed { .. }
            | Self::NoIndex
            | Self::NoProxy
            | Self::ProxyOff { .. }
            | Self::Client(_) => true,
            Self::Mismatch { .. } | Self::TooLarge { .. } | Self::Store(_) | Self::Interrupted => {
                false
            }
        }
    }
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Offline { .. } | Self::OfflineDocument { .. } => Exit::Locked,
            Self::BadAddress { .. } => Exit::Usage,
            Self::Gone { .. }
            | Self::Unreachable { .. }
            | Self::Untimely { .. }
            | Self::Status { .. }
            | Self::Truncated { .. }
            | Self::Encoded { .. }
            | Self::NotListed { .. }
            | Self::NoIndex
            | Self::NoProxy
            | Self::ProxyOff { .. }
            | Self::Client(_) => Exit::Network,
            Self::Different { .. } | Self::Mismatch { .. } | Self::TooLarge { .. } => {
                Exit::Integrity
            }
            Self::File { .. } | Self::Interrupted => Exit::Io,
            Self::Store(error) => error.exit(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Gone { name, .. } => {
                return Some(format!(
                    "run `polyarch lock --upgrade {name}`, or name an archive that keeps old \
                     versions: `snapshot = [\"…\"]` under `[mirrors]`"
                ));
            }
            Self::Offline { .. } | Self::OfflineDocument { .. } => {
                "run once without `--offline` while there is a network"
            }
            Self::BadAddress { .. } => {
                "addresses begin with `https://`, `http://` or `file://`; see `[mirrors]` in docs/toolchains.md"
            }
            Self::Different { address, .. }
            | Self::Mismatch { address, .. }
            | Self::TooLarge { address, .. }
                if address.is_local() =>
            {
                "restore the file; one of a vendor folder is written anew by `polyarch vendor DIR`"
            }
            Self::Different { .. }
            | Self::Mismatch { .. }
            | Self::TooLarge { .. }
            | Self::Encoded { .. } => {
                "a proxy or mirror in between may have changed it; name another one under `[mirrors]`"
            }
            Self::NoIndex => "set `PIP_INDEX_URL`, or `pypi = \"…\"` under `[mirrors]`",
            Self::NoProxy | Self::ProxyOff { .. } => {
                "set `GOPROXY`, or `goproxy = \"…\"` under `[mirrors]`"
            }
            Self::Status {
                code: 401 | 403, ..
            } => {
                "put the credentials for this host into its address, or name another mirror under `[mirrors]`"
            }
            Self::Untimely { .. } => {
                "where `date -u` is wrong, set this machine's clock; else name a mirror under `[mirrors]`"
            }
            Self::Unreachable { .. } | Self::Status { .. } | Self::Truncated { .. } => {
                "check the network and `HTTPS_PROXY`, or name a mirror under `[mirrors]`"
            }
            Self::Client(_) => "set `SSL_CERT_FILE` to a bundle of certificates",
            Self::Store(error) => return error.hint(),
            Self::File { .. } | Self::NotListed { .. } | Self::Interrupted => return None,
        };
        Some(hint.to_owned())
    }
}

fn describe_archives(archives: &[Address]) -> String {
    let shown: Vec<String> = archives.iter().map(ToString::to_string).collect();
    match shown.is_empty() {
        true => "to be had, as no archive is configured".to_owned(),
        false => format!("in {}", shown.join(", ")),
    }
}

fn describe_wait(seconds: Option<u64>) -> String {
    seconds.map_or_else(String::new, |seconds| {
        format!(" and asks to come back in {seconds} seconds")
    })
}

fn describe_size(size: Option<u64>) -> String {
    size.map_or_else(|| "more".to_owned(), |size| format!("{size} bytes"))
}

fn describe_type(kind: &str) -> String {
    if kind.is_empty() {
        String::new()
    } else {
        format!(" of `{kind}`")
    }
}
