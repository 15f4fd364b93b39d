//! Reading what `docker save` and its relatives write: an archive with a `manifest.json` that names
//! a config and layers by member (Docker image specification 1.2, "Combined Image JSON + Filesystem
//! Changeset Format").
//!
//! Such an archive has no manifest of its own. One is made up for each image, so that the rest of
//! the program sees what it sees in a layout; layers keep the compression they have in the archive.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::archive::Archive;
use super::document::{self, Document, Manifest};
use super::media::{self, Coding};
use super::{Blobs, Descriptor, Error};
use crate::digest::{self, DiffId, Digest};

/// A Docker archive as a collection of blobs.
#[derive(Debug)]
pub struct DockerArchive {
    archive: Archive,
    members: BTreeMap<Digest, String>,
    documents: BTreeMap<Digest, Vec<u8>>,
    images: Vec<DockerImage>,
}

/// One image of a Docker archive.
#[derive(Debug)]
pub struct DockerImage {
    /// Its names.
    pub tags: Vec<String>,
    /// The manifest made up for it.
    pub manifest: Descriptor,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl DockerArchive {
    /// Opens an archive and reads its `manifest.json` and configs.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let archive = Archive::open(path)?;
        let what = || format!("`{}`: `manifest.json`", path.display());
        let bytes = archive
            .read("manifest.json")?
            .ok_or_else(|| Error::Document {
                what: format!("`{}`", path.display()),
                reason: "is not a Docker archive: member `manifest.json` is missing".to_owned(),
            })?;
        let items: Vec<Item> = document::parse(&bytes, what)?;
        let mut opened = Self {
            archive,
            members: BTreeMap::new(),
            documents: BTreeMap::new(),
            images: Vec::new(),
        };
        for item in items {
            let image = opened.add(item)?;
            opened.images.push(image);
        }
        Ok(opened)
    }

    /// The images in it.
    pub fn images(&self) -> &[DockerImage] {
        &self.images
    }

    fn add(&mut self, item: Item) -> Result<DockerImage, Error> {
        let bytes = self
            .archive
            .read(&item.config)?
            .ok_or_else(|| self.wrong(format!("member `{}` is missing", item.config)))?;
        let config: Value = document::parse(&bytes, || self.name(&item.config))?;
        let diff_ids: Vec<DiffId> = serde_json::from_value(config["rootfs"]["diff_ids"].clone())
            .map_err(|source| Error::Json {
                what: self.name(&item.config),
                source,
            })?;
        if diff_ids.len() != item.layers.len() {
            return Err(self.wrong(format!(
                "has {} layers where its config names {}",
                item.layers.len(),
                diff_ids.len()
            )));
        }
        let mut layers = Vec::new();
        for (name, diff_id) in item.layers.into_iter().zip(diff_ids) {
            layers.push(self.layer(name, diff_id)?);
        }
        let config = Document::of_bytes(media::CONFIG, bytes);
        let manifest = Document::new(
            media::MANIFEST,
            &Manifest {
                schema_version: 2,
                media_type: Some(media::MANIFEST.to_owned()),
                config: config.descriptor(),
                layers,
                annotations: BTreeMap::new(),
            },
        )?;
        let descriptor = manifest.descriptor();
        self.documents.insert(config.digest, config.bytes);
        self.documents.insert(manifest.digest, manifest.bytes);
        Ok(DockerImage {
            tags: item.repo_tags.unwrap_or_default(),
            manifest: descriptor,
        })
    }

    fn layer(&mut self, name: String, diff_id: DiffId) -> Result<Descriptor, Error> {
        let missing = || self.wrong(format!("member `{name}` is missing"));
        let (mut reader, size) = self.archive.member(&name).ok_or_else(missing)?;
        let mut magic = Vec::new();
        (&mut reader).take(4).read_to_end(&mut magic)?;
        let coding = match &magic[..] {
            [0x1f, 0x8b, ..] => Coding::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Coding::Zstd,
            _ => Coding::Plain,
        };
        let named = name
            .strip_prefix("blobs/sha256/")
            .and_then(|hex| Digest::from_hex(hex).ok());
        // Whatever is assumed here is checked when the blob is read.
        let digest = match (coding, named) {
            (_, Some(digest)) => digest,
            (Coding::Plain, None) => diff_id.blob(),
            (Coding::Gzip | Coding::Zstd, None) => {
                let (mut whole, _) = self.archive.member(&name).ok_or_else(missing)?;
                digest::hash(&mut whole)?.0
            }
        };
        drop(reader);
        self.members.insert(digest, name);
        Ok(Descriptor::new(coding.media_type(), digest, size))
    }

    fn name(&self, member: &str) -> String {
        format!("`{}`: `{member}`", self.archive.path().display())
    }

    fn wrong(&self, reason: String) -> Error {
        Error::Document {
            what: format!("archive `{}`", self.archive.path().display()),
            reason,
        }
    }
}

impl Blobs for DockerArchive {
    fn open(&self, digest: Digest) -> Result<Option<(Box<dyn Read + '_>, u64)>, Error> {
        if let Some(bytes) = self.documents.get(&digest) {
            return Ok(Some((Box::new(&bytes[..]), bytes.len() as u64)));
        }
        Ok(self
            .members
            .get(&digest)
            .and_then(|name| self.archive.member(name)))
    }

    fn place(&self) -> String {
        self.archive.place()
    }
}
