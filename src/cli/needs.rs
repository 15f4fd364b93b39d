//! Everything that a build would take, for `lock` and for what is missing without a network.

use std::collections::BTreeMap;

use super::choose;
use super::configured;
use super::context::Context;
use super::failure::Failure;
use super::libc;
use super::rust;
use super::source;
use super::sysroot;
use super::tools::{self, Tools};
use crate::base::{self, Reference};
use crate::project::detect;
use crate::project::{Detected, Kind, Source};
use crate::settings::Settings;
use crate::target::Platform;

/// Finds everything a lock has to name, and builds nothing.
pub(super) fn all(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
) -> Result<(), Failure> {
    let detected = match choose::detected(settings) {
        Ok(found) => Some(found),
        // A sysroot is something to lock, whatever uses it.
        Err(detect::Error::None { .. }) if sysroot::any(settings) => None,
        Err(error) => return Err(error.into()),
    };
    let mut references = Vec::new();
    if let Some(detected) = &detected {
        references = choose::references(context, settings)?;
        require(tools, detected, &references)?;
    }
    let platforms = choose::platforms(context, settings, tools)?;
    packages(context, settings, tools, &platforms, &references)?;
    match detected {
        Some(detected) => compilers(context, settings, tools, &detected, &platforms),
        None => Ok(()),
    }
}

/// Finds every toolchain that the project and its bases are known to need.
pub(super) fn require(
    tools: &Tools<'_>,
    detected: &Detected,
    references: &[Reference],
) -> Result<(), Failure> {
    let mut needs = Vec::new();
    if references.contains(&Reference::Static) {
        needs.extend(base::DATA.iter().map(|name| tools::data_need(name)));
    }
    match detected.kind {
        Kind::Go => needs.push(tools::go_need(&detected.root)?),
        Kind::Cmake | Kind::Make | Kind::C => needs.extend(tools::c_needs()),
        // cargo and what it needs are the machine's, and looked at on their own.
        Kind::Cargo | Kind::Prebuilt => {}
    }
    tools.all(&needs)
}

/// The packages of sysroots and bases.
fn packages(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    platforms: &[Platform],
    references: &[Reference],
) -> Result<(), Failure> {
    let configured = configured::of_base(context, settings, tools, platforms)?;
    for &platform in platforms {
        let base = configured.get(&platform);
        if let Some(want) = sysroot::want(settings, platform, base)? {
            tools.packages().closure(&want)?;
        }
        for reference in references {
            if let Reference::Packages(packages) = reference {
                let want = base::packages::want(reference, packages, platform);
                tools.packages().closure(&want)?;
            }
        }
    }
    Ok(())
}

/// The compilers for C code, where there is any, and what builds it.
fn compilers(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    detected: &Detected,
    platforms: &[Platform],
) -> Result<(), Failure> {
    if detected.kind == Kind::Prebuilt {
        return Ok(());
    }
    let libcs = match detected.kind {
        Kind::Cargo => libc::find(context, settings, tools, platforms)?,
        _ => BTreeMap::new(),
    };
    let mut read = source::read(context, settings, detected, tools, platforms, libcs)?;
    let source = read.source;
    if let (Some(rust), Source::Cargo(cargo)) = (&mut read.rust, &source) {
        rust::compilers(context, tools, rust, cargo)?;
        rust::machine(tools, rust, cargo)?;
    } else if source.needs_c() {
        for (platform, libc) in libc::find(context, settings, tools, platforms)? {
            tools.compilers(platform, libc)?;
        }
    }
    source::programs(tools, detected, &source)?;
    Ok(())
}
