//! CMake projects: what is installed, what lies beside it, what is built again.

use crate::support::judge::{run, run_in, unpack};
use crate::support::program::{Project, files};

use super::{HELLO, built, configured, example, platform, prints_the_same, project, sources};

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
fn tests_of_a_cmake_project_are_not_built_unless_asked_for() {
    let lists = "cmake_minimum_required(VERSION 3.14)\nproject(one C)\ninclude(CTest)\n\
        add_executable(one a.c)\nif(BUILD_TESTING)\n  add_executable(check a.c)\nendif()\n";
    let project = project(&[
        ("CMakeLists.txt", lists),
        ("a.c", "int main(void) { return 0; }\n"),
    ]);
    let test = project.root.join("out/arm64/check");
    project.ok(&["compile", "--platform", "arm64"]);
    assert!(project.root.join("out/arm64/one").is_file());
    assert!(!test.exists());
    let project = configured(project, "[build]\nargs = ['-DBUILD_TESTING=ON']");
    project.ok(&["compile", "--platform", "arm64"]);
    assert!(test.is_file());
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

#[test]
fn over_a_base_with_glibc_a_program_is_linked_for_it_and_its_library_lies_beside_it() {
    let base = "[image]\nbase = { suite = 'trixie', packages = ['libc6', 'netbase'] }";
    let project = configured(Project::with(&SHARED), base);
    project.ok(&["build", "--platform", "arm64"]);
    let unpacked = tempfile::tempdir().expect("a temporary folder");
    let arm64 = platform("arm64");
    let root = unpack(&project.root.join("out/image"), arm64, unpacked.path());
    assert!(root.join("usr/local/bin/libgreet.so.1").is_file());
    assert!(!root.join("usr/local/bin/libplugin.so").exists());
    let printed = run_in(arm64, &root, "/usr/local/bin/hello").stdout;
    assert_eq!(printed, "hello\n");
}

#[test]
fn a_library_that_its_program_would_not_find_is_warned_of() {
    let makefile = "all: app libone.so\nlibone.so: one.c\n\t$(CC) -shared -fPIC -Wl,-soname,$@ -o $@ one.c\n\
                    app: app.c libone.so\n\t$(CC) -o $@ app.c -L. -lone $(RUNPATH)\n";
    let files = [
        ("Makefile", makefile),
        ("one.c", "int one(void) { return 1; }\n"),
        (
            "app.c",
            "int one(void);\nint main(void) { return one() - 1; }\n",
        ),
    ];
    let project = configured(Project::with(&files), "[toolchain]\nlibc = 'gnu.2.17'");
    let said = project.ok(&["compile", "--platform", "amd64"]).stderr;
    assert!(
        said.contains("`app` for linux/amd64 needs `libone.so`"),
        "{said}"
    );
    let config = "[toolchain]\nlibc = 'gnu.2.17'\n\
                  [build]\nvariables = { RUNPATH = \"-Wl,-rpath,'$$ORIGIN'\" }";
    let project = configured(project, config);
    let said = project.ok(&["compile", "--platform", "amd64"]).stderr;
    assert!(!said.contains("warning"), "{said}");
    run(
        platform("amd64"),
        &built(&project, platform("amd64"), "app"),
        &[],
    );
}

/// Leaves its program and a static library in the sources, and prints what it was built for.
const THERE: [(&str, &str); 4] = [
    (
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.14)\nproject(there C)\n\
         set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_SOURCE_DIR}/made/bin)\n\
         set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_SOURCE_DIR}/../lib)\n\
         add_library(word STATIC word.c)\nadd_executable(there main.c)\n\
         target_link_libraries(there word)\n",
    ),
    (
        "word.c",
        "#include \"../common/word.h\"\nconst char *word(void) { return WORD; }\n",
    ),
    ("../common/word.h", "#define WORD \"one\"\n"),
    (
        "main.c",
        "#include <stdio.h>\nconst char *word(void);\nint main(void) { puts(word()); return 0; }\n",
    ),
];

#[test]
fn a_project_that_leaves_results_in_its_sources_is_built_in_a_copy_of_them() {
    let project = project(&[(".git/HEAD", "ref: refs/heads/main\n")]);
    let config = fs_err::read(project.root.join("polyarch.toml")).expect("read");
    project.write("app/polyarch.toml", config);
    for (name, text) in THERE {
        project.write(&format!("app/{name}"), text);
    }
    let sources = || {
        let all = files(&project.root).into_iter();
        let out = project.root.join("app/out");
        all.filter(|path| !path.starts_with(&out))
            .collect::<Vec<_>>()
    };
    let before = sources();
    let compile = |platforms: &str| {
        let said = project.ok(&["compile", "--platform", platforms, "app"]);
        assert!(!said.stderr.contains("warning"), "{}", said.stderr);
        said.stderr
    };
    let said = compile("arm64");
    assert!(said.contains("in a copy"), "{said}");
    assert_eq!(sources(), before);
    compile("amd64,arm64");
    assert_eq!(sources(), before);
    let prints = |text: &str| {
        let out = project.root.join("app/out");
        let program = out.join(platform(text).directory()).join("there");
        run(platform(text), &program, &[]).stdout
    };
    assert_eq!(
        (prints("arm64"), prints("amd64")),
        ("one\n".into(), "one\n".into())
    );
    // From then on it is the copy that is built from, and only what has changed is.
    let file = |path: &str| {
        let found = fs_err::metadata(project.root.join("app/out/.build/arm64").join(path));
        found.expect("built").modified().expect("a time")
    };
    let times = || {
        [
            "tree/CMakeCache.txt",
            "tree/CMakeFiles/there.dir/main.c.o",
            "tree/CMakeFiles/word.dir/word.c.o",
        ]
        .map(file)
    };
    let built = times();
    assert!(!compile("arm64").contains("in a copy"));
    assert_eq!(times(), built);
    project.write("common/word.h", "#define WORD \"two\"\n");
    compile("arm64");
    let again = times();
    assert_eq!(again[..2], built[..2]);
    assert_ne!(again[2], built[2]);
    assert_eq!(prints("arm64"), "two\n");
    assert_eq!(sources(), before);
}

#[test]
fn results_at_a_fixed_place_are_refused_where_platforms_would_replace_each_others() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let lists = format!(
        "cmake_minimum_required(VERSION 3.14)\nproject(there C)\nadd_executable(there a.c)\n\
         set_target_properties(there PROPERTIES RUNTIME_OUTPUT_DIRECTORY \"{}\")\n",
        place.path().display()
    );
    let project = project(&[
        ("CMakeLists.txt", &lists),
        ("a.c", "int main(void) { return 0; }\n"),
    ]);
    for _ in 0..2 {
        let error = project.fails(7, &["compile", "--platform", "amd64,arm64"]);
        assert!(error.stderr.contains("/there`"), "{}", error.stderr);
        assert!(
            error.stderr.contains("one platform at a time"),
            "{}",
            error.stderr
        );
    }
    assert!(!place.path().join("there").exists());
    project.ok(&["compile", "--platform", "arm64"]);
    assert!(project.root.join("out/arm64/there").is_file());
}

#[test]
fn a_project_that_begins_to_leave_results_in_its_sources_is_built_in_a_copy_from_then_on() {
    let lists =
        "cmake_minimum_required(VERSION 3.14)\nproject(there C)\nadd_executable(there a.c)\n";
    let project = project(&[
        ("CMakeLists.txt", lists),
        ("a.c", "int main(void) { return 0; }\n"),
    ]);
    project.ok(&["compile", "--platform", "arm64"]);
    assert!(!project.root.join("out/.build/arm64/sources").exists());
    let text = format!(
        "{lists}set_target_properties(there PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${{CMAKE_SOURCE_DIR}})\n"
    );
    project.write("CMakeLists.txt", text);
    project.ok(&["compile", "--platform", "arm64"]);
    let copy = project.root.join("out/.build/arm64/sources/src/there");
    assert!(copy.is_file());
    assert!(project.root.join("out/arm64/there").is_file());
}
