//! Makes an index from a `Packages` file.
//!
//! Comes in: the file as a stream of stanzas. Goes out: bytes as [`format`] lays them out. Names
//! are numbered as they are seen, which is also their rank, and renumbered by their order at the
//! end; strings are kept once.

use std::collections::HashMap;
use std::io::BufRead;

use crate::debian::relation::{self, Qualifier, Relation};
use crate::debian::stanza::{Stanza, StanzaError, Stanzas};
use crate::debian::version;

use super::format::{self, Code, Flags};
use super::value::{Of, bytes_of, count};
use super::{Error, Field, MultiArch, Priority};

pub(super) fn compile(packages: impl BufRead, suite: &str) -> Result<Vec<u8>, Error> {
    let mut compiler = Compiler::new(suite);
    let mut stanzas = Stanzas::new(packages);
    while let Some(stanza) = stanzas.next().map_err(|error| unreadable(error, suite))? {
        compiler.add(&stanza)?;
    }
    compiler.finish()
}

fn unreadable(error: StanzaError, suite: &str) -> Error {
    let suite = suite.to_owned();
    match error {
        StanzaError::Io(source) => Error::Io { suite, source },
        source => Error::Stanza { suite, source },
    }
}

/// What a package's file is called unless the index says otherwise.
pub(super) fn conventional(name: &str, version: &str, architecture: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    format!("{name}_{version}_{architecture}.deb")
}

/// What has been read so far. Numbers of names are those of their first sight until the end.
struct Compiler<'a> {
    suite: &'a str,
    names: HashMap<String, Name>,
    /// The next rank.
    rank: u32,
    packages: Vec<Package>,
    relations: Vec<[u32; 3]>,
    architectures: Vec<String>,
    strings: Strings,
}

#[derive(Clone, Copy)]
struct Name {
    number: u32,
    rank: u32,
}

struct Package {
    name: u32,
    version: u32,
    folder: u32,
    file: u32,
    size: u64,
    flags: u32,
    relations: u32,
    counts: [u16; 5],
    sha256: [u8; 32],
}

impl<'a> Compiler<'a> {
    fn new(suite: &'a str) -> Self {
        Self {
            suite,
            names: HashMap::new(),
            rank: 0,
            packages: Vec::new(),
            relations: Vec::new(),
            architectures: Vec::new(),
            strings: Strings::new(),
        }
    }

    fn add(&mut self, stanza: &Stanza<'_>) -> Result<(), Error> {
        let line = format!("at line {}", stanza.line());
        let nameless = Of {
            suite: self.suite,
            package: &line,
        };
        let name = nameless.required(stanza, "Package")?;
        if !relation::is_name(&name) {
            return Err(nameless.value("Package", "a package's name", &name));
        }
        let of = Of {
            suite: self.suite,
            package: &name,
        };
        let number = self.name(&name, true)?;
        let text = of.required(stanza, "Version")?;
        version::check(&text).map_err(|source| Error::Version {
            suite: self.suite.to_owned(),
            package: name.to_string(),
            source,
        })?;
        let architecture = of.required(stanza, "Architecture")?;
        if !relation::is_architecture(&architecture) {
            return Err(of.value("Architecture", "an architecture's name", &architecture));
        }
        let path = of.required(stanza, "Filename")?;
        let (folder, file) = of.path(&path)?;
        let size = of.required(stanza, "Size")?;
        let sha256 = of.required(stanza, "SHA256")?;
        let sha256 =
            bytes_of(&sha256).ok_or_else(|| of.value("SHA256", "64 hex digits", &sha256))?;
        let relations = count(self.relations.len(), of, "relations")?;
        let counts = self.relations_of(stanza, of)?;
        let file = if file == conventional(&name, &text, &architecture) {
            ""
        } else {
            file
        };
        let package = Package {
            name: number,
            version: self.strings.intern(&text, of)?,
            folder: self.strings.intern(folder, of)?,
            file: self.strings.intern(file, of)?,
            size: size
                .parse()
                .map_err(|_| of.value("Size", "a number of bytes", &size))?,
            flags: self.flags(stanza, &architecture, of)?,
            relations,
            counts,
            sha256,
        };
        self.packages.push(package);
        Ok(())
    }

    /// Stores the relations of a stanza. Names are met in the order in which apt meets them, in
    /// fields that are not stored too: their rank depends on it.
    fn relations_of(&mut self, stanza: &Stanza<'_>, of: Of<'_>) -> Result<[u16; 5], Error> {
        let mut counts = [0; 5];
        for field in [
            Field::PreDepends,
            Field::Depends,
            Field::Conflicts,
            Field::Breaks,
        ] {
            counts[field as usize] = self.store(stanza, field, of)?;
        }
        for field in ["Recommends", "Suggests", "Replaces", "Enhances"] {
            let value = stanza.get(field).unwrap_or_default();
            // Nothing is decided by these fields, so nothing in them is an error either.
            for relation in relation::parse(&value).filter_map(Result::ok) {
                self.name(relation.name, relation.qualifier != Qualifier::Any)?;
            }
        }
        counts[Field::Provides as usize] = self.store(stanza, Field::Provides, of)?;
        Ok(counts)
    }

    fn store(&mut self, stanza: &Stanza<'_>, field: Field, of: Of<'_>) -> Result<u16, Error> {
        let Some(value) = stanza.get(field.as_str()) else {
            return Ok(0);
        };
        let mut stored: u16 = 0;
        for relation in relation::parse(&value) {
            let relation = relation.map_err(|source| Error::Relation {
                suite: self.suite.to_owned(),
                package: of.package.to_owned(),
                field: field.as_str(),
                source,
            })?;
            let record = self.record(relation, of)?;
            self.relations.push(record);
            stored = stored
                .checked_add(1)
                .ok_or_else(|| of.large("relations of a package"))?;
        }
        Ok(stored)
    }

    fn record(&mut self, relation: Relation<'_>, of: Of<'_>) -> Result<[u32; 3], Error> {
        let name = self.name(relation.name, relation.qualifier != Qualifier::Any)?;
        let (qualifier, architecture) = match relation.qualifier {
            Qualifier::None => (0, 0),
            Qualifier::Any => (format::ANY, 0),
            Qualifier::Native => (format::NATIVE, 0),
            Qualifier::Architecture(name) => (format::NAMED, self.architecture(name, of)?),
        };
        let code = Code {
            operator: relation.version.map(|(operator, _)| operator),
            qualifier,
            or: relation.or,
            architecture,
        };
        let version = match relation.version {
            Some((_, version)) => self.strings.intern(version, of)?,
            None => 0,
        };
        Ok([name, code.to_word(), version])
    }

    fn flags(&mut self, stanza: &Stanza<'_>, architecture: &str, of: Of<'_>) -> Result<u32, Error> {
        let multi_arch = stanza.get("Multi-Arch").unwrap_or_default();
        let multi_arch = MultiArch::from_field(&multi_arch).ok_or_else(|| {
            let expected = "`no`, `same`, `foreign` or `allowed`";
            of.value("Multi-Arch", expected, &multi_arch)
        })?;
        let yes = |field| stanza.get(field).as_deref() == Some("yes");
        let flags = Flags {
            multi_arch,
            priority: match stanza.get("Priority").as_deref() {
                None => Priority::Unstated,
                Some("required") => Priority::Required,
                Some("important") => Priority::Important,
                Some("standard") => Priority::Standard,
                Some("optional") => Priority::Optional,
                Some(_) => Priority::Extra,
            },
            essential: yes("Essential"),
            important: yes("Important") || yes("Protected"),
            architecture: self.architecture(architecture, of)?,
        };
        Ok(flags.to_word())
    }

    /// The number of a name. One with `:any` is another name to apt, and is not ranked by it.
    fn name(&mut self, name: &str, ranked: bool) -> Result<u32, Error> {
        if let Some(known) = self.names.get_mut(name) {
            if ranked && known.rank == format::NO_RANK {
                known.rank = self.rank;
                self.rank += 1;
            }
            return Ok(known.number);
        }
        let of = Of {
            suite: self.suite,
            package: name,
        };
        let number = count(self.names.len(), of, "names")?;
        let mut rank = format::NO_RANK;
        if ranked {
            rank = self.rank;
            self.rank += 1;
        }
        self.names.insert(name.to_owned(), Name { number, rank });
        Ok(number)
    }

    fn architecture(&mut self, name: &str, of: Of<'_>) -> Result<u16, Error> {
        let known = self.architectures.iter().position(|known| known == name);
        let number = known.unwrap_or_else(|| {
            self.architectures.push(name.to_owned());
            self.architectures.len() - 1
        });
        u16::try_from(number).map_err(|_| of.large("architectures"))
    }

    /// Renumbers the names and writes the sections.
    fn finish(mut self) -> Result<Vec<u8>, Error> {
        let of = Of {
            suite: self.suite,
            package: "",
        };
        let mut names: Vec<(String, Name)> = std::mem::take(&mut self.names).into_iter().collect();
        names.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut renumbered = vec![0; names.len()];
        for (new, (_, name)) in names.iter().enumerate() {
            renumbered[name.number as usize] = count(new, of, "names")?;
        }
        for relation in &mut self.relations {
            relation[0] = renumbered[relation[0] as usize];
        }
        for package in &mut self.packages {
            package.name = renumbered[package.name as usize];
        }
        self.packages.sort_by_key(|package| package.name);
        let providers = self.providers(of)?;
        let mut architectures = Vec::new();
        for name in &self.architectures {
            architectures.push(self.strings.intern(name, of)?);
        }

        let mut sections: [Vec<u8>; format::SECTIONS] = Default::default();
        let [
            name_records,
            texts,
            packages,
            provided,
            relations,
            offsets,
            strings,
        ] = &mut sections;
        let (mut package, mut provider) = (0, 0);
        for (number, (text, name)) in names.iter().enumerate() {
            let number = count(number, of, "names")?;
            while self
                .packages
                .get(package)
                .is_some_and(|it| it.name < number)
            {
                package += 1;
            }
            while providers.get(provider).is_some_and(|it| it[1] < number) {
                provider += 1;
            }
            name_record(
                name_records,
                [texts.len(), package, provider],
                name.rank,
                of,
            )?;
            texts.extend_from_slice(text.as_bytes());
        }
        let ends = [texts.len(), self.packages.len(), providers.len()];
        name_record(name_records, ends, format::NO_RANK, of)?;
        for package in &self.packages {
            package.write(packages);
        }
        words(provided, providers.as_flattened());
        words(relations, self.relations.as_flattened());
        words(offsets, &architectures);
        *strings = self.strings.bytes;
        joined(&sections, of)
    }

    /// A record for each name that a package provides.
    fn providers(&self, of: Of<'_>) -> Result<Vec<[u32; 4]>, Error> {
        let mut providers = Vec::new();
        for (number, package) in self.packages.iter().enumerate() {
            let number = count(number, of, "packages")?;
            let [others @ .., provides] = package.counts.map(usize::from);
            let first = package.relations as usize + others.iter().sum::<usize>();
            for [name, code, version] in &self.relations[first..first + provides] {
                providers.push([number, *name, *code, *version]);
            }
        }
        providers.sort_by_key(|[_, name, ..]| *name);
        Ok(providers)
    }
}

impl Package {
    fn write(&self, out: &mut Vec<u8>) {
        words(out, &[self.name, self.version, self.folder, self.file]);
        out.extend_from_slice(&self.size.to_le_bytes());
        words(out, &[self.flags, self.relations]);
        for count in self.counts {
            out.extend_from_slice(&count.to_le_bytes());
        }
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.sha256);
    }
}

/// Strings, each once, with their lengths before them.
struct Strings {
    bytes: Vec<u8>,
    known: HashMap<String, u32>,
}

impl Strings {
    fn new() -> Self {
        Self {
            bytes: vec![0; 2],
            known: HashMap::from([(String::new(), 0)]),
        }
    }

    fn intern(&mut self, text: &str, of: Of<'_>) -> Result<u32, Error> {
        if let Some(known) = self.known.get(text) {
            return Ok(*known);
        }
        let offset = count(self.bytes.len(), of, "strings")?;
        let length = u16::try_from(text.len()).map_err(|_| of.large("length of a value"))?;
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
        self.known.insert(text.to_owned(), offset);
        Ok(offset)
    }
}

fn name_record(out: &mut Vec<u8>, places: [usize; 3], rank: u32, of: Of<'_>) -> Result<(), Error> {
    let [text, package, provider] = places;
    let place = |place| count(place, of, "names");
    words(
        out,
        &[place(text)?, rank, place(package)?, place(provider)?],
    );
    Ok(())
}

/// The header and the sections behind it.
fn joined(sections: &[Vec<u8>], of: Of<'_>) -> Result<Vec<u8>, Error> {
    let length: usize = sections.iter().map(Vec::len).sum();
    let mut out = Vec::with_capacity(format::HEADER + length);
    out.extend_from_slice(&format::MAGIC);
    words(&mut out, &[format::FORMAT, 0]);
    for section in sections {
        words(&mut out, &[count(section.len(), of, "sections")?]);
    }
    for section in sections {
        out.extend_from_slice(section);
    }
    let checksum = crc32fast::hash(&out[format::HEADER..]);
    out[12..16].copy_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}
