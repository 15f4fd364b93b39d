//! The steps of C and C++ projects: what a build system is told for each platform.
//!
//! What a Makefile or CMake leaves is not known before it has run. So the plan has no outputs, and
//! images are planned twice: here with stand-ins, so that a malformed tag or template fails before
//! anything is compiled, and again with what was built ([`super::with_outputs`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::{Action, Error, ImagePlan, Output, Plan, Step, created, images, values};
use crate::project::cmake::CmakeProject;
use crate::project::make::{Named, Tool};
use crate::project::plain;
use crate::project::{Project, Source, prebuilt};
use crate::settings::Settings;
use crate::target::Platform;
use crate::template::{UnknownPlaceholder, Values};

/// One build for a platform.
#[derive(Clone, Debug, Serialize)]
pub struct NativeStep {
    /// The project's folder.
    pub root: PathBuf,
    /// The folder that the build works in, kept from run to run.
    pub build: PathBuf,
    /// Variables that the configuration sets in its environment.
    pub env: BTreeMap<String, String>,
    /// The commands that are wanted, by name or by path; empty for all.
    pub bins: Vec<String>,
    /// Whether symbols are kept and debug information is written.
    pub debug: bool,
    /// What `SOURCE_DATE_EPOCH` says where the environment has none.
    pub epoch: u64,
    /// The build system.
    pub system: System,
}

/// What builds.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum System {
    /// `make`, in a copy of the tree.
    Make(MakeStep),
    /// `cmake`, then `ninja` or `make`.
    Cmake(CmakeStep),
    /// The compiler itself.
    Plain(PlainStep),
}

/// A call of `make`.
#[derive(Clone, Debug, Serialize)]
pub struct MakeStep {
    /// The top of the tree that is copied; the project's folder or one above it.
    pub top: PathBuf,
    /// What is built; empty for the default.
    pub targets: Vec<String>,
    /// Variables of the command line.
    pub variables: BTreeMap<String, String>,
    /// Further arguments.
    pub args: Vec<String>,
    /// Variables of the Makefile that name tools of the target.
    pub tools: BTreeMap<String, Named>,
    /// Those that name compilers of the host.
    pub host: BTreeMap<String, Tool>,
    /// Those that the Makefile gives the value of another variable.
    pub references: BTreeSet<String>,
    /// Those that the Makefile sets itself.
    pub assigned: BTreeSet<String>,
}

/// Calls of `cmake` and of what it writes files for.
#[derive(Clone, Debug, Serialize)]
pub struct CmakeStep {
    /// The top of the tree that is copied where the build would write to the sources.
    pub top: PathBuf,
    /// The configure preset.
    pub preset: Option<String>,
    /// `CMAKE_BUILD_TYPE`, where the project does not say it.
    pub build_type: Option<&'static str>,
    /// What is built; empty for the default.
    pub targets: Vec<String>,
    /// Further arguments when it configures.
    pub args: Vec<String>,
}

/// Calls of the compiler.
#[derive(Clone, Debug, Serialize)]
pub struct PlainStep {
    /// The sources, relative to the project's folder.
    pub files: Vec<PathBuf>,
    /// The folders to search for headers, relative to it.
    pub includes: Vec<PathBuf>,
    /// Flags of the compiler.
    pub flags: Vec<String>,
    /// Flags of the linker, libraries among them.
    pub ldflags: Vec<String>,
    /// What a program is called that is the only one and made of several files.
    pub name: String,
}

/// Plans the builds.
pub(super) fn steps(
    project: &Project,
    platforms: &[Platform],
    settings: &Settings,
    values: &Values,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for &platform in platforms {
        let build = settings.build(platform);
        let values = values.clone().and(&prebuilt::values(platform));
        let Some(system) = system(project, settings, platform, &values)? else {
            continue;
        };
        let mut env = BTreeMap::new();
        for (name, value) in build.env.iter().flatten() {
            env.insert(name.clone(), values.expand(value)?);
        }
        let out = project.root.join("out");
        steps.push(Step {
            platform,
            directory: out.join(platform.directory()),
            action: Action::Native(NativeStep {
                root: project.root.clone(),
                build: out.join(".build").join(platform.directory()),
                env,
                bins: settings.bins().to_vec(),
                debug: build.debug == Some(true),
                epoch: created(project, settings),
                system,
            }),
        });
    }
    Ok(steps)
}

fn system(
    project: &Project,
    settings: &Settings,
    platform: Platform,
    values: &Values,
) -> Result<Option<System>, Error> {
    let build = settings.build(platform);
    let expand = |list: &Option<Vec<String>>| -> Result<Vec<String>, UnknownPlaceholder> {
        list.iter()
            .flatten()
            .map(|text| values.expand(text))
            .collect()
    };
    let targets = build.targets.clone().unwrap_or_default();
    Ok(Some(match &project.source {
        Source::Make(source) => {
            let mut variables = BTreeMap::new();
            for (name, value) in build.variables.iter().flatten() {
                variables.insert(name.clone(), values.expand(value)?);
            }
            System::Make(MakeStep {
                top: source.top.clone(),
                targets,
                variables,
                args: expand(&build.args)?,
                tools: source.tools.clone(),
                host: source.host.clone(),
                references: source.references.clone(),
                assigned: source.assigned.clone(),
            })
        }
        Source::Cmake(source) => {
            let args = expand(&build.args)?;
            System::Cmake(CmakeStep {
                top: source.top.clone(),
                build_type: build_type(source, build.preset.as_deref(), &args, build.debug)?,
                preset: build.preset,
                targets,
                args,
            })
        }
        Source::C(source) => {
            let mut ldflags = expand(&build.ldflags)?;
            if let Some(flags) = &settings.flags.ldflags {
                ldflags.extend(values.expand(flags)?.split_whitespace().map(str::to_owned));
            }
            ldflags.extend(build.libs.iter().flatten().map(|name| format!("-l{name}")));
            System::Plain(PlainStep {
                files: source.files.clone(),
                includes: source.includes.clone(),
                flags: expand(&build.flags)?,
                ldflags,
                name: project.name.clone(),
            })
        }
        Source::Go(_) | Source::Cargo(_) | Source::Prebuilt(_) => return Ok(None),
    }))
}

/// The build type, unless the preset or an argument says one.
fn build_type(
    project: &CmakeProject,
    preset: Option<&str>,
    args: &[String],
    debug: Option<bool>,
) -> Result<Option<&'static str>, Error> {
    let said_by_preset = match preset {
        None => false,
        Some(name) => {
            let unknown = || Error::UnknownPreset {
                name: name.to_owned(),
                known: project.presets.keys().cloned().collect(),
            };
            project
                .presets
                .get(name)
                .ok_or_else(unknown)?
                .sets_build_type
        }
    };
    let said = said_by_preset
        || args.iter().any(|argument| {
            let name = argument.trim_start_matches("-D").split([':', '=']).next();
            name == Some("CMAKE_BUILD_TYPE")
        });
    Ok(match (said, debug) {
        (true, _) => None,
        (false, Some(true)) => Some("RelWithDebInfo"),
        (false, _) => Some("Release"),
    })
}

/// The plan of a build whose outputs are found when it has run.
pub(super) fn plan(
    project: &Project,
    platforms: &[Platform],
    settings: &Settings,
    with_images: bool,
    steps: Vec<Step>,
) -> Result<Plan, Error> {
    let images = match with_images {
        true => provisional(project, platforms, settings)?,
        false => Vec::new(),
    };
    Ok(Plan {
        platforms: platforms.to_vec(),
        steps,
        found_when_built: true,
        outputs: Vec::new(),
        images,
    })
}

/// The images without what will be built: it was only assumed, so that all else could be checked.
fn provisional(
    project: &Project,
    platforms: &[Platform],
    settings: &Settings,
) -> Result<Vec<ImagePlan>, Error> {
    let names = mentioned(project, settings);
    let outputs: Vec<Output> = platforms
        .iter()
        .flat_map(|&platform| {
            names.iter().map(move |name| Output {
                platform,
                name: name.clone(),
                path: PathBuf::new(),
                library: false,
            })
        })
        .collect();
    let values = values(project, settings);
    let mut images = images::images(project, platforms, settings, &outputs, &values)?;
    for image in &mut images {
        let general = settings.image(Some(&image.name), None);
        for platform in &mut image.platforms {
            platform.files.retain(|file| !file.artifact);
            let own = settings.image(Some(&image.name), Some(platform.platform));
            if own.entrypoint.or(general.entrypoint.clone()).is_none() {
                platform.config.entrypoint = None;
            }
        }
    }
    Ok(images)
}

/// The commands that flags and configuration name: the first one that is to be built, and those of
/// each image. There is at least one.
fn mentioned(project: &Project, settings: &Settings) -> BTreeSet<String> {
    let base = |path: &String| match path.rsplit_once('/') {
        Some((_, name)) => name.to_owned(),
        None => path.clone(),
    };
    let mut names: BTreeSet<String> = settings.bins().iter().take(1).map(base).collect();
    for image in settings.image_names() {
        names.extend(settings.image(image, None).bins.unwrap_or_default());
    }
    if names.is_empty() {
        names.insert(project.name.clone());
    }
    names
}

/// The programs that a step of this project calls besides compilers.
pub fn programs(source: &Source) -> &[&'static str] {
    match source {
        Source::Make(_) => &["make"],
        Source::Cmake(_) => &["cmake", "ninja"],
        Source::Cargo(cargo) => &cargo.tools,
        Source::Go(_) | Source::C(_) | Source::Prebuilt(_) => &[],
    }
}

/// The language that a source is in, for what links the program.
pub fn has_cpp(files: &[PathBuf]) -> bool {
    files
        .iter()
        .any(|file| plain::language(file) == Some(plain::Language::Cpp))
}
