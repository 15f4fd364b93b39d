//! Tar archives of images: reading their members where they lie, and writing OCI archives (a
//! layout as a tar stream) and Docker archives (`manifest.json`, as `docker load` takes it).
//!
//! An archive is walked once, stepping over content, and its members are then read at their
//! offsets, so nothing is unpacked. Names are checked before anything is believed: absolute names,
//! `..`, duplicates, devices and links that lead out of the archive are errors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use fs_err::File;
use serde_json::json;

use super::document::{self, Index, LIMIT, canonical};
use super::layout::{self, Content};
use super::untar::{Kind, Member, Reader};
use super::{Blobs, Descriptor, Error, tar};
use crate::digest::Digest;

/// More members than any image has; each takes memory.
const MEMBERS: usize = 200_000;
const LINKS: usize = 8;
const BLOBS: &str = "blobs/sha256";

/// An archive whose members are known.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    members: BTreeMap<String, Place>,
}

#[derive(Debug)]
enum Place {
    At { offset: u64, size: u64 },
    Link(String),
}

impl Archive {
    /// Opens an archive and notes where its members are.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path)?;
        check_plain(path, &file)?;
        let length = file.metadata()?.len();
        let what = format!("`{}`", path.display());
        let mut members = BTreeMap::new();
        let mut reader = Reader::seeking(&file, what.clone());
        while let Some(member) = reader.advance()? {
            if member.kind == Kind::Directory {
                continue;
            }
            if member.offset.saturating_add(member.size) > length || members.len() >= MEMBERS {
                return Err(Error::Tar {
                    what,
                    reason: format!("it breaks off in `{}` or has too many members", member.path),
                });
            }
            let place = place(&member).map_err(|reason| refuse(&what, &member, reason))?;
            if members.insert(member.path.clone(), place).is_some() {
                return Err(refuse(&what, &member, "is there twice"));
            }
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            members,
        })
    }

    /// Where the archive lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has such a member.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A member's content as a stream, and its size.
    pub fn member(&self, name: &str) -> Option<(Box<dyn Read + '_>, u64)> {
        let (offset, size) = self.find(name)?;
        let slice = Slice {
            file: &self.file,
            offset,
            left: size,
        };
        Some((Box::new(slice), size))
    }

    /// A small member's content.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let Some((mut reader, size)) = self.member(name) else {
            return Ok(None);
        };
        if size > LIMIT {
            return Err(Error::TooLarge {
                what: format!("`{}`: member `{name}`", self.path.display()),
                size,
                limit: LIMIT,
            });
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// The `index.json` of an OCI archive, whose version is checked.
    pub fn index(&self) -> Result<Index, Error> {
        let missing = |name: &str| Error::NotALayout {
            path: self.path.clone(),
            reason: format!("member `{name}` is missing"),
        };
        let marker = self
            .read("oci-layout")?
            .ok_or_else(|| missing("oci-layout"))?;
        layout::check_marker_bytes(&self.path, &marker)?;
        let index = self
            .read("index.json")?
            .ok_or_else(|| missing("index.json"))?;
        document::parse(&index, || {
            format!("`{}`: `index.json`", self.path.display())
        })
    }

    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = name;
        for _ in 0..LINKS {
            match self.members.get(name)? {
                Place::At { offset, size } => return Some((*offset, *size)),
                Place::Link(target) => name = target,
            }
        }
        None
    }
}

impl Blobs for Archive {
    fn open(&self, digest: Digest) -> Result<Option<(Box<dyn Read + '_>, u64)>, Error> {
        Ok(self.member(&blob_name(digest)))
    }

    fn place(&self) -> String {
        format!("archive `{}`", self.path.display())
    }
}

/// Writes a layout as a tar stream: sorted members, no times, no owners.
pub fn write_oci(out: &mut dyn Write, content: &Content) -> Result<(), Error> {
    write_blobs(out, content.source, &content.blobs)?;
    let index = Index::new(content.entries.clone(), BTreeMap::new());
    write_file(out, "index.json", &to_json(&index)?)?;
    write_file(out, "oci-layout", &layout::marker())?;
    Ok(tar::end(&mut { out })?)
}

/// Writes one platform's image as `docker load` takes it. Blobs keep their compression.
pub fn write_docker(
    out: &mut dyn Write,
    source: &dyn Blobs,
    config: &Descriptor,
    layers: &[Descriptor],
    tags: &[String],
) -> Result<(), Error> {
    let mut blobs = layers.to_vec();
    blobs.push(config.clone());
    write_blobs(out, source, &blobs)?;
    let names: Vec<String> = layers.iter().map(|layer| blob_name(layer.digest)).collect();
    let manifest = json!([{
        "Config": blob_name(config.digest),
        "RepoTags": tags,
        "Layers": names,
    }]);
    write_file(out, "manifest.json", &to_json(&manifest)?)?;
    Ok(tar::end(&mut { out })?)
}

fn write_blobs(out: &mut dyn Write, source: &dyn Blobs, blobs: &[Descriptor]) -> Result<(), Error> {
    for folder in ["blobs", BLOBS] {
        tar::header(&mut { &mut *out }, &member(folder, tar::Kind::Directory))?;
    }
    let mut sorted: Vec<&Descriptor> = blobs.iter().collect();
    sorted.sort_by_key(|blob| blob.digest);
    let mut done = BTreeSet::new();
    for blob in sorted {
        if !done.insert(blob.digest) {
            continue;
        }
        let name = blob_name(blob.digest);
        tar::header(
            &mut { &mut *out },
            &member(&name, tar::Kind::File(blob.size)),
        )?;
        layout::copy_blob(source, blob, out)?;
        tar::pad(&mut { &mut *out }, blob.size)?;
    }
    Ok(())
}

fn write_file(out: &mut dyn Write, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut out = out;
    let size = bytes.len() as u64;
    tar::header(&mut out, &member(name, tar::Kind::File(size)))?;
    out.write_all(bytes)?;
    tar::pad(&mut out, size)
}

fn member<'a>(path: &'a str, kind: tar::Kind<'a>) -> tar::Member<'a> {
    tar::Member {
        path,
        kind,
        mode: if kind == tar::Kind::Directory {
            0o755
        } else {
            0o644
        },
        uid: 0,
        gid: 0,
        mtime: 0,
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    canonical(value).map_err(|source| Error::Json {
        what: "a new archive's index".to_owned(),
        source,
    })
}

fn blob_name(digest: Digest) -> String {
    format!("{BLOBS}/{}", digest.hex())
}

fn place(member: &Member) -> Result<Place, &'static str> {
    if member.absolute {
        return Err("has an absolute name");
    }
    match member.kind {
        Kind::File => Ok(Place::At {
            offset: member.offset,
            size: member.size,
        }),
        Kind::Symlink | Kind::Hardlink => {
            let target = member.link.as_deref().unwrap_or_default();
            let folder = match member.kind {
                Kind::Symlink => member
                    .path
                    .rsplit_once('/')
                    .map_or("", |(folder, _)| folder),
                _ => "",
            };
            // Old versions of `docker save` link to layers that are there already.
            link_target(folder, target)
                .map(Place::Link)
                .ok_or("is a link that leads out of the archive")
        }
        Kind::Directory | Kind::Special => Err("is neither a file nor a folder"),
    }
}

fn link_target(folder: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn refuse(what: &str, member: &Member, reason: &str) -> Error {
    Error::Member {
        what: what.to_owned(),
        member: member.path.clone(),
        reason: reason.to_owned(),
    }
}

fn check_plain(path: &Path, file: &File) -> Result<(), Error> {
    let mut magic = [0; 6];
    let read = file.file().read_at(&mut magic, 0)?;
    let program = match &magic[..read] {
        [0x1f, 0x8b, ..] => "gzip",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [0xfd, b'7', b'z', b'X', b'Z', 0] => "xz",
        [b'B', b'Z', b'h', ..] => "bzip2",
        _ => return Ok(()),
    };
    Err(Error::Compressed {
        path: path.to_owned(),
        program,
    })
}

struct Slice<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Read for Slice<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.file.file().read_at(&mut buffer[..room], self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
