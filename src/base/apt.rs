//! What a base of Debian or a derivative says of its distribution and its archives, laid out on
//! disk for the library that reads apt's configuration.
//!
//! Comes in: a base's platform. Goes out: a tree in the store with `etc/apt`, the shared keyrings
//! and os-release of the image: directories and plain files alone. Links were followed in the file
//! index, inside the image, so none is there that could lead into the host. Nothing else of the
//! image is taken, no credentials (`auth.conf`) and no configuration that apt would run.
//!
//! Sources: sources.list(5), apt-secure(8), os-release(5).

use std::collections::BTreeMap;
use std::path::{Component, Path};

use super::{BasePlatform, Error};
use crate::digest::{Digest, Recipe};
use crate::oci::rootfs::{NodeKind, Rootfs};
use crate::packages::Configured;
use crate::progress::Observer;
use crate::store::{self, Store};

/// Goes into the name of each tree: a change of these rules makes new ones.
const VERSION: &str = "1";

/// dpkg's database, in its two forms: whoever has neither is no such base.
const DATABASES: [&str; 2] = ["var/lib/dpkg/status", "var/lib/dpkg/status.d"];

const RELEASES: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

/// Directories whose files are taken, and how the names of these end; with no ending, all.
const FOLDERS: [(&str, &[&str]); 6] = [
    ("etc/apt", &["sources.list", "trusted.gpg"]),
    ("etc/apt/sources.list.d", &[".list", ".sources"]),
    ("etc/apt/trusted.gpg.d", &[".gpg", ".asc"]),
    ("etc/apt/keyrings", &[".gpg", ".asc", ".pgp"]),
    ("etc/apt/mirrors", &[]),
    ("usr/share/keyrings", &[".gpg", ".asc", ".pgp"]),
];

/// The largest file that is taken, as large as the largest keyring that is read.
const LARGEST: u64 = 8 << 20;

impl BasePlatform {
    /// What the base is configured with; `None` where it is made here, or is no base of Debian or a
    /// derivative. Layers are read once for each store.
    pub fn configured(
        &self,
        store: &Store,
        observer: &dyn Observer,
    ) -> Result<Option<Configured>, Error> {
        if self.descriptor.is_none() || self.layers.is_empty() {
            return Ok(None);
        }
        let rootfs = self.rootfs(store)?;
        let mut databases = DATABASES.iter().filter_map(|path| rootfs.follow(path));
        if databases.next().is_none() {
            return Ok(None);
        }
        let label = "the apt sources of the base";
        let tree = store.tree(&recipe(self), label, observer, |into| {
            self.lay_out(store, &wanted(rootfs), into)?;
            let further = further(into, rootfs);
            self.lay_out(store, &further, into)
        })?;
        Ok(Some(Configured::new(tree)))
    }

    /// Writes files of the image below a directory; where each lies in the image is the value.
    fn lay_out(
        &self,
        store: &Store,
        files: &BTreeMap<String, String>,
        into: &Path,
    ) -> Result<(), Error> {
        let limits = files.values().map(|real| (real.clone(), LARGEST));
        let contents = self.read(store, &limits.collect())?;
        for (path, real) in files {
            let Some(bytes) = contents.get(real) else {
                continue;
            };
            let path = into.join(path);
            let failed = |error| store::Error::writing(&path, None, error);
            if let Some(parent) = path.parent() {
                fs_err::create_dir_all(parent).map_err(failed)?;
            }
            fs_err::write(&path, bytes).map_err(failed)?;
        }
        Ok(())
    }
}

/// The files to take: their paths, and where these lead.
fn wanted(rootfs: &Rootfs) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in RELEASES {
        add(&mut found, rootfs, path);
    }
    for (folder, endings) in FOLDERS {
        let Ok(real) = rootfs.resolve_folder(folder) else {
            continue;
        };
        let prefix = format!("{real}/");
        let names = rootfs
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(&prefix))
            .filter(|name| !name.contains('/'))
            .filter(|name| endings.is_empty() || endings.iter().any(|end| name.ends_with(end)));
        for name in names {
            add(&mut found, rootfs, &format!("{folder}/{name}"));
        }
    }
    found
}

/// Keyrings that the sources name and that lie elsewhere. Sources that can't be read name none
/// here, and are an error as soon as somebody needs them.
fn further(laid_out: &Path, rootfs: &Rootfs) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in Configured::keyrings(laid_out) {
        let normal = |part: Component<'_>| match part {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            _ => None,
        };
        let parts: Vec<String> = path.components().filter_map(normal).collect();
        let path = parts.join("/");
        if !laid_out.join(&path).exists() {
            add(&mut found, rootfs, &path);
        }
    }
    found
}

fn add(found: &mut BTreeMap<String, String>, rootfs: &Rootfs, path: &str) {
    if let Some((real, node)) = rootfs.follow(path)
        && node.kind == NodeKind::File
    {
        found.insert(path.to_owned(), real);
    }
}

fn recipe(base: &BasePlatform) -> Digest {
    let recipe = Recipe::new("apt").with(VERSION);
    let layers = base.diff_ids.iter().map(ToString::to_string);
    layers.fold(recipe, Recipe::with).finish()
}

#[cfg(test)]
mod tests;
