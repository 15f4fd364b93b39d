//! What there is: every definition, and which of it this machine has.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::definition::{Definition, Definitions, Kind, Source};
use super::{Error, host, packaged, system};
use crate::store::Store;
use crate::version::Version;

/// One line of `polyarch toolchain list`.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// The toolchain.
    pub name: String,
    /// The version that is pinned.
    pub version: Version,
    /// What it is.
    pub kind: Kind,
    /// One line about it.
    pub description: String,
    /// Its licence.
    pub licence: String,
    /// Where to read more.
    pub homepage: String,
    /// The machines that it can be fetched for.
    pub hosts: Vec<String>,
    /// The kinds of source for this machine, in order.
    pub sources: Vec<String>,
    /// The one on PATH.
    pub system: Option<SystemListed>,
    /// The pinned one, if it was fetched and unpacked.
    pub fetched: Option<PathBuf>,
}

/// A toolchain that the machine has.
#[derive(Clone, Debug, Serialize)]
pub struct SystemListed {
    /// Its version.
    pub version: Version,
    /// Its directory.
    pub root: PathBuf,
}

/// Lists all definitions. `store` is `None` where there is none yet.
pub fn list(
    definitions: &Definitions,
    store: Option<&Store>,
    directory: &Path,
) -> Result<Vec<Listed>, Error> {
    let host = host();
    let mut all = Vec::new();
    for definition in definitions.iter() {
        let system = system::find(definition, directory, None)?.map(|toolchain| SystemListed {
            version: toolchain.version,
            root: toolchain.root,
        });
        let fetched = store.and_then(|store| find(store, definition, &host));
        all.push(Listed {
            name: definition.name.clone(),
            version: fetched.as_ref().map_or_else(
                || definition.version.clone(),
                |(_, version)| version.clone(),
            ),
            kind: definition.kind,
            description: definition.description.clone(),
            licence: definition.licence.clone(),
            homepage: definition.homepage.clone(),
            hosts: definition.hosts().into_iter().map(str::to_owned).collect(),
            sources: definition
                .sources(&host)
                .map(|source| source.kind().to_owned())
                .collect(),
            system,
            fetched: fetched.map(|(path, _)| path),
        });
    }
    Ok(all)
}

fn find(store: &Store, definition: &Definition, host: &str) -> Option<(PathBuf, Version)> {
    definition.sources(host).find_map(|source| match source {
        Source::System => None,
        Source::File(file) => store
            .tree_here(&file.rules.recipe(&file.sha256))
            .map(|path| (path, definition.version.clone())),
        Source::Packages(packages) => packaged::unpacked(store, definition, host, packages),
    })
}
