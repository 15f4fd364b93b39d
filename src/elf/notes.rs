//! What the notes of an ELF file say.
//!
//! Comes in: the bytes of a `PT_NOTE` segment. Goes out: what is known of it; a note that is
//! malformed or of somebody else says nothing. Sources: those of [`super::object`].

use serde::{Deserialize, Serialize};

use crate::target::Elf;

/// The longest segment of notes that is read.
pub(super) const LIMIT: usize = 1 << 20;
/// `NT_GNU_PROPERTY_TYPE_0`.
const PROPERTIES: u32 = 5;
/// `GNU_PROPERTY_X86_ISA_1_NEEDED`.
const ISA_NEEDED: u32 = 0xc000_8002;
/// The type of the notes on libraries that are loaded with dlopen(3).
const DLOPEN: u32 = 0x407c_0c0a;
const X86: u16 = 3;
const X86_64: u16 = 62;

/// Libraries that a file may load while it runs, any one of which will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dlopen {
    /// What needs them.
    pub feature: String,
    /// The same for people.
    pub description: String,
    /// `required`, `recommended` or `suggested`.
    pub priority: String,
    /// Their sonames, the best one first.
    pub sonames: Vec<String>,
}

/// What the notes say.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) isa: u32,
    pub(super) dlopen: Vec<Dlopen>,
}

/// One entry of the JSON in a note on dlopen(3).
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    feature: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    priority: String,
    #[serde(default)]
    soname: Vec<String>,
}

impl Notes {
    /// Adds what a segment says.
    pub(super) fn add(&mut self, bytes: &[u8], header: Elf) {
        let mut rest = bytes;
        while let Some(note) = Note::take(&mut rest, header) {
            match (note.name, note.kind) {
                (b"GNU\0", PROPERTIES) if matches!(header.machine, X86 | X86_64) => {
                    self.properties(note.content, header);
                }
                (b"FDO\0", DLOPEN) => self.dlopen(note.content),
                _ => {}
            }
        }
    }

    fn properties(&mut self, mut rest: &[u8], header: Elf) {
        let align = usize::from(header.bits / 8);
        while let (Some(kind), Some(size)) = (word(&mut rest, header), word(&mut rest, header)) {
            let Some((value, after)) = split(rest, size, align) else {
                return;
            };
            rest = after;
            if kind == ISA_NEEDED
                && let Some(bits) = word(&mut { value }, header)
            {
                self.isa |= bits;
            }
        }
    }

    fn dlopen(&mut self, content: &[u8]) {
        let text = content.split(|byte| *byte == 0).next().unwrap_or_default();
        let entries: Vec<Entry> = serde_json::from_slice(text).unwrap_or_default();
        self.dlopen.extend(entries.into_iter().map(|entry| Dlopen {
            feature: entry.feature,
            description: entry.description,
            priority: match entry.priority.is_empty() {
                true => "recommended".to_owned(),
                false => entry.priority,
            },
            sonames: entry.soname,
        }));
    }
}

struct Note<'a> {
    name: &'a [u8],
    kind: u32,
    content: &'a [u8],
}

impl<'a> Note<'a> {
    /// Takes one off the front. Names and contents are padded to four bytes, but for properties of
    /// 64-bit files, whose contents are multiples of eight by themselves.
    fn take(rest: &mut &'a [u8], header: Elf) -> Option<Self> {
        let name_size = word(rest, header)?;
        let size = word(rest, header)?;
        let kind = word(rest, header)?;
        let (name, after) = split(rest, name_size, 4)?;
        let (content, after) = split(after, size, 4)?;
        *rest = after;
        Some(Self {
            name,
            kind,
            content,
        })
    }
}

/// The first `size` bytes, and what comes behind them and their padding.
fn split(bytes: &[u8], size: u32, align: usize) -> Option<(&[u8], &[u8])> {
    let size = usize::try_from(size).ok()?;
    let (head, _) = bytes.split_at_checked(size)?;
    let padded = size.checked_next_multiple_of(align)?.min(bytes.len());
    Some((head, &bytes[padded..]))
}

fn word(rest: &mut &[u8], header: Elf) -> Option<u32> {
    let (word, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(match header.little_endian {
        true => u32::from_le_bytes(*word),
        false => u32::from_be_bytes(*word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::note;
    use proptest::prelude::*;

    const ELF: Elf = Elf {
        machine: X86_64,
        bits: 64,
        little_endian: true,
    };

    #[test]
    fn levels_and_libraries_are_read_and_others_passed_over() {
        let mut bytes = note("GNU", 3, b"build id", true);
        let property = [
            &0xc000_0002_u32.to_le_bytes()[..],
            &4_u32.to_le_bytes(),
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &ISA_NEEDED.to_le_bytes(),
            &4_u32.to_le_bytes(),
            &[6, 0, 0, 0, 0, 0, 0, 0],
        ];
        bytes.extend(note("GNU", PROPERTIES, &property.concat(), true));
        let json = br#"[{"feature":"zstd","priority":"suggested","soname":["libzstd.so.1"]},{"soname":["b"]}]"#;
        bytes.extend(note("FDO", DLOPEN, json, true));
        bytes.extend(note("FDO", DLOPEN, b"no json", true));
        let mut notes = Notes::default();
        notes.add(&bytes, ELF);
        assert_eq!(notes.isa, 6);
        assert_eq!(notes.dlopen.len(), 2);
        assert_eq!(notes.dlopen[0].sonames, ["libzstd.so.1"]);
        assert_eq!(notes.dlopen[0].priority, "suggested");
        assert_eq!(notes.dlopen[1].priority, "recommended");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), little_endian: bool) {
            Notes::default().add(&bytes, Elf { little_endian, ..ELF });
        }
    }
}
