//! The table of what becomes of the linker's options.

use super::*;

/// What zig gets, and what is carried.
fn linked(words: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut linker = Linker::new("linux/arm64".parse().unwrap());
    let mut native = Vec::new();
    for word in words {
        match linker.word(OsStr::new(word)).unwrap() {
            Effect::None => {}
            Effect::Argument(argument) => native.push(argument),
            Effect::Arguments(arguments) => native.extend(arguments),
            Effect::Input(path) => native.push(path),
            Effect::Library(name) => native.push(["-l".into(), name].into_iter().collect()),
            Effect::Folder(path) => native.push(["-L".into(), path].into_iter().collect()),
        }
    }
    linker.finish();
    let strings = |words: Vec<OsString>| {
        let strings = words.into_iter().map(|word| word.into_string().unwrap());
        strings.collect()
    };
    (strings(native), strings(linker.carried))
}

#[test]
fn options_go_through_zig_or_past_it_or_are_left_out() {
    type Case = (
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );
    let cases: &[Case] = &[
        (&["--gc-sections"], &["-Wl,--gc-sections"], &[]),
        (&["-no-undefined"], &["-Wl,--no-undefined"], &[]),
        (&["-soname", "libx.so.1"], &["-Wl,-soname,libx.so.1"], &[]),
        (&["-soname=libx.so.1"], &["-Wl,-soname,libx.so.1"], &[]),
        (&["-hlibx.so.1"], &["-Wl,-soname,libx.so.1"], &[]),
        (
            &["-rpath", "/a,b"],
            &["-Xlinker", "-rpath", "-Xlinker", "/a,b"],
            &[],
        ),
        (&["-R/opt"], &["-Wl,-rpath,/opt"], &[]),
        (&["-rpath-link", "/x"], &[], &[]),
        (&["-rpath-link=/x"], &[], &[]),
        (&["-z", "now"], &["-Wl,-z,now"], &[]),
        (&["-znow"], &["-Wl,-z,now"], &[]),
        (&["-z", "execstack"], &[], &["-z", "execstack"]),
        (&["-z", "cet-report=error"], &[], &[]),
        (&["-z", "force-bti"], &[], &["-z", "force-bti"]),
        (
            &["-z", "max-page-size=65536"],
            &["-Wl,-z,max-page-size=65536"],
            &[],
        ),
        (&["-O1"], &[], &[]),
        (&["--sort-common=descending", "--no-keep-memory"], &[], &[]),
        (&["--build-id=sha1"], &["-Wl,--build-id=sha1"], &[]),
        (&["-Map=x.map"], &[], &["-Map=x.map"]),
        (&["-Map", "x.map"], &[], &["-Map", "x.map"]),
        (&["--defsym", "a=b"], &[], &["--defsym", "a=b"]),
        (&["--defsym=a=b"], &[], &["--defsym=a=b"]),
        (&["--wrap=malloc"], &[], &["--wrap=malloc"]),
        (&["-Tscript.ld"], &[], &["-Tscript.ld"]),
        (&["-T", "script.ld"], &[], &["-T", "script.ld"]),
        (&["-Ttext=0x1000"], &[], &["-Ttext=0x1000"]),
        (
            &["--icf=all", "--emit-relocs", "-q"],
            &[],
            &["--icf=all", "--emit-relocs", "-q"],
        ),
        (&["--dynamic-list=x"], &[], &["--dynamic-list=x"]),
        (&["--exclude-libs", "ALL"], &[], &["--exclude-libs", "ALL"]),
        (&["-Bsymbolic-functions"], &[], &["-Bsymbolic-functions"]),
        (
            &["--fatal-warnings", "--bogus"],
            &[],
            &["--fatal-warnings", "--bogus"],
        ),
        (&["-Map"], &[], &["-Map"]),
        (&["--start-group", "a.a", "--end-group"], &["a.a"], &[]),
        (&["-(", "-lx", "-)"], &["-lx"], &[]),
        (&["-L", "dir", "-l", "x"], &["-Ldir", "-lx"], &[]),
        (&["-pie"], &["-pie"], &[]),
        (&["-r"], &["-r"], &[]),
        (&["-m", "aarch64linux"], &[], &[]),
        (&["-maarch64linux"], &[], &[]),
        (&["-export-dynamic"], &["-Wl,--export-dynamic"], &[]),
        (&["-E"], &["-Wl,--export-dynamic"], &[]),
        (&["-EL"], &[], &["-EL"]),
        (&["-u", "main"], &["-Wl,-u,main"], &[]),
        (&["-plugin", "x.so", "-plugin-opt=a"], &[], &[]),
        (&["--as-needed"], &[], &[]),
        (
            &["--no-as-needed", "-lx", "--as-needed"],
            &["-Wl,--no-as-needed", "-lx", "-Wl,--as-needed"],
            &[],
        ),
        (
            &[
                "--push-state",
                "--whole-archive",
                "-Bstatic",
                "-lx",
                "--pop-state",
                "-ly",
            ],
            &[
                "-Wl,--whole-archive",
                "-Wl,-Bstatic",
                "-lx",
                "-Wl,--no-whole-archive",
                "-Wl,-Bdynamic",
                "-ly",
            ],
            &[],
        ),
        (
            &["--version-script=x.map"],
            &["-Wl,--undefined-version", "-Wl,--version-script,x.map"],
            &[],
        ),
        (
            &["--format=binary", "logo.png", "--format=default", "x.o"],
            &["logo.png", "x.o"],
            &["--format=binary", "--format=default"],
        ),
    ];
    for (words, native, carried) in cases {
        let found = linked(words);
        assert_eq!(found.0, *native, "{words:?}");
        assert_eq!(found.1, *carried, "{words:?}");
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    for words in [
        ["-m", "elf_x86_64"],
        ["--start-lib", "x"],
        ["--pop-state", "x"],
    ] {
        let mut linker = Linker::new("linux/arm64".parse().unwrap());
        let refused = words
            .iter()
            .any(|word| linker.word(OsStr::new(word)).is_err());
        assert!(refused, "{words:?}");
    }
}

#[test]
fn the_linker_itself_is_told_what_it_links_for() {
    let platform: Platform = "linux/ppc64le".parse().unwrap();
    let given = [
        "-o",
        "x",
        "--no-warn-rwx-segments",
        "--start-group",
        "a.a",
        "--end-group",
    ];
    let found = direct(platform, given.map(OsString::from).to_vec());
    assert_eq!(
        found,
        [
            "ld.lld",
            "-m",
            "elf64lppc",
            "--undefined-version",
            "-o",
            "x",
            "--start-group",
            "a.a",
            "--end-group"
        ]
    );
}
