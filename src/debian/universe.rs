//! The suites that packages are chosen from.
//!
//! Comes in: open indexes with apt's priorities (`apt_preferences(5)`). Goes out: versions of a name
//! in the order in which apt prefers them, providers, nearest names. One architecture at a time:
//! what is neither of it nor `all` is passed over.

use std::cmp::{Ordering, Reverse};

use super::index::{Entry, Index, Place};
use super::relation::Relation;
use super::{Package, version};

/// A suite with its index.
pub struct Suite {
    /// Its name, such as `trixie-updates`.
    pub name: String,
    /// Its packages.
    pub index: Index,
    /// How much it is preferred: 500, but 1 where its `Release` says `NotAutomatic`, and 100 where
    /// that also says `ButAutomaticUpgrades`, as backports do.
    pub priority: i32,
}

/// Suites in the order of the sources that name them. Several indexes of one suite, such as those
/// of its components, are suites of one name.
#[derive(Default)]
pub struct Universe {
    /// The suites.
    pub suites: Vec<Suite>,
}

/// A package of a universe: its suite's number and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    suite: usize,
    place: Place,
}

impl Universe {
    /// The versions of a package, the preferred first: higher priority, then higher version, then
    /// earlier suite.
    pub fn versions(&self, name: &str, architecture: &str) -> Vec<Id> {
        let mut found = Vec::new();
        for (suite, it) in self.suites.iter().enumerate() {
            let places = it.index.versions(name);
            found.extend(places.map(|place| Id { suite, place }));
        }
        found.retain(|id| self.is_for(*id, architecture));
        found.sort_by(|left, right| self.preference(*left, *right));
        found
    }

    fn preference(&self, left: Id, right: Id) -> Ordering {
        let priority = |id: Id| self.suites[id.suite].priority;
        (priority(right).cmp(&priority(left)))
            .then_with(|| version::compare(self.entry(right).version(), self.entry(left).version()))
    }

    /// The packages that provide a name, with what each says of it.
    pub fn providers(&self, name: &str, architecture: &str) -> Vec<(Id, Relation<'_>)> {
        let mut found = Vec::new();
        for (suite, it) in self.suites.iter().enumerate() {
            for (place, relation) in it.index.providers(name) {
                found.push((Id { suite, place }, relation));
            }
        }
        found.retain(|(id, _)| self.is_for(*id, architecture));
        found
    }

    fn is_for(&self, id: Id, architecture: &str) -> bool {
        let found = self.entry(id).architecture();
        found == architecture || found == "all"
    }

    /// A package's entry.
    pub fn entry(&self, id: Id) -> Entry<'_> {
        self.suites[id.suite].index.entry(id.place)
    }

    /// The name of a package's suite.
    pub fn suite(&self, id: Id) -> &str {
        &self.suites[id.suite].name
    }

    /// When apt first sees a name: the first suite that mentions it, and its rank there.
    pub fn rank(&self, name: &str) -> Option<(usize, u32)> {
        let ranks = self.suites.iter().map(|suite| suite.index.rank(name));
        ranks
            .enumerate()
            .find_map(|(suite, rank)| Some((suite, rank?)))
    }

    /// A package as it is locked and fetched.
    pub fn package(&self, id: Id) -> Result<Package, version::ParseVersionError> {
        let entry = self.entry(id);
        Ok(Package {
            name: entry.name().to_owned(),
            version: entry.version().parse()?,
            architecture: entry.architecture().to_owned(),
            suite: self.suite(id).to_owned(),
            path: entry.path(),
            size: entry.size(),
            sha256: entry.sha256(),
        })
    }

    /// The names nearest to one that does not exist, the nearest first, at most five.
    pub fn nearest(&self, name: &str) -> Vec<String> {
        // Of names as near, those that begin alike: a slip is seldom in the first letters.
        let mut found: Vec<(usize, Reverse<usize>, &str)> = Vec::new();
        for suite in &self.suites {
            for known in suite.index.names() {
                if let Some(distance) = distance(name, known) {
                    let same = known.bytes().zip(name.bytes());
                    let alike = same.take_while(|(one, other)| one == other).count();
                    found.push((distance, Reverse(alike), known));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found.truncate(5);
        found
            .into_iter()
            .map(|(_, _, name)| name.to_owned())
            .collect()
    }
}

/// How far a known name is from the one that was given, if it is near: a slip of the finger, or
/// the beginning of a name (`libssl` for `libssl-dev`).
fn distance(given: &str, known: &str) -> Option<usize> {
    let difference = known.len().abs_diff(given.len());
    if given.len() > 2 && known.starts_with(given) {
        let is_whole = !known[given.len()..].starts_with(|next: char| next.is_ascii_alphabetic());
        return Some(if is_whole { difference } else { 2 * difference });
    }
    let most = (given.len() / 4).min(2);
    // Comparing all names letter by letter would take longer than all the rest.
    if difference > most {
        return None;
    }
    let distance = strsim::osa_distance(given, known);
    (distance <= most).then_some(distance)
}
