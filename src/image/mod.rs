//! From a plan and a base to an image whose blobs all lie in the store.
//!
//! Bytes depend on the plan, the base and the files only: not on the machine, the time, or the
//! number of threads. Layers of the base are never rewritten, and what is not understood in its
//! config stays as it is.

mod assemble;
mod config;
mod error;
mod files;
mod index;
mod layer;

use crate::base::Base;
use crate::digest::DiffId;
use crate::oci::{Descriptor, Document};
use crate::plan::image::ImagePlan;
use crate::store::{Blob, Store};
use crate::target::Platform;

pub use error::Error;

/// An image that was made.
#[derive(Debug)]
pub struct BuiltImage {
    /// The index; `None` where a single manifest is the whole image.
    pub index: Option<Document>,
    /// The manifests, in the plan's order.
    pub manifests: Vec<BuiltManifest>,
    /// The index, or else the manifest.
    pub root: Descriptor,
}

/// One platform of an image.
#[derive(Debug)]
pub struct BuiltManifest {
    /// The platform.
    pub platform: Platform,
    /// The manifest, as the index describes it.
    pub descriptor: Descriptor,
    /// The config.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<BuiltLayer>,
    held: Vec<Blob>,
}

/// One layer of an image.
#[derive(Clone, Debug)]
pub struct BuiltLayer {
    /// The layer, with its size.
    pub descriptor: Descriptor,
    /// The digest of its tar stream.
    pub diff_id: DiffId,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a layer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The base, unchanged.
    Base,
    /// Made by us, now.
    Made,
    /// Made by us before and found in the store.
    Reused,
}

/// Makes an image. `base` has been loaded for the platforms of the plan.
pub fn build(
    plan: &ImagePlan,
    base: &Base,
    store: &Store,
    threads: usize,
) -> Result<BuiltImage, Error> {
    let mut manifests = Vec::new();
    for platform in &plan.platforms {
        let below = base
            .platforms
            .iter()
            .find(|below| below.platform == platform.platform)
            .ok_or_else(|| Error::NotLoaded {
                base: base.reference.to_string(),
                platform: platform.platform,
            })?;
        manifests.push(assemble::manifest(
            plan, platform, base, below, store, threads,
        )?);
    }
    index::join(plan, base, manifests, store)
}

impl BuiltImage {
    /// Every blob of the image, each once: layers, configs, manifests, then the index.
    pub fn blobs(&self) -> Vec<Descriptor> {
        let manifests = || self.manifests.iter();
        let layers = manifests().flat_map(|m| m.layers.iter().map(|layer| &layer.descriptor));
        let configs = manifests().map(|manifest| &manifest.config);
        let documents = manifests().map(|manifest| &manifest.descriptor);
        let index = self.index.iter().map(Document::descriptor);
        let all = layers.chain(configs).chain(documents).cloned().chain(index);
        let mut seen = std::collections::BTreeSet::new();
        all.filter(|blob| seen.insert(blob.digest)).collect()
    }
}

impl BuiltManifest {
    /// The platform's own blobs, lowest first, without the manifest.
    pub fn blobs(&self) -> Vec<Descriptor> {
        let layers = self.layers.iter().map(|layer| layer.descriptor.clone());
        layers.chain([self.config.clone()]).collect()
    }

    /// Bytes that an engine has to fetch for this platform: layers and config.
    pub fn size(&self) -> u64 {
        self.blobs().iter().map(|blob| blob.size).sum()
    }

    /// Locks that keep the blobs in the store while this lives.
    pub fn held(&self) -> &[Blob] {
        &self.held
    }
}
