//! Objects of every class and byte order, damaged ones, and this machine's own dynamic linker.

use super::*;
use crate::elf::dynamic::{NeededVersion, VersionsNeeded};
use crate::elf::sample::{self, Count, Sample, Symbol};
use crate::target::{Elf, Platform};
use proptest::prelude::*;
use std::io::Cursor;

const WEAK: u8 = 2;
const UNIQUE: u8 = 10;
const HIDDEN: u8 = 2;
const PROTECTED: u8 = 3;
const COUNTS: [Count; 4] = [Count::Hash, Count::GnuHash, Count::Mips, Count::Nothing];

fn read(bytes: Vec<u8>) -> Result<Object, Error> {
    Object::from_reader(Cursor::new(bytes), Path::new("lib.so"))
}

fn elf(platform: &str) -> Elf {
    let platform: Platform = platform.parse().unwrap();
    platform.architecture().elf
}

/// Those of the counts that tell the number of symbols for this machine.
fn counts(elf: Elf) -> impl Iterator<Item = Count> {
    let is_known = move |count: &Count| *count != Count::Mips || elf.machine == 8;
    COUNTS.into_iter().filter(is_known)
}

/// A library with everything that is read.
fn full(elf: Elf, sections: bool, count: Count) -> Sample {
    let dlopen = br#"[{"feature":"zip","description":"Packs","priority":"suggested","soname":["libz.so.1","libz.so"]}]"#;
    let hidden = Symbol {
        visibility: HIDDEN,
        ..Symbol::export("hidden")
    };
    let protected = Symbol {
        visibility: PROTECTED,
        ..Symbol::export("protected")
    };
    let mut notes = sample::note(elf, "GNU", 5, &properties(elf, 0b101));
    notes.extend(sample::note(elf, "FDO", 0x407c_0c0a, dlopen));
    Sample {
        kind: 3,
        needed: vec!["libc.so.6", "libz.so.1"],
        soname: Some("libfull.so.1"),
        rpath: Some("/opt/lib"),
        runpath: Some("$ORIGIN/../lib"),
        versions: vec!["libfull.so.1", "FULL_1.0", "FULL_1.1"],
        needs: vec![
            (
                "libc.so.6",
                vec![("GLIBC_2.17", false), ("GLIBC_2.34", true)],
            ),
            ("libz.so.1", vec![("ZLIB_1.2.3", false)]),
        ],
        symbols: vec![
            Symbol::import("local", 0).bound(0),
            Symbol::import("puts", 4),
            Symbol::import("plain", 1),
            Symbol::import("optional", 1).bound(WEAK),
            Symbol::import("strange", 0).bound(UNIQUE),
            Symbol::import("", 0),
            Symbol::export("offered"),
            Symbol::export("weak").bound(WEAK),
            Symbol::export("unique").bound(UNIQUE),
            Symbol::export("static").bound(0),
            hidden,
            protected,
        ],
        count,
        dt_flags: 8,
        flags_1: 0x801,
        tags: vec![22],
        stack: Some(6),
        relro: true,
        notes: Some(notes),
        sections,
        ..Sample::usual(elf)
    }
}

fn properties(elf: Elf, isa: u32) -> Vec<u8> {
    let number = |value: u32| match elf.little_endian {
        true => value.to_le_bytes(),
        false => value.to_be_bytes(),
    };
    let mut out = Vec::new();
    for (kind, value) in [(0xc000_0002, 3), (0xc000_8002, isa), (0xc001_0002, 7)] {
        out.extend([number(kind), number(4), number(value)].concat());
        out.resize(out.len().next_multiple_of(usize::from(elf.bits / 8)), 0);
    }
    out
}

#[test]
fn a_library_is_read_in_every_class_and_byte_order_with_and_without_section_headers() {
    for platform in Platform::all() {
        let elf = platform.architecture().elf;
        for (count, sections) in counts(elf).flat_map(|count| [(count, true), (count, false)]) {
            let what = format!("{platform}, {count:?}, sections: {sections}");
            let object = read(full(elf, sections, count).bytes()).unwrap();
            assert_eq!(object.facts.needed, ["libc.so.6", "libz.so.1"], "{what}");
            assert_eq!(object.stack, Stack::NotExecutable);
            assert!(object.relro);
            let is_x86 = matches!(elf.machine, 3 | 62);
            assert_eq!(object.isa, if is_x86 { 0b101 } else { 0 }, "{what}");
            let dlopen = Dlopen {
                feature: "zip".to_owned(),
                description: "Packs".to_owned(),
                priority: "suggested".to_owned(),
                sonames: vec!["libz.so.1".to_owned(), "libz.so".to_owned()],
            };
            assert_eq!(object.dlopen, [dlopen], "{what}");
            assert_eq!(object.system_dirs, [""; 0]);

            let dynamic = object.dynamic.as_ref().unwrap();
            assert_eq!(dynamic.rpath.as_deref(), Some("/opt/lib"));
            assert_eq!(dynamic.runpath.as_deref(), Some("$ORIGIN/../lib"));
            assert!(dynamic.bind_now && dynamic.no_default_dirs && dynamic.text_relocations);
            assert_eq!(dynamic.versions_defined, ["FULL_1.0", "FULL_1.1"]);
            assert!(dynamic.has_versions && dynamic.versioned_imports, "{what}");
            let needed = |file: &str, versions: &[(&str, bool)]| VersionsNeeded {
                file: file.to_owned(),
                versions: versions
                    .iter()
                    .map(|(name, weak)| NeededVersion {
                        name: (*name).to_owned(),
                        weak: *weak,
                    })
                    .collect(),
            };
            let libc = needed("libc.so.6", &[("GLIBC_2.17", false), ("GLIBC_2.34", true)]);
            let zlib = needed("libz.so.1", &[("ZLIB_1.2.3", false)]);
            assert_eq!(dynamic.versions_needed, [libc, zlib], "{what}");
            let imports: Vec<&str> = dynamic.imports.iter().collect();
            assert_eq!(imports, ["plain", "strange"], "{what}");
            assert_eq!(dynamic.exports.len(), 4, "{what}");
            for name in ["offered", "weak", "unique", "protected"] {
                assert!(dynamic.exports.contains(name), "{what}: {name}");
            }

            let kept = serde_json::to_vec(&object).unwrap();
            assert_eq!(serde_json::from_slice::<Object>(&kept).unwrap(), object);
        }
    }
}

#[test]
fn a_program_without_a_dynamic_table_says_little() {
    let object = read(Sample::usual(elf("linux/arm64")).bytes()).unwrap();
    assert_eq!(object.dynamic, None);
    assert_eq!(object.stack, Stack::Unsaid);
    assert!(!object.relro && object.dlopen.is_empty());
}

#[test]
fn each_way_to_ask_for_immediate_binding_is_understood() {
    let plain = Sample {
        needed: vec!["libc.so.6"],
        stack: Some(7),
        ..Sample::usual(elf("linux/riscv64"))
    };
    let object = read(plain.bytes()).unwrap();
    let dynamic = object.dynamic.unwrap();
    assert_eq!(object.stack, Stack::Executable);
    assert!(!dynamic.bind_now && !dynamic.text_relocations && !dynamic.no_default_dirs);
    assert!(!dynamic.has_versions && dynamic.imports.is_empty() && dynamic.exports.is_empty());
    for (tags, dt_flags, flags_1) in [(vec![24], 0, 0), (vec![], 8, 0), (vec![], 0, 1)] {
        let sample = Sample {
            flags_1,
            dt_flags,
            tags,
            ..plain.clone()
        };
        let dynamic = read(sample.bytes()).unwrap().dynamic.unwrap();
        assert!(dynamic.bind_now && !dynamic.text_relocations);
    }
}

#[test]
fn a_program_that_offers_nothing_still_has_its_imports_counted() {
    for platform in Platform::all() {
        for sections in [true, false] {
            let elf = platform.architecture().elf;
            let sample = Sample {
                symbols: vec![Symbol::import("a", 1), Symbol::import("b", 1)],
                count: Count::GnuHash,
                sections,
                ..Sample::usual(elf)
            };
            let dynamic = read(sample.bytes()).unwrap().dynamic.unwrap();
            let imports: Vec<&str> = dynamic.imports.iter().collect();
            assert_eq!(imports, ["a", "b"], "{platform} {sections}");
        }
    }
}

#[test]
fn dlopen_notes_are_read_from_a_section_and_malformed_ones_passed_over() {
    let elf = elf("linux/ppc64le");
    let note = |content: &[u8]| sample::note(elf, "FDO", 0x407c_0c0a, content);
    let mut notes = note(br#"[{"soname":["liba.so"]},{"soname":[]}]"#);
    notes.extend(note(b"[{]"));
    notes.extend(note(b""));
    notes.extend(note(br#"{"soname":["libb.so"]}"#));
    notes.extend(note(br#"[{"feature":"x"}]"#));
    notes.extend(note(b"[{\"soname\":[\"libc.so\"],\"new\":1}]\0\0\0"));
    notes.extend(sample::note(elf, "FDO", 1, br#"[{"soname":["libd.so"]}]"#));
    notes.extend(sample::note(
        elf,
        "GNU",
        0x407c_0c0a,
        br#"[{"soname":["libe.so"]}]"#,
    ));
    notes.extend([0xff; 11]);
    let in_section = Sample {
        note_section: Some(notes.clone()),
        ..Sample::usual(elf)
    };
    let in_segment = Sample {
        notes: Some(notes),
        sections: false,
        ..Sample::usual(elf)
    };
    for sample in [in_section, in_segment] {
        let object = read(sample.bytes()).unwrap();
        let sonames: Vec<&[String]> = object.dlopen.iter().map(|one| &one.sonames[..]).collect();
        assert_eq!(sonames, [["liba.so"], ["libc.so"]]);
    }
}

#[test]
fn only_a_dynamic_linker_of_glibc_has_system_directories() {
    let data = b"text\0/lib/s390x-linux-gnu/\0/usr/lib/s390x-linux-gnu/\0/lib/\0/usr/lib/\0";
    for (soname, expected) in [
        ("ld64.so.1", 4),
        ("ld-linux-aarch64.so.1", 4),
        ("ld.so.1", 4),
        ("libc.so.6", 0),
    ] {
        let sample = Sample {
            kind: 3,
            soname: Some(soname),
            data: data.to_vec(),
            ..Sample::usual(elf("linux/s390x"))
        };
        let found = read(sample.bytes()).unwrap().system_dirs;
        assert_eq!(found.len(), expected, "{soname}");
        assert!(found.is_empty() || found[1] == "/usr/lib/s390x-linux-gnu");
    }
}

#[test]
fn the_dynamic_linker_of_this_machine_has_system_directories() {
    let file = Path::new("/lib64/ld-linux-x86-64.so.2");
    let Ok(open) = fs_err::File::open(file) else {
        return;
    };
    let object = Object::from_reader(open, file).unwrap();
    assert!(object.system_dirs.iter().all(|path| path.starts_with('/')));
    let dynamic = object.dynamic.unwrap();
    assert!(dynamic.exports.contains("__tls_get_addr"));
    assert!(
        dynamic
            .versions_defined
            .iter()
            .any(|version| version == "GLIBC_2.2.5")
    );
    assert!(dynamic.imports.is_empty());
}

#[test]
fn a_table_that_contradicts_itself_is_refused() {
    let elf = elf("linux/amd64");
    // Notes have numbers that look like entries.
    let sample = Sample {
        notes: None,
        ..full(elf, false, Count::Hash)
    };
    let whole = sample.bytes();
    let object = read(whole.clone()).unwrap();
    assert!(object.dynamic.is_some());
    let entry = |tag: u64| {
        let tag = tag.to_le_bytes();
        let at = whole.windows(16).rposition(|window| window[..8] == tag);
        at.unwrap() + 8
    };
    for (tag, value, problem) in [
        (11, 16, "wrong size"),
        (10, u64::MAX >> 1, "the dynamic strings"),
        (5, 0x10, "address 0x10 lies in no segment"),
        (6, 1 << 60, "lies in no segment"),
        (0x6fff_fff0, 1 << 60, "lies in no segment"),
        (0x6fff_fffd, 1 << 20, "expected at most 4096"),
        (0x6fff_ffff, 1 << 20, "expected at most 4096"),
    ] {
        let mut bytes = whole.clone();
        let at = entry(tag);
        bytes[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(problem), "{tag:#x}: {error}");
    }
    // The number of symbols.
    let mut bytes = whole.clone();
    let at = entry(4);
    let hash = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let hash = usize::try_from(hash - 0x40_0000).unwrap();
    bytes[hash + 4..hash + 8].fill(0xff);
    let error = read(bytes).unwrap_err().to_string();
    assert!(error.contains("4294967295 dynamic symbols"), "{error}");
}

#[test]
fn names_that_share_one_long_string_are_limited() {
    let long: &'static str = Box::leak("n".repeat(1 << 16).into_boxed_str());
    let mut symbols = vec![Symbol::export(long)];
    symbols.extend([Symbol::export("x"); 8]);
    let elf = elf("linux/amd64");
    let sample = Sample {
        symbols,
        ..Sample::usual(elf)
    };
    let mut bytes = sample.bytes();
    assert!(read(bytes.clone()).is_ok());
    let first = [1, 0, 0, 0, 0x12, 0];
    let at = bytes.windows(6).position(|window| window == first).unwrap();
    for index in 1..9 {
        bytes.copy_within(at..at + 4, at + index * 24);
    }
    let error = read(bytes).unwrap_err().to_string();
    assert!(error.contains("longer than its strings"), "{error}");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    for name in ["linux/arm/v7", "linux/s390x"] {
        for count in [Count::Hash, Count::GnuHash] {
            let whole = full(elf(name), true, count).bytes();
            for length in 0..whole.len() {
                let read = read(whole[..length].to_vec());
                assert!(
                    matches!(read, Err(Error::Malformed { .. } | Error::NotElf { .. })),
                    "{name} cut off at {length} of {}",
                    whole.len()
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn a_changed_file_is_read_or_refused(
        index in 0..Platform::all().len(),
        count in 0..COUNTS.len(),
        sections: bool,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let elf = Platform::all()[index].architecture().elf;
        let mut bytes = full(elf, sections, COUNTS[count]).bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let failed_to_read = matches!(read(bytes), Err(Error::Io { .. }));
        prop_assert!(!failed_to_read);
    }
}
