//! A selection for people: the disks with a letter each, then a block for each role, 80 columns, no colour.

use std::fmt::Write;

use super::ghost::Ghost;
use super::matrix::{self, Columns};
use super::proof::{NearMiss, Proposal, RuleFault, Warning};
use super::selection::{DiskVerdict, Outcome, Role, Selection, Want};
use crate::printable::printable;
use crate::probe::inventory::Inventory;
use crate::units::Bytes;

/// Columns of a terminal that everybody has.
pub(super) const WIDTH: usize = 80;

/// Ghosts that are shown.
const GHOSTS: usize = 24;

/// Near misses that are shown.
const MISSES: usize = 3;

/// The disks, then each role with its disk and reason, the rule's predicates by disk, and what follows from them.
pub fn render(selection: &Selection, inventory: &Inventory) -> String {
    let columns = Columns::new(selection);
    let mut text = String::new();
    legend(&columns, selection, inventory, &mut text);
    for role in &selection.roles {
        separate(&mut text);
        render_role(role, &columns, &mut text);
    }
    if !selection.ghosts.is_empty() {
        separate(&mut text);
        text.push_str(&ghosts(&selection.ghosts));
    }
    for note in &selection.notes {
        separate(&mut text);
        words(&mut text, 0, &format!("note: {note}"));
    }
    if let Some(want) = &selection.want {
        separate(&mut text);
        render_want(want, &mut text);
    }
    text
}

fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
}

fn legend(columns: &Columns<'_>, selection: &Selection, inventory: &Inventory, text: &mut String) {
    let width = columns
        .letters()
        .map(|(_, path)| path.chars().count())
        .max();
    let Some(width) = width else { return };
    words(text, 0, "disks (+ holds, - does not, ! has no value)");
    for (letter, path) in columns.letters() {
        let about = about(path, inventory);
        words(text, 2, &format!("{letter}  {path:width$}  {about}"));
    }
    if columns.left_out > 0 {
        let more = format!("and {} more, which miss more", columns.left_out);
        words(text, 2, &more);
    }
    warnings(&selection.clones, 2, text);
}

/// What lies on other disks, with the commands that clear it; those are never wrapped.
pub fn ghosts(ghosts: &[Ghost]) -> String {
    let mut text = String::new();
    for ghost in ghosts.iter().take(GHOSTS) {
        let word = if ghost.refuses {
            "refused for"
        } else {
            "ghost"
        };
        let found = format!(
            "{word}: {}: {} (byte {})",
            ghost.disk,
            ghost.what,
            ghost.offset.get()
        );
        words(&mut text, 0, &found);
        words(&mut text, 2, &ghost.talos);
        for (i, command) in ghost.cleanup.iter().enumerate() {
            words(&mut text, 2, if i == 0 { "to clear it:" } else { "or:" });
            let _ = writeln!(text, "      {}", printable(command));
        }
    }
    if let Some(more) = ghosts.len().checked_sub(GHOSTS).filter(|more| *more > 0) {
        words(&mut text, 0, &format!("and {more} more ghosts"));
    }
    text
}

/// Model, size and transport of a disk.
fn about(path: &str, inventory: &Inventory) -> String {
    let Some(disk) = inventory.disks.iter().find(|disk| disk.path == path) else {
        return String::new();
    };
    let talos = &disk.talos;
    let size = Bytes::new(talos.size).to_string();
    let known = [&talos.model, &size, &talos.transport];
    let known = known.into_iter().map(String::as_str);
    let known: Vec<&str> = known.filter(|s| !s.is_empty()).collect();
    known.join(", ")
}

fn render_role(role: &Role, columns: &Columns<'_>, text: &mut String) {
    let head = match (role.outcome, &role.disk) {
        (Outcome::Selected, Some(disk)) => disk.clone(),
        (Outcome::Refused, _) => "refused".to_owned(),
        _ => "no disk".to_owned(),
    };
    words(text, 0, &format!("{}: {head}", role.role));
    let rule = role.rule.split_whitespace().collect::<Vec<_>>().join(" ");
    let source = if role.source.is_empty() {
        "default"
    } else {
        &role.source
    };
    words(text, 2, &format!("rule: {rule} ({source})"));
    words(text, 2, &role.reason);
    if let Some(fault) = &role.proof.fault {
        caret(&role.rule, fault, text);
    }
    matrix::render(role, columns, text);
    let matching = role.verdicts.iter().filter(|v| matrix::matches(v));
    matching.for_each(|verdict| against(verdict, columns, text));
    if role.outcome == Outcome::None && !matrix::is_plain(&role.proof) {
        near_misses(&role.proof.near_misses, columns, text);
    }
    warnings(&role.proof.warnings, 2, text);
    proposals(&role.proof.proposals, 2, text);
}

/// The line of the rule that has no value, with a caret below the place.
fn caret(rule: &str, fault: &RuleFault, text: &mut String) {
    let line = usize::try_from(fault.line)
        .ok()
        .and_then(|l| l.checked_sub(1));
    let Some(line) = line.and_then(|line| rule.lines().nth(line)) else {
        return;
    };
    let column = usize::try_from(fault.column).map_or(0, |c| c.saturating_sub(1));
    // The place is kept near the middle of what there is room for.
    let room = WIDTH - 6;
    let long = line.chars().count() > room;
    let skip = if long {
        column.saturating_sub(room / 2)
    } else {
        0
    };
    let shown: String = line.chars().skip(skip).take(room).map(visible).collect();
    let _ = write!(text, "    {shown}\n    {}^\n", " ".repeat(column - skip));
}

fn visible(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

/// What speaks against a disk that the rule names, and its score.
fn against(verdict: &DiskVerdict, columns: &Columns<'_>, text: &mut String) {
    let letter = columns.letter(&verdict.disk);
    for check in verdict.checks.iter().filter(|check| !check.pass) {
        let found = format!(
            "{letter} {}: wanted {}, found {}",
            check.check, check.wanted, check.found
        );
        words(text, 2, &found);
    }
    if let Some(score) = &verdict.score {
        let mut parts = format!("{letter} score {}", score.total);
        for (i, part) in score.parts.iter().enumerate() {
            let glue = if i == 0 { ": " } else { ", " };
            let _ = write!(parts, "{glue}{} {:+}", part.why, part.points);
        }
        words(text, 2, &parts);
    }
}

/// The disks that miss least, with what each of them lacks.
fn near_misses(misses: &[NearMiss], columns: &Columns<'_>, text: &mut String) {
    let shown = misses.iter().filter(|miss| !miss.missing.is_empty());
    for miss in shown.take(MISSES) {
        let lacks = miss.missing.join("; ");
        let letter = columns.letter(&miss.disk);
        let near = format!("{letter} misses {}: {lacks}", miss.failing);
        words(text, 2, &near);
    }
}

fn render_want(want: &Want, text: &mut String) {
    words(text, 0, &format!("rules for {} ({})", want.disk, want.id));
    warnings(&want.warnings, 2, text);
    if want.proposals.is_empty() {
        words(text, 2, "no rule matches this disk only");
    }
    proposals(&want.proposals, 2, text);
}

fn warnings(warnings: &[Warning], indent: usize, text: &mut String) {
    for warning in warnings {
        words(text, indent, &format!("warning: {}", warning.text));
    }
}

/// Rules to be pasted; their lines are never wrapped.
fn proposals(proposals: &[Proposal], indent: usize, text: &mut String) {
    for proposal in proposals {
        let mut head = format!("{} by {}", proposal.disk, proposal.by.join(", "));
        if !proposal.remark.is_empty() {
            let _ = write!(head, " ({})", proposal.remark);
        }
        words(text, indent, &format!("{head}:"));
        for line in proposal.yaml.lines() {
            let _ = writeln!(text, "{}{line}", " ".repeat(indent + 4));
        }
    }
}

fn words(text: &mut String, indent: usize, words: &str) {
    line(text, indent, &printable(words), WIDTH);
}

/// Writes `words` from column `indent` on, wrapped at `width` with a deeper indent.
pub(super) fn line(text: &mut String, indent: usize, words: &str, width: usize) {
    let mut column = indent;
    let start = text.len();
    text.push_str(&" ".repeat(indent));
    for (i, word) in words.split_inclusive(' ').enumerate() {
        let len = word.trim_end().chars().count();
        if i > 0 && column + len > width && !word.trim().is_empty() {
            text.truncate(text.trim_end().len().max(start));
            column = indent + 2;
            let _ = write!(text, "\n{}", " ".repeat(column));
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text.truncate(text.trim_end().len().max(start));
    text.push('\n');
}
