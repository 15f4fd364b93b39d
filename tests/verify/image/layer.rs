//! Layers: entries, the tar archive that they make, and its compression.

use std::io::Write;

use tar::{EntryType, Header};

/// How a layer is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Plain,
    Gzip,
    Zstd,
}

/// What an entry is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    File(Vec<u8>),
    Folder,
    Link(String),
    /// Another name of the file at this path.
    HardLink(String),
    Device,
}

/// One member of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// From the root, without a slash in front.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
}

/// A layer in the making.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) entries: Vec<Entry>,
    pub(crate) coding: Coding,
    /// In place of the media type that goes with the coding.
    pub(crate) media_type: Option<&'static str>,
    pub(crate) created_by: &'static str,
    /// Changes the archive before it is compressed; its diff ID is that of the changed one.
    pub(crate) spoil_tar: Option<fn(&mut Vec<u8>)>,
    /// Changes the blob before it gets its digest.
    pub(crate) spoil_blob: Option<fn(&mut Vec<u8>)>,
}

fn entry(path: &str, kind: Kind, mode: u32) -> Entry {
    Entry {
        path: path.trim_matches('/').to_owned(),
        kind,
        mode,
        uid: 0,
        gid: 0,
    }
}

/// A file that is not executable.
pub(crate) fn file(path: &str, bytes: impl AsRef<[u8]>) -> Entry {
    entry(path, Kind::File(bytes.as_ref().to_vec()), 0o644)
}

/// A file that is.
pub(crate) fn program(path: &str, bytes: impl AsRef<[u8]>) -> Entry {
    file(path, bytes).mode(0o755)
}

pub(crate) fn folder(path: &str) -> Entry {
    entry(path, Kind::Folder, 0o755)
}

pub(crate) fn link(path: &str, target: &str) -> Entry {
    entry(path, Kind::Link(target.to_owned()), 0o777)
}

/// `target` is a path from the root.
pub(crate) fn hard_link(path: &str, target: &str) -> Entry {
    let target = target.trim_matches('/').to_owned();
    entry(path, Kind::HardLink(target), 0o755)
}

pub(crate) fn device(path: &str) -> Entry {
    entry(path, Kind::Device, 0o666)
}

/// The mark that takes away what lower layers have at a path.
pub(crate) fn whiteout(path: &str) -> Entry {
    let path = path.trim_matches('/');
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    file(&format!("{folder}/.wh.{name}"), "")
}

/// The mark that takes away all that lower layers have in a folder.
pub(crate) fn opaque(folder: &str) -> Entry {
    file(&format!("{folder}/.wh..wh..opq"), "")
}

impl Entry {
    pub(crate) fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    pub(crate) fn owner(mut self, uid: u64, gid: u64) -> Self {
        (self.uid, self.gid) = (uid, gid);
        self
    }

    /// Its bytes, where it is an ELF file.
    pub(crate) fn elf(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::File(bytes) if bytes.starts_with(b"\x7fELF") => Some(bytes),
            _ => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut header = Header::new_ustar();
        let mut path = self.path.clone();
        let (kind, target, content): (_, &str, &[u8]) = match &self.kind {
            Kind::File(bytes) => (EntryType::Regular, "", bytes),
            Kind::Folder => (EntryType::Directory, "", &[]),
            Kind::Link(target) => (EntryType::Symlink, target, &[]),
            Kind::HardLink(target) => (EntryType::Link, target, &[]),
            Kind::Device => (EntryType::Char, "", &[]),
        };
        if matches!(self.kind, Kind::Folder) {
            path.push('/');
        }
        if matches!(self.kind, Kind::Device) {
            header.set_device_major(1).expect("small");
            header.set_device_minor(3).expect("small");
        }
        // Written as they are: the library would refuse the names that are wrong on purpose.
        let bytes = header.as_mut_bytes();
        bytes[..path.len()].copy_from_slice(path.as_bytes());
        bytes[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(self.mode);
        header.set_uid(self.uid);
        header.set_gid(self.gid);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        out.extend(header.as_bytes());
        out.extend(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
}

impl Layer {
    pub(crate) fn new(created_by: &'static str, entries: Vec<Entry>) -> Self {
        let mut layer = Self {
            entries: Vec::new(),
            coding: Coding::Gzip,
            media_type: None,
            created_by,
            spoil_tar: None,
            spoil_blob: None,
        };
        for entry in entries {
            layer.put(entry);
        }
        layer
    }

    /// Adds an entry, in place of one at the same path.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.entries.retain(|other| other.path != entry.path);
        self.entries.push(entry);
    }

    /// The archive: folders before what is in them, hard links behind what they link to. `linked`
    /// are the links to folders that lower layers have, which no folder may take the place of.
    pub(crate) fn tar(&self, linked: &[String]) -> Vec<u8> {
        let mut all = self.entries.clone();
        for path in self.entries.iter().map(|entry| &entry.path) {
            for (at, _) in path.match_indices('/') {
                let parent = &path[..at];
                let known = all.iter().any(|other| other.path == parent);
                if !known && !linked.iter().any(|other| other == parent) && !path.contains("..") {
                    all.push(folder(parent));
                }
            }
        }
        let is_hard_link = |entry: &Entry| matches!(entry.kind, Kind::HardLink(_));
        all.sort_by_key(|entry| (is_hard_link(entry), entry.path.clone()));
        let mut out = Vec::new();
        for entry in &all {
            entry.write(&mut out);
        }
        out.resize(out.len() + 1024, 0);
        if let Some(spoil) = self.spoil_tar {
            spoil(&mut out);
        }
        out
    }

    /// The links among the entries.
    pub(crate) fn links(&self) -> impl Iterator<Item = String> {
        let links = self
            .entries
            .iter()
            .filter(|one| matches!(one.kind, Kind::Link(_)));
        links.map(|entry| entry.path.clone())
    }

    /// The blob of an archive.
    pub(crate) fn blob(&self, tar: &[u8]) -> Vec<u8> {
        let mut blob = compressed(self.coding, tar);
        if let Some(spoil) = self.spoil_blob {
            spoil(&mut blob);
        }
        blob
    }

    pub(crate) fn media_type(&self, docker: bool) -> &'static str {
        self.media_type.unwrap_or(match (docker, self.coding) {
            (true, Coding::Plain) => "application/vnd.docker.image.rootfs.diff.tar",
            (true, Coding::Gzip) => "application/vnd.docker.image.rootfs.diff.tar.gzip",
            (true, Coding::Zstd) => "application/vnd.docker.image.rootfs.diff.tar.zstd",
            (false, Coding::Plain) => "application/vnd.oci.image.layer.v1.tar",
            (false, Coding::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
            (false, Coding::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
        })
    }
}

/// Bytes compressed in one of the ways.
pub(crate) fn compressed(coding: Coding, bytes: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Plain => bytes.to_vec(),
        Coding::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).expect("memory");
            gzip.finish().expect("memory")
        }
        Coding::Zstd => zstd::encode_all(bytes, 3).expect("memory"),
    }
}
