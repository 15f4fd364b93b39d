//! The versions of symbols that a file asks for and defines, such as `GLIBC_2.36`.
//!
//! Source: Linux Standard Base Core, "Symbol Versioning" (`Elfxx_Verdef`, `Elfxx_Verdaux`,
//! `Elfxx_Verneed`, `Elfxx_Vernaux`).

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::FileHeader;

use super::{NeededVersion, Strings, Tags, VersionsNeeded};
use crate::elf::parse::File;
use crate::elf::source::{Problem, malformed};

/// Definitions or needs accepted; the C library, which has most, has some fifty.
const ENTRIES: u64 = 4096;
/// The longest name of a version or an object.
const NAME: usize = 4096;
const DEFINED: &str = "a version that it defines";
const NEEDED: &str = "a version that it needs";

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// The versions that the file defines, in its order, without the one that is named after it.
    pub(super) fn versions_defined(
        &mut self,
        tags: &Tags,
        strings: &Strings,
    ) -> Result<Vec<String>, Problem> {
        let endian = self.endian;
        let Some(table) = tags.defined else {
            return Ok(Vec::new());
        };
        limit(tags.defined_count, "it defines")?;
        let mut at = self.file_offset(table)?;
        let mut versions = Vec::new();
        for _ in 0..tags.defined_count {
            let definition: raw::Verdef<Endianness> = self.entry(at, DEFINED)?;
            if definition.vd_flags.get(endian).0 & raw::VER_FLG_BASE.0 == 0 {
                let name = step(at, definition.vd_aux.get(endian), DEFINED)?;
                let name: raw::Verdaux<Endianness> = self.entry(name, DEFINED)?;
                versions.push(strings.text(name.vda_name.get(endian).into(), NAME, DEFINED)?);
            }
            match definition.vd_next.get(endian) {
                0 => break,
                next => at = step(at, next, DEFINED)?,
            }
        }
        Ok(versions)
    }

    /// The versions that the file asks for, object by object.
    pub(super) fn versions_needed(
        &mut self,
        tags: &Tags,
        strings: &Strings,
    ) -> Result<Vec<VersionsNeeded>, Problem> {
        let endian = self.endian;
        let Some(table) = tags.needed else {
            return Ok(Vec::new());
        };
        limit(tags.needed_count, "it needs")?;
        let mut at = self.file_offset(table)?;
        let mut all = Vec::new();
        for _ in 0..tags.needed_count {
            let need: raw::Verneed<Endianness> = self.entry(at, NEEDED)?;
            let mut needed = VersionsNeeded {
                file: strings.text(need.vn_file.get(endian).into(), NAME, NEEDED)?,
                versions: Vec::new(),
            };
            let mut one = step(at, need.vn_aux.get(endian), NEEDED)?;
            for _ in 0..u64::from(need.vn_cnt.get(endian)).min(ENTRIES) {
                let version: raw::Vernaux<Endianness> = self.entry(one, NEEDED)?;
                needed.versions.push(NeededVersion {
                    name: strings.text(version.vna_name.get(endian).into(), NAME, NEEDED)?,
                    weak: version.vna_flags.get(endian).0 & raw::VER_FLG_WEAK.0 != 0,
                });
                match version.vna_next.get(endian) {
                    0 => break,
                    next => one = step(one, next, NEEDED)?,
                }
            }
            all.push(needed);
            match need.vn_next.get(endian) {
                0 => break,
                next => at = step(at, next, NEEDED)?,
            }
        }
        Ok(all)
    }
}

fn limit(count: u64, what: &str) -> Result<(), Problem> {
    match count <= ENTRIES {
        true => Ok(()),
        false => Err(malformed(format!(
            "{what} {count} versions, expected at most {ENTRIES}"
        ))),
    }
}

fn step(at: u64, by: u32, what: &str) -> Result<u64, Problem> {
    at.checked_add(by.into())
        .ok_or_else(|| malformed(format!("{what} lies beyond its end")))
}
