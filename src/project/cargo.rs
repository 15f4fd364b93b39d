//! A Rust project: which programs it has and what they need, as `cargo metadata` tells. That runs
//! nothing of the project.
//!
//! The format is that of <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html>.

mod graph;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package, PackageId};
use serde::Serialize;
use thiserror::Error;

use self::graph::Graph;
use crate::fault::{Exit, Fault};
use crate::process::{self, CommandSpec, Runner};
use crate::target::{Libc, Platform};

pub use workspace::{MANIFEST, has_manifest, root_of};

/// The toolchain that has clang's library.
pub const LIBCLANG: &str = "libclang";

/// What is known of a Rust project after `cargo metadata`.
#[derive(Clone, Debug, Serialize)]
pub struct CargoProject {
    /// The folder that cargo is run in: toolchain files and configuration are found from it.
    pub directory: PathBuf,
    /// The folder of the workspace.
    pub workspace: PathBuf,
    /// The folder that cargo keeps what it compiles in.
    pub target_directory: PathBuf,
    /// The programs found.
    pub commands: Vec<CargoCommand>,
    /// The programs left out because their packages are not to be published and others are.
    pub internal: Vec<CargoCommand>,
    /// The packages that the programs belong to, by name.
    pub packages: BTreeMap<String, About>,
    /// Packages in the programs that compile C or look for a C library.
    pub native: Vec<String>,
    /// Programs and libraries of the machine that build scripts use, by the names of toolchains.
    pub tools: Vec<&'static str>,
    /// Whether programs run during the build: build scripts, procedural macros.
    pub runs_programs: bool,
    /// Folders of sources outside of the workspace, with what stands for each in a program.
    pub folders: BTreeMap<PathBuf, String>,
    /// The C library of each platform.
    #[serde(skip)]
    pub libcs: BTreeMap<Platform, Libc>,
}

/// One program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CargoCommand {
    /// The file name of the executable.
    pub name: String,
    /// The package that it is part of.
    pub package: String,
    /// The package as cargo names it in its messages.
    pub package_id: String,
}

/// What a package says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Its licence, as an SPDX expression.
    pub licence: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// What it is.
    pub description: Option<String>,
    /// Where its sources are.
    pub repository: Option<String>,
    /// Its page.
    pub homepage: Option<String>,
    /// Its documentation.
    pub documentation: Option<String>,
}

/// How `cargo metadata` is to be asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The `cargo` program.
    pub cargo: &'a Path,
    /// The folder that was asked for.
    pub directory: &'a Path,
    /// What the configuration sets in the environment.
    pub environment: &'a BTreeMap<String, String>,
    /// The packages that are wanted, by name; none for the ones that cargo would build.
    pub packages: Option<&'a [String]>,
    /// The programs that are wanted, by name; empty for all.
    pub bins: &'a [String],
    /// Whether programs are named anywhere, also for an image: then none is left out.
    pub named: bool,
    /// Arguments that choose features.
    pub features: &'a [String],
    /// The targets, in Rust's triples.
    pub triples: &'a BTreeSet<String>,
    /// Whether `Cargo.lock` must not change.
    pub locked: bool,
    /// Whether the network is forbidden.
    pub offline: bool,
}

/// Why a project's programs are not known.
#[derive(Debug, Error)]
pub enum Error {
    /// `cargo` could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// `cargo metadata` refused; its own words stand here.
    #[error("`cargo metadata` failed in {} ({status})\n{message}", directory.display())]
    Metadata {
        /// The folder.
        directory: PathBuf,
        /// How it ended.
        status: String,
        /// What it wrote, untouched.
        message: String,
        /// Whether it succeeds where it does not look at `Cargo.lock`, which must not change.
        locked: bool,
    },
    /// `cargo metadata` printed something else.
    #[error("can't read what `cargo metadata` printed")]
    Json(#[from] cargo_metadata::Error),
    /// A package that was asked for does not exist.
    #[error("no package `{name}` in the workspace: it has {}", listed(known))]
    UnknownPackage {
        /// What was asked for.
        name: String,
        /// What exists.
        known: Vec<String>,
    },
    /// The packages have no program.
    #[error("no program in {}: {} no `[[bin]]` that is built", directory.display(), packages_have(packages))]
    NoCommands {
        /// The folder.
        directory: PathBuf,
        /// The packages that were looked at.
        packages: Vec<String>,
        /// Packages of the workspace that have programs.
        others: Vec<String>,
    },
    /// Two programs would be one file.
    #[error("two programs are called `{name}`: in package {} and in {}", packages[0], packages[1])]
    SameName {
        /// The file name.
        name: String,
        /// The packages.
        packages: [String; 2],
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Process(error) => error.exit(),
            Self::Metadata { locked: true, .. } => Exit::Locked,
            Self::Metadata { .. } => Exit::Compile,
            Self::Json(_) => Exit::Toolchain,
            Self::NoCommands { .. } => Exit::Project,
            Self::UnknownPackage { .. } | Self::SameName { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Metadata { locked: true, .. } => {
                Some("`cargo update --workspace` brings Cargo.lock up to date".to_owned())
            }
            Self::SameName { packages, .. } => Some(format!(
                "build one of them: `polyarch build --package {}`",
                packages[0]
            )),
            Self::NoCommands { others, .. } => others
                .first()
                .map(|other| format!("`polyarch build --package {other}`")),
            Self::UnknownPackage { name, known } => crate::settings::parse::nearest(name, known)
                .map(|nearest| format!("did you mean `{nearest}`?")),
            _ => None,
        }
    }
}

/// Asks `cargo metadata` once for all targets.
pub fn read(question: &Question<'_>) -> Result<CargoProject, Error> {
    let metadata = metadata(question)?;
    let chosen = chosen(question, &metadata)?;
    let graph = Graph::new(&metadata);
    let (commands, internal) = commands(question, &graph, &chosen)?;
    if commands.is_empty() {
        let names = |packages: &[&Package]| -> Vec<String> {
            packages.iter().map(|one| one.name.to_string()).collect()
        };
        let mut others = metadata.workspace_packages();
        others.retain(|package| package.targets.iter().any(cargo_metadata::Target::is_bin));
        return Err(Error::NoCommands {
            directory: question.directory.to_owned(),
            packages: names(&chosen),
            others: names(&others),
        });
    }
    let built = |package: &&&Package| {
        let name = package.name.as_str();
        commands.iter().any(|command| command.package == name)
    };
    let packages = chosen.iter().filter(built);
    let roots: Vec<&PackageId> = packages.clone().map(|package| &package.id).collect();
    Ok(CargoProject {
        directory: question.directory.to_owned(),
        workspace: metadata.workspace_root.clone().into(),
        target_directory: metadata.target_directory.clone().into(),
        packages: packages
            .map(|package| (package.name.to_string(), about(package)))
            .collect(),
        native: graph.native(&roots),
        tools: graph.tools(&roots),
        runs_programs: graph.runs_programs(),
        folders: graph::folders(&metadata),
        commands,
        internal,
        libcs: BTreeMap::new(),
    })
}

impl CargoProject {
    /// Whether a C compiler is needed, to compile C or to link with a C library of the base's.
    pub fn needs_c(&self) -> bool {
        let gnu = |libc: &Libc| matches!(libc, Libc::Gnu(_));
        !self.native.is_empty() || self.libcs.values().any(gnu)
    }

    /// The one package's name, where there is one.
    pub fn name(&self) -> Option<String> {
        let mut names = self.packages.keys();
        names.next().filter(|_| names.next().is_none()).cloned()
    }

    /// What the packages of these programs say of themselves, as far as they all say the same.
    pub fn about<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> About {
        let names: BTreeSet<&str> = names.into_iter().collect();
        let owners: BTreeSet<&str> = self
            .commands
            .iter()
            .filter(|command| names.contains(command.name.as_str()))
            .map(|command| command.package.as_str())
            .collect();
        let mut all = owners.iter().filter_map(|name| self.packages.get(*name));
        let Some(first) = all.next().cloned() else {
            return About::default();
        };
        all.fold(first, About::and)
    }
}

impl About {
    /// What both say.
    fn and(self, other: &Self) -> Self {
        let same = |one: Option<String>, other: &Option<String>| {
            one.filter(|one| other.as_ref() == Some(one))
        };
        Self {
            version: Some(self.version)
                .filter(|version| *version == other.version)
                .unwrap_or_default(),
            licence: same(self.licence, &other.licence),
            authors: Some(self.authors)
                .filter(|authors| *authors == other.authors)
                .unwrap_or_default(),
            description: same(self.description, &other.description),
            repository: same(self.repository, &other.repository),
            homepage: same(self.homepage, &other.homepage),
            documentation: same(self.documentation, &other.documentation),
        }
    }
}

fn metadata(question: &Question<'_>) -> Result<Metadata, Error> {
    let output = Runner.output(&command(question, false))?;
    if !output.status.success() {
        // Whether it is the lock is seen by leaving it out.
        let locked = question.locked && Runner.output(&command(question, true))?.status.success();
        return Err(Error::Metadata {
            directory: question.directory.to_owned(),
            status: process::describe(output.status),
            message: String::from_utf8_lossy(&output.stderr)
                .trim_end()
                .to_owned(),
            locked,
        });
    }
    Ok(MetadataCommand::parse(String::from_utf8_lossy(
        &output.stdout,
    ))?)
}

fn command(question: &Question<'_>, without_dependencies: bool) -> CommandSpec {
    let mut spec = CommandSpec::new(question.cargo, question.directory)
        .arg("metadata")
        .arg("--format-version=1")
        .args(question.features);
    if without_dependencies {
        spec = spec.arg("--no-deps");
    }
    for triple in question.triples {
        spec = spec.arg("--filter-platform").arg(triple);
    }
    if question.locked {
        spec = spec.arg("--locked");
    }
    if question.offline {
        spec = spec.arg("--offline");
    }
    let own = question.environment.iter();
    own.fold(spec, |spec, (name, value)| spec.env(name, value))
}

/// The packages that are wanted: those named, else those that cargo would build in that folder.
fn chosen<'a>(question: &Question<'_>, metadata: &'a Metadata) -> Result<Vec<&'a Package>, Error> {
    let members = metadata.workspace_packages();
    if let Some(names) = question.packages {
        let mut chosen = Vec::new();
        for name in names {
            let found = members.iter().find(|package| package.name.as_str() == name);
            chosen.push(*found.ok_or_else(|| Error::UnknownPackage {
                name: name.clone(),
                known: members.iter().map(|one| one.name.to_string()).collect(),
            })?);
        }
        return Ok(chosen);
    }
    let folder = |package: &Package| {
        package
            .manifest_path
            .as_std_path()
            .parent()
            .map(Path::to_owned)
    };
    let nearest = question
        .directory
        .ancestors()
        .find(|folder| has_manifest(folder));
    let own = members
        .iter()
        .find(|package| nearest.is_some() && folder(package).as_deref() == nearest);
    match own {
        Some(own) if nearest != Some(metadata.workspace_root.as_std_path()) => Ok(vec![own]),
        // Before 1.71 cargo did not say which ones those are.
        _ if metadata.workspace_default_members.is_available() => {
            Ok(metadata.workspace_default_packages())
        }
        Some(own) => Ok(vec![own]),
        None => Ok(members),
    }
}

/// The programs, and those that are left out: where some packages with programs are for others and some
/// are not (`publish = false`), the latter are tools of the project itself. Whatever is named is built.
fn commands(
    question: &Question<'_>,
    graph: &Graph<'_>,
    packages: &[&Package],
) -> Result<(Vec<CargoCommand>, Vec<CargoCommand>), Error> {
    let all = all_commands(question, graph, packages)?;
    let published = |command: &CargoCommand| {
        let own = packages
            .iter()
            .find(|package| package.id.repr == command.package_id);
        // No list of registries is all of them, an empty one is none.
        own.is_some_and(|package| package.publish.as_ref().is_none_or(|list| !list.is_empty()))
    };
    if question.named || !all.iter().any(published) {
        return Ok((all, Vec::new()));
    }
    Ok(all.into_iter().partition(published))
}

fn all_commands(
    question: &Question<'_>,
    graph: &Graph<'_>,
    packages: &[&Package],
) -> Result<Vec<CargoCommand>, Error> {
    let mut commands: BTreeMap<&str, CargoCommand> = BTreeMap::new();
    for package in packages {
        let features = graph.features(&package.id);
        for target in package.targets.iter().filter(|target| target.is_bin()) {
            let named = question.bins.contains(&target.name);
            let on = |feature: &String| features.contains(feature.as_str());
            // As cargo does: what lacks a feature is passed over unless it was asked for.
            if !named && !target.required_features.iter().all(on) {
                continue;
            }
            match commands.get(target.name.as_str()) {
                Some(other) if named || question.bins.is_empty() => {
                    return Err(Error::SameName {
                        name: target.name.clone(),
                        packages: [other.package.clone(), package.name.to_string()],
                    });
                }
                Some(_) => {}
                None => {
                    let command = CargoCommand {
                        name: target.name.clone(),
                        package: package.name.to_string(),
                        package_id: package.id.repr.clone(),
                    };
                    commands.insert(&target.name, command);
                }
            }
        }
    }
    Ok(commands.into_values().collect())
}

fn about(package: &Package) -> About {
    let text = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    About {
        version: package.version.to_string(),
        licence: text(&package.license),
        authors: package.authors.clone(),
        description: text(&package.description).map(|text| text.trim().to_owned()),
        repository: text(&package.repository),
        homepage: text(&package.homepage),
        documentation: text(&package.documentation),
    }
}

fn packages_have(packages: &[String]) -> String {
    match packages {
        [only] => format!("package `{only}` has"),
        packages => format!("packages {} have", listed(packages)),
    }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
