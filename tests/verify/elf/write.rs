//! Lays out the parts of a file and writes its headers.

use super::contents::{attributes, build_info};
use super::dynamic::{self, Tables};
use super::{Elf, Kind, number};

/// Segments lie this far apart; the largest page of any platform.
const PAGE: u64 = 0x1_0000;
/// `PF_R | PF_X`, `PF_R | PF_W` and `PF_R`.
const CODE: u64 = 5;
const DATA: u64 = 6;
const READ: u64 = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Code,
    Data,
    /// Not loaded.
    File,
}

/// A piece of the file that has a section header.
struct Part {
    name: &'static str,
    kind: u64,
    flags: u64,
    align: u64,
    link: &'static str,
    info: u64,
    entry: u64,
    place: Place,
    bytes: Vec<u8>,
    offset: u64,
    address: u64,
}

/// The file.
pub(super) fn file(elf: &Elf) -> Vec<u8> {
    // The first time for the sizes, the second with the addresses that follow from them.
    let mut writer = Writer::new(elf, 0, 0);
    let text = writer.number_of(".text");
    let address = writer.address(".text");
    writer = Writer::new(elf, address, text);
    writer.write()
}

struct Writer<'a> {
    elf: &'a Elf,
    parts: Vec<Part>,
}

impl<'a> Writer<'a> {
    fn new(elf: &'a Elf, text: u64, section: u16) -> Self {
        let is_dynamic = elf.interpreter.is_some() || matches!(elf.kind, Kind::Pie | Kind::Library);
        let tables = is_dynamic.then(|| dynamic::tables(elf, text, section));
        let mut writer = Self {
            elf,
            parts: Vec::new(),
        };
        writer.notes();
        if let Some(tables) = &tables {
            writer.tables(tables);
        }
        let count = elf.symbols.len() + 1;
        writer.add(".text", 1, 6, Place::Code, vec![0; 16 * count]);
        if !elf.text.is_empty() {
            writer.add(".rodata", 1, 2, Place::Code, elf.text.clone());
        }
        if let Some(settings) = &elf.go {
            writer.add(".go.buildinfo", 1, 3, Place::Data, build_info(settings));
        }
        if let Some(tables) = &tables {
            let size = 2 * usize::from(elf.machine.bits / 8) * writer.entries(tables).len();
            let part = writer.add(".dynamic", 6, 3, Place::Data, vec![0; size]);
            part.link = ".dynstr";
            part.entry = 2 * u64::from(elf.machine.bits / 8);
        } else if elf.kind == Kind::Fixed {
            writer.add(".data.rel.ro", 1, 3, Place::Data, vec![0; 16]);
        }
        if !elf.attributes.is_empty() && elf.sections {
            let bytes = attributes(&elf.attributes, elf.machine);
            let part = writer.add(".ARM.attributes", 0x7000_0003, 0, Place::File, bytes);
            part.align = 1;
        }
        writer.place();
        if let Some(tables) = &tables {
            let entries = writer.entries(tables);
            let word = usize::from(elf.machine.bits / 8);
            let bytes = entries
                .into_iter()
                .flat_map(|(tag, value)| [writer.n(word, tag), writer.n(word, value)].concat())
                .collect();
            writer.part_mut(".dynamic").bytes = bytes;
        }
        writer
    }

    fn add(
        &mut self,
        name: &'static str,
        kind: u64,
        flags: u64,
        place: Place,
        bytes: Vec<u8>,
    ) -> &mut Part {
        self.parts.push(Part {
            name,
            kind,
            flags,
            align: 16,
            link: "",
            info: 0,
            entry: 0,
            place,
            bytes,
            offset: 0,
            address: 0,
        });
        self.parts.last_mut().expect("just added")
    }

    fn notes(&mut self) {
        let machine = self.elf.machine;
        if let Some(path) = &self.elf.interpreter {
            let bytes = [path.as_bytes(), b"\0"].concat();
            self.add(".interp", 1, 2, Place::Code, bytes).align = 1;
        }
        let notes = [
            self.elf.isa.map(|bits| {
                // GNU_PROPERTY_X86_ISA_1_NEEDED, four bytes, padded to a word.
                let property =
                    [0xc000_8002, 4, bits.into(), 0].map(|word| number(4, word, machine));
                let padded = if machine.bits == 64 { 4 } else { 3 };
                (
                    ".note.gnu.property",
                    b"GNU\0",
                    5,
                    property[..padded].concat(),
                )
            }),
            self.elf.dlopen.as_ref().map(|json| {
                let text = [json.as_bytes(), b"\0"].concat();
                (".note.dlopen", b"FDO\0", 0x407c_0c0a, text)
            }),
        ];
        for (name, owner, kind, mut text) in notes.into_iter().flatten() {
            let head = [4, text.len() as u64, kind].map(|word| number(4, word, machine));
            text.resize(text.len().next_multiple_of(4), 0);
            let bytes = [head.concat(), owner.to_vec(), text].concat();
            // Those of GNU's properties are padded to a word.
            let align = if kind == 5 { machine.bits / 8 } else { 4 };
            self.add(name, 7, 2, Place::Code, bytes).align = align.into();
        }
    }

    fn tables(&mut self, tables: &Tables) {
        let wide = self.elf.machine.bits == 64;
        if let Some(bytes) = &tables.hash {
            let part = self.add(".hash", 5, 2, Place::Code, bytes.clone());
            (part.link, part.entry) = (".dynsym", tables.hash_word as u64);
        }
        if let Some(bytes) = &tables.gnu_hash {
            let part = self.add(".gnu.hash", 0x6fff_fff6, 2, Place::Code, bytes.clone());
            part.link = ".dynsym";
        }
        let part = self.add(".dynsym", 11, 2, Place::Code, tables.symbols.clone());
        (part.link, part.info, part.align) = (".dynstr", 1, 8);
        part.entry = if wide { 24 } else { 16 };
        let part = self.add(".dynstr", 3, 2, Place::Code, tables.strings.clone());
        part.align = 1;
        if let Some(bytes) = &tables.version_of {
            let part = self.add(".gnu.version", 0x6fff_ffff, 2, Place::Code, bytes.clone());
            (part.link, part.entry, part.align) = (".dynsym", 2, 2);
        }
        for (name, kind, table) in [
            (".gnu.version_d", 0x6fff_fffd, &tables.defined),
            (".gnu.version_r", 0x6fff_fffe, &tables.needed),
        ] {
            if let Some((bytes, count)) = table {
                let part = self.add(name, kind, 2, Place::Code, bytes.clone());
                (part.link, part.info, part.align) = (".dynstr", (*count).into(), 8);
            }
        }
    }

    /// The dynamic table; before the parts are placed, its addresses are not yet right.
    fn entries(&self, tables: &Tables) -> Vec<(u64, u64)> {
        let elf = self.elf;
        let mut entries = tables.named.clone();
        if elf.interpreter.is_some() {
            entries.push((21, 0));
        }
        for (tag, name) in [
            (4, ".hash"),
            (0x6fff_fef5, ".gnu.hash"),
            (5, ".dynstr"),
            (6, ".dynsym"),
            (0x6fff_fff0, ".gnu.version"),
            (0x6fff_fffc, ".gnu.version_d"),
            (0x6fff_fffe, ".gnu.version_r"),
        ] {
            if self.part(name).is_some() {
                entries.push((tag, self.address(name)));
            }
        }
        let symbol = if elf.machine.bits == 64 { 24 } else { 16 };
        entries.extend([(10, tables.strings.len() as u64), (11, symbol)]);
        for (tag, table) in [
            (0x6fff_fffd, &tables.defined),
            (0x6fff_ffff, &tables.needed),
        ] {
            entries.extend(table.as_ref().map(|(_, count)| (tag, u64::from(*count))));
        }
        if elf.text_relocations {
            entries.push((22, 0));
        }
        for (tag, flags) in [(30, elf.flags), (0x6fff_fffb, elf.flags_1)] {
            if flags != 0 {
                entries.push((tag, flags));
            }
        }
        if elf.machine.number == 8 {
            let count = tables.count as u64;
            let base = base(elf);
            entries.extend([
                (0x7000_0001, 1),
                (0x7000_0005, 2),
                (0x7000_0006, base),
                (0x7000_000a, 0),
                (0x7000_0011, count),
                (0x7000_0013, count),
            ]);
        }
        entries.push((0, 0));
        entries
    }

    fn place(&mut self) {
        let mut at = self.headers();
        let base = base(self.elf);
        for part in &mut self.parts {
            at = at.next_multiple_of(part.align);
            part.offset = at;
            part.address = match part.place {
                _ if self.elf.kind == Kind::Object => 0,
                Place::Code => base + at,
                // In a page of its own, where the offset within the page is the file's.
                Place::Data => base + PAGE + at,
                Place::File => 0,
            };
            at += part.bytes.len() as u64;
        }
    }

    fn write(&self) -> Vec<u8> {
        let segments = self.segments();
        let mut out = vec![0; usize::try_from(self.headers()).expect("small")];
        for part in &self.parts {
            out.resize(usize::try_from(part.offset).expect("small"), 0);
            out.extend(&part.bytes);
        }
        let sections = (self.elf.sections).then(|| self.sections(&mut out));
        let count = segments.len();
        let head = self.header(count, sections);
        let table: Vec<u8> = segments.concat();
        out[..head.len()].copy_from_slice(&head);
        out[head.len()..head.len() + table.len()].copy_from_slice(&table);
        out
    }

    /// The size of the file's header and of the program headers.
    fn headers(&self) -> u64 {
        let (head, one) = match self.elf.machine.bits {
            64 => (64, 56),
            _ => (52, 32),
        };
        head + one * self.segments().len() as u64
    }

    fn header(&self, segments: usize, sections: Option<(u64, u64)>) -> Vec<u8> {
        let elf = self.elf;
        let wide = elf.machine.bits == 64;
        let word = usize::from(elf.machine.bits / 8);
        let mut out = b"\x7fELF".to_vec();
        out.extend([
            if wide { 2 } else { 1 },
            if elf.machine.little { 1 } else { 2 },
            1,
            elf.os_abi,
        ]);
        out.extend([0; 8]);
        let kind = match elf.kind {
            Kind::Object => 1,
            Kind::Fixed | Kind::Packed => 2,
            Kind::Pie | Kind::Library => 3,
        };
        let starts = !matches!(elf.kind, Kind::Object | Kind::Library);
        let entry = if starts { self.address(".text") } else { 0 };
        let (size, segment, section) = if wide { (64, 56, 64) } else { (52, 32, 40) };
        let (at, count) = sections.unwrap_or((0, 0));
        let first = if segments == 0 { 0 } else { size };
        out.extend([self.n(2, kind), self.n(2, elf.number.into()), self.n(4, 1)].concat());
        out.extend([self.n(word, entry), self.n(word, first), self.n(word, at)].concat());
        out.extend(self.n(4, elf.e_flags.into()));
        let segment = if segments == 0 { 0 } else { segment };
        let names = count.saturating_sub(1);
        for half in [size, segment, segments as u64, section, count, names] {
            out.extend(self.n(2, half));
        }
        out
    }

    fn segments(&self) -> Vec<Vec<u8>> {
        let elf = self.elf;
        let base = base(elf);
        if elf.kind == Kind::Object {
            return Vec::new();
        }
        let end = |place| {
            let parts = self.parts.iter().filter(|part| part.place == place);
            let end = parts
                .map(|part| part.offset + part.bytes.len() as u64)
                .max();
            end.unwrap_or(0)
        };
        if elf.kind == Kind::Packed {
            // Where it unpacks itself to comes first and has nothing in the file.
            return vec![
                self.segment(1, DATA, 0, base, [0, 0x2_4000], 0x1000),
                self.segment(1, CODE, 0, base + 0x3_0000, [end(Place::Code); 2], 0x1000),
                self.segment(0x6474_e551, DATA, 0, 0, [0, 0], 16),
            ];
        }
        let mut all = Vec::new();
        let mut over = |kind, flags, name: &str| {
            if let Some(part) = self.part(name) {
                let size = part.bytes.len() as u64;
                all.push(self.segment(
                    kind,
                    flags,
                    part.offset,
                    part.address,
                    [size; 2],
                    part.align,
                ));
            }
        };
        over(3, READ, ".interp");
        over(4, READ, ".note.gnu.property");
        over(0x6474_e553, READ, ".note.gnu.property");
        over(4, READ, ".note.dlopen");
        over(2, DATA, ".dynamic");
        let relro = [".dynamic", ".data.rel.ro"];
        for name in relro.into_iter().filter(|_| elf.relro) {
            over(0x6474_e552, READ, name);
        }
        let code = end(Place::Code);
        // Loaded segments come in the order of their addresses.
        all.insert(0, self.segment(1, CODE, 0, base, [code; 2], PAGE));
        if let Some(first) = self.parts.iter().find(|part| part.place == Place::Data) {
            let size = end(Place::Data) - first.offset;
            let data = self.segment(1, DATA, first.offset, first.address, [size; 2], PAGE);
            all.insert(1, data);
        }
        if let Some(flags) = elf.stack {
            all.push(self.segment(0x6474_e551, flags.into(), 0, 0, [0, 0], 16));
        }
        all
    }

    fn segment(
        &self,
        kind: u64,
        flags: u64,
        offset: u64,
        address: u64,
        [in_file, in_memory]: [u64; 2],
        align: u64,
    ) -> Vec<u8> {
        let word = usize::from(self.elf.machine.bits / 8);
        let words = [offset, address, address, in_file, in_memory];
        let words: Vec<u8> = words.into_iter().flat_map(|w| self.n(word, w)).collect();
        let (kind, flags) = (self.n(4, kind), self.n(4, flags));
        match word {
            8 => [kind, flags, words, self.n(8, align)].concat(),
            _ => [kind, words, flags, self.n(4, align)].concat(),
        }
    }

    /// Writes the names of sections and their headers behind all else.
    fn sections(&self, out: &mut Vec<u8>) -> (u64, u64) {
        let word = usize::from(self.elf.machine.bits / 8);
        let mut names = b"\0".to_vec();
        let mut table = vec![0; if word == 8 { 64 } else { 40 }];
        let mut header = |name: u64, part: &Part| {
            let link = self.parts.iter().position(|other| other.name == part.link);
            let link = link.map_or(0, |at| at as u64 + 1);
            table.extend([self.n(4, name), self.n(4, part.kind)].concat());
            for value in [
                part.flags,
                part.address,
                part.offset,
                part.bytes.len() as u64,
            ] {
                table.extend(self.n(word, value));
            }
            table.extend([self.n(4, link), self.n(4, part.info)].concat());
            table.extend([self.n(word, part.align), self.n(word, part.entry)].concat());
        };
        for part in &self.parts {
            header(names.len() as u64, part);
            names.extend(part.name.bytes());
            names.push(0);
        }
        let name = names.len() as u64;
        names.extend(b".shstrtab\0");
        let part = Part {
            name: ".shstrtab",
            kind: 3,
            flags: 0,
            align: 1,
            link: "-",
            info: 0,
            entry: 0,
            place: Place::File,
            offset: out.len() as u64,
            address: 0,
            bytes: names,
        };
        header(name, &part);
        out.extend(&part.bytes);
        out.resize(out.len().next_multiple_of(8), 0);
        let at = out.len() as u64;
        out.extend(&table);
        (at, self.parts.len() as u64 + 2)
    }

    fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    fn part_mut(&mut self, name: &str) -> &mut Part {
        let mut parts = self.parts.iter_mut();
        parts.find(|part| part.name == name).expect("added before")
    }

    fn address(&self, name: &str) -> u64 {
        self.part(name).map_or(0, |part| part.address)
    }

    fn number_of(&self, name: &str) -> u16 {
        let at = self.parts.iter().position(|part| part.name == name);
        u16::try_from(at.expect("every file has it") + 1).expect("few")
    }

    fn n(&self, size: usize, value: u64) -> Vec<u8> {
        number(size, value, self.elf.machine)
    }
}

/// Where a file is loaded.
fn base(elf: &Elf) -> u64 {
    match elf.kind {
        Kind::Fixed | Kind::Packed => 0x40_0000,
        Kind::Pie | Kind::Library | Kind::Object => 0,
    }
}
