//! Caches in both byte orders and both formats, damaged ones, and this machine's own.

use super::*;
use proptest::prelude::*;

/// What a cache is to be like.
#[derive(Clone, Copy, Debug)]
struct Writer {
    order: Order,
    /// The byte that tells the order.
    flags: u8,
    /// How many entries of the old format lie in front.
    old: Option<u32>,
}

impl Writer {
    fn number(self, size: usize, value: u64) -> Vec<u8> {
        match self.order {
            Order::Little => value.to_le_bytes()[..size].to_vec(),
            Order::Big => value.to_be_bytes()[8 - size..].to_vec(),
        }
    }

    fn write(self, entries: &[Entry]) -> Vec<u8> {
        let start = HEADER + ENTRY * entries.len();
        let (mut table, mut strings) = (Vec::new(), Vec::new());
        for entry in entries {
            let mut place = |text: &str| {
                let at = start + strings.len();
                strings.extend(text.bytes());
                strings.push(0);
                self.number(4, at as u64)
            };
            let flags = u64::from(entry.flags.cast_unsigned());
            table.extend(self.number(4, flags));
            table.extend(place(&entry.name));
            table.extend(place(&entry.path));
            table.extend(self.number(4, 0));
            table.extend(self.number(8, entry.hwcap));
        }
        let mut out = Vec::new();
        if let Some(count) = self.old {
            out.extend(OLD_MAGIC);
            out.push(0);
            out.extend(self.number(4, count.into()));
            out.resize(OLD_HEADER + OLD_ENTRY * count as usize, 7);
            out.resize(out.len().next_multiple_of(8), 0);
        }
        out.extend(MAGIC);
        out.extend(self.number(4, entries.len() as u64));
        out.extend(self.number(4, strings.len() as u64));
        out.extend([self.flags, 0, 0, 0]);
        out.extend([0; 16]);
        out.extend(table);
        out.extend(strings);
        out
    }
}

fn writers() -> Vec<Writer> {
    let mut writers = Vec::new();
    for (order, told) in [(Order::Little, 2), (Order::Big, 3)] {
        for flags in [0, told] {
            for old in [None, Some(0), Some(1), Some(2)] {
                writers.push(Writer { order, flags, old });
            }
        }
    }
    writers
}

fn entries() -> Vec<Entry> {
    [
        ("libc.so.6", 0x303, 0),
        ("libm.so.6", 0x303, 1 << 62),
        ("libx.so", -1, u64::MAX),
    ]
    .map(|(name, flags, hwcap)| Entry {
        name: name.to_owned(),
        path: format!("/lib/x86_64-linux-gnu/{name}"),
        flags,
        hwcap,
    })
    .to_vec()
}

#[test]
fn entries_come_back_in_both_byte_orders_and_behind_the_old_format() {
    for writer in writers() {
        let read = parse(&writer.write(&entries()));
        assert_eq!(read, Ok(entries()), "{writer:?}");
        assert_eq!(parse(&writer.write(&[])), Ok(Vec::new()), "{writer:?}");
    }
}

#[test]
fn what_is_no_cache_is_refused() {
    let old = b"ld.so-1.7.0\0\x01\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    for bytes in [&b""[..], b"ld.so", OLD_MAGIC, old, MAGIC, b"\x7fELF"] {
        assert!(parse(bytes).is_err(), "{}", bytes.escape_ascii());
    }
    let writer = Writer {
        order: Order::Little,
        flags: 1,
        old: None,
    };
    let refused = parse(&writer.write(&entries()));
    assert_eq!(refused, Err("it is marked as not valid".to_owned()));
}

#[test]
fn a_cache_cut_off_anywhere_is_refused() {
    for writer in writers() {
        let whole = writer.write(&entries());
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{writer:?} {length}");
        }
    }
}

#[test]
fn names_that_share_one_long_string_are_limited() {
    let writer = Writer {
        order: Order::Little,
        flags: 2,
        old: None,
    };
    let long = Entry {
        name: "x".repeat(1 << 16),
        path: String::new(),
        flags: 3,
        hwcap: 0,
    };
    let mut bytes = writer.write(&vec![long; 600]);
    let first = u32::try_from(HEADER + ENTRY * 600).unwrap();
    for index in 0..600 {
        let at = HEADER + ENTRY * index + 4;
        bytes[at..at + 4].copy_from_slice(&first.to_le_bytes());
    }
    assert_eq!(
        parse(&bytes),
        Err("its names are longer than any".to_owned())
    );
}

#[test]
fn the_cache_of_this_machine_is_read_where_there_is_one() {
    let Ok(bytes) = fs_err::read("/etc/ld.so.cache") else {
        return;
    };
    for entry in parse(&bytes).unwrap() {
        assert!(entry.path.starts_with('/'), "{entry:?}");
        assert!(!entry.name.is_empty(), "{entry:?}");
    }
}

proptest! {
    #[test]
    fn a_damaged_cache_is_read_or_refused(
        index in 0..writers().len(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = writers()[index].write(&entries());
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = parse(&bytes);
    }

    #[test]
    fn any_bytes_behind_the_mark_are_read_or_refused(
        old: bool,
        tail in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = if old { OLD_MAGIC } else { MAGIC }.to_vec();
        bytes.extend(tail);
        let _ = parse(&bytes);
    }
}
