//! A suite's index of packages in a form that is opened without being parsed.
//!
//! Comes in: a `Packages` file (Debian repository format, "Packages indices"; Debian Policy
//! Manual, chapter 5), once; [`Index::compile`] makes bytes of it that the caller keeps. Goes out:
//! names, versions, providers and relations, looked up in these bytes where they stand. Only what
//! resolving and locking need is in them.
//!
//! Bytes that were damaged, or come from another version of this program, are told by
//! [`Index::open`]; the caller compiles again. The checksum is for accidents: whoever can write
//! into the store needs no forged index. Lookups stay within the bytes whatever these say.

mod compile;
mod error;
mod format;
mod value;

use std::io::BufRead;
use std::ops::Range;

use crate::digest::Digest;

use super::relation::{Qualifier, Relation};
use format::Layout;

pub use error::Error;
pub use format::FORMAT;

/// An open index.
pub struct Index {
    bytes: Vec<u8>,
    layout: Layout,
}

/// A package of an index: its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u32);

/// A package of an index, read where it stands.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    index: &'a Index,
    at: usize,
}

/// The fields that relate packages to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// What has to be unpacked before this is.
    PreDepends,
    /// What this needs.
    Depends,
    /// What can't be there together with this.
    Conflicts,
    /// What this breaks if it is there.
    Breaks,
    /// What else this is.
    Provides,
}

/// What the `Multi-Arch` field says (Debian Policy Manual, section 5.6.27).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MultiArch {
    /// `no`, or nothing.
    #[default]
    No,
    /// `same`: can be there for several architectures at once.
    Same,
    /// `foreign`: serves packages of every architecture.
    Foreign,
    /// `allowed`: those that ask for `:any` are served as if it were `foreign`.
    Allowed,
}

/// The `Priority` field, the most needed first (Debian Policy Manual, section 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// The field is missing. apt puts these first.
    Unstated,
    /// `required`
    Required,
    /// `important`
    Important,
    /// `standard`
    Standard,
    /// `optional`
    Optional,
    /// `extra`, and whatever else is written.
    Extra,
}

impl Index {
    /// Makes the bytes of an index from a `Packages` file. The suite is named in errors.
    pub fn compile(packages: impl BufRead, suite: &str) -> Result<Vec<u8>, Error> {
        compile::compile(packages, suite)
    }

    /// Opens bytes that [`Index::compile`] made.
    pub fn open(bytes: Vec<u8>) -> Result<Self, Error> {
        let layout = Layout::read(&bytes).map_err(|reason| Error::Damaged { reason })?;
        Ok(Self { bytes, layout })
    }

    /// How many packages it has.
    pub fn len(&self) -> usize {
        self.layout.package_count() as usize
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every package of a name: its versions, in the order of the file.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = Place> {
        let name = self.name_at(name);
        self.range(name, format::NAME_PACKAGES).map(Place)
    }

    /// Every package that provides a name, with what it says of it, in the order of the file.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = (Place, Relation<'_>)> {
        let range = self.range(self.name_at(name), format::NAME_PROVIDERS);
        range.map(|number| {
            let at = self.layout.provider(number);
            let record = at.saturating_add(format::PROVIDER_RELATION);
            (Place(self.word(at)), self.relation(record))
        })
    }

    /// Every name that some package has or provides, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        (0..self.layout.name_count())
            .filter(|name| {
                let used = |field| !self.range(Some(*name), field).is_empty();
                used(format::NAME_PACKAGES) || used(format::NAME_PROVIDERS)
            })
            .map(|name| self.name(name))
    }

    /// When a name was first seen in the file, in whatever field: the later, the higher. apt falls
    /// back on this where nothing else tells two packages apart.
    pub fn rank(&self, name: &str) -> Option<u32> {
        let at = self.layout.name(self.name_at(name)?);
        Some(self.word(at + format::NAME_RANK)).filter(|rank| *rank != format::NO_RANK)
    }

    /// A package.
    pub fn entry(&self, place: Place) -> Entry<'_> {
        Entry {
            index: self,
            at: self.layout.package(place.0),
        }
    }

    /// The number of a name.
    fn name_at(&self, name: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.layout.name_count());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.name(middle).cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn name(&self, name: u32) -> &str {
        let start = self.word(self.layout.name(name));
        let end = self.word(self.layout.name(name.saturating_add(1)));
        self.text(self.layout.name_text(start)..self.layout.name_text(end))
    }

    /// From a field of a name to the same field of the next one.
    fn range(&self, name: Option<u32>, field: usize) -> Range<u32> {
        let count = match field {
            format::NAME_PACKAGES => self.layout.package_count(),
            _ => self.layout.provider_count(),
        };
        name.map_or(0..0, |name| {
            let start = self.word(self.layout.name(name) + field);
            let end = self.word(self.layout.name(name.saturating_add(1)) + field);
            start..end.min(count)
        })
    }

    fn relation(&self, at: usize) -> Relation<'_> {
        let code = format::Code::from_word(self.word(at.saturating_add(4)));
        Relation {
            name: self.name(self.word(at)),
            qualifier: match code.qualifier {
                format::ANY => Qualifier::Any,
                format::NATIVE => Qualifier::Native,
                format::NAMED => Qualifier::Architecture(self.architecture(code.architecture)),
                _ => Qualifier::None,
            },
            version: code
                .operator
                .map(|operator| (operator, self.string(self.word(at.saturating_add(8))))),
            or: code.or,
        }
    }

    fn architecture(&self, number: u16) -> &str {
        self.string(self.word(self.layout.architecture(number)))
    }

    /// A string of the pool: its length, then its bytes.
    fn string(&self, offset: u32) -> &str {
        let at = self.layout.string(offset);
        let length = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        let length = length.map_or(0, |length| usize::from(u16::from_le_bytes(*length)));
        self.text(at.saturating_add(2)..at.saturating_add(2).saturating_add(length))
    }

    fn text(&self, range: Range<usize>) -> &str {
        let bytes = self.bytes.get(range).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    fn word(&self, at: usize) -> u32 {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

impl<'a> Entry<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.index.name(self.word(format::PACKAGE_NAME))
    }

    /// Its version.
    pub fn version(&self) -> &'a str {
        self.index.string(self.word(format::PACKAGE_VERSION))
    }

    /// Its architecture, or `all`.
    pub fn architecture(&self) -> &'a str {
        self.index.architecture(self.flags().architecture)
    }

    /// What `Multi-Arch` says.
    pub fn multi_arch(&self) -> MultiArch {
        self.flags().multi_arch
    }

    /// Whether it says `Essential: yes`.
    pub fn is_essential(&self) -> bool {
        self.flags().essential
    }

    /// Whether it says `Important: yes` or `Protected: yes`.
    pub fn is_important(&self) -> bool {
        self.flags().important
    }

    /// Its priority.
    pub fn priority(&self) -> Priority {
        self.flags().priority
    }

    /// Where its file lies below the archive's root.
    pub fn path(&self) -> String {
        let folder = self.index.string(self.word(format::PACKAGE_FOLDER));
        let file = self.index.string(self.word(format::PACKAGE_FILE));
        let conventional =
            || compile::conventional(self.name(), self.version(), self.architecture());
        let file = match file {
            "" => conventional(),
            file => file.to_owned(),
        };
        match folder {
            "" => file,
            folder => format!("{folder}/{file}"),
        }
    }

    /// The size of its file.
    pub fn size(&self) -> u64 {
        let [low, high] = [0, 4].map(|more| self.word(format::PACKAGE_SIZE + more));
        u64::from(high) << 32 | u64::from(low)
    }

    /// The digest of its file.
    pub fn sha256(&self) -> Digest {
        use std::fmt::Write as _;
        let start = self.at.saturating_add(format::PACKAGE_SHA256);
        let bytes = self.index.bytes.get(start..).and_then(<[u8]>::first_chunk);
        let mut hex = String::with_capacity(64);
        for byte in bytes.unwrap_or(&[0; 32]) {
            let _ = write!(hex, "{byte:02x}");
        }
        // Hex digits of 32 bytes are a digest; there is no other case.
        Digest::from_hex(&hex).unwrap_or_else(|_| Digest::of(&[]))
    }

    /// The relations of one of its fields.
    pub fn relations(&self, field: Field) -> Vec<Relation<'a>> {
        let counts = format::COUNTED.map(|counted| (counted, self.count(counted)));
        let mut first = self.word(format::PACKAGE_RELATIONS);
        for (counted, count) in counts {
            if counted == field {
                let end = first
                    .saturating_add(count)
                    .min(self.index.layout.relation_count());
                let at = |number| self.index.layout.relation(number);
                return (first..end)
                    .map(|number| self.index.relation(at(number)))
                    .collect();
            }
            first = first.saturating_add(count);
        }
        Vec::new()
    }

    fn count(&self, field: Field) -> u32 {
        let at = self
            .at
            .saturating_add(format::PACKAGE_COUNTS + 2 * field as usize);
        let bytes = self.index.bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |bytes| u32::from(u16::from_le_bytes(*bytes)))
    }

    fn flags(&self) -> format::Flags {
        format::Flags::from_word(self.word(format::PACKAGE_FLAGS))
    }

    fn word(&self, field: usize) -> u32 {
        self.index.word(self.at.saturating_add(field))
    }
}

impl Field {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PreDepends => "Pre-Depends",
            Self::Depends => "Depends",
            Self::Conflicts => "Conflicts",
            Self::Breaks => "Breaks",
            Self::Provides => "Provides",
        }
    }
}

impl MultiArch {
    /// Reads the field's value.
    pub fn from_field(value: &str) -> Option<Self> {
        Some(match value {
            "" | "no" => Self::No,
            "same" => Self::Same,
            "foreign" => Self::Foreign,
            "allowed" => Self::Allowed,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
