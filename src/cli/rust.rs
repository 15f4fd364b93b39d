//! Rust for a project: what reads it, the standard libraries of its targets, and C compilers where
//! one of them is needed.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::failure::Failure;
use super::tools::Tools;
use crate::plan;
use crate::process;
use crate::project::cargo::{self, CargoProject, Question};
use crate::settings::Settings;
use crate::settings::config::BuildConfig;
use crate::target::{self, Libc, Platform, Target};
use crate::toolchain::rust::{Allowed, Wanted};
use crate::toolchain::{Compilers, Rust};

/// Asks cargo what the project is, for these platforms with their C libraries.
pub(super) fn read(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    libcs: BTreeMap<Platform, Libc>,
) -> Result<(CargoProject, Rust), Failure> {
    let directory = &settings.directory;
    let rust = tools.rust(directory)?;
    let triples: BTreeSet<String> = libcs.iter().map(triple).collect();
    let builds: Vec<BuildConfig> = libcs.keys().map(|one| settings.build(*one)).collect();
    let environment = builds.first().and_then(|build| build.env.clone());
    let environment = environment.unwrap_or_default();
    let cargo = rust.toolchain.program.clone();
    let mut features = plan::cargo::features(&every(&builds));
    for further in builds.iter().map(plan::cargo::further_features) {
        // The same for all platforms, mostly.
        if !features.ends_with(&further) {
            features.extend(further);
        }
    }
    let mut images = settings.image_names().into_iter();
    let named = settings.packages().is_some()
        || !settings.bins().is_empty()
        || images.any(|name| settings.image(name, None).bins.is_some());
    let mut source = cargo::read(&Question {
        cargo: &cargo.unwrap_or_else(|| "cargo".into()),
        directory,
        environment: &environment,
        packages: settings.packages(),
        bins: settings.bins(),
        named,
        features: &features,
        triples: &triples,
        locked: context.global.locked,
        offline: context.global.offline,
    })?;
    source.libcs = libcs;
    Ok((source, rust))
}

/// The features of all platforms together: the graph is read once, and has to show what any of them
/// brings along.
fn every(builds: &[BuildConfig]) -> BuildConfig {
    let mut features: Vec<String> = builds
        .iter()
        .flat_map(|build| build.features.iter().flatten().cloned())
        .collect();
    features.sort();
    features.dedup();
    let without = |build: &BuildConfig| build.default_features == Some(false);
    BuildConfig {
        features: Some(features),
        default_features: Some(!builds.iter().all(without)),
        ..BuildConfig::default()
    }
}

/// Makes sure of the standard libraries, and sets up the C compilers that are needed: where there is
/// C in the program, where the C library is the base's, and where Rust does not bring one.
pub(super) fn compilers(
    context: &Context<'_>,
    tools: &Tools<'_>,
    rust: &mut Rust,
    source: &CargoProject,
) -> Result<BTreeMap<Platform, Compilers>, Failure> {
    let allowed = Allowed {
        offline: context.global.offline,
        locked: context.global.locked,
    };
    let wanted: Vec<Wanted> = source
        .libcs
        .iter()
        .map(|(&platform, libc)| Wanted {
            triple: triple((&platform, libc)),
            platform,
            flags: target::rust_flags(platform),
        })
        .collect();
    let (store, report) = (context.store.get()?, context.report);
    rust.require(&wanted, &source.directory, allowed, store, report)?;
    let mut compilers = BTreeMap::new();
    for (&platform, &libc) in &source.libcs {
        let alone = source.native.is_empty() && rust.links_alone(&triple((&platform, &libc)));
        if matches!(libc, Libc::Gnu(_)) || !alone {
            compilers.insert(platform, tools.compilers(platform, libc)?);
        }
    }
    Ok(compilers)
}

/// What links programs that run during the build, where there are any and the machine has no C
/// compiler.
pub(super) fn machine(
    tools: &Tools<'_>,
    rust: &Rust,
    source: &CargoProject,
) -> Result<Option<Compilers>, Failure> {
    // That is the one that rustc calls.
    if !source.runs_programs || process::find("cc").is_some() {
        return Ok(None);
    }
    tools.machine_compilers(rust.host.ends_with("gnu"))
}

fn triple((platform, libc): (&Platform, &Libc)) -> String {
    let (platform, libc) = (*platform, *libc);
    Target { platform, libc }.rust_triple()
}
