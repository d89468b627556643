//! The protective MBR in the first 512 bytes of a disk: making one, and telling what is there.
//!
//! Spec: UEFI 2.10, section 5.2.3; the bytes are those that Talos' go-blockdevice writes.

use crate::units::Geometry;

const TABLE: usize = 446;
const ENTRY: usize = 16;
const PROTECTIVE: u8 = 0xEE;

/// What the first 512 bytes say about partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MbrState {
    /// Exactly one entry, of type 0xEE and from block 1.
    Protective,
    /// A protective entry beside others: some system may act on these.
    Hybrid {
        /// Types of the other entries.
        types: Vec<u8>,
    },
    /// No boot signature.
    None,
    /// A boot signature, but no entry in use: a filesystem's boot sector, or an empty table.
    Empty,
    /// Entries, none of them protective: a real MBR table, or a boot sector's code.
    Other {
        /// Types of the entries in use.
        types: Vec<u8>,
    },
}

impl MbrState {
    /// Whether the kernel takes this as the mark of a GPT.
    pub const fn marks_gpt(&self) -> bool {
        matches!(self, Self::Protective | Self::Hybrid { .. })
    }

    /// Reads the first block of a disk; a shorter one has no MBR.
    pub(super) fn classify(block: &[u8]) -> Self {
        let Some(sector) = block.get(..512) else {
            return Self::None;
        };
        if sector[510..] != [0x55, 0xAA] {
            return Self::None;
        }
        let mut protective = false;
        let mut types = Vec::new();
        for entry in sector[TABLE..510].chunks_exact(ENTRY) {
            if entry[4] == PROTECTIVE && entry[8..12] == [1, 0, 0, 0] && !protective {
                protective = true;
            } else if entry[4] != 0 {
                types.push(entry[4]);
            }
        }
        match (protective, types.is_empty()) {
            (true, true) => Self::Protective,
            (true, false) => Self::Hybrid { types },
            (false, true) => Self::Empty,
            (false, false) => Self::Other { types },
        }
    }
}

/// The first block with a protective entry in the first place.
///
/// `existing` is the first logical block as it is; all bytes but the signature and the first entry are kept, so
/// boot code survives, and so do other entries: a caller that makes a new table passes zeros.
/// The entry spans the disk, as far as 32 bits can say.
pub fn protective_mbr(existing: &[u8], geometry: Geometry) -> Vec<u8> {
    let mut block = existing.to_vec();
    block.resize(geometry.logical.bytes().to_usize(), 0);
    let last = geometry.blocks().saturating_sub(1);
    let entry = &mut block[TABLE..TABLE + ENTRY];
    entry[..8].copy_from_slice(&[0, 0x00, 0x02, 0x00, PROTECTIVE, 0xFF, 0xFF, 0xFF]);
    entry[8..12].copy_from_slice(&1u32.to_le_bytes());
    entry[12..].copy_from_slice(&u32::try_from(last).unwrap_or(u32::MAX).to_le_bytes());
    block[510..512].copy_from_slice(&[0x55, 0xAA]);
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{BlockSize, Bytes};

    fn disk(size: u64, logical: BlockSize) -> Geometry {
        Geometry {
            size: Bytes::new(size),
            logical,
            physical: 4096,
        }
    }

    #[test]
    fn boot_code_and_other_entries_stay() {
        let existing = vec![0xA5; 512];
        let block = protective_mbr(&existing, disk(1 << 30, BlockSize::B512));
        assert_eq!(block[..446], existing[..446]);
        assert_eq!(block[462..510], existing[462..510]);
        assert_eq!(
            MbrState::classify(&block),
            MbrState::Hybrid {
                types: vec![0xA5; 3]
            }
        );
    }

    #[test]
    fn the_entry_spans_the_disk_up_to_what_32_bits_can_say() {
        for (size, logical, length) in [
            (1 << 30, BlockSize::B512, (1 << 21) - 1),
            (1 << 30, BlockSize::B4096, (1 << 18) - 1),
            (1 << 42, BlockSize::B512, u32::MAX),
        ] {
            let block = protective_mbr(&[], disk(size, logical));
            assert_eq!(block.len(), logical.bytes().to_usize());
            assert_eq!(block[458..462], u32::to_le_bytes(length));
            assert_eq!(MbrState::classify(&block), MbrState::Protective);
        }
    }

    #[test]
    fn what_is_no_protective_mbr_is_told_apart() {
        let mut block = vec![0; 512];
        assert_eq!(MbrState::classify(&block), MbrState::None);
        assert_eq!(MbrState::classify(&block[..100]), MbrState::None);
        block[510..].copy_from_slice(&[0x55, 0xAA]);
        assert_eq!(MbrState::classify(&block), MbrState::Empty);
        block[450] = 0x83;
        assert_eq!(
            MbrState::classify(&block),
            MbrState::Other { types: vec![0x83] }
        );
        // The right type, but not from block 1: the kernel does not take it.
        block[450] = PROTECTIVE;
        block[454] = 2;
        assert!(!MbrState::classify(&block).marks_gpt());
    }
}
