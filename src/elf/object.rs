//! What the kernel and the dynamic linker read of an ELF file.
//!
//! A file (or anything that can be read and sought) comes in, an [`Object`] goes out: its [`Facts`],
//! what it asks of its linker, and what its notes say. A file that contradicts itself is an error.
//!
//! Sources: System V ABI, "Program Header" and "Note Section", with the AMD64 supplement for
//! processor properties; the Linux Standard Base, "Program Headers" (`PT_GNU_STACK`,
//! `PT_GNU_RELRO`); the UAPI Group's specification "ELF dlopen metadata".

use std::io::{Read, Seek};
use std::path::Path;

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, ProgramHeader};
use serde::{Deserialize, Serialize};

use super::content::{Content, HEAD};
use super::dynamic::Dynamic;
use super::facts::{self, Facts};
use super::notes::{self, Dlopen, Notes};
use super::parse::File;
use super::source::{Problem, Source, malformed};

/// The most bytes of a linker's segment that are searched for its directories.
const SEGMENT: usize = 16 << 20;

/// What the kernel and the dynamic linker read of an ELF file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// What it says about itself.
    pub facts: Facts,
    /// What it asks of the dynamic linker; `None` for a file that has nothing to be linked.
    pub dynamic: Option<Dynamic>,
    /// Whether its stack may be executed.
    pub stack: Stack,
    /// Whether tables are made read only before it runs (`PT_GNU_RELRO`).
    pub relro: bool,
    /// Bits of the x86-64 levels that it needs (`GNU_PROPERTY_X86_ISA_1_NEEDED`); 0 where it says
    /// nothing.
    pub isa: u32,
    /// The libraries that it says it may load while it runs.
    pub dlopen: Vec<Dlopen>,
    /// For a dynamic linker of glibc, the directories compiled into it, in the order in which it looks
    /// into them, as they stand there.
    pub system_dirs: Vec<String>,
}

/// Whether the stack may be executed (`PT_GNU_STACK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stack {
    /// It asks for that.
    Executable,
    /// It asks for the opposite.
    NotExecutable,
    /// It says nothing, and the kernel does what it did before there was a way to ask.
    Unsaid,
}

impl Object {
    /// Reads anything that can be sought, named `file` in errors.
    pub fn from_reader<R: Read + Seek>(reader: R, file: &Path) -> Result<Self, facts::Error> {
        Source::new(reader)
            .and_then(|mut source| read(&mut source))
            .map_err(|problem| problem.of(file))
    }
}

fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Object, Problem> {
    let head = source.head(HEAD)?;
    if let Some(content) = Content::of(&head) {
        return Err(Problem::NotElf(content));
    }
    match head.get(4) {
        Some(1) => File::<_, raw::FileHeader32<Endianness>>::open(source, &head)?.object(),
        Some(2) => File::<_, raw::FileHeader64<Endianness>>::open(source, &head)?.object(),
        _ => Err(malformed("its class is neither 1 nor 2")),
    }
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    fn object(mut self) -> Result<Object, Problem> {
        let facts = self.facts()?;
        let dynamic = self.dynamic_facts()?;
        let Notes { isa, dlopen } = self.notes(facts.header)?;
        let system_dirs = match facts.soname.as_deref().is_some_and(is_linker) {
            true => self.system_dirs()?,
            false => Vec::new(),
        };
        let stack = self.of_type(raw::PT_GNU_STACK).next();
        let stack = stack.map(|segment| segment.p_flags(self.endian));
        Ok(Object {
            facts,
            dynamic,
            stack: match stack {
                Some(flags) if flags.contains(raw::PF_X) => Stack::Executable,
                Some(_) => Stack::NotExecutable,
                None => Stack::Unsaid,
            },
            relro: self.of_type(raw::PT_GNU_RELRO).next().is_some(),
            isa,
            dlopen,
            system_dirs,
        })
    }

    fn notes(&mut self, header: crate::target::Elf) -> Result<Notes, Problem> {
        let ranges = self.ranges(raw::PT_NOTE);
        let mut notes = Notes::default();
        for (offset, size) in ranges {
            // Notes are hints: those that are too long to be any are passed over.
            if size <= notes::LIMIT as u64 {
                let bytes = self.source.read(offset, size, notes::LIMIT, "its notes")?;
                notes.add(&bytes, header);
            }
        }
        Ok(notes)
    }

    /// glibc has them as strings one behind the other, each ending with a slash.
    fn system_dirs(&mut self) -> Result<Vec<String>, Problem> {
        for (offset, size) in self.ranges(raw::PT_LOAD) {
            if size > SEGMENT as u64 {
                continue;
            }
            let bytes = self
                .source
                .read(offset, size, SEGMENT, "a loaded segment")?;
            let mut found: Vec<String> = Vec::new();
            for string in bytes.split(|byte| *byte == 0) {
                match directory(string) {
                    Some(directory) => found.push(directory.to_owned()),
                    None if found.len() > 1 => return Ok(found),
                    None => found.clear(),
                }
            }
        }
        Ok(Vec::new())
    }

    /// Where the segments of a type lie in the file.
    fn ranges(&self, kind: raw::ProgramType) -> Vec<(u64, u64)> {
        self.of_type(kind)
            .map(|segment| segment.file_range(self.endian))
            .collect()
    }
}

/// Names that the dynamic linkers of glibc have.
fn is_linker(soname: &str) -> bool {
    ["ld-linux", "ld64.so", "ld.so"]
        .iter()
        .any(|name| soname.starts_with(name))
}

/// The string as a directory of libraries, if it is one.
fn directory(string: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(string).ok()?;
    let fits = text.len() < 256
        && text.starts_with('/')
        && text.ends_with('/')
        && text.contains("lib")
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then_some(text)
}
