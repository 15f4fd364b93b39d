//! `polyarch lock`: pins what a project is built with.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::Context;
use super::failure::Failure;
use super::tools::{self, LOCK, Tools};
use super::{account, prepare};
use crate::lock::{Lock, Pin, Toolchain};
use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  polyarch lock                   write polyarch.lock, or bring it up to date
  polyarch lock --upgrade         choose everything anew
  polyarch lock --upgrade go      choose only Go anew
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
    let tools = Tools::with_lock(
        context,
        &settings,
        context.definitions()?,
        &fetcher,
        Some(kept.clone()),
    );
    prepare::needs(context, &settings, &tools)?;
    let after = tools.completed(kept)?;
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
        });
    }
    Ok(())
}
