//! The versions of symbols that a shared library defines, such as `GLIBC_2.36`.
//!
//! Found through the dynamic table, as the dynamic linker finds them. Sources: Linux Standard Base
//! Core, "Symbol Versioning" (`DT_VERDEF`, `Elfxx_Verdef`, `Elfxx_Verdaux`).

use std::io::{Read, Seek};
use std::path::Path;

use object::Endianness;
use object::elf as raw;
use object::read::elf::{Dyn, FileHeader};

use super::content::{Content, HEAD};
use super::facts::Error;
use super::parse::{File, slice};
use super::source::{Problem, Source, malformed};

/// Definitions accepted; the C library, which has most, has some fifty.
const DEFINITIONS: u64 = 4096;
/// Longest name of a version.
const NAME: usize = 256;
const WHAT: &str = "a version that it defines";

/// The versions that a library defines, in its order, without the one that is named after the
/// library itself. `file` names it in errors.
pub fn defined<R: Read + Seek>(reader: R, file: &Path) -> Result<Vec<String>, Error> {
    Source::new(reader)
        .and_then(|mut source| read(&mut source))
        .map_err(|problem| problem.of(file))
}

fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Vec<String>, Problem> {
    let head = source.head(HEAD)?;
    if let Some(content) = Content::of(&head) {
        return Err(Problem::NotElf(content));
    }
    match head.get(4) {
        Some(1) => File::<_, raw::FileHeader32<Endianness>>::open(source, &head)?.versions(),
        Some(2) => File::<_, raw::FileHeader64<Endianness>>::open(source, &head)?.versions(),
        _ => Err(malformed("its class is neither 1 nor 2")),
    }
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    fn versions(&mut self) -> Result<Vec<String>, Problem> {
        let endian = self.endian;
        let (mut table, mut count, mut names, mut names_size) = (None, 0, None, 0);
        for entry in self.dynamic_entries()? {
            let value: u64 = entry.d_val(endian).into();
            match entry.d_tag(endian) {
                raw::DT_VERDEF => table = Some(value),
                raw::DT_VERDEFNUM => count = value,
                raw::DT_STRTAB => names = Some(value),
                raw::DT_STRSZ => names_size = value,
                _ => {}
            }
        }
        let Some(table) = table else {
            return Ok(Vec::new());
        };
        let Some(names) = names else {
            return Err(malformed("its dynamic table has no strings"));
        };
        if count > DEFINITIONS {
            return Err(malformed(format!(
                "it defines {count} versions, expected at most {DEFINITIONS}"
            )));
        }
        let names = self.file_offset(names)?;
        self.source
            .within(names, names_size, "the dynamic strings")?;
        let mut at = self.file_offset(table)?;
        let mut versions = Vec::new();
        for _ in 0..count {
            let definition: raw::Verdef<Endianness> = self.entry(at)?;
            let behind = |step: u32| {
                at.checked_add(step.into())
                    .ok_or_else(|| malformed(format!("{WHAT} lies beyond its end")))
            };
            if definition.vd_flags.get(endian).0 & raw::VER_FLG_BASE.0 == 0 {
                let name: raw::Verdaux<Endianness> =
                    self.entry(behind(definition.vd_aux.get(endian))?)?;
                let start = names.saturating_add(name.vda_name.get(endian).into());
                let end = names.saturating_add(names_size);
                versions.push(self.source.string(start, end, NAME, WHAT)?);
            }
            match definition.vd_next.get(endian) {
                0 => break,
                next => at = behind(next)?,
            }
        }
        Ok(versions)
    }

    fn entry<T: object::pod::Pod>(&mut self, at: u64) -> Result<T, Problem> {
        let size = size_of::<T>();
        let bytes = self.source.read(at, size as u64, size, WHAT)?;
        let entries = slice::<T>(&bytes)?;
        entries
            .first()
            .copied()
            .ok_or_else(|| malformed(format!("{WHAT} is cut off")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::Sample;
    use crate::target::Platform;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn library(platform: Platform) -> Vec<u8> {
        Sample {
            kind: 3,
            versions: vec!["libc.so.6", "GLIBC_2.17", "GLIBC_2.36", "GLIBC_PRIVATE"],
            sections: false,
            ..Sample::usual(platform.architecture().elf)
        }
        .bytes()
    }

    fn of(bytes: Vec<u8>) -> Result<Vec<String>, Error> {
        defined(Cursor::new(bytes), Path::new("libc.so.6"))
    }

    #[test]
    fn versions_are_read_in_every_class_and_byte_order() {
        for platform in Platform::all() {
            assert_eq!(
                of(library(platform)).unwrap(),
                ["GLIBC_2.17", "GLIBC_2.36", "GLIBC_PRIVATE"],
                "{platform}"
            );
        }
    }

    #[test]
    fn a_file_without_versions_defines_none_and_other_files_are_refused() {
        let platform: Platform = "linux/arm64".parse().unwrap();
        let plain = Sample::usual(platform.architecture().elf).bytes();
        assert_eq!(of(plain).unwrap(), [""; 0]);
        assert!(matches!(
            of(b"#!/bin/sh\n".to_vec()),
            Err(Error::NotElf { .. })
        ));
    }

    proptest! {
        #[test]
        fn a_damaged_library_is_read_or_refused(
            index in 0..Platform::all().len(),
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let mut bytes = library(Platform::all()[index]);
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let failed_to_read = matches!(of(bytes), Err(Error::Io { .. }));
            prop_assert!(!failed_to_read);
        }
    }
}
