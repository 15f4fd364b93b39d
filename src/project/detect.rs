//! Which kind of project a folder holds, by the files it has.
//!
//! A build system's file beside another's is often a mere helper, so there is an order:
//!
//! - A `go.mod` beats a Makefile and C sources: the one drives `go`, the others are cgo's.
//! - A `Cargo.toml` does, too: the Makefile is a list of commands, the C sources are a build script's.
//! - `CMakeLists.txt` beats a Makefile. It names its programs, knows cross compiling and builds
//!   outside of the sources; the Makefile beside it is as often made by CMake, or calls it, or wants
//!   a `configure` first. `--kind make` decides otherwise.
//! - Either beats C sources, which are theirs.
//! - `build.artifacts` beats all of C's: who says where the files are has built them.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::{cargo, cmake, make, plain};
use crate::fault::{Exit, Fault};
use crate::target::Platform;

/// A kind of project that can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A Go module or workspace.
    Go,
    /// A Rust package or workspace.
    Cargo,
    /// A project with a `CMakeLists.txt`.
    Cmake,
    /// A project with a Makefile.
    Make,
    /// C and C++ sources without a build system.
    C,
    /// Files that exist already.
    Prebuilt,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Go,
        Self::Cargo,
        Self::Cmake,
        Self::Make,
        Self::C,
        Self::Prebuilt,
    ];

    /// The kind of that name; `origin` is the flag or key it stands in.
    pub fn named(text: &str, origin: &'static str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|kind| kind.to_string() == text);
        found.ok_or_else(|| Error::UnknownKind {
            text: text.to_owned(),
            origin,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Go => "go",
            Self::Cargo => "cargo",
            Self::Cmake => "cmake",
            Self::Make => "make",
            Self::C => "c",
            Self::Prebuilt => "prebuilt",
        })
    }
}

/// One reason to believe that a folder holds a kind of project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The kind it speaks for.
    pub kind: Kind,
    /// The file or setting, as a user would name it.
    pub what: String,
}

/// The kind, the project's folder, and the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detected {
    /// The kind that was decided on.
    pub kind: Kind,
    /// The folder with the `go.mod`, `Cargo.toml`, `CMakeLists.txt`, `polyarch.toml` or whatever it is, absolute.
    /// The folder that was asked for may lie below it.
    pub root: PathBuf,
    /// Why.
    pub evidence: Vec<Evidence>,
}

/// Why a folder is not a project.
#[derive(Debug, Error)]
pub enum Error {
    /// Nothing that can be built.
    #[error(
        "no project in {}: found no `go.mod`, `go.work` or `Cargo.toml` there or above, no \
         `CMakeLists.txt`, Makefile or C sources, no files in `out/<arch>/`, and no `build.artifacts` or `image.files` in \
         `polyarch.toml`",
        directory.display()
    )]
    None {
        /// Where it was looked for.
        directory: PathBuf,
        /// Folders below that hold a project.
        below: Vec<PathBuf>,
    },
    /// More than one kind.
    #[error("{} looks like more than one kind of project: {}", directory.display(), listed(evidence))]
    Ambiguous {
        /// The folder.
        directory: PathBuf,
        /// What speaks for each.
        evidence: Vec<Evidence>,
    },
    /// A kind was named, and its files are not there.
    #[error("{} is no `{kind}` project: {missing}", directory.display())]
    Missing {
        /// The folder.
        directory: PathBuf,
        /// The kind.
        kind: Kind,
        /// What was looked for.
        missing: &'static str,
    },
    /// It has a build system that is not driven from here.
    #[error("{} is built with `{file}`, which polyarch does not drive", directory.display())]
    OtherBuildSystem {
        /// The folder.
        directory: PathBuf,
        /// The build system's file.
        file: &'static str,
    },
    /// `--kind` or `build.kind` names no kind.
    #[error(
        "{origin}: unknown kind of project `{text}`: expected {}",
        known_kinds()
    )]
    UnknownKind {
        /// What is no kind.
        text: String,
        /// The flag or key.
        origin: &'static str,
    },
    /// The folder could not be read.
    #[error("can't look for a project")]
    Io(#[from] std::io::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::None { .. }
            | Self::Ambiguous { .. }
            | Self::Missing { .. }
            | Self::OtherBuildSystem { .. } => Exit::Project,
            Self::UnknownKind { .. } => Exit::Usage,
            Self::Io(_) => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::None { below, .. } => below
                .first()
                .map(|folder| format!("`polyarch build {}`", typed(folder))),
            Self::Ambiguous { evidence, .. } => {
                let flags: Vec<String> = kinds(evidence)
                    .into_iter()
                    .map(|kind| format!("`--kind {kind}`"))
                    .collect();
                Some(format!("say which with {}", flags.join(" or ")))
            }
            Self::OtherBuildSystem { file, .. } => Some(match *file {
                "configure" => {
                    "`polyarch exec --platform linux/arm64 -- sh -c './configure && make'`"
                        .to_owned()
                }
                _ => "`polyarch exec --platform linux/arm64 -- COMMAND` runs any command with the \
                      compilers of a platform; `--kind c` compiles the sources without it"
                    .to_owned(),
            }),
            Self::Missing { .. } | Self::UnknownKind { .. } | Self::Io(_) => None,
        }
    }
}

/// A path as a shell takes it.
fn typed(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%,=:".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// What the configuration says that bears on the kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared {
    /// `--kind` or `build.kind`.
    pub kind: Option<Kind>,
    /// Whether `build.artifacts` is set.
    pub artifacts: bool,
    /// Whether any image lists files.
    pub files: bool,
}

/// Decides what `directory` (absolute) holds.
pub fn detect(directory: &Path, declared: Declared) -> Result<Detected, Error> {
    fs_err::read_dir(directory)?;
    let root = root_of(directory);
    let evidence = gather(&root, declared);
    let decided = match (declared.kind, &kinds(&evidence)[..]) {
        (Some(kind), _) => Some(kind),
        (None, []) => None,
        (None, [kind]) => Some(*kind),
        (None, _) => {
            return Err(Error::Ambiguous {
                directory: root,
                evidence,
            });
        }
    };
    let Some(kind) = decided else {
        return match plain::other_build_system(&root) {
            Some(file) => Err(Error::OtherBuildSystem {
                directory: root,
                file,
            }),
            None => Err(Error::None {
                directory: directory.to_owned(),
                below: projects_below(directory),
            }),
        };
    };
    if let Some(missing) = missing(kind, &root) {
        return Err(Error::Missing {
            directory: root,
            kind,
            missing,
        });
    }
    Ok(Detected {
        kind,
        root,
        evidence: evidence
            .into_iter()
            .filter(|one| one.kind == kind)
            .collect(),
    })
}

/// What a folder lacks to be of a kind that was named.
fn missing(kind: Kind, root: &Path) -> Option<&'static str> {
    let (found, missing) = match kind {
        Kind::Go => (
            has_go(root),
            "found no `go.mod` or `go.work` there or above",
        ),
        Kind::Cargo => (
            cargo::has_manifest(root),
            "found no `Cargo.toml` there or above",
        ),
        Kind::Cmake => (cmake::has_lists(root), "found no `CMakeLists.txt`"),
        Kind::Make => (make::makefile(root).is_some(), "found no Makefile"),
        Kind::C => (
            plain::has_sources(root),
            "found no C or C++ sources in it or in `src/`",
        ),
        Kind::Prebuilt => (true, ""),
    };
    (!found).then_some(missing)
}

/// The nearest folder, from `directory` upwards, that is a project's. A configuration file ends the
/// search as a module does. A build system's file counts where `directory` itself has it and no Go:
/// a package of a module may have a Makefile.
pub fn root_of(directory: &Path) -> PathBuf {
    let own = !has_go_sources(directory);
    if own
        && !directory.join("polyarch.toml").is_file()
        && let Some(root) = cmake::root_of(directory)
    {
        return root;
    }
    let marked = |folder: &&Path| {
        has_go(folder)
            || cargo::has_manifest(folder)
            || folder.join("polyarch.toml").is_file()
            || (own && *folder == directory && make::makefile(folder).is_some())
    };
    let nearest = directory.ancestors().find(marked).unwrap_or(directory);
    if !cargo::has_manifest(nearest) || has_go(nearest) {
        return nearest.to_owned();
    }
    // The members of a workspace share one lock and one target directory.
    let workspace = cargo::root_of(nearest).unwrap_or_else(|| nearest.to_owned());
    let configured = |folder: &&Path| folder.join("polyarch.toml").is_file();
    let between = nearest.ancestors().take_while(|one| *one != workspace);
    let mut between = between.filter(configured);
    between.next().map_or(workspace.clone(), Path::to_owned)
}

fn gather(root: &Path, declared: Declared) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let mut add = |kind, what: &str| {
        evidence.push(Evidence {
            kind,
            what: what.to_owned(),
        });
    };
    for file in ["go.work", "go.mod"] {
        if root.join(file).is_file() {
            add(Kind::Go, file);
        }
    }
    if cargo::has_manifest(root) {
        add(Kind::Cargo, cargo::MANIFEST);
    }
    let driven = has_go(root) || cargo::has_manifest(root);
    if declared.artifacts {
        add(Kind::Prebuilt, "build.artifacts in polyarch.toml");
    }
    if !driven && !declared.artifacts {
        if let Some((kind, what)) = native(root) {
            add(kind, &what);
            return evidence;
        }
    } else if driven && cmake::has_lists(root) {
        add(Kind::Cmake, "CMakeLists.txt");
    }
    // What lies in `out/` beside sources was built from them, and further files go with any kind.
    if !driven {
        if declared.files {
            add(Kind::Prebuilt, "image.files in polyarch.toml");
        }
        for folder in out_folders(root) {
            add(Kind::Prebuilt, &format!("out/{folder}/"));
        }
    }
    evidence
}

/// The one kind of C or C++ project that a folder is.
fn native(root: &Path) -> Option<(Kind, String)> {
    if cmake::has_lists(root) {
        return Some((Kind::Cmake, "CMakeLists.txt".to_owned()));
    }
    if let Some(name) = make::makefile(root).filter(|_| !make::is_generated(root)) {
        return Some((Kind::Make, name.to_owned()));
    }
    if plain::other_build_system(root).is_none() {
        return plain::first_source(root).map(|name| (Kind::C, name));
    }
    None
}

fn has_go_sources(folder: &Path) -> bool {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.as_encoded_bytes().ends_with(b".go"))
}

fn has_go(folder: &Path) -> bool {
    folder.join("go.mod").is_file() || folder.join("go.work").is_file()
}

/// The folders that `compile` leaves for a platform, by name.
pub fn out_folders(root: &Path) -> Vec<String> {
    Platform::all()
        .into_iter()
        .map(Platform::directory)
        .filter(|folder| root.join("out").join(folder).is_dir())
        .collect()
}

/// Projects one or two folders down, for the hint.
fn projects_below(directory: &Path) -> Vec<PathBuf> {
    let children = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
        let hidden =
            |entry: &fs_err::DirEntry| entry.file_name().as_encoded_bytes().starts_with(b".");
        let mut folders: Vec<PathBuf> = entries
            .filter(|entry| !hidden(entry))
            .map(|entry| entry.path())
            .filter(|path| path.is_dir() && !path.is_symlink())
            .collect();
        folders.sort();
        folders
    };
    let first = children(directory);
    let second = first.iter().flat_map(|folder| children(folder));
    let found = first.iter().cloned().chain(second).filter(|folder| {
        has_go(folder)
            || cargo::has_manifest(folder)
            || cmake::has_lists(folder)
            || make::makefile(folder).is_some()
    });
    found
        .map(|folder| folder.strip_prefix(directory).unwrap_or(&folder).to_owned())
        .collect()
}

/// `go`, `make` or `prebuilt`.
fn known_kinds() -> String {
    let names = Kind::ALL.map(|kind| format!("`{kind}`"));
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        names => names.join(", "),
    }
}

fn kinds(evidence: &[Evidence]) -> Vec<Kind> {
    let spoken_for = |kind: &Kind| evidence.iter().any(|one| one.kind == *kind);
    Kind::ALL.into_iter().filter(spoken_for).collect()
}

fn listed(evidence: &[Evidence]) -> String {
    let parts: Vec<String> = evidence
        .iter()
        .map(|one| format!("`{}` ({})", one.kind, one.what))
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests;
