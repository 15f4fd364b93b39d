//! C++20: projects without modules build as ever, and those with some are told what is in the way.

use crate::support::judge::run;

use super::{built, platform, project};

const GREET: &str = "module;\n#include <cstdio>\nexport module greet;\n\
    export void greet() { std::puts(\"hello\"); }\n";
const MAIN: &str = "import greet;\nint main() { greet(); }\n";

#[test]
fn a_cmake_project_of_cpp20_without_modules_needs_no_scanner() {
    // From 3.28 on CMake looks for modules in all that is C++20.
    let lists = "cmake_minimum_required(VERSION 3.28)\nproject(plain CXX)\n\
                 set(CMAKE_CXX_STANDARD 20)\nadd_executable(plain main.cc)\n";
    let main = "#include <concepts>\n#include <cstdio>\n\
                int main() { std::puts(std::integral<int> ? \"yes\" : \"no\"); }\n";
    let project = project(&[("CMakeLists.txt", lists), ("main.cc", main)]);
    project.ok(&["compile", "--platform", "arm64"]);
    let program = built(&project, platform("arm64"), "plain");
    assert_eq!(run(platform("arm64"), &program, &[]).stdout, "yes\n");
}

#[test]
fn modules_of_a_cmake_project_are_named_where_its_build_fails() {
    let lists = "cmake_minimum_required(VERSION 3.28)\nproject(greet CXX)\n\
                 set(CMAKE_CXX_STANDARD 20)\nadd_executable(other other.cc)\n\
                 add_executable(greet main.cc)\n\
                 target_sources(greet PRIVATE FILE_SET CXX_MODULES FILES greet.cppm)\n";
    let files = [
        ("CMakeLists.txt", lists),
        ("main.cc", MAIN),
        ("other.cc", "int main() { return 0; }\n"),
        ("greet.cppm", GREET),
    ];
    let project = project(&files);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(
        error.contains("`greet.cppm` is of a C++20 module"),
        "{error}"
    );
    assert!(error.contains("linux/arm64"), "{error}");
    assert!(
        error.contains("hint: build what needs no modules"),
        "{error}"
    );
    // What the hint says.
    let project = super::configured(project, "[build]\ntargets = ['other']");
    project.ok(&["compile", "--platform", "arm64"]);
    assert!(built(&project, platform("arm64"), "other").is_file());
}

#[test]
fn modules_of_sources_alone_are_named() {
    let project = project(&[("main.cc", MAIN), ("greet.cc", GREET)]);
    let error = project.fails(1, &["compile", "--platform", "arm64"]).stderr;
    assert!(error.contains("`greet.cc` is of a C++20 module"), "{error}");
    // The compiler's own words stand below.
    assert!(error.contains("main.cc:1:1: error: "), "{error}");
}
