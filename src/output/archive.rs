//! `type=oci` and `type=docker`: archives, streamed from the store.

use std::path::Path;

use super::dest::Place;
use super::layout::wrap;
use super::stored::{Stored, content};
use super::{Error, names};
use crate::atomic;
use crate::oci::{Descriptor, archive};
use crate::store::Store;

/// Writes a layout as one tar archive.
pub(super) fn oci(place: &Place, store: &Store) -> Result<(), Error> {
    let source = Stored(store);
    let content = content(place, &source)?;
    make_folder(&place.path)?;
    atomic::write(&place.path, |out| archive::write_oci(out, &content))
        .map_err(|source| wrap(place, source))
}

/// Writes one platform as `docker load` takes it.
pub(super) fn docker(place: &Place, store: &Store) -> Result<(), Error> {
    let source = Stored(store);
    let names = names(place.item.plan)?;
    let tags: Vec<String> = names
        .iter()
        .filter(|name| name.tag().is_some())
        .map(|name| {
            format!(
                "{}/{}:{}",
                name.registry(),
                name.repository(),
                name.tag().unwrap_or_default()
            )
        })
        .collect();
    make_folder(&place.path)?;
    for index in &place.platforms {
        let manifest = &place.item.image.manifests[*index];
        let layers: Vec<Descriptor> = manifest
            .layers
            .iter()
            .map(|layer| layer.descriptor.clone())
            .collect();
        atomic::write(&place.path, |out| {
            archive::write_docker(out, &source, &manifest.config, &layers, &tags)
        })
        .map_err(|source| wrap(place, source))?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), Error> {
    Ok(fs_err::create_dir_all(atomic::parent(path))?)
}
