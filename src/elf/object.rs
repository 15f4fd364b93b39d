//! All that the dynamic linker reads of one ELF file, and the kernel when it starts it.
//!
//! Comes in: anything that can be read and sought. Goes out: [`Object`], which can be kept: it has
//! no place in the file any more, and needs the file no longer. Symbols and strings are read in
//! large pieces, so that a library of a hundred megabytes takes less time than hashing it.

use std::io::{Read, Seek};
use std::path::Path;

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, ProgramHeader};
use serde::{Deserialize, Serialize};

use super::dynamic::Dynamic;
use super::facts::{Error, Facts};
use super::parse::{self, File};
use super::source::{Problem, Source};

pub use super::notes::Dlopen;

/// One ELF file as the dynamic linker sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// What it says about itself.
    pub facts: Facts,
    /// What it tells the dynamic linker; `None` without a dynamic table.
    pub dynamic: Option<Dynamic>,
    /// What it says of the stack.
    pub stack: Stack,
    /// Whether tables are made read-only after they have been filled in (`PT_GNU_RELRO`).
    pub relro: bool,
    /// The levels of x86-64 that it needs, a bit each from the baseline up
    /// (`GNU_PROPERTY_X86_ISA_1_NEEDED`); 0 where it does not say, and for other machines.
    pub isa: u32,
    /// The libraries that it says it may open while it runs.
    pub dlopen: Vec<Dlopen>,
    /// The directories that it searches, where it is a dynamic linker of glibc, without a slash at
    /// the end.
    pub system_dirs: Vec<String>,
}

/// What a file says of the stack (`PT_GNU_STACK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stack {
    /// It has to be executable.
    Executable,
    /// It need not be.
    NotExecutable,
    /// Nothing, which on some architectures means that it has to be.
    Unsaid,
}

impl Object {
    /// Reads anything that can be sought, named `file` in errors.
    pub fn from_reader<R: Read + Seek>(reader: R, file: &Path) -> Result<Self, Error> {
        Source::new(reader)
            .and_then(|mut source| read(&mut source))
            .map_err(|problem| problem.of(file))
    }
}

fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Object, Problem> {
    let head = parse::head(source)?;
    match parse::is_wide(&head)? {
        false => File::<_, raw::FileHeader32<Endianness>>::open(source, &head)?.object(),
        true => File::<_, raw::FileHeader64<Endianness>>::open(source, &head)?.object(),
    }
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    fn object(mut self) -> Result<Object, Problem> {
        let tags = self.tags()?;
        let sections = self.sections()?;
        let facts = self.facts(tags.as_ref(), &sections)?;
        let dynamic = tags
            .map(|tags| self.dynamic(&tags, &sections))
            .transpose()?;
        let notes = self.notes(&sections)?;
        let system_dirs = self.system_dirs(facts.soname.as_deref())?;
        let stack = self.of_type(raw::PT_GNU_STACK).next();
        let stack = match stack.map(|segment| segment.p_flags(self.endian)) {
            Some(flags) if flags.contains(raw::PF_X) => Stack::Executable,
            Some(_) => Stack::NotExecutable,
            None => Stack::Unsaid,
        };
        Ok(Object {
            stack,
            relro: self.of_type(raw::PT_GNU_RELRO).next().is_some(),
            isa: notes.isa,
            dlopen: notes.dlopen,
            system_dirs,
            facts,
            dynamic,
        })
    }
}

#[cfg(test)]
mod tests;
