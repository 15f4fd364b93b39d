//! Go for a project: what reads it, and the commands that it finds.

use super::choose::Error;
use super::context::Context;
use super::failure::Failure;
use super::tools::Tools;
use crate::plan;
use crate::project::{Detected, go};
use crate::settings::Settings;
use crate::target::Platform;
use crate::toolchain::Toolchain;

/// Asks go which commands the project has.
pub(super) fn read(
    context: &Context<'_>,
    settings: &Settings,
    detected: &Detected,
    tools: &Tools<'_>,
    platforms: &[Platform],
) -> Result<(go::GoProject, Toolchain), Failure> {
    let toolchain = tools.go(&detected.root)?;
    let patterns = match settings.packages() {
        Some(patterns) => patterns.to_vec(),
        None => go::default_patterns(&detected.root, &settings.directory)?,
    };
    let platform = platforms.first().copied().or_else(Platform::host);
    let Some(platform) = platform else {
        return Err(Error::NothingInCommon.into());
    };
    // What the flags mean for `{version}` makes no difference to what is found.
    let options = plan::go::options(settings, platform, &plan::unknown_values())?;
    let mut environment = toolchain.environment.clone();
    environment.extend(options.env);
    let source = go::list(&go::Question {
        go: toolchain
            .program
            .as_deref()
            .unwrap_or(std::path::Path::new("go")),
        environment: &environment,
        root: &detected.root,
        patterns: &patterns,
        flags: &options.flags,
        platform,
        offline: context.global.offline,
    })?;
    Ok((source, toolchain))
}
