//! From the platforms' manifests to one image: an index, or the manifest itself where there is one
//! platform and nobody asked for an index.

use super::assemble::{base_annotations, put};
use super::{BuiltImage, BuiltManifest, Error};
use crate::base::Base;
use crate::oci::{Document, Index, media};
use crate::plan::image::ImagePlan;
use crate::store::Store;

/// Joins manifests into an image.
pub(super) fn join(
    plan: &ImagePlan,
    base: &Base,
    mut manifests: Vec<BuiltManifest>,
    store: &Store,
) -> Result<BuiltImage, Error> {
    if let ([only], false) = (&manifests[..], plan.always_index) {
        return Ok(BuiltImage {
            index: None,
            root: only.descriptor.clone(),
            manifests,
        });
    }
    let mut annotations = base_annotations(base, base.digest);
    annotations.extend(plan.index_annotations.clone());
    let entries = manifests.iter().map(|manifest| manifest.descriptor.clone());
    let index = Document::new(media::INDEX, &Index::new(entries.collect(), annotations))?;
    let held = put(&index, store)?;
    if let Some(first) = manifests.first_mut() {
        first.held.extend(held);
    }
    Ok(BuiltImage {
        root: index.descriptor(),
        index: Some(index),
        manifests,
    })
}
