//! Chooses the packages that a request needs, as `apt-get install --no-install-recommends` does.
//!
//! Comes in: a [`Universe`] of suites and a [`Request`]. Goes out: a [`Resolution`], the requested
//! packages and all that these depend on, each with the reasons why it is there (Debian Policy
//! Manual, chapter 7). As with apt:
//!
//! - the candidate of a package is its newest version in the suites of highest priority;
//! - requested packages are chosen first, then relations are followed depth first, `Pre-Depends`
//!   before `Depends`, and one that is satisfied already brings in nothing;
//! - of alternatives the first that can be had is taken; a package of that name comes before those
//!   that provide it, and these are ordered by `Essential`, priority, and then by apt's numbering;
//! - `Recommends` are not followed, and `Essential` packages are not added by themselves.
//!
//! A package that was chosen among several, and stands in the way of what is needed later, is tried
//! last in a second run; apt drops it on the spot. Where apt then calls its problem resolver, which
//! weighs removals by score, this goes back to the last choice that took part in the failure. And
//! where only a version that is not the candidate is
//! what a relation asks for, that version is taken, where apt asks the user to name it.

mod choice;
mod error;
mod explain;
mod installed;
mod left_out;
mod request;
mod search;
mod selection;

use super::index::Field;
use super::installed::Installed;
use super::universe::Universe;
use super::{Package, Version};
use left_out::Absent;

pub use error::{Chain, End, Error, Named};

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Packages as apt spells them: `name`, `name=version`, `name/suite`, `name:architecture`.
    pub packages: &'a [String],
    /// The architecture of all packages.
    pub architecture: &'a str,
    /// What is there already, and stays unless a newer version is needed.
    pub installed: &'a [Installed],
    /// Names of packages that are left out, with all that only they bring: what depends on them
    /// gets along without.
    pub without: &'a [String],
    /// Versions that are preferred to the candidates, as far as the suites still have them.
    pub locked: &'a [Package],
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The packages, by name.
    pub packages: Vec<Chosen>,
    /// What is installed already and was needed.
    pub satisfied: Vec<Satisfied>,
    /// What was left out though something needs it, by name.
    pub left_out: Vec<LeftOut>,
}

/// A package that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// What needs it.
    pub reasons: Vec<Reason>,
}

/// A package that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The package.
    pub package: Package,
    /// Why it is there: first what brought it in, then what else needs it, by name.
    pub reasons: Vec<Reason>,
    /// The installed version that it replaces.
    pub replaces: Option<Version>,
}

/// Why a package is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was asked for.
    Requested {
        /// How.
        request: String,
    },
    /// Another package needs it.
    Relation {
        /// That package.
        package: String,
        /// In which field it says so.
        field: Field,
        /// What it says there, with all alternatives.
        relation: String,
    },
}

/// An installed package that was needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Satisfied {
    /// The installed package.
    pub installed: Named,
    /// Why it was needed.
    pub reason: Reason,
}

/// Chooses packages.
pub fn resolve(universe: &Universe, request: &Request<'_>) -> Result<Resolution, Error> {
    let absent = Absent::read(universe, request)?;
    let wanted = request::read(universe, request, &absent)?;
    let installed = installed::read(request)?;
    let selection = search::search(universe, request, &wanted, &installed, &absent)?;
    explain::resolution(&selection, &wanted)
}

impl Resolution {
    /// A package of the resolution.
    pub fn get(&self, name: &str) -> Option<&Chosen> {
        let at = self
            .packages
            .binary_search_by(|it| it.package.name.as_str().cmp(name));
        Some(&self.packages[at.ok()?])
    }

    /// Why a package is there, or would be were it not left out: a chain for each of its reasons,
    /// each leading to a request. Empty where nothing asks for it.
    pub fn why(&self, name: &str) -> Vec<Chain> {
        let left_out = self.left_out.iter().find(|it| it.name == name);
        let reasons = match (self.get(name), left_out) {
            (Some(chosen), _) => &chosen.reasons,
            (None, Some(left_out)) => &left_out.reasons,
            (None, None) => return Vec::new(),
        };
        reasons
            .iter()
            .map(|reason| self.chain(name, reason))
            .collect()
    }

    /// From a reason onwards, along what brought each package in.
    fn chain(&self, name: &str, reason: &Reason) -> Chain {
        let mut needed_by = Vec::new();
        let mut next = Some(reason);
        while let Some(Reason::Relation {
            package,
            field,
            relation,
        }) = next
        {
            // What brought a package in was there before it, so this ends; a cycle can only close
            // through the reason asked about.
            if needed_by.len() > self.packages.len() {
                break;
            }
            needed_by.push((package.clone(), *field, relation.clone()));
            next = self.get(package).and_then(|chosen| chosen.reasons.first());
        }
        Chain {
            package: name.to_owned(),
            needed_by,
            end: End::Requested,
        }
    }
}

#[cfg(test)]
mod tests;
