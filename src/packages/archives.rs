//! Where packages come from: the archives that the settings or the host's apt name, opened for a
//! want.

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
    let key = (
        want.suite.clone(),
        want.backports,
        want.architecture.clone(),
    );
    let mut opened = packages
        .universes
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(universe) = opened.get(&key) {
        return Ok(Arc::clone(universe));
    }
    let universe = Arc::new(open(packages, want)?);
    opened.insert(key, Arc::clone(&universe));
    Ok(universe)
}

/// Where a package can be fetched.
pub(super) fn source(
    packages: &Packages<'_>,
    package: &debian::Package,
) -> Result<fetch::Source, Error> {
    let suites = sources(packages)?;
    // A suite that no source has any more may still be in the same archives.
    let of_suite = suites.for_suite(&package.suite).unwrap_or_default();
    let mut archives: Vec<String> = Vec::new();
    for source in of_suite.iter().chain(&suites.list) {
        let address = source.archive.whole().to_owned();
        if !archives.contains(&address) {
            archives.push(address);
        }
    }
    Ok(fetch::Source::Debian {
        name: package.name.clone(),
        version: package.version.to_string(),
        archives,
        path: package.path.clone(),
    })
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

fn open(packages: &Packages<'_>, want: &Want) -> Result<Universe, Error> {
    let sources = sources(packages)?;
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
            root: Path::new("/"),
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
