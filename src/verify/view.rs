//! One image as it will be unpacked: the merged files, and what is known of each.

use std::sync::Arc;

use super::finding::{Finding, Kind, Layer as Brought, Severity, Subject};
use super::graph::Image;
use crate::elf::layer::{Fact, Layer, Program};
use crate::elf::linkage::{Content, Files};
use crate::oci;
use crate::oci::rootfs::{Node, NodeKind, Rootfs};
use crate::target::Platform;

use super::config::strings;

/// What engines set where an image does not.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// One image, its layers laid over each other.
pub(super) struct View<'a> {
    pub(super) image: &'a Image,
    /// The platform, where this program knows it.
    pub(super) platform: Platform,
    pub(super) rootfs: Rootfs,
    layers: Vec<Arc<Layer>>,
    /// How many of the layers are the base's, where that is known.
    base: Option<usize>,
}

impl<'a> View<'a> {
    /// Lays the layers over each other. A member that nobody could unpack is a finding.
    pub(super) fn new(
        image: &'a Image,
        platform: Platform,
        layers: Vec<Arc<Layer>>,
        base: Option<usize>,
    ) -> Result<Self, Box<Finding>> {
        let mut view = Self {
            image,
            platform,
            rootfs: Rootfs::default(),
            layers,
            base,
        };
        for number in 0..view.layers.len() {
            let listing = view.layers[number].listing.clone();
            let digest = image.layers[number].digest;
            if let Err(error) = view.rootfs.apply(listing, &format!("layer {digest}")) {
                let found = match error {
                    oci::Error::Member { member, reason, .. } => {
                        format!("member `{member}` {reason}")
                    }
                    other => other.to_string(),
                };
                return Err(Box::new(Finding {
                    kind: Kind::LayerMember,
                    severity: Severity::Error,
                    platform: Some(image.platform.to_string()),
                    subject: Subject::Blob(digest),
                    layer: view.brought(number),
                    expected: "members that can be unpacked into the image".to_owned(),
                    found,
                    hint: None,
                }));
            }
        }
        Ok(view)
    }

    /// What is known of the file at a real path.
    pub(super) fn fact(&self, real: &str) -> Option<&Fact> {
        let node = self.rootfs.get(real)?;
        self.fact_of(real, node)
    }

    /// What is known of a file of the tree.
    pub(super) fn fact_of(&self, path: &str, node: &Node) -> Option<&Fact> {
        if node.kind != NodeKind::File {
            return None;
        }
        self.layers.get(node.layer)?.facts.get(node.member(path))
    }

    /// The ELF file at a real path.
    pub(super) fn program(&self, real: &str) -> Option<&Program> {
        match self.fact(real)? {
            Fact::Elf(program) => Some(program),
            _ => None,
        }
    }

    /// What a linker makes of the file at a real path.
    pub(super) fn content(&self, real: &str) -> Content<'_> {
        match self.fact(real) {
            Some(Fact::Elf(program)) => Content::Elf(&program.object),
            Some(Fact::Damaged(reason)) => Content::Damaged(reason),
            Some(Fact::Script(_) | Fact::Text(_) | Fact::Other(_)) | None => Content::Other,
        }
    }

    /// What a file says that was kept for that, links followed.
    pub(super) fn text(&self, path: &str) -> Option<&[u8]> {
        let (real, _) = self.rootfs.follow(path)?;
        match self.fact(&real)? {
            Fact::Text(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The image as its linkers see it.
    pub(super) fn files<'v>(&'v self, content: &'v dyn Fn(&str) -> Content<'v>) -> Files<'v> {
        let library_path = self.variable("LD_LIBRARY_PATH").unwrap_or_default();
        Files {
            rootfs: &self.rootfs,
            content,
            platform: self.platform,
            library_path: library_path
                .split([':', ';'])
                .filter(|folder| folder.starts_with('/'))
                .map(|folder| folder.trim_matches('/').to_owned())
                .collect(),
        }
    }

    /// A variable of the image's environment; of two of one name, the last counts.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let values = strings(&self.image.config["config"]["Env"])
            .filter_map(|entry| entry.split_once('='))
            .filter(|(key, _)| *key == name);
        values.last().map(|(_, value)| value)
    }

    /// The folders of `PATH`, with their real places, each once.
    pub(super) fn path(&self) -> Vec<String> {
        let path = self.variable("PATH").unwrap_or(DEFAULT_PATH);
        let mut folders = Vec::new();
        for folder in path.split(':').filter(|folder| folder.starts_with('/')) {
            if let Ok(real) = self.rootfs.resolve_folder(folder)
                && !folders.contains(&real)
            {
                folders.push(real);
            }
        }
        folders
    }

    /// A finding about a file of this image.
    pub(super) fn finding(
        &self,
        kind: Kind,
        severity: Severity,
        path: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        let node = self.rootfs.get(path);
        Finding {
            kind,
            severity,
            platform: Some(self.image.platform.to_string()),
            subject: Subject::File(path.trim_matches('/').to_owned()),
            layer: node.and_then(|node| self.brought(node.layer)),
            expected: expected.into(),
            found: found.into(),
            hint: None,
        }
    }

    /// A finding about a field of the config.
    pub(super) fn field(
        &self,
        kind: Kind,
        severity: Severity,
        field: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Finding {
        Finding {
            kind,
            severity,
            platform: Some(self.image.platform.to_string()),
            subject: Subject::Field(format!("config: {field}")),
            layer: None,
            expected: expected.into(),
            found: found.into(),
            hint: None,
        }
    }

    /// The layer with this number, from 0, as a report names it.
    fn brought(&self, number: usize) -> Option<Brought> {
        let layer = self.image.layers.get(number)?;
        let history = self.image.config["history"].as_array();
        let made = history.and_then(|history| {
            let mut made = history
                .iter()
                .filter(|one| one["empty_layer"].as_bool() != Some(true));
            made.nth(number)
        });
        let created_by = made.and_then(|made| made["created_by"].as_str());
        Some(Brought {
            number: number + 1,
            of: self.image.layers.len(),
            digest: layer.digest.to_string(),
            base: self.base.map(|base| number < base),
            created_by: created_by
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
        })
    }

    /// Whether a layer of the base brought this file, as far as that is known.
    pub(super) fn is_base(&self, path: &str) -> bool {
        let node = self.rootfs.get(path);
        matches!((node, self.base), (Some(node), Some(base)) if node.layer < base)
    }

    /// Whether one of the parents of a path is there and no folder.
    pub(super) fn is_below_file(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| &path[..at]);
        let mut parents = ends.filter_map(|parent| self.rootfs.follow(parent));
        parents.any(|(_, node)| node.kind != NodeKind::Directory)
    }
}
