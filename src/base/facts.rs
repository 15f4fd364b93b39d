//! What is known of a base.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

use super::{Error, Reference};
use crate::digest::{DiffId, Digest};
use crate::elf::layer::{self, Fact, Layer};
use crate::oci::listing::Listing;
use crate::oci::media::Coding;
use crate::oci::members;
use crate::oci::reference::Name;
use crate::oci::rootfs::{NodeKind, Rootfs};
use crate::oci::{self, Descriptor};
use crate::store::{Blob, Store};
use crate::target::{Libc, Platform};

/// The most bytes of a base's files that are held in memory at a time.
const TOGETHER: u64 = 128 << 20;

/// A base image for the platforms wanted.
#[derive(Debug)]
pub struct Base {
    /// How it was named.
    pub reference: Reference,
    /// Its full name, where the layout or archive says one.
    pub name: Option<Name>,
    /// The digest of its index, or of its manifest where it has no index.
    pub digest: Option<Digest>,
    /// The platforms wanted.
    pub platforms: Vec<BasePlatform>,
    /// What else it has that this program cannot build for, as `os/arch`.
    pub ignored: Vec<String>,
}

/// What the base has for one platform.
#[derive(Debug)]
pub struct BasePlatform {
    /// The platform wanted. The base's own may be a weaker variant of it.
    pub platform: Platform,
    /// The manifest; `None` where the base is made up.
    pub descriptor: Option<Descriptor>,
    /// The platform as the base spells it.
    pub spelling: oci::Platform,
    /// The config, whole.
    pub config: Value,
    /// The layers, lowest first; all of them are in the store.
    pub layers: Vec<Descriptor>,
    /// Their diff IDs.
    pub diff_ids: Vec<DiffId>,
    pub(super) held: Vec<Blob>,
    pub(super) files: OnceLock<Files>,
    pub(super) libc: OnceLock<Option<Libc>>,
}

/// The files of a base, and what is known of some of them, layer by layer.
#[derive(Debug, Default)]
pub(super) struct Files {
    rootfs: Rootfs,
    layers: Vec<Layer>,
}

impl BasePlatform {
    /// The files of the base. The first call reads the layers that this store has not seen yet,
    /// and checks their diff IDs.
    pub fn rootfs(&self, store: &Store) -> Result<&Rootfs, Error> {
        Ok(&self.files(store)?.rootfs)
    }

    /// What is known of the file at a real path, where it is one that is looked into.
    pub fn fact(&self, store: &Store, real: &str) -> Result<Option<&Fact>, Error> {
        let files = self.files(store)?;
        let node = files.rootfs.get(real);
        Ok(node.and_then(|node| files.layers.get(node.layer)?.facts.get(node.member(real))))
    }

    fn files(&self, store: &Store) -> Result<&Files, Error> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let mut files = Files::default();
        for (descriptor, diff_id) in self.layers.iter().zip(&self.diff_ids) {
            let mut layer = layer::of_store(store, descriptor)?;
            if layer.listing.diff_id != *diff_id {
                return Err(Error::Oci(oci::Error::DiffId {
                    layer: descriptor.digest,
                    expected: *diff_id,
                    computed: layer.listing.diff_id,
                }));
            }
            let members = std::mem::take(&mut layer.listing.members);
            let listing = Listing {
                members,
                ..layer.listing
            };
            files
                .rootfs
                .apply(listing, &format!("layer {}", descriptor.digest))?;
            files.layers.push(layer);
        }
        Ok(self.files.get_or_init(|| files))
    }

    /// The bytes of files, by their real paths in [`BasePlatform::rootfs`], each with the most bytes
    /// that it may have; together no more than 128 MiB. What is not a file is left out. Each layer is read once, and only those
    /// that have any of them.
    pub fn read(
        &self,
        store: &Store,
        paths: &BTreeMap<String, u64>,
    ) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let rootfs = self.rootfs(store)?;
        let mut wanted: BTreeMap<usize, BTreeMap<String, u64>> = BTreeMap::new();
        let mut total: u64 = 0;
        for (path, limit) in paths {
            if let Some(node) = rootfs.get(path).filter(|node| node.kind == NodeKind::File) {
                total = total.saturating_add(node.size.min(*limit));
                let limits = wanted.entry(node.layer).or_default();
                limits.insert(node.member(path).to_owned(), *limit);
            }
        }
        if total > TOGETHER {
            return Err(Error::Oci(oci::Error::TooLarge {
                what: format!("what is read of the base for {}", self.platform),
                size: total,
                limit: TOGETHER,
            }));
        }
        let mut members = BTreeMap::new();
        for (number, limits) in &wanted {
            let Some(layer) = self.layers.get(*number) else {
                continue;
            };
            let what = format!("layer {}", layer.digest);
            let (mut file, coding) = open(store, layer)?;
            let found = members::read(&mut file, coding, &what, limits)?;
            members.insert(*number, found);
        }
        let mut read = BTreeMap::new();
        for path in paths.keys() {
            let node = rootfs.get(path);
            let bytes = node.and_then(|node| members.get(&node.layer)?.get(node.member(path)));
            if let Some(bytes) = bytes {
                read.insert(path.clone(), bytes.clone());
            }
        }
        Ok(read)
    }

    /// Locks that keep the layers in the store while this lives.
    pub fn held(&self) -> &[Blob] {
        &self.held
    }
}

fn open(store: &Store, layer: &Descriptor) -> Result<(fs_err::File, Coding), Error> {
    let coding = Coding::of(&layer.media_type).ok_or_else(|| unknown_layer(layer))?;
    let missing = || oci::Error::MissingBlob {
        place: "store".to_owned(),
        digest: layer.digest,
    };
    let blob = store.blob(&layer.digest).ok_or_else(missing)?;
    let file = fs_err::File::open(&blob.path).map_err(oci::Error::Io)?;
    Ok((file, coding))
}

/// A layer of a kind that is not read.
pub(super) fn unknown_layer(layer: &Descriptor) -> oci::Error {
    oci::Error::MediaType {
        what: format!("layer {}", layer.digest),
        media_type: layer.media_type.clone(),
        expected: "a tar layer, plain or compressed with gzip or zstd",
    }
}
