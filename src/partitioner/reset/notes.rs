//! What a reader should know before saying yes to a reset, and what no reset can promise. Pure.

use super::Subject;
use super::held::MetaHeld;
use crate::config::spec::Spec;
use crate::plan::{DiskPlan, PartitionPlan};

/// The remarks, most important first.
pub(super) fn remarks(
    subjects: &[Subject<'_>],
    disks: &[DiskPlan],
    reseal: Option<&Spec>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    let gone = |name: &str| {
        disks
            .iter()
            .flat_map(|disk| disk.erase.iter().map(|e| &disk.partitions[e.partition]))
            .any(|p| p.name == name)
    };
    if gone("STATE") {
        remarks.push(String::from(
            "STATE holds the node's machine configuration, its identity and the salt of volumes with lockToState: \
             Talos asks for a configuration at the next boot, in maintenance mode if nothing else gives it one",
        ));
        let locked = locked_volumes(disks);
        if !locked.is_empty() {
            remarks.push(format!(
                "kept and sealed: {}. If a key of theirs has lockToState, it is lost with STATE",
                locked.join(", ")
            ));
        }
    }
    for (subject, disk) in subjects.iter().zip(disks) {
        if let Some(unfinished) = &disk.before.unfinished {
            remarks.push(format!(
                "{}: plan {unfinished} was interrupted here; this finishes what of it concerns these volumes",
                disk.path
            ));
        }
        if let MetaHeld::Damaged(why) = &subject.facts.meta {
            remarks.push(format!(
                "{}: META is left as it is, because it cannot be read ({why}); Talos takes it for empty. If it held \
                 a key of STATE, that may still be in it",
                disk.path
            ));
        }
        let table = subject.disk.content.layout().and_then(|l| l.table.as_ref());
        for defect in table.iter().flat_map(|table| &table.defects) {
            remarks.push(format!("{}: {defect}", disk.path));
        }
    }
    if reseal.is_none() && disks.iter().any(|disk| !disk.erase.is_empty()) {
        remarks.push(String::from(
            "Talos makes the volumes again in the same places; so does `keelblock apply`",
        ));
    }
    remarks
}

fn locked_volumes(disks: &[DiskPlan]) -> Vec<&str> {
    let sealed = |p: &&PartitionPlan| matches!(&p.content, crate::plan::ContentPlan::AsIs { found } if found == "luks");
    disks
        .iter()
        .flat_map(|disk| {
            let kept = disk.partitions.iter().enumerate();
            kept.filter(|(index, _)| disk.erased(*index).is_none())
                .map(|(_, p)| p)
        })
        .filter(sealed)
        .map(|p| p.name.as_str())
        .collect()
}

/// What the receipt cannot prove for these disks.
pub fn unproven(disks: &[DiskPlan]) -> Vec<String> {
    if disks.iter().all(|disk| disk.erase.is_empty()) {
        return Vec::new();
    }
    vec![
        String::from(
            "an SSD keeps spare blocks and copies that no command reaches, a hard disk its remapped sectors, and a \
             filesystem below an image its snapshots: old bytes may live on there, outside of what the disk shows. \
             Only the drive's own sanitize command or its destruction rules that out",
        ),
        String::from(
            "backups of LUKS headers that were made before open the old ciphertext, as far as it is still there",
        ),
    ]
}
