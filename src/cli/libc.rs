//! The C library that programs are linked with: the one of the base they will lie over.

use std::collections::BTreeMap;

use super::context::Context;
use super::failure::Failure;
use super::prepare;
use super::tools::Tools;
use crate::base::{Base, Wanted};
use crate::settings::Settings;
use crate::target::{Libc, Platform};

/// What the settings say, else what the project's bases have.
pub(super) fn find(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    platforms: &[Platform],
) -> Result<BTreeMap<Platform, Libc>, Failure> {
    let mut bases = Vec::new();
    let open = platforms
        .iter()
        .any(|platform| settings.libc(*platform).is_none());
    for reference in prepare::references(context, settings)? {
        // Without a C library of its own there is nothing to look for.
        if open && reference.has_platforms() {
            let wanted = Wanted::These(platforms.to_vec());
            bases.push(prepare::load(context, tools, &reference, wanted)?);
        }
    }
    of_bases(context, settings, platforms, &bases)
}

/// What the settings say, else what all of these bases can do with.
pub(super) fn of_bases(
    context: &Context<'_>,
    settings: &Settings,
    platforms: &[Platform],
    bases: &[Base],
) -> Result<BTreeMap<Platform, Libc>, Failure> {
    let mut libcs = BTreeMap::new();
    for &platform in platforms {
        let libc = match settings.libc(platform) {
            Some(libc) => libc,
            None => common(&own(context, platform, bases)?),
        };
        libcs.insert(platform, libc);
    }
    Ok(libcs)
}

/// What each base has for a platform.
fn own(
    context: &Context<'_>,
    platform: Platform,
    bases: &[Base],
) -> Result<Vec<Option<Libc>>, Failure> {
    let mut found = Vec::new();
    for base in bases {
        let own = base.platforms.iter().find(|one| one.platform == platform);
        if let Some(own) = own {
            found.push(own.libc(context.store.get()?)?);
        }
    }
    Ok(found)
}

/// glibc where all have it, the oldest of them; a program without shared libraries runs anywhere.
fn common(bases: &[Option<Libc>]) -> Libc {
    let gnu = bases.iter().map(|libc| match libc {
        Some(Libc::Gnu(version)) => Some(*version),
        Some(Libc::Musl) | None => None,
    });
    let oldest = gnu.collect::<Option<Vec<_>>>().unwrap_or_default();
    oldest.into_iter().min().map_or(Libc::Musl, Libc::Gnu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Glibc;

    #[test]
    fn programs_are_linked_for_the_oldest_glibc_or_for_none() {
        let gnu = |minor| Some(Libc::Gnu(Glibc::new(2, minor)));
        assert_eq!(common(&[gnu(36), gnu(31)]), Libc::Gnu(Glibc::new(2, 31)));
        assert_eq!(common(&[gnu(36), None]), Libc::Musl);
        assert_eq!(common(&[gnu(36), Some(Libc::Musl)]), Libc::Musl);
        assert_eq!(common(&[]), Libc::Musl);
    }
}
