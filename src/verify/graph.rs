//! The documents of an image: indexes, manifests and configs, read and held against each other.
//!
//! Comes in: descriptors to begin from. Goes out: every image that can be reached, the blobs that are
//! to be read, and what is wrong with the documents. Blobs are not read here, but for documents.
//!
//! Sources: OCI image specification 1.1, image-index.md, manifest.md, config.md, descriptor.md;
//! Docker's image manifest v2 schema 2; for attestations BuildKit's documentation, "Image attestation
//! storage".

mod words;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::finding::{Finding, Kind, Severity, Subject};
use super::{config, platforms};
use crate::digest::{DiffId, Digest};
use crate::oci::graph::DEPTH;
use crate::oci::{self, Blobs, Descriptor, Index, Manifest, blobs, document, media};

use words::way_out;
pub(super) use words::{cause, field, severity, unreadable};

/// BuildKit's annotations of attestations.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
/// Registries need not take larger ones (OCI distribution specification 1.1, "Pushing Manifests").
const MANIFEST_LIMIT: u64 = 4 << 20;

/// One platform's image.
#[derive(Clone, Debug)]
pub(super) struct Image {
    /// The manifest's digest.
    pub(super) digest: Digest,
    /// The platform, as the index or else the config has it.
    pub(super) platform: oci::Platform,
    /// The config, whole.
    pub(super) config: Value,
    /// The layers, lowest first.
    pub(super) layers: Vec<Descriptor>,
    /// Their diff IDs, as far as the config has them.
    pub(super) diff_ids: Vec<DiffId>,
}

/// What can be reached.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The images, each once.
    pub(super) images: Vec<Image>,
    /// Blobs of which nothing is asked but their digests: attestations, artifacts.
    pub(super) others: Vec<Descriptor>,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
}

/// Follows descriptors as far as there are any.
pub(super) fn follow(source: &dyn Blobs, roots: &[Descriptor]) -> Graph {
    let mut walk = Walk {
        source,
        seen: BTreeSet::new(),
        graph: Graph::default(),
    };
    for root in roots {
        walk.entry(root, 0, None);
    }
    walk.graph
}

struct Walk<'a> {
    source: &'a dyn Blobs,
    seen: BTreeSet<Digest>,
    graph: Graph,
}

/// A document that was read, as JSON and as what it should be.
struct Read<T> {
    value: Value,
    document: T,
}

impl Walk<'_> {
    /// One entry of an index, or a root. Whether there is an image in it.
    fn entry(&mut self, entry: &Descriptor, depth: usize, siblings: Option<usize>) -> bool {
        if media::is_index(&entry.media_type) {
            return self.index(entry, depth);
        }
        if is_attestation(entry) || !media::is_manifest(&entry.media_type) {
            if entry.media_type.contains("manifest.v1+") && entry.media_type.contains("docker") {
                self.add(
                    Kind::MediaType,
                    entry,
                    "a manifest of schema 2",
                    "one of schema 1",
                    Some(
                        "push it again with a current client: registries no longer serve schema 1"
                            .to_owned(),
                    ),
                );
                return false;
            }
            if self.seen.insert(entry.digest) {
                self.artifact(entry);
            }
            return false;
        }
        let platform = entry.platform.as_ref();
        if platform.is_none() && siblings.is_some_and(|others| others > 1) {
            self.add(
                Kind::PlatformUnmatchable,
                entry,
                "a `platform`, as it is not the only manifest of its index",
                "none",
                None,
            );
        }
        if !self.seen.insert(entry.digest) {
            return true;
        }
        self.manifest(entry)
    }

    fn index(&mut self, descriptor: &Descriptor, depth: usize) -> bool {
        if !self.seen.insert(descriptor.digest) {
            return true;
        }
        if depth == 1 {
            let hint = "`polyarch build` writes one index; others are joined with \
                        `docker buildx imagetools create`";
            self.add(
                Kind::IndexNested,
                descriptor,
                "manifests in an index",
                "an index in an index",
                Some(hint.to_owned()),
            );
        }
        if depth >= DEPTH {
            return false;
        }
        let Some(read) = self.read::<Index>(descriptor, "an index") else {
            return true;
        };
        let entries = read.document.manifests;
        let images = entries
            .iter()
            .filter(|entry| media::is_manifest(&entry.media_type) && !is_attestation(entry))
            .count();
        self.attestations(&entries);
        self.duplicates(&entries);
        let mut any = false;
        for entry in &entries {
            any |= self.entry(entry, depth + 1, Some(images));
        }
        if !any {
            let found = match entries.len() {
                0 => "an empty list".to_owned(),
                count => format!("{count} entries that are none"),
            };
            self.add(
                Kind::IndexEmpty,
                descriptor,
                "at least one image",
                &found,
                None,
            );
        }
        true
    }

    fn attestations(&mut self, entries: &[Descriptor]) {
        let digests: BTreeSet<String> = entries.iter().map(|e| e.digest.to_string()).collect();
        for entry in entries.iter().filter(|entry| is_attestation(entry)) {
            let about = entry.annotation(REFERENCE_DIGEST);
            if about.is_some_and(|about| digests.contains(about)) {
                continue;
            }
            let found = about.map_or("none".to_owned(), str::to_owned);
            self.add(
                Kind::AttestationDangling,
                entry,
                &format!("`{REFERENCE_DIGEST}` with the digest of a manifest of the index"),
                &found,
                None,
            );
        }
    }

    /// Clients take the first entry that matches.
    fn duplicates(&mut self, entries: &[Descriptor]) {
        let mut first: BTreeMap<String, &Descriptor> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| !is_attestation(entry)) {
            let Some(platform) = &entry.platform else {
                continue;
            };
            let name = match platform.known() {
                Some(known) => known.to_string(),
                None => platform.to_string(),
            };
            let other = serde_json::to_string(&platform.other).unwrap_or_default();
            match first.get(&format!("{name} {other}")) {
                Some(before) if before.digest != entry.digest => {
                    let found = format!("{} is for `{name}`, too", before.digest);
                    let expected = format!("one manifest for `{name}`");
                    self.add(Kind::PlatformDuplicate, entry, &expected, &found, None);
                }
                Some(_) => {}
                None => {
                    first.insert(format!("{name} {other}"), entry);
                }
            }
        }
    }

    /// A manifest that is no image: only its bytes are checked, and those of what it refers to.
    fn artifact(&mut self, entry: &Descriptor) {
        self.graph.others.push(bare(entry));
        let is_manifest = media::is_manifest(&entry.media_type);
        if is_manifest && let Ok(manifest) = blobs::parse::<Manifest>(self.source, entry) {
            let blobs = manifest.layers.iter().chain([&manifest.config]);
            self.graph.others.extend(blobs.map(bare));
        }
    }

    fn manifest(&mut self, entry: &Descriptor) -> bool {
        let Some(read) = self.read::<Manifest>(entry, "a manifest") else {
            return true;
        };
        let manifest = read.document;
        if manifest.schema_version != 2 {
            let found = format!("`schemaVersion` {}", manifest.schema_version);
            self.add(
                Kind::DocumentMalformed,
                entry,
                "`schemaVersion` 2",
                &found,
                None,
            );
            return true;
        }
        if !media::is_config(&manifest.config.media_type) {
            self.graph
                .others
                .extend(manifest.layers.iter().chain([&manifest.config]).map(bare));
            return false;
        }
        let Some(read) = self.read::<Value>(&manifest.config, "a config") else {
            return true;
        };
        let config = read.document;
        let said = oci::Platform::of_config(&config);
        let platform = entry.platform.clone().unwrap_or_else(|| said.clone());
        let mut findings = platforms::check(entry, &said);
        findings.extend(config::check(&config));
        let diff_ids = config["rootfs"]["diff_ids"].clone();
        let diff_ids: Vec<DiffId> = match serde_json::from_value(diff_ids) {
            Ok(diff_ids) => diff_ids,
            Err(error) => {
                findings.push(field(
                    Kind::DocumentMalformed,
                    Severity::Error,
                    "config: rootfs.diff_ids",
                    "a list of digests",
                    &error.to_string(),
                ));
                self.extend(findings, &platform);
                return true;
            }
        };
        let layers = manifest.layers.len();
        if diff_ids.len() != layers {
            findings.push(field(
                Kind::DiffIdCount,
                Severity::Error,
                "config: rootfs.diff_ids",
                &format!("{layers}, one for each layer of the manifest"),
                &diff_ids.len().to_string(),
            ));
        }
        findings.extend(history(&config, layers));
        for layer in &manifest.layers {
            if media::Coding::of(&layer.media_type).is_none() {
                findings.push(Finding {
                    kind: Kind::LayerMediaType,
                    severity: Severity::Error,
                    platform: None,
                    subject: Subject::Blob(layer.digest),
                    layer: None,
                    expected: "a tar layer, plain or compressed with gzip or zstd".to_owned(),
                    found: format!("`{}`", layer.media_type),
                    hint: layer.media_type.contains("foreign").then(|| {
                        "foreign layers exist for Windows only: push the image again with this one as a usual layer".to_owned()
                    }),
                });
            }
        }
        self.extend(findings, &platform);
        self.graph.images.push(Image {
            digest: entry.digest,
            platform,
            config,
            layers: manifest.layers,
            diff_ids,
        });
        true
    }

    /// Reads a document; what keeps it from being read is a finding.
    fn read<T: serde::de::DeserializeOwned>(
        &mut self,
        descriptor: &Descriptor,
        what: &str,
    ) -> Option<Read<T>> {
        if descriptor.size > MANIFEST_LIMIT && !media::is_config(&descriptor.media_type) {
            let found = format!("{} bytes", descriptor.size);
            let expected = format!("at most {MANIFEST_LIMIT} bytes, which every registry takes");
            self.add(Kind::DocumentSize, descriptor, &expected, &found, None);
        }
        let bytes = match blobs::read(self.source, descriptor) {
            Ok(bytes) => bytes,
            Err(error) => {
                let (kind, expected, found) = unreadable(&error);
                self.add(kind, descriptor, &expected, &found, None);
                // What was not read hides what else is wrong.
                if let Some(told) = self.graph.findings.last_mut() {
                    told.severity = Severity::Error;
                }
                return None;
            }
        };
        let malformed = |error: &str| (what.to_owned(), error.to_owned());
        let parsed = document::parse::<Value>(&bytes, String::new)
            .map_err(|error| malformed(&cause(&error)))
            .and_then(|value| match value.is_object() {
                true => Ok(value),
                false => Err(malformed("JSON that is no object")),
            })
            .and_then(|value| {
                let document = document::parse(&bytes, String::new);
                let document = document.map_err(|error| malformed(&cause(&error)))?;
                Ok(Read { value, document })
            });
        match parsed {
            Ok(read) => {
                self.media_type(descriptor, &read.value);
                Some(read)
            }
            Err((expected, found)) => {
                self.add(Kind::DocumentMalformed, descriptor, &expected, &found, None);
                None
            }
        }
    }

    fn media_type(&mut self, descriptor: &Descriptor, value: &Value) {
        // Configs have no such field.
        let Some(own) = value
            .get("mediaType")
            .filter(|_| !media::is_config(&descriptor.media_type))
        else {
            return;
        };
        if own.as_str() != Some(&descriptor.media_type) {
            let expected = format!("`{}`, as its descriptor says", descriptor.media_type);
            let found = format!("`mediaType` {own}");
            self.add(Kind::MediaType, descriptor, &expected, &found, None);
        }
    }

    fn add(
        &mut self,
        kind: Kind,
        about: &Descriptor,
        expected: &str,
        found: &str,
        hint: Option<String>,
    ) {
        self.graph.findings.push(Finding {
            kind,
            severity: severity(kind),
            platform: about.platform.as_ref().map(ToString::to_string),
            subject: Subject::Blob(about.digest),
            layer: None,
            expected: expected.to_owned(),
            found: found.to_owned(),
            hint: hint.or_else(|| way_out(kind).map(str::to_owned)),
        });
    }

    fn extend(&mut self, findings: Vec<Finding>, platform: &oci::Platform) {
        for mut finding in findings {
            finding.platform = Some(platform.to_string());
            self.graph.findings.push(finding);
        }
    }
}

fn is_attestation(entry: &Descriptor) -> bool {
    entry.annotation(REFERENCE_TYPE).is_some()
}

fn bare(descriptor: &Descriptor) -> Descriptor {
    Descriptor::new(&descriptor.media_type, descriptor.digest, descriptor.size)
}

fn history(config: &Value, layers: usize) -> Option<Finding> {
    let history = config.get("history")?.as_array()?;
    let empty = |entry: &&Value| entry["empty_layer"].as_bool() == Some(true);
    let made = history.len() - history.iter().filter(empty).count();
    (made != layers && !history.is_empty()).then(|| {
        field(
            Kind::HistoryLength,
            severity(Kind::HistoryLength),
            "config: history",
            &format!("{layers} entries without `empty_layer`, one for each layer"),
            &made.to_string(),
        )
    })
}
