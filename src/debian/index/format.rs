//! How the bytes of an index are laid out.
//!
//! All numbers are little-endian words of 32 bits. A header is followed by the sections, in the
//! order of [`SECTIONS`]:
//!
//! - names: one record for each name that is mentioned, sorted, and one more at the end, so that
//!   what belongs to a name ends where that of the next begins
//! - texts of the names, one behind the other
//! - packages, sorted by name and then as in the file
//! - providers, sorted by the name that is provided
//! - relations: those of a package stand together, field by field
//! - architectures: offsets into the strings
//! - strings: each once, its length in 16 bits before it; the one at 0 is empty

use std::ops::Range;

use crate::debian::relation::Operator;

use super::{Field, MultiArch, Priority};

/// The version of the format, for the key that an index is kept under.
pub const FORMAT: u32 = 1;

pub(super) const MAGIC: [u8; 8] = *b"deb-idx\n";
/// Magic, format, checksum of all that follows the header, then the length of each section.
pub(super) const HEADER: usize = 8 + 4 + 4 + 4 * SECTIONS;
pub(super) const SECTIONS: usize = 7;

/// A name's record: where its text begins, its rank, its first package, its first provider.
pub(super) const NAME: usize = 16;
pub(super) const NAME_RANK: usize = 4;
pub(super) const NAME_PACKAGES: usize = 8;
pub(super) const NAME_PROVIDERS: usize = 12;
/// The rank of a name that apt would not number.
pub(super) const NO_RANK: u32 = u32::MAX;

pub(super) const PACKAGE: usize = 76;
pub(super) const PACKAGE_NAME: usize = 0;
pub(super) const PACKAGE_VERSION: usize = 4;
pub(super) const PACKAGE_FOLDER: usize = 8;
/// The file's name, empty where it is the conventional one.
pub(super) const PACKAGE_FILE: usize = 12;
pub(super) const PACKAGE_SIZE: usize = 16;
pub(super) const PACKAGE_FLAGS: usize = 24;
pub(super) const PACKAGE_RELATIONS: usize = 28;
/// How many relations each of [`COUNTED`] has, in 16 bits each; 2 bytes are left over.
pub(super) const PACKAGE_COUNTS: usize = 32;
pub(super) const PACKAGE_SHA256: usize = 44;

/// A relation's record: name, [`Code`], version.
pub(super) const RELATION: usize = 12;
/// A provider's record: package, then the relation by which it provides.
pub(super) const PROVIDER: usize = 4 + RELATION;
pub(super) const PROVIDER_RELATION: usize = 4;

/// The fields with relations, in the order in which these are stored.
pub(super) const COUNTED: [Field; 5] = [
    Field::PreDepends,
    Field::Depends,
    Field::Conflicts,
    Field::Breaks,
    Field::Provides,
];

pub(super) const ANY: u8 = 1;
pub(super) const NATIVE: u8 = 2;
pub(super) const NAMED: u8 = 3;

const OPERATORS: [Operator; 5] = [
    Operator::Earlier,
    Operator::EarlierOrEqual,
    Operator::Equal,
    Operator::LaterOrEqual,
    Operator::Later,
];

/// What a relation says besides name and version, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) operator: Option<Operator>,
    pub(super) qualifier: u8,
    pub(super) or: bool,
    pub(super) architecture: u16,
}

impl Code {
    pub(super) fn to_word(self) -> u32 {
        let operator = OPERATORS
            .iter()
            .position(|known| Some(*known) == self.operator);
        let operator = operator.map_or(0, |at| u8::try_from(at + 1).unwrap_or(0));
        let low = operator | self.qualifier << 3 | u8::from(self.or) << 5;
        u32::from(self.architecture) << 16 | u32::from(low)
    }

    pub(super) fn from_word(word: u32) -> Self {
        let [low, _, architecture @ ..] = word.to_le_bytes();
        Self {
            operator: OPERATORS.get(usize::from(low & 7).wrapping_sub(1)).copied(),
            qualifier: low >> 3 & 3,
            or: low & 1 << 5 != 0,
            architecture: u16::from_le_bytes(architecture),
        }
    }
}

/// What a package says in few words, in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) multi_arch: MultiArch,
    pub(super) priority: Priority,
    pub(super) essential: bool,
    pub(super) important: bool,
    pub(super) architecture: u16,
}

impl Flags {
    pub(super) fn to_word(self) -> u32 {
        let low = self.multi_arch as u8
            | (self.priority as u8) << 2
            | u8::from(self.essential) << 5
            | u8::from(self.important) << 6;
        u32::from(self.architecture) << 16 | u32::from(low)
    }

    pub(super) fn from_word(word: u32) -> Self {
        let [low, _, architecture @ ..] = word.to_le_bytes();
        Self {
            multi_arch: match low & 3 {
                1 => MultiArch::Same,
                2 => MultiArch::Foreign,
                3 => MultiArch::Allowed,
                _ => MultiArch::No,
            },
            priority: match low >> 2 & 7 {
                0 => Priority::Unstated,
                1 => Priority::Required,
                2 => Priority::Important,
                3 => Priority::Standard,
                4 => Priority::Optional,
                _ => Priority::Extra,
            },
            essential: low & 1 << 5 != 0,
            important: low & 1 << 6 != 0,
            architecture: u16::from_le_bytes(architecture),
        }
    }
}

/// Where each section lies.
pub(super) struct Layout {
    pub(super) names: Range<usize>,
    pub(super) texts: Range<usize>,
    pub(super) packages: Range<usize>,
    pub(super) providers: Range<usize>,
    pub(super) relations: Range<usize>,
    pub(super) architectures: Range<usize>,
    pub(super) strings: Range<usize>,
}

impl Layout {
    /// Reads the header and compares the checksum.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
            return Err("it is shorter than its header");
        };
        if header[..8] != MAGIC {
            return Err("it does not begin as one");
        }
        let words: Vec<u32> = header[8..]
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
            .collect();
        if words[0] != FORMAT {
            return Err("it has another version");
        }
        let mut at = HEADER;
        let mut next = |section: usize| {
            let start = at;
            at = at.saturating_add(words[2 + section] as usize);
            start..at
        };
        let layout = Self {
            names: next(0),
            texts: next(1),
            packages: next(2),
            providers: next(3),
            relations: next(4),
            architectures: next(5),
            strings: next(6),
        };
        if at != bytes.len() || layout.names.len() < NAME {
            return Err("its length is not what its header says");
        }
        if crc32fast::hash(rest) != words[1] {
            return Err("its checksum does not match");
        }
        Ok(layout)
    }

    /// How many names there are, without the record at the end.
    pub(super) fn name_count(&self) -> u32 {
        count(&self.names, NAME).saturating_sub(1)
    }

    pub(super) fn package_count(&self) -> u32 {
        count(&self.packages, PACKAGE)
    }

    pub(super) fn provider_count(&self) -> u32 {
        count(&self.providers, PROVIDER)
    }

    pub(super) fn relation_count(&self) -> u32 {
        count(&self.relations, RELATION)
    }

    pub(super) fn name(&self, number: u32) -> usize {
        place(&self.names, number as usize, NAME)
    }

    pub(super) fn name_text(&self, offset: u32) -> usize {
        place(&self.texts, offset as usize, 1)
    }

    pub(super) fn package(&self, number: u32) -> usize {
        place(&self.packages, number as usize, PACKAGE)
    }

    pub(super) fn provider(&self, number: u32) -> usize {
        place(&self.providers, number as usize, PROVIDER)
    }

    pub(super) fn relation(&self, number: u32) -> usize {
        place(&self.relations, number as usize, RELATION)
    }

    pub(super) fn architecture(&self, number: u16) -> usize {
        place(&self.architectures, usize::from(number), 4)
    }

    pub(super) fn string(&self, offset: u32) -> usize {
        place(&self.strings, offset as usize, 1)
    }
}

fn count(section: &Range<usize>, record: usize) -> u32 {
    u32::try_from(section.len() / record).unwrap_or(u32::MAX)
}

/// Where a record begins; the section's end if it has no such record.
fn place(section: &Range<usize>, number: usize, record: usize) -> usize {
    let at = number.saturating_mul(record).saturating_add(section.start);
    at.min(section.end)
}
