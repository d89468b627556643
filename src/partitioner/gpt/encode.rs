//! A table as the bytes of its two copies: whole blocks, each with its place. Never writes them.

use crate::units::{Bytes, Lba};

use super::entry::ENTRY_SIZE;
use super::header::Header;
use super::table::{ENTRY_COUNT, Gpt, backup_blocks};

/// Both copies of a table, as byte offsets and whole blocks.
///
/// Whoever writes them keeps this order, with a sync after each step, so that at every moment one copy is whole:
/// backup entries and backup header, primary entries, primary header, and on a new disk the protective MBR last:
/// without it the kernel does not look for a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// Last block of the disk.
    pub backup_header: (Bytes, Vec<u8>),
    /// The blocks right before it.
    pub backup_entries: (Bytes, Vec<u8>),
    /// Usually from block 2.
    pub primary_entries: (Bytes, Vec<u8>),
    /// Block 1.
    pub primary_header: (Bytes, Vec<u8>),
}

impl Gpt {
    /// Both copies.
    pub fn encode(&self) -> Encoded {
        let block = self.geometry.logical;
        let (backup_lba, backup_entries_lba) =
            backup_blocks(self.geometry).expect("checked when the table was made");
        let mut entries: Vec<u8> = Vec::with_capacity(ENTRY_COUNT as usize * ENTRY_SIZE);
        for entry in &self.entries {
            entries.extend(entry.as_ref().map_or([0; ENTRY_SIZE], super::Entry::encode));
        }
        let header = |my_lba, alternate_lba, entries_lba| Header {
            my_lba,
            alternate_lba,
            first_usable: self.first_usable,
            last_usable: self.last_usable(),
            disk_guid: self.disk_guid,
            entries_lba,
            entry_count: ENTRY_COUNT,
            entries_crc: crc32fast::hash(&entries),
            has_reserved: false,
        };
        let at = |lba: Lba| lba.to_bytes(block).expect("a block of the disk");
        let primary = header(Lba(1), backup_lba, self.entries_lba);
        let backup = header(backup_lba, Lba(1), backup_entries_lba);
        Encoded {
            backup_header: (at(backup_lba), backup.encode(block)),
            backup_entries: (at(backup_entries_lba), entries.clone()),
            primary_entries: (at(self.entries_lba), entries),
            primary_header: (at(Lba(1)), primary.encode(block)),
        }
    }
}
