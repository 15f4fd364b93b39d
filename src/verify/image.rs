//! One platform's image: its layers merged, and everything asked of the files.

use super::finding::Finding;
use super::graph::Image;
use super::layers::Layers;
use super::reach::{Reached, elf_files};
use super::view::View;
use super::{Audited, loading, machine, start};
use crate::oci::rootfs::NodeKind;

/// Audits the files of one image.
pub(super) fn audit(
    image: &Image,
    layers: &Layers,
    base: Option<usize>,
) -> (Audited, Vec<Finding>) {
    let mut audited = Audited {
        platform: image.platform.to_string(),
        digest: Some(image.digest),
        files: 0,
        elf: 0,
        skipped: None,
    };
    let mut merged = Vec::new();
    for layer in &image.layers {
        if let Some(layer) = layers.by_digest.get(&layer.digest) {
            merged.push(layer.clone())
        } else {
            audited.skipped = Some(format!("layer {} can't be read", layer.digest));
            return (audited, Vec::new());
        }
    }
    let Some(platform) = image.platform.known() else {
        audited.skipped = Some("polyarch does not know this platform".to_owned());
        return (audited, Vec::new());
    };
    let view = match View::new(image, platform, merged, base) {
        Ok(view) => view,
        Err(finding) => {
            audited.skipped = Some("its layers can't be laid over each other".to_owned());
            return (audited, vec![*finding]);
        }
    };
    let started = start::check(&view);
    let mut findings = started.findings;
    let mut reached = Reached::new(&view, &started.programs);
    let files = elf_files(&view, &reached);
    findings.extend(loading::check(&view, &files, &mut reached));
    for (path, _) in &files {
        findings.extend(machine::check(&view, path, reached.of(&view, path)));
    }
    findings.extend(machine::formats(&view, &started.programs));
    audited.files = view
        .rootfs
        .iter()
        .filter(|(_, node)| node.kind == NodeKind::File)
        .count();
    audited.elf = files.len();
    (audited, findings)
}
