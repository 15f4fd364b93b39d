//! A base made from Debian packages: per platform one layer with their files, and a package database
//! that scanners read.

use super::builtin::{made, of_platforms, platforms};
use super::fingerprint;
use super::libc;
use super::pack::{Options, pack};
use super::{Base, BasePlatform, Context, Error, Reference};
use crate::oci::layer::{Below, Compression, Contents, Entry, Source};
use crate::packages::{self, Content, Rootfs, Want};
use crate::settings::config::BasePackages;
use crate::target::Platform;

pub(super) fn load(
    reference: &Reference,
    wanted: &BasePackages,
    context: Context,
) -> Result<Base, Error> {
    let platforms = platforms(reference, context)?;
    let loaded = platforms
        .iter()
        .map(|platform| one(reference, wanted, *platform, context));
    Ok(of_platforms(reference, loaded.collect::<Result<_, _>>()?))
}

/// What the lock calls the packages of a base.
pub fn want(reference: &Reference, wanted: &BasePackages, platform: Platform) -> Want {
    Want {
        name: format!("base {reference}"),
        platform: platform.to_string(),
        architecture: platform.debian().to_owned(),
        suite: wanted.suite.clone(),
        backports: wanted.backports,
        packages: wanted.packages.clone(),
        without: wanted.without.clone(),
        base: None,
        tool: false,
    }
}

fn one(
    reference: &Reference,
    wanted: &BasePackages,
    platform: Platform,
    context: Context,
) -> Result<BasePlatform, Error> {
    let failed = |source| Error::Packages {
        platform,
        source: Box::new(source),
    };
    let want = want(reference, wanted, platform);
    let closure = context.packages.closure(&want).map_err(failed)?;
    let rootfs = context.packages.rootfs(&closure).map_err(failed)?;
    let hash = |path: &std::path::Path| fingerprint::hash(context.store, path);
    let contents = Contents::new(
        entries(&rootfs),
        &|_| Below::Nothing,
        &hash,
        context.threads,
    )?;
    // As for the `static` base: one layer for everyone.
    let options = Options {
        compression: Compression::GZIP,
        epoch: 0,
        threads: context.threads,
    };
    let layer = pack(&contents, options, context.store)?;
    Ok(made(
        platform,
        Some(layer),
        libc::of_closure(&closure),
        &format!("polyarch base: {reference}"),
    ))
}

/// What the packages put where, as a layer has it.
fn entries(rootfs: &Rootfs) -> Vec<Entry> {
    let convert = |entry: &packages::Entry| {
        let path = entry.path.clone();
        let made = match &entry.content {
            Content::Directory => Entry::folder(path, entry.mode),
            Content::File(from) => Entry::file(path, entry.mode, Source::Path(rootfs.file(from))),
            Content::Symlink(target) => Entry::symlink(path, target.clone()),
        };
        made.owned(entry.uid.into(), entry.gid.into())
    };
    rootfs.entries.iter().map(convert).collect()
}
