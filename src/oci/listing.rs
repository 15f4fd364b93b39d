//! What one layer contains: a list of its members without their content, made in one pass that
//! also computes the diff ID.

use std::io::{BufReader, Read};

use serde::{Deserialize, Serialize};

use super::Error;
use super::media::Coding;
use super::untar::{Kind, Member, Reader};
use crate::digest::{BLOCK, DiffId, HashReader};

/// More members than any layer has; each takes memory.
const MEMBERS: usize = 4_000_000;

/// Sees a member and its content.
pub type Visit<'a> = dyn FnMut(&Member, &mut dyn Read) -> Result<(), Error> + 'a;

/// The members of one layer in the order of the tar stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The digest of the uncompressed stream.
    pub diff_id: DiffId,
    /// The members.
    pub members: Vec<Item>,
}

/// One member of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The path from the root, without slashes at the ends.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// The owner.
    pub uid: u64,
    /// The group.
    pub gid: u64,
    /// The size of a file.
    pub size: u64,
    /// Where a link points to, as written.
    pub link: String,
}

impl Listing {
    /// Reads a layer's blob; `what` names it in errors. Each member is shown to `visit` with its
    /// content, of which it reads as much as it likes.
    pub fn read(
        blob: &mut dyn Read,
        coding: Coding,
        what: &str,
        visit: &mut Visit<'_>,
    ) -> Result<Self, Error> {
        let source = HashReader::new(decoded(blob, coding)?);
        let buffered = BufReader::with_capacity(BLOCK, source);
        let mut reader = Reader::new(buffered, what.to_owned());
        let mut members = Vec::new();
        while let Some(member) = reader.advance()? {
            check_hardlink(&member, what)?;
            if members.len() >= MEMBERS {
                return Err(Error::Tar {
                    what: what.to_owned(),
                    reason: format!("it has more than {MEMBERS} members"),
                });
            }
            visit(&member, &mut reader)?;
            members.push(Item {
                path: member.path,
                kind: member.kind,
                mode: member.mode,
                uid: member.uid,
                gid: member.gid,
                size: member.size,
                link: member.link.unwrap_or_default(),
            });
        }
        let (digest, _) = reader.drain()?.into_inner().finish();
        Ok(Self {
            diff_id: DiffId::new(digest),
            members,
        })
    }
}

/// The tar stream of a layer's blob.
pub fn decoded(blob: &mut dyn Read, coding: Coding) -> Result<Box<dyn Read + '_>, Error> {
    Ok(match coding {
        Coding::Plain => Box::new(blob),
        // Parallel compressors write several members.
        Coding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(
            BLOCK, blob,
        ))),
        Coding::Zstd => Box::new(zstd::Decoder::new(blob)?),
    })
}

/// A hard link names a file of the image from its root; some builders put a slash in front.
fn check_hardlink(member: &Member, what: &str) -> Result<(), Error> {
    let target = member.link.as_deref().unwrap_or_default();
    if member.kind == Kind::Hardlink && target.split('/').any(|part| part == "..") {
        return Err(Error::Member {
            what: what.to_owned(),
            member: member.path.clone(),
            reason: format!("is a hard link to `{target}`, which could lead out of the image"),
        });
    }
    Ok(())
}
