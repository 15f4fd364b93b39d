//! Reads what was asked for, in apt's spellings (apt-get(8), "install").

use crate::debian::index::Entry;
use crate::debian::relation;
use crate::debian::universe::{Id, Universe};
use crate::debian::version;

use super::error::Error;
use super::left_out::Absent;
use super::{Named, Request};

/// A package that was asked for.
pub(super) struct Wanted<'u> {
    /// As it was written.
    pub(super) request: String,
    /// The package's name.
    pub(super) name: &'u str,
    pub(super) what: What,
}

pub(super) enum What {
    /// This one. `exactly` says that version or suite were asked for.
    Package { id: Id, exactly: bool },
    /// The one that is installed, because no suite has a newer one.
    Installed(Named),
}

/// The parts of a request.
struct Spelling<'a> {
    name: &'a str,
    version: Option<&'a str>,
    suite: Option<&'a str>,
}

pub(super) fn read<'u>(
    universe: &'u Universe,
    request: &Request<'u>,
    absent: &Absent<'u>,
) -> Result<Vec<Wanted<'u>>, Error> {
    let mut wanted: Vec<Wanted<'u>> = Vec::new();
    for text in request.packages {
        let spelling = spelling(text, request.architecture)?;
        let one = one(universe, request, text, &spelling)?;
        if absent.contains(one.name) {
            return Err(Error::LeftOut {
                name: one.name.to_owned(),
            });
        }
        let same = wanted.iter_mut().find(|known| known.name == one.name);
        let Some(known) = same else {
            wanted.push(one);
            continue;
        };
        match (&mut known.what, one.what) {
            (
                What::Package { id, exactly },
                What::Package {
                    id: other,
                    exactly: other_exactly,
                },
            ) if *id != other => {
                // Where only one of them says which version, that is the one.
                if *exactly && other_exactly {
                    return Err(Error::Twice {
                        name: known.name.to_owned(),
                        first: universe.entry(*id).version().to_owned(),
                        second: universe.entry(other).version().to_owned(),
                    });
                }
                if other_exactly {
                    (*id, *exactly) = (other, true);
                }
            }
            (known @ What::Installed(_), other @ What::Package { .. }) => *known = other,
            _ => {}
        }
    }
    Ok(wanted)
}

/// Splits `name[:architecture][=version|/suite]`.
fn spelling<'a>(text: &'a str, architecture: &str) -> Result<Spelling<'a>, Error> {
    let refuse = |reason| {
        Err(Error::Request {
            request: text.to_owned(),
            reason,
        })
    };
    let (qualified, version, suite) = match text.find(['=', '/']) {
        None => (text, None, None),
        Some(at) if text[at..].starts_with('=') => (&text[..at], Some(&text[at + 1..]), None),
        Some(at) => (&text[..at], None, Some(&text[at + 1..])),
    };
    let (name, found) = match qualified.split_once(':') {
        None => (qualified, None),
        Some((name, found)) => (name, Some(found)),
    };
    if !relation::is_name(name) {
        return refuse("expected `name`, `name=version`, `name/suite` or `name:architecture`");
    }
    if version == Some("") || suite == Some("") {
        return refuse("version or suite is empty");
    }
    match found {
        None | Some("any" | "native" | "all") => {}
        Some(found) if found == architecture => {}
        Some(found) => {
            return Err(Error::Architecture {
                request: text.to_owned(),
                found: found.to_owned(),
                expected: architecture.to_owned(),
            });
        }
    }
    Ok(Spelling {
        name,
        version,
        suite,
    })
}

fn one<'u>(
    universe: &'u Universe,
    request: &Request<'u>,
    text: &str,
    spelling: &Spelling<'_>,
) -> Result<Wanted<'u>, Error> {
    let versions = universe.versions(spelling.name, request.architecture);
    let wanted = |id: Id, exactly| Wanted {
        request: text.to_owned(),
        name: universe.entry(id).name(),
        what: What::Package { id, exactly },
    };
    if let Some(version) = spelling.version {
        let matches = |entry: Entry<'_>| match version.strip_suffix('*') {
            Some(start) => entry.version().starts_with(start),
            None => version::compare(entry.version(), version).is_eq(),
        };
        let found = versions.iter().find(|id| matches(universe.entry(**id)));
        if let (None, false) = (found, versions.is_empty()) {
            let list = versions
                .iter()
                .map(|id| universe.entry(*id).version().to_owned());
            return Err(Error::NoVersion {
                name: spelling.name.to_owned(),
                wanted: version.to_owned(),
                found: list.collect(),
            });
        }
        if let Some(id) = found {
            return Ok(wanted(*id, true));
        }
    }
    if let Some(suite) = spelling.suite {
        let mut there = versions.iter().filter(|id| universe.suite(**id) == suite);
        let newest = there.next();
        if let (None, false) = (newest, versions.is_empty()) {
            let list = versions.iter().map(|id| universe.suite(*id).to_owned());
            return Err(Error::NoSuite {
                name: spelling.name.to_owned(),
                wanted: suite.to_owned(),
                found: list.collect(),
            });
        }
        if let Some(id) = newest {
            return Ok(wanted(*id, true));
        }
    }
    let candidate = preferred(universe, request, spelling.name, &versions);
    let installed = request.installed.iter().find(|it| it.name == spelling.name);
    match (candidate, installed) {
        (Some(id), Some(installed))
            if version::compare(universe.entry(id).version(), installed.version.as_str())
                .is_gt() =>
        {
            Ok(wanted(id, false))
        }
        (_, Some(installed)) => Ok(Wanted {
            request: text.to_owned(),
            name: &installed.name,
            what: What::Installed(Named {
                name: installed.name.clone(),
                version: installed.version.to_string(),
            }),
        }),
        (Some(id), None) => Ok(wanted(id, false)),
        (None, None) => provider(universe, request, spelling.name).map(|id| wanted(id, false)),
    }
}

/// The version that is taken unless something else is asked for: the locked one, else the first.
pub(super) fn preferred(
    universe: &Universe,
    request: &Request<'_>,
    name: &str,
    versions: &[Id],
) -> Option<Id> {
    let locked = request.locked.iter().filter(|locked| locked.name == name);
    let found = locked.filter_map(|locked| {
        let same = |id: &&Id| {
            let entry = universe.entry(**id);
            version::compare(entry.version(), locked.version.as_str()).is_eq()
                && entry.sha256() == locked.sha256
        };
        versions.iter().find(same)
    });
    found.copied().next().or_else(|| versions.first().copied())
}

/// The one package that provides a virtual one.
fn provider(universe: &Universe, request: &Request<'_>, name: &str) -> Result<Id, Error> {
    let mut providers: Vec<(&str, Id)> = Vec::new();
    for (id, _) in universe.providers(name, request.architecture) {
        let owner = universe.entry(id).name();
        let versions = universe.versions(owner, request.architecture);
        let is_candidate = preferred(universe, request, owner, &versions) == Some(id);
        if is_candidate && providers.iter().all(|(known, _)| *known != owner) {
            providers.push((owner, id));
        }
    }
    match providers.as_slice() {
        [(_, id)] => Ok(*id),
        [] => Err(Error::unknown(universe, request, name)),
        _ => Err(Error::Virtual {
            name: name.to_owned(),
            providers: providers
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        }),
    }
}
