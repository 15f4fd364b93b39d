//! The dynamic table of a sample and what it points to.

use super::{BASE, Writer};

/// A dynamic symbol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    /// Its name.
    pub(crate) name: &'static str,
    /// `STB_GLOBAL` (1) and its kin.
    pub(crate) bind: u8,
    /// `STV_DEFAULT` (0) and its kin.
    pub(crate) visibility: u8,
    /// Whether the file defines it.
    pub(crate) defined: bool,
    /// What the table of versions has for it.
    pub(crate) version: u16,
}

impl Symbol {
    /// One that another file has to define.
    pub(crate) fn import(name: &'static str, version: u16) -> Self {
        Self {
            name,
            bind: 1,
            visibility: 0,
            defined: false,
            version,
        }
    }

    /// One that the file defines.
    pub(crate) fn export(name: &'static str) -> Self {
        Self {
            defined: true,
            ..Self::import(name, 1)
        }
    }

    /// The same with another binding.
    pub(crate) fn bound(self, bind: u8) -> Self {
        Self { bind, ..self }
    }
}

/// What tells how many symbols there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// `DT_HASH`.
    Hash,
    /// `DT_GNU_HASH`.
    GnuHash,
    /// `DT_MIPS_SYMTABNO`.
    Mips,
    /// Nothing but the section headers, or the place of the next table.
    Nothing,
}

/// Where the tables lie.
pub(super) struct Places {
    /// The dynamic table.
    pub(super) table: (u64, u64),
    /// The symbols.
    pub(super) symbols: Option<(u64, u64)>,
}

impl Writer<'_> {
    pub(super) fn dynamic(&mut self) -> Places {
        let sample = self.sample;
        let mut strings = vec![0];
        let mut entries = Vec::new();
        let names = sample.needed.iter().map(|name| (1, *name));
        let others = [
            (14, sample.soname),
            (15, sample.rpath),
            (29, sample.runpath),
        ];
        let others = others
            .into_iter()
            .filter_map(|(tag, text)| Some((tag, text?)));
        for (tag, text) in names.chain(others) {
            entries.push((tag, put(&mut strings, text)));
        }
        let definitions = self.definitions(&mut strings);
        let needs = self.needs(&mut strings);
        let symbols = self.symbols(&mut strings);
        let mut table = None;
        if !symbols.is_empty() {
            if let Some((tag, hash)) = self.hash() {
                let (at, _) = self.range(&hash);
                entries.push((tag, BASE + at));
            } else if sample.count == Count::Mips {
                entries.push((0x7000_0011, sample.symbols.len() as u64 + 1));
            }
            let range = self.range(&symbols);
            let size = if sample.elf.bits == 64 { 24 } else { 16 };
            entries.extend([(6, BASE + range.0), (11, size)]);
            table = Some(range);
        }
        let (at, size) = self.range(&strings);
        entries.extend([(5, BASE + at), (10, size)]);
        if !symbols.is_empty() {
            let mut versions = vec![0, 0];
            for symbol in &sample.symbols {
                versions.extend(self.number(2, symbol.version.into()));
            }
            let (at, _) = self.range(&versions);
            entries.push((0x6fff_fff0, BASE + at));
        }
        if !definitions.is_empty() {
            let (at, _) = self.range(&definitions);
            entries.push((0x6fff_fffc, BASE + at));
            entries.push((0x6fff_fffd, sample.versions.len() as u64));
        }
        if !needs.is_empty() {
            let (at, _) = self.range(&needs);
            entries.push((0x6fff_fffe, BASE + at));
            entries.push((0x6fff_ffff, sample.needs.len() as u64));
        }
        entries.extend(sample.tags.iter().map(|tag| (*tag, 0)));
        entries.extend([(30, sample.dt_flags), (0x6fff_fffb, sample.flags_1), (0, 0)]);
        let bytes: Vec<u8> = entries
            .into_iter()
            .flat_map(|(tag, value)| [self.word(tag), self.word(value)].concat())
            .collect();
        Places {
            table: self.range(&bytes),
            symbols: table,
        }
    }

    /// Definitions of versions, each with its name behind it.
    fn definitions(&self, strings: &mut Vec<u8>) -> Vec<u8> {
        let count = self.sample.versions.len();
        let mut out = Vec::new();
        for (index, name) in self.sample.versions.iter().enumerate() {
            let base = u64::from(index == 0);
            for half in [1, base, index as u64 + 1, 1] {
                out.extend(self.number(2, half));
            }
            let next = if index + 1 < count { 28 } else { 0 };
            for word in [0, 20, next, put(strings, name), 0] {
                out.extend(self.number(4, word));
            }
        }
        out
    }

    /// Needed versions, those of each library behind it.
    fn needs(&self, strings: &mut Vec<u8>) -> Vec<u8> {
        let needs = &self.sample.needs;
        let mut number = self.sample.versions.len().max(1) as u64;
        let mut out = Vec::new();
        for (index, (file, versions)) in needs.iter().enumerate() {
            let count = versions.len() as u64;
            let next = match index + 1 < needs.len() {
                true => 16 * (count + 1),
                false => 0,
            };
            out.extend(self.number(2, 1));
            out.extend(self.number(2, count));
            for word in [put(strings, file), 16, next] {
                out.extend(self.number(4, word));
            }
            for (index, (name, weak)) in versions.iter().enumerate() {
                number += 1;
                let next = if index + 1 < versions.len() { 16 } else { 0 };
                out.extend(self.number(4, 0));
                out.extend(self.number(2, if *weak { 2 } else { 0 }));
                out.extend(self.number(2, number));
                out.extend(self.number(4, put(strings, name)));
                out.extend(self.number(4, next));
            }
        }
        out
    }

    /// The symbols behind the empty one; nothing where there is none.
    fn symbols(&self, strings: &mut Vec<u8>) -> Vec<u8> {
        let wide = self.sample.elf.bits == 64;
        if self.sample.symbols.is_empty() {
            return Vec::new();
        }
        let mut out = vec![0; if wide { 24 } else { 16 }];
        for symbol in &self.sample.symbols {
            let name = self.number(4, put(strings, symbol.name));
            let place = vec![0; if wide { 16 } else { 8 }];
            let kind = [symbol.bind << 4 | 2, symbol.visibility];
            let section = self.number(2, u64::from(symbol.defined));
            let parts = match wide {
                true => [name, kind.to_vec(), section, place],
                false => [name, place, kind.to_vec(), section],
            };
            out.extend(parts.concat());
        }
        out
    }

    /// The hash table and its tag. Only what tells the number of symbols is right in it.
    fn hash(&self) -> Option<(u64, Vec<u8>)> {
        let sample = self.sample;
        let count = sample.symbols.len() as u64 + 1;
        if sample.count == Count::Hash {
            let is_wide = sample.elf.machine == 22 && sample.elf.bits == 64;
            let size = if is_wide { 8 } else { 4 };
            let words = [1, count, 0].into_iter().chain((0..count).map(|_| 0));
            return Some((4, words.flat_map(|word| self.number(size, word)).collect()));
        }
        if sample.count != Count::GnuHash {
            return None;
        }
        let first = sample.symbols.iter().position(|symbol| symbol.defined);
        // GNU ld's table of no symbols says that all but the empty one are in it.
        let first = first.map_or(1, |index| index as u64 + 1);
        let is_empty = sample.symbols.iter().all(|symbol| !symbol.defined);
        let mut out: Vec<u8> = [3, first, 1, 5]
            .into_iter()
            .flat_map(|word| self.number(4, word))
            .collect();
        out.extend(self.word(u64::MAX));
        let last = (count - 1).min(first + 1);
        let buckets = if is_empty {
            [0, 0, 0]
        } else {
            [first, last, 0]
        };
        out.extend(buckets.into_iter().flat_map(|word| self.number(4, word)));
        if !is_empty {
            for index in first..count {
                let is_end = index == first || index + 1 == count;
                out.extend(self.number(4, 0x1000 | u64::from(is_end)));
            }
        }
        Some((0x6fff_fef5, out))
    }
}

fn put(strings: &mut Vec<u8>, text: &str) -> u64 {
    let at = strings.len() as u64;
    strings.extend(text.bytes());
    strings.push(0);
    at
}
