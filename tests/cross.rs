//! `exec`, `shell`, `env`, and Go packages with C code: compilers of a platform, set up for any
//! command.

use std::path::Path;

use polyarch::target::Platform;

use super::support::judge::{agrees, judge, run};
use super::support::program::{Project, ran};

/// The test archive's updates are passed over, as in `tests/base`.
const CONFIG: &str = include_str!("judges/polyarch.toml");

const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

fn project(files: &[(&str, &str)]) -> Project {
    let project = Project::with(files);
    let mirrors = CONFIG.split("[mirrors]").nth(1).expect("a table");
    project.write("polyarch.toml", format!("[mirrors]{mirrors}"));
    project
}

fn platform(text: &str) -> Platform {
    text.parse().expect(text)
}

fn header(program: &Path) -> String {
    agrees(judge("readelf").arg("-hW").arg(program)).stdout
}

#[test]
fn a_command_finds_the_platforms_compiler_in_its_environment_and_on_path() {
    let project = project(&[("hello.c", HELLO)]);
    let script = "$CC -O2 -o one hello.c && $STRIP one && \
                  ${CROSS_COMPILE}gcc -o two hello.c && $CC -dumpmachine";
    let ran = project.ok(&[
        "exec",
        "--platform",
        "linux/arm64",
        "--",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(ran.stdout, "aarch64-linux-musl\n");
    for name in ["one", "two"] {
        let program = project.root.join(name);
        assert!(header(&program).contains("AArch64"), "{name}");
        assert_eq!(run(platform("arm64"), &program, &[]).stdout, "hello\n");
    }
    // Nothing but what the command made itself.
    let mut left: Vec<_> = fs_err::read_dir(&project.root)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["hello.c", "one", "polyarch.toml", "two"]);
}

#[test]
fn the_commands_exit_code_is_the_programs() {
    let project = project(&[]);
    let arguments = ["exec", "--platform", "arm64", "--", "sh", "-c", "exit 42"];
    assert_eq!(ran(&mut project.polyarch(&arguments)).code, 42);
    let ran = project.fails(2, &["exec", "--platform", "arm64", "--", "no-such-program"]);
    assert!(ran.stderr.contains("`no-such-program`"), "{}", ran.stderr);
}

#[test]
fn several_platforms_are_run_one_after_the_other_and_those_that_fail_are_named() {
    let project = project(&[]);
    let script = "echo $POLYARCH_PLATFORM; test $POLYARCH_ARCH = amd64";
    let ran = project.fails(
        1,
        &[
            "exec",
            "--platform",
            "amd64,arm64",
            "--",
            "sh",
            "-c",
            script,
        ],
    );
    assert_eq!(ran.stdout, "linux/amd64\nlinux/arm64\n");
    assert!(
        ran.stderr.contains("failed for linux/arm64"),
        "{}",
        ran.stderr
    );
}

#[test]
fn of_several_at_once_every_line_has_its_platform_in_front_and_is_whole() {
    let project = project(&[]);
    // Each waits for the other, and writes its lines in two parts.
    let script = "touch ran-$POLYARCH_ARCH
        until test -e ran-amd64 -a -e ran-riscv64; do sleep 0.01; done
        for i in 1 2 3 4 5 6 7 8; do printf \"$POLYARCH_ARCH \"; sleep 0.01; echo $i; echo bad $i >&2; done
        cat; printf end; test $POLYARCH_ARCH = amd64";
    let platforms = "amd64,riscv64";
    let arguments = [
        "exec",
        "-j2",
        "--platform",
        platforms,
        "--",
        "sh",
        "-c",
        script,
    ];
    let ran = project.fails(1, &arguments);
    for (text, label) in [
        ("amd64", "linux/amd64   | "),
        ("riscv64", "linux/riscv64 | "),
    ] {
        let own = |printed: &str| {
            let lines = printed.lines().filter_map(|line| line.strip_prefix(label));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut expected: Vec<String> = (1..=8).map(|i| format!("{text} {i}")).collect();
        expected.push("end".to_owned());
        assert_eq!(own(&ran.stdout), expected);
        assert_eq!(own(&ran.stderr).len(), 8, "{}", ran.stderr);
    }
    assert_eq!(ran.stdout.lines().count(), 18);
    let error = "error: `sh` failed for linux/riscv64\n";
    assert!(ran.stderr.ends_with(error), "{}", ran.stderr);
    let arguments = [
        "exec",
        "-j2",
        "--platform",
        platforms,
        "--",
        "no-such-program",
    ];
    project.fails(2, &arguments);
}

#[test]
fn one_after_the_other_they_have_the_streams_as_they_are() {
    let project = project(&[("input", "one\ntwo\n")]);
    // The shell reads byte by byte, and leaves the rest.
    let script = "read line; printf \"$POLYARCH_ARCH $line,\"";
    for jobs in ["", "-j1"] {
        let arguments = format!("exec {jobs} --platform amd64,arm64 sh -c");
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        arguments.push(script);
        let input = fs_err::File::open(project.root.join("input")).expect("a file");
        let mut command = project.polyarch(&arguments);
        let ran = agrees(command.stdin(input.into_file()));
        assert_eq!(ran.stdout, "amd64 one,arm64 two,");
    }
}

#[test]
fn configure_scripts_learn_that_it_is_a_cross_compilation() {
    // What Autoconf's configure does with its site file, and the two ways it is called.
    let script = r#"for host_alias in "" i386-pc-none; do
        host=$host_alias cross_compiling=no
        . "$CONFIG_SITE"
        echo "$host $cross_compiling $ac_cv_func_malloc_0_nonnull"
    done"#;
    let project = project(&[]);
    let ran = project.ok(&["exec", "--platform", "riscv64", "--", "sh", "-c", script]);
    assert_eq!(
        ran.stdout,
        "riscv64-linux-musl yes yes\ni386-pc-none no yes\n"
    );
}

#[test]
fn the_environment_is_printed_for_shells_for_scripts_and_for_build_systems() {
    let project = project(&[]);
    let shell = project.ok(&["env", "--platform", "arm64"]).stdout;
    assert!(
        shell.contains("\nexport CROSS_COMPILE='aarch64-linux-musl-'\n"),
        "{shell}"
    );
    let json = project
        .ok(&["--json", "env", "--platform", "arm64,amd64"])
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["platform"], "linux/amd64");
    assert_eq!(json[1]["variables"]["POLYARCH_ARCH"], "arm64");
    for (format, word) in [
        ("cmake", "CMAKE_C_COMPILER"),
        ("meson", "cpu_family = 'aarch64'"),
    ] {
        let path = project
            .ok(&["env", "--platform", "arm64", "--format", format])
            .stdout;
        let text = fs_err::read_to_string(path.trim_end()).expect("a file");
        assert!(text.contains(word), "{text}");
        assert!(!text.contains('{') || format == "cmake", "{text}");
    }
    project.fails(2, &["env"]);
    project.fails(2, &["env", "--platform", "arm64,amd64"]);
}

#[test]
fn glibc_is_linked_in_no_newer_version_than_was_asked_for() {
    let project = project(&[("hello.c", HELLO)]);
    project.ok(&[
        "exec",
        "--platform",
        "arm64",
        "--libc",
        "gnu.2.28",
        "--",
        "sh",
        "-c",
        "$CC -o hello hello.c",
    ]);
    let versions = agrees(judge("readelf").arg("-VW").arg(project.root.join("hello"))).stdout;
    assert!(versions.contains("GLIBC_2.17"), "{versions}");
    let newest = versions.split("GLIBC_2.").skip(1).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    });
    assert!(newest.max().expect("a version") <= 28, "{versions}");
    // Position-independent, as Debian's programs are.
    assert!(header(&project.root.join("hello")).contains("DYN"));
    let arguments = ["env", "--platform", "arm64", "--libc", "gnu"];
    project.fails(2, &arguments);
}

#[test]
fn go_packages_with_c_code_become_static_programs() {
    let project = project(&[
        ("go.mod", "module example.com/two\n\ngo 1.21\n"),
        (
            "cmd/pure/main.go",
            "package main\n\nfunc main() { println(\"pure\") }\n",
        ),
        (
            "cmd/withc/main.go",
            "package main\n\n// static int twice(int n) { return 2 * n; }\nimport \"C\"\n\n\
             import \"fmt\"\n\nfunc main() { fmt.Println(C.twice(21)) }\n",
        ),
    ]);
    project.ok(&["compile", "--platform", "arm64,amd64"]);
    for text in ["arm64", "amd64"] {
        let folder = project.root.join("out").join(text);
        let printed = run(platform(text), &folder.join("withc"), &[]).stdout;
        assert_eq!(printed, "42\n", "{text}");
        for name in ["pure", "withc"] {
            let headers = agrees(judge("readelf").arg("-lW").arg(folder.join(name))).stdout;
            assert!(!headers.contains("INTERP"), "{name} for {text}: {headers}");
        }
    }
}
