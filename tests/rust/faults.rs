//! What is wrong with a Rust project, and what is said about it.

use super::{printed, tells};
use crate::support::program::{Project, ran};

#[test]
fn without_cargo_it_is_said_that_it_is_missing() {
    let project = tells();
    let mut command = project.polyarch(&["compile", "--platform", "amd64"]);
    let ran = ran(command.env("PATH", "/nowhere"));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("no `cargo` on PATH"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: install Rust"), "{}", ran.stderr);
}

#[test]
fn a_toolchain_file_that_asks_for_an_absent_toolchain_is_told_with_the_command() {
    let project = tells();
    project.write("rust-toolchain.toml", "[toolchain]\nchannel = '1.2.0'\n");
    let mut command = project.polyarch(&["compile", "--platform", "amd64"]);
    // Else the one that runs these tests wins over the file.
    command
        .env_remove("RUSTUP_TOOLCHAIN")
        .env("RUSTUP_AUTO_INSTALL", "0");
    let ran = ran(&mut command);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("`rustc` does not run"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("&& rustup toolchain install`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn standard_libraries_that_are_missing_are_told_all_at_once() {
    let project = tells();
    // Two that `tests/fetch` does not add.
    let ran = project.fails(9, &["compile", "--platform", "mips64,mips64le"]);
    for expected in [
        "`mips64el-unknown-linux-muslabi64` (linux/mips64le)",
        "`mips64-unknown-linux-muslabi64` (linux/mips64)",
        "`--offline` forbids",
        "rustup target add mips64-unknown-linux-muslabi64",
    ] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
}

#[test]
fn two_programs_of_one_name_are_an_error_that_names_both_packages() {
    let package = |name: &str| {
        format!(
            "[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n\
             [[bin]]\nname = 'app'\npath = 'main.rs'\n"
        )
    };
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = ['a', 'b']\nresolver = '2'\n",
        ),
        ("a/Cargo.toml", &package("a")),
        ("a/main.rs", "fn main() {}\n"),
        ("b/Cargo.toml", &package("b")),
        ("b/main.rs", "fn main() {}\n"),
    ]);
    let ran = project.fails(2, &["compile", "--platform", "amd64"]);
    assert!(
        ran.stderr
            .contains("two programs are called `app`: in package a and in b"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("--package a"), "{}", ran.stderr);
    project.ok(&["compile", "--platform", "amd64", "--package", "b"]);
}

#[test]
fn a_program_that_is_not_to_be_published_is_left_out_beside_one_that_is_unless_it_is_named() {
    let package = |name: &str, further: &str| {
        format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n{further}\n")
    };
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = ['app', 'tasks']\nresolver = '2'\n",
        ),
        ("app/Cargo.toml", &package("app", "")),
        ("app/src/main.rs", "fn main() {}\n"),
        ("tasks/Cargo.toml", &package("tasks", "publish = false")),
        ("tasks/src/main.rs", "fn main() {}\n"),
    ]);
    let there = |name: &str| project.root.join("out/amd64").join(name).exists();
    let ran = project.ok(&["compile", "--platform", "amd64"]);
    let said = "left out as `publish = false` says: tasks (`--package tasks` builds it)";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(there("app") && !there("tasks"));
    let ran = project.ok(&["compile", "--platform", "amd64", "--bin", "tasks"]);
    assert!(!ran.stderr.contains("left out"), "{}", ran.stderr);
    assert!(there("tasks"));
    project.write("app/Cargo.toml", package("app", "publish = false"));
    let ran = project.ok(&["compile", "--platform", "amd64"]);
    assert!(!ran.stderr.contains("left out"), "{}", ran.stderr);
}

#[test]
fn a_library_alone_is_no_program() {
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'lib'\nversion = '0.1.0'\nedition = '2021'\n[workspace]\n",
        ),
        ("src/lib.rs", ""),
    ]);
    let ran = project.fails(3, &["compile", "--platform", "amd64"]);
    assert!(
        ran.stderr.contains("package `lib` has no `[[bin]]`"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_lock_file_that_is_out_of_date_is_refused_where_it_must_not_change() {
    let project = tells();
    project.write("polyarch.toml", "[build]\nplatforms = ['amd64']\n");
    project.ok(&["lock"]);
    project.ok(&["--locked", "compile"]);
    let manifest = fs_err::read_to_string(project.root.join("Cargo.toml")).expect("there");
    project.write("Cargo.toml", manifest.replace("1.2.3", "1.2.4"));
    let ran = project.fails(9, &["--locked", "compile"]);
    assert!(ran.stderr.contains("hint: `cargo update"), "{}", ran.stderr);
}

#[test]
fn a_linker_of_the_users_is_respected_and_said() {
    let project = tells();
    let linker = project.root.join("my-linker");
    fs_err::write(&linker, "#!/bin/sh\necho mine links nothing >&2\nexit 1\n").expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs_err::set_permissions(&linker, executable).expect("changed");
    let linker = linker.display();
    project.write(
        ".cargo/config.toml",
        format!("[target.x86_64-unknown-linux-musl]\nlinker = '{linker}'\n"),
    );
    let ran = project.fails(1, &["compile", "--platform", "amd64"]);
    let said = format!("programs for linux/amd64 are linked by `{linker}`");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(ran.stderr.contains("mine links nothing"), "{}", ran.stderr);
}

#[test]
fn a_linker_that_the_configuration_names_and_the_machine_lacks_gives_way_and_it_is_said() {
    let project = tells();
    project.write(
        ".cargo/config.toml",
        "[target.aarch64-unknown-linux-musl]\nlinker = 'aarch64-no-such-gcc'\n",
    );
    let ran = project.ok(&["compile", "--platform", "arm64"]);
    assert!(
        ran.stderr
            .contains("linked by `aarch64-no-such-gcc`, which is not on this machine"),
        "{}",
        ran.stderr
    );
    assert_eq!(printed(&project, "arm64", "tells"), "tells \n");
}

#[test]
fn an_error_in_the_code_is_told_as_the_compiler_tells_it() {
    let project = tells();
    project.write("src/main.rs", "fn main() { undefined() }\n");
    let ran = project.fails(1, &["compile", "--platform", "amd64,arm64"]);
    assert!(
        ran.stderr
            .contains("compiling for linux/amd64, linux/arm64 failed"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("error[E0425]"), "{}", ran.stderr);
}

#[test]
fn a_platform_that_fails_is_the_one_that_is_named_and_the_others_programs_are_there() {
    let project = tells();
    project.write(
        "src/main.rs",
        "fn main() {}\n#[cfg(target_arch = \"x86\")]\ncompile_error!(\"not here\");\n",
    );
    // Alone and first, so that cargo has made it when the other fails.
    project.ok(&["compile", "--platform", "arm64"]);
    fs_err::remove_dir_all(project.root.join("out")).expect("removed");
    let ran = project.fails(1, &["compile", "--platform", "386,arm64"]);
    let said = "compiling for linux/386 failed";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let there = |folder: &str| project.root.join("out").join(folder).join("tells").exists();
    assert!(there("arm64") && !there("386"));
}

#[test]
fn a_build_script_that_finds_no_library_is_told_the_feature_and_the_package() {
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2021'\n\
             [dependencies]\nlibz-sys = { path = 'libz-sys' }\n[workspace]\n",
        ),
        ("src/main.rs", "fn main() {}\n"),
        (
            "libz-sys/Cargo.toml",
            "[package]\nname = 'libz-sys'\nversion = '1.1.20'\nedition = '2021'\n",
        ),
        ("libz-sys/src/lib.rs", ""),
        // What the crate `pkg-config` says.
        (
            "libz-sys/build.rs",
            "fn main() { panic!(\"pkg-config has not been configured to support cross-compilation.\") }\n",
        ),
    ]);
    let ran = project.fails(1, &["compile", "--platform", "arm64"]);
    for expected in [
        "failed to run custom build command for `libz-sys v1.1.20",
        "hint: `cargo add libz-sys@1.1.20 --features static`",
        "or use Debian's `zlib1g-dev`, as \"Libraries of the system\"",
    ] {
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
}
