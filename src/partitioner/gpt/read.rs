//! What stands on a disk: both copies of a table, each with its state, and the MBR.
//!
//! Never says "nothing there" for what it could not read or does not support.

use crate::target::BlockSource;
use crate::units::{BlockSize, Bytes, Extent, Lba};

use super::defect::{Defect, copy_defect, entry_defects, layout_defects, same_content};
use super::entry::{ENTRY_SIZE, Entry};
use super::header::{Damage, Header, SIGNATURE};
use super::table::{ENTRY_COUNT, Gpt, backup_blocks, entries_blocks};
use super::{GptError, MbrState};

/// One copy of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// All checksums fit.
    Valid(Gpt),
    /// A header is there, but it or its entries cannot be used.
    Damaged(Damage),
    /// No header's signature.
    Absent,
}

impl CopyState {
    /// The table, if it can be used.
    pub const fn table(&self) -> Option<&Gpt> {
        match self {
            Self::Valid(table) => Some(table),
            Self::Damaged(_) | Self::Absent => None,
        }
    }
}

/// All that a disk says about partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The copy at block 1.
    pub primary: CopyState,
    /// The copy at the end of the disk, or where a valid primary says it is.
    pub backup: CopyState,
    /// The first 512 bytes.
    pub mbr: MbrState,
    /// A table's signature where disks with this other block size have it.
    pub other_block_size: Option<BlockSize>,
    layout: Vec<Defect>,
}

impl Found {
    /// The table: the primary, or if that cannot be used, the backup.
    pub fn table(&self) -> Option<&Gpt> {
        self.primary.table().or_else(|| self.backup.table())
    }

    /// Whether nothing at all hints at a table: neither copy, nor a protective MBR, nor another block size's.
    pub fn is_absent(&self) -> bool {
        self.primary == CopyState::Absent
            && self.backup == CopyState::Absent
            && !self.mbr.marks_gpt()
            && self.other_block_size.is_none()
    }

    /// Everything that is not as it should be; empty for a healthy table, and where there is none at all.
    pub fn defects(&self) -> Vec<Defect> {
        if self.is_absent() {
            return Vec::new();
        }
        let mut defects = Vec::new();
        defects.extend(self.other_block_size.map(Defect::OtherBlockSize));
        if self.primary == CopyState::Absent && self.backup == CopyState::Absent {
            if self.mbr.marks_gpt() {
                defects.push(Defect::MbrWithoutTable);
            }
            return defects;
        }
        defects.extend(copy_defect(&self.primary).map(Defect::Primary));
        defects.extend(copy_defect(&self.backup).map(Defect::Backup));
        if let (Some(primary), Some(backup)) = (self.primary.table(), self.backup.table())
            && !same_content(primary, backup)
        {
            defects.push(Defect::CopiesDiffer);
        }
        if self.mbr != MbrState::Protective {
            defects.push(Defect::Mbr(self.mbr.clone()));
        }
        defects.extend(self.layout.iter().cloned());
        if let Some(table) = self.table() {
            defects.extend(entry_defects(table));
        }
        defects
    }
}

/// Reads both copies and the MBR.
///
/// # Errors
/// Only [`GptError::Io`]: whatever the bytes are, they give a [`Found`].
pub fn read(source: &dyn BlockSource) -> Result<Found, GptError> {
    let geometry = source.geometry();
    let first = read_blocks(source, Lba(0), geometry.blocks().min(1))?;
    let mut found = Found {
        primary: CopyState::Absent,
        backup: CopyState::Absent,
        mbr: MbrState::classify(&first),
        other_block_size: other_block_size(source)?,
        layout: Vec::new(),
    };
    let Some((last, _)) = backup_blocks(geometry) else {
        return Ok(found);
    };
    let primary = read_copy(source, Lba(1))?;
    let backup_lba = match &primary {
        Copy {
            header: Some(header),
            state: CopyState::Valid(_),
        } if header.alternate_lba.0 < geometry.blocks() && header.alternate_lba.0 > 1 => {
            header.alternate_lba
        }
        _ => last,
    };
    let mut backup = read_copy(source, backup_lba)?;
    if backup_lba != last && backup.header.is_none() {
        backup = read_copy(source, last)?;
    }
    found.layout = layout_defects(primary.header.as_ref(), backup.header.as_ref(), geometry);
    if let CopyState::Valid(table) = &mut backup.state {
        // A backup does not say where the primary entries go; a primary header that is whole does.
        table.entries_lba = primary.header.as_ref().map_or(Lba(2), |h| h.entries_lba);
        if !primary_entries_fit(table) {
            table.entries_lba = Lba(2);
        }
    }
    found.primary = primary.state;
    found.backup = backup.state;
    Ok(found)
}

/// A copy with its header, if that could be decoded.
pub(super) struct Copy {
    pub(super) header: Option<Header>,
    pub(super) state: CopyState,
}

pub(super) fn read_copy(source: &dyn BlockSource, at: Lba) -> Result<Copy, GptError> {
    let geometry = source.geometry();
    let damaged = |header, damage| {
        Ok(Copy {
            header,
            state: CopyState::Damaged(damage),
        })
    };
    let header = match Header::decode(&read_blocks(source, at, 1)?, at) {
        Err(damage) => return damaged(None, damage),
        Ok(None) => {
            return Ok(Copy {
                header: None,
                state: CopyState::Absent,
            });
        }
        Ok(Some(header)) => header,
    };
    let table = Gpt {
        geometry,
        disk_guid: header.disk_guid,
        first_usable: header.first_usable,
        entries_lba: header.entries_lba,
        entries: Vec::new(),
    };
    let layout = Damage::Layout {
        entries: header.entries_lba,
        first_usable: header.first_usable,
    };
    let is_primary = at == Lba(1);
    if !(if is_primary {
        primary_entries_fit(&table)
    } else {
        backup_entries_fit(&table)
    }) {
        return damaged(Some(header), layout);
    }
    let blocks = entries_blocks(geometry);
    let array = read_blocks(source, header.entries_lba, blocks)?;
    let used = header.entry_count as usize * ENTRY_SIZE;
    if crc32fast::hash(&array[..used]) != header.entries_crc {
        return damaged(Some(header), Damage::EntriesChecksum);
    }
    let mut entries: Vec<Option<Entry>> = array[..used]
        .as_chunks::<ENTRY_SIZE>()
        .0
        .iter()
        .map(Entry::decode)
        .collect();
    entries.resize(ENTRY_COUNT as usize, None);
    Ok(Copy {
        header: Some(header),
        state: CopyState::Valid(Gpt { entries, ..table }),
    })
}

/// Whether the entry array lies between the primary header and the first usable block, and that on the disk.
fn primary_entries_fit(table: &Gpt) -> bool {
    let end = table
        .entries_lba
        .0
        .checked_add(entries_blocks(table.geometry));
    table.entries_lba.0 >= 2
        && end.is_some_and(|end| end <= table.first_usable.0)
        && table.first_usable <= table.last_usable()
}

/// Whether the entry array of a backup lies on the disk, and the first usable block leaves room for a primary.
fn backup_entries_fit(table: &Gpt) -> bool {
    let blocks = entries_blocks(table.geometry);
    let end = table.entries_lba.0.checked_add(blocks);
    end.is_some_and(|end| end <= table.geometry.blocks())
        && table.first_usable.0 >= 2 + blocks
        && table.first_usable <= table.last_usable()
}

pub(super) fn read_blocks(
    source: &dyn BlockSource,
    at: Lba,
    count: u64,
) -> Result<Vec<u8>, GptError> {
    let block = u64::from(source.geometry().logical.get());
    let extent = Extent::new(
        Bytes::new(at.0.saturating_mul(block)),
        Bytes::new(count * block),
    );
    source
        .read_extent(extent)
        .map_err(|source| GptError::Io { extent, source })
}

/// Looks for a signature where a disk of the other block size has its headers.
fn other_block_size(source: &dyn BlockSource) -> Result<Option<BlockSize>, GptError> {
    let geometry = source.geometry();
    let other = match geometry.logical {
        BlockSize::B512 => BlockSize::B4096,
        BlockSize::B4096 => BlockSize::B512,
    };
    if geometry.size < Bytes::new(2 * 4096) {
        return Ok(None);
    }
    let own = geometry.logical.bytes();
    for at in [other.bytes(), geometry.size.saturating_sub(other.bytes())] {
        // Whole blocks only: a device may refuse anything else.
        let start = at.align_down(own);
        let extent = Extent::new(start, own);
        let block = source
            .read_extent(extent)
            .map_err(|source| GptError::Io { extent, source })?;
        let within = at.saturating_sub(start).to_usize();
        if block[within..].starts_with(SIGNATURE) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}
