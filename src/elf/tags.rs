//! The dynamic table of an ELF file, as numbers.
//!
//! Found through the program headers, as the dynamic linker finds it. What its addresses point to
//! is not looked at here.
//!
//! Sources: System V ABI, "Dynamic Section"; Linux Standard Base Core, "Symbol Versioning";
//! MIPS System V ABI supplement, "Dynamic Section", for `DT_MIPS_SYMTABNO`.

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use super::parse::{File, slice};
use super::source::Problem;

/// Longest dynamic table, in bytes.
const DYNAMIC: usize = 1 << 20;

/// The entries that are of interest. Of one that stands there twice the last counts, as it does
/// for the dynamic linker.
#[derive(Debug, Default)]
pub(super) struct Tags {
    pub(super) needed: Vec<u64>,
    pub(super) soname: Option<u64>,
    pub(super) rpath: Option<u64>,
    pub(super) runpath: Option<u64>,
    pub(super) strings: Option<u64>,
    pub(super) strings_size: Option<u64>,
    pub(super) symbols: Option<u64>,
    pub(super) symbol_size: Option<u64>,
    pub(super) hash: Option<u64>,
    pub(super) gnu_hash: Option<u64>,
    pub(super) mips_symbols: Option<u64>,
    /// `DT_VERSYM`.
    pub(super) symbol_versions: Option<u64>,
    /// `DT_VERDEF`.
    pub(super) definitions: Option<u64>,
    pub(super) definitions_count: u64,
    /// `DT_VERNEED`.
    pub(super) needs: Option<u64>,
    pub(super) needs_count: u64,
    pub(super) bind_now: bool,
    pub(super) text_relocations: bool,
    pub(super) flags: u64,
    pub(super) flags_1: u64,
    /// Addresses of all tables that the linker may have put behind the symbols.
    pub(super) tables: Vec<u64>,
}

impl Tags {
    /// Marked as a program by the linker.
    pub(super) fn is_program(&self) -> bool {
        self.flags_1 & raw::DF_1_PIE.0 != 0
    }

    fn set(&mut self, tag: raw::DynamicTag, value: u64) {
        // No table begins with the file's first byte: tools that take a table away leave zero.
        let address = (value != 0).then_some(value);
        match tag {
            raw::DT_NEEDED => self.needed.push(value),
            raw::DT_SONAME => self.soname = Some(value),
            raw::DT_RPATH => self.rpath = Some(value),
            raw::DT_RUNPATH => self.runpath = Some(value),
            raw::DT_STRTAB => self.strings = Some(value),
            raw::DT_STRSZ => self.strings_size = Some(value),
            raw::DT_SYMTAB => self.symbols = address,
            raw::DT_SYMENT => self.symbol_size = Some(value),
            raw::DT_HASH => self.hash = address,
            raw::DT_GNU_HASH => self.gnu_hash = address,
            raw::DT_MIPS_SYMTABNO => self.mips_symbols = Some(value),
            raw::DT_VERSYM => self.symbol_versions = address,
            raw::DT_VERDEF => self.definitions = address,
            raw::DT_VERDEFNUM => self.definitions_count = value,
            raw::DT_VERNEED => self.needs = address,
            raw::DT_VERNEEDNUM => self.needs_count = value,
            raw::DT_BIND_NOW => self.bind_now = true,
            raw::DT_TEXTREL => self.text_relocations = true,
            raw::DT_FLAGS => self.flags = value,
            raw::DT_FLAGS_1 => self.flags_1 = value,
            _ => {}
        }
        if matches!(
            tag,
            raw::DT_STRTAB
                | raw::DT_HASH
                | raw::DT_GNU_HASH
                | raw::DT_VERSYM
                | raw::DT_VERDEF
                | raw::DT_VERNEED
                | raw::DT_REL
                | raw::DT_RELA
                | raw::DT_JMPREL
        ) {
            self.tables.push(value);
        }
    }
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// The dynamic table up to its end mark; `None` where the file has none, as files of debugging
    /// information, which keep the header of its segment.
    pub(super) fn tags(&mut self) -> Result<Option<Tags>, Problem> {
        let endian = self.endian;
        let range = self
            .of_type(raw::PT_DYNAMIC)
            .next()
            .map(|segment| segment.file_range(endian));
        let Some((offset, size)) = range.filter(|(_, size)| *size > 0) else {
            return Ok(None);
        };
        let bytes = self
            .source
            .read(offset, size, DYNAMIC, "the dynamic table")?;
        let whole = bytes.len() - bytes.len() % size_of::<H::Dyn>();
        let mut tags = Tags::default();
        for entry in slice::<H::Dyn>(&bytes[..whole])? {
            match entry.d_tag(endian) {
                raw::DT_NULL => break,
                tag => tags.set(tag, entry.d_val(endian).into()),
            }
        }
        // DT_MIPS_SYMTABNO lies in the range that every processor gives its own meaning.
        if self.header.e_machine(endian) != raw::EM_MIPS {
            tags.mips_symbols = None;
        }
        Ok(Some(tags))
    }
}
