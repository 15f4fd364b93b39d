//! A Go project: which commands it has and what they need, as `go list` tells.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{gocache, gomod};
use crate::fault::{Exit, Fault};
use crate::process::{self, CommandSpec, Runner};
use crate::target::{self, Platform};
use crate::version::Version;

/// What is known of a Go project after `go list`.
#[derive(Clone, Debug, Serialize)]
pub struct GoProject {
    /// The module path, or the workspace's folder name.
    pub module: String,
    /// The main packages found.
    pub commands: Vec<GoCommand>,
}

/// One main package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GoCommand {
    /// The file name `go build` gives the executable.
    pub name: String,
    /// The package's import path.
    pub import_path: String,
    /// Packages outside the standard library in its build that use cgo.
    pub cgo: Vec<String>,
}

/// The oldest Go that may build a project, and which line says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// A Go version such as `1.24` or `1.25.1`.
    pub version: String,
    /// The line and its file, such as `toolchain go1.25.1 in go.mod`.
    pub because: String,
}

/// How `go list` is to be asked.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The `go` program.
    pub go: &'a Path,
    /// What it needs in its environment besides what the user has.
    pub environment: &'a BTreeMap<String, String>,
    /// The project's folder.
    pub root: &'a Path,
    /// Package patterns, relative to the root.
    pub patterns: &'a [String],
    /// The user's build flags: tags and module modes change what is found.
    pub flags: &'a [String],
    /// The platform whose files count; build constraints differ little between those of one build.
    pub platform: Platform,
    /// Whether the network is forbidden.
    pub offline: bool,
}

/// Why a project's commands are not known.
#[derive(Debug, Error)]
pub enum Error {
    /// `go` could not be started.
    #[error(transparent)]
    Process(#[from] process::Error),
    /// A file could not be read.
    #[error("can't read the module")]
    Io(#[from] std::io::Error),
    /// `go list` refused; its own words stand here.
    #[error("`go list` failed in {} ({status})\n{message}", root.display())]
    List {
        /// The project's folder.
        root: PathBuf,
        /// How it ended.
        status: String,
        /// What it wrote, untouched.
        message: String,
    },
    /// `go list` has nowhere to keep what it finds out.
    #[error("{cache}\n{message}")]
    Cache {
        /// What is wrong with the cache.
        cache: gocache::Unusable,
        /// What `go list` wrote, untouched.
        message: String,
    },
    /// `go list` printed something else than JSON.
    #[error("can't read what `go list` printed")]
    Json(#[from] serde_json::Error),
    /// The patterns match no main package.
    #[error("no command in {}: no main package matches {}", root.display(), patterns.join(" "))]
    NoCommands {
        /// The project's folder.
        root: PathBuf,
        /// The patterns.
        patterns: Vec<String>,
    },
    /// Two commands would be one file.
    #[error("two commands are called `{name}`: {} and {}", paths[0], paths[1])]
    SameName {
        /// The file name.
        name: String,
        /// The import paths.
        paths: [String; 2],
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Process(error) => error.exit(),
            Self::Cache { cache, .. } => cache.exit(),
            Self::Io(_) => Exit::Io,
            Self::List { .. } => Exit::Compile,
            Self::Json(_) => Exit::Toolchain,
            Self::NoCommands { .. } => Exit::Project,
            Self::SameName { .. } => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Cache { cache, .. } => cache.hint(),
            Self::SameName { paths, .. } => Some(format!(
                "build one of them: `polyarch build --package {}`",
                paths[0]
            )),
            Self::NoCommands { .. } => Some(
                "name the package of the command: `polyarch build --package ./cmd/NAME`".to_owned(),
            ),
            _ => None,
        }
    }
}

/// The oldest Go that may build the project: the highest of the `go` and `toolchain` lines of its
/// module, its workspace and the modules the workspace uses.
pub fn minimum(root: &Path) -> Result<Option<Minimum>, Error> {
    let mut files = vec![root.join("go.mod"), root.join("go.work")];
    for used in gomod::read(&root.join("go.work"))?.uses {
        files.push(root.join(used).join("go.mod"));
    }
    let mut highest: Option<Minimum> = None;
    // What is no version is below all that are; Go itself will say so.
    let order = |version: &str| version.parse::<Version>().ok();
    for file in files {
        let found = gomod::read(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display();
        let lines = [(found.go, "go "), (found.toolchain, "toolchain go")];
        for (version, line) in lines {
            let Some(version) = version else { continue };
            let higher = highest
                .as_ref()
                .is_none_or(|so_far| order(&version) > order(&so_far.version));
            if higher {
                let because = format!("`{line}{version}` in {name}");
                highest = Some(Minimum { version, because });
            }
        }
    }
    Ok(highest)
}

/// What the project is called: the module path's last element, else the folder's name.
pub fn name(root: &Path) -> Result<String, Error> {
    let module = gomod::read(&root.join("go.mod"))?.module;
    let folder = root
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok(module.map_or(folder, |module| executable_name(&module).to_owned()))
}

/// The patterns that mean the whole project: a workspace's modules one by one, else `./...`. Where
/// a folder below the root was asked for, only what lies in it.
pub fn default_patterns(root: &Path, asked: &Path) -> Result<Vec<String>, Error> {
    let below = asked.strip_prefix(root).unwrap_or(Path::new(""));
    if !below.as_os_str().is_empty() {
        return Ok(vec![format!("./{}/...", below.display())]);
    }
    let used = gomod::read(&root.join("go.work"))?.uses;
    if used.is_empty() {
        return Ok(vec!["./...".to_owned()]);
    }
    let within = |folder: &PathBuf| {
        let relative = folder.is_relative() && !folder.starts_with("..");
        let folder = folder.strip_prefix(".").unwrap_or(folder);
        relative.then(|| {
            if folder.as_os_str().is_empty() {
                "./...".to_owned()
            } else {
                format!("./{}/...", folder.display())
            }
        })
    };
    Ok(used.iter().filter_map(within).collect())
}

/// Asks `go list` once for all packages.
pub fn list(question: &Question<'_>) -> Result<GoProject, Error> {
    let command = list_command(question);
    let output = Runner.output(&command)?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned();
        return Err(
            match gocache::check(gocache::folder(&command)?.as_deref()) {
                Err(cache) => Error::Cache { cache, message },
                Ok(()) => Error::List {
                    root: question.root.to_owned(),
                    status: process::describe(output.status),
                    message,
                },
            },
        );
    }
    let packages: Vec<Package> = serde_json::Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()?;
    let commands = commands(&packages)?;
    if commands.is_empty() {
        return Err(Error::NoCommands {
            root: question.root.to_owned(),
            patterns: question.patterns.to_vec(),
        });
    }
    let module = gomod::read(&question.root.join("go.mod"))?.module;
    Ok(GoProject {
        module: module.map_or_else(|| name(question.root), Ok)?,
        commands,
    })
}

fn list_command(question: &Question<'_>) -> CommandSpec {
    let spec = CommandSpec::new(question.go, question.root)
        .arg("list")
        .arg("-deps")
        .arg("-json=ImportPath,Name,Standard,DepOnly,CgoFiles,Imports")
        .args(question.flags.iter().map(OsString::from))
        .arg("--")
        .args(question.patterns.iter().map(OsString::from));
    let spec = environment(
        spec,
        question.environment,
        question.platform,
        question.offline,
    );
    // With cgo on, files that use it are listed as such; with it off they would just be missing.
    match spec.variable("CGO_ENABLED").filter(|value| value == "0") {
        Some(_) => spec,
        None => spec.env("CGO_ENABLED", "1"),
    }
}

/// The environment in which every `go` is started: the user's, with the platform set, the other
/// platforms' variables cleared, and no toolchain of another version started behind our back.
pub fn environment(
    mut spec: CommandSpec,
    extra: &BTreeMap<String, String>,
    platform: Platform,
    offline: bool,
) -> CommandSpec {
    for variable in target::go_variables() {
        spec = spec.without_env(variable);
    }
    for (name, value) in extra {
        spec = spec.env(name, value);
    }
    for (name, value) in platform.go_environment() {
        spec = spec.env(name, value);
    }
    if offline {
        spec = spec.env("GOPROXY", "off");
    }
    spec.env("GOTOOLCHAIN", "local")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Package {
    import_path: String,
    name: String,
    standard: bool,
    dep_only: bool,
    cgo_files: Vec<String>,
    imports: Vec<String>,
}

fn commands(packages: &[Package]) -> Result<Vec<GoCommand>, Error> {
    let by_path: BTreeMap<&str, &Package> = packages
        .iter()
        .map(|package| (package.import_path.as_str(), package))
        .collect();
    let mut commands: BTreeMap<&str, GoCommand> = BTreeMap::new();
    for package in packages
        .iter()
        .filter(|package| package.name == "main" && !package.dep_only)
    {
        let name = executable_name(&package.import_path);
        let command = GoCommand {
            name: name.to_owned(),
            import_path: package.import_path.clone(),
            cgo: cgo_users(package, &by_path),
        };
        if let Some(other) = commands.insert(name, command) {
            return Err(Error::SameName {
                name: name.to_owned(),
                paths: [other.import_path, package.import_path.clone()],
            });
        }
    }
    Ok(commands.into_values().collect())
}

fn cgo_users(command: &Package, packages: &BTreeMap<&str, &Package>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![command];
    let mut users = BTreeSet::new();
    while let Some(package) = open.pop() {
        if package.standard || !seen.insert(&package.import_path) {
            continue;
        }
        if !package.cgo_files.is_empty() {
            users.insert(package.import_path.clone());
        }
        let imports = package.imports.iter();
        open.extend(imports.filter_map(|path| packages.get(path.as_str())));
    }
    users.into_iter().collect()
}

/// The name that `go build` gives an executable: the last element of the import path, or the one
/// before it where the last is a major version (`load.DefaultExecName` of cmd/go).
fn executable_name(import_path: &str) -> &str {
    let mut elements = import_path.rsplit('/');
    let last = elements.next().unwrap_or(import_path);
    let is_major = last.strip_prefix('v').is_some_and(|digits| {
        is_number(digits) && !matches!(digits, "0" | "1") && !digits.starts_with('0')
    });
    match elements.next() {
        Some(before) if is_major => before,
        _ => last,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_named_as_go_names_them() {
        for (path, name) in [
            ("example.com/app", "app"),
            ("example.com/app/v2", "app"),
            ("example.com/app/v1", "v1"),
            ("example.com/app/cmd/v02", "v02"),
            ("app", "app"),
            ("v2", "v2"),
        ] {
            assert_eq!(executable_name(path), name, "{path}");
        }
    }

    #[test]
    fn the_highest_line_of_a_workspace_is_the_minimum() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().expect("parent")).expect("created");
            fs_err::write(path, text).expect("written");
        };
        write("go.work", "go 1.22\nuse ./a\nuse ../outside\n");
        write("a/go.mod", "module a\ngo 1.23\ntoolchain go1.24.2\n");
        let minimum = minimum(folder.path()).expect("read").expect("stated");
        assert_eq!(minimum.version, "1.24.2");
        assert_eq!(minimum.because, "`toolchain go1.24.2` in a/go.mod");
        let patterns = default_patterns(folder.path(), folder.path()).expect("read");
        assert_eq!(patterns, ["./a/..."]);
    }

    #[test]
    fn cgo_counts_only_outside_the_standard_library_and_only_where_it_is_reached() {
        let package = |path: &str, imports: &[&str], cgo: bool, standard: bool| Package {
            import_path: path.to_owned(),
            name: if path.starts_with("m/cmd") {
                "main"
            } else {
                "lib"
            }
            .to_owned(),
            standard,
            dep_only: !path.starts_with("m/cmd"),
            cgo_files: if cgo {
                vec!["c.go".to_owned()]
            } else {
                Vec::new()
            },
            imports: imports.iter().map(|&import| import.to_owned()).collect(),
        };
        let packages = [
            package("net", &[], true, true),
            package("x/sqlite", &[], true, false),
            package("m/cmd/a", &["net", "C"], false, false),
            package("m/cmd/b", &["x/sqlite"], false, false),
        ];
        let commands = commands(&packages).expect("distinct");
        assert!(commands[0].cgo.is_empty());
        assert_eq!(commands[1].cgo, ["x/sqlite"]);
    }
}
