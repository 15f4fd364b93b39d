//! What notes in an ELF file tell: the processor level it needs, the libraries it may open.
//!
//! Notes are hints, and nobody refuses a file for them: what can't be read is passed over.
//!
//! Sources: System V ABI, "Note Section"; Linux Extensions to gABI, "Program Property"; x86-64 psABI,
//! "Program Property", for `GNU_PROPERTY_X86_ISA_1_NEEDED`; UAPI Group, "ELF dlopen metadata"
//! (<https://uapi-group.org/specifications/specs/elf_dlopen_metadata/>).

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use serde::{Deserialize, Serialize};

use super::parse::File;
use super::source::Problem;

/// Longest segment of notes that is read. Those of a core dump are longer, and of no interest.
const SIZE: usize = 1 << 20;
/// Segments of notes that are read.
const SEGMENTS: usize = 16;
/// Libraries that a file may open.
const DLOPEN: usize = 1024;
/// The type of a dlopen note of the owner `FDO`.
const NT_FDO_DLOPEN: u32 = 0x407c_0c0a;

/// A library that a program may open while it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dlopen {
    /// What it is for, in a word; may be empty.
    pub feature: String,
    /// What it is for; may be empty.
    pub description: String,
    /// `required`, `recommended` or `suggested`; may be empty.
    pub priority: String,
    /// The library's name; of several the first that is there is opened.
    pub sonames: Vec<String>,
}

/// What the notes say.
#[derive(Default)]
pub(super) struct Notes {
    /// `GNU_PROPERTY_X86_ISA_1_NEEDED`.
    pub(super) isa: u32,
    pub(super) dlopen: Vec<Dlopen>,
}

impl<R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'_, R, H> {
    /// Reads the notes of segments, and of the section `.note.dlopen` where no segment has such.
    pub(super) fn notes(&mut self, sections: &[H::SectionHeader]) -> Result<Notes, Problem> {
        let endian = self.endian;
        let is_x86 = matches!(self.header.e_machine(endian), raw::EM_386 | raw::EM_X86_64);
        let mut notes = Notes::default();
        let kinds = [raw::PT_NOTE, raw::PT_GNU_PROPERTY];
        let ranges: Vec<(u64, u64, u64)> = kinds
            .into_iter()
            .flat_map(|kind| self.of_type(kind))
            .map(|segment| {
                let (offset, size) = segment.file_range(endian);
                (offset, size, segment.p_align(endian).into())
            })
            .take(SEGMENTS)
            .collect();
        for (offset, size, align) in ranges {
            let bytes = self.note_bytes(offset, size)?;
            each(&bytes, align, endian, |note| match note.owner {
                b"GNU" if is_x86 && note.kind == raw::NT_GNU_PROPERTY_TYPE_0.0 => {
                    notes.isa |= isa(note.content, self.header.is_type_64(), endian);
                }
                b"FDO" if note.kind == NT_FDO_DLOPEN => notes.add(note.content),
                _ => {}
            });
        }
        let has_notes = sections
            .iter()
            .any(|section| section.sh_type(endian) == raw::SHT_NOTE);
        if notes.dlopen.is_empty()
            && has_notes
            && let Some(section) = self.section(sections, b".note.dlopen")?
            && section.sh_type(endian) == raw::SHT_NOTE
        {
            let align = section.sh_addralign(endian).into();
            let (offset, size) = (section.sh_offset(endian).into(), section.sh_size(endian));
            let bytes = self.note_bytes(offset, size.into())?;
            each(&bytes, align, endian, |note| {
                if note.owner == b"FDO" && note.kind == NT_FDO_DLOPEN {
                    notes.add(note.content);
                }
            });
        }
        Ok(notes)
    }

    /// Nothing where they are longer than notes are, or don't lie in the file.
    fn note_bytes(&mut self, offset: u64, size: u64) -> Result<Vec<u8>, Problem> {
        match self.source.read(offset, size, SIZE, "a note") {
            Err(Problem::Malformed(_)) => Ok(Vec::new()),
            other => other,
        }
    }
}

impl Notes {
    fn add(&mut self, content: &[u8]) {
        // Padding with zeros belongs to the content.
        let end = content.iter().rposition(|byte| *byte != 0);
        let json = &content[..end.map_or(0, |end| end + 1)];
        let Ok(entries) = serde_json::from_slice::<Vec<Entry>>(json) else {
            return;
        };
        let left = DLOPEN.saturating_sub(self.dlopen.len());
        let entries = entries.into_iter().filter(|entry| !entry.soname.is_empty());
        self.dlopen.extend(entries.take(left).map(|entry| Dlopen {
            feature: entry.feature,
            description: entry.description,
            priority: entry.priority,
            sonames: entry.soname,
        }));
    }
}

/// An entry as it is written.
#[derive(Deserialize)]
struct Entry {
    soname: Vec<String>,
    #[serde(default)]
    feature: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    priority: String,
}

/// One note.
struct Note<'a> {
    owner: &'a [u8],
    kind: u32,
    content: &'a [u8],
}

/// Calls `found` for each note, up to the first that is cut off.
fn each(bytes: &[u8], align: u64, endian: Endianness, mut found: impl FnMut(Note<'_>)) {
    // Only 8 means that fields are padded to 8 bytes; older linkers wrote all else there is.
    let align = if align == 8 { 8 } else { 4 };
    let mut rest = bytes;
    while let Some((note, behind)) = next(rest, align, endian) {
        found(note);
        rest = behind;
    }
}

fn next(bytes: &[u8], align: usize, endian: Endianness) -> Option<(Note<'_>, &[u8])> {
    let (owner_size, rest) = word(bytes, endian)?;
    let (size, rest) = word(rest, endian)?;
    let (kind, _) = word(rest, endian)?;
    let owner_end = 12usize.checked_add(usize::try_from(owner_size).ok()?)?;
    let start = owner_end.checked_next_multiple_of(align)?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    let owner = bytes.get(12..owner_end)?;
    let note = Note {
        owner: owner.strip_suffix(b"\0").unwrap_or(owner),
        kind,
        content: bytes.get(start..end)?,
    };
    let behind = end.checked_next_multiple_of(align)?;
    Some((note, bytes.get(behind..).unwrap_or_default()))
}

/// The bits of `GNU_PROPERTY_X86_ISA_1_NEEDED` among the properties.
fn isa(properties: &[u8], wide: bool, endian: Endianness) -> u32 {
    let align = if wide { 8 } else { 4 };
    let (mut bits, mut rest) = (0, properties);
    while let Some((kind, behind)) = word(rest, endian)
        && let Some((size, content)) = word(behind, endian)
    {
        if kind == raw::GNU_PROPERTY_X86_ISA_1_NEEDED.0
            && size == 4
            && let Some((needed, _)) = word(content, endian)
        {
            bits |= needed;
        }
        let size = usize::try_from(size).ok();
        rest = size
            .and_then(|size| size.checked_next_multiple_of(align))
            .and_then(|size| content.get(size..))
            .unwrap_or_default();
    }
    bits
}

fn word(bytes: &[u8], endian: Endianness) -> Option<(u32, &[u8])> {
    let (word, rest) = bytes.split_first_chunk()?;
    Some((
        match endian {
            Endianness::Little => u32::from_le_bytes(*word),
            Endianness::Big => u32::from_be_bytes(*word),
        },
        rest,
    ))
}
