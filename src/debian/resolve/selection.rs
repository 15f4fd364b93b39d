//! What has been chosen so far, and which relations that satisfies or forbids.
//!
//! Everything is entered and taken back in the order of a stack, so that going back to an earlier
//! choice costs no more than what was chosen since.

use std::collections::HashMap;

use crate::debian::index::{Entry, Field, MultiArch};
use crate::debian::relation::{Qualifier, Relation};
use crate::debian::universe::{Id, Universe};

use super::Request;
use super::installed::Presents;
use super::left_out::Absent;

/// What has been chosen.
pub(super) struct Selection<'u, 'p> {
    pub(super) universe: &'u Universe,
    pub(super) architecture: &'u str,
    pub(super) presents: &'p Presents<'u>,
    pub(super) absent: &'p Absent<'u>,
    chosen: HashMap<&'u str, Choice<'u>>,
    /// Names in the order in which they were chosen.
    order: Vec<&'u str>,
    /// By provided name: who provides it, and how.
    provided: HashMap<&'u str, Vec<(Owner<'u>, Relation<'u>)>>,
    /// By forbidden name: who forbids it, in which field, and how.
    forbidden: HashMap<&'u str, Vec<(Owner<'u>, Field, Relation<'u>)>>,
}

/// A chosen package.
#[derive(Clone)]
pub(super) struct Choice<'u> {
    pub(super) id: Id,
    /// The package and the requirement that brought it in; none if it was asked for.
    pub(super) reason: Option<(&'u str, Field, String)>,
    /// Packages because of which nothing else was chosen in its place.
    pub(super) blockers: Vec<&'u str>,
}

/// Whose relation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner<'u> {
    Chosen(&'u str),
    Installed(&'u str),
}

/// A relation by which two packages can't be there together.
pub(super) struct Forbidden<'u> {
    /// Who says so; none if it is the package that was asked about.
    pub(super) by: Option<Owner<'u>>,
    pub(super) field: Field,
    pub(super) relation: Relation<'u>,
    /// The other one.
    pub(super) other: Owner<'u>,
}

impl<'u, 'p> Selection<'u, 'p> {
    pub(super) fn new(
        universe: &'u Universe,
        request: &Request<'u>,
        presents: &'p Presents<'u>,
        absent: &'p Absent<'u>,
    ) -> Self {
        let mut selection = Self {
            universe,
            architecture: request.architecture,
            presents,
            absent,
            chosen: HashMap::new(),
            order: Vec::new(),
            provided: HashMap::new(),
            forbidden: HashMap::new(),
        };
        for (name, present) in presents {
            let owner = Owner::Installed(name);
            selection.enter(owner, &present.provides, &present.negative);
        }
        selection
    }

    pub(super) fn chosen(&self, name: &str) -> Option<&Choice<'u>> {
        self.chosen.get(name)
    }

    /// Names in the order in which they were chosen.
    pub(super) fn order(&self) -> &[&'u str] {
        &self.order
    }

    /// Enters a package. It is one that [`Selection::forbidden`] lets in.
    pub(super) fn choose(&mut self, choice: Choice<'u>) {
        let entry = self.universe.entry(choice.id);
        let owner = Owner::Chosen(entry.name());
        self.enter(owner, &entry.relations(Field::Provides), &negative(entry));
        self.order.push(entry.name());
        self.chosen.insert(entry.name(), choice);
    }

    /// Takes back what was chosen last, until so many are left.
    pub(super) fn truncate(&mut self, length: usize) {
        while self.order.len() > length {
            let Some(choice) = self.order.pop().and_then(|name| self.chosen.remove(name)) else {
                break;
            };
            let entry = self.universe.entry(choice.id);
            for relation in entry.relations(Field::Provides) {
                self.provided.get_mut(relation.name).and_then(Vec::pop);
            }
            for (_, relation) in negative(entry) {
                self.forbidden.get_mut(relation.name).and_then(Vec::pop);
            }
        }
    }

    fn enter(
        &mut self,
        owner: Owner<'u>,
        provides: &[Relation<'u>],
        negative: &[(Field, Relation<'u>)],
    ) {
        for relation in provides {
            let list = self.provided.entry(relation.name).or_default();
            list.push((owner, *relation));
        }
        for (field, relation) in negative {
            let list = self.forbidden.entry(relation.name).or_default();
            list.push((owner, *field, *relation));
        }
    }

    /// Whether an installed package gave way to another version of it.
    fn is_replaced(&self, owner: Owner<'_>) -> bool {
        matches!(owner, Owner::Installed(name) if self.chosen.contains_key(name))
    }

    /// Whether nothing more is needed for a relation.
    pub(super) fn is_settled(&self, relation: &Relation<'_>) -> bool {
        self.satisfies(relation).is_some() || self.absent.satisfies(relation).is_some()
    }

    /// Which package satisfies a relation: one that was chosen, else one that is installed.
    pub(super) fn satisfies(&self, relation: &Relation<'_>) -> Option<Owner<'u>> {
        self.all_that_match(relation).next()
    }

    /// Every package that has the relation's name or provides it as the relation asks.
    fn all_that_match(&self, relation: &Relation<'_>) -> impl Iterator<Item = Owner<'u>> {
        let real = self.chosen.get_key_value(relation.name);
        let real = real.and_then(|(name, choice)| {
            let entry = self.universe.entry(choice.id);
            is(entry, relation, self.architecture).then_some(Owner::Chosen(name))
        });
        let installed = self.presents.get_key_value(relation.name);
        let installed = installed.and_then(|(name, present)| {
            let package = present.package;
            let fits = present.serves(relation)
                && qualifies(package.multi_arch, relation, self.architecture)
                && relation.admits(package.version.as_str());
            (fits && !self.chosen.contains_key(name)).then_some(Owner::Installed(name))
        });
        let providers = self.provided.get(relation.name).into_iter().flatten();
        let providers = providers.filter(|(owner, provided)| {
            if self.is_replaced(*owner) {
                return false;
            }
            let multi_arch = match owner {
                Owner::Chosen(name) => {
                    let choice = self.chosen.get(name);
                    choice.map(|choice| self.universe.entry(choice.id).multi_arch())
                }
                Owner::Installed(name) => {
                    let present = self.presents.get(name).filter(|it| it.serves(relation));
                    present.map(|present| present.package.multi_arch)
                }
            };
            multi_arch.is_some_and(|it| provides(it, provided, relation, self.architecture))
        });
        let providers: Vec<Owner<'u>> = providers.map(|(owner, _)| *owner).collect();
        // Chosen before installed, the name itself before those that provide it.
        let (chosen, present): (Vec<_>, Vec<_>) =
            (providers.into_iter()).partition(|owner| matches!(owner, Owner::Chosen(_)));
        (real.into_iter().chain(chosen)).chain(installed.into_iter().chain(present))
    }

    /// What keeps a package out: what it can't be together with, or what can't be with it.
    pub(super) fn forbidden(&self, id: Id) -> Option<Forbidden<'u>> {
        let entry = self.universe.entry(id);
        let name = entry.name();
        let other = |owner: &Owner<'_>| match owner {
            Owner::Chosen(other) | Owner::Installed(other) => *other != name,
        };
        for (field, relation) in negative(entry) {
            if let Some(other) = self.all_that_match(&relation).find(other) {
                return Some(Forbidden {
                    by: None,
                    field,
                    relation,
                    other,
                });
            }
        }
        let provided = entry.relations(Field::Provides);
        let names = std::iter::once(name).chain(provided.iter().map(|relation| relation.name));
        for name in names {
            for (by, field, relation) in self.forbidden.get(name).into_iter().flatten() {
                let matches = is(entry, relation, self.architecture)
                    || provided.iter().any(|provided| {
                        provides(entry.multi_arch(), provided, relation, self.architecture)
                    });
                if matches && other(by) && !self.is_replaced(*by) {
                    return Some(Forbidden {
                        by: Some(*by),
                        field: *field,
                        relation: *relation,
                        other: *by,
                    });
                }
            }
        }
        None
    }
}

fn negative(entry: Entry<'_>) -> Vec<(Field, Relation<'_>)> {
    let fields = [Field::Conflicts, Field::Breaks];
    let relations = fields.map(|field| {
        entry
            .relations(field)
            .into_iter()
            .map(move |it| (field, it))
    });
    relations.into_iter().flatten().collect()
}

/// Whether a package is what a relation asks for by its own name.
pub(super) fn is(entry: Entry<'_>, relation: &Relation<'_>, architecture: &str) -> bool {
    entry.name() == relation.name
        && qualifies(entry.multi_arch(), relation, architecture)
        && relation.admits(entry.version())
}

fn qualifies(multi_arch: MultiArch, relation: &Relation<'_>, architecture: &str) -> bool {
    match relation.qualifier {
        Qualifier::None | Qualifier::Native => true,
        Qualifier::Any => multi_arch == MultiArch::Allowed,
        Qualifier::Architecture(wanted) => wanted == architecture,
    }
}

/// Whether a package is what a relation asks for by one of the names that it provides. Only a name
/// that is provided in a version satisfies a relation that asks for one (Policy 7.5).
pub(super) fn provides(
    multi_arch: MultiArch,
    provided: &Relation<'_>,
    relation: &Relation<'_>,
    architecture: &str,
) -> bool {
    let qualifies = match (relation.qualifier, provided.qualifier) {
        (Qualifier::Any, Qualifier::Any) => true,
        (Qualifier::Any, Qualifier::None) => multi_arch == MultiArch::Allowed,
        (Qualifier::Any, _) | (_, Qualifier::Any) => false,
        (Qualifier::Architecture(wanted), _) => wanted == architecture,
        (Qualifier::None | Qualifier::Native, Qualifier::Architecture(found)) => {
            found == architecture
        }
        (Qualifier::None | Qualifier::Native, _) => true,
    };
    let version = provided.version.map(|(_, version)| version);
    provided.name == relation.name
        && qualifies
        && (relation.version.is_none() || version.is_some_and(|version| relation.admits(version)))
}
