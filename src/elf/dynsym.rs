//! The dynamic symbol table: what a file defines for others, and what others have to define.
//!
//! Nothing in the dynamic table says how many symbols there are. The hash tables know it, in a way
//! of their own each; only a file with neither has to be asked for its section headers.
//!
//! Sources: System V ABI, "Symbol Table" and "Hash Table"; S/390 ELF ABI supplement and Alpha's, for
//! hash tables of 64-bit words; MIPS System V ABI supplement; for `DT_GNU_HASH`, its announcement on the
//! binutils list ("`DT_GNU_HASH`: ~ 50% dynamic linking improvement", June 2006).

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, SectionHeader, Sym};

use super::dynamic::Strings;
use super::names::{Exports, Names, hash};
use super::parse::{File, slice, view};
use super::source::{Problem, malformed};
use super::tags::Tags;
use crate::interrupt;

/// Symbols accepted; the largest libraries have some hundred thousand.
const SYMBOLS: u64 = 4_000_000;
/// Symbols read in one go.
const CHUNK: u64 = 16 * 1024;
/// Words read in one go from the end of a hash table.
const CHAIN: u64 = 1024;
const WHAT: &str = "the dynamic symbol table";
const HASH: &str = "the hash table of its symbols";

/// What the table says.
#[derive(Default)]
pub(super) struct Symbols {
    pub(super) imports: Names,
    pub(super) versioned_imports: bool,
    pub(super) exports: Exports,
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// Reads the whole table.
    pub(super) fn dynamic_symbols(
        &mut self,
        tags: &Tags,
        strings: &Strings,
        sections: &[H::SectionHeader],
    ) -> Result<Symbols, Problem> {
        let Some(table) = tags.symbols else {
            return Ok(Symbols::default());
        };
        let count = self.count(tags, table, sections)?;
        if count == 0 {
            return Ok(Symbols::default());
        }
        if count > SYMBOLS {
            return Err(malformed(format!(
                "it has {count} dynamic symbols, expected at most {SYMBOLS}"
            )));
        }
        let size = size_of::<H::Sym>() as u64;
        if tags.symbol_size.is_some_and(|given| given != size) {
            return Err(malformed("its dynamic symbols have a wrong size"));
        }
        let start = self.file_offset(table)?;
        self.source.within(start, count * size, WHAT)?;
        let versions = tags.symbol_versions.map(|at| self.file_offset(at));
        let versions = versions.transpose()?;
        let mut found = Found::new(strings, self.endian);
        for first in (0..count).step_by(CHUNK.try_into().unwrap_or(usize::MAX)) {
            interrupt::check()?;
            let here = CHUNK.min(count - first);
            let mut read = |start: u64, size: u64, what| {
                let limit = usize::try_from(CHUNK * size).unwrap_or(usize::MAX);
                let at = start.saturating_add(first * size);
                self.source.read(at, here * size, limit, what)
            };
            let symbols = read(start, size, WHAT)?;
            let versions = match versions {
                Some(at) => read(at, 2, "the table of its symbols' versions")?,
                None => Vec::new(),
            };
            let versions = view::<object::U16<Endianness>>(&versions)?;
            for (index, symbol) in view::<H::Sym>(&symbols)?.iter().enumerate() {
                let version = versions.get(index).map_or(1, |at| at.get(self.endian));
                found.add(symbol, version)?;
            }
        }
        Ok(Symbols {
            imports: found.imports,
            versioned_imports: found.versioned_imports,
            exports: found.exports.into_iter().collect(),
        })
    }

    /// How many symbols there are.
    fn count(
        &mut self,
        tags: &Tags,
        table: u64,
        sections: &[H::SectionHeader],
    ) -> Result<u64, Problem> {
        if let Some(hash) = tags.hash {
            return self.hash_count(hash);
        }
        if let Some(count) = tags.mips_symbols {
            return Ok(count);
        }
        if let Some(hash) = tags.gnu_hash
            && let Some(count) = self.gnu_hash_count(hash)?
        {
            return Ok(count);
        }
        let (endian, size) = (self.endian, size_of::<H::Sym>() as u64);
        let section = sections
            .iter()
            .find(|section| section.sh_type(endian) == raw::SHT_DYNSYM);
        if let Some(section) = section {
            return Ok(section.sh_size(endian).into() / size);
        }
        // Linkers leave no gap behind the symbols, and glibc's own `dladdr` relies on it.
        let behind = tags.tables.iter().filter(|at| **at > table).min();
        Ok(behind.map_or(0, |behind| (behind - table) / size))
    }

    /// The second word of `DT_HASH`.
    fn hash_count(&mut self, address: u64) -> Result<u64, Problem> {
        let at = self.file_offset(address)?;
        let machine = self.header.e_machine(self.endian);
        let wide = self.header.is_type_64() && matches!(machine, raw::EM_S390 | raw::EM_ALPHA);
        if wide {
            let bytes = self.source.read(at, 16, 16, HASH)?;
            let words = slice::<object::U64<Endianness>>(&bytes)?;
            return Ok(words.get(1).map_or(0, |count| count.get(self.endian)));
        }
        let words = self.words(at, 2)?;
        Ok(words.get(1).map_or(0, |count| u64::from(*count)))
    }

    /// One more than the last symbol of `DT_GNU_HASH`; `None` where no symbol is in it: where those
    /// that are not begin is not told by all linkers then.
    fn gnu_hash_count(&mut self, address: u64) -> Result<Option<u64>, Problem> {
        let at = self.file_offset(address)?;
        let head = self.words(at, 4)?;
        let [buckets, first, bloom, _] = head[..] else {
            return Ok(None);
        };
        let word = if self.header.is_type_64() { 8 } else { 4 };
        let start = at.saturating_add(16 + u64::from(bloom) * word);
        let (buckets, first) = (u64::from(buckets), u64::from(first));
        if buckets > SYMBOLS {
            return Err(malformed(format!("{HASH} has {buckets} buckets")));
        }
        let last = self.words(start, buckets)?.into_iter().max();
        let Some(mut last) = last.map(u64::from).filter(|last| *last >= first.max(1)) else {
            return Ok(None);
        };
        // The chain of the last bucket ends with the last symbol, whose lowest bit is set.
        let chains = start.saturating_add(buckets * 4);
        while last < SYMBOLS {
            let at = chains.saturating_add((last - first) * 4);
            let bytes = self
                .source
                .up_to(at, usize::try_from(CHAIN * 4).unwrap_or(0))?;
            let whole = bytes.len() - bytes.len() % 4;
            let words = view::<object::U32<Endianness>>(&bytes[..whole])?;
            let is_end = |word: &object::U32<Endianness>| word.get(self.endian) & 1 == 1;
            match words.iter().position(is_end) {
                Some(end) => return Ok(Some(last + end as u64 + 1)),
                None if words.is_empty() => break,
                None => last += words.len() as u64,
            }
        }
        Err(malformed(format!("{HASH} has no end")))
    }

    fn words(&mut self, at: u64, count: u64) -> Result<Vec<u32>, Problem> {
        let limit = usize::try_from(SYMBOLS * 4).unwrap_or(usize::MAX);
        let bytes = self.source.read(at, count * 4, limit, HASH)?;
        let words = view::<object::U32<Endianness>>(&bytes)?;
        Ok(words.iter().map(|word| word.get(self.endian)).collect())
    }
}

/// What has been found so far.
struct Found<'a> {
    strings: &'a Strings,
    endian: Endianness,
    /// How many bytes of names may still come. Names share their ends, so they may be longer than
    /// the strings; by how much a stranger decides.
    budget: usize,
    imports: Names,
    versioned_imports: bool,
    exports: Vec<u64>,
}

impl<'a> Found<'a> {
    fn new(strings: &'a Strings, endian: Endianness) -> Self {
        Self {
            strings,
            endian,
            budget: 4 * strings.size() + 64 * 1024,
            imports: Names::default(),
            versioned_imports: false,
            exports: Vec::new(),
        }
    }

    fn add<S: Sym<Endian = Endianness>>(
        &mut self,
        symbol: &S,
        version: u16,
    ) -> Result<(), Problem> {
        let bind = symbol.st_bind();
        let is_visible = matches!(
            symbol.st_visibility(),
            raw::STV_DEFAULT | raw::STV_PROTECTED
        );
        let is_shared = matches!(bind, raw::STB_GLOBAL | raw::STB_WEAK | raw::STB_GNU_UNIQUE);
        if !is_visible || !is_shared {
            return Ok(());
        }
        let is_undefined = symbol.is_undefined(self.endian);
        if is_undefined && bind == raw::STB_WEAK {
            return Ok(());
        }
        // 0 and 1 stand for no version, the highest bit for one that is not the default.
        if is_undefined && version & raw::VERSYM_VERSION > 1 {
            self.versioned_imports = true;
            return Ok(());
        }
        let name = symbol.st_name(self.endian);
        let name = self.strings.bytes(name.into(), "the name of a symbol")?;
        if name.is_empty() {
            return Ok(());
        }
        self.budget = self
            .budget
            .checked_sub(name.len())
            .ok_or_else(|| malformed("the names of its symbols are longer than its strings"))?;
        let name = String::from_utf8_lossy(name);
        if is_undefined {
            self.imports.push(&name);
        } else {
            self.exports.push(hash(&name));
        }
        Ok(())
    }
}
