//! The content of chosen members of a layer, read in one pass.
//!
//! Comes in: a layer's blob, and the members wanted with the most bytes that each may have. Goes
//! out: their bytes. Names are those of the tar stream, as [`super::rootfs::Node::member`] tells them.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use super::Error;
use super::listing::decoded;
use super::media::Coding;
use super::untar::{Kind, Reader};
use crate::digest::BLOCK;

/// Reads members of a layer, each no larger than it may be; `what` names the layer in errors. Of a
/// member that is there several times, the last one counts, as it does when a layer is unpacked.
pub fn read(
    blob: &mut dyn Read,
    coding: Coding,
    what: &str,
    limits: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let buffered = BufReader::with_capacity(BLOCK, decoded(blob, coding)?);
    let mut reader = Reader::new(buffered, what.to_owned());
    let mut found = BTreeMap::new();
    while let Some(member) = reader.advance()? {
        let Some(&limit) = limits.get(&member.path) else {
            continue;
        };
        if member.kind != Kind::File {
            continue;
        }
        if member.size > limit {
            return Err(Error::TooLarge {
                what: format!("{what}: member `{}`", member.path),
                size: member.size,
                limit,
            });
        }
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|source| Error::Read {
                what: what.to_owned(),
                source,
            })?;
        if bytes.len() as u64 != member.size {
            return Err(Error::Tar {
                what: what.to_owned(),
                reason: "it ends in the middle of a member".to_owned(),
            });
        }
        found.insert(member.path, bytes);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer() -> Vec<u8> {
        let mut builder = ::tar::Builder::new(Vec::new());
        for (path, bytes) in [("a", "old"), ("b/c", "other"), ("./a", "newer")] {
            let mut header = ::tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            let data = bytes.as_bytes();
            builder.append_data(&mut header, path, data).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn wanted(paths: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let owned = paths
            .iter()
            .map(|(path, limit)| ((*path).to_owned(), *limit));
        owned.collect()
    }

    #[test]
    fn what_is_asked_for_is_read_and_the_last_of_a_name_counts() {
        let limits = wanted(&[("a", 5), ("none", 1)]);
        let found = read(&mut &layer()[..], Coding::Plain, "the test", &limits).unwrap();
        assert_eq!(found, BTreeMap::from([("a".to_owned(), b"newer".to_vec())]));
    }

    #[test]
    fn what_is_larger_than_it_may_be_is_refused_before_it_is_read() {
        let limits = wanted(&[("b/c", 4)]);
        let error = read(&mut &layer()[..], Coding::Plain, "the test", &limits).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the test: member `b/c` has 5 bytes: expected at most 4"
        );
    }

    #[test]
    fn a_layer_that_breaks_off_is_an_error() {
        let layer = layer();
        let limits = wanted(&[("a", 5)]);
        let cut = &layer[..514];
        assert!(read(&mut &cut[..], Coding::Plain, "the test", &limits).is_err());
    }
}
