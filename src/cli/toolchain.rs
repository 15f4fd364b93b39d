//! `polyarch toolchain`: what there is, what is fetched, what the store holds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::account::plural;
use super::choose;
use super::context::Context;
use super::failure::Failure;
use super::libc;
use super::report::bytes;
use super::tools::{self, Tools};
use crate::compile;
use crate::progress::{Observer, Silent};
use crate::settings::Flags;
use crate::store::Prune;
use crate::toolchain::{self, ANY, Definition};

mod failed {
    use std::path::PathBuf;

    use thiserror::Error;

    use crate::fault::{Exit, Fault};
    use crate::toolchain;

    /// The store is not what it should be.
    #[derive(Debug, Error)]
    pub(super) enum Error {
        #[error("{} in the store {} wrong:\n{}", .0.len(), if .0.len() == 1 { "is" } else { "are" }, .0.join("\n"))]
        Wrong(Vec<String>),
        #[error("`{name}` is not in the store {}", store.display())]
        NotHere { name: String, store: PathBuf },
        #[error("nothing is known for host `{host}`, only for {}", known.join(", "))]
        UnknownHost { host: String, known: Vec<String> },
    }

    impl Fault for Error {
        fn exit(&self) -> Exit {
            match self {
                Self::Wrong(_) => Exit::Integrity,
                Self::NotHere { .. } | Self::UnknownHost { .. } => Exit::Toolchain,
            }
        }

        fn hint(&self) -> Option<String> {
            Some(match self {
                Self::Wrong(_) => "`polyarch toolchain check --repair`".to_owned(),
                Self::UnknownHost { .. } => {
                    format!("`polyarch toolchain fetch --host {}`", toolchain::host())
                }
                Self::NotHere { name, .. } => format!("`polyarch toolchain fetch {name}`"),
            })
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  polyarch toolchain list
  polyarch toolchain fetch                        everything this version pins, for this host
  polyarch toolchain fetch go --host linux/arm64
  polyarch toolchain fetch --platform linux/arm64,linux/riscv64     C and C++ for these
  polyarch toolchain prune --older-than 30d --max-size 5GB
  $(polyarch toolchain path go)/bin/go version";

/// List, fetch, check and prune toolchains
///
/// Toolchains are kept by digest in one store for all projects: $POLYARCH_HOME, else
/// $XDG_CACHE_HOME/polyarch, else ~/.cache/polyarch.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// List the toolchains this version knows, and which of them are here
    List,
    /// Fetch pinned toolchains into the store
    Fetch {
        /// Their names [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// For another machine than this one, such as linux/arm64
        #[arg(long, value_name = "OS/ARCH")]
        host: Option<String>,
        /// Also what compiling C and C++ for these platforms takes, such as linux/arm64: the C
        /// library, and what the compiler builds once for each
        #[arg(long, value_name = "PLATFORMS", conflicts_with = "host")]
        platform: Vec<String>,
    },
    /// Read everything in the store and compare it with its digests
    Check {
        /// Remove what is wrong, so that its next use fetches it again
        #[arg(long)]
        repair: bool,
    },
    /// Remove what was not used for long
    Prune {
        /// Remove what was last used longer ago, such as 12h [default: 30d, without --max-size]
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: Option<Duration>,
        /// Remove the oldest until no more than this is left, such as 5GB
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
        /// Remove everything that is not in use
        #[arg(long, conflicts_with_all = ["older_than", "max_size"])]
        all: bool,
        /// Only tell what would be removed
        #[arg(long)]
        dry_run: bool,
    },
    /// Print where a fetched toolchain lies
    Path {
        /// Its name
        name: String,
    },
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    match &args.action {
        Action::List => list(context),
        Action::Fetch {
            names,
            host,
            platform,
        } => {
            // Platforms alone mean just what they take.
            if platform.is_empty() || !names.is_empty() {
                fetch(context, names, host.as_deref())?;
            }
            if platform.is_empty() {
                return Ok(());
            }
            warm(context, platform)
        }
        Action::Check { repair } => check(context, *repair),
        Action::Prune {
            older_than,
            max_size,
            all,
            dry_run,
        } => prune(
            context,
            Prune {
                older_than: match max_size {
                    None if !all => older_than.or(Some(LONG_AGO)),
                    _ => *older_than,
                },
                max_size: *max_size,
                dry_run: *dry_run,
            },
        ),
        Action::Path { name } => path(context, name),
    }
}

/// What was not used for this long is removed where no rule is given.
const LONG_AGO: Duration = Duration::from_secs(30 * 24 * 3600);

fn list(context: &Context<'_>) -> Result<(), Failure> {
    let settings = context.settings(None, Flags::default())?;
    let store = context.existing_store()?;
    let all = toolchain::list(context.definitions(&settings)?, store, &context.directory)?;
    if context.global.json {
        context.report.json(&all);
        return Ok(());
    }
    for one in &all {
        let system = one
            .system
            .as_ref()
            .map(|own| format!("{} in {}", own.version, own.root.display()));
        let fetched = one
            .fetched
            .as_ref()
            .map(|_| format!("{} fetched", one.version));
        let here: Vec<String> = system.into_iter().chain(fetched).collect();
        let here = if here.is_empty() {
            "not here".to_owned()
        } else {
            here.join(", ")
        };
        context.report.result(&format!(
            "{:<8} {:<12} {here}",
            one.name,
            one.version.to_string()
        ));
        context.report.verbose(&format!(
            "{}, {}, {}",
            one.description, one.licence, one.homepage
        ));
    }
    Ok(())
}

fn fetch(context: &Context<'_>, names: &[String], host: Option<&str>) -> Result<(), Failure> {
    let settings = context.settings(None, Flags::default())?;
    let definitions = context.definitions(&settings)?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    let own = toolchain::host();
    let host = host.unwrap_or(&own);
    // What is for any host would be fetched for a misspelt one, too.
    let known: BTreeSet<&str> = definitions.iter().flat_map(Definition::hosts).collect();
    if host != own && (host == ANY || !known.contains(host)) {
        let known = known.into_iter().filter(|known| *known != ANY);
        return Err(failed::Error::UnknownHost {
            host: host.to_owned(),
            known: known.map(|known| format!("`{known}`")).collect(),
        }
        .into());
    }
    let all: Vec<String> = definitions
        .iter()
        .map(|definition| definition.name.clone())
        .collect();
    let mut fetched = Vec::new();
    for name in if names.is_empty() { &all } else { names } {
        let found = tools.fetch(name, host)?;
        context.report.field(
            "Ready",
            &format!("{} {}  {}", found.name, found.version, found.root.display()),
        );
        fetched.push(found);
    }
    if context.global.json {
        context.report.json(&fetched);
    }
    Ok(())
}

/// Everything that compiling C and C++ for platforms takes.
fn warm(context: &Context<'_>, platforms: &[String]) -> Result<(), Failure> {
    let flags = Flags {
        platforms: platforms.to_vec(),
        ..Flags::default()
    };
    let settings = context.settings(None, flags)?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    let mut all = Vec::new();
    let platforms = choose::platforms(context, &settings, &tools)?;
    for (platform, libc) in libc::find(context, &settings, &tools, &platforms)? {
        all.push(tools.compilers(platform, libc)?);
    }
    tools.keep_lock()?;
    let scratch = context.store.get()?.scratch()?;
    compile::warm::warm(&all, scratch.path(), context.jobs, context.report)?;
    for compilers in &all {
        let line = format!(
            "{:<14} {}",
            compilers.platform.to_string(),
            compilers.target
        );
        context.report.field("Ready", &line);
    }
    if context.global.json {
        context.report.json(&all);
    }
    Ok(())
}

fn check(context: &Context<'_>, repair: bool) -> Result<(), Failure> {
    // Where nothing is drawn, a line for each blob would bury what was found.
    let observer: &dyn Observer = if context.report.draws() {
        context.report
    } else {
        &Silent
    };
    let checked = context.store.get()?.check(repair, observer)?;
    if context.global.json {
        context.report.json(&checked);
    }
    let counted = format!(
        "{}, {}, {}",
        plural(checked.blobs, "blob"),
        plural(checked.trees, "tree"),
        plural(checked.caches, "cache")
    );
    let wrong: Vec<String> = checked
        .wrong
        .iter()
        .map(|wrong| {
            let removed = if wrong.removed { " (removed)" } else { "" };
            format!(
                "  {}{removed}: {}",
                wrong.path.display(),
                wrong.reasons.join("; ")
            )
        })
        .collect();
    if checked.wrong.iter().all(|wrong| wrong.removed) {
        for line in &wrong {
            context.report.detail(line.trim_start());
        }
        context.report.field("Checked", &counted);
        return Ok(());
    }
    Err(failed::Error::Wrong(wrong).into())
}

fn prune(context: &Context<'_>, rules: Prune) -> Result<(), Failure> {
    let store = context.store.get()?;
    let pruned = store.prune(rules)?;
    if context.global.json {
        context.report.json(&pruned);
        return Ok(());
    }
    for item in &pruned.removed {
        context.report.verbose(&format!(
            "{} {} ({})",
            item.kind,
            item.digest,
            bytes(item.size)
        ));
    }
    let verb = if rules.dry_run {
        "would be freed"
    } else {
        "freed"
    };
    let count = plural(pruned.removed.len(), "item");
    context.report.field(
        "Pruned",
        &format!(
            "{count}, {} {verb}, {} left",
            bytes(pruned.freed),
            bytes(pruned.left)
        ),
    );
    if !pruned.in_use.is_empty() {
        context.report.detail(&format!(
            "{} kept because in use",
            plural(pruned.in_use.len(), "item")
        ));
    }
    Ok(())
}

fn path(context: &Context<'_>, name: &str) -> Result<(), Failure> {
    let settings = context.settings(None, Flags::default())?;
    context.definitions(&settings)?.get(name)?;
    let all = match context.existing_store()? {
        Some(store) => toolchain::list(
            context.definitions(&settings)?,
            Some(store),
            &context.directory,
        )?,
        None => Vec::new(),
    };
    let found = all
        .into_iter()
        .find(|one| one.name == name)
        .and_then(|one| one.fetched);
    let Some(path) = found else {
        return Err(failed::Error::NotHere {
            name: name.to_owned(),
            store: context.store.root().to_owned(),
        }
        .into());
    };
    context.report.result(&path.display().to_string());
    Ok(())
}

fn age(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "expected an age such as 30d or 12h".to_owned())
}

/// A number of bytes, with the powers of ten that disks are sold by, or `KiB` and its kin.
fn size(text: &str) -> Result<u64, String> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("expected a size such as 5GB or 500MiB".to_owned()),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a size such as 5GB or 500MiB".to_owned())?;
    number
        .checked_mul(factor)
        .ok_or_else(|| "that is more than any disk holds".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_read_as_people_write_them() {
        assert_eq!(size("5GB"), Ok(5_000_000_000));
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("0"), Ok(0));
        assert!(
            size("GB").is_err() && size("5 parsecs").is_err() && size("99999999999999TB").is_err()
        );
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 24 * 3600)));
        assert!(age("soon").is_err());
    }
}
