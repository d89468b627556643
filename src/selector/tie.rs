//! Which one of several disks that match a rule, if any speaks for itself.

use super::decide::{Question, Row};
use super::guard::carries;
use super::rule::Rule;
use crate::probe::inventory::Disk;

/// The one disk of those that match, and what speaks for it; an error if there is more than one.
pub(super) fn best<'r, 'i>(
    question: &Question<'_>,
    matching: &[&'r Row<'i>],
) -> Result<Option<(&'r Row<'i>, String)>, String> {
    if let Rule::Score = question.rule {
        return best_score(matching);
    }
    match matching {
        [] => Ok(None),
        [only] => Ok(Some((only, "is the only disk that matches".to_owned()))),
        [first, second, ..] => {
            let label = question.guards.label;
            let mut holders = matching.iter().filter(|row| carries(row.disk, label));
            if let (Some(holder), None) = (holders.next(), holders.next()) {
                return Ok(Some((holder, format!("matches and already holds {label}"))));
            }
            Err(format!(
                "{} disks match: {}; Talos would take {} without asking{}",
                matching.len(),
                paths(matching),
                first.disk.path,
                difference(first.disk, second.disk)
            ))
        }
    }
}

fn best_score<'r, 'i>(matching: &[&'r Row<'i>]) -> Result<Option<(&'r Row<'i>, String)>, String> {
    let total = |row: &Row<'_>| row.score.as_ref().map_or(0, |score| score.total);
    let Some(top) = matching.iter().map(|row| total(row)).max() else {
        return Ok(None);
    };
    let leaders: Vec<&Row<'_>> = matching
        .iter()
        .copied()
        .filter(|r| total(r) == top)
        .collect();
    match matching.iter().copied().find(|row| total(row) == top) {
        Some(leader) if leaders.len() == 1 => {
            Ok(Some((leader, format!("has the best score ({top})"))))
        }
        _ => Err(format!(
            "{} disks tie for the best score ({top}): {}; name one in machine.install",
            leaders.len(),
            paths(&leaders)
        )),
    }
}

fn paths(rows: &[&Row<'_>]) -> String {
    let paths: Vec<&str> = rows.iter().map(|row| row.disk.path.as_str()).collect();
    paths.join(", ")
}

/// The first property that tells two disks apart and that a rule could use.
fn difference(a: &Disk, b: &Disk) -> String {
    let (ta, tb) = (&a.talos, &b.talos);
    let properties = [
        ("wwid", &ta.wwid, &tb.wwid),
        ("serial", &ta.serial, &tb.serial),
        ("model", &ta.model, &tb.model),
        ("transport", &ta.transport, &tb.transport),
        ("bus_path", &ta.bus_path, &tb.bus_path),
    ];
    properties
        .into_iter()
        .find(|(_, a, b)| a != b && !a.is_empty() && !b.is_empty())
        .map_or(String::new(), |(name, x, y)| {
            format!("; {} and {} differ in {name}: {x:?}, {y:?}", a.path, b.path)
        })
}
