//! `polyarch sysroot`: headers and libraries of the platforms, from Debian packages.

use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;
use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::account::{list, plural};
use super::choose;
use super::configured;
use super::context::Context;
use super::failure::Failure;
use super::report::bytes;
use super::tools::{self, Tools};
use crate::fault::{Exit, Fault};
use crate::packages::{Configured, Want};
use crate::settings::config::BaseConfig;
use crate::settings::{Flags, Settings};
use crate::target::Platform;
use crate::{atomic, debian};

/// The suite where neither the settings nor the base name one.
const SUITE: &str = "trixie";

const EXAMPLES: &str = "\
Examples:
  polyarch sysroot add libssl-dev zlib1g-dev      into [sysroot] of polyarch.toml
  polyarch sysroot list --platform linux/arm64
  polyarch sysroot why zlib1g
  ls $(polyarch sysroot path --platform linux/arm64)/usr/include";

/// Headers and libraries of the platforms, from Debian packages
///
/// `[sysroot] packages` in polyarch.toml names Debian packages; they are resolved with everything
/// they depend on, checked against the archive's signature, locked, and unpacked into the store,
/// one tree for each platform. Nothing of them is run, and no apt, dpkg or root is needed.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List the packages of each platform's sysroot
    List {
        #[command(flatten)]
        platforms: PlatformArgs,
    },
    /// Make the sysroot where it is not there yet, and print where it lies
    Path {
        #[command(flatten)]
        platforms: PlatformArgs,
    },
    /// Say what asks for a package
    ///
    /// Prints each chain of dependencies that leads to it, from the package to what was requested;
    /// also for one that `without` leaves out.
    Why {
        /// The package's name
        name: String,
        #[command(flatten)]
        platforms: PlatformArgs,
    },
    /// Add packages to [sysroot] of polyarch.toml
    ///
    /// They are resolved first, for each platform; a name that does not exist changes nothing.
    /// `--platform` says for which platforms that is tried; they are written down for all.
    Add {
        /// Their names; as for apt, NAME=VERSION and NAME/SUITE choose among several
        #[arg(value_name = "NAME", required = true)]
        names: Vec<String>,
        #[command(flatten)]
        platforms: PlatformArgs,
    },
}

#[derive(clap::Args, Debug)]
struct PlatformArgs {
    /// Platforms, such as linux/arm64,linux/arm/v7 [default: the project's]
    #[arg(long, value_name = "PLATFORMS")]
    platform: Vec<String>,
}

impl PlatformArgs {
    fn flags(&self) -> Flags {
        Flags {
            platforms: self.platform.clone(),
            ..Flags::default()
        }
    }
}

/// Why there is no sysroot to speak of.
#[derive(Debug, Error)]
enum Error {
    #[error("no sysroot is configured for {platform}: `[sysroot] packages` is empty")]
    Nothing { platform: Platform },
    #[error("the sysroot of {platform} has no package `{name}`")]
    NotThere { name: String, platform: Platform },
    #[error("`{}`: `[sysroot] packages` is not a list of names", file.display())]
    NotAList { file: PathBuf },
    #[error("`{}` is malformed", file.display())]
    Malformed {
        file: PathBuf,
        source: toml_edit::TomlError,
    },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io(_) => Exit::Io,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Nothing { .. } => Some("`polyarch sysroot add libssl-dev`".to_owned()),
            Self::NotThere { name, .. } => Some(format!("`polyarch sysroot add {name}`")),
            Self::NotAList { .. } => {
                Some("write `packages = [\"libssl-dev\"]` under `[sysroot]`".to_owned())
            }
            Self::Malformed { .. } | Self::Io(_) => None,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    platform: String,
    suite: String,
    packages: Vec<ListedPackage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
}

#[derive(Serialize)]
struct Explained {
    platform: String,
    package: String,
    /// It is not there, because the settings leave it out.
    left_out: bool,
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct ListedPackage {
    name: String,
    version: String,
    architecture: String,
    suite: String,
    size: u64,
    sha256: String,
}

impl From<&debian::Package> for ListedPackage {
    fn from(package: &debian::Package) -> Self {
        Self {
            name: package.name.clone(),
            version: package.version.to_string(),
            architecture: package.architecture.clone(),
            suite: package.suite.clone(),
            size: package.size,
            sha256: package.sha256.hex(),
        }
    }
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let (Action::List { platforms }
    | Action::Path { platforms }
    | Action::Why { platforms, .. }
    | Action::Add { platforms, .. }) = &args.action;
    let settings = context.settings(None, platforms.flags())?;
    if let Action::Add { names, .. } = &args.action {
        return add(context, settings, names);
    }
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    match &args.action {
        Action::List { .. } => show(context, &settings, &tools),
        Action::Path { .. } => path(context, &settings, &tools),
        Action::Why { name, .. } => why(context, &settings, &tools, name),
        Action::Add { .. } => Ok(()),
    }?;
    tools.keep_lock()
}

/// What the lock calls the sysroot of a platform; `None` where none is asked for.
/// `base` is what its base image is configured with.
pub(super) fn want(
    settings: &Settings,
    platform: Platform,
    base: Option<&Configured>,
) -> Result<Option<Want>, Failure> {
    let sysroot = settings.sysroot(platform);
    let Some(packages) = sysroot.packages.filter(|packages| !packages.is_empty()) else {
        return Ok(None);
    };
    let of_base = match (settings.image(None, None).base, base) {
        (Some(BaseConfig::Packages(base)), _) => Some(base.suite),
        (_, Some(base)) if sysroot.suite.is_none() => base.suite()?,
        _ => None,
    };
    Ok(Some(Want {
        name: "sysroot".to_owned(),
        platform: platform.to_string(),
        architecture: platform.debian().to_owned(),
        suite: sysroot
            .suite
            .or(of_base)
            .unwrap_or_else(|| SUITE.to_owned()),
        backports: sysroot.backports.unwrap_or_default(),
        packages,
        without: sysroot.without.unwrap_or_default(),
        base: base.cloned(),
        tool: false,
    }))
}

/// Whether there is a sysroot for any platform.
pub(super) fn any(settings: &Settings) -> bool {
    let of =
        |packages: &Option<Vec<String>>| packages.as_ref().is_some_and(|list| !list.is_empty());
    let mut own = settings.config.platform.values();
    of(&settings.config.sysroot.packages) || own.any(|own| of(&own.sysroot.packages))
}

fn wants(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
) -> Result<Vec<(Platform, Want)>, Failure> {
    let mut found = Vec::new();
    let platforms = choose::platforms(context, settings, tools)?;
    let configured = configured::of_base(context, settings, tools, &platforms)?;
    for platform in platforms {
        match want(settings, platform, configured.get(&platform))? {
            Some(want) => found.push((platform, want)),
            None => return Err(Error::Nothing { platform }.into()),
        }
    }
    Ok(found)
}

fn show(context: &Context<'_>, settings: &Settings, tools: &Tools<'_>) -> Result<(), Failure> {
    let mut listed = Vec::new();
    for (platform, want) in wants(context, settings, tools)? {
        let closure = tools.packages().closure(&want)?;
        listed.push(Listed {
            platform: platform.to_string(),
            suite: want.suite,
            packages: closure.packages.iter().map(ListedPackage::from).collect(),
            path: None,
        });
    }
    if context.global.json {
        context.report.json(&listed);
        return Ok(());
    }
    for one in &listed {
        let size: u64 = one.packages.iter().map(|package| package.size).sum();
        context.report.result(&format!(
            "{} ({}): {}, {} to fetch",
            one.platform,
            one.suite,
            plural(one.packages.len(), "package"),
            bytes(size)
        ));
        for package in &one.packages {
            context.report.result(&format!(
                "  {:<28} {:<28} {:<8} {}",
                package.name, package.version, package.architecture, package.suite
            ));
        }
    }
    Ok(())
}

fn path(context: &Context<'_>, settings: &Settings, tools: &Tools<'_>) -> Result<(), Failure> {
    let wants = wants(context, settings, tools)?;
    let alone = wants.len() == 1;
    let mut listed = Vec::new();
    for (platform, want) in wants {
        let closure = tools.packages().closure(&want)?;
        let tree = tools.packages().sysroot(&closure)?;
        if !context.global.json {
            let shown = tree.path.display();
            context.report.result(&if alone {
                shown.to_string()
            } else {
                format!("{platform} {shown}")
            });
        }
        listed.push(Listed {
            platform: platform.to_string(),
            suite: want.suite,
            packages: closure.packages.iter().map(ListedPackage::from).collect(),
            path: Some(tree.path.clone()),
        });
    }
    if context.global.json {
        context.report.json(&listed);
    }
    Ok(())
}

fn why(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    name: &str,
) -> Result<(), Failure> {
    let mut reasons = Vec::new();
    for (platform, want) in wants(context, settings, tools)? {
        let resolution = tools.packages().explain(&want)?;
        let chains = resolution.why(name);
        if chains.is_empty() {
            return Err(Error::NotThere {
                name: name.to_owned(),
                platform,
            }
            .into());
        }
        reasons.push(Explained {
            platform: platform.to_string(),
            package: name.to_owned(),
            left_out: resolution.get(name).is_none(),
            reasons: chains.iter().map(ToString::to_string).collect(),
        });
    }
    if context.global.json {
        context.report.json(&reasons);
        return Ok(());
    }
    for one in &reasons {
        let left_out = if one.left_out { " (left out)" } else { "" };
        context
            .report
            .result(&format!("{}{left_out}:", one.platform));
        for reason in &one.reasons {
            context.report.result(&format!("  {reason}"));
        }
    }
    Ok(())
}

/// Resolves with the new packages first, so that a name that does not exist changes nothing.
fn add(context: &Context<'_>, mut settings: Settings, names: &[String]) -> Result<(), Failure> {
    let file = settings.root.join("polyarch.toml");
    let before = settings.config.sysroot.packages.clone().unwrap_or_default();
    let mut new: Vec<String> = Vec::new();
    for name in names {
        if !before.contains(name) && !new.contains(name) {
            new.push(name.clone());
        }
    }
    let text = edited(&file, &new)?;
    settings.config.sysroot.packages = Some(before.into_iter().chain(new.clone()).collect());
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    for (platform, want) in wants(context, &settings, &tools)? {
        let closure = tools.packages().closure(&want)?;
        let size: u64 = closure.packages.iter().map(|package| package.size).sum();
        context.report.field(
            &platform.to_string(),
            &format!(
                "{} of {}, {}",
                plural(closure.packages.len(), "package"),
                want.suite,
                bytes(size)
            ),
        );
    }
    if new.is_empty() {
        context.report.field("Sysroot", "has them already");
        return Ok(());
    }
    atomic::write(&file, |writer| writer.write_all(text.as_bytes())).map_err(Error::Io)?;
    context
        .report
        .field("Sysroot", &format!("{} added to polyarch.toml", list(&new)));
    tools.keep_lock()
}

/// The configuration with further packages, everything else as it stands.
fn edited(file: &Path, names: &[String]) -> Result<String, Error> {
    let text = match fs_err::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let mut document: DocumentMut = text.parse().map_err(|source| Error::Malformed {
        file: file.to_owned(),
        source,
    })?;
    let not_a_list = || Error::NotAList {
        file: file.to_owned(),
    };
    let sysroot = document
        .entry("sysroot")
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(not_a_list)?;
    let packages = sysroot
        .entry("packages")
        .or_insert_with(|| Item::Value(Value::Array(Array::new())))
        .as_array_mut()
        .ok_or_else(not_a_list)?;
    for name in names {
        packages.push(name.as_str());
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, names: &[&str]) -> Result<String, Error> {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("polyarch.toml");
        if !text.is_empty() {
            fs_err::write(&file, text).unwrap();
        }
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        edited(&file, &names)
    }

    #[test]
    fn packages_are_added_and_comments_stay() {
        let text = "# mine\n[sysroot] # here\npackages = [\"zlib1g-dev\"] # why\nsuite = \"sid\"\n";
        assert_eq!(
            with(text, &["libssl-dev"]).unwrap(),
            text.replace("\"]", "\", \"libssl-dev\"]")
        );
        assert_eq!(
            with("", &["libssl-dev"]).unwrap(),
            "[sysroot]\npackages = [\"libssl-dev\"]\n"
        );
        assert!(matches!(
            with("sysroot = 1\n", &["x"]),
            Err(Error::NotAList { .. })
        ));
    }
}
