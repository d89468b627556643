//! How little a disk misses a rule by: the fewest predicates that would have to change, and how far each is off.

use std::borrow::Cow;

use super::atom::{Atom, WHOLE};
use super::proof::{Joint, NearMiss};
use crate::probe::inventory::Disk;

/// A predicate of a rule; the same for every disk. They stand in one list, each before its parts.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub depth: usize,
    pub joint: Joint,
    pub check: String,
    pub wanted: String,
    pub atom: Atom,
    /// One past its last part.
    pub end: usize,
}

/// A predicate's value for one disk.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// None where it has no value.
    pub holds: Option<bool>,
    pub found: Cow<'static, str>,
}

/// Indices of the direct parts of the entry `of` in a list where each entry stands before its parts.
pub(super) fn parts(of: usize, end: impl Fn(usize) -> usize) -> impl Iterator<Item = usize> {
    let last = end(of);
    std::iter::successors((of + 1 < last).then_some(of + 1), move |i| {
        let next = end(*i);
        (next < last).then_some(next)
    })
}

/// How many predicates have to change, and how far they are off together.
pub(super) type Cost = (u32, u32);

/// A disk that does not match, by what it was asked and what it has.
pub(super) struct Near<'a> {
    pub disk: &'a Disk,
    pub shapes: &'a [Shape],
    pub values: &'a [Value],
}

impl Near<'_> {
    /// How little it misses the whole rule by.
    pub(super) fn miss(&self) -> Cost {
        self.outermost()
            .map(|at| self.cost(at, true))
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }

    /// What it misses, in words; for the few disks that are named.
    pub(super) fn told(&self, (failing, distance): Cost) -> NearMiss {
        let mut missing = Vec::new();
        self.outermost()
            .for_each(|at| self.lacks(at, true, &mut missing));
        NearMiss {
            disk: self.disk.path.clone(),
            failing,
            distance,
            missing,
        }
    }

    /// Predicates that are no part of another one.
    fn outermost(&self) -> impl Iterator<Item = usize> {
        let next = |at: usize| (at < self.shapes.len()).then_some(at);
        std::iter::successors(next(0), move |at| next(self.shapes[*at].end))
    }

    fn parts(&self, of: usize) -> impl Iterator<Item = usize> {
        parts(of, |i| self.shapes[i].end)
    }

    /// What it costs that the predicate at `at` has the value `wanted`.
    fn cost(&self, at: usize, wanted: bool) -> Cost {
        if self.values[at].holds == Some(wanted) {
            return (0, 0);
        }
        let shape = &self.shapes[at];
        let each = self.parts(at);
        match (shape.joint, wanted) {
            (Joint::Leaf, true) => (1, shape.atom.miss(self.disk).0),
            (Joint::Leaf, false) => (1, WHOLE),
            (Joint::All, true) | (Joint::Any, false) => each
                .map(|part| self.cost(part, wanted))
                .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
            (Joint::All, false) | (Joint::Any, true) => each
                .map(|part| self.cost(part, wanted))
                .min()
                .unwrap_or((1, WHOLE)),
            (Joint::Not, _) => self.cost(at + 1, !wanted),
            (Joint::Choice, _) => self.branches(at, wanted).map_or((1, WHOLE), |b| b.0),
        }
    }

    /// The cheaper answer of a choice: its cost, what the condition has to be, condition and answer.
    fn branches(&self, at: usize, wanted: bool) -> Option<(Cost, bool, [usize; 2])> {
        let parts: Vec<usize> = self.parts(at).collect();
        let [asked, yes, no] = *parts else {
            return None;
        };
        [(true, yes), (false, no)]
            .into_iter()
            .map(|(answer, branch)| {
                let (a, b) = (self.cost(asked, answer), self.cost(branch, wanted));
                ((a.0 + b.0, a.1 + b.1), answer, [asked, branch])
            })
            .min()
    }

    /// Says what the cheapest way to `wanted` lacks.
    fn lacks(&self, at: usize, wanted: bool, missing: &mut Vec<String>) {
        if self.values[at].holds == Some(wanted) {
            return;
        }
        let shape = &self.shapes[at];
        match (shape.joint, wanted) {
            (Joint::Leaf, _) => missing.push(self.sentence(at, wanted)),
            (Joint::All, true) | (Joint::Any, false) => self
                .parts(at)
                .for_each(|part| self.lacks(part, wanted, missing)),
            (Joint::All, false) | (Joint::Any, true) => {
                let cheapest = self.parts(at).min_by_key(|part| self.cost(*part, wanted));
                cheapest
                    .into_iter()
                    .for_each(|part| self.lacks(part, wanted, missing));
            }
            (Joint::Not, _) => self.lacks(at + 1, !wanted, missing),
            (Joint::Choice, _) => {
                if let Some((_, answer, [asked, branch])) = self.branches(at, wanted) {
                    self.lacks(asked, answer, missing);
                    self.lacks(branch, wanted, missing);
                }
            }
        }
    }

    fn sentence(&self, at: usize, wanted: bool) -> String {
        let (shape, value) = (&self.shapes[at], &self.values[at]);
        let not = if wanted { "" } else { "not " };
        let hint = shape.atom.miss(self.disk).1.filter(|_| wanted);
        let hint = hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        format!(
            "{} wanted {not}{}, found {}{hint}",
            shape.check, shape.wanted, value.found
        )
    }
}
