//! The comparison for people: what is in danger, node by node, and the text at the end. Nodes that come to the same stand
//! together.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::Hash;

use crate::cli::table::{WIDTH, wrap};
use crate::diff::{Change, Edit, EditKind, Lint, NodeDiff, Report, Risk, Side, State};

/// Most edits of a group of nodes that are shown.
const MOST: usize = 200;

/// The report.
pub fn render(report: &Report, no_text: bool) -> String {
    let mut text = String::new();
    line(
        &mut text,
        0,
        2,
        &format!("{} -> {}", report.old, report.new),
    );
    for note in &report.notes {
        line(&mut text, 0, 6, &format!("note: {note}"));
    }
    for broken in &report.broken {
        text.push('\n');
        let side = match broken.side {
            Side::Old => &report.old,
            Side::New => &report.new,
        };
        let node = broken
            .node
            .as_ref()
            .map(|node| format!("{node} "))
            .unwrap_or_default();
        line(
            &mut text,
            0,
            2,
            &format!("error: {node}in {side}: {}", broken.message),
        );
        if let Some(hint) = &broken.hint {
            line(&mut text, 2, 9, &format!("hint:  {hint}"));
        }
    }
    for group in groups(&report.nodes, said) {
        risks(&mut text, &group);
    }
    if !no_text {
        texts(&mut text, report);
    }
    text.push('\n');
    let danger = match report.risk.endangers() {
        true => format!("; the gravest risk: {}", report.risk.word()),
        false => String::new(),
    };
    line(
        &mut text,
        0,
        2,
        &format!("{}{danger} (exit {})", report.summary(), report.exit),
    );
    text
}

/// Nodes with the same key together, where the first of them is; one without a key stands alone.
fn groups<'r, K: Eq + Hash>(
    nodes: &'r [NodeDiff],
    key: impl Fn(&'r NodeDiff) -> Option<K>,
) -> Vec<Vec<&'r NodeDiff>> {
    let mut found: Vec<Vec<&NodeDiff>> = Vec::new();
    let mut known: HashMap<K, usize> = HashMap::new();
    for node in nodes {
        let next = found.len();
        let index = key(node).map_or(next, |key| *known.entry(key).or_insert(next));
        match found.get_mut(index) {
            Some(group) => group.push(node),
            None => found.push(vec![node]),
        }
    }
    found
}

/// What is said of a node beside its name and its text.
fn said(node: &NodeDiff) -> Option<impl Eq + Hash> {
    if node.was.is_some() {
        return None;
    }
    let changes: Vec<&Change> = node.changes().collect();
    let found = (&node.found, &node.mended, &node.notes);
    Some((node.state, node.hardware.is_some(), changes, found))
}

fn names(group: &[&NodeDiff]) -> String {
    let names: Vec<&str> = group.iter().map(|node| node.name.as_str()).collect();
    names.join(", ")
}

fn risks(text: &mut String, group: &[&NodeDiff]) {
    let Some(first) = group.first() else {
        return;
    };
    let mut head = format!("{}: {}", names(group), first.state.word());
    if let Some(was) = &first.was {
        let _ = write!(head, ", was {was}");
    }
    if first.risk < Risk::Online {
        let _ = write!(head, ", {}", first.risk.word());
    }
    text.push('\n');
    line(text, 0, 2, &head);
    for (title, changes) in [
        ("disks", &first.disks),
        ("keys", &first.keys),
        ("tuning", &first.tuning),
    ] {
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(text, "  {title}");
        for change in changes {
            let said = format!("{:<9}  {}", change.risk.word(), change.headline());
            line(text, 4, 15, &said);
            line(text, 15, 15, &change.effect);
        }
    }
    lints(text, "validate finds", &first.found);
    lints(text, "validate no longer finds", &first.mended);
    for note in &first.notes {
        line(text, 2, 8, &format!("note: {note}"));
    }
    let is_quiet = first.changes().next().is_none() && first.found.is_empty();
    if first.state == State::Changed && is_quiet {
        line(text, 2, 2, "nothing of disks, keys or tuning changes");
    }
}

fn lints(text: &mut String, title: &str, lints: &[Lint]) {
    if lints.is_empty() {
        return;
    }
    let _ = writeln!(text, "  {title}");
    for lint in lints {
        line(
            text,
            4,
            6,
            &format!("{}[{}]: {}", lint.level.word(), lint.code, lint.message),
        );
    }
}

fn texts(text: &mut String, report: &Report) {
    let mut is_first = true;
    for group in groups(&report.nodes, |node| Some((&node.text, node.state))) {
        let Some(first) = group.first().filter(|node| !node.text.is_empty()) else {
            continue;
        };
        if first.state == State::Added || first.state == State::Removed {
            continue;
        }
        if std::mem::take(&mut is_first) {
            text.push_str("\nText\n");
        }
        text.push('\n');
        line(text, 0, 2, &names(&group));
        let mut document = "";
        for edit in first.text.iter().take(MOST) {
            if document != edit.document {
                document = &edit.document;
                line(text, 2, 4, document);
            }
            one(text, edit);
        }
        let more = first.text.len().saturating_sub(MOST);
        if more > 0 {
            let _ = writeln!(text, "    and {more} more (--format json has all)");
        }
    }
}

fn one(text: &mut String, edit: &Edit) {
    let sign = match edit.kind {
        EditKind::Added => '+',
        EditKind::Removed => '-',
        EditKind::Changed => '~',
    };
    let path = &edit.path;
    let said = match (&edit.before, &edit.after) {
        _ if edit.secret => match edit.kind {
            EditKind::Added => format!("{path}: added (secret)"),
            EditKind::Removed => format!("{path}: removed (secret)"),
            EditKind::Changed => format!("{path}: changed (secret)"),
        },
        (Some(before), Some(after)) => format!("{path}: {before} -> {after}"),
        (before, after) => {
            let value = before.as_ref().or(after.as_ref());
            format!("{path}: {}", value.map_or("", String::as_str))
        }
    };
    let mut lines = String::new();
    line(&mut lines, 6, 6, &said);
    let _ = write!(text, "    {sign} {}", lines.trim_start());
}

/// A line that begins at column `first` and goes on at column `rest`. Words that are longer than a line are broken.
fn line(text: &mut String, first: usize, rest: usize, said: &str) {
    let width = WIDTH - rest.max(first);
    let mut words: Vec<String> = Vec::new();
    for word in said.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        match letters.len() > width {
            true => words.extend(
                letters
                    .chunks(width)
                    .map(|part| part.iter().collect::<String>()),
            ),
            false => words.push(word.to_owned()),
        }
    }
    let _ = writeln!(
        text,
        "{}{}",
        " ".repeat(first),
        wrap(&words.join(" "), width, rest)
    );
}
