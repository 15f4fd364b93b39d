//! What is chosen before anything is read: the kind of project, its bases, its platforms.
//!
//! Comes in: the settings and the project's folder. Goes out: what was asked for there, else what follows
//! from the files that exist and from the bases.

use thiserror::Error;

use super::context::Context;
use super::failure::Failure;
use super::source;
use super::tools::Tools;
use crate::base::{self, Base, Reference, Wanted};
use crate::fault::{Exit, Fault};
use crate::plan;
use crate::project::detect::{self, Declared};
use crate::project::{Detected, Kind, prebuilt};
use crate::settings::config::{BaseConfig, ImageConfig};
use crate::settings::{Platforms, Settings};
use crate::target::{self, Platform};

/// What was asked for does not go together, or leaves nothing.
#[derive(Debug, Error)]
pub(super) enum Error {
    #[error("no platform is left: the bases and the files have none in common")]
    NothingInCommon,
    #[error("`--platform all` means the platforms of the base, and base `{0}` has none of its own")]
    AllOfNothing(String),
    #[error("base `{0}` is a file or folder here, and it is not said what it holds")]
    BaseIsFile(String),
    #[error("`{}` behind `--` are arguments of cargo, make or cmake, and this is a {kind} project", .arguments.join(" "))]
    Arguments { arguments: Vec<String>, kind: Kind },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::NothingInCommon => Exit::Base,
            Self::AllOfNothing(_) | Self::BaseIsFile(_) | Self::Arguments { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NothingInCommon => {
                Some("name the platforms: `--platform linux/amd64,linux/arm64`".to_owned())
            }
            Self::AllOfNothing(_) => Some(format!("`--platform {}`", target::DEFAULT.join(","))),
            Self::Arguments {
                kind: Kind::Go,
                arguments,
            } => {
                let quoted: Vec<String> = arguments.iter().map(|one| format!("{one:?}")).collect();
                Some(format!("`flags = [{}]` under `[build]`", quoted.join(", ")))
            }
            Self::Arguments { .. } => None,
            Self::BaseIsFile(path) => Some(format!(
                "`--base oci:{path}` (a layout), `--base oci-archive:{path}` or `--base docker-archive:{path}`"
            )),
        }
    }
}

pub(super) fn detected(settings: &Settings) -> Result<Detected, detect::Error> {
    let kind = match (&settings.flags.kind, &settings.config.build.kind) {
        (Some(flag), _) => Some(Kind::named(flag, "--kind")?),
        (None, Some(key)) => Some(Kind::named(key, "build.kind in polyarch.toml")?),
        (None, None) => None,
    };
    let has_files = |image: &ImageConfig| image.files.is_some();
    let declared = Declared {
        kind,
        artifacts: settings.config.build.artifacts.is_some(),
        files: has_files(&settings.config.image) || settings.config.images.values().any(has_files),
    };
    detect::detect(&settings.directory, declared)
}

/// The base of each image, in the order of the plan's images.
pub(super) fn references(
    context: &Context<'_>,
    settings: &Settings,
) -> Result<Vec<Reference>, Failure> {
    let mut references = Vec::new();
    for name in settings.image_names() {
        let base = settings.image(name, None).base;
        let text = match base {
            Some(BaseConfig::Packages(base)) => {
                references.push(Reference::Packages(base));
                continue;
            }
            Some(BaseConfig::Reference(text)) => text,
            None => plan::images::DEFAULT_BASE.to_owned(),
        };
        let reference: Reference = text.parse()?;
        // A flag is relative to where it was typed, a key to the file it stands in.
        let folder = match settings.flags.base {
            Some(_) => &context.directory,
            None => &settings.root,
        };
        if matches!(reference, Reference::Registry(_)) && folder.join(&text).exists() {
            return Err(Error::BaseIsFile(text).into());
        }
        references.push(reference.relative_to(folder));
    }
    Ok(references)
}

/// The platforms, who chose them (the user, the files that exist, the bases, or nobody), and the
/// bases.
pub(super) fn choose(
    context: &Context<'_>,
    settings: &Settings,
    detected: &Detected,
    references: &[Reference],
    tools: &Tools<'_>,
) -> Result<(Vec<Platform>, &'static str, Vec<Base>), Failure> {
    let Decided {
        platforms,
        by,
        loaded,
    } = decide(context, settings, detected, references, tools)?;
    let mut bases = Vec::new();
    for (reference, base) in references.iter().zip(loaded) {
        bases.push(match base {
            Some(base) => base,
            None => load(context, tools, reference, Wanted::These(platforms.clone()))?,
        });
    }
    Ok((platforms, by, bases))
}

/// The platforms, and the bases that had to be loaded to know them.
struct Decided {
    platforms: Vec<Platform>,
    by: &'static str,
    loaded: Vec<Option<Base>>,
}

fn decide(
    context: &Context<'_>,
    settings: &Settings,
    detected: &Detected,
    references: &[Reference],
    tools: &Tools<'_>,
) -> Result<Decided, Failure> {
    let asked = settings.platforms()?;
    let mut loaded: Vec<Option<Base>> = references.iter().map(|_| None).collect();
    let (platforms, by) = if let Platforms::Listed(platforms) = asked {
        (platforms, "as asked")
    } else {
        let mut common: Option<Vec<Platform>> = None;
        for (reference, base) in references.iter().zip(&mut loaded) {
            if !reference.has_platforms() {
                if asked == Platforms::OfBase {
                    return Err(Error::AllOfNothing(reference.to_string()).into());
                }
                continue;
            }
            let found = load(context, tools, reference, Wanted::All)?;
            let own: Vec<Platform> = found.platforms.iter().map(|one| one.platform).collect();
            match &mut common {
                Some(common) => common.retain(|platform| own.contains(platform)),
                None => common = Some(own),
            }
            *base = Some(found);
        }
        unsaid(settings, detected, common)?
    };
    Ok(Decided {
        platforms,
        by,
        loaded,
    })
}

/// The project's platforms; where there is no project, those that were named, else the usual ones.
pub(super) fn platforms(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
) -> Result<Vec<Platform>, Failure> {
    if let Platforms::Listed(platforms) = settings.platforms()? {
        return Ok(platforms);
    }
    match detected(settings) {
        Ok(found) => {
            let references = references(context, settings)?;
            Ok(decide(context, settings, &found, &references, tools)?.platforms)
        }
        Err(detect::Error::None { .. }) => Ok(usual()),
        Err(error) => Err(error.into()),
    }
}

fn usual() -> Vec<Platform> {
    let names = target::DEFAULT.iter();
    names.filter_map(|text| text.parse().ok()).collect()
}

/// The platforms where no list was given: those that have files, and that the bases share.
fn unsaid(
    settings: &Settings,
    detected: &Detected,
    common: Option<Vec<Platform>>,
) -> Result<(Vec<Platform>, &'static str), Failure> {
    let existing = match detected.kind {
        Kind::Prebuilt => {
            prebuilt::platforms(&detected.root, &source::patterns(settings, detected))?
        }
        Kind::Go | Kind::Cargo | Kind::Cmake | Kind::Make | Kind::C => Vec::new(),
    };
    let of_base = settings.platforms()? == Platforms::OfBase;
    let (mut platforms, chosen_by) = match (existing.is_empty(), common) {
        (false, Some(common)) if !of_base => {
            let both = existing
                .into_iter()
                .filter(|platform| common.contains(platform));
            (
                both.collect(),
                "those that have files and that the base has",
            )
        }
        (_, Some(common)) => (common, "those of the base"),
        (false, None) => (existing, "those that have files"),
        (true, None) => (usual(), "the usual ones"),
    };
    if platforms.is_empty() {
        return Err(Error::NothingInCommon.into());
    }
    platforms.sort_unstable();
    Ok((platforms, chosen_by))
}

pub(super) fn load(
    context: &Context<'_>,
    tools: &Tools<'_>,
    reference: &Reference,
    wanted: Wanted,
) -> Result<Base, Failure> {
    Ok(base::load(
        reference,
        base::Context {
            store: context.store.get()?,
            wanted: &wanted,
            data: &|name| {
                tools
                    .data(name)
                    .map_err(|error| Box::new(error) as Box<dyn Fault>)
            },
            packages: tools.packages(),
            threads: context.jobs.get(),
            observer: context.report,
        },
    )?)
}
