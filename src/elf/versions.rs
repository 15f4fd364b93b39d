//! The versions of symbols that a file defines, such as `GLIBC_2.36`, and those that it needs.
//!
//! Sources: Linux Standard Base Core, "Symbol Versioning" (`DT_VERDEF`, `Elfxx_Verdef`,
//! `Elfxx_Verdaux`, `DT_VERNEED`, `Elfxx_Verneed`, `Elfxx_Vernaux`).

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::ReadRef;
use object::read::elf::FileHeader;

use super::dynamic::{NeededVersion, Strings, VersionsNeeded};
use super::parse::{File, PATH};
use super::source::{Problem, malformed};
use super::tags::Tags;

/// Definitions, and libraries with needs, accepted; the C library, which has most, has some fifty.
const TABLE: u64 = 4096;
/// Needed versions accepted, of all libraries together.
const NEEDED: usize = 16 * 1024;
/// Longest name of a version.
const NAME: usize = 256;
/// Bytes read in one go.
const WINDOW: usize = 4096;
const DEFINED: &str = "a version that it defines";
const NEEDS: &str = "a version that it needs";

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// `DT_VERDEF`, without the definition that is named after the file itself.
    pub(super) fn versions_defined(
        &mut self,
        tags: &Tags,
        strings: &Strings,
    ) -> Result<Vec<String>, Problem> {
        let (endian, mut versions) = (self.endian, Vec::new());
        let Some(table) = tags.definitions else {
            return Ok(versions);
        };
        let mut at = self.file_offset(table)?;
        let mut window = Window::new(DEFINED);
        for _ in 0..limited(tags.definitions_count, DEFINED)? {
            let definition: raw::Verdef<Endianness> = window.entry(self, at)?;
            if definition.vd_flags.get(endian).0 & raw::VER_FLG_BASE.0 == 0 {
                let name = window.behind(at, definition.vd_aux.get(endian))?;
                let name: raw::Verdaux<Endianness> = window.entry(self, name)?;
                versions.push(strings.text(name.vda_name.get(endian).into(), NAME, DEFINED)?);
            }
            match definition.vd_next.get(endian) {
                0 => break,
                next => at = window.behind(at, next)?,
            }
        }
        Ok(versions)
    }

    /// `DT_VERNEED`.
    pub(super) fn versions_needed(
        &mut self,
        tags: &Tags,
        strings: &Strings,
    ) -> Result<Vec<VersionsNeeded>, Problem> {
        let (endian, mut needed, mut count) = (self.endian, Vec::new(), 0);
        let Some(table) = tags.needs else {
            return Ok(needed);
        };
        let mut at = self.file_offset(table)?;
        let mut window = Window::new(NEEDS);
        for _ in 0..limited(tags.needs_count, NEEDS)? {
            let need: raw::Verneed<Endianness> = window.entry(self, at)?;
            let mut version = window.behind(at, need.vn_aux.get(endian))?;
            let mut versions = Vec::new();
            for _ in 0..need.vn_cnt.get(endian) {
                count += 1;
                if count > NEEDED {
                    return Err(malformed(format!(
                        "it needs more than {NEEDED} versions of symbols"
                    )));
                }
                let entry: raw::Vernaux<Endianness> = window.entry(self, version)?;
                versions.push(NeededVersion {
                    name: strings.text(entry.vna_name.get(endian).into(), NAME, NEEDS)?,
                    weak: entry.vna_flags.get(endian).0 & raw::VER_FLG_WEAK.0 != 0,
                });
                match entry.vna_next.get(endian) {
                    0 => break,
                    next => version = window.behind(version, next)?,
                }
            }
            needed.push(VersionsNeeded {
                file: strings.text(need.vn_file.get(endian).into(), PATH, NEEDS)?,
                versions,
            });
            match need.vn_next.get(endian) {
                0 => break,
                next => at = window.behind(at, next)?,
            }
        }
        Ok(needed)
    }
}

fn limited(count: u64, what: &str) -> Result<u64, Problem> {
    if count > TABLE {
        return Err(malformed(format!(
            "{what} is one of {count}, expected at most {TABLE}"
        )));
    }
    Ok(count)
}

/// A piece of the file around the last entry: entries lie one behind the other, but how far their
/// table goes is not said anywhere.
struct Window {
    what: &'static str,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            start: 0,
            bytes: Vec::new(),
        }
    }

    fn behind(&self, at: u64, step: u32) -> Result<u64, Problem> {
        at.checked_add(step.into())
            .ok_or_else(|| malformed(format!("{} lies beyond its end", self.what)))
    }

    fn entry<T: object::pod::Pod, R: Read + Seek, H: FileHeader<Endian = Endianness>>(
        &mut self,
        file: &mut File<'_, R, H>,
        at: u64,
    ) -> Result<T, Problem> {
        if self.get::<T>(at).is_none() {
            file.source.within(at, size_of::<T>() as u64, self.what)?;
            self.bytes = file.source.up_to(at, WINDOW)?;
            self.start = at;
        }
        self.get::<T>(at)
            .copied()
            .ok_or_else(|| malformed(format!("{} is cut off", self.what)))
    }

    fn get<T: object::pod::Pod>(&self, at: u64) -> Option<&T> {
        let offset = at.checked_sub(self.start)?;
        self.bytes.as_slice().read_at::<T>(offset).ok()
    }
}
