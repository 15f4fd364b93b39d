//! Builds of C and C++: `make` in a copy of the tree, CMake outside of the sources or, where it would
//! write to them, in a copy, or the compiler itself.
//!
//! Comes in: a step and the compilers of its platform. Goes out: artifacts in `out/<arch>`, found
//! among what the build has left. Build trees are kept in `out/.build` from run to run; nothing is
//! written to the sources.

mod cmake;
mod depfile;
mod error;
mod fileapi;
mod found;
mod jobserver;
mod make;
mod manifest;
mod modules;
mod place;
mod plain;
mod publish;
mod sync;
mod times;
mod walk;

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::{Artifact, Context, Options, StepError, Workspace};
use crate::interrupt;
use crate::plan::native::{NativeStep, System};
use crate::plan::{Action, Step};
use crate::process::{self, CommandSpec, Runner};
use crate::target::Platform;
use crate::toolchain::{Compilers, Toolchain};

pub use error::Error;
pub(super) use jobserver::Jobserver;

use found::Found;

/// The result of what can fail here.
type Result<T, E = Error> = std::result::Result<T, E>;

/// The most of a log that an error shows.
const SHOWN: u64 = 256 * 1024;

/// What a step works with.
struct Job<'a> {
    step: &'a Step,
    native: &'a NativeStep,
    compilers: &'a Compilers,
    workspace: &'a Workspace,
    options: &'a Options<'a>,
    context: &'a Context<'a>,
    /// The build before this one.
    last: times::Last,
    /// Whether a command was killed: what it was writing can't be told from what is whole.
    killed: AtomicBool,
}

/// A build that has ended well.
pub(super) struct Built {
    /// What it made for the host, as users name it.
    tools: BTreeSet<PathBuf>,
    state: State,
}

impl Built {
    /// What lies in its place already.
    pub(super) fn published(&self) -> &[Artifact] {
        match &self.state {
            State::Published(artifacts) => artifacts,
            State::Waiting(_) => &[],
        }
    }
}

enum State {
    /// The results lie in their places.
    Published(Vec<Artifact>),
    /// For the host's own machine: what is a tool of the build is told by the others.
    Waiting(Box<Waiting>),
}

struct Waiting {
    step: Step,
    system: &'static str,
    found: Found,
    start: Instant,
}

/// Runs a step's build.
pub(super) fn build(
    step: &Step,
    native: &NativeStep,
    context: &Context<'_>,
) -> Result<Built, StepError> {
    let start = Instant::now();
    let mut job = Job::new(step, native, context)?;
    match times::begin(&native.build)? {
        Some(last) => job.last = last,
        None => context.options.observer.note(&format!(
            "the clock was set back since the last build for {}: building all of it again",
            step.platform
        )),
    }
    fs_err::write(job.log(), "")?;
    let result = run(&job, native);
    if !job.killed.load(Ordering::Relaxed) {
        times::end(&native.build);
    }
    let (system, found) = result?;
    let tools = found
        .foreign
        .iter()
        .map(|file| file.shown.clone())
        .collect();
    let state = if context.is_told_by_others(step.platform) {
        State::Waiting(Box::new(Waiting {
            step: step.clone(),
            system,
            found,
            start,
        }))
    } else {
        State::Published(finish(&job, system, &found, start)?)
    };
    Ok(Built { tools, state })
}

/// Runs the build system, or what there is in place of one.
fn run(job: &Job<'_>, native: &NativeStep) -> Result<(&'static str, Found), StepError> {
    Ok(match &native.system {
        System::Make(make) => ("make", make::build(job, make)?),
        System::Plain(plain) => {
            let result = plain::build(job, plain);
            let found = result.map_err(|error| modules::of_sources(job, plain, error))?;
            ("cc", found)
        }
        System::Cmake(cmake) => {
            let result = cmake::build(job, cmake);
            (
                "cmake",
                result.map_err(|error| modules::of_cmake(job, error))?,
            )
        }
    })
}

/// Puts the results of those builds in their places that had to wait for the others.
pub(super) fn settle(
    built: Vec<Built>,
    context: &Context<'_>,
) -> Result<Vec<Artifact>, super::Error> {
    let tools: BTreeSet<PathBuf> = built
        .iter()
        .filter(|one| matches!(one.state, State::Published(_)))
        .flat_map(|one| one.tools.iter().cloned())
        .collect();
    let mut artifacts = Vec::new();
    for one in built {
        match one.state {
            State::Published(own) => artifacts.extend(own),
            State::Waiting(waiting) => artifacts.extend(waiting.finish(&tools, context)?),
        }
    }
    artifacts.sort_by_key(|artifact| artifact.platform);
    Ok(artifacts)
}

impl Waiting {
    fn finish(
        mut self,
        tools: &BTreeSet<PathBuf>,
        context: &Context<'_>,
    ) -> Result<Vec<Artifact>, super::Error> {
        let Action::Native(native) = &self.step.action else {
            return Ok(Vec::new());
        };
        self.found.without(tools);
        let job = Job::new(&self.step, native, context)?;
        let result = finish(&job, self.system, &self.found, self.start);
        result.map_err(|error| match error {
            StepError::Other(error) => error,
            StepError::Refused { status, message } => super::Error::Failed(vec![super::Failure {
                platforms: vec![self.step.platform],
                status,
                message,
            }]),
        })
    }
}

/// Chooses among what was found, and puts it into its place.
fn finish(
    job: &Job<'_>,
    system: &'static str,
    found: &Found,
    start: Instant,
) -> Result<Vec<Artifact>, StepError> {
    if found.is_empty() {
        return Err(publish::nothing(job, system, &found.foreign).into());
    }
    let picked = found.pick(&job.native.bins, job.step.platform)?;
    publish::note_runpaths(job, &picked);
    let artifacts = publish::publish(job, &picked)?;
    job.context
        .finished(job.step.platform, &artifacts, start.elapsed());
    Ok(artifacts)
}

impl Context<'_> {
    /// Whether a platform's programs run on this machine, and another's that are built now do not:
    /// what they can't tell from a tool of the build, those can.
    fn is_told_by_others(&self, platform: Platform) -> bool {
        let host = Platform::host().map(|host| host.architecture().elf);
        let is_host = |platform: Platform| Some(platform.architecture().elf) == host;
        let others = self.options.compilers.keys();
        is_host(platform) && others.into_iter().any(|other| !is_host(*other))
    }
}

impl<'a> Job<'a> {
    fn new(step: &'a Step, native: &'a NativeStep, context: &'a Context<'a>) -> Result<Self> {
        let compilers = context.options.compilers.get(&step.platform);
        Ok(Self {
            step,
            native,
            compilers: compilers.ok_or(Error::NoCompilers(step.platform))?,
            workspace: context.workspace,
            options: context.options,
            context,
            last: times::Last::default(),
            killed: AtomicBool::new(false),
        })
    }

    /// Where build systems write what they do.
    fn log(&self) -> PathBuf {
        self.native.build.join("log")
    }

    /// A program that was prepared.
    fn program(&self, name: &'static str) -> Result<&'a Toolchain> {
        self.options
            .programs
            .get(name)
            .ok_or(Error::NoProgram(name))
    }

    /// A command with the compilers set up.
    fn command(&self, program: &Toolchain, directory: &Path) -> CommandSpec {
        let path = program.program.clone();
        let spec = CommandSpec::new(path.unwrap_or_else(|| (&program.name).into()), directory);
        let spec = self.environment(spec);
        let own = program.environment.iter();
        own.fold(spec, |spec, (name, value)| spec.env(name, value))
    }

    /// What every command of a build has in its environment.
    fn environment(&self, spec: CommandSpec) -> CommandSpec {
        // What an outer make says is not meant for this one.
        let mut spec = [
            "MAKEFLAGS",
            "MFLAGS",
            "MAKELEVEL",
            "MAKEOVERRIDES",
            "MAKEFILES",
        ]
        .into_iter()
        .fold(self.compilers.set_up(spec), CommandSpec::without_env)
        // What was compiled is kept in the build tree.
        .env("ZIG_LOCAL_CACHE_DIR", self.workspace.temporary.join("zig"));
        if spec.variable("SOURCE_DATE_EPOCH").is_none() {
            spec = spec.env("SOURCE_DATE_EPOCH", self.native.epoch.to_string());
        }
        let own = self.native.env.iter();
        own.fold(spec, |spec, (name, value)| spec.env(name, value))
    }

    /// Lets the program start as many compilers as all platforms together may, else its share.
    fn with_jobs(&self, spec: CommandSpec, program: &Toolchain) -> CommandSpec {
        let jobserver = self.context.jobserver.as_ref();
        match jobserver.and_then(|jobserver| jobserver.flags(program)) {
            Some(flags) => spec.env("MAKEFLAGS", flags),
            None => spec.arg(format!("-j{}", self.context.share)),
        }
    }

    /// Runs a command to its end; what it says when it fails is the error.
    fn run(&self, spec: CommandSpec, what: &str) -> Result<(), StepError> {
        let mut log = fs_err::OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(self.log())?;
        let from = log.seek(SeekFrom::End(0))?;
        let file = log.file().try_clone()?;
        let output = Runner.logging(&spec, &self.context.stop, self.workspace.lock(), file);
        // One that was asked to end clears up, and is none of these.
        let by_signal = |output: &process::Output| output.status.code().is_none();
        if output.as_ref().is_ok_and(by_signal) || interrupt::killed() {
            self.killed.store(true, Ordering::Relaxed);
        }
        let output = output?;
        if output.status.success() {
            return Ok(());
        }
        let mut message = String::from_utf8_lossy(&output.stderr)
            .trim_end()
            .to_owned();
        if what == "ninja" || message.is_empty() {
            let said = said(&mut log, from)?;
            message = [failed(&said), message].join("\n").trim().into();
        }
        Err(StepError::Refused {
            status: process::describe(output.status),
            message,
        })
    }

    /// The flags where a project sets none of its own.
    fn flags(&self) -> &'static str {
        match self.native.debug {
            true => "-O2 -g",
            false => "-O2",
        }
    }
}

/// The end of what was written to a log since.
fn said(log: &mut fs_err::File, from: u64) -> std::io::Result<String> {
    let end = log.seek(SeekFrom::End(0))?;
    log.seek(SeekFrom::Start(from.max(end.saturating_sub(SHOWN))))?;
    let mut bytes = Vec::new();
    log.take(SHOWN).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Of what ninja writes, what belongs to the edges that failed; all of it where none did.
fn failed(said: &str) -> String {
    let mut lines = Vec::new();
    let mut within = false;
    for line in said.lines() {
        if line.starts_with("FAILED: ") {
            within = true;
        } else if line.starts_with('[') && line.contains("] ") || line.starts_with("ninja: ") {
            within = false;
        }
        if within {
            lines.push(line);
        }
    }
    match lines.is_empty() {
        true => said.trim_end().to_owned(),
        false => lines.join("\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ninjas_words_only_the_failures_are_shown() {
        let said = "[1/3] Building C object a.o\nFAILED: b.o \ncc -c b.c\nb.c:1: error: x\n\
                    [2/3] Building C object c.o\nninja: build stopped: subcommand failed.\n";
        assert_eq!(failed(said), "FAILED: b.o \ncc -c b.c\nb.c:1: error: x");
        assert_eq!(failed("ninja: error: loading\n"), "ninja: error: loading");
    }
}
