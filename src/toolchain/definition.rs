//! Definitions: one TOML file a toolchain, saying where it can be had and how it is used. The keys
//! are documented for users in `docs/toolchains.md`.
//!
//! The files under `toolchains/` are built in. What a file says is checked when it is read, except
//! hosts: those are open strings, and one that this program does not know is only refused when it
//! is asked for.

mod parse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::c::Compiler;
use super::{Error, Origin, Toolchain};
use crate::digest::Digest;
use crate::fetch::{self, unpack};
use crate::store::Tree;
use crate::target::{Glibc, Libc, Platform, Target};
use crate::version::Version;

/// The files of `toolchains/`, each with its name.
const EMBEDDED: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/definitions.rs"));

/// The host that means all.
pub const ANY: &str = "any";

/// What is read of a file whose size is not known.
const LARGEST: u64 = 1 << 30;

/// All definitions by name.
#[derive(Clone, Debug, Default)]
pub struct Definitions(BTreeMap<String, Definition>);

/// One toolchain.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// The version of everything that is pinned.
    pub version: Version,
    /// One line about it.
    pub description: String,
    /// Its licence, an SPDX expression.
    pub licence: String,
    /// Where to read more.
    pub homepage: String,
    /// What it is.
    pub kind: Kind,
    /// How it is run; there for programs only.
    pub program: Option<Program>,
    /// How it compiles C and C++; there for compilers only.
    pub compiler: Option<Compiler>,
    /// What can be had, in order of preference.
    pub artifacts: Vec<Artifact>,
    /// The file it stands in, where it did not come with this program.
    pub origin: Option<PathBuf>,
}

/// What a toolchain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something that runs on the host.
    Program,
    /// Files that are only read.
    Data,
}

/// How a toolchain is run.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The executable inside the tree; `{triple}` is the GNU triple of the machine it runs on.
    pub path: String,
    /// Variables to set; `{root}` is the tree's directory.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How to find one on the machine.
    pub system: Option<System>,
}

/// How to ask a program on PATH what it is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// Its name on PATH.
    pub command: String,
    /// The arguments that make it print its version.
    pub arguments: Vec<String>,
    /// Variables to set while asking.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where in the output the version is.
    pub version: Spot,
    /// Where in the output its directory is; without, the parent of the program's directory.
    pub root: Option<Spot>,
}

/// A place in a program's output.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    /// The line, from 1.
    pub line: usize,
    /// The text before it in that line.
    #[serde(default)]
    pub after: String,
}

/// What there is for one kind of machine.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// `linux/amd64`, or `any`.
    pub host: String,
    /// In order of preference.
    pub sources: Vec<Source>,
}

/// Where something can be had. Further kinds are further [`Place`]s.
#[derive(Clone, Debug)]
pub enum Source {
    /// On the machine.
    System,
    /// A pinned file.
    File(Box<File>),
    /// Packages of a Debian archive, which the lock pins.
    Packages(Packages),
}

/// Packages that make a toolchain, with everything they depend on. They are for the host; where a
/// definition has `any`, for whichever host it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packages {
    /// The suite.
    pub suite: String,
    /// Their names; the toolchain has the version of the first.
    pub names: Vec<String>,
    /// Packages that are left out though others depend on them.
    pub without: Vec<String>,
}

/// A file that can be fetched and unpacked.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it lies.
    pub place: Place,
    /// Its name there.
    pub name: String,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// The most bytes that are read where it is not.
    pub maximum: u64,
    /// Its digest.
    pub sha256: Digest,
    /// How it is unpacked.
    pub rules: unpack::Rules,
}

/// Where files of one kind of source lie. With a file's name it is an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Below an address.
    Url {
        /// The address of the directory.
        address: String,
    },
    /// On the Python package index.
    Pypi {
        /// The project.
        project: String,
    },
    /// On the Go module proxy, as `<version>.zip`.
    Goproxy {
        /// The module.
        module: String,
    },
}

impl Place {
    /// The name of the kind, as definitions and the lock write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::Pypi { .. } => "pypi",
            Self::Goproxy { .. } => "goproxy",
        }
    }

    /// What to fetch for the file of that name.
    pub fn source(&self, name: &str) -> fetch::Source {
        match self {
            Self::Url { address } => {
                fetch::Source::Url(format!("{}/{name}", address.trim_end_matches('/')))
            }
            Self::Pypi { project } => fetch::Source::Pypi {
                project: project.clone(),
                file: name.to_owned(),
            },
            Self::Goproxy { module } => fetch::Source::Goproxy {
                module: module.clone(),
                version: name.trim_end_matches(".zip").to_owned(),
            },
        }
    }

    /// The directory that archives of this kind always have around everything.
    fn wrapping(&self, name: &str) -> Option<String> {
        match self {
            Self::Goproxy { module } => Some(format!("{module}@{}", name.trim_end_matches(".zip"))),
            Self::Url { .. } | Self::Pypi { .. } => None,
        }
    }
}

impl File {
    /// The same place and rules for another file, as a lock may name it.
    pub(super) fn with_pin(&self, name: &str, size: Option<u64>, sha256: Digest) -> Self {
        let mut file = self.clone();
        if let Some(wrapping) = self.place.wrapping(name) {
            file.rules.strip = Some(wrapping);
        }
        name.clone_into(&mut file.name);
        file.size = size;
        file.sha256 = sha256;
        file
    }
}

impl Program {
    /// The executable inside a tree for a machine.
    pub(super) fn path(&self, machine: Option<Platform>) -> String {
        // The version is no part of a triple.
        let libc = Libc::Gnu(Glibc::new(2, 0));
        let triple = machine.map(|platform| Target { platform, libc }.triple());
        self.path.replace("{triple}", &triple.unwrap_or_default())
    }
}

impl Definitions {
    /// The built-in definitions, and those of every `*.toml` in the directories given. These come
    /// with a project and are data from a stranger: they can't take a built-in one's place, and
    /// can't have a program on PATH asked, because `plan` and `list` would run it.
    pub fn load(extra: &[PathBuf]) -> Result<Self, Error> {
        let mut all = Self::default();
        for (name, text) in EMBEDDED {
            all.add(text, Path::new(name))?;
        }
        for folder in extra {
            let mut paths = Vec::new();
            for entry in fs_err::read_dir(folder)? {
                paths.push(entry?.path());
            }
            paths.retain(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            });
            paths.sort();
            for path in paths {
                all.add_foreign(&fs_err::read_to_string(&path)?, path)?;
            }
        }
        Ok(all)
    }

    /// The definition of that name.
    pub fn get(&self, name: &str) -> Result<&Definition, Error> {
        self.0.get(name).ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: self.0.keys().cloned().collect(),
        })
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.0.values()
    }

    /// Reads one more, in the place of one of its name; `path` is for messages.
    pub fn add(&mut self, text: &str, path: &Path) -> Result<(), Error> {
        let definition = read(text, path)?;
        self.0.insert(definition.name.clone(), definition);
        Ok(())
    }

    fn add_foreign(&mut self, text: &str, path: PathBuf) -> Result<(), Error> {
        let definition = read(text, &path)?;
        let refuse = |reason: String| {
            Err(Error::Definition {
                path: path.clone(),
                reason,
            })
        };
        if let Some(other) = self.0.get(&definition.name) {
            let whose = match &other.origin {
                None => "a built-in toolchain".to_owned(),
                Some(path) => format!("the toolchain of `{}`", path.display()),
            };
            return refuse(format!("`{}` is the name of {whose}", definition.name));
        }
        let asks = |program: &Program| program.system.is_some();
        if definition.program.as_ref().is_some_and(asks) {
            return refuse("`[program.system]` is for built-in toolchains alone".to_owned());
        }
        let origin = Some(path);
        self.0.insert(
            definition.name.clone(),
            Definition {
                origin,
                ..definition
            },
        );
        Ok(())
    }
}

fn read(text: &str, path: &Path) -> Result<Definition, Error> {
    parse::parse(text).map_err(|reason| Error::Definition {
        path: path.to_owned(),
        reason,
    })
}

impl Definition {
    /// Every source for a host, in order of preference.
    pub fn sources(&self, host: &str) -> impl Iterator<Item = &Source> {
        let fits = move |artifact: &&Artifact| artifact.host == host || artifact.host == ANY;
        self.artifacts
            .iter()
            .filter(fits)
            .flat_map(|artifact| &artifact.sources)
    }

    /// The files for a host, in order of preference.
    pub fn files(&self, host: &str) -> impl Iterator<Item = &File> {
        self.sources(host).filter_map(Source::file)
    }

    /// What the environment must have when the toolchain lies in `root`.
    pub(super) fn environment(&self, root: &Path) -> BTreeMap<String, String> {
        let root = root.to_string_lossy();
        let set = self.program.iter().flat_map(|program| &program.environment);
        set.map(|(name, value)| (name.clone(), value.replace("{root}", &root)))
            .collect()
    }

    /// The toolchain that a tree of the store is, for the machine it runs on.
    pub(super) fn installed(
        &self,
        version: Version,
        origin: Origin,
        tree: Tree,
        machine: Option<Platform>,
    ) -> Toolchain {
        let root = tree.path.clone();
        let program = self.program.as_ref();
        Toolchain {
            name: self.name.clone(),
            version,
            origin,
            program: program.map(|program| root.join(program.path(machine))),
            environment: self.environment(&root),
            root,
            hold: Some(tree),
        }
    }

    /// The hosts that something can be fetched for.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = Vec::new();
        for artifact in &self.artifacts {
            let fetched = artifact
                .sources
                .iter()
                .any(|source| !matches!(source, Source::System));
            if fetched && !hosts.contains(&artifact.host.as_str()) {
                hosts.push(&artifact.host);
            }
        }
        hosts
    }
}

impl Source {
    /// The file, unless it is the machine's own.
    pub fn file(&self) -> Option<&File> {
        match self {
            Self::System | Self::Packages(_) => None,
            Self::File(file) => Some(file),
        }
    }

    /// The name of the kind, as definitions and the lock write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::File(file) => file.place.kind(),
            Self::Packages(_) => "debian",
        }
    }
}

#[cfg(test)]
mod tests;
