//! The Debian archive format as a library: signed releases, package indexes, dependencies, `.deb`
//! files. Works for every archive of that format, and needs neither apt nor dpkg nor root.
//!
//! Comes in: the sources of an archive, a keyring, and bytes through a [`Fetch`] that the caller
//! provides. Goes out: chosen [`Package`]s, and directories unpacked from them. Nothing here asks
//! the network or keeps anything; what comes is checked against a signature, or against a digest
//! that a signature covers.

pub mod ar;
pub mod archive;
pub mod deb;
pub mod index;
pub mod installed;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod rootfs;
#[cfg(test)]
mod sample;
pub mod signature;
pub mod sources;
pub mod stanza;
pub mod status;
mod sysroot;
pub mod universe;
pub mod unpack;
pub mod version;

use std::io::Read;

use crate::digest::Digest;
use crate::fault::Foreign;

pub use version::{ParseVersionError, Version};

/// One `.deb` in an archive's pool: all that it takes to have it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name, such as `libc6-dev`.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// A Debian architecture, or `all`.
    pub architecture: String,
    /// The suite whose index has it, such as `trixie-updates`.
    pub suite: String,
    /// Where it lies, relative to the archive's root: `pool/main/…`.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Digest,
}

/// Why bytes did not come; the caller's own error.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The archive answered that there is no such file.
    #[error("`{address}` does not exist")]
    Missing {
        /// What was asked for, without credentials.
        address: String,
    },
    /// Anything else.
    #[error(transparent)]
    Other(Foreign),
}

/// What brings the files of archives here. `archive` is the address of an archive's root, as its
/// source names it; `path` is relative to it. Used from several threads.
pub trait Fetch: Sync {
    /// A document that changes in its place, such as `dists/trixie/InRelease`, of no more than
    /// `maximum` bytes. It is not believed because of where it came from.
    fn document(&self, archive: &str, path: &str, maximum: u64) -> Result<Vec<u8>, FetchError>;

    /// A file whose digest is known; what is read has that digest, or this fails.
    fn file(
        &self,
        archive: &str,
        path: &str,
        sha256: &Digest,
        size: u64,
    ) -> Result<Box<dyn Read + Send>, FetchError>;

    /// What was kept under a key, if it still is there: indexes that were read, releases whose
    /// signature was checked.
    fn kept(&self, key: &Digest) -> Option<Vec<u8>>;

    /// Keeps something under a key. That it could not be kept is no failure.
    fn keep(&self, key: &Digest, bytes: &[u8]);
}
