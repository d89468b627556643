//! What makes a rule unsafe although it may match today, or explains why it does not match.

use super::atom::{Atom, text, thousandths};
use super::cel::glob;
use super::near::Shape;
use super::proof::{Joint, Warning, WarningKind};
use super::rule::{Rule, SystemDisk};
use crate::config::spec::SizeOp;
use crate::probe::identity::{is_serial, is_unique};
use crate::probe::inventory::{Disk, Inventory};
use crate::units::Bytes;

/// Sizes that are closer than this, in thousandths, are at a bound.
const CLOSE: u32 = 30;

/// Folders below `/dev/disk` whose names go with the place, and those that go with order or content.
const BY_PLACE: &str = "/dev/disk/by-path/";
const BY_LUCK: [&str; 4] = [
    "/dev/disk/by-diskseq/",
    "/dev/disk/by-label/",
    "/dev/disk/by-uuid/",
    "/dev/disk/by-part",
];

/// A machine that the rule is not for, but whose disks could be plugged in.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere<'a> {
    /// What to call it, such as the name of its file.
    pub name: &'a str,
    /// The machine.
    pub inventory: &'a Inventory,
}

/// A rule and what came of it.
pub(super) struct Outcome<'a> {
    pub rule: Rule<'a>,
    /// The disks of this machine.
    pub disks: &'a [&'a Disk],
    /// Those that match.
    pub matching: &'a [&'a Disk],
    pub elsewhere: &'a [Elsewhere<'a>],
}

/// Every warning for a rule, each once.
pub(super) fn lint(outcome: &Outcome<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if let [first, second, ..] = outcome.matching {
        let text = format!(
            "it matches {} disks, {} and {} among them",
            outcome.matching.len(),
            first.path,
            second.path
        );
        warnings.push(warning(WarningKind::Ambiguous, text));
    }
    warnings.extend(elsewhere(outcome));
    if let Rule::Device(path) = outcome.rule {
        warnings.extend(name(path));
    }
    let shapes = outcome.rule.shapes();
    for (i, shape) in shapes.iter().enumerate() {
        if !is_negated(&shapes, i) {
            warnings.extend(atom_warnings(&shape.atom, outcome));
        }
    }
    warnings.dedup();
    warnings
}

fn warning(kind: WarningKind, text: String) -> Warning {
    Warning { kind, text }
}

/// Whether a predicate stands below a negation.
fn is_negated(shapes: &[Shape], at: usize) -> bool {
    let above = shapes[..at].iter();
    above
        .filter(|shape| shape.end > at)
        .any(|shape| shape.joint == Joint::Not)
}

/// The rule's matches on other machines that are not the very disk that it matches here.
fn elsewhere(outcome: &Outcome<'_>) -> Vec<Warning> {
    if matches!(outcome.rule, Rule::Score | Rule::SystemDisk) {
        return Vec::new();
    }
    let known = |disk: &Disk| outcome.matching.iter().any(|here| is_same(here, disk));
    outcome
        .elsewhere
        .iter()
        .filter_map(|there| {
            let disks = there.inventory.disks.iter();
            let found: Vec<String> = disks
                .filter(|disk| outcome.rule.judge(disk, SystemDisk::Installing).matched)
                .filter(|disk| !known(disk))
                .map(|disk| format!("{} ({})", disk.path, disk.id))
                .collect();
            let text = format!("it also matches {} of {}", found.join(", "), there.name);
            (!found.is_empty()).then(|| warning(WarningKind::MatchesElsewhere, text))
        })
        .collect()
}

/// Whether two recordings are of one disk. What is only known by its place may be any disk.
pub(super) fn is_same(a: &Disk, b: &Disk) -> bool {
    a.id == b.id && !a.id.starts_with("path ") && !a.id.contains(" path ")
}

/// A device path that does not stay with the disk.
fn name(path: &str) -> Option<Warning> {
    if path.starts_with(BY_PLACE) {
        return Some(port(path));
    }
    let rest = path.strip_prefix("/dev/")?;
    let changing = !rest.contains('/') || BY_LUCK.iter().any(|luck| path.starts_with(luck));
    changing.then(|| {
        let text = format!("{path} may be another disk after the next boot");
        warning(WarningKind::UnstableName, text)
    })
}

fn port(what: &str) -> Warning {
    let text = format!("{what} is a port: plugged in elsewhere, the disk is not found");
    warning(WarningKind::Port, text)
}

fn atom_warnings(atom: &Atom, outcome: &Outcome<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    match atom {
        Atom::Size { op, bound } => warnings.extend(boundary(*op, *bound, outcome)),
        Atom::Text { field, pattern, .. } => {
            match field.as_str() {
                "dev_path" | "symlinks" => warnings.extend(name(pattern)),
                "bus_path" => warnings.push(port(pattern)),
                "wwid" => warnings.extend(shared(pattern)),
                _ => {}
            }
            if outcome.matching.is_empty() {
                let disks = outcome.disks.iter();
                warnings.extend(disks.filter_map(|disk| unmet(atom, field, pattern, disk)));
            }
        }
        Atom::Other => {}
    }
    warnings
}

fn shared(pattern: &str) -> Option<Warning> {
    let id = pattern.trim_matches('*');
    (is_serial(id) && !is_unique(id)).then(|| {
        let text = format!("{id:?} is no identity: many disks of one maker or bridge have it");
        warning(WarningKind::SharedId, text)
    })
}

/// Why a text is not met that seems to be meant for `disk`.
fn unmet(atom: &Atom, field: &str, pattern: &str, disk: &Disk) -> Option<Warning> {
    let (path, found) = (&disk.path, text(&disk.talos, field));
    if !found.is_empty() && atom.holds_folded(&disk.talos) {
        let text = format!("case counts: {field} of {path} is {found:?}, not {pattern:?}");
        return Some(warning(WarningKind::Case, text));
    }
    if field == "model" && (atom.is_cut(disk) || is_udev_model(pattern, disk)) {
        let text = format!(
            "{pattern:?} is the model of {path} as udev has it; Talos reads the kernel's, which is {found:?}"
        );
        return Some(warning(WarningKind::CutModel, text));
    }
    let usb = disk.talos.transport == "usb";
    (field == "serial" && found.is_empty() && usb).then(|| {
        let text = format!("Talos reads no serial of {path}, which is a USB disk");
        warning(WarningKind::NoSerial, text)
    })
}

/// Whether a pattern that the kernel's model does not meet is met by udev's, which has underscores for blanks.
fn is_udev_model(pattern: &str, disk: &Disk) -> bool {
    let udev = disk.udev.get("ID_MODEL");
    !glob(pattern, &disk.talos.model)
        && udev.is_some_and(|udev| glob(&pattern.replace(' ', "_"), udev))
}

/// A bound that is close to the size of a disk, or that is a size to the byte.
fn boundary(op: SizeOp, bound: u64, outcome: &Outcome<'_>) -> Option<Warning> {
    let size = Bytes::new(bound);
    if op == SizeOp::Equal {
        let text = format!("size == {bound} is exact to the byte: use a range");
        return Some(warning(WarningKind::SizeBoundary, text));
    }
    let close = |disk: &&&Disk| {
        let found = disk.talos.size;
        thousandths(found.abs_diff(bound), found.max(bound)) < CLOSE
    };
    let disk = outcome.disks.iter().find(close)?;
    let text = format!(
        "the bound {size} is less than {} % away from the size of {} ({})",
        CLOSE / 10,
        disk.path,
        Bytes::new(disk.talos.size)
    );
    Some(warning(WarningKind::SizeBoundary, text))
}
