//! What the dynamic linker is told by one file: where to look, what has to be there, what is
//! offered.
//!
//! Comes in: the dynamic table. Goes out: [`Dynamic`]. A table that does not lie in the file, or
//! contradicts itself, makes the file a damaged one.
//!
//! Sources: System V ABI, "Dynamic Section"; Linux Standard Base Core, "Symbol Versioning".

use std::ffi::CStr;
use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::FileHeader;
use serde::{Deserialize, Serialize};

use super::names::{Exports, Names};
use super::parse::{File, PATH};
use super::source::{Problem, malformed};
use super::tags::Tags;

/// Longest table of dynamic strings; that of a browser has some 10 MB.
const STRINGS: usize = 64 << 20;

/// What a file with a dynamic table tells the dynamic linker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dynamic {
    /// `DT_RPATH`: directories that hold for its whole closure; without effect beside `runpath`.
    pub rpath: Option<String>,
    /// `DT_RUNPATH`: directories for the libraries that it asks for itself.
    pub runpath: Option<String>,
    /// All symbols are looked up at the start (`DT_BIND_NOW`, `DF_BIND_NOW`, `DF_1_NOW`).
    pub bind_now: bool,
    /// The linker's own directories are not searched (`DF_1_NODEFLIB`).
    pub no_default_dirs: bool,
    /// Code has to be changed when it is loaded (`DT_TEXTREL`, `DF_TEXTREL`).
    pub text_relocations: bool,
    /// `DT_VERNEED`: the versions that libraries have to define.
    pub versions_needed: Vec<VersionsNeeded>,
    /// `DT_VERDEF`: the versions that it defines, without the one named after the file itself.
    pub versions_defined: Vec<String>,
    /// Whether it has `DT_VERDEF`: the versions of one without are not checked.
    pub has_versions: bool,
    /// The symbols that some file has to define, in whatever version. Weak ones may be missing.
    pub imports: Names,
    /// Whether it also asks for symbols of a version; those are covered by `versions_needed`.
    pub versioned_imports: bool,
    /// The symbols that it defines, in whatever version.
    pub exports: Exports,
}

/// Versions that one library has to define.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionsNeeded {
    /// The library, as in `DT_NEEDED`.
    pub file: String,
    /// The versions.
    pub versions: Vec<NeededVersion>,
}

/// One version that a library has to define.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededVersion {
    /// Such as `GLIBC_2.34`.
    pub name: String,
    /// May be missing (`VER_FLG_WEAK`).
    pub weak: bool,
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// Reads what the dynamic table points to.
    pub(super) fn dynamic(
        &mut self,
        tags: &Tags,
        sections: &[H::SectionHeader],
    ) -> Result<Dynamic, Problem> {
        let strings = self.strings(tags)?;
        let path = |at: Option<u64>| -> Result<Option<String>, Problem> {
            at.map(|at| strings.text(at, PATH, "its search path"))
                .transpose()
        };
        let symbols = self.dynamic_symbols(tags, &strings, sections)?;
        Ok(Dynamic {
            rpath: path(tags.rpath)?,
            runpath: path(tags.runpath)?,
            bind_now: tags.bind_now
                || tags.flags & raw::DF_BIND_NOW.0 != 0
                || tags.flags_1 & raw::DF_1_NOW.0 != 0,
            no_default_dirs: tags.flags_1 & raw::DF_1_NODEFLIB.0 != 0,
            text_relocations: tags.text_relocations || tags.flags & raw::DF_TEXTREL.0 != 0,
            versions_needed: self.versions_needed(tags, &strings)?,
            versions_defined: self.versions_defined(tags, &strings)?,
            has_versions: tags.definitions.is_some(),
            imports: symbols.imports,
            versioned_imports: symbols.versioned_imports,
            exports: symbols.exports,
        })
    }

    fn strings(&mut self, tags: &Tags) -> Result<Strings, Problem> {
        let bytes = match self.strings_range(tags)? {
            None => Vec::new(),
            Some((start, size)) => {
                self.source
                    .read(start, size, STRINGS, "the table of dynamic strings")?
            }
        };
        Ok(Strings(bytes))
    }
}

/// The strings of the dynamic table, whole.
pub(super) struct Strings(Vec<u8>);

impl Strings {
    /// How many bytes they have.
    pub(super) fn size(&self) -> usize {
        self.0.len()
    }

    /// The bytes from `at` to their NUL. `what` names them in errors.
    pub(super) fn bytes(&self, at: u64, what: &str) -> Result<&[u8], Problem> {
        let rest = usize::try_from(at).ok().and_then(|at| self.0.get(at..));
        match rest.map(CStr::from_bytes_until_nul) {
            Some(Ok(string)) => Ok(string.to_bytes()),
            Some(Err(_)) => Err(malformed(format!("{what} has no end"))),
            None => Err(malformed(format!(
                "{what} is at byte {at} of the dynamic strings, which have {}",
                self.0.len()
            ))),
        }
    }

    /// A string of at most `limit` bytes.
    pub(super) fn text(&self, at: u64, limit: usize, what: &str) -> Result<String, Problem> {
        let bytes = self.bytes(at, what)?;
        if bytes.len() > limit {
            return Err(malformed(format!(
                "{what} is {} bytes long, expected at most {limit}",
                bytes.len()
            )));
        }
        let text = std::str::from_utf8(bytes);
        text.map(str::to_owned)
            .map_err(|_| malformed(format!("{what} is not UTF-8")))
    }
}
