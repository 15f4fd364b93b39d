//! `/etc/ld.so.cache`, the list that glibc's dynamic linker looks into before its own directories.
//!
//! Comes in: the file of an image of any byte order. Goes out: its entries. Both formats that exist
//! are read as far as they hold the new one, which ldconfig has written since glibc 2.2.
//!
//! Source: the comments in glibc's `dl-cache.h`.

/// One library of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that it is asked for by.
    pub name: String,
    /// Where it lies.
    pub path: String,
}

const OLD: &[u8] = b"ld.so-1.7.0\0";
const NEW: &[u8] = b"glibc-ld.so.cache1.1";
/// The new format's header: magic, two numbers, flags, an offset, three unused words.
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// An entry of the old format: flags and two offsets.
const OLD_ENTRY: usize = 12;
/// More entries than any system has.
const ENTRIES: usize = 1 << 20;
/// Where the flags stand; the lowest two bits say which byte order the file has.
const FLAGS: usize = 28;

/// Reads the list. The error says what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let bytes = match bytes.strip_prefix(OLD) {
        None => bytes,
        Some(rest) => behind_old(bytes, rest)?,
    };
    if !bytes.starts_with(NEW) {
        return Err("it is in a format that is not known".to_owned());
    }
    let flags = bytes.get(FLAGS).ok_or("it is cut off")? & 3;
    let little = match flags {
        2 => true,
        3 => false,
        // Older ldconfigs leave it empty.
        _ => plausible(bytes, NEW.len(), ENTRY),
    };
    let count = number(bytes, NEW.len(), little).ok_or("it is cut off")?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count > ENTRIES {
        return Err(format!("it has {count} entries"));
    }
    let mut entries = Vec::new();
    for index in 0..count {
        let at = HEADER + index * ENTRY;
        let name = number(bytes, at + 4, little).ok_or("its entries are cut off")?;
        let path = number(bytes, at + 8, little).ok_or("its entries are cut off")?;
        entries.push(Entry {
            name: string(bytes, name)?,
            path: string(bytes, path)?,
        });
    }
    Ok(entries)
}

/// The new format behind the old one, at a multiple of eight.
fn behind_old<'a>(whole: &'a [u8], rest: &[u8]) -> Result<&'a [u8], String> {
    let little = plausible(rest, 0, OLD_ENTRY);
    let count = number(rest, 0, little).ok_or("it is cut off")?;
    let size = usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(OLD_ENTRY))
        .and_then(|size| size.checked_add(OLD.len() + 4))
        .and_then(|size| size.checked_next_multiple_of(8));
    size.and_then(|size| whole.get(size..))
        .ok_or_else(|| format!("it has {count} entries, which it does not hold"))
}

/// Whether the count at an offset fits into the file when it is read as little-endian.
fn plausible(bytes: &[u8], at: usize, size: usize) -> bool {
    let count = number(bytes, at, true).and_then(|count| usize::try_from(count).ok());
    count.is_some_and(|count| {
        count
            .checked_mul(size)
            .is_some_and(|size| size <= bytes.len())
    })
}

fn number(bytes: &[u8], at: usize, little: bool) -> Option<u32> {
    let word = bytes.get(at..)?.first_chunk::<4>()?;
    Some(match little {
        true => u32::from_le_bytes(*word),
        false => u32::from_be_bytes(*word),
    })
}

fn string(bytes: &[u8], at: u32) -> Result<String, String> {
    let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
    let rest = rest.ok_or("a string lies outside of it")?;
    let end = rest.iter().position(|byte| *byte == 0);
    let end = end.ok_or("a string has no end")?;
    Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file with these entries, as ldconfig writes it.
    fn cache(entries: &[(&str, &str)], little: bool, flags: u8, old: bool) -> Vec<u8> {
        let number = |value: usize| {
            let value = u32::try_from(value).expect("small");
            match little {
                true => value.to_le_bytes(),
                false => value.to_be_bytes(),
            }
        };
        let mut strings = Vec::new();
        let mut table = Vec::new();
        let base = HEADER + entries.len() * ENTRY;
        for (name, path) in entries {
            table.extend(number(0x303));
            for text in [name, path] {
                table.extend(number(base + strings.len()));
                strings.extend(text.bytes());
                strings.push(0);
            }
            table.extend([0; 12]);
        }
        let mut out = NEW.to_vec();
        out.extend(number(entries.len()));
        out.extend(number(strings.len()));
        out.push(flags);
        out.resize(HEADER, 0);
        out.extend(table);
        out.extend(strings);
        if !old {
            return out;
        }
        let mut whole = OLD.to_vec();
        whole.extend(number(1));
        whole.extend([0; OLD_ENTRY]);
        whole.resize(whole.len().next_multiple_of(8), 0);
        whole.extend(out);
        whole
    }

    #[test]
    fn both_byte_orders_and_both_formats_are_read() {
        let entries = [
            ("libz.so.1", "/usr/lib/libz.so.1"),
            ("libc.so.6", "/lib/libc.so.6"),
        ];
        for (little, flags, old) in [
            (true, 2, false),
            (false, 3, false),
            (true, 0, false),
            (false, 0, false),
            (true, 2, true),
            (false, 3, true),
        ] {
            let read = parse(&cache(&entries, little, flags, old)).expect("reads");
            let read: Vec<(&str, &str)> = read
                .iter()
                .map(|one| (one.name.as_str(), one.path.as_str()))
                .collect();
            assert_eq!(read, entries, "{little} {flags} {old}");
        }
    }

    #[test]
    fn a_list_that_is_cut_off_is_an_error() {
        let whole = cache(&[("libz.so.1", "/usr/lib/libz.so.1")], true, 2, false);
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_change_is_read_or_refused(
            little: bool, old: bool,
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = cache(&[("a", "/a"), ("b", "/b")], little, 0, old);
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = parse(&bytes);
        }
    }
}
