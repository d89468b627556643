//! Members of sets that nothing has put together: RAID, LVM, ZFS, Ceph, `CoreStorage`, APFS, caches. Pure.

use super::cleanup::Device;
use super::table::place;
use super::{Ghost, GhostKind};
use crate::probe::inventory::{Disk, Layout, Partition, Signature};
use crate::selector::apple;

/// Every such member on `disk`.
pub(super) fn ghosts(disk: &Disk, layout: &Layout, disks: &[Disk]) -> Vec<Ghost> {
    let device = Device::of(disk);
    let outside = layout.signatures.iter().map(|s| (None, s));
    let raw = |partition: &&Partition| !partition.name.starts_with("r-");
    let inside = layout
        .partitions
        .iter()
        .filter(raw)
        .flat_map(|p| p.signatures.iter().map(move |s| (Some(p), s)));
    outside
        .chain(inside)
        .filter_map(|(partition, signature)| {
            let (kind, name) = kind(&signature.kind)?;
            let fusion = matches!(kind, GhostKind::CoreStorage | GhostKind::Apfs)
                .then(|| apple::fusion_partner(disk, disks))
                .flatten();
            Some(device.ghost(Ghost {
                disk: disk.path.clone(),
                id: disk.id.clone(),
                kind,
                what: what(name, partition, signature, fusion),
                offset: signature.offset,
                talos: talos(partition, signature),
                refuses: false,
                cleanup: cleanup(kind, &device, partition, signature),
            }))
        })
        .collect()
}

fn kind(signature: &str) -> Option<(GhostKind, &'static str)> {
    Some(match signature {
        "linux_raid_member" => (GhostKind::Raid, "a member of a Linux RAID"),
        "isw_raid_member" => (GhostKind::Raid, "a member of an Intel firmware RAID"),
        "ddf_raid_member" => (GhostKind::Raid, "a member of a DDF RAID"),
        "LVM2_member" | "LVM1_member" => (GhostKind::Lvm, "a physical volume of LVM"),
        "zfs_member" => (GhostKind::Zfs, "a device of a ZFS pool"),
        "ceph_bluestore" => (GhostKind::Ceph, "a BlueStore device of Ceph"),
        "fvault2" => (GhostKind::CoreStorage, "a CoreStorage volume"),
        "apfs" => (GhostKind::Apfs, "an APFS container"),
        "bcache" => (GhostKind::Bcache, "a bcache device"),
        "drbd" => (GhostKind::Member, "a DRBD device"),
        "stratis" => (GhostKind::Member, "a device of a Stratis pool"),
        "vdo" => (GhostKind::Member, "a VDO device"),
        "oracleasm" => (GhostKind::Member, "a disk of Oracle ASM"),
        "DM_verity_hash" | "DM_integrity" | "DM_snapshot_cow" => {
            (GhostKind::Member, "metadata of device-mapper")
        }
        _ => return None,
    })
}

fn what(
    name: &str,
    partition: Option<&Partition>,
    signature: &Signature,
    fusion: Option<&Disk>,
) -> String {
    let mut what = name.to_owned();
    if !signature.version.is_empty() {
        what = format!("{what}, version {}", signature.version);
    }
    if !signature.label.is_empty() {
        what = format!("{what}, {:?}", signature.label);
    }
    if let Some(partition) = partition {
        what = format!("{what}, in {}", place(partition));
    }
    if !signature.note.is_empty() {
        what = format!("{what} ({})", signature.note);
    }
    if let Some(other) = fusion {
        what = format!("{what}, a pair with {} ({})", other.path, other.id);
    }
    what
}

/// What Talos' probe makes of it. What it has no name for, it takes for nothing.
fn talos(partition: Option<&Partition>, signature: &Signature) -> String {
    match (partition, signature.talos.as_str()) {
        (None, "") => "Talos' probe does not know it and takes the disk for empty: a volume whose rule matches is made \
                       over it"
            .to_owned(),
        (None, name) => format!(
            "Talos' probe calls the disk {name} and makes no volume on it; an installation onto it wipes it unasked"
        ),
        (Some(_), "") => "Talos' probe does not know it; the partition keeps its place in the table".to_owned(),
        (Some(_), name) => format!("Talos' probe calls the partition {name} and leaves it alone"),
    }
}

fn cleanup(
    kind: GhostKind,
    device: &Device,
    partition: Option<&Partition>,
    signature: &Signature,
) -> Vec<String> {
    let node = device.node(partition);
    let wipefs = device.wipefs(partition, &signature.kind);
    match kind {
        GhostKind::Raid => vec![wipefs, format!("mdadm --zero-superblock {node}")],
        GhostKind::Lvm => vec![wipefs, format!("pvremove --force --force {node}")],
        // wipefs erases the marks of uberblocks only, and the pool's name stands in four labels all the same.
        GhostKind::Zfs => vec![
            device.zero(signature),
            format!("zpool labelclear -f {node}"),
        ],
        // wipefs erases the first label only, and the others bring the OSD back.
        GhostKind::Ceph => vec![
            device.zero(signature),
            format!("ceph-volume lvm zap --destroy {node}"),
        ],
        GhostKind::Apfs if !signature.uuid.is_empty() => vec![
            wipefs,
            format!(
                "diskutil apfs deleteContainer {}  # on a Mac",
                signature.uuid
            ),
        ],
        // wipefs knows it from util-linux 2.39 on, and before that says nothing and erases nothing.
        GhostKind::CoreStorage => vec![
            device.zero(signature),
            "diskutil resetFusion  # on the Mac, for both halves of a Fusion drive".to_owned(),
        ],
        _ => vec![wipefs],
    }
}
