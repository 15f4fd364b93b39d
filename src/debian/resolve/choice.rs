//! The packages that could satisfy a requirement, in apt's order.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::debian::index::Field;
use crate::debian::relation::{self, Relation};
use crate::debian::universe::{Id, Universe};
use crate::debian::version;

use super::Request;
use super::installed::Presents;
use super::left_out::Absent;
use super::request;
use super::selection::{Selection, is, provides};

/// Looks up what could be chosen. What it finds out does not depend on what has been chosen, and
/// is kept.
pub(super) struct Options<'u, 'p> {
    universe: &'u Universe,
    request: Request<'u>,
    presents: &'p Presents<'u>,
    absent: &'p Absent<'u>,
    /// Versions to be taken in place of the candidates.
    preferred: HashMap<&'u str, Id>,
    /// What is tried last.
    avoided: HashSet<Id>,
    candidates: HashMap<&'u str, Option<Id>>,
    possible: HashMap<Id, bool>,
}

impl<'u, 'p> Options<'u, 'p> {
    pub(super) fn new(
        universe: &'u Universe,
        request: Request<'u>,
        presents: &'p Presents<'u>,
        absent: &'p Absent<'u>,
    ) -> Self {
        Self {
            universe,
            request,
            presents,
            absent,
            preferred: HashMap::new(),
            avoided: HashSet::new(),
            candidates: HashMap::new(),
            possible: HashMap::new(),
        }
    }

    /// Takes a version in place of the candidate from now on.
    pub(super) fn prefer(&mut self, id: Id) {
        let name = self.universe.entry(id).name();
        self.preferred.insert(name, id);
        self.candidates.remove(name);
    }

    /// Tries a package last from now on.
    pub(super) fn avoid(&mut self, id: Id) {
        self.avoided.insert(id);
    }

    /// Whether a package is tried last.
    pub(super) fn is_avoided(&self, id: Id) -> bool {
        self.avoided.contains(&id)
    }

    /// Every version of a package that could be installed: none that is older than what is.
    fn versions(&self, name: &str) -> Vec<Id> {
        let mut versions = self.universe.versions(name, self.request.architecture);
        if let Some(present) = self.presents.get(name) {
            let installed = present.package.version.as_str();
            versions.retain(|id| {
                version::compare(self.universe.entry(*id).version(), installed).is_gt()
            });
        }
        versions
    }

    /// The version of a package that is taken unless another one is asked for.
    fn candidate(&mut self, name: &'u str) -> Option<Id> {
        if let Some(known) = self.candidates.get(name) {
            return *known;
        }
        let versions = self.versions(name);
        let candidate = self.preferred.get(name).copied();
        let candidate =
            candidate.or_else(|| request::preferred(self.universe, &self.request, name, &versions));
        self.candidates.insert(name, candidate);
        candidate
    }

    /// What could satisfy a requirement, in the order in which apt tries it: for each alternative
    /// the package of that name, then those that provide it; what is installed in another version
    /// before all else.
    pub(super) fn of(&mut self, group: &[Relation<'u>]) -> Vec<Id> {
        let mut found = Vec::new();
        for relation in group {
            let mut ids = self.matching(relation);
            ids.retain(|id| {
                let name = self.universe.entry(*id).name();
                self.candidate(name) == Some(*id)
            });
            ids.sort_by_cached_key(|id| self.order(relation, *id));
            found.extend(ids);
        }
        self.finish(found)
    }

    /// What could satisfy a requirement by a version that is not the candidate.
    pub(super) fn others_of(&self, group: &[Relation<'u>]) -> Vec<Id> {
        let found = group.iter().flat_map(|relation| self.matching(relation));
        self.finish(found.collect())
    }

    fn finish(&self, mut found: Vec<Id>) -> Vec<Id> {
        found.retain(|id| !self.absent.contains(self.universe.entry(*id).name()));
        let is_new = |id: &Id| !self.presents.contains_key(self.universe.entry(*id).name());
        let (new, mut options): (Vec<Id>, Vec<Id>) = found.into_iter().partition(is_new);
        options.extend(new);
        // The order among the rest stays.
        options.sort_by_key(|id| self.is_avoided(*id));
        let mut seen = Vec::new();
        options.retain(|id| {
            !seen.contains(id) && {
                seen.push(*id);
                true
            }
        });
        options
    }

    /// Every package that is, or provides, what a relation asks for.
    fn matching(&self, relation: &Relation<'u>) -> Vec<Id> {
        let architecture = self.request.architecture;
        let mut found = self.versions(relation.name);
        found.retain(|id| is(self.universe.entry(*id), relation, architecture));
        for (id, provided) in self.universe.providers(relation.name, architecture) {
            let entry = self.universe.entry(id);
            let newer = |installed: &str| version::compare(entry.version(), installed).is_gt();
            let present = self.presents.get(entry.name());
            if provides(entry.multi_arch(), &provided, relation, architecture)
                && present.is_none_or(|it| newer(it.package.version.as_str()))
            {
                found.push(id);
            }
        }
        found
    }

    /// apt's order among the packages that satisfy one relation.
    fn order(&self, relation: &Relation<'_>, id: Id) -> impl Ord + use<> {
        let entry = self.universe.entry(id);
        let rank = self.universe.rank(entry.name());
        (
            entry.name() != relation.name,
            !entry.is_essential(),
            !entry.is_important(),
            entry.priority(),
            Reverse(rank),
        )
    }

    /// Whether all that a package needs exists in some version. What can't be had at all need not
    /// be tried; that what it needs can be had in turn only trying tells.
    pub(super) fn is_possible(&mut self, id: Id, selection: &Selection<'u, '_>) -> bool {
        if let Some(known) = self.possible.get(&id) {
            return *known;
        }
        let relations = needs(self.universe, id).1;
        let possible = relation::groups(&relations).all(|group| {
            group.iter().any(|relation| {
                !self.matching(relation).is_empty() || selection.is_settled(relation)
            })
        });
        // What is installed may satisfy it now, and give way to another version later.
        if !possible || self.presents.is_empty() {
            self.possible.insert(id, possible);
        }
        possible
    }
}

/// What a package needs, and how many of these relations are `Pre-Depends`.
pub(super) fn needs(universe: &Universe, id: Id) -> (usize, Vec<Relation<'_>>) {
    let entry = universe.entry(id);
    let mut relations = entry.relations(Field::PreDepends);
    let first = relations.len();
    relations.extend(entry.relations(Field::Depends));
    (first, relations)
}
