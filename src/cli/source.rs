//! What a project is made from, read with the tool of its kind.
//!
//! Comes in: the kind of project that was found, and platforms. Goes out: its sources, what compiles
//! them, and the programs that their builds call.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::context::Context;
use super::failure::Failure;
use super::golang;
use super::rust;
use super::tools::Tools;
use crate::plan;
use crate::project::cargo::LIBCLANG;
use crate::project::detect;
use crate::project::{Detected, Kind, Source, cmake, go, make, plain, prebuilt};
use crate::settings::Settings;
use crate::target::{Libc, Platform};
use crate::toolchain::rust::libclang;
use crate::toolchain::{Rust, Toolchain};

/// What is to be built, and what reads that where something does.
pub(super) struct Read {
    pub(super) source: Source,
    pub(super) toolchain: Option<Toolchain>,
    pub(super) rust: Option<Rust>,
}

impl From<Source> for Read {
    fn from(source: Source) -> Self {
        Self {
            source,
            toolchain: None,
            rust: None,
        }
    }
}

/// Reads the project; `libcs` is what a Rust project is linked with.
pub(super) fn read(
    context: &Context<'_>,
    settings: &Settings,
    detected: &Detected,
    tools: &Tools<'_>,
    platforms: &[Platform],
    libcs: BTreeMap<Platform, Libc>,
) -> Result<Read, Failure> {
    let root = &detected.root;
    Ok(match detected.kind {
        Kind::Go => {
            let (source, toolchain) = golang::read(context, settings, detected, tools, platforms)?;
            Read {
                toolchain: Some(toolchain),
                ..Source::Go(source).into()
            }
        }
        Kind::Cargo => {
            let (source, rust) = rust::read(context, settings, tools, libcs)?;
            Read {
                toolchain: Some(rust.toolchain.clone()),
                rust: Some(rust),
                ..Source::Cargo(source).into()
            }
        }
        Kind::Cmake => Source::Cmake(cmake::read(root)?).into(),
        Kind::Make => Source::Make(make::read(root).map_err(detect::Error::Io)?).into(),
        Kind::C => Source::C(plain::read(root).map_err(detect::Error::Io)?).into(),
        Kind::Prebuilt => Source::Prebuilt(find_prebuilt(settings, detected, platforms)?).into(),
    })
}

/// The build programs that a source asks for, by name; not what build scripts find by themselves.
pub(super) fn programs(
    tools: &Tools<'_>,
    detected: &Detected,
    source: &Source,
) -> Result<BTreeMap<String, Toolchain>, Failure> {
    let mut programs = BTreeMap::new();
    for &name in plan::native::programs(source) {
        if name == LIBCLANG && libclang::is_there() {
            continue;
        }
        programs.insert(name.to_owned(), tools.program(name, detected, source)?);
    }
    Ok(programs)
}

/// The patterns of prebuilt files: the configured ones; else what `compile` leaves, where any of it
/// is there.
pub(super) fn patterns(settings: &Settings, detected: &Detected) -> Vec<String> {
    if let Some(configured) = &settings.config.build.artifacts {
        return configured.clone();
    }
    let any = detect::out_folders(&detected.root);
    if any.is_empty() {
        Vec::new()
    } else {
        vec![prebuilt::DEFAULT_PATTERN.to_owned()]
    }
}

fn find_prebuilt(
    settings: &Settings,
    detected: &Detected,
    platforms: &[Platform],
) -> Result<BTreeMap<Platform, Vec<PathBuf>>, Failure> {
    let usual = patterns(settings, detected);
    let own = |&platform: &Platform| {
        (
            platform,
            settings
                .artifacts(platform)
                .unwrap_or_else(|| usual.clone()),
        )
    };
    Ok(prebuilt::find(
        &detected.root,
        &platforms.iter().map(own).collect(),
    )?)
}

/// What the project is called, by its configuration, else by its own files, else by its folder.
pub(super) fn name(
    settings: &Settings,
    detected: &Detected,
    source: &Source,
) -> Result<String, Failure> {
    if let Some(name) = &settings.config.project.name {
        return Ok(name.clone());
    }
    let own = match source {
        Source::Go(_) => Some(go::name(&detected.root)?),
        Source::Cargo(cargo) => cargo.name(),
        Source::Cmake(cmake) => cmake.name.clone(),
        Source::Make(_) | Source::C(_) | Source::Prebuilt(_) => None,
    };
    Ok(own.unwrap_or_else(|| {
        let folder = detected.root.file_name().unwrap_or_default();
        folder.to_string_lossy().into_owned()
    }))
}
