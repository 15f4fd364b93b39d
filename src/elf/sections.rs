//! What is found through an ELF file's section headers.
//!
//! Source: System V ABI, "Sections".

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};

use super::attributes::{self, Attributes};
use super::gobuildinfo::{self, BuildInfo};
use super::parse::{File, slice};
use super::source::{Problem, malformed};

/// Section headers accepted.
const SECTIONS: usize = 1 << 20;
/// Longest table of section names.
const NAMES: usize = 16 << 20;

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// The section headers; none where the file has been rid of them.
    pub(super) fn sections(&mut self) -> Result<Vec<H::SectionHeader>, Problem> {
        const WHAT: &str = "the table of section headers";
        let (header, endian) = (self.header, self.endian);
        let offset: u64 = header.e_shoff(endian).into();
        if offset == 0 {
            return Ok(Vec::new());
        }
        let size = size_of::<H::SectionHeader>();
        if usize::from(header.e_shentsize(endian)) != size {
            return Err(malformed("its section headers have a wrong size"));
        }
        let mut count = u64::from(header.e_shnum(endian));
        if count == 0 {
            // More than 65279 of them: the number stands in the first one.
            let bytes = self.source.read(offset, size as u64, size, WHAT)?;
            count = match slice::<H::SectionHeader>(&bytes)?.first() {
                Some(first) => first.sh_size(endian).into(),
                None => 0,
            };
        }
        let bytes = count
            .checked_mul(size as u64)
            .ok_or_else(|| malformed("it has too many section headers"))?;
        let bytes = self.source.read(offset, bytes, SECTIONS * size, WHAT)?;
        slice::<H::SectionHeader>(&bytes)
    }

    /// `.ARM.attributes`, found by its type.
    pub(super) fn attributes(
        &mut self,
        sections: &[H::SectionHeader],
    ) -> Result<Option<Attributes>, Problem> {
        const WHAT: &str = "the section `.ARM.attributes`";
        let endian = self.endian;
        if self.header.e_machine(endian) != raw::EM_ARM {
            return Ok(None);
        }
        let Some(section) = sections
            .iter()
            .find(|section| section.sh_type(endian) == raw::SHT_ARM_ATTRIBUTES)
        else {
            return Ok(None);
        };
        let bytes = self.source.read(
            section.sh_offset(endian).into(),
            section.sh_size(endian).into(),
            attributes::LIMIT,
            WHAT,
        )?;
        attributes::parse(&bytes, self.header.is_little_endian())
            .map(Some)
            .map_err(|problem| malformed(format!("{WHAT} is wrong: {problem}")))
    }

    /// Go's linker gives the information a section of its own; in a file without section headers
    /// it lies near the beginning of the first writable segment.
    pub(super) fn build_info(
        &mut self,
        sections: &[H::SectionHeader],
    ) -> Result<Option<BuildInfo>, Problem> {
        const ALIGN: u64 = 16;
        let endian = self.endian;
        let (address, offset, size) = if sections.is_empty() {
            let writable = self
                .of_type(raw::PT_LOAD)
                .find(|segment| segment.p_flags(endian).contains(raw::PF_W));
            match writable {
                None => return Ok(None),
                Some(segment) => {
                    let (offset, size) = segment.file_range(endian);
                    (segment.p_vaddr(endian).into(), offset, size)
                }
            }
        } else {
            match self.section(sections, b".go.buildinfo")? {
                None => return Ok(None),
                Some(section) => (
                    section.sh_addr(endian).into(),
                    section.sh_offset(endian).into(),
                    section.sh_size(endian).into(),
                ),
            }
        };
        self.source.within(offset, size, "Go's data")?;
        let padding = (ALIGN - address % ALIGN) % ALIGN;
        gobuildinfo::find(self.source, offset + padding, offset + size)
    }

    /// The section with this name that has bytes in the file.
    pub(super) fn section(
        &mut self,
        sections: &[H::SectionHeader],
        name: &[u8],
    ) -> Result<Option<H::SectionHeader>, Problem> {
        let endian = self.endian;
        let index = match self.header.e_shstrndx(endian) {
            raw::SHN_XINDEX => sections.first().map_or(0, |first| first.sh_link(endian)),
            index => u32::from(index.0),
        };
        if index == 0 {
            return Ok(None);
        }
        let names = sections
            .get(index as usize)
            .ok_or_else(|| malformed("its section names lie in no section"))?;
        let names = self.source.read(
            names.sh_offset(endian).into(),
            names.sh_size(endian).into(),
            NAMES,
            "the table of section names",
        )?;
        let named = |section: &&H::SectionHeader| {
            names
                .get(section.sh_name(endian) as usize..)
                .and_then(|rest| rest.strip_prefix(name))
                .is_some_and(|rest| rest.first() == Some(&0))
        };
        Ok(sections
            .iter()
            .filter(|section| section.sh_type(endian) != raw::SHT_NOBITS)
            .find(named)
            .copied())
    }
}
