//! What cargo is told for a target: the linker, flags, and the variables of build scripts.
//!
//! What the user has set for the target is left as it is. Only a linker that does not exist gives way
//! to ours.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_config2::{Config, ResolveOptions};

use super::super::{Error, Options};
use super::flags::{self, Linker};
use crate::plan::cargo::CargoStep;
use crate::process::{self, CommandSpec};
use crate::project::cargo::LIBCLANG;
use crate::target::Platform;
use crate::toolchain::rust::environment::{bindgen, build_scripts, underscored};
use crate::toolchain::{Origin, Rust, Toolchain};

/// What a target asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    /// The flags of rustc.
    pub(super) flags: Vec<String>,
    /// Variables, all named after the target.
    pub(super) variables: BTreeMap<String, OsString>,
}

/// Finds out what a step's compilers are told.
pub(super) fn set_up(
    cargo: &CargoStep,
    platform: Platform,
    rust: &Rust,
    sysroot: Option<&Path>,
    options: &Options<'_>,
) -> Result<Setup, Error> {
    let compilers = options.compilers.get(&platform);
    let config = configuration(cargo, rust)?;
    let triple = cargo.triple.as_str();
    let configured = config.linker(triple)?;
    let users = configured.clone().filter(|path| is_there(path));
    let linker = match (&users, compilers) {
        (Some(_), _) => Linker::Users,
        (None, Some(_)) => Linker::Compiler,
        (None, None) => Linker::Own,
    };
    let found = config.rustflags(triple)?;
    let found = found.into_iter().flat_map(|found| found.flags);
    let mut flags = flags::all(cargo, rust, linker, found);
    if let Some(sysroot) = sysroot {
        flags.insert(0, format!("--sysroot={}", sysroot.display()));
    }
    let mut variables = BTreeMap::new();
    if let (Some(absent), None) = (&configured, &users) {
        options.observer.note(&format!(
            "cargo's configuration has programs for {platform} linked by `{}`, which is not on this \
             machine: polyarch's own links them",
            absent.display()
        ));
    }
    let path: PathBuf = match (&users, compilers) {
        (Some(users), _) => {
            options.observer.note(&format!(
                "programs for {platform} are linked by `{}`, as cargo's configuration says",
                users.display()
            ));
            users.clone()
        }
        (None, Some(compilers)) => compilers.tool("cc"),
        (None, None) => "rust-lld".into(),
    };
    if users.is_none() && triple == rust.host {
        // As a variable it would hold for build scripts, too, which are the machine's.
        flags.splice(
            0..0,
            ["-C".to_owned(), format!("linker={}", path.display())],
        );
    } else if users.is_none() {
        variables.insert(
            format!("CARGO_TARGET_{}_LINKER", underscored(triple).to_uppercase()),
            path.into_os_string(),
        );
    }
    if let Some(machine) = options.machine
        && config.linker(rust.host.as_str())?.is_none()
    {
        let name = underscored(&rust.host).to_uppercase();
        let path = machine.tool("cc").into_os_string();
        variables.insert(format!("CARGO_TARGET_{name}_LINKER"), path);
    }
    let hosts = options.machine.map(|machine| (rust.host.as_str(), machine));
    let targets = compilers.map(|compilers| (triple, compilers));
    // Where both are one triple, `cc` and its kin are for the target's code.
    for (triple, compilers) in hosts.into_iter().chain(targets) {
        let own = build_scripts(triple, compilers).into_iter();
        let unset = |name: &str| !cargo.env.contains_key(name) && std::env::var_os(name).is_none();
        variables.extend(own.filter(|(name, _)| unset(name)));
    }
    if let (Some(compilers), false) = (compilers, cargo.native.is_empty()) {
        let store = options.store.get()?;
        let (name, value) = bindgen(triple, compilers, store, options.observer)?;
        let is_set = cargo.env.contains_key(&name) || std::env::var_os(&name).is_some();
        variables.extend(Some((name, value)).filter(|_| !is_set));
    }
    Ok(Setup { flags, variables })
}

/// Adds what build scripts find programs and libraries by that were fetched for them, behind what the
/// machine has.
pub(super) fn programs(
    mut spec: CommandSpec,
    programs: &BTreeMap<String, Toolchain>,
) -> CommandSpec {
    let fetched = programs.values().filter(|one| one.origin != Origin::System);
    for toolchain in fetched {
        if toolchain.name == LIBCLANG {
            for (name, value) in &toolchain.environment {
                if spec.variable(name).is_none() {
                    spec = spec.env(name, value);
                }
            }
        } else if let Some(folder) = toolchain.program.as_deref().and_then(Path::parent) {
            let mut path = spec.variable("PATH").unwrap_or_default();
            path.push(":");
            path.push(folder);
            spec = spec.env("PATH", path);
        }
    }
    spec
}

/// Whether a linker can be started. Configurations of projects name what its authors have installed;
/// without it nothing could be linked.
fn is_there(linker: &Path) -> bool {
    linker.to_str().and_then(process::find).is_some()
}

/// What cargo's configuration says, with the variables that the step sets.
fn configuration(cargo: &CargoStep, rust: &Rust) -> Result<Config, Error> {
    let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    let own = cargo.env.iter();
    environment.extend(own.map(|(name, value)| (name.into(), value.into())));
    let options = ResolveOptions::default()
        .env(environment)
        .host_triple(rust.host.clone());
    Ok(Config::load_with_options(&cargo.directory, options)?)
}
