//! The base image: from a reference and the platforms wanted to what the base has for each of them.
//!
//! Reading stays on this machine: layouts and archives on disk, the built-in `static` base, and
//! `scratch`. Layers that will be needed are brought into the store, checked on the way; what they
//! contain is only looked at when somebody asks for [`BasePlatform::rootfs`].

mod apt;
mod builtin;
mod error;
mod facts;
pub mod fingerprint;
mod import;
pub mod libc;
pub mod pack;
pub mod packages;
mod reference;
#[cfg(test)]
pub(crate) mod sample;
mod select;

use std::path::PathBuf;

use crate::fault::Fault;
use crate::oci::archive::Archive;
use crate::oci::docker::DockerArchive;
use crate::oci::layout::Layout;
use crate::packages::Packages;
use crate::progress::Observer;
use crate::store::Store;
use crate::target::Platform;

pub use error::Error;
pub use facts::{Base, BasePlatform};
pub use reference::{ParseReferenceError, Reference};
pub(crate) use select::FULL_NAME;

/// The data packages that the `static` base is made from.
pub const DATA: [&str; 2] = ["certifi", "tzdata"];

/// Which platforms are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All that the base has and this program knows.
    All,
    /// These.
    These(Vec<Platform>),
}

/// Finds the unpacked tree of a data package by its name.
pub type Data<'a> = dyn Fn(&str) -> Result<PathBuf, Box<dyn Fault>> + 'a;

/// What loading a base needs.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Where layers go.
    pub store: &'a Store,
    /// The platforms.
    pub wanted: &'a Wanted,
    /// Where the data of the `static` base is: asked for `certifi` and `tzdata`.
    pub data: &'a Data<'a>,
    /// What brings Debian packages here.
    pub packages: &'a Packages<'a>,
    /// How many threads may compress.
    pub threads: usize,
    /// Who is told.
    pub observer: &'a dyn Observer,
}

/// Loads a base for the platforms wanted.
pub fn load(reference: &Reference, context: Context) -> Result<Base, Error> {
    match reference {
        Reference::Scratch => builtin::scratch(reference, context),
        Reference::Static => builtin::load(reference, context),
        Reference::Layout { path, tag, digest } => {
            let layout = Layout::open(path)?;
            let entries = layout.index().manifests.clone();
            let chosen = select::choose(reference, &layout, &entries, tag.as_deref(), *digest)?;
            import::load(reference, &layout, chosen, context)
        }
        Reference::OciArchive(path) => {
            let archive = Archive::open(path)?;
            let entries = archive.index()?.manifests;
            let chosen = select::choose(reference, &archive, &entries, None, None)?;
            import::load(reference, &archive, chosen, context)
        }
        Reference::DockerArchive(path) => {
            let archive = DockerArchive::open(path)?;
            let chosen = select::of_docker(reference, &archive)?;
            import::load(reference, &archive, chosen, context)
        }
        Reference::Packages(wanted) => packages::load(reference, wanted, context),
        Reference::Registry(name) => Err(Error::Registry(name.clone())),
    }
}
