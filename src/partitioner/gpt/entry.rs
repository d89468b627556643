//! One partition entry: 128 bytes. Owns its fields and the name's rules; knows nothing of other entries.
//!
//! Spec: UEFI 2.10, table 5.6.

use std::fmt;
use std::str::FromStr;

use crate::guid::Guid;
use crate::units::{BlockSize, Extent, Lba};

/// Bytes of one entry. Tables with bigger entries are refused by name.
pub(super) const ENTRY_SIZE: usize = 128;
const NAME_UNITS: usize = 36;

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What is in it; never zero.
    pub type_guid: Guid,
    /// Its own identity.
    pub guid: Guid,
    /// First block.
    pub first: Lba,
    /// Last block, inclusive. May lie before `first` in a table that was read.
    pub last: Lba,
    /// Attribute bits: 0 required, 1 no block I/O, 2 legacy BIOS bootable, 48 to 63 per type.
    pub attributes: u64,
    /// Its name, which Talos calls the partition label.
    pub name: Name,
}

impl Entry {
    /// The bytes it covers; `None` where the blocks make no sense (ends before it starts, past 2⁶⁴).
    pub fn extent(&self, block: BlockSize) -> Option<Extent> {
        let start = self.first.to_bytes(block)?;
        let end = Lba(self.last.0.checked_add(1)?).to_bytes(block)?;
        (end > start).then(|| Extent::between(start, end))
    }

    /// The entry for a type GUID other than zero, or `None` for an unused entry.
    pub(super) fn decode(bytes: &[u8; ENTRY_SIZE]) -> Option<Self> {
        let type_guid = Guid::from_gpt_bytes(array(bytes, 0));
        if type_guid == Guid::NIL {
            return None;
        }
        let mut units = [0; NAME_UNITS];
        for (unit, pair) in units.iter_mut().zip(bytes[56..].chunks_exact(2)) {
            *unit = u16::from_le_bytes([pair[0], pair[1]]);
        }
        Some(Self {
            type_guid,
            guid: Guid::from_gpt_bytes(array(bytes, 16)),
            first: Lba(u64::from_le_bytes(array(bytes, 32))),
            last: Lba(u64::from_le_bytes(array(bytes, 40))),
            attributes: u64::from_le_bytes(array(bytes, 48)),
            name: Name(units),
        })
    }

    pub(super) fn encode(&self) -> [u8; ENTRY_SIZE] {
        let mut bytes = [0; ENTRY_SIZE];
        bytes[..16].copy_from_slice(&self.type_guid.to_gpt_bytes());
        bytes[16..32].copy_from_slice(&self.guid.to_gpt_bytes());
        bytes[32..40].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.last.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.attributes.to_le_bytes());
        for (pair, unit) in bytes[56..].chunks_exact_mut(2).zip(self.name.0) {
            pair.copy_from_slice(&unit.to_le_bytes());
        }
        bytes
    }
}

/// `N` bytes at `at` of a block whose length is fixed.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// A partition name: up to 36 UTF-16 units, as they stand on disk.
///
/// A name that was read is kept unit for unit, even one that is not valid UTF-16, so that writing the table
/// again changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name([u16; NAME_UNITS]);

/// A text that cannot be a partition name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Longer than the field; never cut, since Talos finds a partition by its whole name.
    #[error("the partition name {name:?} has {units} UTF-16 units, more than 36")]
    TooLong {
        /// The name.
        name: String,
        /// Its length.
        units: usize,
    },
    /// A NUL ends the name on disk.
    #[error("the partition name {0:?} contains a NUL")]
    Nul(String),
}

impl Name {
    /// No name.
    pub const EMPTY: Self = Self([0; NAME_UNITS]);

    /// Whether the name, up to the first NUL, is exactly `text`.
    pub fn is(&self, text: &str) -> bool {
        self.units().iter().copied().eq(text.encode_utf16())
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.units().is_empty()
    }

    fn units(&self) -> &[u16] {
        let len = self.0.iter().position(|unit| *unit == 0);
        &self.0[..len.unwrap_or(NAME_UNITS)]
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let count = text.encode_utf16().count();
        if count > NAME_UNITS {
            return Err(NameError::TooLong {
                name: text.to_owned(),
                units: count,
            });
        }
        if text.contains('\0') {
            return Err(NameError::Nul(text.to_owned()));
        }
        let mut units = [0; NAME_UNITS];
        for (unit, source) in units.iter_mut().zip(text.encode_utf16()) {
            *unit = source;
        }
        Ok(Self(units))
    }
}

impl fmt::Display for Name {
    /// Up to the first NUL; what is not UTF-16 shows as U+FFFD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf16_lossy(self.units()))
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    #[test]
    fn a_name_of_36_units_is_kept_and_a_longer_one_is_refused_not_cut() {
        let longest = "n".repeat(36);
        assert_eq!(longest.parse::<Name>().unwrap().to_string(), longest);
        // 35 letters and one character of two units.
        let surrogates = format!("{}💾", "n".repeat(35));
        for text in ["n".repeat(37), surrogates] {
            let error = text.parse::<Name>().unwrap_err();
            assert!(
                matches!(error, NameError::TooLong { units: 37, .. }),
                "{error}"
            );
        }
        assert!("a\0b".parse::<Name>().is_err());
    }

    #[test]
    fn a_name_matches_only_the_whole_text() {
        let name: Name = "STATE".parse().unwrap();
        assert!(name.is("STATE"));
        assert!(!name.is("STAT") && !name.is("STATE2") && !name.is("state"));
        assert!(Name::EMPTY.is("") && Name::EMPTY.is_empty());
    }

    #[test]
    fn an_entry_keeps_every_bit_of_a_name_that_is_not_utf16() {
        let mut bytes = [0xD8; ENTRY_SIZE];
        bytes[60] = 0;
        bytes[61] = 0;
        let entry = Entry::decode(&bytes).unwrap();
        assert_eq!(entry.encode(), bytes);
        assert_eq!(entry.name.to_string(), "\u{FFFD}\u{FFFD}");
    }

    #[test]
    fn blocks_that_make_no_sense_have_no_extent() {
        let mut entry = Entry::decode(&[1; ENTRY_SIZE]).unwrap();
        for (first, last) in [(10, 8), (0, u64::MAX), (u64::MAX / 2, u64::MAX - 1)] {
            entry.first = Lba(first);
            entry.last = Lba(last);
            assert_eq!(entry.extent(BlockSize::B512), None, "{first}..={last}");
        }
        entry.first = Lba(2048);
        entry.last = Lba(2048);
        assert_eq!(
            entry.extent(BlockSize::B512),
            Some(Extent::new(Bytes::MIB, Bytes::new(512)))
        );
    }
}
