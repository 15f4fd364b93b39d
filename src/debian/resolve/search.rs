//! The search: follows relations depth first and goes back where it fails.
//!
//! A failure names the packages that took part in it: the one whose requirement failed, those that
//! stood in the way, and all that brought these in. Choices that brought in none of them are not
//! tried again (conflict-directed backjumping), so that one missing package does not make every
//! other choice be tried in vain.

use std::collections::HashSet;
use std::rc::Rc;

use crate::debian::index::Field;
use crate::debian::relation::{self, Relation};
use crate::debian::universe::{Id, Universe};
use crate::interrupt;

use super::Request;
use super::choice::{Options, needs};
use super::error::Error;
use super::explain::{self, Obstacle};
use super::installed::Presents;
use super::left_out::Absent;
use super::request::{Wanted, What};
use super::selection::{Choice, Owner, Selection};

/// How many requirements are looked at before giving up. A desktop needs some ten thousand.
const STEPS: usize = 400_000;

/// Chooses packages until nothing is missing.
pub(super) fn search<'u, 'p>(
    universe: &'u Universe,
    request: &Request<'u>,
    wanted: &[Wanted<'u>],
    presents: &'p Presents<'u>,
    absent: &'p Absent<'u>,
) -> Result<Selection<'u, 'p>, Error> {
    let requested = || {
        let mut options = Options::new(universe, *request, presents, absent);
        for wanted in wanted {
            if let What::Package { id, .. } = wanted.what {
                options.prefer(id);
            }
        }
        options
    };
    let exactly = |wanted: &&Wanted<'u>| matches!(wanted.what, What::Package { exactly: true, .. });
    let fixed = wanted.iter().filter(exactly).map(|wanted| wanted.name);
    let mut search = Search {
        selection: Selection::new(universe, request, presents, absent),
        options: requested(),
        fixed: Some(fixed.collect()),
        nodes: Vec::new(),
        next: None,
        forks: Vec::new(),
        failure: None,
        steps: 0,
    };
    let mut switched = false;
    loop {
        match search.run(wanted) {
            Ok(()) => return Ok(search.selection),
            Err(Stop::Switch(id)) => {
                search.options.prefer(id);
                switched = true;
            }
            Err(Stop::Avoid(id)) => search.options.avoid(id),
            // Another version somewhere led nowhere: as if there were the candidates only.
            Err(Stop::Failed(_)) if switched => {
                switched = false;
                search.fixed = None;
                search.options = requested();
            }
            Err(Stop::Failed(error)) => return Err(search.failure.take().unwrap_or(error)),
            Err(Stop::Ended(error)) => return Err(error),
        }
        search.selection.truncate(0);
        search.nodes.clear();
        search.next = None;
        search.forks.clear();
    }
}

/// Why the search stopped.
enum Stop {
    /// A version that is not the candidate is asked for, but the candidate was chosen before: start
    /// again with that version.
    Switch(Id),
    /// Of several ways the first was chosen, and then stood in the way of what was needed: start
    /// again and try it last.
    Avoid(Id),
    /// Nothing is left to be tried.
    Failed(Error),
    /// It took too long, or the process was told to end.
    Ended(Error),
}

struct Search<'u, 'p> {
    selection: Selection<'u, 'p>,
    options: Options<'u, 'p>,
    /// Packages whose version is settled: asked for, or switched to. None once that failed.
    fixed: Option<HashSet<&'u str>>,
    /// What is still to be looked at, as lists that share their ends: a fork keeps the head of one.
    nodes: Vec<Node<'u>>,
    next: Option<usize>,
    forks: Vec<Fork<'u>>,
    /// The first failure. It is the one that apt would report.
    failure: Option<Error>,
    steps: usize,
}

/// The requirements of one package, from one of them on.
struct Node<'u> {
    needs: Needs<'u>,
    from: usize,
    /// The node that comes after it.
    next: Option<usize>,
}

/// What a package needs.
#[derive(Clone)]
pub(super) struct Needs<'u> {
    pub(super) owner: &'u str,
    relations: Rc<[Relation<'u>]>,
    /// How many of the relations are `Pre-Depends`.
    first: usize,
}

/// A requirement that could be satisfied in several ways.
struct Fork<'u> {
    needs: Needs<'u>,
    at: usize,
    /// What has not been tried, the next one last.
    options: Vec<Id>,
    /// What stood in the way of other ways.
    blockers: Vec<&'u str>,
    /// What took part in the failures of those tried.
    culprits: HashSet<&'u str>,
    /// What had been chosen, and what was still to be looked at.
    chosen: usize,
    nodes: usize,
    next: Option<usize>,
}

impl<'u> Needs<'u> {
    /// The requirement that begins at a relation.
    pub(super) fn group(&self, at: usize) -> &[Relation<'u>] {
        let rest = self.relations.get(at..).unwrap_or_default();
        relation::groups(rest).next().unwrap_or_default()
    }

    pub(super) fn field(&self, at: usize) -> Field {
        if at < self.first {
            Field::PreDepends
        } else {
            Field::Depends
        }
    }
}

impl<'u> Search<'u, '_> {
    fn run(&mut self, wanted: &[Wanted<'u>]) -> Result<(), Stop> {
        for wanted in wanted {
            let What::Package { id, .. } = wanted.what else {
                continue;
            };
            if let Some(forbidden) = self.selection.forbidden(id) {
                let error = explain::conflict(&self.selection, id, None, &forbidden);
                return Err(Stop::Failed(error));
            }
            self.selection.choose(Choice {
                id,
                reason: None,
                blockers: Vec::new(),
            });
        }
        for wanted in wanted.iter().rev() {
            if let What::Package { id, .. } = wanted.what {
                self.push(id);
            }
        }
        while let Some(node) = self.next {
            self.count()?;
            let Node { needs, from, next } = &self.nodes[node];
            let (needs, at, next) = (needs.clone(), *from, *next);
            let group = needs.group(at);
            self.next = match at + group.len() {
                end if end < needs.relations.len() => Some(self.node(needs.clone(), end, next)),
                _ => next,
            };
            let satisfied = |relation| self.selection.is_settled(relation);
            if !group.iter().any(satisfied) {
                self.satisfy(&needs, at)?;
            }
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps.is_multiple_of(256) {
            interrupt::check().map_err(|error| Stop::Ended(error.into()))?;
        }
        if self.steps < STEPS {
            return Ok(());
        }
        Err(Stop::Ended(Error::Effort {
            steps: STEPS,
            source: self.failure.take().map(Box::new),
        }))
    }

    /// Chooses a package for a requirement that nothing satisfies yet.
    fn satisfy(&mut self, needs: &Needs<'u>, at: usize) -> Result<(), Stop> {
        let group = needs.group(at);
        let mut blockers = Vec::new();
        let mut obstacle = None;
        let options = self.options.of(group);
        let mut usable = self.usable(options, &mut blockers, &mut obstacle);
        if usable.is_empty() {
            let others = self.options.others_of(group);
            usable = self.usable(others, &mut blockers, &mut obstacle);
        }
        usable.reverse();
        let Some(id) = usable.pop() else {
            return self.fail(needs, at, &blockers, obstacle);
        };
        if !usable.is_empty() {
            self.forks.push(Fork {
                needs: needs.clone(),
                at,
                options: usable,
                blockers: blockers.clone(),
                culprits: HashSet::new(),
                chosen: self.selection.order().len(),
                nodes: self.nodes.len(),
                next: self.next,
            });
        }
        self.choose(id, needs, at, blockers);
        Ok(())
    }

    /// Those of the options that can be chosen now. What stands in the way of the others is noted.
    fn usable(
        &mut self,
        options: Vec<Id>,
        blockers: &mut Vec<&'u str>,
        obstacle: &mut Option<Obstacle<'u>>,
    ) -> Vec<Id> {
        let mut usable = Vec::new();
        for id in options {
            let name = self.selection.universe.entry(id).name();
            if self.selection.chosen(name).is_some() {
                blockers.push(name);
                obstacle.get_or_insert(Obstacle::Chosen(id));
            } else if !self.options.is_possible(id, &self.selection) {
                obstacle.get_or_insert(Obstacle::Impossible(id));
            } else if let Some(forbidden) = self.selection.forbidden(id) {
                if let Owner::Chosen(other) = forbidden.other {
                    blockers.push(other);
                }
                obstacle.get_or_insert(Obstacle::Forbidden(id, forbidden));
            } else {
                usable.push(id);
            }
        }
        usable
    }

    fn choose(&mut self, id: Id, needs: &Needs<'u>, at: usize, blockers: Vec<&'u str>) {
        self.selection.choose(Choice {
            id,
            reason: Some((
                needs.owner,
                needs.field(at),
                relation::display(needs.group(at)),
            )),
            blockers,
        });
        self.push(id);
    }

    /// Puts what a package needs before all else that is to be looked at.
    fn push(&mut self, id: Id) {
        let universe = self.selection.universe;
        let (first, relations) = needs(universe, id);
        if relations.is_empty() {
            return;
        }
        let needs = Needs {
            owner: universe.entry(id).name(),
            relations: relations.into(),
            first,
        };
        self.next = Some(self.node(needs, 0, self.next));
    }

    fn node(&mut self, needs: Needs<'u>, from: usize, next: Option<usize>) -> usize {
        self.nodes.push(Node { needs, from, next });
        self.nodes.len() - 1
    }

    /// A requirement that can't be satisfied: another version, another way, or the end.
    fn fail(
        &mut self,
        needs: &Needs<'u>,
        at: usize,
        blockers: &[&'u str],
        obstacle: Option<Obstacle<'u>>,
    ) -> Result<(), Stop> {
        if let (Some(fixed), Some(Obstacle::Chosen(id))) = (&mut self.fixed, &obstacle)
            && fixed.insert(self.selection.universe.entry(*id).name())
        {
            self.record(needs, at, obstacle.as_ref());
            return Err(Stop::Switch(*id));
        }
        self.record(needs, at, obstacle.as_ref());
        let mut culprits = HashSet::new();
        self.blame(needs.owner, &mut culprits);
        if let Some(Obstacle::Forbidden(_, forbidden)) = &obstacle
            && let Some(id) = self.avoidable(forbidden.other, &culprits)
        {
            return Err(Stop::Avoid(id));
        }
        for blocker in blockers {
            self.blame(blocker, &mut culprits);
        }
        while let Some(mut fork) = self.forks.pop() {
            let tried = self.selection.order()[fork.chosen];
            if !culprits.remove(tried) {
                continue;
            }
            fork.culprits.extend(culprits.drain());
            self.selection.truncate(fork.chosen);
            self.nodes.truncate(fork.nodes);
            self.next = fork.next;
            if let Some(id) = fork.options.pop() {
                let (needs, at, blockers) = (fork.needs.clone(), fork.at, fork.blockers.clone());
                self.forks.push(fork);
                self.choose(id, &needs, at, blockers);
                return Ok(());
            }
            culprits = fork.culprits;
            self.blame(fork.needs.owner, &mut culprits);
            for blocker in &fork.blockers {
                self.blame(blocker, &mut culprits);
            }
        }
        Err(Stop::Failed(explain::failure(
            &self.selection,
            needs,
            at,
            None,
        )))
    }

    fn record(&mut self, needs: &Needs<'u>, at: usize, obstacle: Option<&Obstacle<'u>>) {
        let selection = &self.selection;
        self.failure
            .get_or_insert_with(|| explain::failure(selection, needs, at, obstacle));
    }

    /// The package, or what brought it in, that was chosen where there were other ways. apt, too,
    /// drops such a one for what conflicts with it later.
    fn avoidable(&self, other: Owner<'u>, culprits: &HashSet<&'u str>) -> Option<Id> {
        let Owner::Chosen(mut name) = other else {
            return None;
        };
        while !culprits.contains(name) {
            let at = self.selection.order().iter().position(|it| *it == name)?;
            let choice = self.selection.chosen(name)?;
            let mut forks = self.forks.iter();
            if forks.any(|fork| fork.chosen == at && !fork.options.is_empty()) {
                return Some(choice.id).filter(|id| !self.options.is_avoided(*id));
            }
            name = choice.reason.as_ref()?.0;
        }
        None
    }

    /// Adds a package and all because of which it was chosen.
    fn blame(&self, name: &'u str, culprits: &mut HashSet<&'u str>) {
        let mut names = vec![name];
        while let Some(name) = names.pop() {
            let Some(choice) = self.selection.chosen(name) else {
                continue;
            };
            if culprits.insert(name) {
                names.extend(choice.reason.as_ref().map(|(owner, ..)| *owner));
                names.extend(&choice.blockers);
            }
        }
    }
}
