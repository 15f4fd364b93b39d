//! The compiler wrapper: what build systems call is a small file of the store, whose interpreter is
//! a copy of this program.
//!
//! Comes in: the arguments of a wrapper, which are the path of a target file ([`spec::Spec`]), the
//! wrapper's own path and what the user says, in gcc's or clang's words. Goes out: the compiler, in
//! the place of this process.
//!
//! ```text
//! arguments ──> response ──> query ──────────────────────────────────────> an answer, as gcc gives it
//!                files        │
//!                expanded     └──> prefixes ──> translate ──> plan ──> run ──> zig cc
//!                                  of folders   words read    calls    exec
//! ```
//!
//! It is a program of its own: it writes to standard error, in gcc's form, and does nothing else
//! that polyarch does at its start, because it runs once for every file of a project.

mod inputs;
mod link;
mod linker;
mod options;
mod plan;
pub mod prefixes;
mod processor;
mod query;
mod response;
mod run;
pub mod spec;
mod target;
pub mod tool;
pub mod translate;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use thiserror::Error;

use crate::fault::{Exit, Fault};
use crate::target::Platform;
use query::Query;
use spec::Spec;
use tool::Tool;

/// What the names of interpreters in the store begin with.
pub const NAME: &str = "polyarch-cc-";

/// The exit code of what could not be started, as a shell has it.
const NOT_FOUND: u8 = 127;

/// Why a wrapper does not do what it was asked for.
#[derive(Debug, Error)]
pub enum Refusal {
    /// A wrapper is started through its file.
    #[error("called without a target file")]
    Called,
    /// The target file is missing or not one.
    #[error("cannot read the target file `{path}`")]
    Spec {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No such tool.
    #[error("the toolchain for {platform} has no `{tool}`")]
    Tool {
        /// Its name without the triple.
        tool: String,
        /// The platform.
        platform: Platform,
    },
    /// An option for another platform.
    #[error("`{option}` does not agree with {platform}, which this compiler is for")]
    Disagrees {
        /// The option.
        option: String,
        /// The platform.
        platform: Platform,
    },
    /// An option that cannot be carried out.
    #[error("unsupported option `{option}`")]
    Option {
        /// The option.
        option: String,
    },
    /// No runtime library.
    #[error("`-fsanitize={kind}` needs a runtime library that there is not for {platform}")]
    Sanitizer {
        /// The sanitizer.
        kind: String,
        /// The platform.
        platform: Platform,
    },
    /// glibc is for dynamic linking.
    #[error("`-static` cannot be linked for `{target}`: glibc is linked dynamically")]
    Static {
        /// The platform.
        platform: Platform,
        /// The target.
        target: String,
    },
    /// The variable is malformed.
    #[error("`{}` is no list of `target=source`: `{value}`", prefixes::VARIABLE)]
    Prefixes {
        /// Its value.
        value: String,
    },
    /// One output for several.
    #[error("one `-o` for {sources} sources that are not linked")]
    Output {
        /// How many.
        sources: usize,
    },
    /// The program could not be started.
    #[error("cannot run `{program}`")]
    Exec {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No memory for a response file.
    #[error("cannot make a response file in memory")]
    Memory(#[source] io::Error),
}

impl Refusal {
    fn disagrees(option: &str, platform: Platform) -> Self {
        Self::Disagrees {
            option: option.to_owned(),
            platform,
        }
    }

    fn option(option: &str) -> Self {
        Self::Option {
            option: option.to_owned(),
        }
    }

    fn exec(program: &Path, source: io::Error) -> Self {
        Self::Exec {
            program: program.to_owned(),
            source,
        }
    }

    /// What a compiler ends with: 1, or what a shell says of a program that is not there.
    fn code(&self) -> u8 {
        match self {
            Self::Exec { source, .. } if source.kind() == io::ErrorKind::NotFound => NOT_FOUND,
            _ => 1,
        }
    }
}

impl Fault for Refusal {
    fn exit(&self) -> Exit {
        match self {
            Self::Called | Self::Tool { .. } | Self::Spec { .. } | Self::Exec { .. } => {
                Exit::Toolchain
            }
            Self::Memory(_) => Exit::Io,
            _ => Exit::Compile,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Spec { .. } | Self::Exec { .. } => {
                Some("`polyarch toolchain fetch` puts it there again".to_owned())
            }
            Self::Disagrees { .. } => {
                Some("`polyarch exec --platform` has the compilers for another one".to_owned())
            }
            Self::Sanitizer { .. } => {
                Some("`-fsanitize=undefined` works everywhere; leave this one out".to_owned())
            }
            Self::Prefixes { .. } => Some(format!(
                "`unset {}` compiles without it",
                prefixes::VARIABLE
            )),
            Self::Static { .. } => {
                Some("`libc = \"musl\"` under `[toolchain]` links statically".to_owned())
            }
            _ => None,
        }
    }
}

/// Runs a wrapper. `arguments` are those of the process, its own name first.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let mut arguments = arguments.skip(1);
    let (Some(file), Some(wrapper)) = (arguments.next(), arguments.next()) else {
        return report(NAME, &Refusal::Called);
    };
    let wrapper = PathBuf::from(wrapper);
    let name = wrapper.file_name().unwrap_or_default().to_string_lossy();
    match start(Path::new(&file), &wrapper, &name, arguments.collect()) {
        Ok(code) => ExitCode::from(code),
        Err(refusal) => report(&name, &refusal),
    }
}

fn start(file: &Path, wrapper: &Path, name: &str, arguments: Vec<OsString>) -> Result<u8, Refusal> {
    let spec = read(file)?;
    let tool = Tool::of(&spec, wrapper).map_err(|tool| Refusal::Tool {
        tool: tool.to_owned(),
        platform: spec.platform,
    })?;
    let language = match tool {
        // These expand response files themselves.
        Tool::Program(program) => return Err(run::replace(&spec, &program, arguments)),
        Tool::Archiver(command) => {
            let arguments = std::iter::once(OsString::from(command)).chain(arguments);
            return Err(run::replace(&spec, &spec.program, arguments.collect()));
        }
        Tool::Linker => {
            let arguments = linker::direct(spec.platform, arguments);
            return Err(run::replace(&spec, &spec.program, arguments));
        }
        Tool::Compiler(language) => language,
    };
    let arguments = response::expand(arguments, &|path| fs_err::read(path).ok());
    let exists = |path: &Path| path.exists();
    let objects = || objects(&spec);
    if let Some(query) = query::query(&spec, wrapper, &arguments, &objects, &exists) {
        match query {
            Query::Answer(text) => writeln!(io::stdout(), "{text}").map_err(Refusal::Memory)?,
            Query::Compiler(words) => return Err(run::replace(&spec, &spec.program, words)),
        }
        return Ok(0);
    }
    let arguments = mapped(arguments)?;
    let plan = translate::translate(&spec, language, &arguments, &exists)?;
    for warning in &plan.warnings {
        say(name, "warning", warning);
    }
    run::run(&spec, plan.calls)
}

/// The arguments behind those that the environment asks for.
fn mapped(arguments: Vec<OsString>) -> Result<Vec<OsString>, Refusal> {
    let Some(value) = std::env::var_os(prefixes::VARIABLE) else {
        return Ok(arguments);
    };
    let mut all = prefixes::options(&value).ok_or_else(|| Refusal::Prefixes {
        value: value.to_string_lossy().into_owned(),
    })?;
    all.extend(arguments);
    Ok(all)
}

fn read(path: &Path) -> Result<Spec, Refusal> {
    let refused = |source| Refusal::Spec {
        path: path.to_owned(),
        source,
    };
    let text = fs_err::read(path).map_err(refused)?;
    serde_json::from_slice(&text).map_err(|error| refused(error.into()))
}

/// The folder of an installed C library's objects, as the file that `ZIG_LIBC` names says.
fn objects(spec: &Spec) -> Option<PathBuf> {
    let text = fs_err::read_to_string(spec.environment.get("ZIG_LIBC")?).ok()?;
    let mut lines = text.lines();
    let folder = lines.find_map(|line| line.strip_prefix("crt_dir="))?;
    Some(PathBuf::from(folder)).filter(|folder| !folder.as_os_str().is_empty())
}

/// One line in the form of gcc's, which editors and build logs find.
fn report(name: &str, refusal: &Refusal) -> ExitCode {
    let mut text = refusal.to_string();
    let mut cause = std::error::Error::source(refusal);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    if let Some(hint) = refusal.hint() {
        text = format!("{text}; {hint}");
    }
    say(name, "error", &text);
    ExitCode::from(refusal.code())
}

fn say(name: &str, kind: &str, text: &str) {
    // A closed standard error leaves nobody to tell.
    let _ = writeln!(io::stderr(), "{name}: {kind}: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Glibc, Libc, Target};
    use spec::Family;

    /// A target file's content for a platform and `musl` or `gnu.VERSION`.
    pub(super) fn spec(platform: &str, libc: &str) -> Spec {
        let platform: Platform = platform.parse().unwrap();
        let (libc, version) = match libc.strip_prefix("gnu.") {
            Some(version) => {
                let version: Glibc = version.parse().unwrap();
                (Libc::Gnu(version), format!(".{version}"))
            }
            None => (Libc::Musl, String::new()),
        };
        let target = Target { platform, libc };
        Spec {
            toolchain: "zig 0.15.2".to_owned(),
            platform,
            triple: target.triple(),
            family: Family::Zig,
            program: PathBuf::from("/zig/zig"),
            target: format!("{}{version}", target.clang_triple()),
            cpu: platform.cpu().to_owned(),
            arguments: Vec::new(),
            link: Vec::new(),
            pie: false,
            environment: std::collections::BTreeMap::new(),
            defaults: std::collections::BTreeMap::new(),
            tools: std::collections::BTreeMap::new(),
        }
    }
}
