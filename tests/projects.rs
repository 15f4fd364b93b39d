//! C and C++ projects: every example is built for several platforms and what was built is run; then
//! what can be wrong with a project, each a clear error.

use std::path::PathBuf;

use polyarch::target::Platform;

use super::support::judge::{run, unpack};
use super::support::program::{Project, files};

/// The test archive's updates are passed over, as in `tests/base`.
const CONFIG: &str = include_str!("judges/polyarch.toml");

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

#[test]
fn a_makefile_that_calls_gcc_by_name_is_an_error_that_says_so() {
    let project = project(&[
        ("Makefile", "app: app.c\n\tcc -o app app.c\n"),
        ("app.c", HELLO),
    ]);
    let error = project
        .fails(7, &["compile", "--platform", "riscv64"])
        .stderr;
    assert!(error.contains("it did not use `CC`: `app`"), "{error}");
    assert!(error.contains("variables = {"), "{error}");
    assert_eq!(project.leftovers(), Vec::<PathBuf>::new());
}

#[test]
fn a_compilers_words_are_shown_as_they_are_with_the_platforms_in_front() {
    let project = project(&[
        ("Makefile", "app: app.c\n\t$(CC) -o app app.c\n"),
        ("app.c", "int main(void) { return missing; }\n"),
    ]);
    let error = project
        .fails(1, &["compile", "--platform", "amd64,arm64"])
        .stderr;
    assert!(
        error.contains("error: compiling for linux/amd64, linux/arm64 failed (exit status 2)\n"),
        "{error}"
    );
    assert!(
        error.contains("\napp.c:1:25: error: use of undeclared identifier 'missing'\n"),
        "{error}"
    );
}

#[test]
fn a_source_that_is_not_utf8_is_compiled_and_its_errors_are_shown() {
    let project = project(&[("Makefile", "app: app.c\n\t$(CC) -o app app.c\n")]);
    let mut text = b"/* gr\xfc\xdf */\n".to_vec();
    text.extend(HELLO.bytes());
    project.write("app.c", &text);
    project.ok(&["compile", "--platform", "arm64"]);
    text.extend(b"int \xfc;\n");
    project.write("app.c", &text);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("app.c:4:5: error:"), "{error}");
}

#[test]
fn a_build_that_leaves_nothing_and_a_program_nobody_built_are_told() {
    let project = project(&[
        (
            "Makefile",
            "all:\n\t@echo nothing\napp: app.c\n\t$(CC) -o app app.c\n",
        ),
        ("app.c", HELLO),
    ]);
    let error = project.fails(3, &["compile", "--platform", "arm64"]).stderr;
    assert!(
        error.contains("left no program and no shared library"),
        "{error}"
    );
    let project = configured(project, "[build]\ntargets = ['app']");
    project.ok(&["compile", "--platform", "arm64"]);
    let error = project
        .fails(2, &["compile", "--platform", "arm64", "--bin", "ap"])
        .stderr;
    assert!(error.contains("hint: did you mean `app`?"), "{error}");
}

#[test]
fn a_malformed_tag_is_told_before_anything_is_compiled() {
    let project = example("c-make");
    project.fails(
        2,
        &["build", "--platform", "arm64", "-t", "ghcr.io/UPPER:1"],
    );
    assert!(!project.root.join("out").exists());
}

#[test]
fn a_configure_script_is_left_to_exec() {
    let project = project(&[("configure", "#!/bin/sh\n"), ("app.c", HELLO)]);
    let error = project.fails(3, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("sh -c './configure && make'"), "{error}");
}

/// A program, a shared library that it needs, and a plugin that nothing needs.
const SHARED: [(&str, &str); 4] = [
    (
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.5)\nproject(shared C)\n\
         add_library(greet SHARED greet.c)\nset_target_properties(greet PROPERTIES VERSION 1.2 SOVERSION 1)\n\
         add_library(plugin MODULE plugin.c)\nadd_executable(hello hello.c)\n\
         target_link_libraries(hello greet)\n",
    ),
    (
        "greet.c",
        "#include <stdio.h>\nvoid greet(void) { puts(\"hello\"); }\n",
    ),
    ("plugin.c", "int plugin(void) { return 1; }\n"),
    (
        "hello.c",
        "void greet(void);\nint main(void) { greet(); return 0; }\n",
    ),
];

#[test]
fn cpp_cmake_prints_the_same_everywhere_and_what_is_not_installed_is_no_result() {
    let project = example("cpp-cmake");
    let before = sources(&project);
    let printed = prints_the_same(&project, &["linux/amd64", "linux/arm64"], "tally");
    assert_eq!(
        printed,
        "2 files, 3 lines, 6 words\ncaught: can't read missing.txt\n"
    );
    assert_eq!(sources(&project), before);
    let names = fs_err::read_dir(project.root.join("out/arm64")).expect("built");
    assert_eq!(names.count(), 1, "test-count is not installed");
    let arguments = ["compile", "--platform", "arm64", "--bin", "test-count"];
    project.ok(&arguments);
    assert!(built(&project, platform("arm64"), "test-count").is_file());
}

#[test]
fn a_shared_library_of_the_project_lies_beside_its_program_and_is_found_there() {
    let libc = "[toolchain]\nlibc = 'gnu.2.17'";
    let project = configured(Project::with(&SHARED), libc);
    project.ok(&["compile", "--platform", "amd64"]);
    let mut names: Vec<_> = fs_err::read_dir(project.root.join("out/amd64"))
        .expect("built")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["hello", "libgreet.so.1"]);
    // Away from where it was built.
    let moved = project.root.join("moved");
    fs_err::rename(project.root.join("out/amd64"), &moved).expect("moved");
    fs_err::remove_dir_all(project.root.join("out")).expect("removed");
    let printed = run(platform("amd64"), &moved.join("hello"), &[]).stdout;
    assert_eq!(printed, "hello\n");
}

#[test]
fn a_program_that_needs_a_shared_library_can_not_go_onto_the_static_base() {
    let project = configured(Project::with(&SHARED), "[toolchain]\nlibc = 'gnu.2.17'");
    let error = project.fails(7, &["build", "--platform", "amd64"]).stderr;
    assert!(
        error.contains("the base image has no dynamic linker"),
        "{error}"
    );
    assert!(error.contains("or set `base` under `[image]`"), "{error}");
}

#[test]
fn cmake_projects_are_configured_once_and_built_again_where_something_has_changed() {
    let project = configured(
        Project::with(&SHARED),
        "[build]\ntargets = ['hello']\n[toolchain]\nlibc = 'gnu.2.36'",
    );
    let file = |path: &str| {
        let found = fs_err::metadata(project.root.join(path)).expect("built");
        found.modified().expect("a time")
    };
    let times = || {
        [
            "out/.build/arm64/tree/CMakeCache.txt",
            "out/.build/arm64/tree/CMakeFiles/greet.dir/greet.c.o",
            "out/.build/arm64/tree/CMakeFiles/hello.dir/hello.c.o",
            "out/arm64/hello",
        ]
        .map(file)
    };
    project.ok(&["compile", "--platform", "arm64"]);
    let before = times();
    project.ok(&["compile", "--platform", "arm64"]);
    assert_eq!(times(), before);
    project.write(
        "hello.c",
        "void greet(void);\nint main(void) { greet(); return 1; }\n",
    );
    project.ok(&["compile", "--platform", "arm64"]);
    let after = times();
    assert_eq!(after[..2], before[..2]);
    assert!(after[2] != before[2] && after[3] != before[3]);
    let config = "[build]\nargs = ['-DX=1']\ntargets = ['hello']\n[toolchain]\nlibc = 'gnu.2.36'";
    let project = configured(project, config);
    project.ok(&["compile", "--platform", "arm64"]);
    let cache = "out/.build/arm64/tree/CMakeCache.txt";
    let text = fs_err::read_to_string(project.root.join(cache)).expect("read");
    assert!(text.contains("X:UNINITIALIZED=1"), "{text}");
}

#[test]
fn a_question_that_only_running_could_answer_is_told_with_how_to_answer_it() {
    let lists = "cmake_minimum_required(VERSION 3.14)\nproject(asks C)\n\
                 try_run(ANSWER COMPILED ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR}/probe.c)\n\
                 if(ANSWER EQUAL 7)\n  add_executable(asks main.c)\nendif()\n";
    let probe = "int main(void) { return 7; }\n";
    let project = project(&[
        ("CMakeLists.txt", lists),
        ("probe.c", probe),
        ("main.c", HELLO),
    ]);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(
        error.contains("try_run() invoked in cross-compiling mode"),
        "CMake's own words: {error}"
    );
    assert!(error.contains("`args = [\"-DANSWER=0\"]`"), "{error}");
    let project = configured(project, "[build]\nargs = ['-DANSWER=7']");
    project.ok(&["compile", "--platform", "arm64"]);
    let program = built(&project, platform("arm64"), "asks");
    assert_eq!(run(platform("arm64"), &program, &[]).stdout, "hello\n");
}

#[test]
fn a_preset_is_used_and_one_that_is_not_there_is_told_before_anything_is_built() {
    let presets = r#"{"version": 3, "configurePresets": [
        {"name": "loud", "cacheVariables": {"WORD": "HELLO", "CMAKE_BUILD_TYPE": "MinSizeRel"}}]}"#;
    let lists = "cmake_minimum_required(VERSION 3.21)\nproject(word C)\nadd_executable(word main.c)\n\
                 target_compile_definitions(word PRIVATE WORD=\"${WORD} ${CMAKE_BUILD_TYPE}\")\n";
    let main = "#include <stdio.h>\nint main(void) { puts(WORD); return 0; }\n";
    let files = [
        ("CMakePresets.json", presets),
        ("CMakeLists.txt", lists),
        ("main.c", main),
    ];
    let project = configured(Project::with(&files), "[build]\npreset = 'lout'");
    let error = project.fails(2, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("hint: did you mean `loud`?"), "{error}");
    let project = configured(project, "[build]\npreset = 'loud'");
    project.ok(&["compile", "--platform", "arm64"]);
    let program = built(&project, platform("arm64"), "word");
    assert_eq!(
        run(platform("arm64"), &program, &[]).stdout,
        "HELLO MinSizeRel\n"
    );
}

#[test]
fn what_a_compiler_says_under_ninja_is_shown_without_ninjas_own_lines() {
    let lists =
        "cmake_minimum_required(VERSION 3.14)\nproject(wrong C)\nadd_executable(wrong main.c)\n";
    let project = project(&[
        ("CMakeLists.txt", lists),
        ("main.c", "int main(void) { return x; }\n"),
    ]);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(
        error.contains("main.c:1:25: error: use of undeclared identifier 'x'"),
        "{error}"
    );
    assert!(!error.contains("build stopped"), "{error}");
}
