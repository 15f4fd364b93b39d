//! The packages for what is wanted: from the lock where it says, else from the archive.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Closure, Error, Packages, Want, archives, sorted};
use crate::debian::Package;
use crate::debian::resolve::{self, Request, Resolution};
use crate::digest::{Digest, Recipe};
use crate::lock;

/// How long what was found is taken for what the archive has.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The kind of record that holds what a want led to, for runs without network or lock.
const KIND: &str = "closure";

pub(super) fn find(packages: &Packages<'_>, want: &Want) -> Result<Closure, Error> {
    let used = packages.used.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = used.iter().find(|closure| closure.want == *want) {
        return Ok(found.clone());
    }
    drop(used);
    if let Some(closure) = from_lock(packages, want)? {
        return Ok(closure);
    }
    if let Some(closure) = settled(packages, want)? {
        return Ok(closure);
    }
    let chosen = resolve(packages, want, &preferred(packages))?;
    let closure = Closure {
        want: want.clone(),
        packages: chosen.packages.into_iter().map(|one| one.package).collect(),
    };
    remember(packages, &closure)?;
    Ok(closure)
}

/// What an earlier run found, where that will do: without a network; and for a tool, which is not
/// worth asking the archive on every build, for a day and while all of it is here.
fn settled(packages: &Packages<'_>, want: &Want) -> Result<Option<Closure>, Error> {
    let offline = packages.fetcher.offline();
    if !offline && (!want.tool || packages.policy.refresh) {
        return Ok(None);
    }
    let Some((closure, age)) = remembered(packages, want)? else {
        return Ok(None);
    };
    let store = packages.fetcher.store().get()?;
    let here = |package: &Package| store.blob(&package.sha256).is_some();
    let fresh = age < DAY && closure.packages.iter().all(here);
    Ok(Some(closure).filter(|_| offline || fresh))
}

/// Resolves through the archive's indexes; where a version in `preferred` will do, it is taken.
pub(super) fn resolve(
    packages: &Packages<'_>,
    want: &Want,
    preferred: &[Package],
) -> Result<Resolution, Error> {
    let universe = archives::universe(packages, want)?;
    let request = Request {
        packages: &want.packages,
        architecture: &want.architecture,
        installed: &[],
        without: &want.without,
        locked: preferred,
    };
    resolve::resolve(&universe, &request).map_err(|source| Error::Resolve {
        what: want.name.clone(),
        platform: want.platform.clone(),
        source: Box::new(source),
    })
}

/// What the lock has, if it is for this want.
fn from_lock(packages: &Packages<'_>, want: &Want) -> Result<Option<Closure>, Error> {
    let Some(lock) = &packages.policy.lock else {
        return Ok(None);
    };
    let locked = lock.closure(&want.name, &want.platform);
    let difference = match locked {
        None => "has none".to_owned(),
        Some(closure) => match differs(closure, want) {
            Some(difference) => difference,
            None => match lock.packages_of(closure) {
                Some(found) => return from_packages(want, &found).map(Some),
                None => "lacks some of its packages".to_owned(),
            },
        },
    };
    if packages.policy.locked {
        return Err(Error::Drift {
            what: want.name.clone(),
            platform: want.platform.clone(),
            difference,
        });
    }
    Ok(None)
}

fn differs(closure: &lock::Closure, want: &Want) -> Option<String> {
    if closure.suite != want.suite || closure.backports != want.backports {
        return Some(format!("is of suite `{}`", closure.suite));
    }
    if closure.requested != sorted(&want.packages) {
        return Some(format!("is for `{}`", closure.requested.join(" ")));
    }
    let without = &closure.without;
    (*without != sorted(&want.without)).then(|| match &without[..] {
        [] => "leaves out nothing".to_owned(),
        names => format!("leaves out `{}`", names.join(" ")),
    })
}

fn from_packages(want: &Want, found: &[&lock::Package]) -> Result<Closure, Error> {
    let packages = found.iter().map(|package| unlocked(package));
    Ok(Closure {
        want: want.clone(),
        packages: packages.collect::<Result<_, _>>()?,
    })
}

pub(super) fn unlocked(package: &lock::Package) -> Result<Package, Error> {
    Ok(Package {
        name: package.id.name.clone(),
        version: package.id.version.parse().map_err(Error::Version)?,
        architecture: package.id.architecture.clone(),
        suite: package.suite.clone(),
        path: package.path.clone(),
        size: package.size,
        sha256: package.sha256,
    })
}

/// Versions that are to be kept: the lock's, and those that this run has chosen already, so that
/// headers and run-time libraries of one platform agree.
fn preferred(packages: &Packages<'_>) -> Vec<Package> {
    let used = packages.used.lock().unwrap_or_else(PoisonError::into_inner);
    let chosen = used.iter().flat_map(|closure| closure.packages.clone());
    let lock = packages.policy.lock.iter().flat_map(lock::Lock::packages);
    let locked = lock.filter_map(|package| unlocked(package).ok());
    chosen.chain(locked).collect()
}

fn key(want: &Want) -> Digest {
    let mut recipe = Recipe::new(KIND)
        .with(&want.architecture)
        .with(&want.suite)
        .with([u8::from(want.backports)]);
    for name in &want.packages {
        recipe = recipe.with(name);
    }
    for name in &want.without {
        recipe = recipe.with(format!("without {name}"));
    }
    if let Some(base) = &want.base {
        recipe = recipe.with(base.path().as_os_str().as_encoded_bytes());
    }
    recipe.finish()
}

fn remember(packages: &Packages<'_>, closure: &Closure) -> Result<(), Error> {
    let store = packages.fetcher.store().get()?;
    let mut lock = lock::Lock::default();
    let (entry, found) = closure.locked();
    lock.set_closure(entry, found);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let text = format!("# {}\n{lock}", now.unwrap_or_default().as_secs());
    store.put_record(KIND, &key(&closure.want), text.as_bytes())?;
    Ok(())
}

/// What was found last, and how long ago.
fn remembered(packages: &Packages<'_>, want: &Want) -> Result<Option<(Closure, Duration)>, Error> {
    let store = packages.fetcher.store().get()?;
    let record = store.record(KIND, &key(want));
    let text = record.and_then(|bytes| String::from_utf8(bytes).ok());
    let when = text.as_ref().and_then(|text| {
        let seconds: u64 = text.lines().next()?.strip_prefix("# ")?.parse().ok()?;
        Some(UNIX_EPOCH + Duration::from_secs(seconds))
    });
    let age = when.and_then(|when| SystemTime::now().duration_since(when).ok());
    let lock = text.and_then(|text| lock::Lock::parse(&text, std::path::Path::new(KIND)).ok());
    let Some(lock) = lock else {
        return Ok(None);
    };
    let found: Vec<&lock::Package> = lock.packages().iter().collect();
    let closure = from_packages(want, &found)?;
    Ok(Some((closure, age.unwrap_or(Duration::MAX))))
}
