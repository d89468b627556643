//! How a role names its disk, and how each disk fares by it.

use std::borrow::Cow;

use super::atom::Atom;
use super::cel::{EvalError, Expression, terms};
use super::legacy;
use super::near::{Shape, Value};
use super::proof::Joint;
use super::selection::{Check, CheckKind};
use crate::config::spec::DiskSelector;
use crate::probe::evidence;
use crate::probe::inventory::Disk;

/// How a role names its disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule<'s> {
    /// A device path or a link to one.
    Device(&'s str),
    /// `machine.install.diskSelector`.
    Legacy(&'s DiskSelector),
    /// A CEL expression.
    Cel(&'s Expression),
    /// The disk of the role `install`.
    SystemDisk,
    /// None: the score decides.
    Score,
}

/// The system disk, as far as it is known while a role is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SystemDisk<'i> {
    /// Talos is being installed: no disk is one yet, and `system_disk` is false everywhere.
    Installing,
    /// This path.
    Known(&'i str),
    /// The role `install` has no disk.
    Unknown,
}

impl SystemDisk<'_> {
    /// `system_disk` for `disk`.
    pub(super) fn is(self, disk: &Disk) -> Option<bool> {
        match self {
            Self::Installing => Some(false),
            Self::Known(path) => Some(disk.path == path),
            Self::Unknown => None,
        }
    }
}

impl Rule<'_> {
    /// The rule in words or as an expression.
    pub(super) fn text(self) -> String {
        match self {
            Self::Device(path) => format!("disk {path}"),
            Self::Legacy(selector) => legacy::expression(selector),
            Self::Cel(expression) => expression.text().trim().to_owned(),
            Self::SystemDisk => "the system disk".to_owned(),
            Self::Score => "no disk is named: the best score".to_owned(),
        }
    }

    /// What it asks of a disk, part by part.
    pub(super) fn shapes(self) -> Vec<Shape> {
        match self {
            Self::Cel(expression) => expression
                .terms()
                .iter()
                .map(|term| Shape {
                    depth: term.depth,
                    joint: term.joint,
                    check: term.name.clone(),
                    wanted: term.text.clone(),
                    atom: term.atom.clone(),
                    end: term.end,
                })
                .collect(),
            Self::Legacy(selector) => leaves(legacy::conditions(selector)),
            Self::Device(path) => leaves([("disk".to_owned(), path.to_owned(), Atom::Other)]),
            Self::SystemDisk => leaves([(
                "system disk".to_owned(),
                "the disk of install".to_owned(),
                Atom::Other,
            )]),
            Self::Score => {
                let asked = NEVER.map(|(check, wanted)| (check.into(), wanted.into(), Atom::Other));
                leaves(asked)
            }
        }
    }

    /// What is left to say of a disk after `fault` with another one.
    pub(super) fn unjudged(self, fault: &(EvalError, (u32, u32))) -> Judged {
        let found = format!("not evaluated: {}", fault.0);
        let value = Value {
            holds: None,
            found: found.clone().into(),
        };
        Judged {
            checks: vec![row("expression", self.text(), Err(found.into()))],
            matched: false,
            fault: Some(fault.clone()),
            values: vec![value; self.shapes().len()],
            work: 0,
        }
    }

    /// Whether `disk` matches, with what says why.
    pub(super) fn judge(self, disk: &Disk, system: SystemDisk<'_>) -> Judged {
        match self {
            Self::Device(path) => plain(vec![row("disk", path.to_owned(), named_by(disk, path))]),
            Self::Legacy(selector) => plain(legacy::checks(selector, &disk.talos)),
            Self::Cel(expression) => {
                let valued = expression.values(&disk.talos, system.is(disk));
                let (judged, work) = match valued.all(expression.terms()) {
                    Some(matched) => (Ok(matched), 0),
                    None => expression.judge(&disk.talos, system.is(disk)),
                };
                Judged {
                    work: work + valued.work(),
                    checks: terms::checks(expression.terms(), &valued.values),
                    matched: judged.as_ref().is_ok_and(|matched| *matched),
                    fault: judged.err(),
                    values: valued
                        .values
                        .into_iter()
                        .map(|valued| Value {
                            holds: valued.value.ok(),
                            found: valued.found.into(),
                        })
                        .collect(),
                }
            }
            Self::SystemDisk => {
                let found = match system.is(disk) {
                    Some(true) => Ok(disk.path.clone().into()),
                    Some(false) => Err(format!("{} is another disk", disk.path).into()),
                    None => Err("no disk is the system disk".into()),
                };
                plain(vec![row("system disk", "the disk of install", found)])
            }
            Self::Score => plain(never(disk)),
        }
    }
}

/// How one disk fares by a rule.
pub(super) struct Judged {
    pub checks: Vec<Check>,
    pub matched: bool,
    /// Why the rule has no value, and where: line and column within the expression.
    pub fault: Option<(EvalError, (u32, u32))>,
    /// One for each of [`Rule::shapes`].
    pub values: Vec<Value>,
    /// Steps that an expression took.
    pub work: u32,
}

/// A rule that is its checks: all of them have to pass.
fn plain(checks: Vec<Check>) -> Judged {
    Judged {
        matched: checks.iter().all(|check| check.pass),
        fault: None,
        work: 0,
        values: checks
            .iter()
            .map(|check| Value {
                holds: Some(check.pass),
                found: check.found.clone(),
            })
            .collect(),
        checks,
    }
}

fn leaves(conditions: impl IntoIterator<Item = (String, String, Atom)>) -> Vec<Shape> {
    conditions
        .into_iter()
        .enumerate()
        .map(|(i, (check, wanted, atom))| Shape {
            depth: 0,
            joint: Joint::Leaf,
            check,
            wanted,
            atom,
            end: i + 1,
        })
        .collect()
}

/// What was found, as an error if it is not what was wanted.
type Fared = Result<Cow<'static, str>, Cow<'static, str>>;

fn row(check: &'static str, wanted: impl Into<Cow<'static, str>>, found: Fared) -> Check {
    let pass = found.is_ok();
    Check {
        check: check.into(),
        wanted: wanted.into(),
        found: found.unwrap_or_else(|found| found),
        pass,
        kind: CheckKind::Match,
    }
}

/// Under which of its names `path` is this disk.
fn named_by(disk: &Disk, path: &str) -> Fared {
    if disk.path == path || disk.talos.dev_path == path {
        return Ok(disk.path.clone().into());
    }
    match disk.talos.symlinks.iter().find(|link| *link == path) {
        Some(link) => Ok(format!("{link} -> {}", disk.path).into()),
        None => Err(disk.path.clone().into()),
    }
}

/// What no score outweighs when the config names no disk: check and what is wanted.
const NEVER: [(&str, &str); 6] = [
    ("size", "a medium"),
    ("transport", "a disk's"),
    ("readonly", "false"),
    ("cdrom", "false"),
    ("removable", "false"),
    ("boot medium", "no sign of one"),
];

/// How `disk` fares by [`NEVER`].
fn never(disk: &Disk) -> Vec<Check> {
    let talos = &disk.talos;
    let boot = evidence::against(disk);
    let word = |set: bool| Cow::Borrowed(if set { "true" } else { "false" });
    let found = [
        (talos.size == 0, format!("{} bytes", talos.size).into()),
        (
            talos.transport.is_empty(),
            format!("{:?}", talos.transport).into(),
        ),
        (talos.readonly, word(talos.readonly)),
        (talos.cdrom, word(talos.cdrom)),
        (disk.removable, word(disk.removable)),
        (!boot.is_empty(), list_or(&boot, "no sign")),
    ];
    let rows = NEVER.into_iter().zip(found);
    rows.map(|((check, wanted), (bad, found))| {
        row(check, wanted, if bad { Err(found) } else { Ok(found) })
    })
    .collect()
}

/// The list in one line, or `none` if there is nothing in it.
pub(super) fn list_or(list: &[String], none: &'static str) -> Cow<'static, str> {
    if list.is_empty() {
        none.into()
    } else {
        list.join("; ").into()
    }
}
