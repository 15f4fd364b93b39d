//! What will be done, as data: platforms, compile steps, images. A pure function of the project,
//! the platforms and the settings; nothing is read or run.

pub mod annotate;
pub mod cargo;
pub mod go;
pub mod image;
pub mod images;
pub mod native;

use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

use crate::fault::{Exit, Fault};
use crate::oci::reference::ParseNameError;
use crate::project::{Project, Source};
use crate::settings::Settings;
use crate::settings::parse::nearest;
use crate::target::Platform;
use crate::template::{UnknownPlaceholder, Values};

pub use image::ImagePlan;

/// Everything that a build will do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The platforms, sorted.
    pub platforms: Vec<Platform>,
    /// What is compiled, one step a platform; empty where the files exist already.
    pub steps: Vec<Step>,
    /// Whether what the steps leave is only known when they have run: then there are no outputs
    /// yet, and images lack them. [`with_outputs`] adds both.
    pub found_when_built: bool,
    /// The files that go into images, by platform.
    pub outputs: Vec<Output>,
    /// The images.
    pub images: Vec<ImagePlan>,
}

/// One compiler call: a platform and everything that is built for it.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The platform.
    pub platform: Platform,
    /// The folder that the results are left in, `out/<arch><variant>`.
    pub directory: PathBuf,
    /// What is called.
    pub action: Action,
}

impl Plan {
    /// Whether C or C++ is compiled. Which targets of Rust need a compiler of C is seen with their
    /// standard libraries.
    pub fn needs_c(&self) -> bool {
        self.steps.iter().any(|step| match &step.action {
            Action::Go(go) => !go.cgo.is_empty(),
            Action::Native(_) => true,
            Action::Cargo(_) => false,
        })
    }
}

/// What a step calls.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `go build`.
    Go(go::GoStep),
    /// `cargo build`.
    Cargo(cargo::CargoStep),
    /// A build of C or C++.
    Native(native::NativeStep),
}

/// One file that will exist after the compile stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Its platform.
    pub platform: Platform,
    /// The command's name.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it is a shared library that commands load.
    pub library: bool,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub enum Error {
    /// A placeholder that does not exist.
    #[error(transparent)]
    Template(#[from] UnknownPlaceholder),
    /// A command that was asked for does not exist.
    #[error("no command `{name}` in the project: it has {}", listed(known))]
    UnknownBin {
        /// What was asked for.
        name: String,
        /// What exists.
        known: Vec<String>,
    },
    /// Several commands and nothing says which one the image runs.
    #[error(
        "image `{image}` holds several commands and has no entrypoint: {}",
        listed(bins)
    )]
    NoEntrypoint {
        /// The image.
        image: String,
        /// Its commands.
        bins: Vec<String>,
        /// The one that is probably meant: it is called like the project.
        likely: Option<String>,
    },
    /// Nothing to put into the image.
    #[error("image `{image}` would hold no file")]
    EmptyImage {
        /// The image.
        image: String,
    },
    /// A value in the configuration is malformed.
    #[error("{key}: `{value}` is not {expected}")]
    Value {
        /// The key or flag.
        key: String,
        /// What it says.
        value: String,
        /// What is expected, with an article.
        expected: &'static str,
    },
    /// A `-t` that is no name.
    #[error("tag is malformed")]
    Tag(#[source] ParseNameError),
    /// `build.preset` names none.
    #[error(
        "no configure preset `{name}` in the project: it has {}",
        none_or_listed(known)
    )]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// What exists.
        known: Vec<String>,
    },
    /// Several images would bear one name.
    #[error("several images would be tagged `{0}`")]
    SameTag(String),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Template(error) => error.hint(),
            Self::UnknownBin { name, known } | Self::UnknownPreset { name, known } => {
                nearest(name, known).map(|nearest| format!("did you mean `{nearest}`?"))
            }
            Self::NoEntrypoint { bins, likely, .. } => likely.as_ref().or(bins.first()).map(|one| {
                format!(
                    "choose one command with `--bin {one}`, or the one that runs with `--entrypoint {one}`"
                )
            }),
            Self::EmptyImage { .. } => {
                Some("list what it holds under `[[image.files]]`, or in `bins`".to_owned())
            }
            Self::SameTag(tag) => {
                // A colon before the last slash is that of the registry's port.
                let path = tag.rfind('/').unwrap_or(0);
                let end = tag[path..].find(':').map_or(tag.len(), |at| path + at);
                let (stem, version) = tag.split_at(end);
                Some(format!(
                    "put the image's name into the tag: `--tag {stem}/{{name}}{version}`"
                ))
            }
            Self::Tag(_) => Some("`-t ghcr.io/me/app:1.2`".to_owned()),
            Self::Value { .. } => None,
        }
    }
}

/// Plans the build; without `images`, only what is compiled.
pub fn plan(
    project: &Project,
    platforms: &[Platform],
    settings: &Settings,
    images: bool,
) -> Result<Plan, Error> {
    let values = values(project, settings);
    let (steps, outputs) = match &project.source {
        Source::Go(source) => go::steps(project, source, platforms, settings, &values)?,
        Source::Cargo(source) => cargo::steps(project, source, platforms, settings, &values)?,
        Source::Cmake(_) | Source::Make(_) | Source::C(_) => {
            let steps = native::steps(project, platforms, settings, &values)?;
            return native::plan(project, platforms, settings, images, steps);
        }
        Source::Prebuilt(files) => {
            let mut outputs = Vec::new();
            for (&platform, paths) in files {
                outputs.extend(paths.iter().map(|path| {
                    Output {
                        platform,
                        name: path
                            .file_name()
                            .unwrap_or_default()
                            .to_string_lossy()
                            .into_owned(),
                        path: path.clone(),
                        library: false,
                    }
                }));
            }
            let known: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
            check_bins(settings.bins(), &known)?;
            let chosen = settings.bins();
            outputs.retain(|output| chosen.is_empty() || chosen.contains(&output.name));
            (Vec::new(), outputs)
        }
    };
    let images = if images {
        images::images(project, platforms, settings, &outputs, &values)?
    } else {
        Vec::new()
    };
    Ok(Plan {
        platforms: platforms.to_vec(),
        steps,
        found_when_built: false,
        outputs,
        images,
    })
}

/// The plan with what its steps left, and the images that this makes.
pub fn with_outputs(
    plan: Plan,
    project: &Project,
    settings: &Settings,
    outputs: Vec<Output>,
) -> Result<Plan, Error> {
    let values = values(project, settings);
    let images = match plan.images.is_empty() {
        true => Vec::new(),
        false => images::images(project, &plan.platforms, settings, &outputs, &values)?,
    };
    Ok(Plan {
        found_when_built: false,
        outputs,
        images,
        ..plan
    })
}

/// The placeholders that mean the same for every platform: `{name}`, `{version}`, `{commit}`,
/// `{date}`.
pub fn values(project: &Project, settings: &Settings) -> Values {
    let git = project.git.as_ref();
    let commit = git.map_or("unknown", |git| git.commit.as_str());
    let version = version(project, settings).unwrap_or_else(|| match git {
        Some(git) => git.commit.chars().take(12).collect(),
        None => "dev".to_owned(),
    });
    Values::default()
        .with("name", project.name.as_str())
        .with("version", version)
        .with("commit", commit)
        .with("date", rfc3339(created(project, settings)))
}

/// The same placeholders before anything is known, for flags that are only looked at.
pub fn unknown_values() -> Values {
    ["name", "version", "commit", "date"]
        .into_iter()
        .fold(Values::default(), |values, name| {
            values.with(name, "unknown")
        })
}

/// The version, where the configuration, the package or a tag says one.
pub fn version(project: &Project, settings: &Settings) -> Option<String> {
    let configured = settings.config.project.version.clone();
    let of_package = || match &project.source {
        Source::Cargo(source) => {
            let names = source.commands.iter().map(|command| command.name.as_str());
            Some(source.about(names).version).filter(|version| !version.is_empty())
        }
        _ => None,
    };
    let of_tag = || project.git.as_ref()?.version.clone();
    configured.or_else(of_package).or_else(of_tag)
}

/// The time an image says it was made: `SOURCE_DATE_EPOCH`, else the commit's, else 1970.
pub fn created(project: &Project, settings: &Settings) -> u64 {
    let commit = project.git.as_ref().map(|git| git.time);
    settings.epoch.or(commit).unwrap_or(0)
}

/// The last second that RFC 3339 can write: the end of the year 9999.
pub const LAST_SECOND: u64 = 253_402_300_799;

/// Seconds since 1970 as RFC 3339 in UTC; later than [`LAST_SECOND`] is written as that.
pub fn rfc3339(seconds: u64) -> String {
    let seconds = seconds.min(LAST_SECOND);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    humantime::format_rfc3339_seconds(time).to_string()
}

fn check_bins(chosen: &[String], known: &[&str]) -> Result<(), Error> {
    match chosen.iter().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let mut known: Vec<String> = known.iter().map(|&name| name.to_owned()).collect();
            known.sort();
            known.dedup();
            Err(Error::UnknownBin {
                name: name.clone(),
                known,
            })
        }
    }
}

fn none_or_listed(names: &[String]) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => listed(names),
    }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
