//! Packages for tests, made by hand, so that they can be wrong in every way.

use tar::{EntryType, Header};

/// An archive of members.
pub(super) fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = super::ar::MAGIC.to_vec();
    for (name, content) in members {
        let size = content.len();
        let header = format!(
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n",
            0, 0, 0, "100644"
        );
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        if size % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

/// A tar archive under construction.
#[derive(Clone, Default)]
pub(super) struct Tar(pub(super) Vec<u8>);

impl Tar {
    pub(super) fn entry(
        mut self,
        name: &str,
        kind: EntryType,
        mode: u32,
        target: &str,
        data: &[u8],
    ) -> Self {
        self.raw(name, kind, mode, target, data.len() as u64);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// A header alone, whatever follows it.
    pub(super) fn raw(&mut self, name: &str, kind: EntryType, mode: u32, target: &str, size: u64) {
        for (text, kind) in [(name, b'L'), (target, b'K')] {
            if text.len() > 100 {
                let long = EntryType::new(kind);
                *self = std::mem::take(self).entry("././@LongLink", long, 0, "", text.as_bytes());
            }
        }
        let mut header = Header::new_gnu();
        let put = |field: &mut [u8; 100], text: &str| {
            let count = text.len().min(field.len());
            field[..count].copy_from_slice(&text.as_bytes()[..count]);
        };
        // Set by hand: the library's own setters refuse what is tested.
        put(&mut header.as_old_mut().name, name);
        put(&mut header.as_old_mut().linkname, target);
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(size);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
    }

    pub(super) fn directory(self, name: &str) -> Self {
        self.entry(name, EntryType::Directory, 0o755, "", b"")
    }

    pub(super) fn file(self, name: &str, data: &str) -> Self {
        self.entry(name, EntryType::Regular, 0o644, "", data.as_bytes())
    }

    pub(super) fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Symlink, 0o777, target, b"")
    }

    pub(super) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Link, 0o644, target, b"")
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// A package of these parts; `data` becomes `data.tar.xz`.
pub(super) fn deb(control: &str, data: Tar) -> Vec<u8> {
    let control = Tar::default().file("./control", control).end();
    ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &gzip(&control)),
        ("data.tar.xz", &xz(&data.end())),
    ])
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn xz(bytes: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    let mut encoder = liblzma::read::XzEncoder::new(bytes, 1);
    encoder.read_to_end(&mut out).unwrap();
    out
}
