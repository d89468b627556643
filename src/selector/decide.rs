//! One role: from what every disk has to say, to one disk, none, or a refusal.

use std::cell::Cell as Left;

use super::atom::Atom;
use super::cel::EvalError;
use super::guard::Guards;
use super::near::{Cost, Near, Shape, Value};
use super::proof::{Cell, Joint, NearMiss, Predicate, Proof, RuleFault};
use super::rule::{Judged, Rule, SystemDisk};
use super::score::{installed, score};
use super::selection::{Check, CheckKind, DiskVerdict, Outcome, Role, Score, Verdict};
use super::tie::best;
use crate::probe::inventory::{Content, Disk};

/// How many near misses a reason names.
const NEAREST: usize = 3;

/// How many near misses a proof keeps.
const MISSES: usize = 24;

/// What Talos asks of every disk for a volume, before the rule.
const READONLY: (&str, &str) = ("readonly", "false (Talos asks for it)");

/// Why a role waits for another one.
pub(crate) const NO_SYSTEM_DISK: &str = "it depends on the system disk, and there is none";

/// A role to be decided.
pub(super) struct Question<'a> {
    pub role: &'a str,
    pub source: String,
    pub rule: Rule<'a>,
    pub system: SystemDisk<'a>,
    /// Talos passes over write-protected disks before it looks at the rule.
    pub skip_readonly: bool,
    /// Whether the decision comes with what backs it, or for itself.
    pub backed: bool,
    /// Steps that are left to expressions, of this role and of those that come after it.
    pub fuel: &'a Left<u64>,
    pub guards: Guards<'a>,
}

/// How one disk fares.
pub(super) struct Row<'i> {
    pub disk: &'i Disk,
    checks: Vec<Check>,
    matched: bool,
    fault: Option<(EvalError, (u32, u32))>,
    pub score: Option<Score>,
    values: Vec<Value>,
}

impl Row<'_> {
    fn failing(&self, kind: CheckKind) -> impl Iterator<Item = &Check> {
        self.checks
            .iter()
            .filter(move |c| !c.pass && c.kind == kind)
    }
}

/// The decision for one role over `disks`, which are in Talos' order.
pub(super) fn decide(question: &Question<'_>, disks: &[&Disk]) -> Role {
    let mut rows: Vec<Row<'_>> = rows(question, disks);
    // What comes near is part of the reason only where nothing matches.
    let (shapes, misses) = if question.backed || !rows.iter().any(|row| row.matched) {
        let shapes = shapes(question);
        let misses = misses(&shapes, &rows);
        (shapes, misses)
    } else {
        (Vec::new(), Vec::new())
    };
    let (outcome, chosen, reason) = outcome(question, &rows, &misses);
    let selected = chosen.filter(|_| outcome == Outcome::Selected);
    Role {
        role: question.role.to_owned(),
        outcome,
        disk: selected.map(|disk| disk.path.clone()),
        disk_id: selected.map(|disk| disk.id.clone()),
        reason,
        source: question.source.clone(),
        rule: question.rule.text(),
        proof: Proof {
            predicates: if question.backed {
                predicates(shapes, &mut rows)
            } else {
                Vec::new()
            },
            fault: rows.iter().find_map(fault),
            near_misses: misses,
            ..Proof::default()
        },
        verdicts: rows
            .into_iter()
            .map(|row| DiskVerdict {
                disk: row.disk.path.clone(),
                id: row.disk.id.clone(),
                verdict: if selected.is_some_and(|disk| disk.path == row.disk.path) {
                    Verdict::Selected
                } else if row.matched && row.checks.iter().all(|check| check.pass) {
                    Verdict::Eligible
                } else {
                    Verdict::Excluded
                },
                score: row.score,
                checks: row.checks,
            })
            .collect(),
    }
}

/// What is asked of every disk: the rule, and what Talos asks before it.
fn shapes(question: &Question<'_>) -> Vec<Shape> {
    let mut shapes = question.rule.shapes();
    if question.skip_readonly {
        shapes.iter_mut().for_each(|shape| shape.end += 1);
        let first = Shape {
            depth: 0,
            joint: Joint::Leaf,
            check: READONLY.0.to_owned(),
            wanted: READONLY.1.to_owned(),
            atom: Atom::Other,
            end: 1,
        };
        shapes.insert(0, first);
    }
    shapes
}

fn rows<'i>(question: &Question<'_>, disks: &[&'i Disk]) -> Vec<Row<'i>> {
    let meta = installed(disks);
    // What took too much work for one disk would take it for each.
    let spent = question.fuel.get() == 0 && matches!(question.rule, Rule::Cel(_));
    let mut exhausted = spent.then_some((EvalError::TooExpensive, (1, 1)));
    disks
        .iter()
        .map(|&disk| {
            let mut judged = match &exhausted {
                Some(fault) => question.rule.unjudged(fault),
                None => question.rule.judge(disk, question.system),
            };
            exhausted = exhausted.take().or_else(|| too_expensive(&judged));
            let left = question.fuel.get().saturating_sub(judged.work.into());
            question.fuel.set(left);
            if left == 0 {
                exhausted.get_or_insert((EvalError::TooExpensive, (1, 1)));
            }
            if question.skip_readonly {
                let readonly = disk.talos.readonly;
                if readonly {
                    (judged.matched, judged.fault) = (false, None);
                    judged.checks.insert(0, self::readonly());
                }
                let value = Value {
                    holds: Some(!readonly),
                    found: if readonly { "true" } else { "false" }.into(),
                };
                judged.values.insert(0, value);
            }
            if question.backed || judged.matched {
                judged.checks.extend(question.guards.checks(disk));
            }
            let scored = matches!(question.rule, Rule::Score) && judged.matched;
            Row {
                disk,
                score: scored.then(|| score(disk, meta.as_deref() == Some(&disk.path))),
                checks: judged.checks,
                matched: judged.matched,
                fault: judged.fault,
                values: judged.values,
            }
        })
        .collect()
}

fn too_expensive(judged: &Judged) -> Option<(EvalError, (u32, u32))> {
    let fault = judged.fault.as_ref();
    fault.filter(|f| f.0 == EvalError::TooExpensive).cloned()
}

fn readonly() -> Check {
    Check {
        check: READONLY.0.into(),
        wanted: READONLY.1.into(),
        found: "true".into(),
        pass: false,
        kind: CheckKind::Match,
    }
}

/// Takes from `rows` what they found.
fn predicates(shapes: Vec<Shape>, rows: &mut [Row<'_>]) -> Vec<Predicate> {
    let cell = |row: &mut Row<'_>, i: usize, leaf: bool| Cell {
        disk: row.disk.path.clone(),
        holds: row.values[i].holds,
        found: if leaf {
            std::mem::take(&mut row.values[i].found).into_owned()
        } else {
            String::new()
        },
    };
    shapes
        .into_iter()
        .enumerate()
        .map(|(i, shape)| Predicate {
            depth: shape.depth,
            joint: shape.joint,
            check: shape.check,
            wanted: shape.wanted,
            cells: rows
                .iter_mut()
                .map(|row| cell(row, i, shape.joint == Joint::Leaf))
                .collect(),
        })
        .collect()
}

/// The [`MISSES`] disks that do not match and miss least, in Talos' order among equals.
fn misses(shapes: &[Shape], rows: &[Row<'_>]) -> Vec<NearMiss> {
    let mut misses: Vec<(Cost, Near<'_>)> = rows
        .iter()
        .filter(|row| !row.matched)
        .map(|row| Near {
            disk: row.disk,
            shapes,
            values: &row.values,
        })
        .map(|near| (near.miss(), near))
        .collect();
    misses.sort_by_key(|(cost, _)| *cost);
    misses.truncate(MISSES);
    let told = misses.into_iter().map(|(cost, near)| near.told(cost));
    told.collect()
}

fn fault(row: &Row<'_>) -> Option<RuleFault> {
    let (error, (line, column)) = row.fault.as_ref()?;
    Some(RuleFault {
        disk: row.disk.path.clone(),
        line: *line,
        column: *column,
        message: error.to_string(),
    })
}

fn outcome<'i>(
    question: &Question<'_>,
    rows: &[Row<'i>],
    misses: &[NearMiss],
) -> (Outcome, Option<&'i Disk>, String) {
    let failed = rows
        .iter()
        .find_map(|row| Some((row, &row.fault.as_ref()?.0)));
    if let (Some((_, EvalError::Unbound { .. })), SystemDisk::Unknown) = (failed, question.system) {
        return (Outcome::None, None, NO_SYSTEM_DISK.to_owned());
    }
    if let Some((row, error)) = failed {
        let path = &row.disk.path;
        let reason = format!("the rule has no value for {path}: {error}; Talos would give up");
        return (Outcome::Refused, None, reason);
    }
    let matching: Vec<&Row<'i>> = rows.iter().filter(|row| row.matched).collect();
    let best = match best(question, &matching) {
        Ok(Some(best)) => best,
        Ok(None) => return (Outcome::None, None, nothing(question, rows, misses)),
        Err(reason) => return (Outcome::Refused, None, reason),
    };
    let (row, why) = best;
    match against(row, why) {
        Ok(reason) => (Outcome::Selected, Some(row.disk), reason),
        Err(reason) => (Outcome::Refused, None, reason),
    }
}

/// Why the only candidate is selected, or why it must not be.
fn against(row: &Row<'_>, why: String) -> Result<String, String> {
    let against: Vec<String> = row
        .failing(CheckKind::Guard)
        .map(|check| format!("{}: {}", check.check, check.found))
        .collect();
    let path = &row.disk.path;
    if against.is_empty() {
        return Ok(format!("{path} {why}"));
    }
    let mut reason = format!("{path} {why}, but must not be used: {}", against.join("; "));
    if row
        .failing(CheckKind::Guard)
        .any(|c| c.check.ends_with(" elsewhere"))
    {
        reason.push_str(
            "; rename or remove that partition: the ghosts of `keelblock select` have the command",
        );
    }
    // Consent is for data that was seen; what cannot be read stays refused.
    let seen = !matches!(row.disk.content, Content::Unreadable { .. });
    if seen
        && row
            .failing(CheckKind::Guard)
            .any(|check| check.check == "content")
    {
        let wipe = shell(&row.disk.id);
        reason = format!("{reason}; to allow it, set install.wipe to true and give --wipe {wipe}");
    }
    Err(reason)
}

/// An identity as a shell takes it for one word.
fn shell(id: &str) -> String {
    format!("'{}'", id.replace('\'', "'\\''"))
}

/// Why no disk matches, with those that miss least.
fn nothing(question: &Question<'_>, rows: &[Row<'_>], misses: &[NearMiss]) -> String {
    if let (Rule::SystemDisk, SystemDisk::Unknown) = (question.rule, question.system) {
        return NO_SYSTEM_DISK.to_owned();
    }
    let least = misses.first().map_or(0, |miss| miss.failing);
    let nearest: Vec<String> = misses
        .iter()
        .filter(|miss| miss.failing == least)
        .take(NEAREST)
        .map(|miss| format!("{}: {}", miss.disk, miss.missing.join(", ")))
        .collect();
    let globbed = matches!(question.rule, Rule::Device(path) if path.contains(['*', '?', '[']));
    let mut reason = match (rows.is_empty(), nearest.is_empty()) {
        (true, _) => "the machine has no disk".to_owned(),
        (false, true) => "no disk matches".to_owned(),
        (false, false) => format!("no disk matches; nearest: {}", nearest.join("; ")),
    };
    if globbed {
        reason.push_str("; a path is taken literally, patterns in it are not expanded");
    }
    reason
}
