//! `polyarch vendor`: everything the lock names, in one folder.

use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::account::plural;
use super::configured;
use super::context::Context;
use super::failure::Failure;
use super::report::bytes;
use super::tools::{self, LOCK, Tools};
use crate::atomic;
use crate::digest::Digest;
use crate::fault::{Exit, Fault};
use crate::fetch::VENDOR;
use crate::settings::Flags;
use crate::store::Blob;

const EXAMPLES: &str = "\
Examples:
  polyarch lock && polyarch vendor third_party/polyarch
  polyarch build --locked --offline      with `vendor = \"third_party/polyarch\"` under [mirrors]";

/// Write everything that polyarch.lock names into a folder
///
/// The folder then serves as a source: for machines without a network, and for packages that their
/// archive no longer has. Name it as `vendor` under [mirrors] in polyarch.toml. What the machine
/// itself provides (`source = "system"` in the lock) is not copied.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder to write
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Debug, Error)]
enum Error {
    #[error("there is no `{}`", file.display())]
    NoLock { file: PathBuf },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl Fault for Error {
    fn exit(&self) -> Exit {
        match self {
            Self::NoLock { .. } => Exit::Locked,
            Self::Io(_) => Exit::Io,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoLock { .. } => Some("`polyarch lock`".to_owned()),
            Self::Io(error) => crate::fault::refused(error),
        }
    }
}

#[derive(Serialize)]
struct Json<'a> {
    folder: &'a Path,
    files: usize,
    bytes: u64,
    written: usize,
}

pub(super) fn run(args: &Args, context: &Context<'_>) -> Result<(), Failure> {
    let settings = context.settings(None, Flags::default())?;
    let fetcher = tools::fetcher(context, &settings);
    let tools = Tools::new(context, &settings, &fetcher)?;
    let Some(lock) = tools.lock() else {
        return Err(Error::NoLock {
            file: settings.root.join(LOCK),
        }
        .into());
    };
    let folder = context.directory.join(&args.folder);
    let mut blobs = Vec::new();
    for entry in lock.toolchains() {
        blobs.extend(tools.fetch_locked(entry)?);
    }
    let sysroots = lock.closures().iter().filter(|it| it.name == "sysroot");
    let platforms: Vec<_> = sysroots.filter_map(|it| it.platform.parse().ok()).collect();
    for base in configured::of_base(context, &settings, &tools, &platforms)?.values() {
        tools.packages().remember_base(base);
    }
    blobs.extend(tools.packages().fetch_locked(lock)?);
    blobs.sort_by_key(|(digest, _)| *digest);
    blobs.dedup_by_key(|(digest, _)| *digest);
    let mut written = 0;
    let place = folder.join(VENDOR);
    fs_err::create_dir_all(&place).map_err(Error::Io)?;
    for (digest, blob) in &blobs {
        written += usize::from(copy(digest, blob, &place)?);
    }
    let total = blobs.iter().map(|(_, blob)| blob.size).sum();
    if context.global.json {
        context.report.json(&Json {
            folder: &folder,
            files: blobs.len(),
            bytes: total,
            written,
        });
    }
    context.report.field(
        "Vendored",
        &format!(
            "{}, {}, {written} new, into {}",
            plural(blobs.len(), "file"),
            bytes(total),
            folder.display()
        ),
    );
    Ok(())
}

/// Copies a blob, unless it is there already; answers whether it did.
fn copy(digest: &Digest, blob: &Blob, folder: &Path) -> Result<bool, Error> {
    let path = folder.join(digest.hex());
    if fs_err::metadata(&path).is_ok_and(|metadata| metadata.len() == blob.size) {
        let mut file = fs_err::File::open(&path)?;
        if crate::digest::hash(&mut file)?.0 == *digest {
            return Ok(false);
        }
    }
    let mut from = fs_err::File::open(&blob.path)?;
    atomic::write(&path, |mut writer| {
        crate::digest::copy(&mut from, &mut writer)
    })?;
    Ok(true)
}
