//! Small ELF files for tests: a header, program headers, and the tables asked for, in the byte
//! order and class of any platform.

use crate::target::Elf;

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
        let wide = self.sample.elf.bits == 64;
        let (header, segment) = if wide { (64, 56) } else { (52, 32) };
        let has_dynamic = !self.sample.needed.is_empty()
            || !self.sample.versions.is_empty()
            || self.sample.flags_1 != 0;
        let count = 1 + u16::from(self.sample.interpreter.is_some()) + u16::from(has_dynamic);
        self.out = vec![0; header + segment * usize::from(count)];

        let interpreter = self.sample.interpreter.map(|name| {
            let at = self.append(name.as_bytes());
            self.out.push(0);
            (at, name.len() as u64 + 1)
        });
        let dynamic = has_dynamic.then(|| self.dynamic());
        let attributes = self
            .sample
            .attributes
            .clone()
            .map(|section| self.range(&section));
        let go = self.sample.go.clone().map(|section| self.range(&section));
        let sections = self.sample.sections.then(|| self.sections(attributes, go));

        let end = self.out.len() as u64;
        let mut table = self.segment(1, 7, 0, end);
        table.extend(
            interpreter
                .into_iter()
                .flat_map(|(at, size)| self.segment(3, 4, at, size)),
        );
        table.extend(
            dynamic
                .into_iter()
                .flat_map(|(at, size)| self.segment(2, 6, at, size)),
        );
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
        out.extend(self.word(1));
        out
    }

    fn dynamic(&mut self) -> (u64, u64) {
        let mut strings = vec![0];
        let mut entries = Vec::new();
        for name in &self.sample.needed {
            entries.push((1, strings.len() as u64));
            strings.extend(name.bytes());
            strings.push(0);
        }
        let versions = self.versions(&mut strings);
        if !versions.is_empty() {
            let (at, _) = self.range(&versions);
            entries.push((0x6fff_fffc, BASE + at));
            entries.push((0x6fff_fffd, self.sample.versions.len() as u64));
        }
        let (at, size) = self.range(&strings);
        entries.extend([
            (5, BASE + at),
            (10, size),
            (0x6fff_fffb, self.sample.flags_1),
            (0, 0),
        ]);
        let table: Vec<u8> = entries
            .into_iter()
            .flat_map(|(tag, value)| [self.word(tag), self.word(value)].concat())
            .collect();
        self.range(&table)
    }

    /// Definitions of versions, each with its name behind it.
    fn versions(&self, strings: &mut Vec<u8>) -> Vec<u8> {
        let count = self.sample.versions.len();
        let mut out = Vec::new();
        for (index, name) in self.sample.versions.iter().enumerate() {
            let base = u64::from(index == 0);
            for half in [1, base, index as u64 + 1, 1] {
                out.extend(self.number(2, half));
            }
            let next = if index + 1 < count { 28 } else { 0 };
            for word in [0, 20, next, strings.len() as u64, 0] {
                out.extend(self.number(4, word));
            }
            strings.extend(name.bytes());
            strings.push(0);
        }
        out
    }

    /// The section headers: the empty one, the names, and those asked for.
    fn sections(&mut self, attributes: Option<(u64, u64)>, go: Option<(u64, u64)>) -> (u64, u16) {
        let names = b"\0.shstrtab\0.ARM.attributes\0.go.buildinfo\0";
        let range = self.range(names);
        let wanted = [
            (1, 3, Some(range)),
            (11, 0x7000_0003, attributes),
            (27, 1, go),
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
            table.extend(self.word(1));
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

/// One note with its padding.
pub(crate) fn note(name: &str, kind: u32, content: &[u8], little_endian: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [name.len() + 1, content.len(), kind as usize] {
        out.extend(number(4, word as u64, little_endian));
    }
    for part in [&[name.as_bytes(), &[0]].concat(), content] {
        out.extend(part);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}
