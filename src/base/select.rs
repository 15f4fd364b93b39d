//! Which manifests of a layout or archive a reference means, and for which platforms they are.
//!
//! Follows image-layout.md and image-index.md of the OCI image specification: entries without a
//! platform take that of their config, of several for one platform the first counts, and
//! attestations, which builders mark as `unknown/unknown`, are no images.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Error, Reference};
use crate::digest::Digest;
use crate::oci::docker::DockerArchive;
use crate::oci::graph::DEPTH;
use crate::oci::layout::REF_NAME;
use crate::oci::reference::Name;
use crate::oci::{Blobs, Descriptor, Index, Manifest, Platform, blobs, media};

/// The annotation in which containerd and BuildKit keep an image's full name.
pub(crate) const FULL_NAME: &str = "io.containerd.image.name";
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// What a reference means.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The image's full name, where one is said.
    pub(super) name: Option<Name>,
    /// The digest of the index or manifest; `None` where the layout itself is the index.
    pub(super) digest: Option<Digest>,
    /// Its images.
    pub(super) images: Vec<Image>,
}

/// One platform's manifest.
#[derive(Debug)]
pub(super) struct Image {
    /// The manifest.
    pub(super) descriptor: Descriptor,
    /// The platform it says it is for.
    pub(super) platform: Platform,
}

/// Chooses among the entries of an `index.json`.
pub(super) fn choose(
    reference: &Reference,
    source: &dyn Blobs,
    entries: &[Descriptor],
    tag: Option<&str>,
    digest: Option<Digest>,
) -> Result<Chosen, Error> {
    let mut chosen: Vec<&Descriptor> = entries.iter().collect();
    if let Some(tag) = tag {
        chosen.retain(|entry| names(entry).any(|name| name == tag));
    }
    let found;
    if let Some(digest) = digest {
        if let Some(entry) = find(source, &chosen, digest, DEPTH)? {
            found = entry;
            chosen = vec![&found];
        } else {
            chosen.clear();
        }
    }
    if chosen.is_empty() && (tag.is_some() || digest.is_some()) {
        let wanted = digest.map(|digest| digest.to_string());
        return Err(Error::NoEntry {
            base: reference.to_string(),
            wanted: wanted
                .or_else(|| tag.map(str::to_owned))
                .unwrap_or_default(),
            available: list(entries.iter().flat_map(names)),
        });
    }
    // One image under several names is one image.
    let mut seen = BTreeSet::new();
    chosen.retain(|entry| seen.insert(entry.digest));
    let named: Vec<String> = chosen
        .iter()
        .filter_map(|e| names(e).next())
        .map(str::to_owned)
        .collect();
    if chosen.len() > 1 && named.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(Error::Ambiguous {
            base: reference.to_string(),
            available: named,
        });
    }
    let mut images = Vec::new();
    for entry in &chosen {
        collect(source, entry, DEPTH, &mut images)?;
    }
    let full_name = |text: &str| text.contains('/').then(|| text.parse().ok()).flatten();
    Ok(Chosen {
        name: chosen
            .iter()
            .flat_map(|entry| names(entry))
            .find_map(full_name),
        digest: match chosen[..] {
            [only] => Some(only.digest),
            _ => None,
        },
        images,
    })
}

/// The images of a Docker archive: all of them, since each is for one platform.
pub(super) fn of_docker(reference: &Reference, archive: &DockerArchive) -> Result<Chosen, Error> {
    let mut images = Vec::new();
    for image in archive.images() {
        collect(archive, &image.manifest, 1, &mut images)?;
    }
    let tags = archive.images().iter().flat_map(|image| image.tags.iter());
    let name = tags.clone().find_map(|tag| tag.parse().ok());
    let platforms: Vec<String> = images
        .iter()
        .map(|image| image.platform.to_string())
        .collect();
    let mut unique = platforms.clone();
    unique.sort();
    unique.dedup();
    if unique.len() < platforms.len() {
        return Err(Error::Malformed {
            base: reference.to_string(),
            platform: unique.join(", "),
            reason: format!(
                "the archive holds several images: {}",
                list(tags.map(String::as_str))
            ),
        });
    }
    Ok(Chosen {
        name,
        // Its manifests are made up here and have no digest that anyone else knows.
        digest: None,
        images,
    })
}

/// A list for people: `a`, `b`, or `nothing`.
pub(super) fn list<T: AsRef<str>>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| format!("`{}`", item.as_ref())).collect();
    if items.is_empty() {
        "nothing".to_owned()
    } else {
        items.join(", ")
    }
}

fn names(entry: &Descriptor) -> impl Iterator<Item = &str> {
    [REF_NAME, FULL_NAME]
        .into_iter()
        .filter_map(|key| entry.annotation(key))
}

fn find(
    source: &dyn Blobs,
    entries: &[&Descriptor],
    digest: Digest,
    depth: usize,
) -> Result<Option<Descriptor>, Error> {
    if let Some(entry) = entries.iter().find(|entry| entry.digest == digest) {
        return Ok(Some((*entry).clone()));
    }
    if depth == 0 {
        return Ok(None);
    }
    for entry in entries
        .iter()
        .filter(|entry| media::is_index(&entry.media_type))
    {
        let index: Index = blobs::parse(source, entry)?;
        let below: Vec<&Descriptor> = index.manifests.iter().collect();
        if let Some(found) = find(source, &below, digest, depth - 1)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn collect(
    source: &dyn Blobs,
    entry: &Descriptor,
    depth: usize,
    images: &mut Vec<Image>,
) -> Result<(), Error> {
    if media::is_index(&entry.media_type) && depth > 0 {
        let index: Index = blobs::parse(source, entry)?;
        for entry in &index.manifests {
            collect(source, entry, depth - 1, images)?;
        }
        return Ok(());
    }
    let attestation = entry.annotation(REFERENCE_TYPE).is_some();
    if !media::is_manifest(&entry.media_type) || attestation {
        return Ok(());
    }
    let platform = match &entry.platform {
        Some(platform) => Some(platform.clone()),
        None => platform_of_config(source, entry)?,
    };
    if let Some(platform) = platform.filter(|platform| !platform.is_unknown()) {
        images.push(Image {
            descriptor: entry.clone(),
            platform,
        });
    }
    Ok(())
}

/// `None` where the manifest is an artifact's, not an image's.
fn platform_of_config(source: &dyn Blobs, entry: &Descriptor) -> Result<Option<Platform>, Error> {
    let manifest: Manifest = blobs::parse(source, entry)?;
    if !media::is_config(&manifest.config.media_type) {
        return Ok(None);
    }
    let config: Value = blobs::parse(source, &manifest.config)?;
    Ok(Some(Platform::of_config(&config)))
}
