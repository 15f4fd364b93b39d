//! Where an image lies: a layout, an archive, or the store that it was just made in.
//!
//! Besides blobs, a source knows which of them nothing has touched since their digest was computed,
//! so that they need not be read again.

use std::path::{Path, PathBuf};

use crate::base::Reference;
use crate::base::fingerprint::Part;
use crate::digest::Digest;
use crate::oci::archive::Archive;
use crate::oci::docker::DockerArchive;
use crate::oci::layout::{self, Layout, REF_NAME};
use crate::oci::{Blobs, Descriptor};
use crate::output::Stored;
use crate::store::Store;

use super::Error;

/// An image that can be read.
pub struct Source<'a> {
    kind: Kind<'a>,
    /// How it was named.
    pub name: String,
    /// What is audited: indexes and manifests.
    pub roots: Vec<Descriptor>,
}

enum Kind<'a> {
    Layout(PathBuf, Layout),
    Archive(PathBuf, Archive),
    Docker(PathBuf, DockerArchive),
    Store(Stored<'a>),
}

impl<'a> Source<'a> {
    /// Opens what a reference names on this machine.
    pub fn open(reference: &Reference) -> Result<Self, Error> {
        let name = reference.to_string();
        match reference {
            Reference::Layout { path, tag, digest } => {
                let layout = Layout::open(path)?;
                let roots = chosen(&name, &layout.index().manifests, tag.as_deref(), *digest)?;
                Ok(Self {
                    kind: Kind::Layout(path.clone(), layout),
                    name,
                    roots,
                })
            }
            Reference::OciArchive(path) => {
                let archive = Archive::open(path)?;
                let roots = archive.index()?.manifests;
                Ok(Self {
                    kind: Kind::Archive(path.clone(), archive),
                    name,
                    roots,
                })
            }
            Reference::DockerArchive(path) => {
                let archive = DockerArchive::open(path)?;
                let images = archive.images().iter();
                let roots = images.map(|image| image.manifest.clone()).collect();
                Ok(Self {
                    kind: Kind::Docker(path.clone(), archive),
                    name,
                    roots,
                })
            }
            Reference::Registry(_) => Err(Error::Registry(name)),
            Reference::Scratch | Reference::Static | Reference::Packages(_) => {
                Err(Error::MadeUp(name))
            }
        }
    }

    /// An image in the store, all of whose blobs were checked when they came there.
    pub fn of_store(store: &'a Store, name: &str, root: &Descriptor) -> Self {
        Self {
            kind: Kind::Store(Stored(store)),
            name: name.to_owned(),
            roots: vec![root.clone()],
        }
    }

    /// The blobs.
    pub fn blobs(&self) -> &(dyn Blobs + Sync) {
        match &self.kind {
            Kind::Layout(_, layout) => layout,
            Kind::Archive(_, archive) => archive,
            Kind::Docker(_, archive) => archive,
            Kind::Store(stored) => stored,
        }
    }

    /// Whether manifests are made up from what an archive says: nobody else knows their digests.
    pub fn is_made_up(&self) -> bool {
        matches!(self.kind, Kind::Docker(..))
    }

    /// The blob as a part of a file whose changes are noticed; `None` where it can't change.
    pub(super) fn part(&self, digest: Digest) -> Option<(PathBuf, Part)> {
        let (path, part) = match &self.kind {
            Kind::Layout(root, _) => (layout::blob_path(root, digest), String::new()),
            Kind::Archive(path, _) | Kind::Docker(path, _) => (path.clone(), digest.to_string()),
            Kind::Store(_) => return None,
        };
        let part = Part::new(&path, &part).ok()?;
        Some((path, part))
    }

    /// Whether the store vouches for the blobs.
    pub(super) fn is_store(&self) -> bool {
        matches!(self.kind, Kind::Store(_))
    }
}

/// What a path on this machine is.
pub fn reference(path: &Path) -> Result<Option<Reference>, Error> {
    if path.is_dir() {
        let layout = path.join("oci-layout").exists() || path.join("index.json").exists();
        return Ok(layout.then(|| Reference::Layout {
            path: path.to_owned(),
            tag: None,
            digest: None,
        }));
    }
    let archive = Archive::open(path)?;
    // What Docker saves today is both; the layout in it says more.
    Ok(Some(match archive.has("index.json") {
        true => Reference::OciArchive(path.to_owned()),
        false => Reference::DockerArchive(path.to_owned()),
    }))
}

/// The entries that are meant: those of a name or digest, else all. Tags of one image are one.
fn chosen(
    name: &str,
    entries: &[Descriptor],
    tag: Option<&str>,
    digest: Option<Digest>,
) -> Result<Vec<Descriptor>, Error> {
    let mut chosen: Vec<Descriptor> = Vec::new();
    for entry in entries {
        let wanted = tag.is_none_or(|tag| entry.annotation(REF_NAME) == Some(tag))
            && digest.is_none_or(|digest| entry.digest == digest);
        if wanted && !chosen.iter().any(|other| other.digest == entry.digest) {
            chosen.push(entry.clone());
        }
    }
    if chosen.is_empty() && (tag.is_some() || digest.is_some()) {
        let names = entries
            .iter()
            .filter_map(|entry| entry.annotation(REF_NAME));
        return Err(Error::NoEntry {
            image: name.to_owned(),
            available: names
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", "),
        });
    }
    Ok(chosen)
}
