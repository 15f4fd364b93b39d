//! A target's standard library, compiled from the compiler's own sources where nobody offers it
//! compiled. It is kept in the store, for all projects, and named by compiler, target and flags.
//!
//! Cargo builds it for an empty package (`-Zbuild-std`, <https://doc.rust-lang.org/cargo/reference/unstable.html#build-std>),
//! so that neither the project nor its build scripts see unstable features switched on.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::super::{Error, Failure, Options, Workspace};
use crate::interrupt;
use crate::plan::cargo::CargoStep;
use crate::process::{self, CommandSpec, Runner, Stop};
use crate::store::Tree;
use crate::target::Platform;
use crate::toolchain::Rust;
use crate::toolchain::rust::Wanted;

/// What the empty package is called.
const PACKAGE: &str = "standard-library-of-nothing";

/// Calls rustc for cargo. Programs that abort when they panic take the crate `panic_abort`, which must be
/// compiled that way itself, as those that are offered compiled are, and nothing else may.
const WRAPPER: &str = "#!/bin/sh\n\
    case \" $* \" in *' --crate-name panic_abort '*) set -- \"$@\" -C panic=abort ;; esac\n\
    exec \"$@\"\n";

/// A standard library of ours; in use for as long as this lives.
pub(super) struct Library {
    /// The sysroot that it is part of.
    pub(super) place: PathBuf,
    #[expect(dead_code, reason = "kept for its lock")]
    tree: Tree,
}

/// The standard library of a step, where it is built here; none where it came compiled.
pub(super) fn find(
    cargo: &CargoStep,
    platform: Platform,
    rust: &Rust,
    workspace: &Workspace,
    options: &Options<'_>,
) -> Result<Option<Library>, Error> {
    if !rust.is_from_source(&cargo.triple) {
        return Ok(None);
    }
    let wanted = Wanted {
        triple: cargo.triple.clone(),
        platform,
        flags: cargo.flags.clone(),
    };
    let label = format!("the standard library for {platform}");
    let store = options.store.get()?;
    let recipe = rust.recipe(&wanted);
    let tree = store.tree(&recipe, &label, options.observer, |into| {
        options.observer.note(&format!(
            "building {label} ({}) from source, once",
            cargo.triple
        ));
        let meter = options.observer.begin(&format!("building {label}"), None);
        let result = build(&wanted, rust, into, workspace, options);
        drop(meter);
        result
    })?;
    let place = link(&tree, cargo)?;
    Ok(Some(Library { place, tree }))
}

/// Puts a link to the library into one sysroot for all targets, beside what cargo compiles with it:
/// targets whose flags are the same can be one call.
fn link(tree: &Tree, cargo: &CargoStep) -> std::io::Result<PathBuf> {
    let place = cargo.target_directory.join("polyarch/sysroot");
    let triples = place.join("lib/rustlib");
    fs_err::create_dir_all(&triples)?;
    let link = triples.join(&cargo.triple);
    let target = tree.path.join("lib/rustlib").join(&cargo.triple);
    if fs_err::read_link(&link).is_ok_and(|present| present == target) {
        return Ok(place);
    }
    if fs_err::symlink_metadata(&link).is_ok() {
        fs_err::remove_file(&link)?;
    }
    fs_err::os::unix::fs::symlink(target, link)?;
    Ok(place)
}

fn build(
    wanted: &Wanted,
    rust: &Rust,
    into: &Path,
    workspace: &Workspace,
    options: &Options<'_>,
) -> Result<(), Error> {
    // Beside the tree in the making, and gone with it.
    let scratch = options.store.get()?.scratch()?;
    let folder = scratch.path();
    let manifest = format!(
        "[package]\nname = \"{PACKAGE}\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n"
    );
    fs_err::write(folder.join("Cargo.toml"), manifest)?;
    fs_err::create_dir(folder.join("src"))?;
    fs_err::write(folder.join("src/lib.rs"), "#![no_std]\n")?;
    let wrapper = folder.join("rustc");
    fs_err::write(&wrapper, WRAPPER)?;
    fs_err::set_permissions(&wrapper, Permissions::from_mode(0o755))?;
    let spec = command(wanted, rust, folder, options);
    let output = Runner.holding(&spec, &Stop::default(), workspace.lock())?;
    if !output.status.success() {
        return Err(Error::Failed(vec![Failure {
            platforms: vec![wanted.platform],
            status: process::describe(output.status),
            message: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
        }]));
    }
    let libraries = into.join("lib/rustlib").join(&wanted.triple).join("lib");
    fs_err::create_dir_all(&libraries)?;
    let made = folder
        .join("target")
        .join(&wanted.triple)
        .join("release/deps");
    let own = format!("lib{}-", PACKAGE.replace('-', "_"));
    for entry in fs_err::read_dir(made)? {
        interrupt::check()?;
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with(&own) {
            fs_err::rename(entry.path(), libraries.join(&name))?;
        }
    }
    Ok(())
}

fn command(wanted: &Wanted, rust: &Rust, folder: &Path, options: &Options<'_>) -> CommandSpec {
    // By its own path: what the project's toolchain file says does not hold in another folder.
    let tool = |name: &str| rust.sysroot.join("bin").join(name);
    let program = Some(tool("cargo")).filter(|path| path.is_file());
    let program = program.or_else(|| rust.toolchain.program.clone());
    let mut spec = CommandSpec::new(program.unwrap_or_else(|| "cargo".into()), folder)
        .arg("build")
        .arg("--quiet")
        .arg("--release")
        .arg("-Zbuild-std=std,panic_abort,panic_unwind")
        .arg(format!("--jobs={}", options.jobs))
        .arg("--target-dir=target")
        .arg("--target")
        .arg(&wanted.triple);
    if options.offline {
        spec = spec.arg("--offline");
    }
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        spec = spec.without_env(name);
    }
    spec.env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", tool("rustc"))
        .env("RUSTC_WRAPPER", folder.join("rustc"))
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            flags(wanted, rust).join("\u{1f}"),
        )
}

/// As the ones that are offered compiled are made: they can take part in link-time optimisation,
/// and the paths in them are the same everywhere.
fn flags(wanted: &Wanted, rust: &Rust) -> Vec<String> {
    let mut flags = wanted.flags.clone();
    flags.extend(["-C".to_owned(), "embed-bitcode=yes".to_owned()]);
    flags.extend(rust.remap_sources());
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_crate_that_aborts_is_compiled_to_abort() {
        let folder = tempfile::tempdir().expect("tempdir");
        let wrapper = folder.path().join("rustc");
        fs_err::write(&wrapper, WRAPPER).expect("written");
        let said = |krate: &str| {
            // As cargo calls it: the compiler first. What runs a script is not written to.
            let spec = CommandSpec::new("sh", folder.path()).arg(&wrapper).args([
                "echo",
                "--crate-name",
                krate,
                "a b",
            ]);
            let output = Runner.output(&spec).expect("started");
            String::from_utf8(output.stdout).expect("text")
        };
        assert_eq!(
            said("panic_abort"),
            "--crate-name panic_abort a b -C panic=abort\n"
        );
        assert_eq!(said("panic_unwind"), "--crate-name panic_unwind a b\n");
    }
}
