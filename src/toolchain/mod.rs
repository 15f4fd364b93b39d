//! Toolchains: what a [`Need`] leads to on this machine.
//!
//! Comes in: a name, a minimum version and the reason; the definitions; the lock. Goes out: a
//! [`Toolchain`] with absolute paths and an environment, ready to be run. Nothing after this stage
//! sees a definition or an address.

pub mod c;
mod definition;
mod error;
mod list;
mod packaged;
mod relocate;
mod resolve;
pub mod rust;
mod system;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::digest::Digest;
use crate::store;

pub use crate::version::{ParseVersionError, Version};
pub use c::{Compilers, callable};
pub use definition::{
    ANY, Artifact, Definition, Definitions, File, Kind, Place, Program, Source, System,
};
pub use error::Error;
pub use list::{Listed, SystemListed, list};
pub use resolve::{Policy, Resolver};
pub use rust::Rust;

/// What a project needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The toolchain's name, such as `go`.
    pub name: String,
    /// The oldest version that will do.
    pub minimum: Option<Version>,
    /// Why that one, such as "`go 1.24` in go.mod".
    pub because: String,
    /// What the machine's own program says of itself, where it was asked already.
    pub answer: Option<String>,
}

/// A toolchain on this machine. While this lives, its files are not pruned.
#[derive(Clone, Debug, Serialize)]
pub struct Toolchain {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Where it came from.
    pub origin: Origin,
    /// The directory that it consists of.
    pub root: PathBuf,
    /// The program to run, where there is one.
    pub program: Option<PathBuf>,
    /// What its environment must have.
    pub environment: BTreeMap<String, String>,
    #[serde(skip)]
    #[expect(dead_code, reason = "kept for its lock")]
    hold: Option<store::Tree>,
}

/// Where a toolchain came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Origin {
    /// It was on the machine.
    System,
    /// It was fetched and unpacked into the store.
    Fetched {
        /// The kind of source, such as `pypi`.
        source: String,
        /// The file's name.
        file: String,
        /// Its digest.
        sha256: Digest,
    },
}

impl Toolchain {
    /// One that is on the machine, outside the store.
    pub fn on_machine(
        name: &str,
        version: Version,
        root: PathBuf,
        program: Option<PathBuf>,
        environment: BTreeMap<String, String>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            version,
            origin: Origin::System,
            root,
            program,
            environment,
            hold: None,
        }
    }
}

/// The name of this machine in definitions and the lock: `linux/amd64`.
pub fn host() -> String {
    let os = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let architecture = crate::target::Platform::host().map_or(std::env::consts::ARCH, |platform| {
        platform.architecture().name
    });
    format!("{os}/{architecture}")
}
