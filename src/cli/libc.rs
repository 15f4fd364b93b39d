//! The C library that programs are linked with: the one of the base they will lie over.

use std::collections::BTreeMap;

use super::choose;
use super::context::Context;
use super::failure::Failure;
use super::tools::Tools;
use crate::base::{self, Base, Reference, Wanted};
use crate::settings::Settings;
use crate::target::{Libc, Platform};

/// What the settings say, else what the project's bases have.
pub(super) fn find(
    context: &Context<'_>,
    settings: &Settings,
    tools: &Tools<'_>,
    platforms: &[Platform],
) -> Result<BTreeMap<Platform, Libc>, Failure> {
    let unsaid = |platform: &&Platform| settings.libc(**platform).is_none();
    let open: Vec<Platform> = platforms.iter().filter(unsaid).copied().collect();
    let mut found = Found::new();
    if !open.is_empty() {
        for reference in choose::references(context, settings)? {
            of_reference(context, tools, &reference, &open, &mut found)?;
        }
    }
    Ok(decided(settings, platforms, &found))
}

/// What the settings say, else what all of these bases can do with.
pub(super) fn of_bases(
    context: &Context<'_>,
    settings: &Settings,
    platforms: &[Platform],
    bases: &[Base],
) -> Result<BTreeMap<Platform, Libc>, Failure> {
    let mut found = Found::new();
    for base in bases {
        note(context, base, &mut found)?;
    }
    Ok(decided(settings, platforms, &found))
}

/// The C library of each base, by platform.
type Found = BTreeMap<Platform, Vec<Option<Libc>>>;

fn of_reference(
    context: &Context<'_>,
    tools: &Tools<'_>,
    reference: &Reference,
    platforms: &[Platform],
    found: &mut Found,
) -> Result<(), Failure> {
    if let Reference::Packages(packages) = reference {
        // Their names and versions say it; nothing has to be unpacked.
        for &platform in platforms {
            let want = base::packages::want(reference, packages, platform);
            let closure = tools.packages().closure(&want)?;
            let libc = base::libc::of_closure(&closure);
            found.entry(platform).or_default().push(libc);
        }
    } else if reference.has_platforms() {
        let wanted = Wanted::These(platforms.to_vec());
        note(
            context,
            &choose::load(context, tools, reference, wanted)?,
            found,
        )?;
    } else {
        // The built-in ones have none.
        for &platform in platforms {
            found.entry(platform).or_default().push(None);
        }
    }
    Ok(())
}

fn note(context: &Context<'_>, base: &Base, found: &mut Found) -> Result<(), Failure> {
    for own in &base.platforms {
        let libc = own.libc(context.store.get()?)?;
        found.entry(own.platform).or_default().push(libc);
    }
    Ok(())
}

fn decided(settings: &Settings, platforms: &[Platform], found: &Found) -> BTreeMap<Platform, Libc> {
    let decide = |&platform: &Platform| {
        let of_bases = || common(found.get(&platform).map_or(&[], Vec::as_slice));
        (platform, settings.libc(platform).unwrap_or_else(of_bases))
    };
    platforms.iter().map(decide).collect()
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
