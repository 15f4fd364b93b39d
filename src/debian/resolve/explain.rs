//! Says why: why each package is in a resolution, and why there is none.

use crate::debian::index::Field;
use crate::debian::relation::{self, Relation};
use crate::debian::universe::Id;

use super::choice::needs;
use super::error::{Chain, End, Error, Named};
use super::left_out;
use super::request::{Wanted, What};
use super::search::Needs;
use super::selection::{Forbidden, Owner, Selection};
use super::{Chosen, Reason, Resolution, Satisfied};

/// What kept an option from being chosen.
pub(super) enum Obstacle<'u> {
    /// Its package is there in another version.
    Chosen(Id),
    /// Something that it needs does not exist.
    Impossible(Id),
    /// It can't be there together with something else.
    Forbidden(Id, Forbidden<'u>),
}

/// The packages that were chosen, with all their reasons.
pub(super) fn resolution(
    selection: &Selection<'_, '_>,
    wanted: &[Wanted<'_>],
) -> Result<Resolution, Error> {
    let universe = selection.universe;
    let mut packages = Vec::new();
    let mut satisfied = Vec::new();
    let mut left_out = Vec::new();
    for name in selection.order() {
        let Some(choice) = selection.chosen(name) else {
            continue;
        };
        let package = universe.package(choice.id).map_err(|source| Error::Index {
            suite: universe.suite(choice.id).to_owned(),
            source,
        })?;
        let present = selection.presents.get(name);
        packages.push(Chosen {
            package,
            reasons: choice.reason.iter().cloned().map(Reason::from).collect(),
            replaces: present.map(|present| present.package.version.clone()),
        });
    }
    packages.sort_by(|left, right| left.package.name.cmp(&right.package.name));
    for wanted in wanted {
        let reason = Reason::Requested {
            request: wanted.request.clone(),
        };
        match &wanted.what {
            What::Package { .. } => add(&mut packages, wanted.name, reason),
            What::Installed(installed) => satisfied.push(Satisfied {
                installed: installed.clone(),
                reason,
            }),
        }
    }
    let mut order = selection.order().to_vec();
    order.sort_unstable();
    for name in order {
        let Some(choice) = selection.chosen(name) else {
            continue;
        };
        let (first, relations) = needs(universe, choice.id);
        let mut at = 0;
        for group in relation::groups(&relations) {
            let field = if at < first {
                Field::PreDepends
            } else {
                Field::Depends
            };
            at += group.len();
            let reason = Reason::from((name, field, relation::display(group)));
            match group
                .iter()
                .find_map(|relation| selection.satisfies(relation))
            {
                Some(Owner::Chosen(other)) => add(&mut packages, other, reason),
                Some(Owner::Installed(other)) => satisfied.push(Satisfied {
                    installed: named_owner(selection, Owner::Installed(other)),
                    reason,
                }),
                None => {
                    let absent = &selection.absent;
                    let mut names = group.iter().filter_map(|it| absent.satisfies(it));
                    if let Some(name) = names.next() {
                        left_out::note(&mut left_out, name, reason);
                    }
                }
            }
        }
    }
    satisfied.sort_by(|left, right| left.installed.name.cmp(&right.installed.name));
    left_out.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Resolution {
        packages,
        satisfied,
        left_out,
    })
}

fn add(packages: &mut [Chosen], name: &str, reason: Reason) {
    let at = packages.binary_search_by(|it| it.package.name.as_str().cmp(name));
    if let Some(chosen) = at.ok().and_then(|at| packages.get_mut(at))
        && !chosen.reasons.contains(&reason)
    {
        chosen.reasons.push(reason);
    }
}

impl From<(&str, Field, String)> for Reason {
    fn from((package, field, relation): (&str, Field, String)) -> Self {
        Self::Relation {
            package: package.to_owned(),
            field,
            relation,
        }
    }
}

/// Why a requirement can't be satisfied.
pub(super) fn failure(
    selection: &Selection<'_, '_>,
    needs: &Needs<'_>,
    at: usize,
    obstacle: Option<&Obstacle<'_>>,
) -> Error {
    let owner = Owner::Chosen(needs.owner);
    let relation = relation::display(needs.group(at));
    match obstacle {
        None => Error::Unsatisfied {
            package: named_owner(selection, owner),
            field: needs.field(at),
            found: found(selection, needs.group(at)),
            relation,
            chain: chain(selection, owner),
        },
        Some(Obstacle::Chosen(id)) => {
            let other = Owner::Chosen(selection.universe.entry(*id).name());
            Error::Clash {
                package: named_owner(selection, owner),
                field: needs.field(at),
                relation,
                chain: chain(selection, owner),
                other: named_owner(selection, other),
                other_chain: chain(selection, other),
            }
        }
        Some(Obstacle::Impossible(id)) => impossible(selection, *id, needs, at),
        Some(Obstacle::Forbidden(id, forbidden)) => {
            conflict(selection, *id, Some((needs, at)), forbidden)
        }
    }
}

/// A package that would satisfy a requirement, but itself needs what does not exist.
fn impossible(selection: &Selection<'_, '_>, id: Id, by: &Needs<'_>, at: usize) -> Error {
    let (first, relations) = needs(selection.universe, id);
    let exists = |relation: &Relation<'_>| {
        selection.is_settled(relation) || !versions(selection, relation, true).is_empty()
    };
    let mut from = 0;
    let missing = relation::groups(&relations).find(|group| {
        from += group.len();
        !group.iter().any(exists)
    });
    let group = missing.unwrap_or_default();
    Error::Unsatisfied {
        package: named(selection, id),
        field: if from <= first {
            Field::PreDepends
        } else {
            Field::Depends
        },
        relation: relation::display(group),
        found: found(selection, group),
        chain: option_chain(selection, id, Some((by, at))),
    }
}

/// Two packages that can't be there together; one of them, `id`, was about to be chosen.
pub(super) fn conflict(
    selection: &Selection<'_, '_>,
    id: Id,
    by: Option<(&Needs<'_>, usize)>,
    forbidden: &Forbidden<'_>,
) -> Error {
    let option = (named(selection, id), option_chain(selection, id, by));
    let other = forbidden.other;
    let other = (named_owner(selection, other), chain(selection, other));
    let ((package, chain), (other, other_chain)) = match forbidden.by {
        None => (option, other),
        Some(_) => (other, option),
    };
    Error::Conflict {
        package,
        field: forbidden.field,
        relation: forbidden.relation.to_string(),
        chain,
        other,
        other_chain,
    }
}

/// What there is of the names of a requirement.
fn found(selection: &Selection<'_, '_>, group: &[Relation<'_>]) -> String {
    let mut lines = Vec::new();
    for relation in group {
        let name = relation.name;
        let mut known = versions(selection, relation, false);
        if let Some(present) = selection.presents.get(name) {
            known.push(format!("`{}` (installed)", present.package.version));
        }
        lines.push(match known.as_slice() {
            [] => format!("there is no `{name}`"),
            known => format!("`{name}` is only there in version {}", known.join(", ")),
        });
    }
    lines.join(", and ")
}

/// The versions of a name, and of what provides it, that a relation admits; or all of them.
fn versions(selection: &Selection<'_, '_>, relation: &Relation<'_>, admitted: bool) -> Vec<String> {
    let universe = selection.universe;
    let admits = |version: &str| !admitted || relation.admits(version);
    let mut known = Vec::new();
    for id in universe.versions(relation.name, selection.architecture) {
        let version = universe.entry(id).version();
        if admits(version) {
            known.push(format!("`{version}` (suite `{}`)", universe.suite(id)));
        }
    }
    for (id, provided) in universe.providers(relation.name, selection.architecture) {
        let version = provided.version.map(|(_, version)| version);
        let owner = universe.entry(id).name();
        match version {
            Some(version) if admits(version) => known.push(format!("`{version}` (`{owner}`)")),
            None if !admitted || relation.version.is_none() => {
                known.push(format!("none (provided by `{owner}`)"));
            }
            _ => {}
        }
    }
    known
}

/// Why a package is there, back to a request.
fn chain(selection: &Selection<'_, '_>, owner: Owner<'_>) -> Chain {
    let name = match owner {
        Owner::Chosen(name) => name,
        Owner::Installed(name) => {
            return Chain {
                package: name.to_owned(),
                needed_by: Vec::new(),
                end: End::Installed,
            };
        }
    };
    let mut needed_by = Vec::new();
    let mut next = selection.chosen(name);
    while let Some((owner, field, relation)) = next.and_then(|choice| choice.reason.as_ref()) {
        needed_by.push(((*owner).to_owned(), *field, relation.clone()));
        next = selection.chosen(owner);
    }
    Chain {
        package: name.to_owned(),
        needed_by,
        end: End::Requested,
    }
}

/// Why a package that has not been chosen would be there.
fn option_chain(selection: &Selection<'_, '_>, id: Id, by: Option<(&Needs<'_>, usize)>) -> Chain {
    let mut needed_by = Vec::new();
    if let Some((needs, at)) = by {
        let relation = relation::display(needs.group(at));
        needed_by.push((needs.owner.to_owned(), needs.field(at), relation));
        needed_by.extend(chain(selection, Owner::Chosen(needs.owner)).needed_by);
    }
    Chain {
        package: selection.universe.entry(id).name().to_owned(),
        needed_by,
        end: End::Requested,
    }
}

fn named(selection: &Selection<'_, '_>, id: Id) -> Named {
    let entry = selection.universe.entry(id);
    Named {
        name: entry.name().to_owned(),
        version: entry.version().to_owned(),
    }
}

fn named_owner(selection: &Selection<'_, '_>, owner: Owner<'_>) -> Named {
    let (name, version) = match owner {
        Owner::Chosen(name) => {
            let choice = selection.chosen(name);
            let version = choice.map(|choice| selection.universe.entry(choice.id).version());
            (name, version.unwrap_or_default().to_owned())
        }
        Owner::Installed(name) => {
            let present = selection.presents.get(name);
            let version = present.map(|present| present.package.version.to_string());
            (name, version.unwrap_or_default())
        }
    };
    Named {
        name: name.to_owned(),
        version,
    }
}
