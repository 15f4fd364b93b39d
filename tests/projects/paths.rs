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
