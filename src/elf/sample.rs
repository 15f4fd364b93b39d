//! Small ELF files for tests: a header, program headers, and the tables asked for, in the byte
//! order and class of any platform.

mod dynamic;

use crate::target::Elf;

pub(crate) use dynamic::{Count, Symbol};

/// What the file is to contain.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Machine, class, byte order.
    pub(crate) elf: Elf,
    /// `EI_OSABI`.
    pub(crate) os_abi: u8,
    /// `e_type`.
    pub(crate) kind: u16,
    /// `e_flags`.
    pub(crate) flags: u32,
    /// `PT_INTERP`.
    pub(crate) interpreter: Option<&'static str>,
    /// `DT_NEEDED`.
    pub(crate) needed: Vec<&'static str>,
    /// `DT_VERDEF`: the versions that a library defines, the library's own name first.
    pub(crate) versions: Vec<&'static str>,
    /// `DT_FLAGS_1`, where not zero.
    pub(crate) flags_1: u64,
    /// `DT_FLAGS`.
    pub(crate) dt_flags: u64,
    /// Tags that stand in the dynamic table without a value.
    pub(crate) tags: Vec<u64>,
    /// `DT_SONAME`.
    pub(crate) soname: Option<&'static str>,
    /// `DT_RPATH`.
    pub(crate) rpath: Option<&'static str>,
    /// `DT_RUNPATH`.
    pub(crate) runpath: Option<&'static str>,
    /// `DT_VERNEED`: libraries with the versions needed, and whether each is weak.
    pub(crate) needs: Vec<(&'static str, Vec<(&'static str, bool)>)>,
    /// `DT_SYMTAB`; those that are not defined come first.
    pub(crate) symbols: Vec<Symbol>,
    /// What tells how many symbols there are.
    pub(crate) count: Count,
    /// The flags of `PT_GNU_STACK`.
    pub(crate) stack: Option<u64>,
    /// `PT_GNU_RELRO`.
    pub(crate) relro: bool,
    /// `PT_NOTE`, aligned to words of the class.
    pub(crate) notes: Option<Vec<u8>>,
    /// `.note.dlopen`.
    pub(crate) note_section: Option<Vec<u8>>,
    /// Bytes that are loaded; if there are any, not for writing.
    pub(crate) data: Vec<u8>,
    /// `.ARM.attributes`.
    pub(crate) attributes: Option<Vec<u8>>,
    /// `.go.buildinfo`.
    pub(crate) go: Option<Vec<u8>>,
    /// Whether there are section headers.
    pub(crate) sections: bool,
}

impl Sample {
    /// A static program.
    pub(crate) fn new(elf: Elf) -> Self {
        Self {
            elf,
            os_abi: 0,
            kind: 2,
            flags: 0,
            interpreter: None,
            needed: Vec::new(),
            versions: Vec::new(),
            flags_1: 0,
            dt_flags: 0,
            tags: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            needs: Vec::new(),
            symbols: Vec::new(),
            count: Count::Hash,
            stack: None,
            relro: false,
            notes: None,
            note_section: None,
            data: Vec::new(),
            attributes: None,
            go: None,
            sections: true,
        }
    }

    /// The flags that compilers write for the machine's usual ABI.
    pub(crate) fn usual(elf: Elf) -> Self {
        let flags = match elf.machine {
            8 => 0x8000_0006,
            21 => 2,
            40 => 0x0500_0400,
            243 => 5,
            258 => 0x43,
            _ => 0,
        };
        Self {
            flags,
            ..Self::new(elf)
        }
    }

    /// With Go's build information for these settings.
    pub(crate) fn with_go(mut self, settings: &[(&str, &str)]) -> Self {
        let lines: Vec<String> = settings
            .iter()
            .map(|(key, value)| format!("build\t{key}={value}\n"))
            .collect();
        self.go = Some(go_build_info("go1.26.8", &lines.concat()));
        self
    }

    fn has_dynamic(&self) -> bool {
        let named = [self.soname, self.rpath, self.runpath];
        let flags = self.flags_1 != 0 || self.dt_flags != 0 || !self.tags.is_empty();
        let libraries = !self.needed.is_empty() || !self.needs.is_empty();
        let symbols = !self.versions.is_empty() || !self.symbols.is_empty();
        named.iter().any(Option::is_some) || flags || libraries || symbols
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        Writer {
            sample: self,
            out: Vec::new(),
        }
        .write()
    }
}

struct Writer<'a> {
    sample: &'a Sample,
    out: Vec<u8>,
}

/// Address of the file's first byte; odd enough that an address is never taken for an offset.
const BASE: u64 = 0x40_0000;

impl Writer<'_> {
    fn write(mut self) -> Vec<u8> {
        let sample = self.sample;
        let wide = sample.elf.bits == 64;
        let (header, segment) = if wide { (64, 56) } else { (52, 32) };
        let count = 1
            + u16::from(sample.interpreter.is_some())
            + u16::from(sample.has_dynamic())
            + u16::from(sample.stack.is_some())
            + u16::from(sample.relro)
            + u16::from(sample.notes.is_some());
        self.out = vec![0; header + segment * usize::from(count)];

        let interpreter = sample.interpreter.map(|name| {
            let at = self.append(name.as_bytes());
            self.out.push(0);
            (at, name.len() as u64 + 1)
        });
        let dynamic = sample.has_dynamic().then(|| self.dynamic());
        let mut section = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| self.range(bytes));
        let notes = section(&sample.notes);
        let (attributes, go) = (section(&sample.attributes), section(&sample.go));
        let note = section(&sample.note_section);
        self.append(&sample.data);
        let symbols = dynamic.as_ref().and_then(|dynamic| dynamic.symbols);
        let sections = sample
            .sections
            .then(|| self.sections([attributes, go, symbols, note]));

        let end = self.out.len() as u64;
        let flags = if sample.data.is_empty() { 7 } else { 5 };
        let segments = [
            Some((1, flags, (0, end))),
            interpreter.map(|range| (3, 4, range)),
            dynamic.map(|dynamic| (2, 6, dynamic.table)),
            sample.stack.map(|flags| (0x6474_e551, flags, (0, 0))),
            sample.relro.then_some((0x6474_e552, 4, (0, 0))),
            notes.map(|range| (4, 4, range)),
        ];
        let table: Vec<u8> = segments
            .into_iter()
            .flatten()
            .flat_map(|(kind, flags, (at, size))| self.segment(kind, flags, at, size))
            .collect();
        self.out[header..header + table.len()].copy_from_slice(&table);
        let head = self.header(count, sections);
        self.out[..header].copy_from_slice(&head);
        self.out
    }

    fn header(&self, segments: u16, sections: Option<(u64, u16)>) -> Vec<u8> {
        let elf = self.sample.elf;
        let wide = elf.bits == 64;
        let mut out = b"\x7fELF".to_vec();
        out.extend([
            if wide { 2 } else { 1 },
            if elf.little_endian { 1 } else { 2 },
            1,
            self.sample.os_abi,
        ]);
        out.extend([0; 8]);
        let (size, segment, section) = if wide { (64, 56, 64) } else { (52, 32, 40) };
        let (at, count) = sections.unwrap_or((0, 0));
        out.extend(self.number(2, self.sample.kind.into()));
        out.extend(self.number(2, elf.machine.into()));
        out.extend(self.number(4, 1));
        out.extend(self.word(BASE + 0x100));
        out.extend(self.word(size));
        out.extend(self.word(at));
        out.extend(self.number(4, self.sample.flags.into()));
        for half in [size, segment, segments.into(), section, count.into(), 1] {
            out.extend(self.number(2, half));
        }
        out
    }

    fn segment(&self, kind: u64, flags: u64, at: u64, size: u64) -> Vec<u8> {
        let words = [at, BASE + at, BASE + at, size, size];
        let mut out = self.number(4, kind);
        if self.sample.elf.bits == 64 {
            out.extend(self.number(4, flags));
            out.extend(words.into_iter().flat_map(|word| self.word(word)));
        } else {
            out.extend(words.into_iter().flat_map(|word| self.word(word)));
            out.extend(self.number(4, flags));
        }
        // Notes are aligned to words, and nothing else is asked for its alignment.
        out.extend(self.word(u64::from(self.sample.elf.bits / 8)));
        out
    }

    /// The section headers: the empty one, the names, and those asked for.
    fn sections(&mut self, ranges: [Option<(u64, u64)>; 4]) -> (u64, u16) {
        let names = b"\0.shstrtab\0.ARM.attributes\0.go.buildinfo\0.dynsym\0.note.dlopen\0";
        let range = self.range(names);
        let [attributes, go, symbols, note] = ranges;
        let wanted = [
            (1, 3, Some(range)),
            (11, 0x7000_0003, attributes),
            (27, 1, go),
            (41, 11, symbols),
            (49, 7, note),
        ];
        let mut table = vec![0; if self.sample.elf.bits == 64 { 64 } else { 40 }];
        let mut count = 1;
        for (name, kind, range) in wanted {
            let Some((at, size)) = range else { continue };
            table.extend(self.number(4, name));
            table.extend(self.number(4, kind));
            for word in [0, BASE + at, at, size] {
                table.extend(self.word(word));
            }
            table.extend(self.number(8, 0));
            table.extend(self.word(u64::from(self.sample.elf.bits / 8)));
            table.extend(self.word(0));
            count += 1;
        }
        (self.range(&table).0, count)
    }

    fn range(&mut self, bytes: &[u8]) -> (u64, u64) {
        (self.append(bytes), bytes.len() as u64)
    }

    fn append(&mut self, bytes: &[u8]) -> u64 {
        self.out.resize(self.out.len().next_multiple_of(16), 0);
        let at = self.out.len() as u64;
        self.out.extend(bytes);
        at
    }

    fn word(&self, value: u64) -> Vec<u8> {
        self.number(usize::from(self.sample.elf.bits / 8), value)
    }

    fn number(&self, size: usize, value: u64) -> Vec<u8> {
        number(size, value, self.sample.elf.little_endian)
    }
}

/// A note, padded to words of the class.
pub(crate) fn note(elf: Elf, owner: &str, kind: u64, content: &[u8]) -> Vec<u8> {
    let align = usize::from(elf.bits / 8);
    let word = |value: u64| number(4, value, elf.little_endian);
    let mut out = word(owner.len() as u64 + 1);
    out.extend(word(content.len() as u64));
    out.extend(word(kind));
    out.extend(owner.bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(align), 0);
    out.extend(content);
    out.resize(out.len().next_multiple_of(align), 0);
    out
}

fn number(size: usize, value: u64, little_endian: bool) -> Vec<u8> {
    if little_endian {
        value.to_le_bytes()[..size].to_vec()
    } else {
        value.to_be_bytes()[8 - size..].to_vec()
    }
}

/// A section `.ARM.attributes` with a CPU name and these tags.
pub(crate) fn attributes(tags: &[(u8, u8)], little_endian: bool) -> Vec<u8> {
    let mut body = b"\x05test\0".to_vec();
    body.extend(tags.iter().flat_map(|(tag, value)| [*tag, *value]));
    let length = |length: usize| number(4, length as u64, little_endian);
    let mut out = b"A".to_vec();
    out.extend(length(4 + 6 + 1 + 4 + body.len()));
    out.extend(b"aeabi\0\x01");
    out.extend(length(1 + 4 + body.len()));
    out.extend(body);
    out
}

/// A section `.go.buildinfo` in the inline form, with module information between sentinels.
pub(crate) fn go_build_info(version: &str, modules: &str) -> Vec<u8> {
    let mut out = b"\xff Go buildinf:\x08\x02".to_vec();
    out.resize(32, 0);
    let mut string = |bytes: &[u8]| {
        let mut length = bytes.len();
        while length >= 0x80 {
            out.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        out.push(length.to_le_bytes()[0]);
        out.extend(bytes);
    };
    string(version.as_bytes());
    let sentinel = [0xf9; 16];
    string(&[&sentinel, modules.as_bytes(), &sentinel].concat());
    out
}
