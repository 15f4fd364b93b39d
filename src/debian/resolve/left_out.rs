//! Packages that are left out: what depends on them gets along without.
//!
//! To the search they are as if they were there in every version: what needs them, or a name that
//! they provide, needs nothing more, and nothing that they need themselves comes along.

use std::collections::HashMap;

use crate::debian::index::Field;
use crate::debian::relation::{self, Relation};
use crate::debian::universe::Universe;

use super::error::Error;
use super::{LeftOut, Reason, Request};

/// The names of packages that are left out and those that they provide, each with the package.
#[derive(Clone, Default)]
pub(super) struct Absent<'u>(HashMap<&'u str, &'u str>);

impl<'u> Absent<'u> {
    /// A name that no suite knows is an error: it would leave out nothing.
    pub(super) fn read(universe: &'u Universe, request: &Request<'u>) -> Result<Self, Error> {
        let mut names = HashMap::new();
        for name in request.without {
            if !relation::is_name(name) {
                return Err(Error::Request {
                    request: name.clone(),
                    reason: "expected the name of a package that is left out",
                });
            }
            let versions = universe.versions(name, request.architecture);
            if versions.is_empty() {
                return Err(Error::unknown(universe, request, name));
            }
            names.insert(name.as_str(), name.as_str());
            for id in versions {
                for provided in universe.entry(id).relations(Field::Provides) {
                    names.entry(provided.name).or_insert(name.as_str());
                }
            }
        }
        Ok(Self(names))
    }

    /// The package that is left out and would satisfy a relation.
    pub(super) fn satisfies(&self, relation: &Relation<'_>) -> Option<&'u str> {
        self.0.get(relation.name).copied()
    }

    /// Whether a package of that name is left out.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|owner| *owner == name)
    }
}

/// Notes that a package is left out where something needs it.
pub(super) fn note(all: &mut Vec<LeftOut>, name: &str, reason: Reason) {
    match all.iter_mut().find(|known| known.name == name) {
        Some(known) => known.reasons.push(reason),
        None => all.push(LeftOut {
            name: name.to_owned(),
            reasons: vec![reason],
        }),
    }
}
