//! Writes ELF files for tests: small, but whole, for every class and byte order.
//!
//! What a linker would write is there: segments at addresses of their own, a dynamic table with
//! symbols, hashes and versions, notes, and section headers unless they are not wanted. There is no
//! code in them; nothing is ever run.
//!
//! Sources: System V ABI, "Object Files" and "Program Loading and Dynamic Linking", with the processor
//! supplements; for versions the Linux Standard Base, "Symbol Versioning".

mod contents;
mod dynamic;
pub(crate) mod machine;
mod write;

pub(crate) use machine::{MACHINES, Machine};

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `ET_EXEC`.
    Fixed,
    /// `ET_DYN` of a program.
    Pie,
    /// `ET_DYN` of a library.
    Library,
    /// `ET_REL`.
    Object,
    /// A program as UPX leaves it: two odd segments and nothing else.
    Packed,
}

/// How symbols are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Gnu,
    System,
    Both,
}

/// A symbol of the dynamic table.
#[derive(Clone, Debug)]
struct Symbol {
    name: String,
    version: Option<String>,
    weak: bool,
    defined: bool,
}

/// A version that is needed of a library.
#[derive(Clone, Debug)]
struct Need {
    library: String,
    version: String,
    weak: bool,
}

/// What the file is to contain.
#[derive(Clone, Debug)]
pub(crate) struct Elf {
    machine: &'static Machine,
    number: u16,
    kind: Kind,
    os_abi: u8,
    e_flags: u32,
    hash: Hash,
    interpreter: Option<String>,
    needed: Vec<String>,
    needs: Vec<Need>,
    soname: Option<String>,
    rpath: Option<String>,
    runpath: Option<String>,
    flags: u64,
    flags_1: u64,
    text_relocations: bool,
    versions: Vec<String>,
    symbols: Vec<Symbol>,
    stack: Option<u32>,
    relro: bool,
    attributes: Vec<(u8, u8)>,
    go: Option<String>,
    isa: Option<u32>,
    dlopen: Option<String>,
    text: Vec<u8>,
    sections: bool,
}

impl Elf {
    fn new(platform: &str, kind: Kind) -> Self {
        let machine = machine::of(platform);
        Self {
            machine,
            number: machine.number,
            kind,
            os_abi: 0,
            e_flags: machine.flags,
            // gcc writes GNU's alone, but for MIPS, whose symbols have an order of their own.
            hash: if machine.number == 8 {
                Hash::System
            } else {
                Hash::Gnu
            },
            interpreter: None,
            needed: Vec::new(),
            needs: Vec::new(),
            soname: None,
            rpath: None,
            runpath: None,
            flags: 0,
            flags_1: 0,
            text_relocations: false,
            versions: Vec::new(),
            symbols: Vec::new(),
            stack: Some(6),
            relro: true,
            attributes: machine.attributes(),
            go: None,
            isa: None,
            dlopen: None,
            text: Vec::new(),
            sections: true,
        }
    }

    /// A program that glibc's linker starts, at any address.
    pub(crate) fn program(platform: &str) -> Self {
        let mut elf = Self::new(platform, Kind::Pie);
        elf.flags_1 = PIE;
        let loader = elf.machine.glibc;
        elf.interpreter(loader)
    }

    /// A program that musl's linker starts, at any address.
    pub(crate) fn musl_program(platform: &str) -> Self {
        let loader = machine::of(platform).musl_loader();
        Self::program(platform).interpreter(&loader)
    }

    /// A static program that runs at any address.
    pub(crate) fn static_pie(platform: &str) -> Self {
        let mut elf = Self::new(platform, Kind::Pie);
        elf.flags_1 = PIE;
        elf
    }

    /// A static program at its address.
    pub(crate) fn fixed(platform: &str) -> Self {
        Self::new(platform, Kind::Fixed)
    }

    /// A library.
    pub(crate) fn library(platform: &str, soname: &str) -> Self {
        Self::plug_in(platform).soname(soname)
    }

    /// A library without a name.
    pub(crate) fn plug_in(platform: &str) -> Self {
        Self::new(platform, Kind::Library)
    }

    /// What a compiler writes before it is linked: a kernel module, a BPF object.
    pub(crate) fn object(platform: &str) -> Self {
        Self::new(platform, Kind::Object)
    }

    /// What UPX makes of a static program.
    pub(crate) fn packed(platform: &str) -> Self {
        let mut elf = Self::new(platform, Kind::Packed).without_sections();
        elf.text = b"UPX!\x0d\x16\x08\x07".repeat(32);
        elf
    }

    /// glibc's linker, as Debian builds it or looking into these folders.
    pub(crate) fn glibc_loader(platform: &str, folders: &[&str]) -> Self {
        let machine = machine::of(platform);
        let name = machine.glibc.rsplit('/').next().unwrap_or_default();
        let table = folders.join("\0") + "\0";
        Self::library(platform, name)
            .defines(&[machine.first, "GLIBC_PRIVATE"])
            .exports(&["__tls_get_addr", "_dl_audit_preinit@GLIBC_PRIVATE"])
            .text(table.as_bytes())
    }

    /// glibc's C library of Debian 12.
    pub(crate) fn glibc(platform: &str) -> Self {
        let machine = machine::of(platform);
        let start = machine.start_version();
        Self::library(platform, "libc.so.6")
            .defines(&machine.versions())
            .exports(&[
                &format!("__libc_start_main@{start}"),
                &format!("dlopen@{start}"),
                &format!("printf@{}", machine.first),
                &format!("malloc@{}", machine.first),
            ])
    }

    /// musl's linker and C library.
    pub(crate) fn musl(platform: &str) -> Self {
        let soname = machine::of(platform).musl_libc();
        Self::library(platform, &soname).exports(&[
            "__libc_start_main",
            "dlopen",
            "printf",
            "malloc",
        ])
    }

    pub(crate) fn interpreter(mut self, path: &str) -> Self {
        self.interpreter = Some(path.to_owned());
        self
    }

    pub(crate) fn soname(mut self, name: &str) -> Self {
        self.soname = Some(name.to_owned());
        self
    }

    /// `DT_NEEDED`, and the versions that it is to have.
    pub(crate) fn needs(mut self, library: &str, versions: &[&str]) -> Self {
        self.needed.push(library.to_owned());
        self.needs.extend(versions.iter().map(|version| Need {
            library: library.to_owned(),
            version: (*version).to_owned(),
            weak: false,
        }));
        self
    }

    /// A version that may be missing, of a library that is needed anyway.
    pub(crate) fn weak_version(mut self, library: &str, version: &str) -> Self {
        self.needs.push(Need {
            library: library.to_owned(),
            version: version.to_owned(),
            weak: true,
        });
        self
    }

    /// What a program of C compiled on Debian 12 needs of glibc.
    pub(crate) fn of_glibc(self) -> Self {
        let (first, start) = (self.machine.first, self.machine.start_version());
        let mut versions = vec![start, first];
        versions.dedup();
        self.needs("libc.so.6", &versions)
            .imports(&[
                &format!("__libc_start_main@{start}"),
                &format!("printf@{first}"),
            ])
            .weak_imports(&["__gmon_start__", "_ITM_deregisterTMCloneTable"])
    }

    /// What a program of C compiled on Alpine needs of musl.
    pub(crate) fn of_musl(self) -> Self {
        let libc = self.machine.musl_libc();
        self.needs(&libc, &[])
            .imports(&["__libc_start_main", "printf"])
            .weak_imports(&["_ITM_deregisterTMCloneTable"])
    }

    /// The versions that a library defines.
    pub(crate) fn defines(mut self, versions: &[&str]) -> Self {
        let versions = versions.iter().map(|version| (*version).to_owned());
        self.versions.extend(versions);
        self
    }

    /// Symbols for others, as `name` or `name@VERSION`.
    pub(crate) fn exports(self, names: &[&str]) -> Self {
        self.with_symbols(names, true, false)
    }

    /// Symbols that others have to have, as `name` or `name@VERSION`.
    pub(crate) fn imports(self, names: &[&str]) -> Self {
        self.with_symbols(names, false, false)
    }

    /// Symbols that others may have.
    pub(crate) fn weak_imports(self, names: &[&str]) -> Self {
        self.with_symbols(names, false, true)
    }

    fn with_symbols(mut self, names: &[&str], defined: bool, weak: bool) -> Self {
        self.symbols.extend(names.iter().map(|name| {
            let (name, version) = match name.split_once('@') {
                Some((name, version)) => (name, Some(version.to_owned())),
                None => (*name, None),
            };
            Symbol {
                name: name.to_owned(),
                version,
                weak,
                defined,
            }
        }));
        self
    }

    pub(crate) fn hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    pub(crate) fn rpath(mut self, path: &str) -> Self {
        self.rpath = Some(path.to_owned());
        self
    }

    pub(crate) fn runpath(mut self, path: &str) -> Self {
        self.runpath = Some(path.to_owned());
        self
    }

    /// All symbols are looked for at once.
    pub(crate) fn bind_now(mut self) -> Self {
        self.flags |= 8;
        self.flags_1 |= 1;
        self
    }

    /// The linker's own folders are not looked into.
    pub(crate) fn no_default_folders(mut self) -> Self {
        self.flags_1 |= 0x800;
        self
    }

    /// Not at any address, as compilers made programs before 2016.
    pub(crate) fn at_one_address(mut self) -> Self {
        self.kind = Kind::Fixed;
        self.flags_1 &= !PIE;
        self
    }

    pub(crate) fn text_relocations(mut self) -> Self {
        self.flags |= 4;
        self.text_relocations = true;
        self
    }

    /// The flags of `PT_GNU_STACK`; `None` for no such segment.
    pub(crate) fn stack(mut self, flags: Option<u32>) -> Self {
        self.stack = flags;
        self
    }

    pub(crate) fn no_relro(mut self) -> Self {
        self.relro = false;
        self
    }

    /// Tags of `.ARM.attributes` below 128 with values below 128.
    pub(crate) fn attributes(mut self, tags: &[(u8, u8)]) -> Self {
        self.attributes = tags.to_vec();
        self
    }

    /// As Go's linker writes it: with the settings that it was built with.
    pub(crate) fn go(mut self, settings: &[(&str, &str)]) -> Self {
        let lines = settings
            .iter()
            .map(|(key, value)| format!("build\t{key}={value}\n"));
        self.go = Some(lines.collect());
        // Go's linker says neither how floats are passed nor what its code asks for.
        if self.machine.number == 40 {
            self.e_flags = 0x0500_0002;
            self.attributes.clear();
        }
        self
    }

    /// `GNU_PROPERTY_X86_ISA_1_NEEDED`: 2, 4, 8 for levels 2, 3, 4, with those below.
    pub(crate) fn isa_needed(mut self, bits: u32) -> Self {
        self.isa = Some(bits);
        self
    }

    /// A note of libraries that the program may load, as JSON.
    pub(crate) fn dlopen(mut self, json: &str) -> Self {
        self.dlopen = Some(json.to_owned());
        self
    }

    /// Bytes among the constants.
    pub(crate) fn text(mut self, bytes: &[u8]) -> Self {
        self.text.extend(bytes);
        self
    }

    pub(crate) fn without_sections(mut self) -> Self {
        self.sections = false;
        self
    }

    pub(crate) fn os_abi(mut self, os_abi: u8) -> Self {
        self.os_abi = os_abi;
        self
    }

    pub(crate) fn e_flags(mut self, flags: u32) -> Self {
        self.e_flags = flags;
        self
    }

    /// Another `e_machine`.
    pub(crate) fn number(mut self, number: u16) -> Self {
        self.number = number;
        self
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        write::file(self)
    }
}

/// `DF_1_PIE`.
const PIE: u64 = 0x0800_0000;

/// A number as the machine has it.
fn number(size: usize, value: u64, machine: &Machine) -> Vec<u8> {
    if machine.little {
        value.to_le_bytes()[..size].to_vec()
    } else {
        value.to_be_bytes()[8 - size..].to_vec()
    }
}
