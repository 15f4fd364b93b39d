//! From chosen manifests to facts: platforms matched, configs read, layers brought into the store.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::OnceLock;

use serde_json::Value;

use super::facts::{Base, BasePlatform, unknown_layer};
use super::select::{Chosen, Image, list};
use super::{Context, Error, Reference, Wanted};
use crate::digest::{DiffId, Mismatch};
use crate::oci::media::Coding;
use crate::oci::{self, Blobs, Descriptor, Manifest, blobs};
use crate::progress::MeterReader;
use crate::store::Blob;
use crate::target::Platform;

/// Loads what was chosen for the platforms wanted.
pub(super) fn load(
    reference: &Reference,
    source: &dyn Blobs,
    chosen: Chosen,
    context: Context,
) -> Result<Base, Error> {
    let offered = Offered::new(reference, &chosen.images, context);
    let ignored: Vec<String> = offered.ignored.iter().cloned().collect();
    let mut platforms = Vec::new();
    for (platform, image) in offered.choose(context.wanted)? {
        if image.platform.known() != Some(platform) {
            context.observer.note(&format!(
                "base `{reference}` has no {platform}: its {} is used",
                image.platform
            ));
        }
        platforms.push(one(reference, source, platform, image, context)?);
    }
    Ok(Base {
        reference: reference.clone(),
        name: chosen.name,
        digest: chosen.digest,
        platforms,
        ignored,
    })
}

/// What a base has, in its order.
struct Offered<'a> {
    base: String,
    known: Vec<(Platform, &'a Image)>,
    ignored: BTreeSet<String>,
}

impl<'a> Offered<'a> {
    fn new(reference: &Reference, images: &'a [Image], context: Context) -> Self {
        let mut known: Vec<(Platform, &Image)> = Vec::new();
        let mut ignored = BTreeSet::new();
        for image in images {
            let Some(platform) = image.platform.known() else {
                ignored.insert(image.platform.to_string());
                continue;
            };
            match known.iter().find(|(other, _)| *other == platform) {
                None => known.push((platform, image)),
                Some((_, first)) if first.descriptor.digest == image.descriptor.digest => {}
                Some((_, first)) => context.observer.warn(&format!(
                    "base `{reference}` has {platform} twice: {} is used, {} is not",
                    first.descriptor.digest, image.descriptor.digest
                )),
            }
        }
        Self {
            base: reference.to_string(),
            known,
            ignored,
        }
    }

    fn choose(&self, wanted: &Wanted) -> Result<Vec<(Platform, &'a Image)>, Error> {
        if self.known.is_empty() {
            return Err(Error::Nothing {
                base: self.base.clone(),
                available: list(self.ignored.iter()),
            });
        }
        match wanted {
            Wanted::All => Ok(self.known.clone()),
            Wanted::These(platforms) => platforms
                .iter()
                .map(|platform| match self.find(*platform) {
                    Some(image) => Ok((*platform, image)),
                    None => Err(self.lacks(*platform, platforms)),
                })
                .collect(),
        }
    }

    /// The platform itself, or else the strongest weaker variant: what runs there runs here.
    fn find(&self, platform: Platform) -> Option<&'a Image> {
        let same = |other: Platform| other.architecture().name == platform.architecture().name;
        self.known
            .iter()
            .filter(|(other, _)| same(*other) && *other <= platform)
            .max_by_key(|(other, _)| *other)
            .map(|(_, image)| *image)
    }

    fn lacks(&self, platform: Platform, wanted: &[Platform]) -> Error {
        let names = self.known.iter().map(|(platform, _)| platform.to_string());
        Error::Lacks {
            base: self.base.clone(),
            platform,
            available: list(names.chain(self.ignored.iter().cloned())),
            common: wanted
                .iter()
                .copied()
                .filter(|p| self.find(*p).is_some())
                .collect(),
        }
    }
}

fn one(
    reference: &Reference,
    source: &dyn Blobs,
    platform: Platform,
    image: &Image,
    context: Context,
) -> Result<BasePlatform, Error> {
    let malformed = |reason: String| Error::Malformed {
        base: reference.to_string(),
        platform: image.platform.to_string(),
        reason,
    };
    let manifest: Manifest = blobs::parse(source, &image.descriptor)?;
    if manifest.schema_version != 2 {
        let version = manifest.schema_version;
        return Err(malformed(format!(
            "manifest has schema version {version}: expected 2"
        )));
    }
    let config: Value = blobs::parse(source, &manifest.config)?;
    if !config.is_object() {
        return Err(malformed("config is not a JSON object".to_owned()));
    }
    let said = oci::Platform::of_config(&config);
    if (&said.os, &said.architecture) != (&image.platform.os, &image.platform.architecture) {
        context.observer.warn(&format!(
            "base `{reference}`: its manifest for {} has a config for {said}",
            image.platform
        ));
    }
    let diff_ids = config["rootfs"]["diff_ids"].clone();
    let diff_ids: Vec<DiffId> = serde_json::from_value(diff_ids)
        .map_err(|error| malformed(format!("`rootfs.diff_ids` of the config: {error}")))?;
    if diff_ids.len() != manifest.layers.len() {
        return Err(malformed(format!(
            "manifest has {} layers, config has {} diff IDs",
            manifest.layers.len(),
            diff_ids.len()
        )));
    }
    let mut held = Vec::new();
    for layer in &manifest.layers {
        held.push(import(source, layer, context)?);
    }
    Ok(BasePlatform {
        platform,
        descriptor: Some(image.descriptor.clone()),
        spelling: image.platform.clone(),
        config,
        layers: manifest.layers,
        diff_ids,
        held,
        files: OnceLock::new(),
        libc: OnceLock::new(),
    })
}

/// Brings a layer into the store, unless it is there.
fn import(source: &dyn Blobs, layer: &Descriptor, context: Context) -> Result<Blob, Error> {
    if Coding::of(&layer.media_type).is_none() {
        return Err(unknown_layer(layer).into());
    }
    let digest = layer.digest;
    let lied = |found| {
        Error::Oci(oci::Error::Blob {
            place: source.place(),
            digest,
            source: Mismatch::Size {
                expected: layer.size,
                found,
            },
        })
    };
    if let Some(blob) = context.store.blob(&digest) {
        return if blob.size == layer.size {
            Ok(blob)
        } else {
            Err(lied(blob.size))
        };
    }
    let label = format!("base layer {}", &digest.hex()[..12]);
    let store = context.store;
    store.get_or_insert(&digest, &label, context.observer, |store| {
        let meter = context.observer.begin(&label, Some(layer.size));
        let reader = blobs::open(source, layer)?.take(layer.size);
        let promise = Some((digest, Some(layer.size)));
        let stored = store.insert_blob(&mut MeterReader::new(reader, &*meter), promise);
        stored.map(|_| ()).map_err(|error| Error::Import {
            place: source.place(),
            digest,
            source: error,
        })
    })
}
