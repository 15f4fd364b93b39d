//! Toolchains from Debian packages: resolved through the lock or the archive, unpacked with all
//! they depend on, and made to run from the store.

use std::path::PathBuf;

use super::definition::{Definition, Packages};
use super::{Error, Origin, Resolver, Toolchain, host, relocate};
use crate::debian::{Package, unpack};
use crate::digest::{Digest, Recipe};
use crate::packages::{Closure, Want};
use crate::store;
use crate::store::Store;
use crate::target::Platform;
use crate::version::Version;

/// The kind of record that says where a definition's packages lie.
const KIND: &str = "packaged";

/// The definition whose program changes search paths.
const PATCHELF: &str = "patchelf";

impl Resolver<'_> {
    /// What the lock or the archive has for a definition made of packages.
    pub(super) fn install_packages(
        &self,
        definition: &Definition,
        host: &str,
        packages: &Packages,
    ) -> Result<Toolchain, Error> {
        let machine: Platform = host.parse().map_err(|_| self.no_host(definition, host))?;
        let want = want(&definition.name, host, machine, packages);
        let named = |source| Error::Packages {
            name: definition.name.clone(),
            source: Box::new(source),
        };
        let closure = self.packages.closure(&want).map_err(named)?;
        let named_first = |package: &&Package| packages.names.first() == Some(&package.name);
        // A virtual package has a name that is no package's.
        let first = closure.packages.iter().find(named_first);
        let Some(first) = first.or(closure.packages.first()) else {
            return Err(self.no_host(definition, host));
        };
        let version: Version = upstream(first.version.as_str())
            .parse()
            .unwrap_or_else(|_| definition.version.clone());
        let tree = self.make(definition, &version, machine, &closure)?;
        self.fetcher.store().get()?.put_record(
            KIND,
            &key(&want),
            format!("{} {version}", tree.path.display()).as_bytes(),
        )?;
        let origin = Origin::Fetched {
            source: "debian".to_owned(),
            file: first.path.clone(),
            sha256: first.sha256,
        };
        Ok(definition.installed(version, origin, tree, Some(machine)))
    }

    /// Whether the lock has packages for a definition.
    pub(super) fn has_closure(&self, name: &str) -> bool {
        let lock = self.policy.lock.as_ref();
        lock.is_some_and(|lock| lock.closure(&closure_name(name), &host()).is_some())
    }

    fn make(
        &self,
        definition: &Definition,
        version: &Version,
        machine: Platform,
        closure: &Closure,
    ) -> Result<store::Tree, Error> {
        let store = self.fetcher.store().get()?;
        let mut recipe = Recipe::new("toolchain")
            .with(unpack::VERSION)
            .with(relocate::VERSION)
            // The files name their place.
            .with(store.base().as_os_str().as_encoded_bytes());
        for digest in closure.digests() {
            recipe = recipe.with(digest.hex());
        }
        let recipe = recipe.finish();
        let label = format!("{} {version}", definition.name);
        let place = store.tree_path(&recipe);
        store.tree(&recipe, &label, self.observer, |into| {
            self.announce(definition);
            self.packages
                .unpack_host(closure, into)
                .map_err(|source| Error::Packages {
                    name: definition.name.clone(),
                    source: Box::new(source),
                })?;
            let relocated = |source| Error::Relocate {
                name: definition.name.clone(),
                version: version.to_string(),
                source,
            };
            let patches = relocate::plan(into, &place, machine).map_err(relocated)?;
            if patches.is_empty() {
                return Ok(());
            }
            let patchelf = self.obtain_defined(self.definitions.get(PATCHELF)?, &host())?;
            let Some(program) = &patchelf.program else {
                return Err(self.no_host(definition, &host()));
            };
            self.observer
                .note(&format!("making {label} run from the store"));
            relocate::apply(into, &patches, program, self.threads()).map_err(relocated)
        })
    }

    fn threads(&self) -> usize {
        self.packages.threads()
    }
}

/// Where the packages of a definition were unpacked last, and their version.
pub(super) fn unpacked(
    store: &Store,
    definition: &Definition,
    host: &str,
    packages: &Packages,
) -> Option<(PathBuf, Version)> {
    let want = want(&definition.name, host, host.parse().ok()?, packages);
    let text = String::from_utf8(store.record(KIND, &key(&want))?).ok()?;
    let (path, version) = text.rsplit_once(' ')?;
    let path = PathBuf::from(path);
    path.is_dir().then_some((path, version.parse().ok()?))
}

fn key(want: &Want) -> Digest {
    let recipe = Recipe::new(KIND)
        .with(&want.name)
        .with(&want.architecture)
        .with(&want.suite);
    let recipe = want.packages.iter().fold(recipe, Recipe::with);
    let without = want.without.iter().map(|name| format!("without {name}"));
    without.fold(recipe, Recipe::with).finish()
}

/// The want of a definition, as the lock names it.
fn want(name: &str, host: &str, machine: Platform, packages: &Packages) -> Want {
    Want {
        name: closure_name(name),
        platform: host.to_owned(),
        architecture: machine.debian().to_owned(),
        suite: packages.suite.clone(),
        backports: false,
        packages: packages.names.clone(),
        without: packages.without.clone(),
        base: None,
        tool: true,
    }
}

fn closure_name(name: &str) -> String {
    format!("toolchain {name}")
}

/// A package's version without epoch.
fn upstream(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}
