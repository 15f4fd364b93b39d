//! The C library of a base: what programs for it are linked with.
//!
//! Comes in: a base's platform. Goes out: no C library, musl, or the GNU C library with its
//! version. A base that is made here is known; of one from elsewhere the file index tells whether
//! there is a `libc.so.6` at all, then dpkg's database its version (`/var/lib/dpkg/status`, or
//! `status.d/` as distroless has it), else the newest version of symbols that the file defines. The
//! answer is kept in the store for these layers.
//!
//! Sources: Filesystem Hierarchy Standard 3.0, "/lib"; dpkg(1), "FILES"; Linux Standard Base Core,
//! "Symbol Versioning"; musl's manual, "Dynamic linker".

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{BasePlatform, Error};
use crate::debian::installed;
use crate::digest::{Digest, Recipe};
use crate::elf::{self, Object};
use crate::oci::rootfs::{NodeKind, Rootfs};
use crate::packages::Closure;
use crate::store::Store;
use crate::target::{Glibc, Libc, Platform};

/// The kind of record that holds the answer.
const KIND: &str = "libc";
/// Goes into the name of each: a change of these rules asks anew.
const VERSION: &str = "1";

/// The Debian package of the GNU C library, on all architectures that there are platforms for.
const PACKAGE: &str = "libc6";
/// That of musl.
const MUSL: &str = "musl";

const STATUS: &str = "var/lib/dpkg/status";
const STATUS_PARTS: &str = "var/lib/dpkg/status.d/";
/// The largest database that is read; that of a whole desktop has some 5 MB.
const LARGEST_STATUS: u64 = 64 << 20;
/// The largest file of `status.d`, which is of one package.
const LARGEST_PART: u64 = 1 << 20;
/// The largest C library that is read; with all its symbols one has some 20 MB.
const LARGEST_LIBRARY: u64 = 64 << 20;
/// So many copies of the library are looked at: a base may have some for other machines.
const LIBRARIES: usize = 16;

/// What is kept of an answer; with neither of the two there is no C library.
#[derive(Serialize, Deserialize)]
struct Known {
    musl: bool,
    glibc: Option<Glibc>,
}

impl BasePlatform {
    /// The base's C library; `None` where it has none. Layers are read only where nothing else
    /// says it, and once for each store.
    pub fn libc(&self, store: &Store) -> Result<Option<Libc>, Error> {
        if let Some(known) = self.libc.get() {
            return Ok(*known);
        }
        let key = key(self);
        let kept = store.record(KIND, &key);
        let kept = kept.and_then(|bytes| serde_json::from_slice::<Known>(&bytes).ok());
        let libc = match kept {
            Some(known) => known.libc(),
            None if self.layers.is_empty() => None,
            None => {
                let found = find(self, store)?;
                // Only speed is lost when it can't be kept.
                if let Ok(bytes) = serde_json::to_vec(&Known::from(found)) {
                    store.put_record(KIND, &key, &bytes)?;
                }
                found
            }
        };
        Ok(*self.libc.get_or_init(|| libc))
    }
}

/// The C library of what packages a base is made from, without unpacking them.
pub fn of_closure(closure: &Closure) -> Option<Libc> {
    let version = |name: &str| {
        let mut packages = closure.packages.iter();
        packages.find(|package| package.name == name)
    };
    let glibc = version(PACKAGE).and_then(|package| of_package(package.version.as_str()));
    match glibc {
        Some(version) => Some(Libc::Gnu(version)),
        None => version(MUSL).map(|_| Libc::Musl),
    }
}

fn find(base: &BasePlatform, store: &Store) -> Result<Option<Libc>, Error> {
    let rootfs = base.rootfs(store)?;
    let libraries = libraries(rootfs);
    if !libraries.is_empty() {
        let version = match of_status(base, store)? {
            Some(version) => Some(version),
            None => of_files(base, store, &libraries)?,
        };
        if let Some(version) = version {
            return Ok(Some(Libc::Gnu(version)));
        }
    }
    Ok(has_musl(rootfs).then_some(Libc::Musl))
}

/// Where the library lies, links followed, in the directories that dynamic linkers look into.
fn libraries(rootfs: &Rootfs) -> Vec<String> {
    let mut found = Vec::new();
    for (path, _) in rootfs.iter() {
        if path.ends_with("/libc.so.6")
            && in_library_folder(path)
            && let Some((real, node)) = rootfs.follow(path)
            && node.kind == NodeKind::File
            && !found.contains(&real)
        {
            found.push(real);
        }
    }
    found.truncate(LIBRARIES);
    found
}

/// `lib`, `lib64` and their kin, at the root or in `usr`.
fn in_library_folder(path: &str) -> bool {
    path.strip_prefix("usr/")
        .unwrap_or(path)
        .split_once('/')
        .is_some_and(|(folder, _)| folder.starts_with("lib"))
}

/// The version that dpkg has installed. A database that is malformed says nothing: the library
/// itself can still be asked.
fn of_status(base: &BasePlatform, store: &Store) -> Result<Option<Glibc>, Error> {
    let rootfs = base.rootfs(store)?;
    let mut paths = BTreeMap::new();
    let parts = rootfs
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.starts_with(STATUS_PARTS) && !path.ends_with(".md5sums"))
        .map(|path| (path, LARGEST_PART));
    for (path, limit) in parts.chain([(STATUS, LARGEST_STATUS)]) {
        if let Some((real, node)) = rootfs.follow(path)
            && node.kind == NodeKind::File
        {
            paths.insert(real, limit);
        }
    }
    let architecture = base.platform.debian();
    for (path, bytes) in base.read(store, &paths)? {
        let Ok(packages) = installed::parse(&bytes[..], &path) else {
            continue;
        };
        let libc = packages
            .iter()
            .find(|package| package.name == PACKAGE && package.architecture == architecture);
        if let Some(version) = libc.and_then(|package| of_package(package.version.as_str())) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The newest version that the library defines; of several for this machine, that of the oldest.
fn of_files(
    base: &BasePlatform,
    store: &Store,
    libraries: &[String],
) -> Result<Option<Glibc>, Error> {
    let mut versions = Vec::new();
    // One at a time: each may be large.
    for path in libraries {
        let wanted = BTreeMap::from([(path.clone(), LARGEST_LIBRARY)]);
        for bytes in base.read(store, &wanted)?.values() {
            let version = of_library(bytes, path, base.platform);
            versions.extend(version.map_err(|source| Error::Libc {
                platform: base.platform,
                source,
            })?);
        }
    }
    Ok(versions.into_iter().min())
}

/// `None` for a library of another machine, and for one that only has the name.
fn of_library(
    bytes: &[u8],
    path: &str,
    platform: Platform,
) -> Result<Option<Glibc>, elf::facts::Error> {
    let path = Path::new("/").join(path);
    let object = Object::from_reader(Cursor::new(bytes), &path)?;
    if object.facts.header != platform.architecture().elf {
        return Ok(None);
    }
    let dynamic = object.dynamic.unwrap_or_default();
    let numbers = dynamic
        .versions_defined
        .iter()
        .filter_map(|version| version.strip_prefix("GLIBC_")?.parse().ok());
    Ok(numbers.max())
}

/// musl's dynamic linker, or a distribution that has no other library.
fn has_musl(rootfs: &Rootfs) -> bool {
    let linker = |path: &str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or_default();
        matches!(folder, "lib" | "usr/lib")
            && name.starts_with("ld-musl-")
            && name.ends_with(".so.1")
            && rootfs
                .follow(path)
                .is_some_and(|(_, node)| node.kind == NodeKind::File)
    };
    rootfs.follow("etc/alpine-release").is_some() || rootfs.iter().any(|(path, _)| linker(path))
}

/// `2.36` of `2.36-9+deb12u10`, of `1:2.36-9` and of `2.36.9000-1`.
fn of_package(version: &str) -> Option<Glibc> {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let is_other = |char: char| !char.is_ascii_digit();
    let (major, rest) = version.split_once('.')?;
    let minor = &rest[..rest.find(is_other).unwrap_or(rest.len())];
    format!("{major}.{minor}").parse().ok()
}

fn key(base: &BasePlatform) -> Digest {
    let recipe = Recipe::new(KIND)
        .with(VERSION)
        .with(base.platform.to_string());
    let layers = base.layers.iter().zip(&base.diff_ids);
    layers
        .fold(recipe, |recipe, (layer, diff_id)| {
            recipe
                .with(layer.digest.to_string())
                .with(diff_id.to_string())
        })
        .finish()
}

impl From<Option<Libc>> for Known {
    fn from(libc: Option<Libc>) -> Self {
        Self {
            musl: libc == Some(Libc::Musl),
            glibc: match libc {
                Some(Libc::Gnu(version)) => Some(version),
                Some(Libc::Musl) | None => None,
            },
        }
    }
}

impl Known {
    fn libc(&self) -> Option<Libc> {
        let musl = self.musl.then_some(Libc::Musl);
        self.glibc.map(Libc::Gnu).or(musl)
    }
}

#[cfg(test)]
mod tests;
