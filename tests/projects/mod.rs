//! C and C++ projects: every example is built for several platforms and what was built is run; what
//! is built again, and what can be wrong with a project.

mod cache;
mod clocks;
mod cmake;
mod disk;
mod faults;
mod headers;
mod modules;
mod names;
mod odd;
mod paths;

use std::path::PathBuf;

use polyarch::target::Platform;

use super::support::judge::{run, unpack};
use super::support::program::{Project, files};

/// The test archive's updates are passed over, as in `tests/base`.
const CONFIG: &str = include_str!("../judges/polyarch.toml");

const THREE: [&str; 3] = ["linux/amd64", "linux/arm64", "linux/riscv64"];

fn example(name: &str) -> Project {
    configured(Project::example(name), "")
}

fn project(files: &[(&str, &str)]) -> Project {
    configured(Project::with(files), "")
}

/// With this in its configuration.
fn configured(project: Project, text: &str) -> Project {
    let mirrors = CONFIG.split("[mirrors]").nth(1).expect("a table");
    project.write("polyarch.toml", format!("{text}\n[mirrors]{mirrors}"));
    project
}

fn platform(text: &str) -> Platform {
    text.parse().expect(text)
}

/// Where a program of a platform lies.
fn built(project: &Project, platform: Platform, name: &str) -> PathBuf {
    let out = project.root.join("out");
    out.join(platform.directory()).join(name)
}

/// Builds for these platforms and runs the program of each: all must print the same.
fn prints_the_same(project: &Project, platforms: &[&str], name: &str) -> String {
    project.ok(&["compile", "--platform", &platforms.join(",")]);
    let mut printed: Vec<String> = platforms
        .iter()
        .map(|text| {
            let platform = platform(text);
            run(platform, &built(project, platform, name), &[]).stdout
        })
        .collect();
    printed.dedup();
    assert_eq!(printed.len(), 1, "{printed:?}");
    printed.remove(0)
}

/// The sources of a project, with what is in them.
fn sources(project: &Project) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let out = project.root.join("out");
    let all = files(&project.root).into_iter();
    all.filter(|path| !path.starts_with(&out))
        .map(|path| {
            let content = path.is_file().then(|| fs_err::read(&path).expect("read"));
            (path, content)
        })
        .collect()
}

const HELLO: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

#[test]
fn c_make_prints_the_same_everywhere_and_its_sources_stay_as_they_are() {
    let project = example("c-make");
    let before = sources(&project);
    let printed = prints_the_same(&project, &THREE, "greet");
    assert!(printed.starts_with("6 words, sum "), "{printed}");
    assert_eq!(sources(&project), before);
}

#[test]
fn a_program_of_c_becomes_an_image() {
    let project = example("c-make");
    project.ok(&["build", "--platform", "amd64,arm64"]);
    for text in ["linux/amd64", "linux/arm64"] {
        let unpacked = tempfile::tempdir().expect("a temporary folder");
        let root = unpack(
            &project.root.join("out/image"),
            platform(text),
            unpacked.path(),
        );
        let printed = run(platform(text), &root.join("usr/local/bin/greet"), &["a b"]).stdout;
        assert!(printed.starts_with("2 words"), "{printed}");
    }
}

#[test]
fn c_plain_is_compiled_without_a_build_system() {
    let config = "[project]\nname = 'stats'\n[build]\nlibs = ['m']\nflags = ['-std=c17']";
    let project = configured(Project::example("c-plain"), config);
    let printed = prints_the_same(&project, &THREE, "stats");
    assert_eq!(printed, "mean 5.000, deviation 2.000\n");
}

#[test]
fn of_plain_sources_only_what_has_changed_is_compiled_again() {
    let project = project(&[
        ("src/a.c", HELLO),
        ("src/b.c", "#include \"b.h\"\nint b(void) { return B; }\n"),
        ("src/b.h", "#define B 1\n"),
        (
            "src/c.c",
            "#include <stdio.h>\nint b(void);\nint main(void) { printf(\"%d\\n\", b()); return 0; }\n",
        ),
    ]);
    let objects = project.root.join("out/.build/arm64/objects/src");
    let times = || {
        ["a.c.o", "b.c.o"].map(|name| {
            fs_err::metadata(objects.join(name))
                .expect("built")
                .modified()
                .expect("a time")
        })
    };
    project.ok(&["compile", "--platform", "arm64"]);
    let before = times();
    project.write("src/b.h", "#define B 23\n");
    project.ok(&["compile", "--platform", "arm64"]);
    let after = times();
    assert_eq!(after[0], before[0]);
    assert_ne!(after[1], before[1]);
    let arm64 = platform("arm64");
    assert_eq!(run(arm64, &built(&project, arm64, "c"), &[]).stdout, "23\n");
    assert_eq!(
        run(arm64, &built(&project, arm64, "a"), &[]).stdout,
        "hello\n"
    );
    project.write("src/b.c", "int b(void) { return x; }\n");
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("src/b.c:1:22: error:"), "{error}");
}

#[test]
fn old_c_without_declarations_is_compiled_as_gcc_13_did() {
    let old = "twice(n) int n; { return 2 * n; }\n";
    let program = "main() { printf(\"%d\\n\", twice(21)); return 0; }\n";
    let project = Project::with(&[("twice.c", old), ("old.c", program)]);
    let project = configured(project, "[project]\nname = 'old'");
    assert_eq!(prints_the_same(&project, &THREE, "old"), "42\n");
}

#[test]
fn a_tool_of_the_build_is_no_result_on_any_platform() {
    let project = example("c-hosttool");
    let printed = prints_the_same(&project, &["linux/amd64", "linux/arm64"], "primes");
    assert_eq!(printed, "360360 = 2 2 2 3 3 5 7 11 13\n");
    for folder in ["amd64", "arm64"] {
        let names: Vec<_> = fs_err::read_dir(project.root.join("out").join(folder))
            .expect("built")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(names, ["primes"], "{folder}");
    }
}

#[test]
fn only_what_has_changed_is_compiled_again_and_an_unchanged_program_is_not_touched() {
    use std::os::unix::fs::MetadataExt;
    let project = example("c-make");
    let stat = |path: &str| {
        let found = fs_err::metadata(project.root.join(path)).expect("built");
        (found.ino(), found.mtime(), found.mtime_nsec())
    };
    let compile = || project.ok(&["compile", "--platform", "arm64"]);
    compile();
    let tree = "out/.build/arm64/tree/src/src";
    let paths = [
        "out/arm64/greet".to_owned(),
        format!("{tree}/main.o"),
        format!("{tree}/words.o"),
    ];
    let before: Vec<_> = paths.iter().map(|path| stat(path)).collect();
    compile();
    assert_eq!(paths.each_ref().map(|path| stat(path)).to_vec(), before);
    let text = fs_err::read_to_string(project.root.join("src/main.c")).expect("read");
    project.write("src/main.c", text.replace("words, sum", "words and"));
    compile();
    let after: Vec<_> = paths.iter().map(|path| stat(path)).collect();
    assert!(after[0] != before[0] && after[1] != before[1]);
    assert_eq!(after[2], before[2], "words.c has not changed");
    let program = built(&project, platform("arm64"), "greet");
    let printed = run(platform("arm64"), &program, &[]).stdout;
    assert!(printed.starts_with("6 words and"), "{printed}");
    // Other flags make other objects, which `make` does not see by itself.
    project.ok(&["compile", "--platform", "arm64", "--debug"]);
    assert_ne!(stat(&paths[2]), before[2]);
}

#[test]
fn a_program_does_not_depend_on_the_folder_or_the_number_of_jobs() {
    let bytes = |jobs: &str| {
        let project = example("c-make");
        let text = fs_err::read_to_string(project.root.join("src/main.c")).expect("read");
        let with_path = text.replace("int main(", "const char *path = __FILE__;\nint main(");
        project.write("src/main.c", with_path);
        project.ok(&["compile", "--platform", "arm64", jobs]);
        fs_err::read(built(&project, platform("arm64"), "greet")).expect("built")
    };
    assert!(bytes("-j1") == bytes("-j3"));
}

#[test]
fn a_makefile_may_use_what_lies_above_it_and_write_there() {
    let project = project(&[
        (".git/HEAD", "ref: refs/heads/main\n"),
        ("common/rules.mk", "LIBS = -lm\n"),
        ("common/one.h", "#define ONE 1\n"),
        (
            "app/Makefile",
            "include ../common/rules.mk\n../bin/app: main.c\n\tmkdir -p ../bin\n\
             \t$(CC) $(CFLAGS) -o $@ main.c $(LIBS)\n",
        ),
        (
            "app/main.c",
            "#include <stdio.h>\n#include \"../common/one.h\"\n\
             int main(void) { printf(\"%d\\n\", ONE); return 0; }\n",
        ),
    ]);
    let config = fs_err::read(project.root.join("polyarch.toml")).expect("read");
    project.write("app/polyarch.toml", config);
    project.ok(&["compile", "--platform", "arm64", "app"]);
    let program = project.root.join("app/out/arm64/app");
    assert_eq!(run(platform("arm64"), &program, &[]).stdout, "1\n");
    assert!(!project.root.join("bin").exists());
}

#[test]
fn what_a_build_in_the_sources_has_left_is_not_taken_for_ours() {
    let project = project(&[
        (
            "Makefile",
            "app: app.o\n\t$(CC) -o $@ app.o\napp.o: app.c\n\t$(CC) -c app.c\n",
        ),
        ("app.c", HELLO),
    ]);
    let made = std::process::Command::new("cc")
        .args(["-c", "app.c"])
        .current_dir(&project.root)
        .status();
    assert!(made.expect("cc is there").success());
    project.ok(&["compile", "--platform", "arm64"]);
    let program = built(&project, platform("arm64"), "app");
    assert_eq!(run(platform("arm64"), &program, &[]).stdout, "hello\n");
}

/// How many of the lines `+` and `-` of a log were open at once, at most.
fn at_once(log: &str) -> i32 {
    let (mut open, mut most) = (0, 0);
    for line in log.lines() {
        open += if line == "+" { 1 } else { -1 };
        most = most.max(open);
    }
    most
}

#[test]
fn builds_of_several_platforms_share_the_jobs_with_any_make() {
    let makefile = "PARTS = 1 2 3 4 5 6 7 8\nall: app $(PARTS)\n$(PARTS):\n\
                    \t@echo + >> $(LOG); sleep 0.2; echo - >> $(LOG)\n\
                    app: app.c\n\t$(CC) -o app app.c\n.PHONY: all $(PARTS)\n";
    for prefer in ["system", "fetched"] {
        let log = tempfile::NamedTempFile::new().expect("a file");
        let config = format!(
            "[toolchain]\nprefer = '{prefer}'\n[build]\nvariables = {{ LOG = '{}' }}",
            log.path().display()
        );
        let files = [("Makefile", makefile), ("app.c", HELLO)];
        let project = configured(Project::with(&files), &config);
        project.ok(&["compile", "-j3", "--platform", "amd64,arm64"]);
        let text = fs_err::read_to_string(log.path()).expect("read");
        assert_eq!(text.lines().count(), 32);
        // A compiler beside them has a job, too.
        assert!((2..=3).contains(&at_once(&text)), "{prefer}: {text}");
        for folder in ["amd64", "arm64"] {
            let said = project.root.join("out/.build").join(folder).join("log");
            let said = fs_err::read_to_string(said).expect("read");
            assert!(!said.contains("jobserver"), "{said}");
        }
    }
}
