//! What an audit found in the files of an image, kept for as long as neither the image nor the rules
//! change.
//!
//! A manifest's digest stands for its config and its layers. It is believed only where all of them are
//! known to have their digests still; whatever is wrong with them is found by reading, and never kept.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::graph::Image;
use super::source::Source;
use super::{Audited, Error};
use crate::digest::{Digest, Recipe};
use crate::elf::layer::RULES;
use crate::store::Store;

const KIND: &str = "audit";

/// What was found in one image.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) audited: Audited,
    pub(super) findings: Vec<Finding>,
}

/// What was found before, where nothing touched the image's layers since.
pub(super) fn find(
    source: &Source<'_>,
    image: &Image,
    base: Option<usize>,
    store: &Store,
) -> Option<Kept> {
    let bytes = store.record(KIND, &key(image, base))?;
    let unchanged = |digest: Digest| match source.part(digest) {
        Some((_, part)) => part.known(store) == Some(digest),
        None => source.is_store() && store.blob(&digest).is_some(),
    };
    let mut layers = image.layers.iter();
    if !layers.all(|layer| unchanged(layer.digest)) {
        return None;
    }
    postcard::from_bytes(&bytes).ok()
}

/// Keeps what was found in an image whose blobs are all right.
pub(super) fn keep(
    image: &Image,
    base: Option<usize>,
    kept: &Kept,
    store: &Store,
) -> Result<(), Error> {
    // Only speed is lost when it can't be kept.
    if let Ok(bytes) = postcard::to_stdvec(kept) {
        store.put_record(KIND, &key(image, base), &bytes)?;
    }
    Ok(())
}

fn key(image: &Image, base: Option<usize>) -> Digest {
    Recipe::new(KIND)
        .with(RULES)
        .with(image.digest.to_string())
        .with(image.platform.to_string())
        .with(base.map_or_else(String::new, |base| base.to_string()))
        .finish()
}
