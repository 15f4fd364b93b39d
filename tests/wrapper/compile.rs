//! Compiling: outputs, dependencies, response files, messages.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use super::Wrappers;
use crate::support::program::ran;

const HEADER: (&str, &str) = ("own.h", "int number(void);\n");
const MAIN: (&str, &str) = (
    "main.c",
    "#include \"own.h\"\nint main(void) { return number(); }\n",
);
const NUMBER: (&str, &str) = ("number.c", "int number(void) { return 42; }\n");

#[test]
fn an_object_and_its_dependencies_go_where_gcc_puts_them() {
    let wrappers = Wrappers::new("musl", &[HEADER, MAIN]);
    fs_err::create_dir(wrappers.path("sub")).unwrap();
    wrappers.cc("-c main.c -MD -o sub/main.o");
    assert!(wrappers.elf("-h", "sub/main.o").contains("AArch64"));
    let dependencies = wrappers.read("sub/main.d");
    let dependencies = dependencies.replace("\\\n", " ");
    let words: Vec<&str> = dependencies.split_whitespace().collect();
    assert_eq!(words, ["sub/main.o:", "main.c", "own.h"]);
    // To another file, for another target, with targets for headers.
    wrappers.cc("-c main.c -MMD -MP -MF deps -MT all -o main.o");
    let dependencies = wrappers.read("deps");
    assert!(dependencies.starts_with("all: main.c"), "{dependencies}");
    assert!(dependencies.contains("\nown.h:"), "{dependencies}");
}

#[test]
fn several_sources_become_one_object_each_and_all_are_tried() {
    let wrappers = Wrappers::new("musl", &[HEADER, MAIN, NUMBER, ("bad.c", "int x = y;\n")]);
    wrappers.cc("-c main.c number.c");
    wrappers.cc("main.o number.o -o program");
    assert_eq!(wrappers.code("program"), 42);
    fs_err::remove_file(wrappers.path("number.o")).unwrap();
    wrappers.refuses("-c bad.c number.c");
    assert!(wrappers.path("number.o").is_file());
    assert!(!wrappers.path("bad.o").exists());
}

#[test]
fn ten_thousand_objects_are_linked_by_a_response_file() {
    let wrappers = Wrappers::new(
        "musl",
        &[HEADER, MAIN, NUMBER, ("empty.c", "static int x;\n")],
    );
    wrappers.cc("-c main.c number.c empty.c");
    fs_err::create_dir(wrappers.path("objects of all")).unwrap();
    let mut list = String::from("main.o number.o -o program\n");
    for number in 0..10_000 {
        let name = format!("objects of all/it's {number}.o");
        fs_err::hard_link(wrappers.path("empty.o"), wrappers.path(&name)).unwrap();
        writeln!(list, "\"{name}\"").unwrap();
    }
    wrappers.project.write("inner", list);
    wrappers
        .project
        .write("outer", "-Wl,--gc-sections\n@inner -Wl,-Map,program.map\n");
    wrappers.cc("@outer");
    assert_eq!(wrappers.code("program"), 42);
    assert!(wrappers.read("program.map").contains("main.o:"));
}

#[test]
fn standard_input_is_compiled_and_preprocessed() {
    let wrappers = Wrappers::new("gnu.2.31", &[]);
    for (words, expected) in [("-x c - -c -o a.o", None), ("-E -xc -", Some("int x = 7;"))] {
        let mut command = wrappers.tool("cc");
        command.args(words.split_whitespace()).stdin(Stdio::piped());
        command.stdout(Stdio::piped());
        let mut child = command.spawn().expect("started");
        let mut input = child.stdin.take().unwrap();
        input
            .write_all(b"#define SEVEN 7\nint x = SEVEN;\n")
            .unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{words}");
        if let Some(expected) = expected {
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.lines().any(|line| line == expected), "{text}");
        }
    }
    assert!(wrappers.elf("-s", "a.o").contains(" x\n"));
}

/// What compiler caches rely on: the preprocessed text on standard output, dependencies beside it,
/// and a compiler file for every target and tool that is like no other.
#[test]
fn compiler_caches_find_what_they_go_by() {
    let wrappers = Wrappers::new("musl", &[HEADER, MAIN]);
    let ran = wrappers.cc("-E -MD -MF main.d -MT main.o main.c -DX");
    assert!(ran.stdout.contains("int number(void);"), "{}", ran.stdout);
    assert!(wrappers.read("main.d").starts_with("main.o: main.c"));
    let other = Wrappers::new("gnu.2.31", &[]);
    let bytes = |wrappers: &Wrappers, tool: &str| {
        let path = wrappers.tool(tool).get_program().to_owned();
        fs_err::read(path).unwrap()
    };
    let mut seen = vec![bytes(&wrappers, "cc"), bytes(&wrappers, "c++")];
    seen.extend([bytes(&other, "cc"), bytes(&other, "c++")]);
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    // The interpreter is the program by its digest: a change of it is a change of the wrapper.
    assert!(
        seen[0].starts_with(b"#!"),
        "{:?}",
        String::from_utf8_lossy(&seen[0])
    );
}

#[test]
fn a_compile_error_is_the_compilers_own_message_and_code() {
    let wrappers = Wrappers::new("musl", &[("bad.c", "int f(void) { return nothing; }\n")]);
    let ran = ran(wrappers.tool("cc").args(["-c", "bad.c"]));
    assert_eq!(ran.code, 1);
    assert_eq!(
        ran.stderr.lines().next(),
        Some("bad.c:1:22: error: use of undeclared identifier 'nothing'")
    );
    assert_eq!(ran.stderr.lines().last(), Some("1 error generated."));
    assert!(!wrappers.path("bad.o").exists());
}

#[test]
fn warnings_are_told_each_time() {
    let wrappers = Wrappers::new("musl", &[("odd.c", "int f(void) { int x; return 0; }\n")]);
    for _ in 0..2 {
        let ran = wrappers.cc("-Wall -c odd.c");
        assert!(ran.stderr.contains("[-Wunused-variable]"), "{}", ran.stderr);
    }
    wrappers.refuses("-Wall -Werror -c odd.c");
}

#[test]
fn the_machines_own_processor_is_no_level_of_the_target() {
    let wrappers = Wrappers::new("musl", &[NUMBER]);
    let ran = wrappers.cc("-march=native -O2 -c number.c");
    let start = "aarch64-linux-musl-cc: warning: `native` ";
    assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
    assert!(wrappers.elf("-h", "number.o").contains("AArch64"));
}

#[test]
fn what_the_target_has_not_is_refused_with_the_reason() {
    let wrappers = Wrappers::new("musl", &[NUMBER]);
    for (words, reason) in [
        ("-fsanitize=address -c number.c", "needs a runtime library"),
        ("-m32 -c number.c", "does not agree with linux/arm64"),
        (
            "--target=x86_64-linux-gnu -c number.c",
            "does not agree with linux/arm64",
        ),
    ] {
        let told = wrappers.refuses(words);
        assert!(told.starts_with("aarch64-linux-musl-cc: error: "), "{told}");
        assert!(told.contains(reason), "{words}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let glibc = Wrappers::new("gnu.2.31", &[NUMBER]);
    let told = glibc.refuses("-static number.c");
    assert!(told.contains("glibc is linked dynamically"), "{told}");
}

#[test]
fn folders_are_called_what_the_environment_says() {
    let text = "const char *file(void) { return __FILE__; }\n";
    let wrappers = Wrappers::new("musl", &[("tells.c", text)]);
    let root = wrappers.path("");
    let root = root.to_str().expect("text").trim_end_matches('/');
    let compile = |map: &str, words: &[&str]| {
        let mut command = wrappers.tool("cc");
        command.arg("-g").arg("-c").args(words);
        command
            .arg(wrappers.path("tells.c"))
            .args(["-o", "tells.o"]);
        ran(command.env("BUILD_PATH_PREFIX_MAP", map))
    };
    let paths = |option: &[&str]| {
        let map = format!("here=/nowhere:/src=/tmp:there%.=%+:here%#={root}");
        let ran = compile(&map, option);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        let bytes = fs_err::read(wrappers.path("tells.o")).expect("an object");
        let bytes = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!bytes.contains(root), "{bytes}");
        bytes
    };
    assert!(paths(&[]).contains("here%/tells.c\0"));
    let own = format!("-ffile-prefix-map={root}=own");
    assert!(paths(&[&own]).contains("own/tells.c\0"));
    let ran = compile("nonsense", &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("`nonsense`"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("unset BUILD_PATH_PREFIX_MAP"),
        "{}",
        ran.stderr
    );
}
