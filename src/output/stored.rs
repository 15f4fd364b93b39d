//! The store as a collection of blobs, and an image as the content of a layout.

use std::io::Read;

use fs_err::File;

use super::dest::Place;
use super::{Error, names};
use crate::base::FULL_NAME;
use crate::digest::Digest;
use crate::oci::layout::{Content, REF_NAME};
use crate::oci::{self, Blobs, Descriptor};
use crate::store::Store;

const DEFAULT_TAG: &str = "latest";

/// Reads blobs from the store.
pub struct Stored<'a>(pub &'a Store);

impl Blobs for Stored<'_> {
    fn open(&self, digest: Digest) -> Result<Option<(Box<dyn Read + '_>, u64)>, oci::Error> {
        let Some(blob) = self.0.blob(&digest) else {
            return Ok(None);
        };
        Ok(Some((Box::new(File::open(blob.path)?), blob.size)))
    }

    fn place(&self) -> String {
        "store".to_owned()
    }
}

/// What a layout of this image holds: one entry for each tag, and every blob.
pub(super) fn content<'a>(place: &Place, source: &'a Stored) -> Result<Content<'a>, Error> {
    let image = place.item.image;
    let whole = place.platforms.len() == image.manifests.len();
    let root = match place.platforms[..] {
        [one] if !whole => &image.manifests[one].descriptor,
        _ => &image.root,
    };
    let blobs = match place.platforms[..] {
        [one] if !whole => {
            let manifest = &image.manifests[one];
            let document = bare(&manifest.descriptor);
            manifest.blobs().into_iter().chain([document]).collect()
        }
        _ => image.blobs().iter().map(bare).collect(),
    };
    let names = names(place.item.plan)?;
    let named = |name: Option<&crate::oci::reference::Name>| {
        let mut entry = root.clone();
        let own = &place.item.plan.index_descriptor_annotations;
        entry.annotations.extend(own.clone());
        let tag = name.and_then(|name| name.tag()).unwrap_or(DEFAULT_TAG);
        entry
            .annotations
            .insert(REF_NAME.to_owned(), tag.to_owned());
        if let Some(name) = name {
            entry
                .annotations
                .insert(FULL_NAME.to_owned(), name.to_string());
        }
        entry
    };
    Ok(Content {
        entries: match names.is_empty() {
            true => vec![named(None)],
            false => names.iter().map(|name| named(Some(name))).collect(),
        },
        blobs,
        source,
    })
}

/// A descriptor without what only its place in an index says.
fn bare(descriptor: &Descriptor) -> Descriptor {
    Descriptor::new(&descriptor.media_type, descriptor.digest, descriptor.size)
}
