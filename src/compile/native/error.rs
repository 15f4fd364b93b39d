//! What can be wrong with what a C or C++ build has left.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::compile::Failure;
use crate::elf::facts;
use crate::fault::{Exit, Fault, refused};
use crate::target::Platform;

/// What can be wrong with what a C or C++ build has left.
#[derive(Debug, Error)]
pub enum Error {
    /// The build tree can't be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An object file makes no sense.
    #[error(transparent)]
    Object(#[from] facts::Error),
    /// There are no compilers for a platform.
    #[error("no C compiler was prepared for {0}")]
    NoCompilers(Platform),
    /// A program that a build calls was not prepared.
    #[error("`{0}` was not prepared")]
    NoProgram(&'static str),
    /// It went well, and no program came of it.
    #[error("`{system}` for {platform} left no program and no shared library")]
    Nothing {
        /// What was run.
        system: &'static str,
        /// The platform.
        platform: Platform,
    },
    /// It went well, and what came of it is for another machine.
    #[error(
        "`{system}` for {platform} left only files for {found}, so it did not use `CC`: {}",
        paths(files)
    )]
    OtherMachine {
        /// What was run.
        system: &'static str,
        /// The platform.
        platform: Platform,
        /// The machine of the first of them.
        found: String,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// The project says by an absolute path where results go, so they lie in one place for all
    /// platforms.
    #[error(
        "`cmake` for {platform} leaves files where those for other platforms replace them: {}",
        paths(files)
    )]
    FixedPlace {
        /// The platform.
        platform: Platform,
        /// The files.
        files: Vec<PathBuf>,
    },
    /// A program that is wanted was not built.
    #[error(
        "no program `{name}` was built for {platform}: there are {}",
        names(known)
    )]
    NoSuchProgram {
        /// Its name or path.
        name: String,
        /// The platform.
        platform: Platform,
        /// What there is.
        known: Vec<String>,
    },
    /// Two programs would have one name.
    #[error(
        "two files called `{name}` were built for {platform}: {}",
        self::paths(paths)
    )]
    SameName {
        /// The name.
        name: String,
        /// The platform.
        platform: Platform,
        /// The files.
        paths: [PathBuf; 2],
    },
    /// Two sources that have a `main` would give one name.
    #[error(
        "two sources define `main` and would make a program `{name}`: {}",
        self::paths(paths)
    )]
    TwoMains {
        /// The name.
        name: String,
        /// The sources.
        paths: [PathBuf; 2],
    },
    /// No source has a `main`.
    #[error("none of the {0} sources defines `main`")]
    NoMain(usize),
    /// CMake wants to run programs of the target.
    #[error("CMake would have to run programs for {platform}, which this machine can't\n{}", failure.message)]
    TryRun {
        /// The platform.
        platform: Platform,
        /// The cache variables that wait for an answer.
        variables: Vec<String>,
        /// What CMake said.
        failure: Failure,
    },
    /// A build that has failed uses C++20 modules.
    #[error(
        "`{}` is of a C++20 module, which the compiler for {platform} can't be told to build\n{}",
        file.display(), failure.message
    )]
    Modules {
        /// The platform.
        platform: Platform,
        /// A source that declares or imports one.
        file: PathBuf,
        /// What the build said.
        failure: Failure,
    },
    /// CMake's answer about its targets makes no sense.
    #[error("can't read what CMake says of its targets in `{}`", file.display())]
    FileApi {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// CMake gave no answer about its targets.
    #[error("CMake wrote nothing about its targets into `{}`: CMake 3.14 and later do", .0.display())]
    NoFileApi(PathBuf),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Io(_) | Self::FileApi { .. } => Exit::Io,
            Self::Object(error) => error.exit(),
            Self::NoCompilers(_) | Self::NoProgram(_) => Exit::Internal,
            Self::NoFileApi(_) => Exit::Toolchain,
            Self::Nothing { .. } | Self::NoMain(_) | Self::TwoMains { .. } => Exit::Project,
            Self::OtherMachine { .. } | Self::FixedPlace { .. } => Exit::Mismatch,
            Self::NoSuchProgram { .. } | Self::SameName { .. } => Exit::Usage,
            Self::TryRun { .. } | Self::Modules { .. } => Exit::Compile,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io(error) => refused(error),
            Self::Object(error) => error.hint(),
            Self::Nothing { system, .. } => Some(match *system {
                "make" => {
                    "say what is to be made: `targets = [\"all\"]` under `[build]`".to_owned()
                }
                "cmake" => "say what is to be built: `targets = [\"NAME\"]` under `[build]`, or \
                    `args = [\"-DBUILD_TESTING=ON\"]` for its tests"
                    .to_owned(),
                _ => "say what is to be built: `targets = [\"NAME\"]` under `[build]`".to_owned(),
            }),
            Self::OtherMachine { .. } => Some(
                "make it use `$(CC)`; if another variable names the compiler, set that one: \
                 `variables = { COMPILER = \"$(CROSS_COMPILE)gcc\" }` under `[build]`"
                    .to_owned(),
            ),
            Self::FixedPlace { platform, .. } => Some(format!(
                "build one platform at a time: `polyarch compile --platform {platform}`"
            )),
            Self::NoSuchProgram { name, known, .. } => {
                let near = crate::settings::parse::nearest(name, known)?;
                Some(format!("did you mean `{near}`?"))
            }
            Self::SameName { paths, .. } => Some(format!(
                "name the one that is meant by its path: `bins = [\"{}\"]` under `[build]`",
                paths[0].display()
            )),
            Self::TwoMains { .. } => {
                Some("with a Makefile or `CMakeLists.txt` each gets a name of its own".to_owned())
            }
            Self::NoMain(_) => Some(
                "a library alone makes no program; with a build system of its own, name that: \
                 `--kind make` or `--kind cmake`"
                    .to_owned(),
            ),
            Self::TryRun { variables, .. } => {
                let arguments: Vec<String> = variables
                    .iter()
                    .map(|name| format!("\"-D{name}=0\""))
                    .collect();
                Some(format!(
                    "answer for the platform: `args = [{}]` under `[build]`",
                    arguments.join(", ")
                ))
            }
            Self::Modules { .. } => Some(
                "build what needs no modules: `targets = [\"NAME\"]` under `[build]`; or include the \
                 module's declarations as a header"
                    .to_owned(),
            ),
            Self::NoFileApi(_) => Some("`prefer = \"fetched\"` under `[toolchain]`".to_owned()),
            Self::NoCompilers(_) | Self::NoProgram(_) | Self::FileApi { .. } => None,
        }
    }
}

fn paths(paths: &[PathBuf]) -> String {
    const SHOWN: usize = 5;
    let mut listed: Vec<String> = paths
        .iter()
        .take(SHOWN)
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if paths.len() > SHOWN {
        listed.push(format!("{} more", paths.len() - SHOWN));
    }
    listed.join(", ")
}

fn names(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
