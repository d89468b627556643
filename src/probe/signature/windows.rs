//! What Windows and cameras write: FAT, exFAT, NTFS, BitLocker. Labels are sought in the root directory.

use std::io;

use super::fields::{field, le16, le32, le64, text, utf16, volume_number};
use super::{At, Facts, Rule, Super, View, magic_alone};

/// How much of a root directory is searched for the label.
const DIRECTORY: u64 = 4096;
const DIRECTORY_ENTRY: usize = 32;

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: "vfat",
        talos: "vfat",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[
            (0x52, b"FAT32   "),
            (0x52, b"MSWIN"),
            (0x36, b"FAT16   "),
            (0x36, b"FAT12   "),
            (0x36, b"FAT     "),
            (0x36, b"MSDOS"),
            (0x1FE, b"\x55\xAA"),
        ],
        read: fat,
    },
    Rule {
        kind: "exfat",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(3, b"EXFAT   ")],
        read: exfat,
    },
    Rule {
        kind: "ntfs",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[(3, b"NTFS    ")],
        read: ntfs,
    },
    Rule {
        kind: "BitLocker",
        talos: "",
        places: &[At::Start(0)],
        anywhere: false,
        len: 512,
        magics: &[
            (0, b"\xEB\x52\x90-FVE-FS-"),
            (0, b"\xEB\x58\x90-FVE-FS-"),
            (0, b"\xEB\x58\x90MSWIN4.1"),
        ],
        read: magic_alone,
    },
];

/// Whether a boot sector carries a BIOS parameter block that a FAT driver would take.
pub(crate) fn is_fat(sector: &[u8]) -> bool {
    let sector_size = le16(sector, 0xB);
    let cluster = byte(sector, 0xD);
    let reserved = le16(sector, 0xE);
    let fats = byte(sector, 0x10);
    let media = byte(sector, 0x15);
    let jump = byte(sector, 0);
    matches!(jump, 0xEB | 0xE9)
        && sector_size.is_power_of_two()
        && (512..=4096).contains(&sector_size)
        && cluster.is_power_of_two()
        && reserved != 0
        && fats != 0
        && (media == 0xF0 || media >= 0xF8)
}

fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

fn fat(view: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    if !is_fat(found.bytes) || field(found.bytes, 3, 8) == b"-FVE-FS-" {
        return Ok(None);
    }
    let sector_size = u64::from(le16(found.bytes, 0xB));
    let reserved = u64::from(le16(found.bytes, 0xE));
    let fats = u64::from(byte(found.bytes, 0x10));
    let short_fat = u64::from(le16(found.bytes, 0x16));
    let fat32 = short_fat == 0;
    let fat_len = if fat32 {
        u64::from(le32(found.bytes, 0x24))
    } else {
        short_fat
    };
    let tables = (reserved + fats * fat_len) * sector_size;
    let root = if fat32 {
        let cluster = u64::from(le32(found.bytes, 0x2C)).saturating_sub(2);
        tables + cluster * u64::from(byte(found.bytes, 0xD)) * sector_size
    } else {
        tables
    };
    let (number, boot_label) = if fat32 { (0x43, 0x47) } else { (0x27, 0x2B) };
    let label = match fat_label(view, root)? {
        Some(label) => label,
        None => text(field(found.bytes, boot_label, 11)),
    };
    Ok(Some(Facts {
        label: if label == "NO NAME" {
            String::new()
        } else {
            label
        },
        uuid: volume_number(found.bytes, number),
        version: fat_version(found.bytes, fat32, tables / sector_size).to_owned(),
        ..Facts::default()
    }))
}

/// The number of clusters tells FAT12 from FAT16; `tables` are the sectors before the root directory.
fn fat_version(sector: &[u8], fat32: bool, tables: u64) -> &'static str {
    const CLUSTERS_OF_FAT16: u64 = 4085;
    let sectors = match le16(sector, 0x13) {
        0 => u64::from(le32(sector, 0x20)),
        few => u64::from(few),
    };
    let root = (u64::from(le16(sector, 0x11)) * 32).div_ceil(u64::from(le16(sector, 0xB)));
    let data = sectors.saturating_sub(tables + root);
    match data / u64::from(byte(sector, 0xD)) {
        _ if fat32 => "FAT32",
        clusters if clusters < CLUSTERS_OF_FAT16 => "FAT12",
        _ => "FAT16",
    }
}

fn fat_label(view: &View<'_>, root: u64) -> io::Result<Option<String>> {
    const VOLUME: u8 = 0x08;
    const KIND: u8 = 0x18;
    const DELETED: u8 = 0xE5;
    let Some(entries) = view.up_to(root, DIRECTORY)? else {
        return Ok(None);
    };
    let label = entries
        .chunks_exact(DIRECTORY_ENTRY)
        .take_while(|entry| entry[0] != 0)
        .find(|entry| entry[0] != DELETED && entry[11] & KIND == VOLUME && entry[11] != 0x0F)
        .map(|entry| text(&entry[..11]));
    Ok(label)
}

fn exfat(view: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    const LABEL_ENTRY: u8 = 0x83;
    let sector_shift = u32::from(byte(found.bytes, 0x6C));
    let cluster_shift = sector_shift + u32::from(byte(found.bytes, 0x6D));
    let heap = u64::from(le32(found.bytes, 0x58)).checked_shl(sector_shift);
    let root = u64::from(le32(found.bytes, 0x60))
        .saturating_sub(2)
        .checked_shl(cluster_shift);
    let at = heap
        .zip(root)
        .and_then(|(heap, root)| heap.checked_add(root));
    let entries = match at {
        Some(at) => view.up_to(at, DIRECTORY)?,
        None => None,
    };
    let label = entries
        .iter()
        .flat_map(|entries| entries.chunks_exact(DIRECTORY_ENTRY))
        .take_while(|entry| entry[0] != 0)
        .find(|entry| entry[0] == LABEL_ENTRY)
        .map(|entry| utf16(field(entry, 2, usize::from(entry[1].min(11)) * 2)));
    Ok(Some(Facts {
        label: label.unwrap_or_default(),
        uuid: volume_number(found.bytes, 0x64),
        version: format!("{}.{}", byte(found.bytes, 0x69), byte(found.bytes, 0x68)),
        ..Facts::default()
    }))
}

fn ntfs(_: &View<'_>, found: &Super<'_>) -> io::Result<Option<Facts>> {
    Ok(Some(Facts {
        uuid: format!("{:016X}", le64(found.bytes, 0x48)),
        ..Facts::default()
    }))
}
