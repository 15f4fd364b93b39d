//! `polyarch exec`, `shell` and `env`: any command with the compilers of a platform set up.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZero;

use clap::ValueEnum;
use serde::Serialize;
use thiserror::Error;

use super::choose;
use super::context::Context;
use super::failure::Failure;
use super::libc;
use super::tools::{self, Tools};
use crate::fault::{Exit, Fault};
use crate::parallel;
use crate::process::{self, CommandSpec};
use crate::progress::Observer;
use crate::settings::Flags;
use crate::target::{Libc, Platform};
use crate::toolchain::Compilers;
use crate::toolchain::rust::environment;

const EXEC_EXAMPLES: &str = "\
Examples:
  polyarch exec --platform linux/arm64 -- make
  polyarch exec --platform linux/riscv64 -- sh -c './configure && make'
  polyarch exec --platform linux/arm64 -- cargo build --release
  polyarch exec --platform arm64,armv7 -- sh -c '$CC -O2 -o hello-$POLYARCH_ARCH hello.c'
  polyarch exec --platform linux/arm64 --libc gnu.2.31 -- cmake -B build";

const SHELL_EXAMPLES: &str = "\
Examples:
  polyarch shell --platform linux/arm64
  polyarch shell --platform linux/arm/v7 --libc gnu.2.31";

const ENV_EXAMPLES: &str = "\
Examples:
  eval \"$(polyarch env --platform linux/arm64)\"
  cmake -B build --toolchain \"$(polyarch env --platform linux/arm64 --format cmake)\"
  meson setup build --cross-file \"$(polyarch env --platform linux/arm64 --format meson)\"";

/// Run a command with the compilers of a platform set up
///
/// CC, CXX, AR and their kin name compilers for the platform, PATH has them under their triple's
/// names, and CMake, Meson, pkg-config and configure scripts are told that this is a
/// cross-compilation. The command itself runs on this machine; its exit code is polyarch's.
#[derive(clap::Args, Debug)]
#[command(after_help = EXEC_EXAMPLES)]
pub(super) struct ExecArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// Start a shell with the compilers of a platform set up
///
/// As `polyarch exec` with $SHELL.
#[derive(clap::Args, Debug)]
#[command(after_help = SHELL_EXAMPLES)]
pub(super) struct ShellArgs {
    #[command(flatten)]
    target: TargetArgs,
}

/// Print the environment of a platform's compilers
///
/// What `polyarch exec` sets, for scripts and build systems that run by themselves.
#[derive(clap::Args, Debug)]
#[command(after_help = ENV_EXAMPLES)]
pub(super) struct EnvArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// shell: lines to evaluate; cmake, meson: the path of the toolchain file or cross file
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "shell",
        hide_possible_values = true
    )]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct TargetArgs {
    /// Platforms, such as linux/arm64
    #[arg(long, value_name = "PLATFORMS")]
    platform: Vec<String>,
    /// The C library: musl, or gnu.VERSION such as gnu.2.36 [default: that of the base]
    #[arg(long, value_name = "LIBC")]
    libc: Option<Libc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Shell,
    Cmake,
    Meson,
}

/// Why a command can't be run for a platform.
#[derive(Debug, Error)]
enum Error {
    #[error("no platform is named")]
    NoPlatform,
    #[error("`{command}` works for one platform, and {} are named: {}", .platforms.len(), listed(.platforms))]
    SeveralPlatforms {
        command: &'static str,
        platforms: Vec<Platform>,
    },
    #[error("there is no program `{0}` on PATH")]
    NoProgram(String),
    /// The command said why itself.
    #[error("`{command}` failed for {}", listed(.platforms))]
    Failed {
        command: String,
        platforms: Vec<Platform>,
    },
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::Failed { .. } => Exit::Compile,
            _ => Exit::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoPlatform => Some("`--platform linux/arm64`".to_owned()),
            Self::SeveralPlatforms { platforms, .. } => {
                let first = platforms.first()?;
                Some(format!("`--platform {first}`"))
            }
            Self::NoProgram(_) | Self::Failed { .. } => None,
        }
    }
}

/// What `--json` prints of `env`.
#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    compilers: &'a Compilers,
    variables: BTreeMap<String, String>,
}

pub(super) fn exec(args: &ExecArgs, context: &Context<'_>) -> Result<(), Failure> {
    let prepared = Ready::new(&args.target, context)?;
    let [program, arguments @ ..] = &args.command[..] else {
        return Err(Error::NoProgram(String::new()).into());
    };
    let spec = |compilers: &Compilers| {
        let spec = CommandSpec::new(program, &context.directory).args(arguments.iter().cloned());
        compilers.set_up(spec)
    };
    if let [only] = &prepared.compilers[..] {
        return Err(instead(&spec(only), context));
    }
    let threads = context.global.jobs.map_or(1, NonZero::get);
    let names = prepared
        .compilers
        .iter()
        .map(|one| one.platform.to_string());
    let width = names.map(|name| name.len()).max().unwrap_or_default();
    let ended = parallel::map(&prepared.compilers, threads, |compilers| {
        let (spec, platform) = (spec(compilers), compilers.platform);
        let status = if threads > 1 {
            let label = format!("{:width$}", platform.to_string());
            process::lines(&spec, &|stream, line| {
                context.report.relayed(stream, &label, line);
            })?
        } else {
            context.report.note(&format!("for {platform}"));
            process::watch(&spec)?
        };
        Ok((platform, status.success()))
    });
    let ended = ended.map_err(unstarted)?;
    let failed: Vec<Platform> = ended
        .into_iter()
        .filter_map(|(platform, succeeded)| (!succeeded).then_some(platform))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Error::Failed {
        command: program.to_string_lossy().into_owned(),
        platforms: failed,
    }
    .into())
}

pub(super) fn shell(args: &ShellArgs, context: &Context<'_>) -> Result<(), Failure> {
    let prepared = Ready::new(&args.target, context)?;
    let compilers = prepared.only("shell")?;
    let program = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let program = program.unwrap_or_else(|| "/bin/sh".into());
    context.report.note(&format!(
        "compilers for {} ({}) are set up; leave with `exit`",
        compilers.platform, compilers.target
    ));
    let spec = CommandSpec::new(program, &context.directory);
    Err(instead(&compilers.set_up(spec), context))
}

pub(super) fn env(args: &EnvArgs, context: &Context<'_>) -> Result<(), Failure> {
    let prepared = Ready::new(&args.target, context)?;
    if context.global.json {
        let all = prepared.compilers.iter().map(|compilers| Json {
            compilers,
            variables: compilers.variables(),
        });
        context.report.json(&all.collect::<Vec<_>>());
        return Ok(());
    }
    let compilers = prepared.only("env")?;
    match args.format {
        Format::Cmake => context
            .report
            .result(&compilers.cmake.display().to_string()),
        Format::Meson => context
            .report
            .result(&compilers.meson.display().to_string()),
        Format::Shell => {
            for (name, value) in compilers.variables() {
                context
                    .report
                    .result(&format!("export {name}={}", quoted(&value)));
            }
            let folders = std::iter::once(&compilers.bin).chain(&compilers.folders);
            let folders: Vec<String> = folders
                .map(|folder| quoted(&folder.display().to_string()))
                .collect();
            let folders = folders.join(":");
            context
                .report
                .result(&format!("export PATH={folders}:\"$PATH\""));
        }
    }
    Ok(())
}

/// A command in the place of this process: signals, the terminal and the exit code are its own.
fn instead(spec: &CommandSpec, context: &Context<'_>) -> Failure {
    if let Some(store) = context.store.opened() {
        store.leave();
    }
    unstarted(process::replace(spec))
}

fn unstarted(error: process::Error) -> Failure {
    match error {
        process::Error::Start {
            program, source, ..
        } if source.kind() == std::io::ErrorKind::NotFound => {
            Error::NoProgram(program.display().to_string()).into()
        }
        error => error.into(),
    }
}

/// Compilers for each platform.
struct Ready {
    compilers: Vec<Compilers>,
}

impl Ready {
    fn new(args: &TargetArgs, context: &Context<'_>) -> Result<Self, Failure> {
        let flags = Flags {
            platforms: args.platform.clone(),
            libc: args.libc,
            ..Flags::default()
        };
        if args.platform.is_empty() {
            return Err(Error::NoPlatform.into());
        }
        let settings = context.settings(None, flags)?;
        let fetcher = tools::fetcher(context, &settings);
        let tools = Tools::new(context, &settings, &fetcher)?;
        let mut compilers = Vec::new();
        let platforms = choose::platforms(context, &settings, &tools)?;
        let libcs = libc::find(context, &settings, &tools, &platforms)?;
        for (platform, libc) in libcs {
            compilers.push(with_cargo(context, tools.compilers(platform, libc)?)?);
        }
        tools.keep_lock()?;
        Ok(Self { compilers })
    }

    fn only(&self, command: &'static str) -> Result<&Compilers, Error> {
        match &self.compilers[..] {
            [only] => Ok(only),
            several => Err(Error::SeveralPlatforms {
                command,
                platforms: several.iter().map(|one| one.platform).collect(),
            }),
        }
    }
}

/// With what cargo reads. What the user has set for a target stays; which target is built follows from
/// the platform.
fn with_cargo(context: &Context<'_>, mut compilers: Compilers) -> Result<Compilers, Failure> {
    let (store, report) = (context.store.get()?, context.report);
    let variables = environment::cargo(&compilers, store, report)?.into_iter();
    let variables = variables.filter_map(|(name, value)| {
        let is_set = name != "CARGO_BUILD_TARGET" && std::env::var_os(&name).is_some();
        Some((name, value.into_string().ok()?)).filter(|_| !is_set)
    });
    compilers.environment.extend(variables);
    Ok(compilers)
}

/// A value as a POSIX shell takes it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn listed(platforms: &[Platform]) -> String {
    let names: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    names.join(", ")
}
