//! Where blobs are read from: a layout, an archive, or whatever a caller has.

use std::io::Read;

use super::document::{self, LIMIT};
use super::{Descriptor, Error};
use crate::digest::{Digest, HashReader, Mismatch};

/// The bytes of a blob, and how many there are.
pub type Opened<'a> = (Box<dyn Read + 'a>, u64);

/// A collection of blobs, each under its digest. What it yields is not trusted: readers check.
pub trait Blobs {
    /// The bytes of a blob and how many there are; `None` where it is not there.
    fn open(&self, digest: Digest) -> Result<Option<Opened<'_>>, Error>;

    /// What errors call this collection.
    fn place(&self) -> String;
}

/// A blob that must be there and have the size its descriptor says. Its digest is the caller's to
/// check while reading, as [`read`] does.
pub fn open<'a>(
    blobs: &'a (impl Blobs + ?Sized),
    descriptor: &Descriptor,
) -> Result<Box<dyn Read + 'a>, Error> {
    let digest = descriptor.digest;
    let (reader, found) = blobs.open(digest)?.ok_or_else(|| Error::MissingBlob {
        place: blobs.place(),
        digest,
    })?;
    if found == descriptor.size {
        return Ok(reader);
    }
    Err(Error::Blob {
        place: blobs.place(),
        digest,
        source: Mismatch::Size {
            expected: descriptor.size,
            found,
        },
    })
}

/// Reads a document whole, checked against its descriptor.
pub fn read(blobs: &(impl Blobs + ?Sized), descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
    if descriptor.size > LIMIT {
        return Err(Error::TooLarge {
            what: format!("{}: blob {}", blobs.place(), descriptor.digest),
            size: descriptor.size,
            limit: LIMIT,
        });
    }
    let mut bytes = Vec::new();
    let mut reader = HashReader::new(open(blobs, descriptor)?.take(LIMIT));
    reader
        .read_to_end(&mut bytes)
        .map_err(|source| Error::Read {
            what: format!("blob {} of {}", descriptor.digest, blobs.place()),
            source,
        })?;
    reader
        .verify(descriptor.digest, descriptor.size)
        .map_err(|source| Error::Blob {
            place: blobs.place(),
            digest: descriptor.digest,
            source,
        })?;
    Ok(bytes)
}

/// Reads and parses a JSON document.
pub fn parse<T: serde::de::DeserializeOwned>(
    blobs: &(impl Blobs + ?Sized),
    descriptor: &Descriptor,
) -> Result<T, Error> {
    document::parse(&read(blobs, descriptor)?, || {
        format!("{}: blob {}", blobs.place(), descriptor.digest)
    })
}
