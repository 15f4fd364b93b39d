//! Which blobs a manifest or index needs, found by following descriptors.

use std::collections::BTreeSet;

use super::document::{Index, Manifest};
use super::{Blobs, Descriptor, Error, blobs, media};
use crate::digest::Digest;

/// Indexes in indexes in … : deeper than anything that exists.
pub const DEPTH: usize = 8;

/// The digest of every blob that can be reached from these descriptors, themselves included. What
/// is not there is not followed: a layout may be sparse.
pub fn reachable(blobs: &dyn Blobs, from: &[Descriptor]) -> Result<BTreeSet<Digest>, Error> {
    let mut seen = BTreeSet::new();
    for descriptor in from {
        follow(blobs, descriptor, DEPTH, &mut seen)?;
    }
    Ok(seen)
}

fn follow(
    blobs: &dyn Blobs,
    descriptor: &Descriptor,
    depth: usize,
    seen: &mut BTreeSet<Digest>,
) -> Result<(), Error> {
    if !seen.insert(descriptor.digest) || depth == 0 || blobs.open(descriptor.digest)?.is_none() {
        return Ok(());
    }
    if media::is_index(&descriptor.media_type) {
        let index: Index = blobs::parse(blobs, descriptor)?;
        for entry in &index.manifests {
            follow(blobs, entry, depth - 1, seen)?;
        }
    } else if media::is_manifest(&descriptor.media_type) {
        let manifest: Manifest = blobs::parse(blobs, descriptor)?;
        seen.insert(manifest.config.digest);
        seen.extend(manifest.layers.iter().map(|layer| layer.digest));
    }
    Ok(())
}
