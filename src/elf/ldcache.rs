//! `/etc/ld.so.cache`: the libraries that `ldconfig` found, by name.
//!
//! Comes in: the file. Goes out: its entries. glibc's dynamic linker believes it before it looks
//! into its own directories, so a stale one sends programs to files that are gone.
//!
//! Two formats lie in such files. The old one (`ld.so-1.7.0`) is read by nothing that is still in
//! use; until glibc 2.32 it was written in front of the new one, and only the new one is read here.
//! All numbers have the byte order of the machine, which files tell since glibc 2.33.
//!
//! Source: glibc's manual, "ldconfig", and the layout that its `dl-cache.h` documents.

use serde::{Deserialize, Serialize};

const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const OLD_HEADER: usize = 16;
const OLD_ENTRY: usize = 12;
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// Entries accepted; a desktop has some five thousand.
const ENTRIES: usize = 1 << 18;
/// Bytes accepted for all names and paths together.
const STRINGS: usize = 32 << 20;

/// One library of the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is asked for by.
    pub name: String,
    /// Where it lies.
    pub path: String,
    /// Its C library and calling convention (`FLAG_ELF_LIBC6` is 3, the upper byte is the machine's).
    pub flags: i32,
    /// The processor it needs, or the place of that in an extension.
    pub hwcap: u64,
}

/// Reads a cache. The error says what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let cache = new_format(bytes)?;
    let header = cache.get(..HEADER).ok_or("its header is cut off")?;
    let order = match header[28] & 3 {
        0 => plausible(cache)?,
        2 => Order::Little,
        3 => Order::Big,
        _ => return Err("it is marked as not valid".to_owned()),
    };
    let count = fitting(cache, order).ok_or_else(|| {
        let count = order.word(cache, 20);
        format!("it is too short for {count} entries and their names")
    })?;
    if count > ENTRIES {
        return Err(format!(
            "it has {count} entries, expected at most {ENTRIES}"
        ));
    }
    let (mut entries, mut left) = (Vec::new(), STRINGS);
    for at in (HEADER..).step_by(ENTRY).take(count) {
        // Places of strings are counted from the beginning of this format.
        let mut string = |place: usize| {
            let string = string(cache, order.word(cache, at + place))?;
            left = left
                .checked_sub(string.len())
                .ok_or("its names are longer than any")?;
            Ok::<_, String>(string)
        };
        entries.push(Entry {
            name: string(4)?,
            path: string(8)?,
            flags: order.word(cache, at).cast_signed(),
            hwcap: order.long(cache, at + 16),
        });
    }
    Ok(entries)
}

/// What is left from the beginning of the new format on.
fn new_format(bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.starts_with(MAGIC) {
        return Ok(bytes);
    }
    if !bytes.starts_with(OLD_MAGIC) {
        return Err("it does not begin as a cache of libraries".to_owned());
    }
    // Its structures begin at a multiple of 8 bytes, on some 32-bit machines of 4.
    [Order::Little, Order::Big]
        .into_iter()
        .filter(|_| bytes.len() >= OLD_HEADER)
        .filter_map(|order| {
            let count = usize::try_from(order.word(bytes, 12)).ok()?;
            count.checked_mul(OLD_ENTRY)?.checked_add(OLD_HEADER)
        })
        .flat_map(|end| {
            [
                end.checked_next_multiple_of(4),
                end.checked_next_multiple_of(8),
            ]
        })
        .flatten()
        .filter_map(|start| bytes.get(start..))
        .find(|rest| rest.starts_with(MAGIC))
        .ok_or_else(|| "it has only the format of before glibc 2.2".to_owned())
}

/// The order in which the numbers of the header make sense.
fn plausible(cache: &[u8]) -> Result<Order, String> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| fitting(cache, *order).is_some())
        .ok_or_else(|| "it is too short for its entries in either byte order".to_owned())
}

/// How many entries there are; `None` where they and their strings don't fit into the file.
fn fitting(cache: &[u8], order: Order) -> Option<usize> {
    let count = usize::try_from(order.word(cache, 20)).ok()?;
    let strings = usize::try_from(order.word(cache, 24)).ok()?;
    let entries = count.checked_mul(ENTRY)?.checked_add(HEADER)?;
    (entries.checked_add(strings)? <= cache.len()).then_some(count)
}

fn string(cache: &[u8], at: u32) -> Result<String, String> {
    let rest = usize::try_from(at).ok().and_then(|at| cache.get(at..));
    let rest = rest.ok_or_else(|| format!("a name is at byte {at}, it has {}", cache.len()))?;
    let end = rest.iter().position(|byte| *byte == 0);
    let end = end.ok_or("a name has no end")?;
    let string = std::str::from_utf8(&rest[..end]);
    string
        .map(str::to_owned)
        .map_err(|_| "a name is not UTF-8".to_owned())
}

/// Byte order. Both functions give 0 beyond the end; callers have checked it.
#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    fn word(self, bytes: &[u8], at: usize) -> u32 {
        match (self, array(bytes, at)) {
            (Self::Little, word) => u32::from_le_bytes(word),
            (Self::Big, word) => u32::from_be_bytes(word),
        }
    }

    fn long(self, bytes: &[u8], at: usize) -> u64 {
        match (self, array(bytes, at)) {
            (Self::Little, long) => u64::from_le_bytes(long),
            (Self::Big, long) => u64::from_be_bytes(long),
        }
    }
}

fn array<const SIZE: usize>(bytes: &[u8], at: usize) -> [u8; SIZE] {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk);
    found.copied().unwrap_or([0; SIZE])
}

#[cfg(test)]
mod tests;
