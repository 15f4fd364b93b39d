//! Commands as data, and the one place that starts them.
//!
//! A stage builds a [`CommandSpec`]; [`Runner`] executes it in a process group of its own, so that
//! a signal sent to this process alone ends the compiler's children too. What a user runs through
//! polyarch has this process's streams ([`watch`], [`replace`]) or is heard line by line ([`lines`]).

mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::IsTerminal;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use crate::fault::{Exit, Fault};
use crate::{interrupt, limits};

pub use lines::{Stream, lines};

/// A command to run: program, arguments, directory, and what its environment has besides or
/// instead of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandSpec {
    /// The program, an absolute path wherever the toolchain is known.
    pub program: PathBuf,
    /// Its arguments, without the program's name.
    pub arguments: Vec<OsString>,
    /// The working directory.
    pub directory: PathBuf,
    /// Variables set (`Some`) or removed (`None`) on top of the inherited environment; these win.
    pub environment: BTreeMap<OsString, Option<OsString>>,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error.
    pub stderr: Vec<u8>,
}

/// Why a command gave no output.
#[derive(Debug, Error)]
pub enum Error {
    /// It could not be started.
    #[error("can't run `{}` in {}", program.display(), directory.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Where it should have run.
        directory: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A signal told this process to end.
    #[error("interrupted")]
    Interrupted,
    /// Another command failed and its fellows were to end with it.
    #[error("stopped because another command failed")]
    Stopped,
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        Exit::Io
    }
}

impl CommandSpec {
    /// A command without arguments, run in `directory`.
    pub fn new(program: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            directory: directory.into(),
            environment: BTreeMap::new(),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), Some(value.into()));
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), None);
        self
    }

    /// The variable as the command will see it.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        match self.environment.get(OsStr::new(name)) {
            Some(set) => set.clone(),
            None => std::env::var_os(name),
        }
    }
}

/// Ends several commands at once.
#[derive(Debug, Default)]
pub struct Stop {
    stopped: AtomicBool,
    running: Mutex<BTreeSet<u32>>,
}

impl Stop {
    /// Ends what runs and lets nothing new start.
    pub fn now(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        for id in self.running().iter() {
            interrupt::end_group(*id);
        }
    }

    /// Whether it was called off.
    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn running(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs commands. Standard input is empty; standard output and error are collected.
#[derive(Clone, Copy, Debug, Default)]
pub struct Runner;

impl Runner {
    /// Runs to the end and returns what it wrote.
    pub fn output(self, spec: &CommandSpec) -> Result<Output, Error> {
        self.stoppable(spec, &Stop::default())
    }

    /// Runs to the end, unless `stop` ends it before.
    pub fn stoppable(self, spec: &CommandSpec, stop: &Stop) -> Result<Output, Error> {
        run(spec, stop, Stdio::null(), Stdio::piped())
    }

    /// As [`Runner::stoppable`], and for as long as the command runs it holds the lock that we
    /// hold on `lock`, an empty file: when this process is killed, the command lives on, and nobody
    /// else may take its place before it has ended.
    pub fn holding(self, spec: &CommandSpec, stop: &Stop, lock: &File) -> Result<Output, Error> {
        // Of what a process has open, only the standard streams are inherited.
        let shared = lock.try_clone().map_err(|source| start(spec, source))?;
        run(spec, stop, shared.into(), Stdio::piped())
    }

    /// As [`Runner::holding`], and standard output goes into a file: build systems write much.
    pub fn logging(
        self,
        spec: &CommandSpec,
        stop: &Stop,
        lock: &File,
        log: File,
    ) -> Result<Output, Error> {
        let shared = lock.try_clone().map_err(|source| start(spec, source))?;
        run(spec, stop, shared.into(), log.into())
    }
}

fn run(spec: &CommandSpec, stop: &Stop, input: Stdio, output: Stdio) -> Result<Output, Error> {
    if interrupt::signal().is_some() {
        return Err(Error::Interrupted);
    }
    let mut command = prepared(spec);
    command
        .process_group(0)
        .stdin(input)
        .stdout(output)
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(|source| start(spec, source))?;
    let id = child.id();
    let group = interrupt::group(id);
    stop.running().insert(id);
    if stop.stopped() {
        interrupt::end_group(id);
    }
    let output = child.wait_with_output();
    stop.running().remove(&id);
    drop(group);
    let output = output.map_err(|source| start(spec, source))?;
    if stop.stopped() {
        return Err(Error::Stopped);
    }
    if interrupt::signal().is_some() {
        return Err(Error::Interrupted);
    }
    Ok(Output {
        status: output.status,
        stdout: output.stdout,
        stderr: output.stderr,
    })
}

fn start(spec: &CommandSpec, source: std::io::Error) -> Error {
    Error::Start {
        program: spec.program.clone(),
        directory: spec.directory.clone(),
        source,
    }
}

/// Puts a command in the place of this process; comes back only where that fails.
pub fn replace(spec: &CommandSpec) -> Error {
    limits::restore();
    // One that came until now would be forgotten.
    if interrupt::signal().is_some() {
        return Error::Interrupted;
    }
    let error = prepared(spec).exec();
    start(spec, error)
}

/// Runs a command that reads and writes where this process does. On a terminal it stays in this
/// process's own group, which is the one that may read there, and which the terminal's signals go to.
pub fn watch(spec: &CommandSpec) -> Result<ExitStatus, Error> {
    if interrupt::signal().is_some() {
        return Err(Error::Interrupted);
    }
    let mut command = prepared(spec);
    let on_terminal = std::io::stdin().is_terminal();
    if !on_terminal {
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(|source| start(spec, source))?;
    let running = match on_terminal {
        true => interrupt::process(child.id()),
        false => interrupt::group(child.id()),
    };
    let status = child.wait();
    drop(running);
    if interrupt::signal().is_some() {
        return Err(Error::Interrupted);
    }
    status.map_err(|source| start(spec, source))
}

fn prepared(spec: &CommandSpec) -> Command {
    let mut command = Command::new(&spec.program);
    command.args(&spec.arguments).current_dir(&spec.directory);
    for (name, value) in &spec.environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // `PWD` must agree with the directory: Go and shells believe it over the kernel.
    command.env("PWD", &spec.directory);
    command
}

/// How a process ended, in words: `exit status 2`, `killed by signal 9`.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "unknown status".to_owned(),
    }
}

/// The program's path on `PATH`, if it is there.
pub fn find(program: &str) -> Option<PathBuf> {
    which::which(program).ok()
}

/// The standard output of a short command, trimmed; `None` where it could not be run or failed.
pub fn query(program: &Path, arguments: &[&str], directory: &Path) -> Option<String> {
    let spec = CommandSpec::new(program, directory).args(arguments.iter().copied());
    let output = Runner.output(&spec).ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
