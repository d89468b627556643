//! The score that decides where the config names no disk.

use super::selection::{Score, ScorePart};
use crate::probe::inventory::Disk;
use crate::selector::guard::carries;

/// Transports of disks that are outside the case or on a card.
const OUTSIDE: [&str; 5] = ["usb", "ibp", "fc", "iscsi", "mmc"];

/// The score of `disk`; `installed` is whether it is the only one that carries a META partition.
pub(super) fn score(disk: &Disk, installed: bool) -> Score {
    let internal = disk.usb.is_none() && !OUTSIDE.contains(&disk.talos.transport.as_str());
    let parts: Vec<ScorePart> = [
        (installed, "Talos is installed on it", 1000),
        (internal, "internal", 100),
        (!disk.talos.rotational, "flash", 10),
    ]
    .into_iter()
    .filter(|(holds, ..)| *holds)
    .map(|(_, why, points)| ScorePart {
        why: why.to_owned(),
        points,
    })
    .collect();
    Score {
        total: parts.iter().map(|part| part.points).sum(),
        parts,
    }
}

/// The path of the only disk that carries a META partition, if it is only one.
pub(super) fn installed(disks: &[&Disk]) -> Option<String> {
    let mut found = disks.iter().filter(|disk| carries(disk, "META"));
    match (found.next(), found.next()) {
        (Some(disk), None) => Some(disk.path.clone()),
        _ => None,
    }
}
