//! A check of a fleet for people: a table of nodes, the findings with their lines, and one line that sums up.

use std::fmt::Write as _;

use crate::cli::table::{Table, WIDTH, wrap};
use crate::fleet::finding::{Finding, Level};
use crate::fleet::report::{Node, Report, RoleRow, State};
use crate::printable::printable;
use crate::selector::selection::Outcome;
use crate::units::Bytes;

/// Longest name of a node or disk in the table, so that the reason has room.
const NAME: usize = 24;

/// The whole text; `quiet` leaves out the table.
pub fn render(report: &Report, quiet: bool) -> String {
    let mut text = String::new();
    if !quiet && !report.nodes.is_empty() {
        text.push_str(&table(report));
        text.push('\n');
    }
    for finding in &report.findings {
        if !quiet || finding.code.level() == Level::Error {
            one(finding, &mut text);
        }
    }
    if !text.is_empty() && !text.ends_with("\n\n") {
        text.push('\n');
    }
    text.push_str(&summary(report));
    text
}

fn table(report: &Report) -> String {
    let compared = report.base.is_some();
    let mut header = vec!["NODE", "STATE", "DISK"];
    if compared {
        header.push("BASE");
    }
    header.push("WHY");
    let mut table = Table::new(&header, &[]);
    for node in &report.nodes {
        let mut first = true;
        for (roles, row) in groups(node) {
            let disk = row.and_then(|row| row.disk.clone());
            let mut cells = vec![
                if first {
                    short(&node.name)
                } else {
                    String::new()
                },
                if first {
                    node.state.word().to_owned()
                } else {
                    String::new()
                },
                short(disk.as_deref().unwrap_or("-")),
            ];
            if compared {
                let word = match &node.changes {
                    _ if !first => "",
                    None => "new",
                    Some(changes) if changes.is_empty() => "same",
                    Some(_) => "changed",
                };
                cells.push(word.to_owned());
            }
            cells.push(why(node, &roles, row));
            table.row(cells);
            first = false;
        }
    }
    table.render()
}

/// The roles of a node, those together that share disk and outcome; at least one row.
fn groups(node: &Node) -> Vec<(Vec<&str>, Option<&RoleRow>)> {
    let mut groups: Vec<(Vec<&str>, Option<&RoleRow>)> = Vec::new();
    for row in &node.roles {
        let same = |group: &&mut (Vec<&str>, Option<&RoleRow>)| {
            group.1.is_some_and(|first| {
                let reason = row.disk.is_some() || first.reason == row.reason;
                first.disk == row.disk && first.outcome == row.outcome && reason
            })
        };
        match groups.iter_mut().find(same) {
            Some((roles, _)) => roles.push(&row.role),
            None => groups.push((vec![&row.role], Some(row))),
        }
    }
    if groups.is_empty() {
        groups.push((Vec::new(), None));
    }
    groups
}

fn why(node: &Node, roles: &[&str], row: Option<&RoleRow>) -> String {
    let Some(row) = row else {
        return match node.state {
            State::Invalid => String::from("see below"),
            _ if node.hardware.is_none() => String::from("no recorded machine"),
            _ => node.notes.first().cloned().unwrap_or_default(),
        };
    };
    let roles = roles.join(", ");
    let Some(disk) = row
        .disk
        .as_ref()
        .filter(|_| row.outcome == Outcome::Selected)
    else {
        return format!("{roles}: {}", refusal(&row.reason));
    };
    let reason = row
        .reason
        .strip_prefix(disk.as_str())
        .unwrap_or(&row.reason);
    let model = match row.model.as_deref() {
        Some("") | None => "no model",
        Some(model) => model,
    };
    let size = Bytes::new(row.size.unwrap_or(0));
    format!("{roles}: {} ({model}, {size})", reason.trim_start())
}

/// The first part of a long refusal; the finding below has all of it.
fn refusal(reason: &str) -> String {
    match reason.split_once("; ") {
        Some((first, _)) => format!("{first}; …"),
        None => reason.to_owned(),
    }
}

fn short(name: &str) -> String {
    let name = printable(name);
    if name.chars().count() <= NAME {
        return name.into_owned();
    }
    // The end tells more nodes apart than the start.
    let tail: Vec<char> = name.chars().rev().take(NAME - 1).collect();
    std::iter::once('…').chain(tail.into_iter().rev()).collect()
}

fn one(finding: &Finding, text: &mut String) {
    let level = finding.code.level().word();
    let about = match &finding.node {
        Some(node) => format!("{node}: "),
        None => String::new(),
    };
    let head = format!(
        "{level}[{}] {about}{}",
        finding.code.word(),
        finding.message
    );
    let _ = writeln!(text, "{}", wrap(&head, WIDTH - 2, 2));
    let _ = writeln!(text, "  at {}", printable(&finding.place()));
    for line in finding.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
        let _ = writeln!(text, "  {}", cut(&printable(line)));
    }
    if let Some(also) = &finding.also {
        let _ = writeln!(text, "  rule at {}", printable(&also.to_string()));
    }
    if let Some(hint) = &finding.hint {
        let _ = writeln!(text, "  hint: {}", wrap(hint, WIDTH - 8, 8));
    }
}

fn cut(line: &str) -> String {
    line.chars().take(WIDTH - 2).collect()
}

fn summary(report: &Report) -> String {
    let summary = &report.summary;
    let mut states: Vec<String> = Vec::new();
    for (state, nodes) in &summary.states {
        states.push(format!("{nodes} {state}"));
    }
    let mut line = count(summary.nodes, "node");
    if report.shard != "0/1" {
        let _ = write!(line, " of shard {}", report.shard);
    }
    if !states.is_empty() {
        let _ = write!(line, ": {}", states.join(", "));
    }
    if report.base.is_some() {
        let _ = write!(line, "; {} changed", summary.changed);
    }
    let (errors, warnings) = (
        count(summary.errors, "error"),
        count(summary.warnings, "warning"),
    );
    let _ = write!(line, "; {errors}, {warnings}");
    if summary.passed_over > 0 {
        let files = count(summary.passed_over, "YAML file");
        let _ = write!(line, "; {files} passed over");
    }
    match report.worst() {
        (_, None) => line.push_str("; exit 0"),
        (exit, Some(finding)) => {
            let _ = write!(line, "; exit {}: {}", exit.code(), finding.code.word());
            if let Some(node) = &finding.node {
                let _ = write!(line, " ({node})");
            }
        }
    }
    wrap(&line, WIDTH - 2, 2) + "\n"
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
