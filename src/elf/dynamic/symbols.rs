//! The dynamic symbols of a file: what it needs of others, and what it has for them.

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, Sym};
use serde::{Deserialize, Serialize};

use super::{Dynamic, Strings, Tags, is_visible};
use crate::elf::parse::{File, slice};
use crate::elf::source::{Problem, malformed};

/// Symbols accepted; the largest libraries have some hundred thousand.
const SYMBOLS: u64 = 8 << 20;
/// Buckets of a hash table accepted.
const BUCKETS: u64 = 4 << 20;
/// Bytes of a chain that are read at a time.
const CHUNK: u64 = 4096;

/// Names, one behind the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names(String);

/// Names of which is only asked whether one is among them: sorted hashes of 64 bits (FNV-1a), which of
/// a million names give two the same about once in forty million libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports(Vec<u64>);

impl Names {
    /// The names, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.lines()
    }

    fn push(&mut self, name: &[u8]) {
        self.0.push_str(&String::from_utf8_lossy(name));
        self.0.push('\n');
    }
}

impl Exports {
    /// Whether a name is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.binary_search(&hash(name.as_bytes())).is_ok()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn hash(name: &[u8]) -> u64 {
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// Reads the symbols into `dynamic`.
    pub(super) fn symbols(
        &mut self,
        tags: &Tags,
        strings: &Strings,
        dynamic: &mut Dynamic,
    ) -> Result<(), Problem> {
        const WHAT: &str = "the dynamic symbols";
        let endian = self.endian;
        let Some(table) = tags.symbols else {
            return Ok(());
        };
        let count = self.symbol_count(tags)?;
        if count > SYMBOLS {
            return Err(malformed(format!("it has {count} dynamic symbols")));
        }
        if count == 0 {
            return Ok(());
        }
        let table = self.file_offset(table)?;
        let size = size_of::<H::Sym>() as u64;
        let limit = usize::try_from(SYMBOLS * size).unwrap_or(usize::MAX);
        let bytes = self.source.read(table, count * size, limit, WHAT)?;
        let symbols = slice::<H::Sym>(&bytes)?;
        let versions = match tags.versions {
            None => Vec::new(),
            Some(versions) => {
                let at = self.file_offset(versions)?;
                self.source
                    .read(at, count * 2, limit, "the versions of its symbols")?
            }
        };
        let version = |index: usize| {
            let bytes = versions.get(index * 2..index * 2 + 2)?;
            let bytes = [bytes[0], bytes[1]];
            Some(
                match self.header.is_little_endian() {
                    true => u16::from_le_bytes(bytes),
                    false => u16::from_be_bytes(bytes),
                } & 0x7fff,
            )
        };
        for (index, symbol) in symbols.iter().enumerate().skip(1) {
            let binding = symbol.st_bind();
            let undefined = symbol.st_shndx(endian) == raw::SHN_UNDEF;
            let wanted = match undefined {
                true => binding == raw::STB_GLOBAL,
                false => {
                    matches!(
                        binding,
                        raw::STB_GLOBAL | raw::STB_WEAK | raw::STB_GNU_UNIQUE
                    ) && is_visible(symbol)
                }
            };
            if !wanted || symbol.st_type() == raw::STT_SECTION {
                continue;
            }
            let name = strings
                .at(symbol.st_name(endian).into())
                .ok_or_else(|| malformed("the name of a symbol has no end"))?;
            if name.is_empty() {
                continue;
            }
            if !undefined {
                dynamic.exports.0.push(hash(name));
            } else if version(index).is_some_and(|version| version > 1) {
                dynamic.versioned_imports = true;
            } else {
                dynamic.imports.push(name);
            }
        }
        dynamic.exports.0.sort_unstable();
        dynamic.exports.0.dedup();
        Ok(())
    }

    /// How many symbols there are, the empty one among them.
    fn symbol_count(&mut self, tags: &Tags) -> Result<u64, Problem> {
        const WHAT: &str = "the hash table of its symbols";
        let endian = self.endian;
        if let Some(table) = tags.hash {
            let at = self.file_offset(table)?;
            // 64-bit s390x and Alpha have wider words here than everybody else.
            let wide = self.header.is_type_64()
                && matches!(self.header.e_machine(endian), raw::EM_S390 | raw::EM_ALPHA);
            return Ok(if wide {
                let words: [object::U64<Endianness>; 2] = self.entry(at, WHAT)?;
                words[1].get(endian)
            } else {
                let words: [object::U32<Endianness>; 2] = self.entry(at, WHAT)?;
                words[1].get(endian).into()
            });
        }
        if let Some(count) = tags.symbol_count {
            return Ok(count);
        }
        match tags.gnu_hash {
            Some(table) => self.gnu_hash_count(table, WHAT),
            None => self.dynsym_count(),
        }
    }

    /// The last chain ends with the last symbol: its word has the lowest bit set.
    fn gnu_hash_count(&mut self, table: u64, what: &str) -> Result<u64, Problem> {
        let endian = self.endian;
        let at = self.file_offset(table)?;
        let words: [object::U32<Endianness>; 4] = self.entry(at, what)?;
        let [buckets, first, bloom, _] = words.map(|word| u64::from(word.get(endian)));
        let word = if self.header.is_type_64() { 8 } else { 4 };
        if buckets > BUCKETS || bloom > BUCKETS {
            return Err(malformed(format!("{what} has {buckets} buckets")));
        }
        let start = at + 16 + bloom * word;
        let limit = usize::try_from(BUCKETS * 4).unwrap_or(usize::MAX);
        let bytes = self.source.read(start, buckets * 4, limit, what)?;
        let heads = slice::<object::U32<Endianness>>(&bytes)?;
        let last = heads.iter().map(|head| head.get(endian)).max().unwrap_or(0);
        let last = u64::from(last);
        if last < first {
            return Ok(first);
        }
        let chains = start + buckets * 4;
        let mut index = last;
        while index <= SYMBOLS {
            let at = chains + (index - first) * 4;
            let left = self.source.length().saturating_sub(at) & !3;
            if left == 0 {
                break;
            }
            let bytes = self.source.read(at, left.min(CHUNK), limit, what)?;
            for word in slice::<object::U32<Endianness>>(&bytes)? {
                index += 1;
                if word.get(endian) & 1 != 0 {
                    return Ok(index);
                }
            }
        }
        Err(malformed(format!("{what} has no end")))
    }
}
