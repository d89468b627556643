//! The table header: 92 bytes at the start of one block. Owns its checks; knows nothing of entries but their checksum.
//!
//! Spec: UEFI 2.10, table 5.5.

use crate::guid::Guid;
use crate::units::{BlockSize, Lba};

use super::entry::{ENTRY_SIZE, array};
use super::table::ENTRY_COUNT;

/// Starts every header.
pub(super) const SIGNATURE: &[u8; 8] = b"EFI PART";
const REVISION: u32 = 0x0001_0000;
const SIZE: usize = 92;

/// Why a copy of the table cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Neither revision 1.0 nor anything that is known.
    #[error("header revision {0:#010x} is not supported")]
    Revision(u32),
    /// Smaller than 92 bytes or bigger than a block.
    #[error("header size {0} is not possible")]
    HeaderSize(u32),
    /// The header's own checksum does not fit.
    #[error("header checksum does not match")]
    HeaderChecksum,
    /// The header says that it stands elsewhere.
    #[error("header says it is block {}, but stands in block {}", .says.0, .at.0)]
    Misplaced {
        /// What it says.
        says: Lba,
        /// Where it was read.
        at: Lba,
    },
    /// Only entries of 128 bytes are supported.
    #[error("entries of {0} bytes are not supported, only 128")]
    EntrySize(u32),
    /// Only up to 128 entries are supported.
    #[error("{0} entries are not supported, at most 128")]
    EntryCount(u32),
    /// The entry array or the usable range does not fit onto the disk or into each other.
    #[error("entry array at block {} and first usable block {} do not fit this disk", .entries.0, .first_usable.0)]
    Layout {
        /// Where the header puts the entries.
        entries: Lba,
        /// Its first usable block.
        first_usable: Lba,
    },
    /// The checksum over the entries does not fit.
    #[error("checksum of the entries does not match")]
    EntriesChecksum,
}

/// The fields that vary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) my_lba: Lba,
    pub(super) alternate_lba: Lba,
    pub(super) first_usable: Lba,
    pub(super) last_usable: Lba,
    pub(super) disk_guid: Guid,
    pub(super) entries_lba: Lba,
    pub(super) entry_count: u32,
    pub(super) entries_crc: u32,
    /// Whether bytes are set that a rewrite would drop: reserved ones, or a header longer than 92.
    pub(super) has_reserved: bool,
}

impl Header {
    /// Checks everything that the block itself can tell. `Ok(None)` means there is no header here at all.
    pub(super) fn decode(block: &[u8], at: Lba) -> Result<Option<Self>, Damage> {
        if !block.starts_with(SIGNATURE) {
            return Ok(None);
        }
        let u32_at = |at| u32::from_le_bytes(array(block, at));
        let lba_at = |at| Lba(u64::from_le_bytes(array(block, at)));
        let declared = u32_at(12);
        let size = usize::try_from(declared)
            .ok()
            .filter(|size| (SIZE..=block.len()).contains(size))
            .ok_or(Damage::HeaderSize(declared))?;
        if u32_at(16) != checksum(&block[..size]) {
            return Err(Damage::HeaderChecksum);
        }
        if u32_at(8) != REVISION {
            return Err(Damage::Revision(u32_at(8)));
        }
        if lba_at(24) != at {
            return Err(Damage::Misplaced {
                says: lba_at(24),
                at,
            });
        }
        if u32_at(84) as usize != ENTRY_SIZE {
            return Err(Damage::EntrySize(u32_at(84)));
        }
        if u32_at(80) > ENTRY_COUNT {
            return Err(Damage::EntryCount(u32_at(80)));
        }
        Ok(Some(Self {
            my_lba: at,
            alternate_lba: lba_at(32),
            first_usable: lba_at(40),
            last_usable: lba_at(48),
            disk_guid: Guid::from_gpt_bytes(array(block, 56)),
            entries_lba: lba_at(72),
            entry_count: u32_at(80),
            entries_crc: u32_at(88),
            has_reserved: block[20..24].iter().chain(&block[SIZE..]).any(|b| *b != 0),
        }))
    }

    /// One whole block.
    pub(super) fn encode(&self, block: BlockSize) -> Vec<u8> {
        let mut out = vec![0; block.bytes().to_usize()];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, SIGNATURE);
        put(8, &REVISION.to_le_bytes());
        put(12, &92u32.to_le_bytes());
        put(24, &self.my_lba.0.to_le_bytes());
        put(32, &self.alternate_lba.0.to_le_bytes());
        put(40, &self.first_usable.0.to_le_bytes());
        put(48, &self.last_usable.0.to_le_bytes());
        put(56, &self.disk_guid.to_gpt_bytes());
        put(72, &self.entries_lba.0.to_le_bytes());
        put(80, &self.entry_count.to_le_bytes());
        put(84, &128u32.to_le_bytes());
        put(88, &self.entries_crc.to_le_bytes());
        let crc = checksum(&out[..SIZE]);
        out[16..20].copy_from_slice(&crc.to_le_bytes());
        out
    }
}

/// Puts the right checksum into a header that was sound before its fields were changed.
pub(super) fn seal(block: &mut [u8]) {
    let size = u32::from_le_bytes(array(block, 12)) as usize;
    let crc = checksum(&block[..size]);
    block[16..20].copy_from_slice(&crc.to_le_bytes());
}

/// CRC-32 over a header with its checksum field taken as zero.
fn checksum(header: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&header[..16]);
    crc.update(&[0; 4]);
    crc.update(&header[20..]);
    crc.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Header {
        Header {
            my_lba: Lba(1),
            alternate_lba: Lba(99),
            first_usable: Lba(34),
            last_usable: Lba(66),
            disk_guid: Guid::LINUX_DATA,
            entries_lba: Lba(2),
            entry_count: 128,
            entries_crc: 7,
            has_reserved: false,
        }
    }

    #[test]
    fn a_header_survives_its_block() {
        for size in [BlockSize::B512, BlockSize::B4096] {
            let block = sample().encode(size);
            assert_eq!(block.len(), size.bytes().to_usize());
            assert_eq!(Header::decode(&block, Lba(1)), Ok(Some(sample())));
        }
    }

    #[test]
    fn each_thing_that_is_not_supported_is_named() {
        let cases: [(usize, u32, Damage); 5] = [
            (8, 0x0002_0000, Damage::Revision(0x0002_0000)),
            (12, 91, Damage::HeaderSize(91)),
            (12, 513, Damage::HeaderSize(513)),
            (84, 256, Damage::EntrySize(256)),
            (80, 129, Damage::EntryCount(129)),
        ];
        for (at, value, damage) in cases {
            let mut block = sample().encode(BlockSize::B512);
            block[at..at + 4].copy_from_slice(&value.to_le_bytes());
            let crc = checksum(&block[..SIZE]);
            block[16..20].copy_from_slice(&crc.to_le_bytes());
            assert_eq!(Header::decode(&block, Lba(1)), Err(damage));
        }
        let block = sample().encode(BlockSize::B512);
        assert_eq!(
            Header::decode(&block, Lba(99)),
            Err(Damage::Misplaced {
                says: Lba(1),
                at: Lba(99)
            })
        );
    }

    #[test]
    fn a_block_without_the_signature_holds_no_header() {
        assert_eq!(Header::decode(&[0; 512], Lba(1)), Ok(None));
        assert_eq!(Header::decode(&[], Lba(1)), Ok(None));
    }
}
