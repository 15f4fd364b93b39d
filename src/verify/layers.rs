//! The blobs of an image: each is read once, whatever refers to it.
//!
//! Comes in: the images of a graph. Goes out: what each layer holds, and what is wrong with blobs. A
//! blob that nothing touched since it was read last is not read again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::Error;
use super::finding::{Finding, Kind, Severity, Subject};
use super::graph::{Image, cause, unreadable};
use super::source::Source;
use crate::digest::{self, Digest, HashReader};
use crate::elf::layer::{self, Layer};
use crate::oci::media::Coding;
use crate::oci::{self, Descriptor, blobs};
use crate::parallel;
use crate::progress::Observer;
use crate::store::Store;

/// What was learnt about a blob.
struct Learnt {
    digest: Digest,
    layer: Option<Arc<Layer>>,
    findings: Vec<Finding>,
}

/// What the layers of an image hold, each once.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// By the digest of the blob; a layer that can't be read is not there.
    pub(super) by_digest: BTreeMap<Digest, Arc<Layer>>,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
}

/// Reads the layers of these images, and of the other blobs what their digests are.
pub(super) fn read(
    source: &Source<'_>,
    images: &[&Image],
    others: &[Descriptor],
    store: &Store,
    threads: usize,
    observer: &dyn Observer,
) -> Result<Layers, Error> {
    let mut seen = BTreeSet::new();
    let mut todo: Vec<(Descriptor, Option<Coding>)> = Vec::new();
    for layer in images.iter().flat_map(|image| &image.layers) {
        if let Some(coding) = Coding::of(&layer.media_type)
            && seen.insert(layer.digest)
        {
            todo.push((layer.clone(), Some(coding)));
        }
    }
    for other in others {
        if seen.insert(other.digest) {
            todo.push((other.clone(), None));
        }
    }
    // The largest first: what is begun last should be done soon.
    todo.sort_by_key(|(blob, _)| std::cmp::Reverse(blob.size));
    let meter = observer.begin("reading layers", None);
    let learnt = parallel::map(&todo, threads, |(blob, coding)| {
        one(source, blob, *coding, store)
    })?;
    drop(meter);
    let mut layers = Layers::default();
    for one in learnt {
        layers.findings.extend(one.findings);
        if let Some(layer) = one.layer {
            layers.by_digest.insert(one.digest, layer);
        }
    }
    diff_ids(images, &mut layers);
    Ok(layers)
}

fn one(
    source: &Source<'_>,
    blob: &Descriptor,
    coding: Option<Coding>,
    store: &Store,
) -> Result<Learnt, Error> {
    let mut learnt = Learnt {
        digest: blob.digest,
        layer: None,
        findings: Vec::new(),
    };
    let mut reader = match blobs::open(source.blobs(), blob) {
        Ok(reader) => reader,
        Err(error @ (oci::Error::MissingBlob { .. } | oci::Error::Blob { .. })) => {
            let (kind, expected, found) = unreadable(&error);
            learnt.add(kind, &expected, &found, None);
            return Ok(learnt);
        }
        Err(error) => return Err(error.into()),
    };
    let part = source.part(blob.digest);
    let unchanged = match &part {
        Some((_, part)) => part.known(store) == Some(blob.digest),
        None => source.is_store(),
    };
    let Some(coding) = coding else {
        if !unchanged {
            let mut reader = HashReader::new(reader);
            digest::copy(&mut reader, &mut io::sink()).map_err(|e| failed(blob, e))?;
            let (computed, _) = reader.finish();
            learnt.check(computed);
        }
        return Ok(learnt);
    };
    if unchanged && let Some(known) = layer::known(store, blob.digest) {
        learnt.layer = Some(Arc::new(known));
        return Ok(learnt);
    }
    let what = format!("layer {}", blob.digest);
    let pass = layer::read(&mut reader, coding, &what, store)?;
    let right = learnt.check(pass.digest);
    if right && pass.coding != coding {
        learnt.add(
            Kind::LayerCoding,
            &format!(
                "{}, as the media type `{}` says",
                name(coding),
                blob.media_type
            ),
            name(pass.coding),
            None,
        );
    }
    match pass.layer {
        Ok(layer) => {
            if right {
                // Only speed is lost when it can't be kept.
                let _ = layer::keep(store, blob.digest, &layer);
                if let Some((path, part)) = part {
                    let _ = part.note(store, &path, blob.digest);
                }
            }
            learnt.layer = Some(Arc::new(layer));
        }
        Err(error @ oci::Error::Io(_)) => return Err(error.into()),
        // What was changed on the way need not be looked at.
        Err(_) if !right => {}
        Err(oci::Error::Member { member, reason, .. }) => {
            let found = format!("member `{member}` {reason}");
            let expected = "members that can be unpacked into the image";
            learnt.add(Kind::LayerMember, expected, &found, None);
        }
        Err(error) => {
            let found = match &error {
                oci::Error::Tar { reason, .. } => reason.clone(),
                other => cause(other),
            };
            learnt.add(Kind::LayerDamaged, "a tar archive", &found, None);
        }
    }
    Ok(learnt)
}

fn failed(blob: &Descriptor, source: io::Error) -> oci::Error {
    oci::Error::Read {
        what: format!("blob {}", blob.digest),
        source,
    }
}

impl Learnt {
    fn add(&mut self, kind: Kind, expected: &str, found: &str, hint: Option<String>) {
        self.findings.push(Finding {
            kind,
            severity: Severity::Error,
            platform: None,
            subject: Subject::Blob(self.digest),
            layer: None,
            expected: expected.to_owned(),
            found: found.to_owned(),
            hint,
        });
    }

    /// Whether the bytes have the digest that they are named by.
    fn check(&mut self, computed: Digest) -> bool {
        let right = computed == self.digest;
        if !right {
            self.add(
                Kind::BlobDigest,
                "bytes with this digest",
                &computed.to_string(),
                None,
            );
        }
        right
    }
}

/// Holds what the configs say against the bytes.
fn diff_ids(images: &[&Image], layers: &mut Layers) {
    let mut told = BTreeSet::new();
    for image in images {
        for (layer, diff_id) in image.layers.iter().zip(&image.diff_ids) {
            let Some(read) = layers.by_digest.get(&layer.digest) else {
                continue;
            };
            let computed = read.listing.diff_id;
            // A layer with other bytes than its digest promises is told already.
            let damaged = |finding: &Finding| {
                finding.kind == Kind::BlobDigest && finding.subject == Subject::Blob(layer.digest)
            };
            if computed == *diff_id
                || layers.findings.iter().any(damaged)
                || !told.insert((layer.digest, *diff_id))
            {
                continue;
            }
            layers.findings.push(Finding {
                kind: Kind::DiffId,
                severity: Severity::Error,
                platform: Some(image.platform.to_string()),
                subject: Subject::Blob(layer.digest),
                layer: None,
                expected: format!("{diff_id}, as the config says"),
                found: computed.to_string(),
                hint: None,
            });
        }
    }
}

const fn name(coding: Coding) -> &'static str {
    match coding {
        Coding::Plain => "an uncompressed tar archive",
        Coding::Gzip => "gzip",
        Coding::Zstd => "zstd",
    }
}
