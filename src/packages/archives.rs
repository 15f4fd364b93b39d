//! Where packages come from: the archives that the settings, the host's apt or a base image name,
//! opened for a want.

use std::io::BufRead;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::{Error, Packages, Want};
use crate::debian::archive::{self, Options};
use crate::debian::index::{self, Index};
use crate::debian::release::Date;
use crate::debian::signature::Verifier;
use crate::debian::sources::Sources;
use crate::debian::universe::{Suite, Universe};
use crate::debian::{self};
use crate::fault::Fault;
use crate::fetch;
use crate::progress::{Meter, Observer};

/// The suites for a want, each opened once for everything that asks for them.
pub(super) fn universe(packages: &Packages<'_>, want: &Want) -> Result<Arc<Universe>, Error> {
    let chosen = choose(packages, want)?;
    let key = (
        want.suite.clone(),
        want.backports,
        want.architecture.clone(),
        chosen.root.to_owned(),
    );
    let mut opened = packages
        .universes
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(universe) = opened.get(&key) {
        return Ok(Arc::clone(universe));
    }
    let universe = Arc::new(open(packages, want, &chosen)?);
    opened.insert(key, Arc::clone(&universe));
    Ok(universe)
}

/// Where a package can be fetched.
pub(super) fn source(
    packages: &Packages<'_>,
    package: &debian::Package,
) -> Result<fetch::Source, Error> {
    let mut archives: Vec<String> = Vec::new();
    let mut add = |suites: &Sources| {
        // A suite that no source has any more may still be in the same archives.
        let of_suite = suites.for_suite(&package.suite).unwrap_or_default();
        for source in of_suite.iter().chain(&suites.list) {
            let address = source.archive.whole().to_owned();
            if !archives.contains(&address) {
                archives.push(address);
            }
        }
    };
    add(sources(packages)?);
    if packages.policy.archives.is_none() {
        let bases = packages.bases.lock();
        for base in bases.unwrap_or_else(PoisonError::into_inner).iter() {
            // Malformed ones are told where they are needed; here it may be the host's.
            if let Ok(sources) = base.sources() {
                add(sources);
            }
        }
    }
    Ok(fetch::Source::Debian {
        name: package.name.clone(),
        version: package.version.to_string(),
        archives,
        path: package.path.clone(),
    })
}

/// The sources for a want, and the directory that is the root to them.
struct Chosen<'c> {
    sources: &'c Sources,
    root: &'c Path,
}

/// The user's; else the host's where they are of the base's distribution and have the suite; else
/// the base's own, if it has any: a distribution's packages are in no archive of another one.
fn choose<'c>(packages: &'c Packages<'_>, want: &'c Want) -> Result<Chosen<'c>, Error> {
    let host = Chosen {
        sources: sources(packages)?,
        root: Path::new("/"),
    };
    let Some(base) = want
        .base
        .as_ref()
        .filter(|_| packages.policy.archives.is_none())
    else {
        return Ok(host);
    };
    let distribution = base.distribution()?;
    if serves(host.sources, distribution.as_deref(), &want.suite) {
        return Ok(host);
    }
    let own = base.sources().map_err(|source| Error::BaseSources {
        suite: want.suite.clone(),
        source: Box::new(source),
    })?;
    if own.list.is_empty() {
        return Ok(host);
    }
    let observer = Once(packages);
    for note in &own.passed_over {
        observer.note(&format!("base image: {note}"));
    }
    observer.note(&format!(
        "packages of `{}` come from the archives that the base image names",
        want.suite
    ));
    Ok(Chosen {
        sources: own,
        root: base.path(),
    })
}

/// Whether the host's apt has a suite of the distribution that a base is of.
fn serves(host: &Sources, distribution: Option<&str>, suite: &str) -> bool {
    distribution.is_some()
        && host.distribution.id.as_deref() == distribution
        && host.for_suite(suite).is_ok()
}

fn sources<'p>(packages: &'p Packages<'_>) -> Result<&'p Sources, Error> {
    if let Some(sources) = packages.sources.get() {
        return Ok(sources);
    }
    let sources = match &packages.policy.archives {
        Some(named) => Sources::chosen(&named.entries, named.place)?,
        None => Sources::read(Path::new("/"))?,
    };
    let observer = Once(packages);
    for note in &sources.passed_over {
        observer.note(note);
    }
    Ok(packages.sources.get_or_init(|| sources))
}

/// Passes on what is said, each line once however many architectures it is said of.
struct Once<'p, 'a>(&'p Packages<'a>);

impl Once<'_, '_> {
    fn is_new(&self, line: &str) -> bool {
        let said = self.0.said.lock();
        said.unwrap_or_else(PoisonError::into_inner)
            .insert(line.to_owned())
    }
}

impl Observer for Once<'_, '_> {
    fn begin(&self, label: &str, total: Option<u64>) -> Box<dyn Meter> {
        self.0.observer.begin(label, total)
    }

    fn note(&self, line: &str) {
        if self.is_new(line) {
            self.0.observer.note(line);
        }
    }

    fn warn(&self, line: &str) {
        if self.is_new(line) {
            self.0.observer.warn(line);
        }
    }
}

fn open(
    packages: &Packages<'_>,
    want: &Want,
    Chosen { sources, root }: &Chosen<'_>,
) -> Result<Universe, Error> {
    let mut chosen = sources.for_suite(&want.suite)?;
    if want.backports {
        chosen.extend(sources.for_suite(&format!("{}-backports", want.suite))?);
    }
    let compile = |text: &mut dyn BufRead, suite: &str| {
        Index::compile(text, suite).map_err(|error| Box::new(error) as Box<dyn Fault>)
    };
    let opened = archive::open(
        &chosen,
        packages.fetcher,
        &Options {
            architecture: &want.architecture,
            root,
            verifier: Verifier::Any,
            now: Date::now(),
            without_suites: &packages.policy.without_suites,
            compile: &compile,
            format: index::FORMAT,
            observer: &Once(packages),
        },
    )?;
    let mut universe = Universe::default();
    for suite in opened {
        for packages in suite.packages {
            universe.suites.push(Suite {
                name: suite.name.clone(),
                index: Index::open(packages.index)?,
                priority: suite.priority,
            });
        }
    }
    Ok(universe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_apt_serves_suites_of_its_own_distribution() {
        let host = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n"),
            (
                "etc/apt/sources.list",
                "deb http://a.example/debian bookworm main\n",
            ),
        ] {
            let path = host.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        let host = Sources::read(host.path()).unwrap();
        for (distribution, suite, expected) in [
            (Some("debian"), "bookworm", true),
            // A release of the same archives.
            (Some("debian"), "trixie", true),
            (Some("ubuntu"), "noble", false),
            (None, "bookworm", false),
        ] {
            assert_eq!(serves(&host, distribution, suite), expected, "{suite}");
        }
        let none = Sources::default();
        assert!(!serves(&none, Some("debian"), "bookworm"));
    }
}
