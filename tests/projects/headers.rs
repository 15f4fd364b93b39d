//! A header that is not there: the compiler's words as they are, and the package that has it.

use super::project;

const ZLIB: &str = "#include <zlib.h>\nint main(void) { return zlibVersion() == 0; }\n";

/// What the compiler says, and below it the way out.
fn told(files: &[(&str, &str)], place: &str) {
    let error = project(files)
        .fails(1, &["compile", "--platform", "arm64"])
        .stderr;
    let said = format!("{place}: fatal error: 'zlib.h' file not found\n");
    assert!(error.contains(&said), "{error}");
    assert!(
        error.ends_with(
            "\n hint: `zlib.h` is in `zlib1g-dev`: `packages = [\"zlib1g-dev\"]` under `[sysroot]`, and \
             `--sysroot=$(polyarch sysroot path --platform linux/arm64)` among the compiler's flags\n"
        ),
        "{error}"
    );
}

#[test]
fn the_package_of_a_missing_header_is_named_for_make() {
    let makefile = "app: app.o\n\t$(CC) -o $@ app.o -lz\napp.o: app.c\n\t$(CC) -c app.c\n";
    told(&[("Makefile", makefile), ("app.c", ZLIB)], "app.c:1:10");
}

#[test]
fn the_package_of_a_missing_header_is_named_for_cmake() {
    let lists = "cmake_minimum_required(VERSION 3.14)\nproject(app C)\nadd_executable(app app.c)\n";
    told(&[("CMakeLists.txt", lists), ("app.c", ZLIB)], "/app.c:1:10");
}

#[test]
fn the_package_of_a_missing_header_is_named_for_sources_alone() {
    told(&[("app.c", ZLIB)], "app.c:1:10");
}

#[test]
fn the_package_of_a_missing_header_is_named_for_c_code_of_go() {
    let main = "package main\n\n// #include <zlib.h>\nimport \"C\"\n\n\
                func main() { C.zlibVersion() }\n";
    let module = "module example.com/app\n\ngo 1.21\n";
    told(&[("go.mod", module), ("main.go", main)], "main.go:3:11");
}

#[test]
fn a_header_of_the_projects_own_is_no_packages() {
    let project = project(&[(
        "app.c",
        "#include \"version.h\"\nint main(void) { return 0; }\n",
    )]);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("'version.h' file not found"), "{error}");
    assert!(!error.contains("hint:"), "{error}");
}
