//! Fusion drives: an Apple SSD and a hard disk that hold one volume together.

use crate::guid::Guid;
use crate::probe::inventory::Disk;

/// The disk that `disk` seems to form a Fusion drive with: both hold a CoreStorage or APFS container,
/// and one of them is Apple's hard disk, or both are Apple's.
pub(super) fn fusion_partner<'i>(disk: &Disk, disks: &'i [Disk]) -> Option<&'i Disk> {
    if !has_container(disk) {
        return None;
    }
    disks
        .iter()
        .filter(|other| other.path != disk.path && has_container(other))
        .filter(|other| is_pair(disk, other))
        .min_by(|a, b| a.path.cmp(&b.path))
}

fn is_pair(a: &Disk, b: &Disk) -> bool {
    let apple_hdd = |d: &Disk| d.talos.rotational && d.talos.model.starts_with("APPLE HDD");
    let apple = |d: &Disk| d.talos.model.starts_with("APPLE");
    apple_hdd(a) || apple_hdd(b) || (apple(a) && apple(b))
}

fn has_container(disk: &Disk) -> bool {
    let Some(layout) = disk.content.layout() else {
        return false;
    };
    let typed = layout.partitions.iter().any(|p| {
        matches!(
            p.type_guid,
            Some(Guid::APPLE_APFS | Guid::APPLE_CORE_STORAGE)
        )
    });
    let inner = layout.partitions.iter().flat_map(|p| &p.signatures);
    let mut signatures = layout.signatures.iter().chain(inner);
    typed || signatures.any(|s| matches!(&*s.kind, "apfs" | "fvault2"))
}
