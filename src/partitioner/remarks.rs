//! What a reader should know before saying yes to a plan. Pure.

use crate::config::spec::{KeySource, Spec, VolumeKind};
use crate::partitioner::layout::TalosVersion;
use crate::partitioner::planner::Options;
use crate::plan::{ContentPlan, DiskPlan, PartitionPlan};
use crate::selector::ghost::Ghost;

/// Ghosts that a plan speaks of.
const GHOSTS: usize = 8;

/// What lies on other disks and would mislead Talos or whoever looks there, with the first command that clears it.
pub fn ghosts(ghosts: &[Ghost]) -> Vec<String> {
    let remark = |ghost: &Ghost| {
        let clear = ghost.cleanup.first().map_or("", String::as_str);
        format!(
            "{} holds {} at byte {}. {}. To clear it: {clear}",
            ghost.disk,
            ghost.what,
            ghost.offset.get(),
            ghost.talos
        )
    };
    ghosts.iter().take(GHOSTS).map(remark).collect()
}

/// The remarks for these disks, most important first.
pub fn remarks(spec: &Spec, disks: &[DiskPlan], options: &Options) -> Vec<String> {
    let mut remarks = Vec::new();
    let made = || {
        disks
            .iter()
            .flat_map(|disk| &disk.partitions)
            .filter(|p| p.is_made())
    };
    for disk in disks {
        let lost: Vec<&str> = disk
            .wipe
            .iter()
            .filter(|w| !w.why.starts_with("old "))
            .map(|w| w.why.as_str())
            .collect();
        if disk.fresh && disk.before.content != "blank" && disk.before.unfinished.is_none() {
            remarks.push(format!(
                "{}: lost for good: {}",
                disk.path,
                std::iter::once(disk.before.content.as_str())
                    .chain(lost)
                    .collect::<Vec<_>>()
                    .join("; ")
            ));
        }
    }
    state_key(spec, disks, &mut remarks);
    if spec_has(spec, |source| matches!(source, KeySource::NodeId)) {
        remarks.push(String::from(
            "nodeID keys derive from the machine's UUID alone: they keep a disk closed that leaves the machine \
             without it, and open to anybody who has the machine, its UUID from an inventory or from its SMBIOS",
        ));
    }
    if made().any(|p| p.name == "EFI") {
        remarks.push(String::from(
            "EFI is made empty: the boot assets are still to be put there before this disk boots. Do not run \
             Talos' own installer on it with force, it would wipe the whole disk",
        ));
    }
    left_to_talos(made(), &mut remarks);
    remarks.extend(spec.volumes.iter().filter(|v| v.kind == VolumeKind::UserDisk).map(|v| {
        format!("{} takes a whole disk without a table: left to Talos, which wants that disk blank", v.id)
    }));
    if options.talos > TalosVersion::NEWEST {
        remarks.push(format!(
            "Talos {} is newer than {}, the newest whose sizes are known here",
            options.talos,
            TalosVersion::NEWEST
        ));
    }
    remarks
}

fn state_key(spec: &Spec, disks: &[DiskPlan], remarks: &mut Vec<String>) {
    let Some(encryption) = &spec.state.encryption else {
        return;
    };
    let writes_meta = disks
        .iter()
        .flat_map(|d| &d.partitions)
        .any(|p| matches!(p.content, ContentPlan::Meta { .. }));
    if writes_meta
        && encryption
            .keys
            .iter()
            .any(|key| matches!(key.source, KeySource::Static(_)))
    {
        remarks.push(String::from(
            "the static key of STATE stands in META in clear text (tag 0x09), as Talos itself keeps it: whoever \
             holds the disk can open STATE",
        ));
    }
}

fn spec_has(spec: &Spec, wanted: impl Fn(&KeySource) -> bool) -> bool {
    let system = [&spec.state.encryption, &spec.ephemeral.encryption]
        .into_iter()
        .flatten();
    let volumes = spec.volumes.iter().filter_map(|v| v.encryption.as_ref());
    system
        .chain(volumes)
        .flat_map(|e| &e.keys)
        .any(|key| wanted(&key.source))
}

fn left_to_talos<'a>(made: impl Iterator<Item = &'a PartitionPlan>, remarks: &mut Vec<String>) {
    let names: Vec<&str> = made
        .filter(|p| match &p.content {
            ContentPlan::Empty { then } => then.starts_with("Talos"),
            ContentPlan::Sealed(seal) => seal.filesystem.is_none(),
            _ => false,
        })
        .map(|p| p.name.as_str())
        .collect();
    if !names.is_empty() {
        remarks.push(format!(
            "made without a filesystem, Talos formats at boot: {}",
            names.join(", ")
        ));
    }
}
