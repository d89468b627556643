//! How a role names its disk, and how each disk fares by it.

use super::cel::{EvalError, Expression};
use super::legacy;
use super::selection::{Check, CheckKind};
use crate::config::spec::DiskSelector;
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

    /// Whether `disk` matches, with the rows that say why.
    ///
    /// # Errors
    /// The rule has no value for this disk.
    pub(super) fn verdict(
        self,
        disk: &Disk,
        system: SystemDisk<'_>,
    ) -> (Vec<Check>, Result<bool, EvalError>) {
        match self {
            Self::Device(path) => one(row("disk", path, named_by(disk, path))),
            Self::Legacy(selector) => (
                legacy::checks(selector, &disk.talos),
                Ok(legacy::matches(selector, &disk.talos)),
            ),
            Self::Cel(expression) => (
                expression.explain_disk(&disk.talos, system.is(disk)),
                expression.matches_disk(&disk.talos, system.is(disk)),
            ),
            Self::SystemDisk => {
                let found = match system.is(disk) {
                    Some(true) => Ok(disk.path.clone()),
                    Some(false) => Err(format!("{} is another disk", disk.path)),
                    None => Err("no disk is the system disk".to_owned()),
                };
                one(row("system disk", "the disk of install", found))
            }
            Self::Score => {
                let checks = never(disk);
                let pass = checks.iter().all(|check| check.pass);
                (checks, Ok(pass))
            }
        }
    }
}

fn one(check: Check) -> (Vec<Check>, Result<bool, EvalError>) {
    let pass = check.pass;
    (vec![check], Ok(pass))
}

fn row(check: &str, wanted: &str, found: Result<String, String>) -> Check {
    let pass = found.is_ok();
    Check {
        check: check.to_owned(),
        wanted: wanted.to_owned(),
        found: found.unwrap_or_else(|found| found),
        pass,
        kind: CheckKind::Match,
    }
}

/// Under which of its names `path` is this disk.
fn named_by(disk: &Disk, path: &str) -> Result<String, String> {
    if disk.path == path || disk.talos.dev_path == path {
        return Ok(disk.path.clone());
    }
    match disk.talos.symlinks.iter().find(|link| *link == path) {
        Some(link) => Ok(format!("{link} -> {}", disk.path)),
        None => Err(disk.path.clone()),
    }
}

/// What no score outweighs when the config names no disk.
fn never(disk: &Disk) -> Vec<Check> {
    let talos = &disk.talos;
    let told = |bad: bool, found: String| if bad { Err(found) } else { Ok(found) };
    vec![
        row(
            "size",
            "a medium",
            told(talos.size == 0, format!("{} bytes", talos.size)),
        ),
        row(
            "transport",
            "a disk's",
            told(talos.transport.is_empty(), format!("{:?}", talos.transport)),
        ),
        row(
            "readonly",
            "false",
            told(talos.readonly, talos.readonly.to_string()),
        ),
        row("cdrom", "false", told(talos.cdrom, talos.cdrom.to_string())),
        row(
            "removable",
            "false",
            told(disk.removable, disk.removable.to_string()),
        ),
        row(
            "boot medium",
            "no sign of one",
            told(
                !disk.boot_medium.is_empty(),
                list_or(&disk.boot_medium, "no sign"),
            ),
        ),
    ]
}

/// The list in one line, or `none` if there is nothing in it.
pub(super) fn list_or(list: &[String], none: &str) -> String {
    if list.is_empty() {
        none.to_owned()
    } else {
        list.join("; ")
    }
}
