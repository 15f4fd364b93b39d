//! Names of symbols, kept small: an image has thousands of libraries with millions of them.
//!
//! What a file asks for is kept by name, since it is told to the user. What it offers is only ever
//! looked up, so a hash of each name is enough: among a million names the chance that one is taken
//! for another is one in thirty million.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A list of names in one piece of memory.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names(String);

/// What each name ends with; no name has it.
const END: char = '\0';

impl Names {
    /// The names in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split_terminator(END)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, name: &str) {
        self.0.push_str(name);
        self.0.push(END);
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The symbols that a file defines for others: sorted hashes of their names, FNV-1a with 64 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exports(Vec<u64>);

impl Exports {
    /// Whether a symbol of this name is defined.
    pub fn contains(&self, name: &str) -> bool {
        self.0.binary_search(&hash(name)).is_ok()
    }

    /// How many names there are; one with several versions counts once.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<u64> for Exports {
    fn from_iter<I: IntoIterator<Item = u64>>(hashes: I) -> Self {
        let mut hashes: Vec<u64> = hashes.into_iter().collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.shrink_to_fit();
        Self(hashes)
    }
}

/// FNV-1a (draft-eastlake-fnv, section 2).
pub(super) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_in_their_order() {
        let mut names = Names::default();
        assert!(names.is_empty());
        for name in ["b", "with space\nand line", "a"] {
            names.push(name);
        }
        let back: Vec<&str> = names.iter().collect();
        assert_eq!(back, ["b", "with space\nand line", "a"]);
        assert!(!names.is_empty());
    }

    #[test]
    fn a_name_is_found_by_its_hash() {
        // Values of the draft's appendix.
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
        let exports: Exports = ["malloc", "free", "malloc"].map(hash).into_iter().collect();
        assert_eq!(exports.len(), 2);
        assert!(exports.contains("free") && exports.contains("malloc"));
        assert!(!exports.contains("calloc") && !exports.contains(""));
    }
}
