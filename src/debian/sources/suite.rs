//! Which sources belong to a release: its own, or those of another release of the same archives.
//!
//! A host has the sources of one release, and a sysroot or base may be of another. Archives keep
//! all their releases side by side, so the host's sources of its own release are asked with the
//! suite's name replaced.

use super::{Error, Source, Sources};

/// Suites that go with a release. apt takes them, so they count wherever the sources have them.
const COMPANIONS: [&str; 3] = ["-updates", "-security", "/updates"];

/// Suites that are asked only by their own name.
const ON_REQUEST: [&str; 4] = [
    "-backports",
    "-backports-sloppy",
    "-proposed-updates",
    "-proposed",
];

/// Releases whose security suite is called `<codename>/updates`.
const SLASHED: [&str; 4] = ["wheezy", "jessie", "stretch", "buster"];

/// Releases that have no companions: everything goes into them directly.
const ROLLING: [&str; 5] = ["sid", "unstable", "experimental", "rc-buggy", "devel"];

/// Names for releases that move on.
const MOVING: [&str; 4] = ["stable", "oldstable", "oldoldstable", "testing"];

impl Sources {
    /// The sources of a suite: `trixie` stands for the release with its updates and security
    /// suites as far as there are sources for them, `trixie-backports` for that suite alone.
    ///
    /// Where no source has it, the archives of the distribution's own release are taken with the
    /// suite replaced; sources of third parties, which have releases of other names, are not.
    pub fn for_suite(&self, suite: &str) -> Result<Vec<Source>, Error> {
        if self.list.is_empty() {
            return Err(Error::None {
                suite: suite.to_owned(),
            });
        }
        let mut found = self.direct(suite);
        if found.is_empty() {
            found = self.derived(suite);
        }
        if found.is_empty() {
            let mut have: Vec<String> = self
                .list
                .iter()
                .map(|source| source.suite.clone())
                .collect();
            have.sort();
            have.dedup();
            return Err(Error::NoSuite {
                suite: suite.to_owned(),
                have,
            });
        }
        Ok(merged(found))
    }

    /// The release that moves on which the sources are of, such as `sid` of an image whose os-release
    /// names the release that is to come; `None` where they have the latter, too.
    pub fn moving(&self) -> Option<&str> {
        let releases = self.list.iter().map(|source| split(&source.suite).0);
        let is_moving = |name: &&str| ROLLING.contains(name) || MOVING.contains(name);
        let codename = self.distribution.codename.as_deref();
        let mut moving = None;
        for release in releases {
            if Some(release) == codename {
                return None;
            }
            moving = moving.or(Some(release).filter(is_moving));
        }
        moving
    }

    /// Sources that have the suite itself, and then those of its companions.
    fn direct(&self, suite: &str) -> Vec<Source> {
        let (release, _) = split(suite);
        let mut found: Vec<Source> = Vec::new();
        for source in &self.list {
            if source.suite.is_empty() {
                let mut source = source.clone();
                suite.clone_into(&mut source.suite);
                if source.components.is_empty() {
                    source.components.push("main".to_owned());
                }
                found.push(source);
            } else if source.suite == suite {
                found.push(source.clone());
            }
        }
        if found.is_empty() || release != suite || ROLLING.contains(&suite) {
            return found;
        }
        let companions = self.list.iter().filter(|source| {
            let (base, ending) = split(&source.suite);
            base == suite && COMPANIONS.contains(&ending)
        });
        found.extend(companions.cloned());
        found
    }

    fn derived(&self, suite: &str) -> Vec<Source> {
        let (release, ending) = split(suite);
        let own: Vec<(&Source, &str)> = self
            .own()
            .into_iter()
            .map(|source| (source, split(&source.suite).1))
            .collect();
        let renamed = |source: &Source, suite: String| {
            let mut source = source.clone();
            source.suite = suite;
            source
        };
        let with = |wanted: &str| -> Vec<Source> {
            own.iter()
                .filter(|(_, found)| same_ending(found, wanted))
                .map(|(source, _)| renamed(source, suite.to_owned()))
                .collect()
        };
        if !ending.is_empty() {
            let found = with(ending);
            return if found.is_empty() { with("") } else { found };
        }
        own.iter()
            .filter(|(_, found)| {
                found.is_empty() || (!ROLLING.contains(&suite) && COMPANIONS.contains(found))
            })
            .map(|(source, found)| {
                let ending = match *found {
                    "-security" | "/updates" if SLASHED.contains(&release) => "/updates",
                    "-security" | "/updates" => "-security",
                    other => other,
                };
                renamed(source, format!("{release}{ending}"))
            })
            .collect()
    }

    /// The sources of the distribution itself: those of a release that the host is of or that has
    /// companions, with the component that every distribution has, and with the keys that the
    /// companions have.
    fn own(&self) -> Vec<&Source> {
        let is_release = |name: &str| {
            self.distribution.codename.as_deref() == Some(name)
                || ROLLING.contains(&name)
                || MOVING.contains(&name)
                || self.list.iter().any(|source| {
                    let (base, ending) = split(&source.suite);
                    base == name && COMPANIONS.contains(&ending)
                })
        };
        let candidates: Vec<&Source> = self
            .list
            .iter()
            .filter(|source| {
                is_release(split(&source.suite).0)
                    && source.components.iter().any(|name| name == "main")
            })
            .collect();
        let companion = |source: &&&Source| COMPANIONS.contains(&split(&source.suite).1);
        let keys: Vec<_> = candidates
            .iter()
            .filter(companion)
            .map(|source| &source.signed_by)
            .collect();
        candidates
            .iter()
            .filter(|source| keys.is_empty() || keys.contains(&&source.signed_by))
            .copied()
            .collect()
    }
}

/// A release and what is behind its name.
fn split(suite: &str) -> (&str, &str) {
    // Longer endings first: `-backports-sloppy` ends in none of the others, but this stays right
    // when one is added.
    let mut endings: Vec<&str> = COMPANIONS.iter().chain(&ON_REQUEST).copied().collect();
    endings.sort_by_key(|ending| std::cmp::Reverse(ending.len()));
    for ending in endings {
        if let Some(release) = suite.strip_suffix(ending).filter(|name| !name.is_empty()) {
            return (release, &suite[release.len()..]);
        }
    }
    (suite, "")
}

fn same_ending(one: &str, other: &str) -> bool {
    let plain = |ending| match ending {
        "/updates" => "-security",
        other => other,
    };
    plain(one) == plain(other)
}

/// Sources of the same archive and suite, as one with the components of all.
fn merged(sources: Vec<Source>) -> Vec<Source> {
    let mut merged: Vec<Source> = Vec::new();
    for source in sources {
        let same = merged.iter_mut().find(|other| {
            other.archive == source.archive
                && other.suite == source.suite
                && other.signed_by == source.signed_by
                && other.architectures == source.architectures
        });
        let Some(same) = same else {
            merged.push(source);
            continue;
        };
        for component in source.components {
            if !same.components.contains(&component) {
                same.components.push(component);
            }
        }
    }
    merged
}
