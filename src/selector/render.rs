//! A selection for people: one block a role, 80 columns, no colour.

use std::fmt::Write;

use super::selection::{CheckKind, DiskVerdict, Outcome, Role, Selection, Verdict};
use crate::printable::printable;
use crate::probe::inventory::Inventory;
use crate::units::Bytes;

/// Columns of a terminal that everybody has.
const WIDTH: usize = 80;

/// Each role with its disk and reason, then every disk with what failed and its score; a disk that
/// the rule does not name, without the guards.
pub fn render(selection: &Selection, inventory: &Inventory) -> String {
    let mut text = String::new();
    for (i, role) in selection.roles.iter().enumerate() {
        if i > 0 {
            text.push('\n');
        }
        render_role(role, inventory, &mut text);
    }
    text
}

fn render_role(role: &Role, inventory: &Inventory, text: &mut String) {
    let head = match (role.outcome, &role.disk) {
        (Outcome::Selected, Some(disk)) => disk.clone(),
        (Outcome::Refused, _) => "refused".to_owned(),
        _ => "no disk".to_owned(),
    };
    line(text, 0, &format!("{}: {head}", role.role));
    let rule = role.rule.split_whitespace().collect::<Vec<_>>().join(" ");
    let source = if role.source.is_empty() {
        "default"
    } else {
        &role.source
    };
    line(text, 2, &format!("rule: {rule} ({source})"));
    line(text, 2, &role.reason);
    let width = role.verdicts.iter().map(|v| v.disk.chars().count()).max();
    for verdict in &role.verdicts {
        render_verdict(verdict, width.unwrap_or(0), inventory, text);
    }
}

fn render_verdict(verdict: &DiskVerdict, width: usize, inventory: &Inventory, text: &mut String) {
    let word = match verdict.verdict {
        Verdict::Selected => "selected",
        Verdict::Eligible => "eligible",
        Verdict::Excluded => "excluded",
    };
    let disk = inventory
        .disks
        .iter()
        .find(|disk| disk.path == verdict.disk);
    let about = disk.map_or_else(String::new, |disk| {
        let talos = &disk.talos;
        let known = [
            &talos.model,
            &Bytes::new(talos.size).to_string(),
            &talos.transport,
        ];
        let known: Vec<&str> = known
            .into_iter()
            .map(String::as_str)
            .filter(|s| !s.is_empty())
            .collect();
        known.join(", ")
    });
    line(
        text,
        2,
        &format!("{word}  {:width$}  {about}", verdict.disk),
    );
    let failing = || verdict.checks.iter().filter(|check| !check.pass);
    // What speaks against a disk that the rule does not name anyway would only hide why it does not.
    let unmatched = failing().any(|check| check.kind == CheckKind::Match);
    for check in failing().filter(|check| !unmatched || check.kind == CheckKind::Match) {
        let found = format!(
            "{}: wanted {}, found {}",
            check.check, check.wanted, check.found
        );
        line(text, 12, &found);
    }
    if let Some(score) = &verdict.score {
        let mut parts = format!("score {}", score.total);
        for (i, part) in score.parts.iter().enumerate() {
            let glue = if i == 0 { ": " } else { ", " };
            let _ = write!(parts, "{glue}{} {:+}", part.why, part.points);
        }
        line(text, 12, &parts);
    }
}

/// Writes `words` from column `indent` on, wrapped with a deeper indent.
fn line(text: &mut String, indent: usize, words: &str) {
    let words = printable(words);
    let mut column = indent;
    text.push_str(&" ".repeat(indent));
    for (i, word) in words.split_inclusive(' ').enumerate() {
        let len = word.trim_end().chars().count();
        if i > 0 && column + len > WIDTH && !word.trim().is_empty() {
            text.truncate(text.trim_end().len());
            column = indent + 2;
            let _ = write!(text, "\n{}", " ".repeat(column));
        }
        text.push_str(word);
        column += word.chars().count();
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
}
