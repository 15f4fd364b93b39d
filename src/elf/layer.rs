//! Everything that is asked about a layer, from one pass over its bytes.
//!
//! Comes in: a layer's blob. Goes out: the blob's digest and size, the diff ID, the list of members,
//! and the facts of every file that a linker or a kernel would look at: ELF files, scripts, and the
//! few files that say how programs are found. They are kept in the store under the blob's digest, so
//! that a layer is read once, however many images have it.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::content::{Content, HEAD};
use super::facts;
use super::object::Object;
use crate::digest::{self, Digest, HashReader, Recipe};
use crate::oci::listing::Listing;
use crate::oci::media::Coding;
use crate::oci::untar::{Kind, Member};
use crate::oci::{self, Descriptor};
use crate::store::{self, Store};

/// The kind of record that holds the facts.
const KIND: &str = "layer";
/// Goes into the name of each: a change of what is asked, or of how it is written, asks anew.
pub const RULES: &str = env!("POLYARCH_RULES");

/// A larger file is held on disk while its facts are taken.
const IN_MEMORY: u64 = 16 << 20;
/// The longest first line of a script that the kernel reads (`BINPRM_BUF_SIZE`).
pub const SCRIPT_LINE: usize = 256;
/// The largest file that is kept for what it says.
const TEXT: u64 = 16 << 20;

/// What a layer holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// The members, and the diff ID.
    pub listing: Listing,
    /// What is known of some of them, by their names in the stream.
    pub facts: BTreeMap<String, Fact>,
}

/// What is known of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Fact {
    /// An ELF file.
    Elf(Box<Program>),
    /// An ELF file that gave no facts, and why.
    Damaged(String),
    /// A script: its first line without `#!`, as far as the kernel reads it.
    Script(Vec<u8>),
    /// A file that says how programs are found.
    Text(Vec<u8>),
    /// Something else that is marked as executable, or made for another system.
    Other(Content),
}

/// An ELF file, and what stands in it that its headers do not say.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Its facts.
    pub object: Object,
    /// Whether it has the path of a bundle of certificates in it.
    pub certificates: bool,
    /// Whether it has the path of the time zones in it.
    pub time_zones: bool,
}

/// What a pass over a blob found.
pub struct Pass {
    /// The digest of the blob's bytes.
    pub digest: Digest,
    /// How many there are.
    pub size: u64,
    /// How they are compressed, whatever the media type says.
    pub coding: Coding,
    /// What the layer holds, or why it can't be read.
    pub layer: Result<Layer, oci::Error>,
}

/// Reads a layer's blob; `what` names it in errors. Fails only where the blob's bytes can't be had.
pub fn read(
    blob: &mut dyn Read,
    coding: Coding,
    what: &str,
    store: &Store,
) -> Result<Pass, oci::Error> {
    let mut source = HashReader::new(blob);
    let mut magic = Vec::new();
    (&mut source).take(4).read_to_end(&mut magic)?;
    let coding = sniff(&magic, coding);
    let mut facts = BTreeMap::new();
    let listing = {
        let mut whole = Cursor::new(&magic).chain(&mut source);
        Listing::read(&mut whole, coding, what, &mut |member, content| {
            if member.kind == Kind::File
                && let Some(fact) = fact(member, content, store)?
            {
                facts.insert(member.path.clone(), fact);
            } else {
                facts.remove(&member.path);
            }
            Ok(())
        })
    };
    // What the decompressor left, so that the digest is that of the whole.
    digest::copy(&mut source, &mut io::sink())?;
    let (digest, size) = source.finish();
    Ok(Pass {
        digest,
        size,
        coding,
        layer: listing.map(|listing| Layer { listing, facts }),
    })
}

/// What the store knows of a layer from a pass before.
pub fn known(store: &Store, digest: Digest) -> Option<Layer> {
    let bytes = store.record(KIND, &key(digest))?;
    postcard::from_bytes(&bytes).ok()
}

/// Keeps what a layer holds. Only for a blob whose bytes have this digest.
pub fn keep(store: &Store, digest: Digest, layer: &Layer) -> Result<(), store::Error> {
    match postcard::to_stdvec(layer) {
        Ok(bytes) => store.put_record(KIND, &key(digest), &bytes),
        // Only speed is lost.
        Err(_) => Ok(()),
    }
}

/// What a layer of the store holds, from a pass before or from one now.
pub fn of_store(store: &Store, layer: &Descriptor) -> Result<Layer, oci::Error> {
    if let Some(known) = known(store, layer.digest) {
        return Ok(known);
    }
    let what = format!("layer {}", layer.digest);
    let coding = Coding::of(&layer.media_type).ok_or_else(|| oci::Error::MediaType {
        what: what.clone(),
        media_type: layer.media_type.clone(),
        expected: "a tar layer, plain or compressed with gzip or zstd",
    })?;
    let missing = || oci::Error::MissingBlob {
        place: "store".to_owned(),
        digest: layer.digest,
    };
    let blob = store.blob(&layer.digest).ok_or_else(missing)?;
    let mut file = fs_err::File::open(&blob.path)?;
    let pass = read(&mut file, coding, &what, store)?;
    if pass.coding != coding {
        let reason = format!("it is not compressed as `{}` says", layer.media_type);
        return Err(oci::Error::Read {
            what,
            source: io::Error::new(io::ErrorKind::InvalidData, reason),
        });
    }
    let found = pass.layer?;
    // Only speed is lost when it can't be kept.
    let _ = keep(store, layer.digest, &found);
    Ok(found)
}

fn key(digest: Digest) -> Digest {
    Recipe::new(KIND)
        .with(RULES)
        .with(digest.to_string())
        .finish()
}

/// How the bytes are compressed: as the media type says, unless they show something else.
fn sniff(magic: &[u8], said: Coding) -> Coding {
    match magic {
        [0x1f, 0x8b, ..] => Coding::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Coding::Zstd,
        // A skippable frame may stand in front (RFC 8878, section 3.1.2).
        [0x50..=0x5f, 0x2a, 0x4d, 0x18] if said == Coding::Zstd => Coding::Zstd,
        // Nothing at all is cut off, not of another kind.
        [] => said,
        _ => Coding::Plain,
    }
}

fn fact(
    member: &Member,
    content: &mut dyn Read,
    store: &Store,
) -> Result<Option<Fact>, oci::Error> {
    if is_text(&member.path) {
        if member.size > TEXT {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes)?;
        return Ok(Some(Fact::Text(bytes)));
    }
    let mut head = Vec::new();
    content.take(HEAD as u64).read_to_end(&mut head)?;
    let executable = member.mode & 0o111 != 0;
    Ok(match Content::of(&head) {
        None => Some(elf(member, head, content, store)?),
        Some(Content::Script) if executable => {
            content
                .take((SCRIPT_LINE - HEAD) as u64)
                .read_to_end(&mut head)?;
            let end = head.iter().position(|byte| *byte == b'\n');
            head.truncate(end.unwrap_or(head.len()));
            head.drain(..2);
            Some(Fact::Script(head))
        }
        Some(other) if executable || matches!(other, Content::Pe | Content::MachO) => {
            Some(Fact::Other(other))
        }
        Some(_) => None,
    })
}

fn elf(
    member: &Member,
    mut head: Vec<u8>,
    content: &mut dyn Read,
    store: &Store,
) -> Result<Fact, oci::Error> {
    let path = Path::new("/").join(&member.path);
    let facts = if member.size <= IN_MEMORY {
        content.read_to_end(&mut head)?;
        let marks = Marks::of(&head);
        Object::from_reader(Cursor::new(&head), &path).map(|object| (object, marks))
    } else {
        let scratch = store.scratch().map_err(io::Error::other)?;
        let file = scratch.path().join("elf");
        let mut options = fs_err::OpenOptions::new();
        let mut spool = options.read(true).write(true).create_new(true).open(file)?;
        let mut marks = Marks::default();
        spool.write_all(&head)?;
        let mut buffer = vec![0; digest::BLOCK];
        // What lies over the end of a block is seen with the next one.
        let mut kept = 0;
        loop {
            let read = content.read(&mut buffer[kept..])?;
            if read == 0 {
                break;
            }
            spool.write_all(&buffer[kept..kept + read])?;
            marks.add(&buffer[..kept + read]);
            let end = kept + read;
            let keep = end.min(Marks::LONGEST);
            buffer.copy_within(end - keep..end, 0);
            kept = keep;
        }
        spool.seek(SeekFrom::Start(0))?;
        Object::from_reader(io::BufReader::new(spool), &path).map(|object| (object, marks))
    };
    Ok(match facts {
        Ok((object, marks)) => Fact::Elf(Box::new(Program {
            object,
            certificates: marks.certificates,
            time_zones: marks.time_zones,
        })),
        Err(facts::Error::Malformed { problem, .. }) => Fact::Damaged(problem),
        Err(facts::Error::NotElf { content, .. }) => Fact::Other(content),
        Err(facts::Error::Io { source, .. }) => return Err(source.into()),
    })
}

/// Paths in a program that tell what it will look for.
#[derive(Clone, Copy, Default)]
struct Marks {
    certificates: bool,
    time_zones: bool,
}

impl Marks {
    const CERTIFICATES: &str = "/etc/ssl/cert";
    const TIME_ZONES: &str = "/share/zoneinfo";
    const LONGEST: usize = 16;

    fn of(bytes: &[u8]) -> Self {
        let mut marks = Self::default();
        marks.add(bytes);
        marks
    }

    fn add(&mut self, bytes: &[u8]) {
        static FINDERS: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| {
            [
                Finder::new(Marks::CERTIFICATES),
                Finder::new(Marks::TIME_ZONES),
            ]
        });
        let [certificates, time_zones] = &*FINDERS;
        self.certificates = self.certificates || certificates.find(bytes).is_some();
        self.time_zones = self.time_zones || time_zones.find(bytes).is_some();
    }
}

/// Files that are kept for what they say, by their names: their folders may be links.
fn is_text(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    match name {
        "passwd" | "group" | "ld.so.conf" | "ld.so.cache" | "ld.so.preload" => {
            folder.ends_with("etc")
        }
        _ => {
            (folder.ends_with("ld.so.conf.d") && extension == "conf")
                || (name.starts_with("ld-musl-") && extension == "path")
        }
    }
}
