//! The steps of a Rust project: what `cargo build` is told for each platform. Steps that say the same
//! are one call in the end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::{Action, Error, Output, Step, check_bins, created};
use crate::project::Project;
use crate::project::cargo::{CargoCommand, CargoProject};
use crate::project::prebuilt;
use crate::settings::Settings;
use crate::settings::config::BuildConfig;
use crate::target::{self, Libc, Platform, Target};
use crate::template::Values;

/// The profile that programs are built with when nothing else is said.
pub const PROFILE: &str = "release";

/// What `cargo build` is told for a platform.
#[derive(Clone, Debug, Serialize)]
pub struct CargoStep {
    /// The folder that cargo is run in.
    pub directory: PathBuf,
    /// The target, in Rust's triple.
    pub triple: String,
    /// The C library.
    #[serde(skip)]
    pub libc: Libc,
    /// The folder that cargo keeps what it compiles in.
    pub target_directory: PathBuf,
    /// The arguments that choose packages, programs, features and profile, the user's last.
    pub arguments: Vec<String>,
    /// The profile.
    pub profile: String,
    /// The programs.
    pub commands: Vec<CargoCommand>,
    /// Flags of rustc for the platform's variant.
    pub flags: Vec<String>,
    /// Packages that compile C or look for a C library.
    pub native: Vec<String>,
    /// Folders, with what stands for each in a program; those that lie in others come behind them.
    pub folders: Vec<(PathBuf, String)>,
    /// Whether symbols are kept and debug information is written.
    pub debug: bool,
    /// Variables that the configuration sets.
    pub env: BTreeMap<String, String>,
    /// What `SOURCE_DATE_EPOCH` says where the environment has none.
    pub epoch: u64,
}

/// Plans the compiler calls and what they leave.
pub(super) fn steps(
    project: &Project,
    source: &CargoProject,
    platforms: &[Platform],
    settings: &Settings,
    values: &Values,
) -> Result<(Vec<Step>, Vec<Output>), Error> {
    let commands = source.commands.iter();
    let known: Vec<&str> = commands.map(|command| command.name.as_str()).collect();
    let chosen = settings.bins();
    check_bins(chosen, &known)?;
    let mut commands = source.commands.clone();
    commands.retain(|command| chosen.is_empty() || chosen.contains(&command.name));
    let mut steps = Vec::new();
    let mut outputs = Vec::new();
    for &platform in platforms {
        let directory = project.root.join("out").join(platform.directory());
        let build = settings.build(platform);
        let values = values.clone().and(&prebuilt::values(platform));
        let mut env = BTreeMap::new();
        for (name, value) in build.env.iter().flatten() {
            env.insert(name.clone(), values.expand(value)?);
        }
        let mut arguments = selection(&commands);
        arguments.extend(features(&build));
        let mut further = Vec::new();
        for argument in build.args.iter().flatten() {
            further.push(values.expand(argument)?);
        }
        // Cargo takes only one.
        let profile = profile(&further).unwrap_or_else(|| {
            let profile = build.profile.clone();
            let profile = profile.unwrap_or_else(|| PROFILE.to_owned());
            arguments.push(format!("--profile={profile}"));
            profile
        });
        arguments.extend(further);
        let libc = source.libcs.get(&platform).copied().unwrap_or(Libc::Musl);
        let flags = target::rust_flags(platform);
        outputs.extend(commands.iter().map(|command| Output {
            platform,
            name: command.name.clone(),
            path: directory.join(&command.name),
            library: false,
        }));
        let target_directory = own_directory(&source.target_directory, platform, &flags);
        steps.push(Step {
            platform,
            directory,
            action: Action::Cargo(CargoStep {
                directory: source.directory.clone(),
                triple: Target { platform, libc }.rust_triple(),
                libc,
                folders: folders(source, &target_directory),
                target_directory,
                arguments,
                profile,
                commands: commands.clone(),
                flags,
                native: source.native.clone(),
                debug: build.debug == Some(true),
                env,
                epoch: created(project, settings),
            }),
        });
    }
    Ok((steps, outputs))
}

/// The arguments that choose features; `cargo metadata` must see them, too.
pub fn features(build: &BuildConfig) -> Vec<String> {
    let mut arguments = Vec::new();
    if let Some(features) = build.features.as_ref().filter(|list| !list.is_empty()) {
        arguments.push(format!("--features={}", features.join(",")));
    }
    if build.default_features == Some(false) {
        arguments.push("--no-default-features".to_owned());
    }
    arguments
}

/// The profile that further arguments of cargo choose.
fn profile(arguments: &[String]) -> Option<String> {
    let mut chosen = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if let Some(name) = argument.strip_prefix("--profile=") {
            chosen = Some(name.to_owned());
        } else if argument == "--profile" {
            chosen = arguments.next().cloned();
        } else if matches!(argument.as_str(), "--release" | "-r") {
            chosen = Some(PROFILE.to_owned());
        }
    }
    chosen
}

/// Whether arguments of cargo have an option: by its name, or by its letter, which can share a word
/// with others (`-rvj2`).
pub fn says(arguments: &[String], name: &str, letter: Option<char>) -> bool {
    let mut arguments = arguments.iter();
    arguments.any(|argument| {
        if let Some(long) = argument.strip_prefix("--") {
            return long.split('=').next() == Some(name);
        }
        let letters = argument.strip_prefix('-').unwrap_or_default();
        // What stands behind one of these is its value.
        let end = letters.find(['j', 'p', 'F', 'Z']);
        let letters = &letters[..end.map_or(letters.len(), |at| at + 1)];
        letter.is_some_and(|letter| letters.contains(letter))
    })
}

/// Those of the further arguments that choose features.
pub fn further_features(build: &BuildConfig) -> Vec<String> {
    let mut found = Vec::new();
    let mut arguments = build.args.iter().flatten();
    while let Some(argument) = arguments.next() {
        let whole = matches!(
            argument.as_str(),
            "--all-features" | "--no-default-features"
        );
        let separate = matches!(argument.as_str(), "--features" | "-F");
        if whole || separate || argument.starts_with("--features=") || argument.starts_with("-F") {
            found.push(argument.clone());
        }
        if separate {
            found.extend(arguments.next().cloned());
        }
    }
    found
}

/// The packages and programs, as arguments.
fn selection(commands: &[CargoCommand]) -> Vec<String> {
    let mut packages: Vec<&str> = commands
        .iter()
        .map(|command| command.package.as_str())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    let packages = packages.into_iter().map(|name| format!("--package={name}"));
    let bins = commands
        .iter()
        .map(|command| format!("--bin={}", command.name));
    packages.chain(bins).collect()
}

/// The user's own folder, so that what runs during builds is compiled once; platforms that share a
/// triple would compile everything anew in turn, so those with flags of their own have a folder.
fn own_directory(target: &std::path::Path, platform: Platform, flags: &[String]) -> PathBuf {
    match flags.is_empty() {
        true => target.to_owned(),
        false => target.join("polyarch").join(platform.directory()),
    }
}

fn folders(source: &CargoProject, target_directory: &std::path::Path) -> Vec<(PathBuf, String)> {
    let mut folders = vec![(source.workspace.clone(), ".".to_owned())];
    folders.push((source.target_directory.clone(), "target".to_owned()));
    folders.push((target_directory.to_owned(), "target".to_owned()));
    let others = source.folders.iter();
    folders.extend(others.map(|(folder, name)| (folder.clone(), name.clone())));
    // rustc takes the last one that fits.
    folders.sort_by_key(|(folder, _)| folder.components().count());
    folders.dedup();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_arguments_are_asked_for_their_profile_and_their_features() {
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        for (line, expected) in [
            ("--profile=dist -v", Some("dist")),
            ("--profile dev", Some("dev")),
            ("-v -r", Some("release")),
            ("--config profile.release.lto=true", None),
        ] {
            assert_eq!(profile(&words(line)).as_deref(), expected, "{line}");
        }
        let build = BuildConfig {
            args: Some(words("-v --features a,b -Fc --all-features --lib")),
            ..BuildConfig::default()
        };
        let expected = words("--features a,b -Fc --all-features");
        assert_eq!(further_features(&build), expected);
    }

    #[test]
    fn options_are_found_by_name_and_by_letter() {
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        for line in [
            "-j2",
            "-j 2",
            "--jobs 2",
            "--jobs=2",
            "-vj2",
            "--locked -rj2",
        ] {
            assert!(says(&words(line), "jobs", Some('j')), "{line}");
        }
        for line in [
            "--jobserver",
            "-v",
            "--package=j",
            "-pj",
            "-Fjemalloc",
            "j",
            "-",
            "--",
        ] {
            assert!(!says(&words(line), "jobs", Some('j')), "{line}");
        }
    }
}
