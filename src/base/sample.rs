//! Bases for tests: layers of a few files, in a store of their own.

use std::sync::OnceLock;

use serde_json::Value;
use tar::{EntryType, Header};

use super::BasePlatform;
use crate::digest::{DiffId, Digest};
use crate::oci::{self, Descriptor};
use crate::store::Store;
use crate::target::Platform;

/// What a member of a layer is.
pub(crate) enum Member {
    File(Vec<u8>),
    Link(&'static str),
}

/// A file with this text.
pub(crate) fn text(text: &str) -> Member {
    Member::File(text.as_bytes().to_vec())
}

/// A symbolic link.
pub(crate) fn link(target: &'static str) -> Member {
    Member::Link(target)
}

/// A store.
pub(crate) struct Yard {
    #[expect(dead_code, reason = "kept for its folder")]
    home: tempfile::TempDir,
    pub(crate) store: Store,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = Store::open(&home.path().join("store")).unwrap();
        Self { home, store }
    }

    /// A base as if it were made here.
    pub(crate) fn base(&self, platform: &str, layers: &[&[(&str, Member)]]) -> BasePlatform {
        let platform: Platform = platform.parse().unwrap();
        let mut base = BasePlatform {
            platform,
            descriptor: None,
            spelling: oci::Platform::from(platform),
            config: Value::Null,
            layers: Vec::new(),
            diff_ids: Vec::new(),
            held: Vec::new(),
            files: OnceLock::new(),
            libc: OnceLock::new(),
        };
        for layer in layers {
            let bytes = tar(layer);
            let (digest, size) = self.store.insert_blob(&mut &bytes[..], None).unwrap();
            base.layers
                .push(Descriptor::new(oci::media::LAYER, digest, size));
            base.diff_ids.push(DiffId::new(digest));
        }
        base
    }

    /// A base as if it came from elsewhere.
    pub(crate) fn image(&self, platform: &str, layers: &[&[(&str, Member)]]) -> BasePlatform {
        let manifest = Descriptor::new(oci::media::MANIFEST, Digest::of(b"manifest"), 8);
        BasePlatform {
            descriptor: Some(manifest),
            ..self.base(platform, layers)
        }
    }

    /// Takes the layers of a base away.
    pub(crate) fn remove_blobs(&self, base: &BasePlatform) {
        for layer in &base.layers {
            let path = self.store.blob(&layer.digest).unwrap().path.clone();
            fs_err::remove_file(path).unwrap();
        }
    }
}

fn tar(members: &[(&str, Member)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, member) in members {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        match member {
            Member::File(bytes) => {
                header.set_size(bytes.len() as u64);
                builder.append_data(&mut header, path, &bytes[..]).unwrap();
            }
            Member::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, path, target).unwrap();
            }
        }
    }
    builder.into_inner().unwrap()
}
