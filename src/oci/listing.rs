//! What one layer contains: a list of its members without their content, made in one pass that
//! also computes the diff ID, and a compact form of it that can be kept per layer digest.

use std::io::{BufReader, Read};

use super::Error;
use super::media::Coding;
use super::untar::{Kind, Member, Reader};
use crate::digest::{BLOCK, DiffId, HashReader};

/// Changes when the compact form does.
const FORMAT: &[u8; 4] = b"pal1";

/// The members of one layer in the order of the tar stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The digest of the uncompressed stream.
    pub diff_id: DiffId,
    /// The members.
    pub members: Vec<Item>,
}

/// One member of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Reads a layer's blob; `what` names it in errors.
    pub fn read(blob: &mut dyn Read, coding: Coding, what: &str) -> Result<Self, Error> {
        let source = HashReader::new(decoded(blob, coding)?);
        let buffered = BufReader::with_capacity(BLOCK, source);
        let mut reader = Reader::new(buffered, what.to_owned());
        let mut members = Vec::new();
        while let Some(member) = reader.advance()? {
            check_hardlink(&member, what)?;
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

    /// The compact form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = FORMAT.to_vec();
        text(&mut out, &self.diff_id.to_string());
        for item in &self.members {
            out.push(match item.kind {
                Kind::File => b'f',
                Kind::Directory => b'd',
                Kind::Symlink => b'l',
                Kind::Hardlink => b'h',
                Kind::Special => b's',
            });
            number(&mut out, item.mode.into());
            number(&mut out, item.uid);
            number(&mut out, item.gid);
            number(&mut out, item.size);
            text(&mut out, &item.path);
            text(&mut out, &item.link);
        }
        out
    }

    /// Reads the compact form; `None` where it is another version's, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = Rest(bytes.strip_prefix(FORMAT)?);
        let diff_id = DiffId::new(rest.text()?.parse().ok()?);
        let mut members = Vec::new();
        while !rest.0.is_empty() {
            let kind = match rest.byte()? {
                b'f' => Kind::File,
                b'd' => Kind::Directory,
                b'l' => Kind::Symlink,
                b'h' => Kind::Hardlink,
                b's' => Kind::Special,
                _ => return None,
            };
            members.push(Item {
                kind,
                mode: rest.number()?.try_into().ok()?,
                uid: rest.number()?,
                gid: rest.number()?,
                size: rest.number()?,
                path: rest.text()?,
                link: rest.text()?,
            });
        }
        Some(Self { diff_id, members })
    }
}

/// The tar stream of a layer's blob.
pub(super) fn decoded(blob: &mut dyn Read, coding: Coding) -> Result<Box<dyn Read + '_>, Error> {
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

/// Seven bits a byte, lowest first (LEB128).
fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use proptest::prelude::*;

    fn kind() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::File),
            Just(Kind::Directory),
            Just(Kind::Symlink),
            Just(Kind::Hardlink),
            Just(Kind::Special)
        ]
    }

    fn item() -> impl Strategy<Value = Item> {
        (any::<(String, u32, u64, u64, u64, String)>(), kind()).prop_map(|(all, kind)| Item {
            path: all.0,
            kind,
            mode: all.1,
            uid: all.2,
            gid: all.3,
            size: all.4,
            link: all.5,
        })
    }

    proptest! {
        #[test]
        fn the_compact_form_comes_back_and_damage_is_no_panic(
            members in proptest::collection::vec(item(), 0..20),
            cut in any::<proptest::sample::Index>(),
        ) {
            let listing = Listing { diff_id: DiffId::new(Digest::of(b"x")), members };
            let bytes = listing.to_bytes();
            prop_assert_eq!(Listing::from_bytes(&bytes), Some(listing.clone()));
            let cut = cut.index(bytes.len());
            prop_assert_ne!(Listing::from_bytes(&bytes[..cut]), Some(listing));
        }
    }
}
