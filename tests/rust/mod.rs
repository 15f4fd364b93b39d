//! Rust projects: what cargo is told, what of the user's holds, and what is wrong with a project.
//!
//! Everything is built without a package registry, for targets whose standard library
//! `tests/fetch` has added.

mod faults;
mod native;

use super::support::judge::{agrees, judge, run};
use super::support::program::Project;
use polyarch::target::Platform;

/// A program that prints what it was compiled with.
const TELLS: &str = r#"fn main() {
    let told: Vec<&str> = [
        (cfg!(feature = "extra"), "extra"),
        (cfg!(from_variable), "variable"),
        (cfg!(from_target), "target"),
        (cfg!(from_cfg), "cfg"),
        (cfg!(from_build), "build"),
        (cfg!(debug_assertions), "debug"),
        (cfg!(target_feature = "avx2"), "avx2"),
    ]
    .into_iter()
    .filter_map(|(set, name)| set.then_some(name))
    .collect();
    println!("{} {}", env!("CARGO_BIN_NAME"), told.join(" "));
}
"#;

fn platform(text: &str) -> Platform {
    text.parse().expect(text)
}

/// A package called `tells`, with a feature that is off and one that is on.
fn tells() -> Project {
    Project::with(&[
        (
            "Cargo.toml",
            "[package]\nname = 'tells'\nversion = '1.2.3'\nedition = '2021'\n\
             [features]\nextra = []\ndefault = []\n[profile.careful]\ninherits = 'release'\n\
             debug-assertions = true\n[workspace]\n",
        ),
        ("src/main.rs", TELLS),
    ])
}

/// What a program of a platform prints.
fn printed(project: &Project, folder: &str, program: &str) -> String {
    let path = project.root.join("out").join(folder).join(program);
    run(platform(folder), &path, &[]).stdout
}

#[test]
fn features_and_profile_reach_the_program() {
    let project = tells();
    project.ok(&["compile", "--platform", "arm64"]);
    assert_eq!(printed(&project, "arm64", "tells"), "tells \n");
    let flags = ["--features", "extra", "--profile", "careful"];
    project.ok(&[&["compile", "--platform", "arm64"][..], &flags].concat());
    assert_eq!(printed(&project, "arm64", "tells"), "tells extra debug\n");
    project.write(
        "polyarch.toml",
        "[platform.'linux/386'.build]\nfeatures = ['extra']\n",
    );
    project.ok(&["compile", "--platform", "arm64,386"]);
    assert_eq!(printed(&project, "arm64", "tells"), "tells \n");
    assert_eq!(printed(&project, "386", "tells"), "tells extra\n");
}

#[test]
fn what_stands_behind_two_dashes_goes_to_cargo() {
    let project = tells();
    let arguments = ["compile", "--platform", "arm64", "--"];
    project.ok(&[
        &arguments[..],
        &["--features", "extra", "--profile=careful"],
    ]
    .concat());
    assert_eq!(printed(&project, "arm64", "tells"), "tells extra debug\n");
    project.ok(&[&arguments[..], &["--release"]].concat());
    assert_eq!(printed(&project, "arm64", "tells"), "tells \n");
    // Cargo takes these once, and polyarch says them, too.
    project.ok(&[&arguments[..], &["-vj2", "--target-dir=elsewhere"]].concat());
    assert!(project.root.join("elsewhere").is_dir());
    let ran = project.fails(1, &[&arguments[..], &["--no-such-flag"]].concat());
    assert!(ran.stderr.contains("'--no-such-flag'"), "{}", ran.stderr);
    let ran = Project::go().fails(2, &[&arguments[..], &["-race"]].concat());
    assert!(ran.stderr.contains("flags = [\"-race\"]"), "{}", ran.stderr);
}

#[test]
fn the_users_flags_hold_from_wherever_cargo_takes_them() {
    let project = tells();
    let told = |arguments: &[(&str, &str)]| {
        let mut command = project.polyarch(&["compile", "--platform", "arm64"]);
        command.envs(arguments.iter().copied());
        let ran = super::support::program::ran(&mut command);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        printed(&project, "arm64", "tells")
    };
    let build = "[build]\nrustflags = ['--cfg', 'from_build']\n";
    project.write(".cargo/config.toml", build);
    assert_eq!(told(&[]), "tells build\n");
    let target = "[target.aarch64-unknown-linux-musl]\nrustflags = ['--cfg=from_target']\n\
                  [target.'cfg(target_env = \"musl\")']\nrustflags = ['--cfg=from_cfg']\n";
    project.write(".cargo/config.toml", format!("{build}{target}"));
    assert_eq!(told(&[]), "tells target cfg\n");
    assert_eq!(
        told(&[("RUSTFLAGS", "--cfg from_variable")]),
        "tells variable\n"
    );
}

#[test]
fn variants_of_a_platform_have_the_instructions_they_are_named_for() {
    let project = tells();
    project.ok(&["compile", "--platform", "amd64,amd64/v3"]);
    assert_eq!(printed(&project, "amd64", "tells"), "tells \n");
    let v3 = project.root.join("out/amd64v3/tells");
    // Not every machine has them.
    let mut emulator = judge("qemu-x86_64");
    let ran = agrees(emulator.args(["-cpu", "max"]).arg(v3));
    assert_eq!(ran.stdout, "tells avx2\n");
    // Neither makes the other be compiled anew.
    assert!(project.root.join("target/polyarch/amd64v3").is_dir());
}

#[test]
fn programs_of_a_workspace_are_those_that_cargo_would_build_in_the_folder() {
    let package =
        |name: &str| format!("[package]\nname = '{name}'\nversion = '0.1.0'\nedition = '2021'\n");
    let project = Project::with(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = ['crates/*']\ndefault-members = ['crates/api']\nresolver = '2'\n",
        ),
        ("crates/api/Cargo.toml", &package("api")),
        (
            "crates/api/src/main.rs",
            "fn main() { println!(\"api\") }\n",
        ),
        ("crates/worker/Cargo.toml", &package("worker")),
        (
            "crates/worker/src/main.rs",
            "fn main() { println!(\"worker\") }\n",
        ),
        (
            "crates/worker/src/bin/tool.rs",
            "fn main() { println!(\"tool\") }\n",
        ),
        ("crates/worker/examples/shown.rs", "fn main() {}\n"),
    ]);
    let built = || {
        let folder = project.root.join("out/amd64");
        let entries = fs_err::read_dir(&folder).expect("built");
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("read")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        names.sort();
        fs_err::remove_dir_all(folder).expect("removed");
        names.join(" ")
    };
    project.ok(&["compile", "--platform", "amd64"]);
    assert_eq!(built(), "api");
    project.ok(&["compile", "--platform", "amd64", "crates/worker"]);
    assert_eq!(built(), "tool worker");
    project.ok(&[
        "compile",
        "--platform",
        "amd64",
        "--package",
        "worker",
        "--bin",
        "tool",
    ]);
    assert_eq!(built(), "tool");
    assert!(project.leftovers().is_empty());
}

#[test]
fn an_unchanged_program_is_left_alone_and_the_folder_does_not_show_in_it() {
    let bytes = |project: &Project| {
        project.ok(&["compile", "--platform", "arm64,386"]);
        ["arm64", "386"].map(|folder| {
            fs_err::read(project.root.join("out").join(folder).join("tells")).expect("built")
        })
    };
    let (one, other) = (tells(), tells());
    assert!(bytes(&one) == bytes(&other));
    let modified = |project: &Project| {
        let path = project.root.join("out/arm64/tells");
        fs_err::metadata(path)
            .expect("built")
            .modified()
            .expect("known")
    };
    let before = modified(&one);
    one.ok(&["compile", "--platform", "arm64,386"]);
    assert_eq!(modified(&one), before);
}

#[test]
fn programs_for_glibc_need_nothing_newer_than_was_asked_for() {
    let project = tells();
    // The flag counts before the configuration.
    project.write("polyarch.toml", "[toolchain]\nlibc = 'musl'\n");
    project.ok(&[
        "compile",
        "--libc",
        "gnu.2.31",
        "--platform",
        "amd64,arm/v7",
    ]);
    for folder in ["amd64", "armv7"] {
        let program = project.root.join("out").join(folder).join("tells");
        let facts = polyarch::elf::Facts::read(&program).expect("an ELF file");
        assert!(facts.interpreter.is_some(), "{folder}");
        assert!(
            !facts.needed.iter().any(|name| name.starts_with("libgcc_s")),
            "{folder}: {:?}",
            facts.needed
        );
        let text = fs_err::read(&program).expect("built");
        let text = String::from_utf8_lossy(&text);
        for newer in ["GLIBC_2.32", "GLIBC_2.33", "GLIBC_2.34"] {
            assert!(!text.contains(newer), "{folder}: {newer}");
        }
    }
    // It runs here: this machine's glibc is not older.
    assert_eq!(printed(&project, "amd64", "tells"), "tells \n");
}
