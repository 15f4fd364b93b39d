//! What the source tree is: facts found, nothing chosen.
//!
//! [`detect`] looks at file names and gives the evidence for each kind of project; [`go`],
//! [`cargo`], [`cmake`], [`make`], [`plain`] and [`prebuilt`] then learn what is needed to plan a build. Nothing
//! of the project is built or run here; `go list` and `cargo metadata` read it.

pub mod cargo;
pub mod cmake;
pub mod detect;
pub mod git;
pub mod go;
pub mod gocache;
pub mod gomod;
pub mod make;
pub mod plain;
pub mod prebuilt;
pub mod top;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::target::Platform;

pub use detect::{Detected, Evidence, Kind};
pub use git::Git;

/// A project, ready to be planned.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its folder, absolute.
    pub root: PathBuf,
    /// Its name, for images and messages.
    pub name: String,
    /// What it is, and why that is believed.
    pub detected: Detected,
    /// What git knows, where there is a repository.
    pub git: Option<Git>,
    /// What is to be built.
    pub source: Source,
}

/// What is to be built, by kind.
#[derive(Clone, Debug)]
pub enum Source {
    /// Go commands.
    Go(go::GoProject),
    /// Rust programs.
    Cargo(cargo::CargoProject),
    /// A project with a `CMakeLists.txt`.
    Cmake(cmake::CmakeProject),
    /// A project with a Makefile.
    Make(make::MakeProject),
    /// C and C++ sources.
    C(plain::Sources),
    /// Files that exist already, by platform, as absolute paths.
    Prebuilt(BTreeMap<Platform, Vec<PathBuf>>),
}

impl Source {
    /// Whether C or C++ is compiled.
    pub fn needs_c(&self) -> bool {
        match self {
            Self::Go(go) => go.commands.iter().any(|command| !command.cgo.is_empty()),
            Self::Cmake(_) | Self::Make(_) | Self::C(_) => true,
            Self::Cargo(cargo) => cargo.needs_c(),
            Self::Prebuilt(_) => false,
        }
    }
}
