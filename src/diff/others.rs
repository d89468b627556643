//! `machine.disks` of the old form, and volumes that are only looked for.
//!
//! Spec: Talos 1.14.1 `controllers/block/user_disk_config.go` (a partition is found by its disk and number) and
//! `internal/volumes/locate.go` (the first volume that an expression matches is taken).

use std::collections::BTreeMap;

use super::disks::value;
use super::risk::{Change, Risk};
use crate::config::spec::{ExistingVolume, LegacyDisk, LegacyPartition};

/// `machine.disks`, disk by disk and partition by partition.
pub(super) fn legacy(before: &[LegacyDisk], after: &[LegacyDisk], found: &mut Vec<Change>) {
    let mut devices: Vec<&str> = before
        .iter()
        .chain(after)
        .map(|it| it.device.as_str())
        .collect();
    devices.sort_unstable();
    devices.dedup();
    for device in devices {
        let partitions = |side: &'_ [LegacyDisk]| {
            let disks = side.iter().filter(|disk| disk.device == device);
            let all = disks.flat_map(|disk| disk.partitions.clone());
            all.collect::<Vec<_>>()
        };
        let (old, new) = (partitions(before), partitions(after));
        for index in 0..old.len().max(new.len()) {
            let subject = format!("machine.disks {device} partition {}", index + 1);
            let (a, b) = (old.get(index), new.get(index));
            let at = |it: &LegacyPartition| it.mountpoint.clone();
            match (a, b) {
                (Some(a), Some(b)) if a.size != b.size => found.push(value(
                    Risk::Remake,
                    &format!("{subject} size"),
                    &a.size,
                    &b.size,
                    "A partition that is there keeps its size.",
                )),
                (None, Some(b)) => found.push(Change::new(
                    Risk::Online,
                    &subject,
                    None,
                    Some(at(b)),
                    "It is made only on an empty disk or in free space of a GPT; one that is there by number is taken if it is XFS.",
                )),
                (Some(a), None) => found.push(Change::new(
                    Risk::Strands,
                    &subject,
                    Some(at(a)),
                    None,
                    "The partition and its data stay on the disk, and are no longer mounted.",
                )),
                _ => {}
            }
            if let (Some(a), Some(b)) = (a, b)
                && a.mountpoint != b.mountpoint
            {
                let effect = "The same data is mounted at the new place; what writes to the old one writes to EPHEMERAL.";
                found.push(value(
                    Risk::Strands,
                    &subject,
                    &a.mountpoint,
                    &b.mountpoint,
                    effect,
                ));
            }
        }
    }
}

/// Volumes that are only looked for.
pub(super) fn existing(
    before: &[ExistingVolume],
    after: &[ExistingVolume],
    found: &mut Vec<Change>,
) {
    let map = |side: &'_ [ExistingVolume]| -> BTreeMap<String, String> {
        let named = side.iter();
        named
            .map(|it| (it.name.clone(), it.selector.text().to_owned()))
            .collect()
    };
    let (before, after) = (map(before), map(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (a, b) = (before.get(name), after.get(name));
        let (risk, effect) = match (a, b) {
            (a, b) if a == b => continue,
            (None, _) => (
                Risk::Online,
                "The first volume that matches is mounted; nothing is made or formatted.",
            ),
            (_, None) => (Risk::Strands, "It is no longer mounted; its data stays."),
            _ => (
                Risk::Strands,
                "The first volume that matches now is mounted in its place, which may be another one; the data stays where it is.",
            ),
        };
        let subject = format!("e-{name}");
        found.push(Change::new(risk, subject, a.cloned(), b.cloned(), effect));
    }
}
