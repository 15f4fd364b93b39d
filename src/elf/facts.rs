//! What one ELF file says about itself.
//!
//! A file (or anything that can be read and sought) comes in, [`Facts`] go out. Only the headers
//! and a few small tables are read, so a file of gigabytes costs no memory. A file that is cut off
//! or contradicts itself is an error: its facts could not be trusted.

use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::abi::Abi;
use super::attributes::Attributes;
use super::content::Content;
use super::gobuildinfo::BuildInfo;
use super::parse;
use super::source::{Problem, Source};
use crate::fault::{Exit, Fault};
use crate::target;

/// What one ELF file says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Machine, class and byte order.
    pub header: target::Elf,
    /// `EI_OSABI`.
    pub os_abi: u8,
    /// What kind of file it is.
    pub kind: Kind,
    /// `e_flags`, decoded.
    pub abi: Abi,
    /// The dynamic linker it asks for (`PT_INTERP`); `None` for a static program.
    pub interpreter: Option<String>,
    /// The shared libraries it asks for (`DT_NEEDED`), in its order.
    pub needed: Vec<String>,
    /// The name that a shared library is asked for by (`DT_SONAME`).
    pub soname: Option<String>,
    /// Where it has the dynamic linker look for libraries first (`DT_RUNPATH`, else `DT_RPATH`).
    pub runpath: Option<String>,
    /// `.ARM.attributes`, where there are section headers to find it by.
    pub attributes: Option<Attributes>,
    /// What Go's linker wrote.
    pub go: Option<BuildInfo>,
}

impl Problem {
    /// The problem with the file's name.
    pub(super) fn of(self, file: &Path) -> Error {
        let file = file.to_owned();
        match self {
            Self::Io(source) => Error::Io { file, source },
            Self::NotElf(content) => Error::NotElf { file, content },
            Self::Malformed(problem) => Error::Malformed { file, problem },
        }
    }
}

/// What kind of ELF file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A program at a fixed address (`ET_EXEC`).
    Executable,
    /// A program that runs at any address (`ET_DYN`).
    PositionIndependent,
    /// A shared library (`ET_DYN`).
    Library,
    /// An object file (`ET_REL`), not linked yet.
    Object,
    /// A core dump.
    Core,
    /// Another value of `e_type`.
    Other(u16),
}

/// Why a file gave no facts.
#[derive(Debug, Error)]
pub enum Error {
    /// It could not be read.
    #[error("can't read `{}`", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is something else.
    #[error("`{}`: expected an ELF file, found {content}", file.display())]
    NotElf {
        /// The file.
        file: PathBuf,
        /// What it seems to be.
        content: Content,
    },
    /// It is cut off or contradicts itself.
    #[error("`{}` is a damaged ELF file: {problem}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io { .. } => Exit::Io,
            Self::NotElf { .. } | Self::Malformed { .. } => Exit::Mismatch,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotElf {
                content: Content::Pe | Content::MachO,
                ..
            } => Some("build it for Linux: with Go, `GOOS=linux go build`".to_owned()),
            _ => None,
        }
    }
}

impl Facts {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let open = fs_err::File::open(file).map_err(|source| Error::Io {
            file: file.to_owned(),
            source,
        })?;
        // A small buffer: most reads are of a few bytes here and there.
        Self::from_reader(BufReader::with_capacity(4096, open), file)
    }

    /// Reads anything that can be sought, named `file` in errors.
    pub fn from_reader<R: Read + Seek>(reader: R, file: &Path) -> Result<Self, Error> {
        Source::new(reader)
            .and_then(|mut source| parse::facts(&mut source))
            .map_err(|problem| problem.of(file))
    }

    /// Whether the kernel needs a dynamic linker to start it.
    pub fn is_dynamic(&self) -> bool {
        self.interpreter.is_some()
    }
}
