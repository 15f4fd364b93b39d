//! The tables that a dynamic linker reads: names, symbols, hashes, versions.

use super::{Elf, Hash, Symbol, number};

/// The tables of a file, in the order of linkers.
pub(super) struct Tables {
    pub(super) strings: Vec<u8>,
    pub(super) symbols: Vec<u8>,
    /// How many symbols, with the empty one.
    pub(super) count: usize,
    pub(super) gnu_hash: Option<Vec<u8>>,
    pub(super) hash: Option<Vec<u8>>,
    /// Bytes of one word of `hash`.
    pub(super) hash_word: usize,
    pub(super) version_of: Option<Vec<u8>>,
    pub(super) defined: Option<(Vec<u8>, u32)>,
    pub(super) needed: Option<(Vec<u8>, u32)>,
    /// Tags whose values are places among the strings.
    pub(super) named: Vec<(u64, u64)>,
}

/// Makes the tables. `address` is that of the first function, in the section of that number.
pub(super) fn tables(elf: &Elf, address: u64, section: u16) -> Tables {
    let mut strings = Strings(vec![0]);
    let mut named = Vec::new();
    for name in &elf.needed {
        named.push((1, strings.add(name)));
    }
    for (tag, name) in [(14, &elf.soname), (15, &elf.rpath), (29, &elf.runpath)] {
        if let Some(name) = name {
            named.push((tag, strings.add(name)));
        }
    }
    let (imports, mut exports): (Vec<&Symbol>, Vec<&Symbol>) =
        elf.symbols.iter().partition(|symbol| !symbol.defined);
    let buckets = exports.len().div_ceil(2).max(1);
    exports.sort_by_key(|symbol| gnu(&symbol.name) as usize % buckets);
    let first = imports.len() + 1;
    let all: Vec<&Symbol> = imports.into_iter().chain(exports).collect();

    let mut symbols = vec![0; if elf.machine.bits == 64 { 24 } else { 16 }];
    for (at, symbol) in all.iter().enumerate() {
        let name = strings.add(&symbol.name);
        let value = match symbol.defined {
            true => address + 16 * at as u64,
            false => 0,
        };
        symbols.extend(entry(elf, symbol, name, value, section));
    }
    let versions = Versions::of(elf);
    let version_of = versions.any().then(|| {
        let numbers = [0]
            .into_iter()
            .chain(all.iter().map(|symbol| versions.number(symbol)));
        numbers
            .flat_map(|index| number(2, index, elf.machine))
            .collect()
    });
    let hash_word = if elf.machine.number == 22 { 8 } else { 4 };
    let names: Vec<&str> = all.iter().map(|symbol| symbol.name.as_str()).collect();
    Tables {
        defined: versions.definitions(elf, &mut strings),
        needed: versions.needs(elf, &mut strings),
        count: all.len() + 1,
        gnu_hash: matches!(elf.hash, Hash::Gnu | Hash::Both)
            .then(|| gnu_hash(elf, &names, first, buckets)),
        hash: matches!(elf.hash, Hash::System | Hash::Both)
            .then(|| system_hash(elf, &names, hash_word)),
        hash_word,
        version_of,
        strings: strings.0,
        symbols,
        named,
    }
}

struct Strings(Vec<u8>);

impl Strings {
    fn add(&mut self, text: &str) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend(text.bytes());
        self.0.push(0);
        at
    }
}

fn entry(elf: &Elf, symbol: &Symbol, name: u64, value: u64, section: u16) -> Vec<u8> {
    let n = |size, value| number(size, value, elf.machine);
    let binding: u8 = if symbol.weak { 2 } else { 1 };
    // A weak one that nobody has is of no type.
    let info = binding << 4 | if symbol.defined { 2 } else { 0 };
    let size = if symbol.defined { 16 } else { 0 };
    let section = if symbol.defined { section } else { 0 };
    let tail = [vec![info, 0], n(2, section.into())].concat();
    if elf.machine.bits == 64 {
        [n(4, name), tail, n(8, value), n(8, size)].concat()
    } else {
        [n(4, name), n(4, value), n(4, size), tail].concat()
    }
}

/// The numbers of versions: 1 is the file's own name, then come those that are defined, then those
/// that are needed.
struct Versions<'a> {
    defined: Vec<&'a str>,
    needed: Vec<(&'a str, Vec<(&'a str, bool)>)>,
}

impl<'a> Versions<'a> {
    fn of(elf: &'a Elf) -> Self {
        let mut needed: Vec<(&str, Vec<(&str, bool)>)> = Vec::new();
        for need in &elf.needs {
            let version = (need.version.as_str(), need.weak);
            match needed.iter_mut().find(|(name, _)| *name == need.library) {
                Some((_, versions)) => versions.push(version),
                None => needed.push((&need.library, vec![version])),
            }
        }
        Self {
            defined: elf.versions.iter().map(String::as_str).collect(),
            needed,
        }
    }

    fn any(&self) -> bool {
        !self.defined.is_empty() || !self.needed.is_empty()
    }

    fn first_needed(&self) -> u64 {
        match self.defined.len() as u64 {
            0 => 2,
            count => count + 2,
        }
    }

    fn number(&self, symbol: &Symbol) -> u64 {
        let Some(version) = symbol.version.as_deref() else {
            return 1;
        };
        let among = |mut names: Box<dyn Iterator<Item = &str> + '_>| {
            let at = names.position(|name| name == version);
            at.unwrap_or_else(|| panic!("{}: no version {version}", symbol.name)) as u64
        };
        if symbol.defined {
            return 2 + among(Box::new(self.defined.iter().copied()));
        }
        let needed = self.needed.iter().flat_map(|(_, versions)| versions);
        self.first_needed() + among(Box::new(needed.map(|(name, _)| *name)))
    }

    fn definitions(&self, elf: &Elf, strings: &mut Strings) -> Option<(Vec<u8>, u32)> {
        if self.defined.is_empty() {
            return None;
        }
        let n = |size, value| number(size, value, elf.machine);
        let own = elf.soname.as_deref().unwrap_or("unnamed");
        let names: Vec<&str> = [own]
            .into_iter()
            .chain(self.defined.iter().copied())
            .collect();
        let mut out = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let next = if at + 1 < names.len() { 28 } else { 0 };
            let flags = u64::from(at == 0);
            for half in [1, flags, at as u64 + 1, 1] {
                out.extend(n(2, half));
            }
            for word in [system(name).into(), 20, next, strings.add(name), 0] {
                out.extend(n(4, word));
            }
        }
        Some((out, u32::try_from(names.len()).expect("few")))
    }

    fn needs(&self, elf: &Elf, strings: &mut Strings) -> Option<(Vec<u8>, u32)> {
        if self.needed.is_empty() {
            return None;
        }
        let n = |size, value| number(size, value, elf.machine);
        let (mut out, mut index) = (Vec::new(), self.first_needed());
        for (at, (library, versions)) in self.needed.iter().enumerate() {
            let count = versions.len() as u64;
            let next = match at + 1 < self.needed.len() {
                true => 16 + 16 * count,
                false => 0,
            };
            // The name of a library that is needed stands there already; twice does no harm.
            out.extend([n(2, 1), n(2, count)].concat());
            for word in [strings.add(library), 16, next] {
                out.extend(n(4, word));
            }
            for (at, (version, weak)) in versions.iter().enumerate() {
                let next = if at + 1 < versions.len() { 16 } else { 0 };
                out.extend(n(4, system(version).into()));
                out.extend(n(2, if *weak { 2 } else { 0 }));
                out.extend(n(2, index));
                out.extend(n(4, strings.add(version)));
                out.extend(n(4, next));
                index += 1;
            }
        }
        Some((out, u32::try_from(self.needed.len()).expect("few")))
    }
}

/// A table of GNU's, as `ld` writes it: without one symbol to be found, it begins at 1 all the same.
fn gnu_hash(elf: &Elf, names: &[&str], first: usize, buckets: usize) -> Vec<u8> {
    let n = |size, value| number(size, value, elf.machine);
    let bits = u32::from(elf.machine.bits);
    let word = usize::from(elf.machine.bits / 8);
    let exports = &names[first - 1..];
    if exports.is_empty() {
        let head = [1, 1, 1, 0].map(|value| n(4, value)).concat();
        return [head, n(word, 0), n(4, 0)].concat();
    }
    let shift = if bits == 64 { 6 } else { 5 };
    let hashes: Vec<u32> = exports.iter().map(|name| gnu(name)).collect();
    let mut bloom = 0u64;
    for hash in &hashes {
        bloom |= 1 << (hash % bits) | 1 << ((hash >> shift) % bits);
    }
    let bucket = |hash: u32| hash as usize % buckets;
    let mut out = [buckets as u64, first as u64, 1, shift]
        .map(|value| n(4, value))
        .concat();
    out.extend(n(word, bloom));
    for wanted in 0..buckets {
        let at = hashes.iter().position(|hash| bucket(*hash) == wanted);
        out.extend(n(4, at.map_or(0, |at| (first + at) as u64)));
    }
    for (at, hash) in hashes.iter().enumerate() {
        let last = hashes
            .get(at + 1)
            .is_none_or(|next| bucket(*next) != bucket(*hash));
        out.extend(n(4, u64::from(hash & !1 | u32::from(last))));
    }
    out
}

fn system_hash(elf: &Elf, names: &[&str], word: usize) -> Vec<u8> {
    let count = names.len() + 1;
    let buckets = names.len().max(1);
    let (mut heads, mut chain) = (vec![0u64; buckets], vec![0u64; count]);
    for (at, name) in names.iter().enumerate() {
        let bucket = system(name) as usize % buckets;
        chain[at + 1] = heads[bucket];
        heads[bucket] = at as u64 + 1;
    }
    [buckets as u64, count as u64]
        .into_iter()
        .chain(heads)
        .chain(chain)
        .flat_map(|value| number(word, value, elf.machine))
        .collect()
}

fn gnu(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| {
        hash.wrapping_mul(33).wrapping_add(byte.into())
    })
}

fn system(name: &str) -> u32 {
    name.bytes().fold(0, |hash: u32, byte| {
        let hash = (hash << 4).wrapping_add(byte.into());
        let high = hash & 0xf000_0000;
        (hash ^ high >> 24) & !high
    })
}
