//! The command line: what was typed becomes settings, stages are joined, results are printed.
//!
//! One file a command; `prepare` is what `build`, `compile` and `plan` have in common, and
//! `report` is the only place that prints.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments of arguments are help texts, in which backticks would be printed"
)]

mod account;
mod args;
mod build;
mod choose;
mod compile;
mod completions;
mod configured;
mod context;
mod cross;
mod failure;
mod golang;
mod libc;
mod lock;
mod needs;
mod plan;
mod prepare;
mod printable;
pub mod reference;
mod report;
mod rust;
mod screen;
mod source;
mod sysroot;
mod toolchain;
mod tools;
mod vendor;
mod verify;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use self::args::Global;
use self::context::Context;
use self::report::Report;
use crate::fault::Exit;
use crate::{interrupt, limits};

const EXAMPLES: &str = "\
Examples:
  polyarch build                              detect, compile, assemble into ./out/image
  polyarch build --platform linux/arm64 -t ghcr.io/me/app:1.2
  polyarch compile --platform arm64,armv7     only out/<arch>/<files>, no image
  polyarch plan                               show what build would do, and why
Guides and reference: docs/ beside the source; `polyarch COMMAND --help` for each command.";

/// Multi-architecture container images from source, without emulation and without a container
/// engine
#[derive(Parser, Debug)]
#[command(name = "polyarch", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

/// What each does is said by its arguments, in short and at length.
#[derive(Subcommand, Debug)]
enum Command {
    Build(build::Args),
    Compile(compile::Args),
    Plan(plan::Args),
    Exec(cross::ExecArgs),
    Shell(cross::ShellArgs),
    Env(cross::EnvArgs),
    Verify(verify::Args),
    Toolchain(toolchain::Args),
    Sysroot(sysroot::Args),
    Lock(lock::Args),
    Vendor(vendor::Args),
    Completions(completions::Args),
    /// Print the help of a command
    #[command(hide = true)]
    Help {
        /// The command, with its subcommand
        command: Vec<String>,
    },
    /// Write manual pages
    #[command(hide = true)]
    Man(completions::ManArgs),
}

/// Runs the program with the process's own arguments and returns its exit code.
pub fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that has gone away while help is printed is no error.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(Exit::Usage.code()),
            };
        }
    };
    let report = report(&cli);
    limits::raise();
    let result = interrupt::install(report.last_words())
        .map_err(|error| context::Error::Signals(error).into())
        .and_then(|()| Context::new(&cli.global, &report))
        .and_then(|context| {
            run(&cli.command, &context)?;
            if let Some(store) = context.store.opened() {
                // What can't be noted now is noted by the next command.
                let _ = store.note_caches();
            }
            report.delivered().map_err(context::Error::Output)?;
            Ok(())
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report.error(&failure);
            ExitCode::from(failure.code())
        }
    }
}

fn run(command: &Command, context: &Context<'_>) -> Result<(), failure::Failure> {
    match command {
        Command::Build(args) => build::run(args, context),
        Command::Compile(args) => compile::run(args, context),
        Command::Plan(args) => plan::run(args, context),
        Command::Exec(args) => cross::exec(args, context),
        Command::Shell(args) => cross::shell(args, context),
        Command::Env(args) => cross::env(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::Toolchain(args) => toolchain::run(args, context),
        Command::Sysroot(args) => sysroot::run(args, context),
        Command::Lock(args) => lock::run(args, context),
        Command::Vendor(args) => vendor::run(args, context),
        Command::Completions(args) => completions::run(args, context),
        // Was answered while the arguments were read.
        Command::Help { .. } => Ok(()),
        Command::Man(args) => completions::man(args),
    }
}

/// Reads the process's arguments. `polyarch help build` is `polyarch build --help`.
fn parse() -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse()?;
    match &cli.command {
        Command::Help { command } => {
            let words = command.iter().map(String::as_str);
            let asked = std::iter::once("polyarch").chain(words).chain(["--help"]);
            Cli::try_parse_from(asked)
        }
        _ => Ok(cli),
    }
}

/// The whole command as data, for completions, manual pages and the reference.
pub fn command() -> clap::Command {
    Cli::command()
}

fn report(cli: &Cli) -> Report {
    let global = &cli.global;
    match global.color {
        args::Color::Auto => {}
        args::Color::Always => anstream::ColorChoice::Always.write_global(),
        args::Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let level = match (global.quiet, global.verbose) {
        (true, _) => report::Level::Quiet,
        (_, true) => report::Level::Verbose,
        (false, false) => report::Level::Normal,
    };
    let account = match cli.command {
        Command::Plan(_) | Command::Verify(_) if !global.json => report::Stream::Stdout,
        _ => report::Stream::Stderr,
    };
    Report::new(level, global.progress == args::ProgressStyle::Auto, account)
}
