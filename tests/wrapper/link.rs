//! Linking: what goes to the linker through the compiler and past it.

use super::Wrappers;

const MAIN: (&str, &str) = (
    "main.c",
    "int number(void);\nint main(void) { return number(); }\n",
);
const NUMBER: (&str, &str) = (
    "number.c",
    "int other(void) { return 1; }\nint number(void) { return 42; }\n",
);

#[test]
fn options_that_the_compiler_does_not_know_reach_the_linker() {
    let wrappers = Wrappers::new(
        "musl",
        &[
            MAIN,
            NUMBER,
            ("wrap.c", "int __wrap_number(void) { return 7; }\n"),
        ],
    );
    wrappers.cc("-c main.c number.c wrap.c");
    for value in ["0x41", "0x42"] {
        wrappers.cc(&format!(
            "main.o number.o -o program -Wl,-Map=program.map -Wl,--defsym=added={value}"
        ));
        let symbols = wrappers.elf("-s", "program");
        let added = symbols.lines().find(|line| line.ends_with(" added"));
        let digits = value.trim_start_matches("0x");
        assert!(
            added.expect("a symbol").contains(&format!("{digits} ")),
            "{added:?}"
        );
    }
    assert!(wrappers.read("program.map").contains("number.o:(.text"));
    assert_eq!(wrappers.code("program"), 42);
    wrappers.cc("main.o number.o wrap.o -o wrapped -Wl,--wrap=number");
    assert_eq!(wrappers.code("wrapped"), 7);
    let told = wrappers.refuses("main.o number.o -o none -Wl,--no-such-option");
    assert!(told.contains("--no-such-option"), "{told}");
}

#[test]
fn a_linker_script_lays_out_a_program_without_a_c_library() {
    let script = "ENTRY(start)\nSECTIONS {\n  . = 0x400000;\n  .text : { *(.text*) }\n  \
                  .data : { *(.data*) end_of_data = .; }\n}\n";
    let files = [
        (
            "bare.c",
            "int data = 1;\nvoid start(void) { for (;;) data++; }\n",
        ),
        ("layout.ld", script),
    ];
    let wrappers = Wrappers::new("musl", &files);
    let options = "-nostdlib -static -ffreestanding bare.c";
    for (words, name) in [
        ("-T layout.ld", "one"),
        ("-Wl,-T,layout.ld", "two"),
        ("-Tlayout.ld", "three"),
    ] {
        wrappers.cc(&format!("{options} {words} -o {name}"));
        let symbols = wrappers.elf("-s", name);
        assert!(symbols.contains(" end_of_data"), "{words}: {symbols}");
        let header = wrappers.elf("-h", name);
        assert!(header.contains("0x4000"), "{words}: {header}");
    }
}

#[test]
fn a_library_of_an_exact_name_and_files_of_any_name_are_linked() {
    let wrappers = Wrappers::new("musl", &[MAIN, NUMBER]);
    wrappers.cc("-c main.c number.c");
    fs_err::create_dir(wrappers.path("lib")).unwrap();
    wrappers.run("ar", "rcs lib/libnumber.a number.o");
    wrappers.run("ranlib", "lib/libnumber.a");
    wrappers.cc("main.o -Llib -l:libnumber.a -o exact");
    assert_eq!(wrappers.code("exact"), 42);
    for name in ["number.os", "number", "number.a.old"] {
        let from = if name == "number.a.old" {
            "lib/libnumber.a"
        } else {
            "number.o"
        };
        fs_err::copy(wrappers.path(from), wrappers.path(name)).unwrap();
        wrappers.cc(&format!("main.o {name} -o any"));
        assert_eq!(wrappers.code("any"), 42, "{name}");
    }
    fs_err::copy(wrappers.path("main.o"), wrappers.path("main.os")).unwrap();
    wrappers.cc("main.os number.os -o only");
    assert_eq!(wrappers.code("only"), 42);
    let told = wrappers.refuses("main.o missing.os -o none");
    assert!(told.contains("missing.os"), "{told}");
}

#[test]
fn a_shared_library_is_found_beside_its_program() {
    let files = [
        MAIN,
        NUMBER,
        ("number.map", "V1 { global: number; missing; local: *; };\n"),
    ];
    let wrappers = Wrappers::new("gnu.2.31", &files);
    wrappers.cc(
        "-shared -fPIC number.c -o libnumber.so.1 -Wl,-soname,libnumber.so.1 \
         -Wl,--version-script=number.map -Wl,-z,relro,-z,now -O2",
    );
    let dynamic = wrappers.elf("-d", "libnumber.so.1");
    assert!(dynamic.contains("soname: [libnumber.so.1]"), "{dynamic}");
    let symbols = wrappers.elf("--dyn-syms", "libnumber.so.1");
    assert!(symbols.contains("number@@V1"), "{symbols}");
    assert!(!symbols.contains("other"), "{symbols}");
    fs_err::os::unix::fs::symlink("libnumber.so.1", wrappers.path("libnumber.so")).unwrap();
    wrappers.cc("main.c -L. -lnumber -Wl,-rpath,$ORIGIN -Wl,--enable-new-dtags -o program");
    let dynamic = wrappers.elf("-d", "program");
    assert!(dynamic.contains("runpath: [$ORIGIN]"), "{dynamic}");
    assert!(dynamic.contains("[libnumber.so.1]"), "{dynamic}");
    let headers = wrappers.elf("-l", "program");
    assert!(headers.contains("/lib/ld-linux-aarch64.so.1]"), "{headers}");
    // A version that is no number is as good.
    let odd = "libnumber.so.1-rc1";
    fs_err::copy(wrappers.path("libnumber.so.1"), wrappers.path(odd)).unwrap();
    wrappers.cc(&format!("main.c {odd} -o direct"));
    let dynamic = wrappers.elf("-d", "direct");
    assert!(dynamic.contains("[libnumber.so.1]"), "{dynamic}");
}

#[test]
fn a_shared_library_makes_a_program_for_musl_dynamic() {
    let wrappers = Wrappers::new("musl", &[MAIN, NUMBER]);
    wrappers.cc("-shared -fPIC number.c -o libnumber.so.1-rc1 -Wl,-soname,libnumber.so.1");
    wrappers.cc("main.c libnumber.so.1-rc1 -o program");
    let headers = wrappers.elf("-l", "program");
    assert!(headers.contains("/lib/ld-musl-aarch64.so.1]"), "{headers}");
}

#[test]
fn a_static_program_is_linked_at_any_place_or_at_a_fixed_one() {
    let wrappers = Wrappers::new("musl", &[MAIN, NUMBER]);
    for (words, kind) in [("-static-pie", "DYN"), ("-static", "EXEC"), ("", "EXEC")] {
        wrappers.cc(&format!("{words} main.c number.c -o program"));
        let header = wrappers.elf("-hl", "program");
        assert!(header.contains(&format!("{kind} (")), "{words}: {header}");
        assert!(!header.contains("INTERP"), "{words}: {header}");
        assert_eq!(wrappers.code("program"), 42, "{words}");
    }
}

#[test]
fn the_linker_itself_joins_objects() {
    let wrappers = Wrappers::new("musl", &[MAIN, NUMBER]);
    wrappers.cc("-c main.c number.c");
    wrappers.run("ld", "-r main.o number.o -o both.o");
    wrappers.cc("both.o -o program");
    assert_eq!(wrappers.code("program"), 42);
    assert!(wrappers.run("ld", "--version").stdout.contains("LLD"));
}
