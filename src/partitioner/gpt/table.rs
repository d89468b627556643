//! The table as a value: which entries there are, and what may be added. Never touches bytes.
//!
//! Spec: UEFI 2.10, section 5.3; usable range and alignment as Talos' go-blockdevice sets them.

use crate::guid::Guid;
use crate::units::{Bytes, Extent, Geometry, Lba};

use super::GptError;
use super::entry::{ENTRY_SIZE, Entry};

/// Partitions start at multiples of this, on every block size.
pub const ALIGNMENT: Bytes = Bytes::MIB;
/// Entries of a table; partition numbers go from 1 to this.
pub const ENTRY_COUNT: u32 = 128;

/// A partition table with 128 entries.
///
/// A table from [`Gpt::new`] and [`Gpt::insert`] has no overlap and stays within the usable range. One that was
/// read may hold entries that break either; they are kept as they are and listed as defects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpt {
    pub(super) geometry: Geometry,
    pub(super) disk_guid: Guid,
    pub(super) first_usable: Lba,
    pub(super) entries_lba: Lba,
    pub(super) entries: Vec<Option<Entry>>,
}

/// How many blocks the entry array takes: 32 of 512 bytes, 4 of 4096.
pub(super) fn entries_blocks(geometry: Geometry) -> u64 {
    (u64::from(ENTRY_COUNT) * ENTRY_SIZE as u64).div_ceil(u64::from(geometry.logical.get()))
}

/// The block of the backup header and the first block of the backup entries; `None` on a disk too small for both
/// copies.
pub(super) fn backup_blocks(geometry: Geometry) -> Option<(Lba, Lba)> {
    let entries = entries_blocks(geometry);
    // MBR, two headers and two arrays.
    if geometry.blocks() < 3 + 2 * entries {
        return None;
    }
    let last = geometry.blocks() - 1;
    Some((Lba(last), Lba(last - entries)))
}

impl Gpt {
    /// An empty table for a disk; the first usable block is the first aligned one behind the entries.
    ///
    /// # Errors
    /// [`GptError::DiskTooSmall`].
    pub fn new(geometry: Geometry, disk_guid: Guid) -> Result<Self, GptError> {
        let too_small = || GptError::DiskTooSmall(geometry.size);
        backup_blocks(geometry).ok_or_else(too_small)?;
        let entries_lba = Lba(2);
        let align = ALIGNMENT.get() / u64::from(geometry.logical.get());
        let first_usable = (entries_lba.0 + entries_blocks(geometry)).next_multiple_of(align);
        let table = Self {
            geometry,
            disk_guid,
            first_usable: Lba(first_usable),
            entries_lba,
            entries: vec![None; ENTRY_COUNT as usize],
        };
        if table.last_usable() < table.first_usable {
            return Err(too_small());
        }
        Ok(table)
    }

    /// The disk that this table is for.
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// GUID of the disk.
    pub const fn disk_guid(&self) -> Guid {
        self.disk_guid
    }

    /// First block that a partition may use.
    pub const fn first_usable(&self) -> Lba {
        self.first_usable
    }

    /// Last block that a partition may use: the one before the backup entries at this disk's end.
    pub fn last_usable(&self) -> Lba {
        let (_, entries) = backup_blocks(self.geometry).expect("checked when the table was made");
        Lba(entries.0 - 1)
    }

    /// Where the primary entries start: block 2, unless an overlay moved them.
    pub const fn entries_lba(&self) -> Lba {
        self.entries_lba
    }

    /// The bytes that partitions may use.
    pub fn usable(&self) -> Extent {
        let block = u64::from(self.geometry.logical.get());
        Extent::between(
            Bytes::new(self.first_usable.0 * block),
            Bytes::new((self.last_usable().0 + 1) * block),
        )
    }

    /// The partitions with their numbers, in the order of the numbers.
    pub fn partitions(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (1..)
            .zip(&self.entries)
            .filter_map(|(number, entry)| Some((number, entry.as_ref()?)))
    }

    /// The partition `number`, if there is one.
    pub fn get(&self, number: u32) -> Option<&Entry> {
        self.entries.get(index(number).ok()?)?.as_ref()
    }

    /// Adds a partition.
    ///
    /// # Errors
    /// Refuses a number that is taken or out of range, zero GUIDs, a range that leaves [`Self::usable`], blocks that
    /// another partition holds, and a unique GUID that another partition has.
    pub fn insert(&mut self, number: u32, entry: Entry) -> Result<(), GptError> {
        let index = index(number)?;
        if self.entries[index].is_some() {
            return Err(GptError::NumberTaken(number));
        }
        if entry.type_guid == Guid::NIL || entry.guid == Guid::NIL {
            return Err(GptError::NilGuid(number));
        }
        let (first, last) = (entry.first, entry.last);
        let usable = (self.first_usable, self.last_usable());
        if first > last || first < usable.0 || last > usable.1 {
            return Err(GptError::OutOfRange {
                first,
                last,
                usable,
            });
        }
        for (other, taken) in self.partitions() {
            if taken.guid == entry.guid {
                let guid = entry.guid;
                return Err(GptError::DuplicateGuid { guid, other });
            }
            if taken.first <= last && first <= taken.last {
                return Err(GptError::Overlap { first, last, other });
            }
        }
        self.entries[index] = Some(entry);
        Ok(())
    }

    /// Takes a partition out and returns it.
    ///
    /// # Errors
    /// [`GptError::NoSuchPartition`], or a number out of range.
    pub fn remove(&mut self, number: u32) -> Result<Entry, GptError> {
        self.entries[index(number)?]
            .take()
            .ok_or(GptError::NoSuchPartition(number))
    }

    /// The lowest number that is not in use.
    pub fn lowest_free_number(&self) -> Option<u32> {
        (1..)
            .zip(&self.entries)
            .find_map(|(number, entry)| entry.is_none().then_some(number))
    }

    /// Where new partitions may go, in the order of the disk.
    ///
    /// A gap starts at an aligned byte and reaches up to the next partition; the one at the end of the disk
    /// reaches only to the last aligned byte, so that an empty disk holds at most its size less 2 MiB.
    pub fn free_gaps(&self) -> Vec<Extent> {
        let usable = self.usable();
        let mut taken: Vec<Extent> = self
            .partitions()
            .filter_map(|(_, entry)| entry.extent(self.geometry.logical)?.intersection(usable))
            .collect();
        taken.sort_by_key(|extent| extent.start);
        let end = usable.end().align_down(ALIGNMENT);
        taken.push(Extent::new(end, Bytes::ZERO));
        let mut gaps = Vec::new();
        let mut free_from = usable.start;
        for extent in taken {
            if let Some(start) = free_from.align_up(ALIGNMENT) {
                let gap = Extent::between(start, extent.start);
                if !gap.is_empty() {
                    gaps.push(gap);
                }
            }
            free_from = free_from.max(extent.end());
        }
        gaps
    }
}

/// Place of a partition number in the array.
fn index(number: u32) -> Result<usize, GptError> {
    if (1..=ENTRY_COUNT).contains(&number) {
        Ok(number as usize - 1)
    } else {
        Err(GptError::NumberOutOfRange(number))
    }
}
