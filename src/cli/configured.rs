//! What the project's base image says of its distribution and archives: the sysroot of a program
//! that will lie over it is made from the same.

use std::collections::BTreeMap;

use super::choose;
use super::context::Context;
use super::failure::Failure;
use super::tools::Tools;
use crate::base::{Reference, Wanted};
use crate::packages::Configured;
use crate::settings::Settings;
use crate::target::Platform;

/// For each of the platforms that have a sysroot what its base is configured with, where that is an
/// image of Debian or a derivative. Of several images, the first one's base counts.
pub(super) fn of_base(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    platforms: &[Platform],
) -> Result<BTreeMap<Platform, Configured>, Failure> {
    let asks = |platform: &Platform| {
        let packages = settings.sysroot(*platform).packages;
        packages.is_some_and(|names| !names.is_empty())
    };
    let wanted: Vec<Platform> = platforms.iter().copied().filter(asks).collect();
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let references = choose::references(context, settings)?;
    let is_here = |one: &Reference| one.has_platforms() && !matches!(one, Reference::Registry(_));
    let Some(reference) = references.into_iter().next().filter(is_here) else {
        return Ok(found);
    };
    let base = choose::load(context, tools, &reference, Wanted::These(wanted))?;
    for platform in &base.platforms {
        let store = context.store.get()?;
        if let Some(configured) = platform.configured(store, context.report)? {
            found.insert(platform.platform, configured);
        }
    }
    Ok(found)
}
