//! Walks the headers and tables of an ELF file.
//!
//! Every table is read up to a limit of its own. The dynamic table is found through the program
//! headers, as the kernel and the dynamic linker find it, so that a file without section headers
//! gives the same facts; only `.ARM.attributes` can't be found without them.
//!
//! Sources: System V ABI, "ELF Header", "Sections", "Program Header", "Dynamic Section".

use std::io::{Read, Seek};

use object::Endianness;
use object::elf as raw;
use object::read::ReadRef;
use object::read::elf::{FileHeader, ProgramHeader};

use super::abi::Abi;
use super::content::{Content, HEAD};
use super::facts::{Facts, Kind};
use super::source::{Problem, Source, malformed};
use super::tags::Tags;
use crate::target;

/// Program headers accepted; linkers write about a dozen.
const SEGMENTS: usize = 4096;
/// Longest path of a dynamic linker or a library.
pub(super) const PATH: usize = 4096;
/// Libraries one file may ask for.
const NEEDED: usize = 1024;

/// Reads the facts of an open file.
pub(super) fn facts<R: Read + Seek>(source: &mut Source<R>) -> Result<Facts, Problem> {
    let head = head(source)?;
    match is_wide(&head)? {
        false => File::<_, raw::FileHeader32<Endianness>>::open(source, &head)?.only_facts(),
        true => File::<_, raw::FileHeader64<Endianness>>::open(source, &head)?.only_facts(),
    }
}

/// The first bytes, which are an ELF file's.
pub(super) fn head<R: Read + Seek>(source: &mut Source<R>) -> Result<Vec<u8>, Problem> {
    let head = source.head(HEAD)?;
    match Content::of(&head) {
        Some(content) => Err(Problem::NotElf(content)),
        None => Ok(head),
    }
}

/// Whether the file is of the 64-bit class.
pub(super) fn is_wide(head: &[u8]) -> Result<bool, Problem> {
    match head.get(4) {
        Some(1) => Ok(false),
        Some(2) => Ok(true),
        Some(class) => Err(malformed(format!("its class is {class}, expected 1 or 2"))),
        None => Err(malformed("it ends within its header")),
    }
}

/// An open file whose header has been read.
pub(super) struct File<'a, R, H: FileHeader> {
    pub(super) source: &'a mut Source<R>,
    pub(super) header: H,
    pub(super) endian: Endianness,
    segments: Vec<H::ProgramHeader>,
}

/// What the dynamic table says by strings.
#[derive(Default)]
struct Named {
    needed: Vec<String>,
    soname: Option<String>,
    runpath: Option<String>,
}

impl<'a, R: Read + Seek, H: FileHeader<Endian = Endianness>> File<'a, R, H> {
    pub(super) fn open(source: &'a mut Source<R>, head: &[u8]) -> Result<Self, Problem> {
        let header = *H::parse(head)
            .map_err(|_| malformed("its header is cut off or of an unknown version"))?;
        let endian = header
            .endian()
            .map_err(|_| malformed("its byte order is neither little nor big"))?;
        let count = header.e_phnum(endian);
        let mut segments = Vec::new();
        if count > 0 {
            let size = size_of::<H::ProgramHeader>();
            if usize::from(header.e_phentsize(endian)) != size {
                return Err(malformed("its program headers have a wrong size"));
            }
            let bytes = source.read(
                header.e_phoff(endian).into(),
                u64::from(count) * size as u64,
                SEGMENTS * size,
                "the table of program headers",
            )?;
            segments = slice::<H::ProgramHeader>(&bytes)?;
        }
        Ok(Self {
            source,
            header,
            endian,
            segments,
        })
    }

    fn only_facts(mut self) -> Result<Facts, Problem> {
        let tags = self.tags()?;
        let sections = self.sections()?;
        self.facts(tags.as_ref(), &sections)
    }

    /// The facts, given the dynamic table and the section headers.
    pub(super) fn facts(
        &mut self,
        tags: Option<&Tags>,
        sections: &[H::SectionHeader],
    ) -> Result<Facts, Problem> {
        let (header, endian) = (self.header, self.endian);
        let identity = target::Elf {
            machine: header.e_machine(endian).0,
            bits: if header.is_type_64() { 64 } else { 32 },
            little_endian: header.is_little_endian(),
        };
        for segment in self.of_type(raw::PT_LOAD) {
            let (offset, size) = segment.file_range(endian);
            self.source.within(offset, size, "a loaded segment")?;
        }
        let interpreter = self.interpreter()?;
        let dynamic = match tags {
            Some(tags) => self.named(tags)?,
            None => Named::default(),
        };
        let pie = tags.is_some_and(Tags::is_program);
        let kind = match header.e_type(endian) {
            raw::ET_REL => Kind::Object,
            raw::ET_EXEC => Kind::Executable,
            raw::ET_CORE => Kind::Core,
            raw::ET_DYN if interpreter.is_some() || pie => Kind::PositionIndependent,
            // Linkers before 2016 did not mark static programs that run at any address.
            raw::ET_DYN
                if header.e_entry(endian).into() != 0
                    && dynamic.soname.is_none()
                    && dynamic.needed.is_empty() =>
            {
                Kind::PositionIndependent
            }
            raw::ET_DYN => Kind::Library,
            other => Kind::Other(other.0),
        };
        Ok(Facts {
            header: identity,
            os_abi: header.e_ident().os_abi.0,
            kind,
            abi: Abi::of(identity, header.e_flags(endian).0),
            interpreter,
            needed: dynamic.needed,
            soname: dynamic.soname,
            runpath: dynamic.runpath,
            attributes: self.attributes(sections)?,
            go: self.build_info(sections)?,
        })
    }

    pub(super) fn of_type(
        &self,
        kind: raw::ProgramType,
    ) -> impl Iterator<Item = &H::ProgramHeader> {
        let endian = self.endian;
        self.segments
            .iter()
            .filter(move |segment| segment.p_type(endian) == kind)
    }

    fn interpreter(&mut self) -> Result<Option<String>, Problem> {
        const WHAT: &str = "the name of the dynamic linker";
        let range = self
            .of_type(raw::PT_INTERP)
            .next()
            .map(|segment| segment.file_range(self.endian));
        // Files of debugging information keep the header of the segment without its bytes.
        let Some((offset, size)) = range.filter(|(_, size)| *size > 0) else {
            return Ok(None);
        };
        self.source.within(offset, size, WHAT)?;
        let name = self.source.string(offset, offset + size, PATH, WHAT)?;
        Ok(Some(name))
    }

    fn named(&mut self, tags: &Tags) -> Result<Named, Problem> {
        let mut named = Named::default();
        if tags.needed.len() > NEEDED {
            return Err(malformed("it asks for more libraries than any program"));
        }
        let runpath = tags.runpath.or(tags.rpath);
        if tags.needed.is_empty() && tags.soname.is_none() && runpath.is_none() {
            return Ok(named);
        }
        let Some((start, size)) = self.strings_range(tags)? else {
            return Err(malformed("its dynamic table has no strings"));
        };
        let mut string = |at: u64, what| {
            let at = start.saturating_add(at);
            self.source.string(at, start + size, PATH, what)
        };
        for name in &tags.needed {
            named.needed.push(string(*name, "the name of a library")?);
        }
        let mut optional = |at: Option<u64>, what| at.map(|at| string(at, what)).transpose();
        named.soname = optional(tags.soname, "its own name")?;
        named.runpath = optional(runpath, "its search path")?;
        Ok(named)
    }

    /// Where in the file the dynamic table's strings lie, and how many bytes they have.
    pub(super) fn strings_range(&self, tags: &Tags) -> Result<Option<(u64, u64)>, Problem> {
        let (Some(strings), Some(size)) = (tags.strings, tags.strings_size) else {
            return Ok(None);
        };
        let start = self.file_offset(strings)?;
        self.source.within(start, size, "the dynamic strings")?;
        Ok(Some((start, size)))
    }

    /// Where an address lies in the file.
    pub(super) fn file_offset(&self, address: u64) -> Result<u64, Problem> {
        self.of_type(raw::PT_LOAD)
            .find_map(|segment| {
                let (offset, size) = segment.file_range(self.endian);
                let within = address.checked_sub(segment.p_vaddr(self.endian).into())?;
                (within < size)
                    .then(|| offset.checked_add(within))
                    .flatten()
            })
            .ok_or_else(|| malformed(format!("address {address:#x} lies in no segment")))
    }
}

/// The structures that fill `bytes`.
pub(super) fn slice<T: object::pod::Pod>(bytes: &[u8]) -> Result<Vec<T>, Problem> {
    view::<T>(bytes).map(<[T]>::to_vec)
}

/// The same without a copy.
pub(super) fn view<T: object::pod::Pod>(bytes: &[u8]) -> Result<&[T], Problem> {
    bytes
        .read_slice_at::<T>(0, bytes.len() / size_of::<T>())
        .map_err(|()| malformed("one of its tables is cut off"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::sample::{self, Sample};
    use crate::target::{Elf, Platform};
    use proptest::prelude::*;
    use std::io::{self, Cursor, SeekFrom};

    fn read(bytes: Vec<u8>) -> Result<Facts, Problem> {
        facts(&mut Source::new(Cursor::new(bytes))?)
    }

    /// One with everything that the parser knows.
    fn full(elf: Elf, sections: bool) -> Sample {
        Sample {
            kind: 3,
            interpreter: Some("/lib/ld-linux.so.3"),
            needed: vec!["libc.so.6", "libpthread.so.0"],
            flags_1: 0x0800_0000,
            attributes: (elf.machine == 40)
                .then(|| sample::attributes(&[(6, 10), (28, 1)], elf.little_endian)),
            sections,
            ..Sample::usual(elf)
        }
        .with_go(&[("GOARCH", "x"), ("GOARM", "7")])
    }

    #[test]
    fn every_class_and_byte_order_is_read_with_and_without_section_headers() {
        for platform in Platform::all() {
            let elf = platform.architecture().elf;
            for sections in [true, false] {
                let facts = read(full(elf, sections).bytes()).ok().unwrap();
                assert_eq!(facts.header, elf);
                assert_eq!(facts.kind, Kind::PositionIndependent);
                assert_eq!(facts.interpreter.as_deref(), Some("/lib/ld-linux.so.3"));
                assert_eq!(facts.needed, ["libc.so.6", "libpthread.so.0"]);
                assert_eq!(facts.attributes.is_some(), sections && elf.machine == 40);
                assert_eq!(facts.go.unwrap().setting("GOARM"), Some("7"));
            }
        }
    }

    #[test]
    fn a_file_cut_off_anywhere_is_an_error() {
        for name in ["linux/arm/v7", "linux/s390x"] {
            let elf = name.parse::<Platform>().unwrap().architecture().elf;
            let whole = full(elf, true).bytes();
            for length in 0..whole.len() {
                let read = read(whole[..length].to_vec());
                assert!(
                    matches!(read, Err(Problem::Malformed(_) | Problem::NotElf(_))),
                    "{name} cut off at {length} of {}",
                    whole.len()
                );
            }
        }
    }

    /// A file of which some bytes read differently.
    struct Changed<R> {
        inner: R,
        position: u64,
        changes: Vec<(u64, u8)>,
    }

    impl<R: Read + Seek> Read for Changed<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.inner.read(buffer)?;
            for (at, byte) in &self.changes {
                if let Some(index) = at.checked_sub(self.position)
                    && index < read as u64
                {
                    buffer[usize::try_from(index).unwrap()] = *byte;
                }
            }
            self.position += read as u64;
            Ok(read)
        }
    }

    impl<R: Seek> Seek for Changed<R> {
        fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
            self.position = self.inner.seek(position)?;
            Ok(self.position)
        }
    }

    #[test]
    fn this_program_is_read() {
        let file = std::env::current_exe().unwrap();
        let facts = Facts::read(&file).unwrap();
        let host = Platform::host().unwrap();
        assert_eq!(facts.header, host.architecture().elf);
        assert!(matches!(
            facts.kind,
            Kind::PositionIndependent | Kind::Executable
        ));
        assert_eq!(facts.go, None);
    }

    #[test]
    fn an_offset_near_the_end_of_the_number_range_does_not_wrap() {
        let elf = "linux/amd64"
            .parse::<Platform>()
            .unwrap()
            .architecture()
            .elf;
        let whole = full(elf, true).bytes();
        // Every aligned word of the header and program headers in turn.
        for at in (24..64 + 3 * 56).step_by(8) {
            let mut bytes = whole.clone();
            bytes[at..at + 8].fill(0xff);
            assert!(!matches!(read(bytes), Err(Problem::Io(_))), "{at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            class in 0u8..4, order in 0u8..4,
            tail in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let mut bytes = vec![0x7f, b'E', b'L', b'F', class, order, 1];
            bytes.extend(tail);
            let _ = read(bytes);
        }

        #[test]
        fn a_changed_file_is_read_or_refused(
            index in 0..Platform::all().len(),
            sections: bool,
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        ) {
            let elf = Platform::all()[index].architecture().elf;
            let mut bytes = full(elf, sections).bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            prop_assert!(!matches!(read(bytes), Err(Problem::Io(_))));
        }

        #[test]
        fn a_changed_real_program_is_read_or_refused(
            changes in proptest::collection::vec((0u64..4096, any::<u8>()), 1..8),
        ) {
            let inner = fs_err::File::open(std::env::current_exe().unwrap()).unwrap();
            let changed = Changed { inner, position: 0, changes };
            let _ = Source::new(changed).and_then(|mut source| facts(&mut source));
        }
    }
}
