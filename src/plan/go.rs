//! The steps of a Go project: one `go build` a platform, for all its commands.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Action, Error, Output, Step, check_bins};
use crate::project::Project;
use crate::project::go::{GoCommand, GoProject};
use crate::project::prebuilt;
use crate::settings::Settings;
use crate::target::Platform;
use crate::template::Values;

/// One `go build`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GoStep {
    /// The import paths.
    pub packages: Vec<String>,
    /// The executables' names, in the same order.
    pub names: Vec<String>,
    /// Build flags, the user's behind ours.
    pub flags: Vec<String>,
    /// The value of `-ldflags`.
    pub ldflags: String,
    /// Variables that the configuration sets.
    pub env: BTreeMap<String, String>,
    /// Packages with C code, for which a C compiler is set up; none is where this is empty.
    pub cgo: Vec<String>,
}

/// Plans the compiler calls and what they leave.
pub(super) fn steps(
    project: &Project,
    source: &GoProject,
    platforms: &[Platform],
    settings: &Settings,
    values: &Values,
) -> Result<(Vec<Step>, Vec<Output>), Error> {
    let known: Vec<&str> = source
        .commands
        .iter()
        .map(|command| command.name.as_str())
        .collect();
    let chosen = settings.bins();
    check_bins(chosen, &known)?;
    let mut commands = source.commands.clone();
    commands.retain(|command| chosen.is_empty() || chosen.contains(&command.name));
    // A command without C code stays without a C library.
    let (pure, cgo): (Vec<_>, Vec<_>) = commands
        .iter()
        .partition::<Vec<&GoCommand>, _>(|command| command.cgo.is_empty());
    let mut steps = Vec::new();
    let mut outputs = Vec::new();
    for &platform in platforms {
        let directory = project.root.join("out").join(platform.directory());
        let Options {
            flags,
            ldflags,
            env,
        } = options(settings, platform, values)?;
        outputs.extend(commands.iter().map(|command| Output {
            platform,
            name: command.name.clone(),
            path: directory.join(&command.name),
            library: false,
        }));
        for commands in [&pure, &cgo] {
            if commands.is_empty() {
                continue;
            }
            let mut cgo: Vec<String> = Vec::new();
            cgo.extend(
                commands
                    .iter()
                    .flat_map(|command| command.cgo.iter().cloned()),
            );
            cgo.sort();
            cgo.dedup();
            let import_paths = commands.iter().map(|command| command.import_path.clone());
            let names = commands.iter().map(|command| command.name.clone());
            steps.push(Step {
                platform,
                directory: directory.clone(),
                action: Action::Go(GoStep {
                    packages: import_paths.collect(),
                    names: names.collect(),
                    flags: flags.clone(),
                    ldflags: ldflags.clone(),
                    env: env.clone(),
                    cgo,
                }),
            });
        }
    }
    Ok((steps, outputs))
}

/// What `go` is told for a platform, with every placeholder expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Build flags, the user's behind ours.
    pub flags: Vec<String>,
    /// The value of `-ldflags`.
    pub ldflags: String,
    /// Variables that the configuration sets.
    pub env: BTreeMap<String, String>,
}

/// The options of a platform; `go list` must see them too.
pub fn options(settings: &Settings, platform: Platform, values: &Values) -> Result<Options, Error> {
    let build = settings.build(platform);
    let values = values.clone().and(&prebuilt::values(platform));
    let expand = |text: &String| values.expand(text);
    let mut flags = vec!["-trimpath".to_owned()];
    for flag in build.flags.iter().flatten() {
        flags.push(expand(flag)?);
    }
    let mut ldflags = Vec::new();
    if build.debug != Some(true) {
        ldflags.push("-s -w".to_owned());
    }
    for flag in build
        .ldflags
        .iter()
        .flatten()
        .chain(&settings.flags.ldflags)
    {
        ldflags.push(expand(flag)?);
    }
    let mut env = BTreeMap::new();
    for (name, value) in build.env.iter().flatten() {
        env.insert(name.clone(), expand(value)?);
    }
    Ok(Options {
        flags,
        ldflags: ldflags.join(" "),
        env,
    })
}
