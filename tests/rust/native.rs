//! Rust programs with C in them: build scripts find the compilers of their target, and a machine
//! without a C compiler still runs build scripts.

use std::path::Path;

use polyarch::toolchain::rust::libclang;

use super::printed;
use crate::support::judge::run;
use crate::support::program::{Project, ran, store_without_caches};

/// Compiles C as the crates do that build scripts use for it: by variables named after the target.
const BUILD: &str = r#"use std::env;
use std::path::Path;
use std::process::Command;

fn tool(name: &str) -> String {
    let target = env::var("TARGET").unwrap().replace('-', "_");
    env::var(format!("{name}_{target}")).expect(name)
}

fn main() {
    let out = env::var("OUT_DIR").unwrap();
    let (object, archive) = (Path::new(&out).join("add.o"), Path::new(&out).join("libadd.a"));
    let target = format!("--target={}", env::var("TARGET").unwrap());
    let compiled = Command::new(tool("CC"))
        .args(["-O2", &target, "-c", "add.c", "-o"])
        .arg(&object)
        .status();
    assert!(compiled.unwrap().success());
    let archived = Command::new(tool("AR")).arg("crs").arg(&archive).arg(&object).status();
    assert!(archived.unwrap().success());
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-lib=static=add");
    println!("cargo::rerun-if-changed=add.c");
}
"#;

fn project() -> Project {
    Project::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'adds'\nversion = '0.1.0'\nedition = '2021'\n\
             [dependencies]\nadd-sys = { path = 'add-sys' }\n[workspace]\n",
        ),
        (
            "src/main.rs",
            "fn main() {\n    let caught = std::panic::catch_unwind(|| assert_eq!(add_sys::add(1, 1), 3));\n    \
             println!(\"{} {}\", add_sys::add(20, 22), caught.is_err());\n}\n",
        ),
        (
            "add-sys/Cargo.toml",
            "[package]\nname = 'add-sys'\nversion = '0.1.0'\nedition = '2021'\nlinks = 'plus'\n\
             build = 'build.rs'\n",
        ),
        ("add-sys/build.rs", BUILD),
        (
            "add-sys/add.c",
            "#include <string.h>\n#include <stdlib.h>\n\
             int add(int a, int b) { char *p = malloc(8); memset(p, 0, 8); a += p[0]; free(p); return a + b; }\n",
        ),
        (
            "add-sys/src/lib.rs",
            "mod c { extern \"C\" { pub fn add(a: i32, b: i32) -> i32; } }\n\
             pub fn add(a: i32, b: i32) -> i32 { unsafe { c::add(a, b) } }\n",
        ),
    ])
}

#[test]
fn c_in_a_dependency_is_compiled_for_each_target_and_linked_without_shared_libraries() {
    let project = project();
    let ran = project.ok(&["compile", "-v", "--platform", "amd64,arm64"]);
    assert!(ran.stderr.contains("with C: add-sys"), "{}", ran.stderr);
    for folder in ["amd64", "arm64"] {
        let program = project.root.join("out").join(folder).join("adds");
        let facts = polyarch::elf::Facts::read(&program).expect("an ELF file");
        assert!(facts.needed.is_empty(), "{folder}: {:?}", facts.needed);
        assert_eq!(printed(&project, folder, "adds"), "42 true\n");
    }
}

#[test]
fn cargo_itself_builds_for_a_platform_where_its_environment_is_set_up() {
    let project = project();
    let evaluated = format!(
        "eval \"$('{}' env --platform amd64)\" && cargo build --offline --quiet",
        env!("CARGO_BIN_EXE_polyarch")
    );
    let mut shell = project.polyarch(&["exec", "--platform", "arm64", "--"]);
    let exec = ran(shell.args(["cargo", "build", "--offline", "--quiet"]));
    assert_eq!(exec.code, 0, "{}", exec.stderr);
    let ours = project.polyarch(&["env"]);
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &evaluated]).current_dir(&project.root);
    for (name, value) in ours.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let shell = ran(&mut shell);
    assert_eq!(shell.code, 0, "{}", shell.stderr);
    for (platform, triple) in [("arm64", "aarch64"), ("amd64", "x86_64")] {
        let folder = format!("target/{triple}-unknown-linux-musl/debug/adds");
        let program = project.root.join(folder);
        let platform = platform.parse().expect("a platform");
        assert_eq!(run(platform, &program, &[]).stdout, "42 true\n");
    }
    // What bindgen is told is where the platform's headers are.
    let json = project.ok(&["--json", "env", "--platform", "arm64"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let arguments = &json[0]["variables"]["BINDGEN_EXTRA_CLANG_ARGS_aarch64_unknown_linux_musl"];
    let arguments = arguments.as_str().expect("set");
    assert!(
        arguments.starts_with("--target=aarch64-linux-musl "),
        "{arguments}"
    );
    let mut folders = arguments
        .split(' ')
        .filter_map(|one| one.strip_prefix("-isystem"));
    assert!(folders.any(|folder| std::path::Path::new(folder).join("stdio.h").is_file()));
    // What the user has set stays.
    let mut command = project.polyarch(&["env", "--platform", "arm64"]);
    let ran = ran(command.env("CC_aarch64_unknown_linux_musl", "/my/cc"));
    assert!(!ran.stdout.contains("export CC_aarch64"), "{}", ran.stdout);
}

#[test]
fn a_machine_without_a_c_compiler_builds_what_runs_during_the_build() {
    let project = project();
    let cargo = which::which("cargo").expect("runs these tests");
    // What cargo stands beside is no C compiler.
    let folder = cargo.parent().expect("a folder").to_owned();
    assert!(!folder.join("cc").exists());
    let mut command = project.polyarch(&["compile", "--platform", "amd64,arm64"]);
    let ran = ran(command.env("PATH", folder));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(printed(&project, "arm64", "adds"), "42 true\n");
}

#[test]
fn tools_that_crates_run_in_build_scripts_are_there_on_a_machine_without_them() {
    // Crates of these names are what build scripts run CMake and load clang's library with.
    let tool =
        |name: &str| format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n");
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n[build-dependencies]\n\
             cmake = { path = 'cmake' }\nclang-sys = { path = 'clang-sys' }\n[workspace]\n",
        ),
        ("cmake/Cargo.toml", &tool("cmake")),
        ("cmake/src/lib.rs", ""),
        ("clang-sys/Cargo.toml", &tool("clang-sys")),
        ("clang-sys/src/lib.rs", ""),
        (
            "build.rs",
            "use std::process::Command;\nfn main() {\n    for tool in [\"cmake\", \"make\"] {\n        \
             assert!(Command::new(tool).arg(\"--version\").status().unwrap().success());\n    }\n    \
             let folder = std::env::var(\"LIBCLANG_PATH\").unwrap_or_default();\n    \
             println!(\"cargo::rustc-env=FOLDER={folder}\");\n}\n",
        ),
        (
            "src/main.rs",
            "fn main() { println!(\"{}\", env!(\"FOLDER\")) }\n",
        ),
    ]);
    let cargo = which::which("cargo").expect("runs these tests");
    let folder = cargo.parent().expect("a folder").to_owned();
    assert!(!folder.join("cmake").exists());
    let mut command = project.polyarch(&["compile", "--platform", "arm64"]);
    let ran = ran(command.env("PATH", folder));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let library = printed(&project, "arm64", "app");
    let library = Path::new(library.trim_end()).join("libclang.so");
    // What the machine has is found without being told.
    assert!(library.is_file() || libclang::is_there(), "{library:?}");
}

#[test]
fn what_was_linked_while_the_compilers_cache_was_damaged_is_linked_again() {
    let home = tempfile::tempdir().expect("a temporary folder");
    store_without_caches(home.path());
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n[workspace]\n",
        ),
        ("src/main.rs", "fn main() { println!(\"sound\") }\n"),
        (
            "build.rs",
            "fn main() {\n    println!(\"cargo::rerun-if-env-changed=HARM\");\n    \
             let Some(cache) = std::env::var_os(\"HARM\") else { return };\n    \
             let harm = \"for file in */global/o/*/*crt1.o; do echo >> \\\"$file\\\"; done\";\n    \
             std::process::Command::new(\"sh\").args([\"-c\", harm]).current_dir(cache).status().unwrap();\n}\n",
        ),
        ("polyarch.toml", "[toolchain]\nlibc = 'gnu.2.31'\n"),
    ]);
    let build = |harm: bool| {
        let mut command = project.polyarch(&["compile", "--platform", "amd64"]);
        command.env("POLYARCH_HOME", home.path());
        if harm {
            command.env("HARM", home.path().join("v1/caches"));
        }
        ran(&mut command)
    };
    let whole = build(false);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let harmed = build(true);
    assert_eq!(harmed.code, 6, "{}", harmed.stderr);
    let made = "target/x86_64-unknown-linux-gnu/release/app";
    for left in ["out/amd64/app", made] {
        assert!(!project.root.join(left).exists(), "{left}");
    }
    let whole = build(false);
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    assert_eq!(printed(&project, "amd64", "app"), "sound\n");
}
