//! The table of what becomes of a command line.

use super::super::tests::spec;
use super::*;

const FOLDERS: [&str; 6] = [
    "lib",
    "lib/libz.so.1-rc",
    "lib/libz.a",
    "/sys",
    "/sys/usr/include",
    "/sys/usr/lib",
];

fn planned(target: (&str, &str), language: Language, line: &str) -> Result<Plan, Refusal> {
    let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    let exists = |path: &Path| FOLDERS.iter().any(|known| path == Path::new(known));
    translate(&spec(target.0, target.1), language, &arguments, &exists)
}

/// The arguments of each call without what every call has in front, and what is carried to lld.
fn calls(language: Language, line: &str) -> Vec<String> {
    let plan = planned(("linux/arm64", "gnu.2.36"), language, line).expect(line);
    let line = |call: &Call| {
        let mut words: Vec<&str> = call
            .arguments
            .iter()
            .map(|word| word.to_str().unwrap())
            .filter(|word| !FRONT.contains(word))
            .collect();
        if words.get(1) == Some(&COLLECTS) {
            words.remove(1);
        }
        let carried: Vec<&str> = call
            .linker
            .iter()
            .map(|word| word.to_str().unwrap())
            .collect();
        match &carried[..] {
            [] => words.join(" "),
            carried => format!("{} | {}", words.join(" "), carried.join(" ")),
        }
    };
    plan.calls.iter().map(line).collect()
}

const FRONT: [&str; 6] = [
    "-target",
    "aarch64-linux-gnu.2.36",
    "-fno-sanitize=undefined",
    "-Qunused-arguments",
    "-Wno-ignored-optimization-argument",
    "-Wno-date-time",
];

/// What links of programs have in front, too.
const COLLECTS: &str = "-Wl,--gc-sections";

#[test]
fn command_lines_of_gcc_become_those_of_zig() {
    let off = "-MD -MF /dev/null";
    let mut faults = Vec::new();
    for (line, expected) in [
        ("-c a.c", format!("cc a.c -c -o a.o {off} -g0")),
        ("-c a.c -o b/a.o", format!("cc a.c -c -o b/a.o {off} -g0")),
        ("-c a.c -ob.o -g", format!("cc a.c -g -c -o b.o {off}")),
        ("-c a.c -g -g0", format!("cc a.c -g -c -o a.o {off} -g0")),
        ("-c a.c -ggdb3", format!("cc a.c -ggdb3 -c -o a.o {off}")),
        ("-S a.c", format!("cc a.c -c -Xclang -S -o a.s {off} -g0")),
        (
            "-S -o - a.c",
            format!("cc a.c -c -Xclang -S -o - {off} -g0"),
        ),
        ("-E a.c", "cc a.c -E -g0".to_owned()),
        ("-E -dM -", "cc -dM -x c - -x none -E -g0".to_owned()),
        (
            "-E -P -xc /dev/null",
            "cc -P -x c /dev/null -x none -E -g0".to_owned(),
        ),
        ("-xc - -o x", format!("cc -x c - -x none -o x {off} -g0")),
        ("-M a.c", "cc -M a.c -g0".to_owned()),
        ("-MM -MF a.d a.c", "cc -MM -MF a.d a.c -g0".to_owned()),
        ("-MD -c a.c", "cc -MD a.c -c -o a.o -MF a.d -g0".to_owned()),
        (
            "-MMD -MP -c a.c -o b/a.o",
            "cc -MMD -MP a.c -c -o b/a.o -MF b/a.d -g0".to_owned(),
        ),
        (
            "-MD -MF x.d -c a.c",
            "cc -MD -MF x.d a.c -c -o a.o -g0".to_owned(),
        ),
        (
            "-MD -MFx.d -MTy -c a.c",
            "cc -MD -MFx.d -MTy a.c -c -o a.o -g0".to_owned(),
        ),
        (
            "-MD a.c -o prog",
            "cc -MD a.c -o prog -MF prog.d -MQ prog -g0".to_owned(),
        ),
        (
            "-Wp,-MD,x.d -c a.c",
            "cc -MD -MF x.d a.c -c -o a.o -g0".to_owned(),
        ),
        (
            "-Wp,-MMD,x.d,-MT,y -c a.c",
            "cc -MMD -MF x.d -MT y a.c -c -o a.o -g0".to_owned(),
        ),
        (
            "-Wp,-D_FORTIFY_SOURCE=2 -c a.c",
            format!("cc -D_FORTIFY_SOURCE=2 a.c -c -o a.o {off} -g0"),
        ),
        (
            "-fsyntax-only a.c",
            format!("cc a.c -c -Xclang -fsyntax-only -o /dev/null {off} -g0"),
        ),
        ("a.o b.o -o p", "cc a.o b.o -o p -g0".to_owned()),
        ("a.c -o p", format!("cc a.c -o p {off} -g0")),
        ("-c a.c a.o -lz", format!("cc a.c -c -o a.o {off} -g0")),
        (
            "-x c++ a.x -x none b.o",
            format!("cc -x c++ a.x -x none b.o {off} -g0"),
        ),
        ("a.h", "cc -x c-header a.h -o a.h.gch -g0".to_owned()),
        (
            "-c -O2 a.c",
            format!("cc -UNDEBUG a.c -c -o a.o {off} -O2 -g0"),
        ),
        (
            "-c -O3 a.c",
            format!("cc -UNDEBUG a.c -c -o a.o {off} -O3 -Xclang -O3 -g0"),
        ),
        (
            "-c -O2 -Og a.c",
            format!("cc -UNDEBUG a.c -c -o a.o {off} -O1 -Xclang -O1 -g0"),
        ),
        ("-c -O2 -O0 a.c", format!("cc a.c -c -o a.o {off} -g0")),
        (
            "-c -Ofast a.c",
            format!("cc -UNDEBUG a.c -c -o a.o {off} -O3 -ffast-math -Xclang -O3 -g0"),
        ),
        (
            "-c a.c --target=aarch64-unknown-linux-gnu",
            format!("cc a.c -c -o a.o {off} -g0"),
        ),
        (
            "-target aarch64-linux-gnu -c a.c",
            format!("cc a.c -c -o a.o {off} -g0"),
        ),
        (
            "-m64 -mabi=lp64 -mtune=native -pipe -c a.c",
            format!("cc a.c -c -o a.o {off} -g0"),
        ),
        (
            "-mcpu=cortex-a53 -c a.c",
            format!("cc -mcpu=cortex_a53 a.c -c -o a.o {off} -g0"),
        ),
        (
            "-march=armv8.2-a+crypto -c a.c",
            format!("cc -mcpu=generic+v8_2a+crypto a.c -c -o a.o {off} -g0"),
        ),
        ("-fno-pic -c a.c", format!("cc a.c -c -o a.o {off} -g0")),
        (
            "-fsanitize=undefined -c a.c",
            format!("cc -fsanitize=undefined a.c -c -o a.o {off} -g0"),
        ),
        (
            "-fno-tree-pre --param x=1 -Wno-maybe-uninitialized -c a.c",
            format!("cc a.c -c -o a.o {off} -g0"),
        ),
        (
            "-flto=auto -c a.c",
            format!("cc -flto a.c -c -o a.o {off} -g0"),
        ),
        (
            "-D X -include y.h -c a.c",
            format!("cc -D X -include y.h a.c -c -o a.o {off} -g0"),
        ),
        (
            "-I/usr/include -Iinc -isystem sys -c a.c",
            format!("cc -I inc -isystem sys a.c -c -o a.o {off} -g0"),
        ),
        (
            "--sysroot=/sys -I=/x -c a.c",
            format!("cc -I /sys/x a.c -c -o a.o {off} -g0 -idirafter /sys/usr/include"),
        ),
        (
            "--sysroot /sys a.o -lz",
            "cc a.o -lz -g0 -idirafter /sys/usr/include -L/sys/usr/lib".to_owned(),
        ),
        ("--sysroot=/ a.o", "cc a.o -g0".to_owned()),
        (
            "--sysroot=/none -c a.c",
            format!("cc a.c -c -o a.o {off} -g0"),
        ),
        (
            "a.o -Llib -Lnone -L/usr/lib -lz",
            "cc a.o -Llib -lz -g0".to_owned(),
        ),
        (
            "a.o -l:libz.a -L lib",
            "cc a.o lib/libz.a -Llib -g0".to_owned(),
        ),
        ("a.o -l:liby.a", "cc a.o -l:liby.a -g0".to_owned()),
        ("a.o -l m -lssp_nonshared", "cc a.o -lm -g0".to_owned()),
        (
            "a.o -shared -rdynamic -s -pthread",
            "cc a.o -shared -rdynamic -Wl,-s -pthread -g0".to_owned(),
        ),
        (
            "a.o -fuse-ld=gold -B. -static-libgcc",
            "cc a.o -static-libgcc -g0".to_owned(),
        ),
        ("-r a.o b.o -o c.o", "cc -r a.o b.o -o c.o -g0".to_owned()),
        (
            "a.o -Wl,-Map=x -Wl,--gc-sections,--wrap=f",
            "cc a.o -Wl,--gc-sections -g0 | -Map=x --wrap=f".to_owned(),
        ),
        (
            "a.o -Wl,-rpath -Wl,/opt",
            "cc a.o -Wl,-rpath,/opt -g0".to_owned(),
        ),
        (
            "a.o -Xlinker --defsym -Xlinker a=b,c",
            "cc a.o -g0 | --defsym a=b,c".to_owned(),
        ),
        (
            "a.o -T x.ld -nostdlib",
            "cc a.o -nostdlib -Wl,-e, -g0 | -T x.ld".to_owned(),
        ),
        (
            "a.o -Tx.ld -e f -u g -z now",
            "cc a.o -Wl,-e,f -Wl,-u,g -Wl,-z,now -g0 | -Tx.ld".to_owned(),
        ),
        (
            "a.o --entry=f -symbolic",
            "cc a.o -Wl,-e,f -Wl,-Bsymbolic -g0".to_owned(),
        ),
        (
            "-Wl,--whole-archive,x.a,--no-whole-archive a.o",
            "cc -Wl,--whole-archive x.a -Wl,--no-whole-archive a.o -g0".to_owned(),
        ),
        (
            "a.c -c -Wl,-Map=x -lfoo",
            format!("cc a.c -c -o a.o {off} -g0"),
        ),
        (
            "a.o libz.so.1-rc1 -Wl,-Map=x script.ld b.o",
            "cc a.o b.o -Wl,-e, -dynamic -g0 | libz.so.1-rc1 -Map=x script.ld".to_owned(),
        ),
        (
            "a.o -Wl,--whole-archive x.a.old -Wl,--no-whole-archive y.os",
            "cc a.o -Wl,--whole-archive -Wl,--no-whole-archive -Wl,-e, -g0 \
             | --whole-archive x.a.old --no-whole-archive y.os"
                .to_owned(),
        ),
        (
            "-Wl,-b,binary data.txt -Wl,--format=elf a.o",
            "cc a.o -Wl,-e, -g0 | --format=binary data.txt --format=elf".to_owned(),
        ),
        (
            "a.o -L lib -l:libz.so.1-rc -Wl,-Map=x",
            "cc a.o -Llib -Wl,-e, -dynamic -g0 | lib/libz.so.1-rc -Map=x".to_owned(),
        ),
        (
            "object -o p",
            "cc -Wl,-e, -x c /dev/null -x none -o p -g0 | object".to_owned(),
        ),
        ("-Wl,--version", "ld.lld --version".to_owned()),
        (
            "-emit-llvm -c a.c",
            format!("cc a.c -c -Xclang -emit-llvm-bc -o a.bc {off} -g0"),
        ),
    ] {
        let found = calls(Language::C, line);
        if found != [expected.clone()] {
            faults.push(format!(
                "{line}\n  expected {expected}\n     found {found:?}"
            ));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn several_sources_are_compiled_one_by_one() {
    let found = calls(Language::C, "-O0 -c a.c d/b.c x.o");
    let off = "-MD -MF /dev/null -g0";
    let expected = [
        format!("cc a.c -c -o a.o {off}"),
        format!("cc d/b.c -c -o b.o {off}"),
    ];
    assert_eq!(found, expected);
    let target = ("linux/arm64", "musl");
    let refused = planned(target, Language::C, "-c a.c b.c -o x.o");
    assert!(matches!(refused, Err(Refusal::Output { sources: 2 })));
    assert_eq!(calls(Language::C, "a.c b.c").len(), 1);
}

#[test]
fn other_drivers_take_their_inputs_for_something_else() {
    let off = "-MD -MF /dev/null -g0";
    for (language, line, expected) in [
        (
            Language::Cxx,
            "-c a.c",
            format!("c++ -x c++ a.c -x none -c -o a.o {off}"),
        ),
        (
            Language::Cxx,
            "-c a.cc",
            format!("c++ a.cc -c -o a.o {off}"),
        ),
        (
            Language::Preprocessor,
            "-P a.c",
            "cc -P a.c -E -g0".to_owned(),
        ),
        (
            Language::Preprocessor,
            "a.c a.i",
            "cc a.c -E -o a.i -g0".to_owned(),
        ),
        (
            Language::Preprocessor,
            "a.txt",
            "cc -x c a.txt -x none -E -g0".to_owned(),
        ),
        (
            Language::Preprocessor,
            "-DX",
            "cc -DX -x c - -x none -E -g0".to_owned(),
        ),
        (
            Language::Assembler,
            "a.s -o a.o",
            format!("cc -x assembler a.s -x none -c -o a.o {off}"),
        ),
        (
            Language::Assembler,
            "-o a.o",
            format!("cc -x assembler - -x none -c -o a.o {off}"),
        ),
        (
            Language::Assembler,
            "--defsym A=1 --noexecstack --64 a.s",
            format!("cc -Wa,--defsym,A=1 -x assembler a.s -x none -c -o a.out {off}"),
        ),
    ] {
        assert_eq!(calls(language, line), [expected], "{line}");
    }
}

#[test]
fn questions_without_inputs_have_a_target_that_clang_takes() {
    assert_eq!(
        calls(Language::C, "-v"),
        ["cc aarch64-linux-gnu -v".to_owned()]
    );
    assert_eq!(
        calls(Language::Preprocessor, "-v"),
        ["cc aarch64-linux-gnu -v -E".to_owned()]
    );
}

#[test]
fn our_arguments_are_in_front_and_the_toolchains_behind() {
    let mut spec = spec("linux/arm/v7", "musl");
    spec.arguments = vec!["-idirafter".to_owned(), "/s/include".to_owned()];
    let arguments = ["-c", "a.c", "-march=native"].map(OsString::from);
    let plan = translate(&spec, Language::C, &arguments, &|_| false).unwrap();
    let call = &plan.calls[0].arguments;
    assert_eq!(
        call[..5],
        [
            "cc",
            "-target",
            "arm-linux-musleabihf",
            "-mcpu=generic+v7a+vfp3d16",
            "-fno-sanitize=undefined"
        ]
    );
    assert_eq!(call[call.len() - 2..], ["-idirafter", "/s/include"]);
    assert_eq!(plan.warnings.len(), 1);
    assert!(plan.warnings[0].contains("linux/arm/v7"), "{plan:?}");
}

#[test]
fn what_musls_macros_give_is_no_error() {
    for (libc, line, expected) in [
        ("musl", "-c -Werror a.c", true),
        ("musl", "-c -pedantic-errors a.c", true),
        ("musl", "-c -Wall a.c", false),
        ("musl", "-Werror a.o", false),
        ("gnu.2.36", "-c -Werror a.c", false),
    ] {
        let plan = planned(("linux/arm64", libc), Language::C, line).unwrap();
        let word = OsString::from("-Wno-error=long-long");
        assert_eq!(plan.calls[0].arguments.contains(&word), expected, "{line}");
    }
}

#[test]
fn start_files_that_rustc_brings_are_left_out_for_those_of_the_compiler() {
    let line = "-nostartfiles /r/self-contained/crt1.o /r/self-contained/crti.o a.o \
                /r/self-contained/crtend.o /r/self-contained/libx.o /own/crt1.o";
    let inputs = |libc: &str| {
        let plan = planned(("linux/arm64", libc), Language::C, line).unwrap();
        let words = plan.calls[0].arguments.iter();
        let words = words.filter_map(|word| word.to_str());
        let inputs: Vec<String> = words
            .filter(|word| Path::new(word).extension().is_some_and(|end| end == "o"))
            .map(str::to_owned)
            .collect();
        inputs.join(" ")
    };
    assert_eq!(inputs("musl"), "a.o /r/self-contained/libx.o /own/crt1.o");
    assert!(inputs("gnu.2.36").starts_with("/r/self-contained/crt1.o "));
}

#[test]
fn what_the_platform_cannot_do_is_refused() {
    let gnu = ("linux/arm64", "gnu.2.36");
    let musl = ("linux/arm64", "musl");
    for (target, line, refused) in [
        (gnu, "a.o -static", true),
        (gnu, "-Wl,-static a.o", false),
        (gnu, "a.c -c -static", false),
        (gnu, "a.o -static -nostdlib", false),
        (gnu, "a.o -static-pie", true),
        (musl, "a.o -static", false),
        (musl, "a.o -static-pie", false),
        (musl, "a.c -m32", true),
        (musl, "a.c --target=x86_64-linux-musl", true),
        (musl, "a.c -fsanitize=address", true),
        (musl, "a.o -Wl,-m,elf_x86_64", true),
        (musl, "a.o -Wl,--start-lib", true),
    ] {
        let found = planned(target, Language::C, line);
        assert_eq!(found.is_err(), refused, "{line}: {found:?}");
    }
}

#[test]
fn what_a_program_does_not_use_is_left_out_unless_the_user_lays_it_out() {
    let collects = |line: &str| {
        let plan = planned(("linux/arm64", "musl"), Language::C, line).expect(line);
        let mut front = plan.calls[0].arguments.iter();
        front.any(|word| word == COLLECTS)
    };
    for line in ["a.o -o a", "a.c -o a", "a.o -static -Wl,--no-gc-sections"] {
        assert!(collects(line), "{line}");
    }
    for line in [
        "-c a.c",
        "-shared a.o",
        "-r a.o -o b.o",
        "-T x.ld a.o",
        "-nostdlib a.o",
    ] {
        assert!(!collects(line), "{line}");
    }
}

#[test]
fn programs_are_position_independent_where_debians_are_unless_the_user_says_where_they_lie() {
    let mut spec = super::super::tests::spec("linux/arm64", "gnu.2.36");
    spec.pie = true;
    let asks = |line: &str| {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let plan = translate(&spec, Language::C, &words, &|_| false).expect(line);
        let front = plan.calls[0].arguments.iter();
        front
            .take_while(|word| *word != "-o")
            .any(|word| word == "-pie")
    };
    for line in ["a.o -o a", "a.c -o a", "-Wl,-z,relro a.o -o a"] {
        assert!(asks(line), "{line}");
    }
    for line in [
        "-c a.c -o a.o",
        "-E a.c -o a.i",
        "-shared a.o -o a.so",
        "-Wl,-shared a.o -o a.so",
        "-r a.o -o b.o",
        "-no-pie a.o -o a",
    ] {
        assert!(!asks(line), "{line}");
    }
}
