//! One copy of a table as the bytes that it is, and the same copy for another place. Never writes.
//!
//! A repair must not change more than the damage: what this codec would drop (an array of another length, reserved bytes,
//! a last usable block of somebody's own) goes from the good copy into the other one as it stands.

use crate::target::BlockSource;
use crate::units::{Extent, Geometry, Lba};

use super::defect::same_content;
use super::entry::{ENTRY_SIZE, Entry, array};
use super::header::{Damage, SIGNATURE, seal};
use super::read::{CopyState, read_blocks, read_copy};
use super::table::{Gpt, backup_blocks};
use super::{GptError, MbrState};

/// A copy whose checksums fit, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCopy {
    /// Its block.
    pub at: Lba,
    /// The whole block.
    pub header: Vec<u8>,
    /// Entries, in whole blocks.
    pub entries: Vec<u8>,
    /// Where the other copy's header is said to be.
    pub alternate: Lba,
    /// Where its own entries start.
    pub entries_lba: Lba,
    /// Last usable block, as the header says.
    pub last_usable: Lba,
    /// The same as a value.
    pub table: Gpt,
}

/// One copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RawState {
    /// All checksums fit.
    Sound(Box<RawCopy>),
    /// A header is there, but it or its entries cannot be used.
    Damaged {
        /// Why.
        damage: Damage,
        /// The whole block.
        header: Vec<u8>,
        /// Where it says that its entries and the other header are, if its own checksum fits.
        says: Option<(Lba, Lba)>,
    },
    /// No header's signature.
    Absent,
}

impl RawState {
    /// The copy, if it can be used.
    pub fn sound(&self) -> Option<&RawCopy> {
        match self {
            Self::Sound(copy) => Some(copy),
            Self::Damaged { .. } | Self::Absent => None,
        }
    }

    /// What the bytes say, checksum or not, of the places of the entries and of the other header.
    pub fn claims(&self) -> Option<(Lba, Lba)> {
        match self {
            Self::Sound(copy) => Some((copy.entries_lba, copy.alternate)),
            Self::Damaged { header, .. } => Some((lba_at(header, 72), lba_at(header, 32))),
            Self::Absent => None,
        }
    }
}

/// How much of a header's block its checksum covers, as far as that makes sense.
pub fn header_len(block: &[u8]) -> usize {
    let len = u32::from_le_bytes(array(block, 12));
    usize::try_from(len).map_or(block.len(), |len| len.clamp(92, block.len()))
}

/// Where a copy lies and what it says of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its own block.
    pub at: Lba,
    /// The other copy's block.
    pub alternate: Lba,
    /// First block of its entries.
    pub entries: Lba,
    /// Last usable block of the disk.
    pub last_usable: Lba,
}

impl RawCopy {
    /// This header as it is at another place; everything else in it stays. What follows it in its block is zero.
    pub fn header_at(&self, place: Place) -> Vec<u8> {
        let mut block = self.header.clone();
        block[header_len(&self.header)..].fill(0);
        let mut put = |at: usize, lba: Lba| {
            block[at..at + 8].copy_from_slice(&lba.0.to_le_bytes());
        };
        put(24, place.at);
        put(32, place.alternate);
        put(48, place.last_usable);
        put(72, place.entries);
        seal(&mut block);
        block
    }

    /// Whether both name the same partitions on the same disk.
    pub fn agrees_with(&self, other: &Self) -> bool {
        same_partitions(&self.table, &other.table)
    }
}

/// Whether two tables name the same partitions on the same disk.
pub fn same_partitions(a: &Gpt, b: &Gpt) -> bool {
    same_content(a, b)
}

/// Reads the copy at block `at`.
///
/// # Errors
/// Only [`GptError::Io`], also for a block that is not on the disk.
pub fn read_raw(source: &dyn BlockSource, at: Lba) -> Result<RawState, GptError> {
    let copy = read_copy(source, at)?;
    let header = read_blocks(source, at, 1)?;
    let decoded = match copy.state {
        CopyState::Absent => return Ok(RawState::Absent),
        CopyState::Damaged(damage) => {
            let says = copy.header.map(|h| (h.entries_lba, h.alternate_lba));
            return Ok(RawState::Damaged {
                damage,
                header,
                says,
            });
        }
        CopyState::Valid(table) => (table, copy.header),
    };
    let (table, Some(fields)) = decoded else {
        return Ok(RawState::Absent);
    };
    let block = u64::from(source.geometry().logical.get());
    let bytes = u64::from(fields.entry_count) * ENTRY_SIZE as u64;
    let entries = read_blocks(source, fields.entries_lba, bytes.div_ceil(block))?;
    Ok(RawState::Sound(Box::new(RawCopy {
        at,
        header,
        entries,
        alternate: fields.alternate_lba,
        entries_lba: fields.entries_lba,
        last_usable: fields.last_usable,
        table,
    })))
}

/// The block of the backup header at the end of a disk; `None` on one that is too small for a table.
pub fn last_block(geometry: Geometry) -> Option<Lba> {
    backup_blocks(geometry).map(|(last, _)| last)
}

/// The last block of the disk that a protective MBR was made for; `None` without one, or if the disk is too large for it.
pub fn protected_end(first_block: &[u8]) -> Option<Lba> {
    if !MbrState::classify(first_block).marks_gpt() || first_block[450] != 0xEE {
        return None;
    }
    let length = u32::from_le_bytes(array(first_block, 458));
    (length != u32::MAX).then_some(Lba(u64::from(length)))
}

/// What the first block of a disk says.
pub fn mbr_state(first_block: &[u8]) -> MbrState {
    MbrState::classify(first_block)
}

/// The fields of a header block in words, by name and whatever they hold.
pub fn header_fields(block: &[u8]) -> Vec<(&'static str, String)> {
    if block.len() < 92 || !block.starts_with(SIGNATURE) {
        return vec![("signature", String::from("none"))];
    }
    let number = |at| u32::from_le_bytes(array(block, at));
    let lba = |at| lba_at(block, at).0.to_string();
    vec![
        ("signature", String::from("EFI PART")),
        ("revision", format!("{:#010x}", number(8))),
        ("header size", number(12).to_string()),
        ("header checksum", format!("{:08x}", number(16))),
        ("own block", lba(24)),
        ("other header", lba(32)),
        ("first usable block", lba(40)),
        ("last usable block", lba(48)),
        (
            "disk GUID",
            crate::guid::Guid::from_gpt_bytes(array(block, 56)).to_string(),
        ),
        ("entries at block", lba(72)),
        ("entries", number(80).to_string()),
        ("entry size", number(84).to_string()),
        ("entries checksum", format!("{:08x}", number(88))),
    ]
}

/// The entries of an array in words: number and what it says; unused ones are left out.
pub fn entries_in_words(bytes: &[u8]) -> Vec<(u32, String)> {
    let in_words = |entry: Entry| {
        format!(
            "{:?} blocks {}..={} type {} GUID {} attributes {:#x}",
            entry.name, entry.first.0, entry.last.0, entry.type_guid, entry.guid, entry.attributes
        )
    };
    (1..)
        .zip(bytes.as_chunks::<ENTRY_SIZE>().0)
        .filter_map(|(number, entry)| Some((number, in_words(Entry::decode(entry)?))))
        .collect()
}

/// Whether these bytes may be what is left of `entries`: nothing but zeros, or at least one used entry in its place.
pub fn resembles(bytes: &[u8], entries: &[u8]) -> bool {
    let used = |entry: &[u8]| entry.iter().any(|byte| *byte != 0);
    let pairs = bytes.chunks(ENTRY_SIZE).zip(entries.chunks(ENTRY_SIZE));
    !used(bytes) || { pairs }.any(|(found, good)| found == good && used(good))
}

/// The blocks from `at` to the end of `bytes`, in bytes of the disk; `None` past 2⁶⁴.
pub fn extent_of(at: Lba, bytes: &[u8], geometry: Geometry) -> Option<Extent> {
    Some(Extent::new(
        at.to_bytes(geometry.logical)?,
        bytes.len().into(),
    ))
}

fn lba_at(block: &[u8], at: usize) -> Lba {
    Lba(u64::from_le_bytes(array(block, at)))
}
