//! ASCII armor (RFC 9580 section 6.2), out of which come packets.

use std::io::Read;

use pgp::armor::{BlockType, Dearmor};

/// A block of signatures.
pub(super) const SIGNATURE: &str = "PGP SIGNATURE";
/// A block of certificates.
pub(super) const PUBLIC_KEY: &str = "PGP PUBLIC KEY BLOCK";

/// Whether this is armored, not packets as they are.
pub(super) fn is_armored(bytes: &[u8]) -> bool {
    // A packet begins with a byte that has its highest bit set (section 4.2).
    bytes.first().is_some_and(u8::is_ascii) && find(bytes, b"-----BEGIN PGP ").is_some()
}

/// What is in the one block of that kind; `None` unless there is exactly one and it is whole.
pub(super) fn one(bytes: &[u8], kind: &str) -> Option<Vec<u8>> {
    let mut blocks = all(bytes, kind)?;
    (blocks.len() == 1).then(|| blocks.swap_remove(0))
}

/// What is in each block of that kind; `None` where one of them is broken.
pub(super) fn all(bytes: &[u8], kind: &str) -> Option<Vec<Vec<u8>>> {
    let (begin, end) = (
        format!("-----BEGIN {kind}-----"),
        format!("-----END {kind}-----"),
    );
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while let Some(start) = find(rest, begin.as_bytes()) {
        let block = &rest[start..];
        let length = find(block, end.as_bytes())? + end.len();
        // The line's end belongs to it.
        let mut whole = block[..length].to_vec();
        whole.push(b'\n');
        blocks.push(open(&whole)?);
        rest = &block[length..];
    }
    Some(blocks)
}

fn open(block: &[u8]) -> Option<Vec<u8>> {
    let mut dearmor = Dearmor::new(block);
    let mut packets = Vec::new();
    // What comes out is smaller than what goes in.
    dearmor.read_to_end(&mut packets).ok()?;
    let expected = matches!(
        dearmor.typ,
        Some(BlockType::Signature | BlockType::PublicKey)
    );
    expected.then_some(packets)
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|here| here == part)
}
