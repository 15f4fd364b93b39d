//! One platform's manifest: the base's layers, ours, and the config that ties them together.

use std::collections::BTreeMap;

use oci_spec::image::{ANNOTATION_BASE_IMAGE_DIGEST, ANNOTATION_BASE_IMAGE_NAME};

use super::{BuiltLayer, BuiltManifest, Error, Origin, config, layer};
use crate::base::pack::Options;
use crate::base::{Base, BasePlatform};
use crate::digest::{DiffId, Digest};
use crate::oci::media::{self, Coding};
use crate::oci::{Descriptor, Document, Manifest};
use crate::plan::image::{ImagePlan, PlatformPlan};
use crate::store::{Blob, Store};

/// Makes the layers, config and manifest of one platform and stores them.
pub(super) fn manifest(
    image: &ImagePlan,
    plan: &PlatformPlan,
    base: &Base,
    below: &BasePlatform,
    store: &Store,
    threads: usize,
) -> Result<BuiltManifest, Error> {
    let options = Options {
        compression: image.compression,
        epoch: image.epoch,
        threads,
    };
    let ours = layer::make(plan, below.rootfs(store)?, options, store)?;
    let base_name = base.reference.to_string();
    let (config, platform) = config::edit(plan, below, &base_name, &ours)?;
    let config = Document::new(media::CONFIG, &config)?;

    let diff_ids = below.diff_ids.iter();
    let mut layers: Vec<BuiltLayer> = below.layers.iter().zip(diff_ids).map(from_base).collect();
    layers.extend(ours.iter().map(|ours| BuiltLayer {
        descriptor: ours.layer.descriptor.clone(),
        diff_id: ours.layer.diff_id,
        origin: if ours.layer.reused {
            Origin::Reused
        } else {
            Origin::Made
        },
    }));
    let mut annotations = base_annotations(base, below.descriptor.as_ref().map(|d| d.digest));
    annotations.extend(plan.manifest_annotations.clone());
    let manifest = Document::new(
        media::MANIFEST,
        &Manifest {
            schema_version: 2,
            media_type: Some(media::MANIFEST.to_owned()),
            config: config.descriptor(),
            layers: layers
                .iter()
                .map(|layer| layer.descriptor.clone())
                .collect(),
            annotations,
        },
    )?;
    let mut held: Vec<Blob> = below.held().to_vec();
    held.extend(ours.into_iter().map(|ours| ours.layer.blob));
    held.extend(put(&config, store)?);
    held.extend(put(&manifest, store)?);
    Ok(BuiltManifest {
        platform: plan.platform,
        descriptor: Descriptor {
            platform: Some(platform),
            annotations: plan.descriptor_annotations.clone(),
            ..manifest.descriptor()
        },
        config: config.descriptor(),
        layers,
        held,
    })
}

/// What says on which image this one is based, where that has a name.
pub(super) fn base_annotations(base: &Base, digest: Option<Digest>) -> BTreeMap<String, String> {
    let name = base
        .name
        .iter()
        .map(|name| (ANNOTATION_BASE_IMAGE_NAME.to_owned(), name.to_string()));
    let digest = digest.filter(|_| base.name.is_some());
    let digest = digest.map(|digest| (ANNOTATION_BASE_IMAGE_DIGEST.to_owned(), digest.to_string()));
    name.chain(digest).collect()
}

/// Stores a document, unless it is there.
pub(super) fn put(document: &Document, store: &Store) -> Result<Option<Blob>, Error> {
    if let Some(blob) = store.blob(&document.digest) {
        return Ok(Some(blob));
    }
    let size = Some(document.bytes.len() as u64);
    store.insert_blob(&mut &document.bytes[..], Some((document.digest, size)))?;
    Ok(store.blob(&document.digest))
}

/// A base's layer under its OCI name: the bytes are the same, only Docker's media types have
/// another spelling, and one manifest should not mix the two.
fn from_base((layer, diff_id): (&Descriptor, &DiffId)) -> BuiltLayer {
    let coding = Coding::of(&layer.media_type);
    let media_type = coding.map_or_else(|| layer.media_type.clone(), |c| c.media_type().to_owned());
    BuiltLayer {
        descriptor: Descriptor {
            media_type,
            ..layer.clone()
        },
        diff_id: *diff_id,
        origin: Origin::Base,
    }
}
