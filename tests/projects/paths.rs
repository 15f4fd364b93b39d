//! What the paths of the project and of the store make no difference to.

use crate::support::judge::{agrees, run};
use crate::support::program::{Project, store_with};

use super::{HELLO, built, configured, platform};

/// A Makefile that calls itself, for a program and an archive.
const MAKE: [(&str, &str); 3] = [
    (
        "Makefile",
        "all:\n\t$(MAKE) hello\nhello: hello.o libw.a\n\t$(CC) -o $@ hello.o -L. -lw\n\
         libw.a: w.o\n\t$(AR) rcs $@ w.o\n",
    ),
    ("hello.c", HELLO),
    ("w.c", "int w(void) { return 1; }\n"),
];

const CMAKE: [(&str, &str); 2] = [
    (
        "CMakeLists.txt",
        "cmake_minimum_required(VERSION 3.14)\nproject(hello C)\nadd_executable(hello hello.c)\n",
    ),
    ("hello.c", HELLO),
];

const PLAIN: [(&str, &str); 1] = [("hello.c", HELLO)];

const CGO: [(&str, &str); 2] = [
    ("go.mod", "module example.com/hello\n\ngo 1.21\n"),
    (
        "main.go",
        "package main\n\n// #include <stdio.h>\n// static void hello(void) { puts(\"hello\"); fflush(stdout); }\n\
         import \"C\"\n\nfunc main() { C.hello() }\n",
    ),
];

/// Every project of these tests has spaces in its path; here the store has, too, with a quote and a
/// dollar sign.
#[test]
fn projects_and_the_store_may_have_any_path() {
    let parts = ["blobs", "trees", "records"];
    let (_folder, store) = store_with(&parts, "it's a $tore");
    let fetched = "[toolchain]\nprefer = 'fetched'";
    for (files, config) in [
        (&MAKE[..], fetched),
        (&CMAKE[..], fetched),
        (&PLAIN[..], ""),
        (&CGO[..], ""),
    ] {
        let project = configured(Project::with(files), config);
        let mut command = project.polyarch(&["compile", "--platform", "arm64"]);
        agrees(command.env("POLYARCH_HOME", &store));
        let program = built(&project, platform("arm64"), "hello");
        let printed = run(platform("arm64"), &program, &[]).stdout;
        assert_eq!(printed, "hello\n", "{}: {config}", files[0].0);
    }
    // Not even what is kept for debuggers tells where the store is.
    let project = configured(Project::with(&PLAIN), "");
    let program = |command: &mut std::process::Command| {
        agrees(command);
        fs_err::read(built(&project, platform("arm64"), "hello")).expect("built")
    };
    let arguments = ["compile", "--debug", "--platform", "arm64"];
    let usual = program(&mut project.polyarch(&arguments));
    let other = program(project.polyarch(&arguments).env("POLYARCH_HOME", &store));
    assert!(usual == other);
    let project = configured(Project::with(&MAKE), "");
    let arguments = [
        "exec",
        "--platform",
        "arm64",
        "--",
        "make",
        "CC=${CROSS_COMPILE}gcc",
    ];
    agrees(project.polyarch(&arguments).env("POLYARCH_HOME", &store));
}

/// A header by its absolute path, with the path in a string and debug information.
const TELLS: &str = "#include <stdio.h>\n#include HEADER\n\
                     int main(void) { puts(__FILE__); puts(told()); return 0; }\n";
const TOLD: &str = "static char *told(void) { return (char *)__builtin_FILE(); }\n";

/// What the same project becomes in two folders.
fn in_two_folders(files: &[(&str, &str)], config: &str) -> [Vec<u8>; 2] {
    ["one", "another"].map(|name| {
        let project = Project::empty();
        for (file, text) in files {
            project.write(&format!("{name}/{file}"), text);
        }
        let project = configured(project, config);
        let text = fs_err::read(project.root.join("polyarch.toml")).expect("read");
        project.write(&format!("{name}/polyarch.toml"), text);
        project.ok(&["compile", "--debug", "--platform", "arm64", name]);
        let program = project.root.join(name).join("out/arm64/tells");
        let bytes = fs_err::read(program).expect("built");
        let root = project.root.as_os_str().as_encoded_bytes();
        assert!(
            !bytes.windows(root.len()).any(|part| part == root),
            "{name}"
        );
        bytes
    })
}

#[test]
fn the_same_sources_give_the_same_bytes_in_any_folder_whatever_their_makefile_sets() {
    let makefile = "CFLAGS = -g -O1\ntells: main.c\n\
                    \t$(CC) $(CFLAGS) '-DHEADER=\"$(CURDIR)/told.h\"' -o $@ '$(CURDIR)/main.c'\n";
    let lists = "cmake_minimum_required(VERSION 3.14)\nproject(tells C)\n\
                 set(CMAKE_C_FLAGS \"-g -O1\")\nadd_executable(tells main.c)\n\
                 target_compile_definitions(tells PRIVATE HEADER=\"${CMAKE_SOURCE_DIR}/told.h\")\n";
    let apart = format!(
        "{lists}set_target_properties(tells PROPERTIES\n\
                         RUNTIME_OUTPUT_DIRECTORY ${{CMAKE_SOURCE_DIR}}/bin)\n"
    );
    let plain = "[build]\nflags = ['-DHEADER=\"told.h\"']";
    for (file, text, config) in [
        ("Makefile", makefile, ""),
        ("CMakeLists.txt", lists, ""),
        ("CMakeLists.txt", &apart, ""),
        ("tells.c", "", plain),
    ] {
        let main = match file {
            "tells.c" => "tells.c",
            _ => "main.c",
        };
        let mut files = vec![(main, TELLS), ("told.h", TOLD)];
        if !text.is_empty() {
            files.push((file, text));
        }
        let [one, other] = in_two_folders(&files, config);
        assert!(one == other, "{text}{config}");
    }
}

#[test]
fn neither_the_folder_nor_where_go_works_is_in_a_program_with_c_code() {
    let main = "package main\n\n// #include \"told.h\"\nimport \"C\"\n\n\
                func main() { println(C.GoString(C.told())) }\n";
    let files = [
        ("go.mod", "module example.com/tells\n\ngo 1.21\n"),
        ("main.go", main),
        ("told.h", TOLD),
    ];
    let [one, other] = in_two_folders(&files, "");
    assert!(one == other);
    // Its name is another one each time.
    let text = String::from_utf8_lossy(&one);
    assert!(!text.contains("/go-build"), "GOTMPDIR");
}
