//! Where packets begin and end (RFC 9580 section 4.2), without a look into them.

use std::ops::Range;

/// The kinds of packets that matter here (section 5).
pub(super) const SIGNATURE: u8 = 2;
/// A certificate begins with this.
pub(super) const PUBLIC_KEY: u8 = 6;
/// A user ID.
pub(super) const USER_ID: u8 = 13;
/// A further key of a certificate.
pub(super) const PUBLIC_SUBKEY: u8 = 14;
/// A picture or the like, in a user ID's place.
pub(super) const USER_ATTRIBUTE: u8 = 17;

/// One packet: its kind and its place, header included.
pub(super) type Packet = (u8, Range<usize>);

/// All packets; `None` where the bytes are not a whole number of them. Packets of unknown or
/// partial length are for data, which has no place in keyrings and signatures.
pub(super) fn split(bytes: &[u8]) -> Option<Vec<Packet>> {
    let mut packets = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, header, length) = header(&bytes[at..])?;
        let end = at.checked_add(header)?.checked_add(length)?;
        if end > bytes.len() {
            return None;
        }
        packets.push((kind, at..end));
        at = end;
    }
    Some(packets)
}

/// Kind, length of the header, length of the body.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let first = *bytes.first()?;
    let octet = |index: usize| bytes.get(index).map(|byte| usize::from(*byte));
    let big_endian =
        |count: usize| (1..=count).try_fold(0_usize, |sum, index| Some((sum << 8) | octet(index)?));
    match (first & 0x80, first & 0x40) {
        (0, _) => None,
        (_, 0) => {
            let kind = (first >> 2) & 0x0f;
            let (header, length) = match first & 3 {
                0 => (2, big_endian(1)?),
                1 => (3, big_endian(2)?),
                2 => (5, big_endian(4)?),
                _ => return None,
            };
            Some((kind, header, length))
        }
        _ => {
            let kind = first & 0x3f;
            let (header, length) = match octet(1)? {
                short @ 0..=191 => (2, short),
                high @ 192..=223 => (3, ((high - 192) << 8) + octet(2)? + 192),
                255 => (
                    6,
                    (2..=5).try_fold(0_usize, |sum, index| Some((sum << 8) | octet(index)?))?,
                ),
                _ => return None,
            };
            Some((kind, header, length))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_kinds_of_header_are_understood() {
        let bytes = [
            [0x98, 1, 7].as_slice(),
            &[0x99, 0, 2, 7, 7],
            &[0xc2, 2, 7, 7],
            &[0xcd, 255, 0, 0, 0, 1, 7],
        ]
        .concat();
        assert_eq!(
            split(&bytes).unwrap(),
            [
                (PUBLIC_KEY, 0..3),
                (PUBLIC_KEY, 3..8),
                (SIGNATURE, 8..12),
                (USER_ID, 12..19)
            ]
        );
        for broken in [
            &bytes[..bytes.len() - 1],
            b"abc",
            &[0x9b, 1],
            &[0xc2, 230, 1],
        ] {
            assert_eq!(split(broken), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(packets) = split(&bytes) {
                prop_assert_eq!(packets.last().map_or(0, |(_, range)| range.end), bytes.len());
            }
        }
    }
}
