//! `polyarch compile`: only `out/<arch>/<files>`, no image.

use std::time::Instant;

use serde::Serialize;

use super::account;
use super::args::ProjectArgs;
use super::context::Context;
use super::failure::Failure;
use super::prepare::{self, Prepared};
use super::report::seconds;
use super::tools::{self, Tools};
use crate::compile::{self, Artifact, Finished, Workspace};
use crate::elf::Loader;
use crate::progress::Observer;

const EXAMPLES: &str = "\
Examples:
  polyarch compile                              every command, for the usual platforms
  polyarch compile --platform arm64,armv7,armv6
  polyarch compile --platform riscv64 --bin server --ldflags '-X main.version=1.2'
  polyarch compile --libc gnu.2.31              for machines with glibc 2.31 or newer
  polyarch compile -- --features tls            further arguments of cargo build
  polyarch compile --json                       the files as JSON";

/// Compile for every platform, into out/<arch>
///
/// The files lie in out/<arch><variant>/, so that a Dockerfile's
/// COPY out/${TARGETARCH}${TARGETVARIANT}/app /bin/ finds them.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    project: ProjectArgs,
    /// Stop all platforms when one fails
    #[arg(long)]
    fail_fast: bool,
}

/// One file, as `--json` prints it.
#[derive(Serialize)]
struct File<'a> {
    platform: String,
    name: &'a str,
    path: String,
    size: u64,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let start = Instant::now();
    let settings = context.settings(args.project.path.as_deref(), args.project.flags())?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    let prepared = prepare::prepare(context, &settings, &tools, false)?;
    tools.keep_lock()?;
    account::prepared(context.report, &prepared);
    let workspace = open(context, &prepared)?;
    let artifacts = artifacts(context, &prepared, &workspace, args.fail_fast, Loader::Any)?;
    let total = seconds(start.elapsed());
    let folders = account::folders(&prepared.plan.platforms);
    context
        .report
        .field("Done", &format!("{folders} in {total}"));
    if context.global.json {
        let files = artifacts.iter().map(|artifact| File {
            platform: artifact.platform.to_string(),
            name: &artifact.name,
            path: artifact.path.display().to_string(),
            size: artifact.size,
        });
        context.report.json(&files.collect::<Vec<_>>());
    }
    Ok(())
}

/// The project's `out` folder, for this build alone.
pub(super) fn open(context: &Context<'_>, prepared: &Prepared) -> Result<Workspace, Failure> {
    let observer: &dyn Observer = context.report;
    let root = &prepared.project.root;
    Ok(Workspace::open(root, observer).map_err(|error| compile::Error::opening(root, error))?)
}

/// Compiles and checks, with a line for each platform as it is done.
pub(super) fn artifacts(
    context: &Context<'_>,
    prepared: &Prepared,
    workspace: &Workspace,
    fail_fast: bool,
    loader: Loader,
) -> Result<Vec<Artifact>, Failure> {
    let finished = |done: &Finished| account::finished(context.report, done);
    let options = compile::Options {
        jobs: context.jobs,
        fail_fast,
        offline: context.global.offline,
        locked: context.global.locked,
        rust: prepared.rust.as_ref(),
        machine: prepared.machine.as_ref(),
        store: &context.store,
        compilers: &prepared.compilers,
        programs: &prepared.programs,
        loader,
        observer: context.report,
        finished: &finished,
    };
    let artifacts = compile::run(
        &prepared.plan,
        prepared.toolchain.as_ref(),
        workspace,
        &options,
    )?;
    if !prepared.plan.steps.is_empty() {
        workspace
            .link_arm(&prepared.plan.platforms)
            .map_err(compile::Error::Io)?;
    }
    Ok(artifacts)
}
