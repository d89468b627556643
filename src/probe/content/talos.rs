//! Which partitions are Talos' own, and what may lie in them.

use crate::guid::Guid;
use crate::probe::inventory::{Layout, Partition};

/// Filesystems that Talos makes or accepts.
const FILESYSTEMS: [&str; 6] = ["xfs", "ext4", "ext3", "ext2", "btrfs", "crypto_LUKS"];

/// Names of Talos' partitions with Linux data, besides `u-…`, `r-…` and `s-…`.
const DATA: [&str; 9] = [
    "BOOT",
    "META",
    "STATE",
    "EPHEMERAL",
    "IMAGECACHE",
    "ETCD",
    "CRI",
    "KUBELET",
    "LOG",
];

/// Whether a GPT name is one that Talos gives.
pub fn is_talos_name(name: &str) -> bool {
    matches!(name, "EFI" | "BIOS")
        || DATA.contains(&name)
        || ["u-", "r-", "s-"]
            .iter()
            .any(|prefix| is_volume(name, prefix))
}

/// A sound GPT with nothing but partitions of Talos, at least one of which no other system would make,
/// and nothing in or around them that Talos does not put there.
pub(super) fn is_talos(layout: &Layout) -> bool {
    let sound = layout
        .table
        .as_ref()
        .is_some_and(|table| table.kind == "gpt" && table.defects.is_empty());
    let mut names = layout.partitions.iter().map(|p| p.name.as_str());
    sound
        && names.any(|name| !matches!(name, "EFI" | "BIOS"))
        && layout.partitions.iter().all(is_talos_partition)
        && layout
            .signatures
            .iter()
            .all(|signature| matches!(signature.kind.as_str(), "gpt" | "PMBR"))
}

fn is_talos_partition(partition: &Partition) -> bool {
    let name = partition.name.as_str();
    let kind = partition.type_guid;
    let data = kind == Some(Guid::LINUX_DATA);
    let swap = kind == Some(Guid::LINUX_SWAP);
    let named = match name {
        "EFI" => kind == Some(Guid::EFI_SYSTEM),
        "BIOS" => kind == Some(Guid::BIOS_BOOT),
        _ if DATA.contains(&name) => data,
        _ if is_volume(name, "u-") || is_volume(name, "r-") => data,
        _ => is_volume(name, "s-") && (data || swap),
    };
    named && partition.unreadable.is_none() && holds_its_own(partition)
}

fn is_volume(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| !rest.is_empty())
}

/// An empty partition holds nothing foreign; a raw volume holds whatever its user wants.
fn holds_its_own(partition: &Partition) -> bool {
    let name = partition.name.as_str();
    partition.signatures.iter().all(|signature| {
        let kind = signature.kind.as_str();
        match name {
            "EFI" => kind == "vfat",
            "BIOS" => false,
            "META" => kind == "talosmeta",
            _ if name.starts_with("r-") => true,
            _ if name.starts_with("s-") => matches!(kind, "swap" | "crypto_LUKS"),
            _ => FILESYSTEMS.contains(&kind),
        }
    })
}
