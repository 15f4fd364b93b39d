//! Proves an image right, or says what is wrong with it, without running anything of it.
//!
//! Comes in: an image of anybody, in a layout, an archive or the store. Goes out: an [`Audit`] with
//! everything that was found, at once. Each layer is read once, and what it holds is kept in the store;
//! what the linker and the kernel would do with the merged files is followed in memory.

pub mod allow;
mod config;
mod error;
pub mod finding;
mod graph;
mod image;
mod kept;
mod layers;
mod loading;
mod machine;
pub mod out;
mod platforms;
mod reach;
pub mod source;
mod start;
mod view;

use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::progress::Observer;
use crate::store::Store;
use crate::target::Platform;

pub use allow::Allow;
pub use error::Error;
pub use finding::{Class, Finding, Kind, Severity, Subject};
pub use source::Source;

use graph::Image;
use kept::Kept;
use serde::{Deserialize, Serialize};

/// What is audited, and with what.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Only these platforms; all where there are none.
    pub platforms: &'a [Platform],
    /// What is known to be right.
    pub allow: &'a [Allow],
    /// How many layers of a manifest are its base's, by the manifest's digest, where that is known.
    pub base: &'a dyn Fn(Digest) -> Option<usize>,
    /// Where facts are kept.
    pub store: &'a Store,
    /// How many threads read.
    pub threads: usize,
    /// Who is told.
    pub observer: &'a dyn Observer,
}

/// Everything that was found.
#[derive(Clone, Debug)]
pub struct Audit {
    /// How the image was named.
    pub image: String,
    /// The digest of the index or manifest, where there is one only.
    pub digest: Option<Digest>,
    /// The platforms that were looked at.
    pub platforms: Vec<Audited>,
    /// What was found, the worst first, grouped by platform.
    pub findings: Vec<Finding>,
}

/// One platform that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audited {
    /// The platform, as the image spells it.
    pub platform: String,
    /// The manifest's digest; `None` for an out folder.
    pub digest: Option<Digest>,
    /// How many files the image has.
    pub files: usize,
    /// How many of them are ELF files.
    pub elf: usize,
    /// Why its files were not looked at; `None` where they were.
    pub skipped: Option<String>,
}

/// Audits an image.
pub fn audit(source: &Source<'_>, options: &Options<'_>) -> Result<Audit, Error> {
    let graph = graph::follow(source.blobs(), &source.roots);
    let images = chosen(source, &graph.images, options.platforms)?;
    let mut findings = graph.findings;
    let mut found = Vec::new();
    let mut todo = Vec::new();
    for image in &images {
        let kept = kept::find(source, image, (options.base)(image.digest), options.store);
        if kept.is_none() {
            todo.push(*image);
        }
        found.push(kept);
    }
    let layers = layers::read(
        source,
        &todo,
        &graph.others,
        options.store,
        options.threads,
        options.observer,
    )?;
    findings.extend(layers.findings.iter().cloned());
    let mut platforms = Vec::new();
    for (image, kept) in images.into_iter().zip(found) {
        let kept = match kept {
            Some(kept) => kept,
            None => one(image, &layers, options),
        };
        platforms.push(kept.audited);
        findings.extend(kept.findings);
    }
    name_platforms(&mut findings, &graph.images);
    findings.retain(|finding| !options.allow.iter().any(|allow| allow.covers(finding)));
    sort(&mut findings);
    let digest = match &source.roots[..] {
        [root] if !source.is_made_up() => Some(root.digest),
        _ => None,
    };
    Ok(Audit {
        image: source.name.clone(),
        digest,
        platforms,
        findings,
    })
}

/// Audits one image anew.
fn one(image: &Image, layers: &layers::Layers, options: &Options<'_>) -> Kept {
    let base = (options.base)(image.digest);
    let (audited, findings) = image::audit(image, layers, base);
    let kept = Kept { audited, findings };
    if layers.findings.is_empty() && kept.audited.skipped.is_none() {
        // Only speed is lost when it can't be kept.
        let _ = kept::keep(image, base, &kept, options.store);
    }
    kept
}

impl Audit {
    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        let same = self.findings.iter().filter(|one| one.severity == severity);
        same.count()
    }

    /// The worst finding at or above a severity: of several, one of the graph, since what is wrong with
    /// bytes comes before what they mean.
    pub fn worst(&self, least: Severity) -> Option<&Finding> {
        let bad = self.findings.iter().filter(|one| one.severity >= least);
        bad.min_by_key(|one| one.kind.class())
    }
}

/// The images for the platforms that were asked for.
fn chosen<'g>(
    source: &Source<'_>,
    images: &'g [Image],
    platforms: &[Platform],
) -> Result<Vec<&'g Image>, Error> {
    if let Some(platform) = platforms.iter().find(|platform| {
        !images
            .iter()
            .any(|image| image.platform.known() == Some(**platform))
    }) {
        let names: Vec<String> = images
            .iter()
            .map(|image| format!("`{}`", image.platform))
            .collect();
        return Err(Error::NoPlatform {
            image: source.name.clone(),
            platform: platform.to_string(),
            available: names.join(", "),
        });
    }
    let wanted = |image: &&Image| {
        platforms.is_empty()
            || image
                .platform
                .known()
                .is_some_and(|platform| platforms.contains(&platform))
    };
    Ok(images.iter().filter(wanted).collect())
}

/// What is found of a blob that one platform alone has is that platform's.
fn name_platforms(findings: &mut [Finding], images: &[Image]) {
    for finding in findings
        .iter_mut()
        .filter(|finding| finding.platform.is_none())
    {
        let Subject::Blob(digest) = finding.subject else {
            continue;
        };
        let has = |image: &&Image| {
            let layers = image.layers.iter().map(|layer: &Descriptor| layer.digest);
            image.digest == digest || layers.into_iter().any(|layer| layer == digest)
        };
        let mut users = images.iter().filter(has);
        if let (Some(image), None) = (users.next(), users.next()) {
            finding.platform = Some(image.platform.to_string());
        }
    }
}

fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| {
            (
                finding.platform.clone(),
                std::cmp::Reverse(finding.severity),
                finding.kind,
                finding.subject.clone(),
                finding.expected.clone(),
                finding.found.clone(),
            )
        };
        key(one).cmp(&key(other))
    });
    findings.dedup();
}
