//! Runs what was planned, in the place of this process.
//!
//! Arguments for lld that zig would refuse go past it: `-Wl,-u,SYMBOL` is handed to lld by zig
//! word for word, and lld takes a word that begins with `@` for a response file. Its first word is
//! then the symbol, which is one that there never is, and the rest is whatever lld knows. The file
//! is one in memory, whose descriptor the compiler and the linker inherit, so nothing has to be
//! removed and no process of ours has to stay.

use std::ffi::OsString;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

use super::Refusal;
use super::response::{self, Part};
use super::spec::Spec;
use super::translate::Call;

/// A symbol that no program refers to: asking for it changes nothing in what is linked.
const SYMBOL: &str = "__polyarch_no_such_symbol";

/// Runs calls of the compiler; the last one replaces this process, so this only returns where
/// something went wrong, with the exit code.
pub(super) fn run(spec: &Spec, calls: Vec<Call>) -> Result<u8, Refusal> {
    let mut failed = None;
    let last = calls.len().saturating_sub(1);
    for (index, call) in calls.into_iter().enumerate() {
        let mut files = Vec::new();
        let mut command = prepare(spec, call, &mut files)?;
        // After a failure the others are compiled all the same, and the code is still the first's.
        if index == last && failed.is_none() {
            return Err(Refusal::exec(&spec.program, command.exec()));
        }
        let status = command
            .status()
            .map_err(|error| Refusal::exec(&spec.program, error))?;
        failed = failed.or_else(|| code(status));
    }
    Ok(failed.unwrap_or_default())
}

/// Runs another program with these arguments instead of this process.
pub(super) fn replace(spec: &Spec, program: &Path, arguments: Vec<OsString>) -> Refusal {
    let mut command = Command::new(program);
    command.args(arguments);
    set_environment(spec, &mut command);
    Refusal::exec(program, command.exec())
}

/// The exit code as a shell has it, of what did not succeed.
fn code(status: ExitStatus) -> Option<u8> {
    if status.success() {
        return None;
    }
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    Some(u8::try_from(code.unwrap_or(1)).unwrap_or(1))
}

/// A call as a command. Its response files are open as long as `files`.
fn prepare(spec: &Spec, call: Call, files: &mut Vec<std::fs::File>) -> Result<Command, Refusal> {
    let mut command = Command::new(&spec.program);
    let mut arguments = call.arguments;
    if !call.linker.is_empty() {
        let mut words = vec![OsString::from(SYMBOL)];
        words.extend(call.linker);
        let path = in_memory(&response::for_linker(&words), files)?;
        arguments.push(format!("-Wl,-u,@{path}").into());
    }
    for part in response::for_zig(arguments) {
        match part {
            Part::Plain(argument) => command.arg(argument),
            Part::File(text) => command.arg(format!("@{}", in_memory(&text, files)?)),
        };
    }
    set_environment(spec, &mut command);
    Ok(command)
}

fn set_environment(spec: &Spec, command: &mut Command) {
    for (name, value) in &spec.defaults {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    command.envs(&spec.environment);
}

/// A file in memory that the programs we become inherit; its path.
fn in_memory(text: &[u8], files: &mut Vec<std::fs::File>) -> Result<String, Refusal> {
    let write = || -> std::io::Result<std::fs::File> {
        // Without CLOEXEC: that is what it is for.
        let descriptor = rustix::fs::memfd_create("arguments", rustix::fs::MemfdFlags::empty())?;
        let mut file = std::fs::File::from(descriptor);
        file.write_all(text)?;
        file.rewind()?;
        Ok(file)
    };
    let file = write().map_err(Refusal::Memory)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    files.push(file);
    Ok(path)
}
