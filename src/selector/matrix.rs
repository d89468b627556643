//! The matrix of a role for people: a row for each predicate, a column for each disk, and below a row what was found.

use super::proof::{Joint, Predicate, Proof};
use super::render::{WIDTH, line};
use super::selection::{CheckKind, DiskVerdict, Role, Selection, Verdict};
use crate::printable::printable;

/// Columns that there is room for.
const COLUMNS: usize = 24;

/// The disks that have a column, each with its letter, in Talos' order.
pub(super) struct Columns<'s> {
    paths: Vec<&'s str>,
    /// Disks that have none.
    pub left_out: usize,
}

impl<'s> Columns<'s> {
    /// All disks, or, of many, those that a role matches and those that miss least.
    pub(super) fn new(selection: &'s Selection) -> Self {
        let Some(first) = selection.roles.first() else {
            return Self {
                paths: Vec::new(),
                left_out: 0,
            };
        };
        let every: Vec<&str> = first.verdicts.iter().map(|v| &*v.disk).collect();
        if every.len() <= COLUMNS {
            return Self {
                paths: every,
                left_out: 0,
            };
        }
        let mut kept: Vec<&str> = Vec::new();
        let mut keep = |path: &'s str| {
            if kept.len() < COLUMNS && !kept.contains(&path) {
                kept.push(path);
            }
        };
        for role in &selection.roles {
            let matching = role.verdicts.iter().filter(|v| matches(v));
            matching.for_each(|verdict| keep(&verdict.disk));
        }
        for rank in 0..COLUMNS {
            for role in &selection.roles {
                let miss = role.proof.near_misses.get(rank);
                miss.into_iter().for_each(|miss| keep(&miss.disk));
            }
        }
        let paths: Vec<&str> = every.iter().copied().filter(|p| kept.contains(p)).collect();
        let left_out = every.len() - paths.len();
        Self { paths, left_out }
    }

    /// Letter and path of each.
    pub(super) fn letters(&self) -> impl Iterator<Item = (char, &'s str)> {
        ('A'..='Z').zip(self.paths.iter().copied())
    }

    /// The letter of a disk, or its path if it has none.
    pub(super) fn letter(&self, path: &str) -> String {
        let found = self.letters().find(|(_, p)| *p == path);
        found.map_or_else(|| path.to_owned(), |(letter, _)| letter.to_string())
    }

    /// A line of words with a mark for each disk at its end.
    fn row(&self, indent: usize, words: &str, mark: impl Fn(&str) -> char, text: &mut String) {
        let marks: Vec<String> = self.paths.iter().map(|p| mark(p).to_string()).collect();
        let marks = marks.join(" ");
        let room = WIDTH - 2 - marks.len();
        let mut block = String::new();
        line(&mut block, indent, &printable(words), room);
        for (i, part) in block.lines().enumerate() {
            text.push_str(part);
            if i == 0 && !marks.is_empty() {
                let gap = (room + 2).saturating_sub(part.chars().count()).max(2);
                text.push_str(&" ".repeat(gap));
                text.push_str(&marks);
            }
            text.push('\n');
        }
    }
}

/// Whether the rule matches the disk.
pub(super) fn matches(verdict: &DiskVerdict) -> bool {
    let mut asked = verdict.checks.iter();
    asked.all(|check| check.pass || check.kind == CheckKind::Guard)
}

/// The predicates of `role`, and how each disk came out.
pub(super) fn render(role: &Role, columns: &Columns<'_>, text: &mut String) {
    if columns.paths.is_empty() || is_plain(&role.proof) {
        return;
    }
    let letter = |path: &str| columns.letter(path).chars().next().unwrap_or('?');
    columns.row(2, "", letter, text);
    for predicate in &role.proof.predicates {
        let indent = 2 + 2 * predicate.depth.min(8);
        let holds = |path: &str| {
            let cell = predicate.cells.iter().find(|cell| cell.disk == path);
            match cell.map(|cell| cell.holds) {
                Some(Some(true)) => '+',
                Some(Some(false)) => '-',
                _ => '!',
            }
        };
        columns.row(indent, &title(predicate), holds, text);
        if let Some(found) = found(predicate, columns) {
            line(text, indent + 2, &printable(&found), WIDTH);
        }
    }
    columns.row(2, "verdict", |path| verdict(role, path), text);
}

/// A rule whose single row says no more than the reason does.
pub(super) fn is_plain(proof: &Proof) -> bool {
    matches!(&*proof.predicates, [] | [_]) && {
        let only = proof.predicates.first();
        only.is_none_or(|p| matches!(&*p.check, "system disk" | "disk"))
    }
}

fn verdict(role: &Role, path: &str) -> char {
    let found = role.verdicts.iter().find(|verdict| verdict.disk == path);
    match found {
        Some(v) if v.verdict == Verdict::Selected => '*',
        Some(v) if v.verdict == Verdict::Eligible => '=',
        Some(v) if matches(v) => 'x',
        _ => '.',
    }
}

fn title(predicate: &Predicate) -> String {
    let words = match predicate.joint {
        Joint::Leaf if predicate.wanted.contains("disk") => return predicate.wanted.clone(),
        Joint::Leaf => return format!("{} {}", predicate.check, predicate.wanted),
        Joint::All => "all of",
        Joint::Any => "any of",
        Joint::Not => "not",
        Joint::Choice => "if the first then the second, else the third",
    };
    words.to_owned()
}

/// The values that were found, each with its disks; none where the marks say it all.
fn found(predicate: &Predicate, columns: &Columns<'_>) -> Option<String> {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let shown = |path: &str| columns.paths.contains(&path);
    let cells: Vec<_> = predicate.cells.iter().filter(|c| shown(&c.disk)).collect();
    let common = common(cells.iter().map(|cell| &*cell.found));
    for cell in cells {
        let value = &cell.found[common..];
        let letter = columns.letter(&cell.disk);
        match groups.iter_mut().find(|group| group.0 == value) {
            Some(group) => group.1.push(letter),
            None => groups.push((value, vec![letter])),
        }
    }
    if groups.iter().all(|g| matches!(g.0, "" | "true" | "false")) {
        return None;
    }
    let all = groups.len() == 1;
    let groups = groups.into_iter().map(|(value, letters)| {
        if all {
            value.to_owned()
        } else {
            format!("{value} {}", letters.join(","))
        }
    });
    let groups: Vec<String> = groups.collect();
    Some(format!("found {}", groups.join("; ")))
}

/// Bytes of `disk.<name> = ` in front of every value, if all of them have it.
fn common<'c>(mut found: impl Iterator<Item = &'c str>) -> usize {
    let Some(first) = found.next() else { return 0 };
    let Some((name, _)) = first.split_once(" = ") else {
        return 0;
    };
    let len = name.len() + " = ".len();
    let same = |text: &str| text.get(..len) == first.get(..len) && !text.contains(", disk.");
    if same(first) && found.all(same) {
        len
    } else {
        0
    }
}
