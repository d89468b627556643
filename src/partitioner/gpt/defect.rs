//! What can be wrong with a table that was read, in words. Judges; never reads.

use std::fmt;

use crate::units::{BlockSize, Geometry, Lba};

use super::MbrState;
use super::header::{Damage, Header};
use super::read::CopyState;
use super::table::{Gpt, backup_blocks};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The primary cannot be used, or is missing while the backup is there.
    Primary(CopyDefect),
    /// The backup cannot be used, or is missing while the primary is there.
    Backup(CopyDefect),
    /// Both copies are valid but differ.
    CopiesDiffer,
    /// The backup is not in the last block: the disk grew or shrank since.
    BackupMisplaced(Lba),
    /// The last usable block is not the one before the backup entries at this disk's end.
    LastUsable(Lba),
    /// A header has bytes set that the next write of the table would drop.
    ReservedBytes,
    /// The partition ends before it starts or leaves the usable range; Talos would drop it.
    OutOfRange(u32),
    /// Two partitions share blocks.
    Overlap(u32, u32),
    /// Two partitions have the same GUID.
    DuplicateGuid(u32, u32),
    /// There is a table, but no protective MBR of its own: the kernel ignores it, or others act on the MBR.
    Mbr(MbrState),
    /// A protective MBR without any table.
    MbrWithoutTable,
    /// A table for another block size.
    OtherBlockSize(BlockSize),
}

/// What is wrong with a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyDefect {
    /// It is not there.
    Absent,
    /// It cannot be used.
    Damaged(Damage),
}

pub(super) fn copy_defect(copy: &CopyState) -> Option<CopyDefect> {
    match copy {
        CopyState::Valid(_) => None,
        CopyState::Absent => Some(CopyDefect::Absent),
        CopyState::Damaged(damage) => Some(CopyDefect::Damaged(damage.clone())),
    }
}

pub(super) fn same_content(a: &Gpt, b: &Gpt) -> bool {
    a.disk_guid == b.disk_guid && a.first_usable == b.first_usable && a.entries == b.entries
}

/// Compares what the headers say of the disk's layout with the disk.
pub(super) fn layout_defects(
    primary: Option<&Header>,
    backup: Option<&Header>,
    geometry: Geometry,
) -> Vec<Defect> {
    let mut defects = Vec::new();
    let Some((last, entries)) = backup_blocks(geometry) else {
        return defects;
    };
    let backup_at = primary
        .map(|header| header.alternate_lba)
        .or(backup.map(|header| header.my_lba));
    if let Some(at) = backup_at
        && at != last
    {
        defects.push(Defect::BackupMisplaced(at));
    }
    if let Some(header) = primary.or(backup)
        && header.last_usable.0 != entries.0 - 1
    {
        defects.push(Defect::LastUsable(header.last_usable));
    }
    if [primary, backup]
        .into_iter()
        .flatten()
        .any(|h| h.has_reserved)
    {
        defects.push(Defect::ReservedBytes);
    }
    defects
}

pub(super) fn entry_defects(table: &Gpt) -> Vec<Defect> {
    let mut defects = Vec::new();
    let usable = table.first_usable..=table.last_usable();
    for (number, entry) in table.partitions() {
        let in_range = usable.contains(&entry.first) && usable.contains(&entry.last);
        if entry.first > entry.last || !in_range {
            defects.push(Defect::OutOfRange(number));
        }
        for (other, before) in table.partitions().take_while(|(n, _)| *n < number) {
            if before.first <= entry.last && entry.first <= before.last {
                defects.push(Defect::Overlap(other, number));
            }
            if before.guid == entry.guid {
                defects.push(Defect::DuplicateGuid(other, number));
            }
        }
    }
    defects
}

impl fmt::Display for CopyDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("missing"),
            Self::Damaged(damage) => write!(f, "damaged: {damage}"),
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Primary(defect) => write!(f, "the primary table is {defect}"),
            Self::Backup(defect) => write!(f, "the backup table is {defect}"),
            Self::CopiesDiffer => f.write_str("the primary and the backup table differ"),
            Self::BackupMisplaced(lba) => {
                write!(
                    f,
                    "the backup table is expected at block {}, not at the end of the disk",
                    lba.0
                )
            }
            Self::LastUsable(lba) => {
                write!(
                    f,
                    "the last usable block is {}, not the one before the backup entries",
                    lba.0
                )
            }
            Self::ReservedBytes => f.write_str("a header has reserved bytes set"),
            Self::OutOfRange(number) => {
                write!(f, "partition {number} is not within the usable blocks")
            }
            Self::Overlap(a, b) => write!(f, "partitions {a} and {b} overlap"),
            Self::DuplicateGuid(a, b) => write!(f, "partitions {a} and {b} have the same GUID"),
            Self::Mbr(MbrState::Hybrid { .. }) => f.write_str("the MBR is hybrid"),
            Self::Mbr(_) => f.write_str("there is no protective MBR"),
            Self::MbrWithoutTable => f.write_str("there is a protective MBR, but no table"),
            Self::OtherBlockSize(size) => {
                write!(f, "there is a table for a block size of {}", size.bytes())
            }
        }
    }
}
