//! What an ELF file asks of the dynamic linker, and what it offers to others.
//!
//! Found through the dynamic table, as the linker finds it, so that a file without section headers
//! gives the same. Sources: System V ABI, "Dynamic Section", "Hash Table" and "Symbol Table", with the
//! MIPS and s390x supplements; Linux Standard Base Core, "Symbol Versioning"; for `DT_GNU_HASH` the
//! description of its layout on binutils' list (2006).

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{Dyn, FileHeader, SectionHeader, Sym};
use serde::{Deserialize, Serialize};

use super::parse::{File, slice};
use super::source::{Problem, malformed};

mod symbols;
mod versions;

pub use symbols::{Exports, Names};

/// The longest table of strings; that of the largest libraries has some 30 MB.
const STRINGS: usize = 256 << 20;
/// The longest name of a directory list.
const PATH: usize = 64 << 10;

/// What a file asks of the dynamic linker, and what it offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dynamic {
    /// Where libraries are looked for first (`DT_RPATH`); it holds for what those need, too.
    pub rpath: Option<String>,
    /// Where its own libraries are looked for (`DT_RUNPATH`).
    pub runpath: Option<String>,
    /// Whether all symbols are looked up at the start (`DT_BIND_NOW`, `DF_BIND_NOW`, `DF_1_NOW`).
    pub bind_now: bool,
    /// Whether the linker's own directories are left out (`DF_1_NODEFLIB`).
    pub no_default_dirs: bool,
    /// Whether its code is changed when it is loaded (`DT_TEXTREL`, `DF_TEXTREL`).
    pub text_relocations: bool,
    /// The versions that it asks other objects for (`DT_VERNEED`).
    pub versions_needed: Vec<VersionsNeeded>,
    /// The versions that it defines (`DT_VERDEF`), without the one that is named after it.
    pub versions_defined: Vec<String>,
    /// Whether it defines versions at all.
    pub has_versions: bool,
    /// The symbols that others must define, of no special version; weak ones need not be there.
    pub imports: Names,
    /// Whether it asks for symbols of special versions as well.
    pub versioned_imports: bool,
    /// The symbols that it defines for others.
    pub exports: Exports,
}

/// The versions that are asked for of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionsNeeded {
    /// The object's name, one of `DT_NEEDED`.
    pub file: String,
    /// The versions.
    pub versions: Vec<NeededVersion>,
}

/// A version that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededVersion {
    /// Its name, such as `GLIBC_2.34`.
    pub name: String,
    /// Whether the object may do without.
    pub weak: bool,
}

/// The entries of the dynamic table that are read here.
#[derive(Default)]
struct Tags {
    strings: Option<u64>,
    strings_size: u64,
    symbols: Option<u64>,
    hash: Option<u64>,
    gnu_hash: Option<u64>,
    symbol_count: Option<u64>,
    versions: Option<u64>,
    needed: Option<u64>,
    needed_count: u64,
    defined: Option<u64>,
    defined_count: u64,
    rpath: Option<u64>,
    runpath: Option<u64>,
    flags: u64,
    flags_1: u64,
    bind_now: bool,
    text_relocations: bool,
}

/// The dynamic strings, read whole: every symbol's name is in them.
struct Strings(Vec<u8>);

impl Strings {
    /// The string at an offset.
    fn at(&self, offset: u64) -> Option<&[u8]> {
        let rest = self.0.get(usize::try_from(offset).ok()?..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        Some(&rest[..end])
    }

    /// The string at an offset as text; `what` names it in the error.
    fn text(&self, offset: u64, limit: usize, what: &str) -> Result<String, Problem> {
        let bytes = self.at(offset).filter(|bytes| bytes.len() <= limit);
        bytes
            .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok())
            .ok_or_else(|| malformed(format!("{what} has no end or is not UTF-8")))
    }
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// What the dynamic table says; `None` where there is none.
    pub(super) fn dynamic_facts(&mut self) -> Result<Option<Dynamic>, Problem> {
        let entries = self.dynamic_entries()?;
        if entries.is_empty() {
            return Ok(None);
        }
        let tags = self.tags(&entries);
        let mut dynamic = Dynamic {
            bind_now: tags.bind_now
                || tags.flags & raw::DF_BIND_NOW.0 != 0
                || tags.flags_1 & raw::DF_1_NOW.0 != 0,
            no_default_dirs: tags.flags_1 & raw::DF_1_NODEFLIB.0 != 0,
            text_relocations: tags.text_relocations || tags.flags & raw::DF_TEXTREL.0 != 0,
            has_versions: tags.defined.is_some(),
            ..Dynamic::default()
        };
        let Some(strings) = tags.strings.filter(|_| tags.strings_size > 0) else {
            return Ok(Some(dynamic));
        };
        let strings = self.file_offset(strings)?;
        let strings =
            self.source
                .read(strings, tags.strings_size, STRINGS, "the dynamic strings")?;
        let strings = Strings(strings);
        let path = |at: Option<u64>| {
            at.map(|at| strings.text(at, PATH, "its search path"))
                .transpose()
        };
        dynamic.rpath = path(tags.rpath)?;
        dynamic.runpath = path(tags.runpath)?;
        dynamic.versions_defined = self.versions_defined(&tags, &strings)?;
        dynamic.versions_needed = self.versions_needed(&tags, &strings)?;
        self.symbols(&tags, &strings, &mut dynamic)?;
        Ok(Some(dynamic))
    }

    fn tags(&self, entries: &[H::Dyn]) -> Tags {
        let mut tags = Tags::default();
        for entry in entries {
            let value: u64 = entry.d_val(self.endian).into();
            match entry.d_tag(self.endian) {
                raw::DT_STRTAB => tags.strings = Some(value),
                raw::DT_STRSZ => tags.strings_size = value,
                raw::DT_SYMTAB => tags.symbols = Some(value),
                raw::DT_HASH => tags.hash = Some(value),
                raw::DT_GNU_HASH => tags.gnu_hash = Some(value),
                raw::DT_MIPS_SYMTABNO if self.header.e_machine(self.endian) == raw::EM_MIPS => {
                    tags.symbol_count = Some(value);
                }
                raw::DT_VERSYM => tags.versions = Some(value),
                raw::DT_VERNEED => tags.needed = Some(value),
                raw::DT_VERNEEDNUM => tags.needed_count = value,
                raw::DT_VERDEF => tags.defined = Some(value),
                raw::DT_VERDEFNUM => tags.defined_count = value,
                raw::DT_RPATH => tags.rpath = Some(value),
                raw::DT_RUNPATH => tags.runpath = Some(value),
                raw::DT_FLAGS => tags.flags = value,
                raw::DT_FLAGS_1 => tags.flags_1 = value,
                raw::DT_BIND_NOW => tags.bind_now = true,
                raw::DT_TEXTREL => tags.text_relocations = true,
                _ => {}
            }
        }
        tags
    }

    /// The number of symbols by the section headers, where nothing else says it.
    fn dynsym_count(&mut self) -> Result<u64, Problem> {
        let endian = self.endian;
        let sections = self.sections()?;
        let table = sections
            .iter()
            .find(|section| section.sh_type(endian) == raw::SHT_DYNSYM);
        let size: u64 = table.map_or(0, |section| section.sh_size(endian).into());
        Ok(size / size_of::<H::Sym>() as u64)
    }

    /// A structure at a place in the file.
    fn entry<T: object::pod::Pod>(&mut self, at: u64, what: &str) -> Result<T, Problem> {
        let size = size_of::<T>();
        let bytes = self.source.read(at, size as u64, size, what)?;
        let entries = slice::<T>(&bytes)?;
        entries
            .first()
            .copied()
            .ok_or_else(|| malformed(format!("{what} is cut off")))
    }
}

/// The visibility with which others see a symbol.
fn is_visible<S: Sym>(symbol: &S) -> bool {
    matches!(
        symbol.st_visibility(),
        raw::STV_DEFAULT | raw::STV_PROTECTED
    )
}
