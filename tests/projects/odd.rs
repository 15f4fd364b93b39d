//! Things that projects do which a build for another machine may trip over, and is not to.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::judge::{readelf, run};
use crate::support::program::Project;

use super::{HELLO, built, configured, platform, project};

const ARM64: [&str; 3] = ["compile", "--platform", "arm64"];

/// What the program says that a project makes.
fn says(project: &Project) -> String {
    project.ok(&ARM64);
    run(
        platform("arm64"),
        &built(project, platform("arm64"), "app"),
        &[],
    )
    .stdout
}

#[test]
fn headers_that_are_not_utf8_by_their_names_or_by_what_they_say_are_included() {
    use std::os::unix::ffi::OsStrExt;
    let mut source = b"#include \"text\xe9.h\"\n".to_vec();
    source.extend(b"#include <stdio.h>\nint main(void) { puts(TEXT); return 0; }\n");
    let makefile = "app: app.c\n\t$(CC) $(CFLAGS) -o $@ app.c\n";
    for build in ["Makefile", "none"] {
        let project = project(&[(build, makefile)]);
        project.write("app.c", &source);
        let name = std::ffi::OsStr::from_bytes(b"text\xe9.h");
        let header = b"// caf\xe9\n#define TEXT \"caf\xc3\xa9\"\n";
        fs_err::write(project.root.join(name), header).unwrap();
        assert_eq!(says(&project), "caf\u{e9}\n", "{build}");
        // It is among what a change of is seen.
        let other = b"// caf\xe9\n#define TEXT \"tea\"\n";
        fs_err::write(project.root.join(name), other).unwrap();
        if build == "none" {
            assert_eq!(says(&project), "tea\n");
        }
    }
}

#[test]
fn what_a_build_writes_beside_its_folder_stays_out_of_the_project_and_of_other_platforms() {
    let makefile = "../bin/app: app.c\n\tmkdir -p ../bin ../obj\n\t$(CC) -c -o ../obj/app.o app.c\n\
                    \t$(CC) -o $@ ../obj/app.o\n";
    let project = project(&[("Makefile", makefile), ("app.c", HELLO)]);
    let beside = project.root.join("..");
    let before = names(&beside);
    project.ok(&["compile", "--platform", "arm64,riscv64"]);
    for (text, machine) in [("arm64", "AArch64"), ("riscv64", "RISC-V")] {
        let program = built(&project, platform(text), "app");
        assert!(readelf(&program).contains(machine), "{text}");
    }
    assert_eq!(names(&beside), before);
}

fn names(folder: &std::path::Path) -> Vec<std::ffi::OsString> {
    let entries = fs_err::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_makefile_that_sets_gcc_for_its_machine_gets_the_platforms_compiler() {
    let makefile = "CC = gcc\nLD = gcc\nCFLAGS = -O2 -march=native\napp: app.o\n\t$(LD) -o $@ app.o\n\
                    app.o: app.c\n\t$(CC) $(CFLAGS) -c app.c\n";
    let project = project(&[("Makefile", makefile), ("app.c", HELLO)]);
    assert_eq!(says(&project), "hello\n");
}

#[test]
fn a_link_whose_arguments_fill_a_response_file_is_done_by_make_and_by_cmake() {
    let many = 2_000;
    let makefile = format!(
        "OBJECTS := $(patsubst %,a-rather-long-name-for-an-object-%.o,$(shell seq {many}))\n\
         app: main.o $(OBJECTS)\n\t$(file >objects,main.o $(OBJECTS))\n\t$(CC) -o $@ @objects\n\
         main.o: main.c\n\t$(CC) -c main.c\n\
         one.o: one.c\n\t$(CC) -c one.c\n$(OBJECTS): one.o\n\tcp one.o $@\n"
    );
    let lists = "cmake_minimum_required(VERSION 3.14)\nproject(app C)\n\
                 set(CMAKE_NINJA_FORCE_RESPONSE_FILE ON)\nadd_executable(app main.c one.c)\n";
    let one = "__attribute__((weak)) int one(void) { return 1; }\n";
    for (name, text) in [("Makefile", makefile.as_str()), ("CMakeLists.txt", lists)] {
        let project = project(&[(name, text), ("main.c", HELLO), ("one.c", one)]);
        assert_eq!(says(&project), "hello\n", "{name}");
    }
}

/// A make of a make, and what that one has started.
#[test]
fn an_interrupt_ends_everything_in_makes_tree() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let config = format!("[build]\nvariables = {{ MARK = '{}' }}", mark.display());
    let files = [
        ("Makefile", "app:\n\t$(MAKE) -C sub\n"),
        (
            "sub/Makefile",
            "all:\n\t(trap '' HUP; echo $$$$ > $(MARK).new; mv $(MARK).new $(MARK); sleep 300; true)\n",
        ),
        ("app.c", HELLO),
    ];
    let project = configured(Project::with(&files), &config);
    let mut child = project.polyarch(&ARM64);
    let mut child = child.stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now();
    while !mark.exists() && patience.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let shell = fs_err::read_to_string(&mark).expect("the innermost shell runs");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let shell = PathBuf::from("/proc").join(shell.trim());
    let patience = Instant::now();
    while is_running(&shell) && patience.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!is_running(&shell), "{} goes on", shell.display());
    assert_eq!(project.leftovers(), Vec::<PathBuf>::new());
}

/// Whether a process is there and has not ended.
fn is_running(process: &std::path::Path) -> bool {
    let state = fs_err::read_to_string(process.join("stat")).unwrap_or_default();
    let state = state
        .rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

#[test]
fn a_c_library_that_a_platform_never_had_is_named_with_the_oldest_it_has() {
    let project = configured(
        Project::with(&[("app.c", HELLO)]),
        "[toolchain]\nlibc = 'gnu.2.17'",
    );
    let error = project
        .fails(4, &["compile", "--platform", "riscv64"])
        .stderr;
    assert!(error.contains("2.27"), "{error}");
    assert!(error.contains(" hint: "), "{error}");
}
