//! Packages as directories in the store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Closure, Error, Packages, archives};
use crate::debian::Package;
use crate::debian::rootfs::{self, Added};
use crate::debian::unpack::{self, Deb, Kind, Options, Unpacked};
use crate::digest::{Digest, Recipe};
use crate::fetch::Wanted;
use crate::interrupt;
use crate::lock::Lock;
use crate::parallel;
use crate::store::{self, Blob, Tree};

/// Where in the tree of a base its packages' files are, what was added to them, and the list of
/// what they are in the image.
const FILES: &str = "root";
const ADDED: &str = "added";
const ENTRIES: &str = "entries.json";

/// The files of a base, as packages have them.
#[derive(Clone, Debug)]
pub struct Rootfs {
    /// What lies where, with owners and modes, sorted.
    pub entries: Vec<Entry>,
    tree: Tree,
}

/// One path of a base.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Relative to the root.
    pub path: String,
    /// What it is.
    pub content: Content,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// What a path of a base holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// A directory.
    Directory,
    /// A file; where it lies, see [`Rootfs::file`].
    File(String),
    /// A symbolic link and its target.
    Symlink(String),
}

impl Rootfs {
    /// Where the bytes of an entry lie.
    pub fn file(&self, from: &str) -> PathBuf {
        self.tree.path.join(from)
    }
}

impl Packages<'_> {
    /// Headers and libraries for compilers.
    pub fn sysroot(&self, closure: &Closure) -> Result<Tree, Error> {
        let store = self.fetcher.store().get()?;
        let recipe = recipe(closure, "sysroot");
        store.tree(&recipe, &label(closure), self.observer, |into| {
            self.unpack(closure, Kind::Sysroot, into).map(|_| ())
        })
    }

    /// The files of a base.
    pub fn rootfs(&self, closure: &Closure) -> Result<Rootfs, Error> {
        let store = self.fetcher.store().get()?;
        let recipe = recipe(closure, "rootfs");
        let tree = store.tree(&recipe, &label(closure), self.observer, |into| {
            self.make_rootfs(closure, into)
        })?;
        let list = tree.path.join(ENTRIES);
        let text = fs_err::read(&list).map_err(store::Error::Io)?;
        let entries = serde_json::from_slice(&text)
            .map_err(|source| Error::Entries { path: list, source })?;
        Ok(Rootfs { entries, tree })
    }

    fn make_rootfs(&self, closure: &Closure, into: &Path) -> Result<(), Error> {
        let (files, added) = (into.join(FILES), into.join(ADDED));
        for folder in [&files, &added] {
            fs_err::create_dir(folder).map_err(|error| writing(folder, error))?;
        }
        let unpacked = self.unpack(closure, Kind::Rootfs, &files)?;
        let mut entries: Vec<Entry> = unpacked.entries.iter().map(convert).collect();
        for (number, addition) in rootfs::complete(&files, &unpacked)?.into_iter().enumerate() {
            let content = match addition.content {
                Added::Directory => Content::Directory,
                Added::Symlink(target) => Content::Symlink(target),
                Added::File(bytes) => {
                    let path = added.join(number.to_string());
                    fs_err::write(&path, bytes).map_err(|error| writing(&path, error))?;
                    Content::File(format!("{ADDED}/{number}"))
                }
            };
            entries.push(Entry {
                path: addition.path,
                content,
                mode: addition.mode,
                uid: addition.uid,
                gid: addition.gid,
            });
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        let list = into.join(ENTRIES);
        let text = serde_json::to_vec(&entries).map_err(|source| Error::Entries {
            path: list.clone(),
            source,
        })?;
        fs_err::write(&list, text).map_err(|error| writing(&list, error))?;
        Ok(())
    }

    /// Unpacks programs for the host into a directory that is being made.
    pub fn unpack_host(&self, closure: &Closure, into: &Path) -> Result<(), Error> {
        self.unpack(closure, Kind::Sysroot, into).map(|_| ())
    }

    /// Brings every package that a lock names into the store.
    pub fn fetch_locked(&self, lock: &Lock) -> Result<Vec<(Digest, Blob)>, Error> {
        let packages = lock.packages().iter().map(super::closure::unlocked);
        let packages = packages.collect::<Result<Vec<_>, _>>()?;
        let blobs = self.fetch_all(&packages)?;
        let digests = packages.iter().map(|package| package.sha256);
        Ok(digests.zip(blobs).collect())
    }

    /// Brings every package of a closure into the store.
    pub fn fetch(&self, closure: &Closure) -> Result<Vec<Blob>, Error> {
        self.fetch_all(&closure.packages)
    }

    fn fetch_all(&self, packages: &[Package]) -> Result<Vec<Blob>, Error> {
        let threads = self.policy.threads.clamp(4, 8);
        parallel::map(packages, threads, |package| self.fetch_one(package))
    }

    fn fetch_one(&self, package: &Package) -> Result<Blob, Error> {
        interrupt::check().map_err(store::Error::Io)?;
        if let Some(blob) = self.fetcher.store().get()?.blob(&package.sha256) {
            return Ok(blob);
        }
        let label = format!("{} {}", package.name, package.version);
        let wanted = Wanted {
            label: &label,
            digest: package.sha256,
            size: Some(package.size),
            maximum: package.size,
        };
        let source = archives::source(self, package)?;
        self.fetcher
            .fetch(&source, &wanted)
            .map_err(|source| Error::Fetch {
                name: package.name.clone(),
                version: package.version.to_string(),
                architecture: package.architecture.clone(),
                source: Box::new(source),
            })
    }

    fn unpack(&self, closure: &Closure, kind: Kind, into: &Path) -> Result<Unpacked, Error> {
        let blobs = self.fetch(closure)?;
        let debs: Vec<Deb<'_>> = closure
            .packages
            .iter()
            .zip(&blobs)
            .map(|(package, blob)| Deb {
                package,
                path: &blob.path,
            })
            .collect();
        Ok(unpack::unpack(
            &debs,
            &closure.want.architecture,
            into,
            Options::new(kind, self.policy.threads),
            self.observer,
        )?)
    }
}

fn writing(path: &Path, error: std::io::Error) -> store::Error {
    store::Error::writing(path, None, error)
}

/// A hard link becomes a file of its own: few packages have any.
fn convert(entry: &unpack::Entry) -> Entry {
    Entry {
        path: entry.path.clone(),
        content: match &entry.content {
            unpack::Content::Directory => Content::Directory,
            unpack::Content::File => Content::File(format!("{FILES}/{}", entry.path)),
            unpack::Content::Symlink(target) => Content::Symlink(target.clone()),
            unpack::Content::Hardlink(original) => Content::File(format!("{FILES}/{original}")),
        },
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
    }
}

impl Closure {
    /// Names the packages for recipes of what is made from them.
    pub fn digests(&self) -> BTreeSet<Digest> {
        self.packages.iter().map(|package| package.sha256).collect()
    }
}

fn recipe(closure: &Closure, kind: &'static str) -> Digest {
    let mut recipe = Recipe::new(kind)
        .with(unpack::VERSION)
        .with(&closure.want.architecture);
    for package in &closure.packages {
        recipe = recipe.with(package.sha256.hex());
    }
    recipe.finish()
}

fn label(closure: &Closure) -> String {
    format!("the {} of {}", closure.want.name, closure.want.platform)
}
