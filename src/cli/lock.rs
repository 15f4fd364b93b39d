//! `polyarch lock`: pins what a project is built with.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::tools::{self, LOCK, Tools};
use super::{account, needs};
use crate::lock::{Closure, Lock, Pin, Toolchain};
use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  polyarch lock                   write polyarch.lock, or bring it up to date
  polyarch lock --upgrade         choose everything anew
  polyarch lock --upgrade go      choose only Go anew
  polyarch lock --upgrade libssl-dev
  polyarch lock --locked          fail if the lock is not up to date";

/// Write polyarch.lock
///
/// Records, for every host, which toolchains and data the project is built with: name, version, file
/// and digest, never an address. Commit the file; `build --locked` then uses exactly that.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The project's folder
    #[arg(value_name = "DIR")]
    path: Option<PathBuf>,
    /// Choose these anew, or everything where none is named
    #[arg(long, value_name = "NAME", num_args = 0..)]
    upgrade: Option<Vec<String>>,
}

/// The lock, as `--json` prints it.
#[derive(Serialize)]
struct Json<'a> {
    file: &'a Path,
    changed: bool,
    toolchains: Vec<Pinned<'a>>,
    closures: Vec<Closed<'a>>,
}

#[derive(Serialize)]
struct Closed<'a> {
    name: &'a str,
    platform: &'a str,
    suite: &'a str,
    packages: Vec<String>,
}

impl<'a> From<&'a Closure> for Closed<'a> {
    fn from(closure: &'a Closure) -> Self {
        Self {
            name: &closure.name,
            platform: &closure.platform,
            suite: &closure.suite,
            packages: closure.packages.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Serialize)]
struct Pinned<'a> {
    name: &'a str,
    version: &'a str,
    source: &'a str,
}

impl<'a> From<&'a Toolchain> for Pinned<'a> {
    fn from(entry: &'a Toolchain) -> Self {
        Self {
            name: &entry.name,
            version: &entry.version,
            source: match &entry.pin {
                Pin::System => "system",
                Pin::File { source, .. } => source,
            },
        }
    }
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let settings = context.settings(args.path.as_deref(), Flags::default())?;
    let file = settings.root.join(LOCK);
    let before = Lock::load(&file)?;
    let mut kept = before.clone().unwrap_or_default();
    if let Some(names) = &args.upgrade {
        kept.upgrade(names)?;
    }
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::with_lock(context, &settings, &fetcher, Some(kept.clone()), true)?;
    needs::all(context, &settings, &tools)?;
    let mut after = tools.completed(kept)?;
    // Emulators and the like belong to no build, but to whoever fetched them here.
    let used = tools.packages().used();
    after.keep_closures(|closure| {
        closure.name.starts_with("toolchain ")
            || used
                .iter()
                .any(|want| want.name == closure.name && want.platform == closure.platform)
    });
    let unchanged = before.as_ref() == Some(&after);
    if context.global.locked && !unchanged {
        return Err(tools.drift(&before.unwrap_or_default(), &after).into());
    }
    after.save(&file)?;
    let mut names: Vec<String> = after
        .toolchains()
        .iter()
        .map(|entry| format!("{} {}", entry.name, entry.version))
        .collect();
    names.dedup();
    for closure in after.closures() {
        names.push(format!(
            "{} for {} ({})",
            closure.name,
            closure.platform,
            account::plural(closure.packages.len(), "package")
        ));
    }
    let state = if unchanged { "unchanged" } else { "written" };
    context.report.field(
        "Lock",
        &format!("{LOCK} {state}: {}", account::list(&names)),
    );
    if context.global.json {
        context.report.json(&Json {
            file: &file,
            changed: !unchanged,
            toolchains: after.toolchains().iter().map(Pinned::from).collect(),
            closures: after.closures().iter().map(Closed::from).collect(),
        });
    }
    Ok(())
}
