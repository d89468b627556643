//! Sizes and places on a disk. Units live in the types, never in names; arithmetic is checked.
//!
//! A [`Bytes`] is both a length and an absolute offset; an [`Extent`] is a half-open range of them.
//! [`Lba`] only means something together with a [`BlockSize`].

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number of bytes, or an absolute byte offset.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Bytes(u64);

impl Bytes {
    /// No bytes; the start of a disk.
    pub const ZERO: Self = Self(0);
    /// 1024 bytes.
    pub const KIB: Self = Self(1 << 10);
    /// 1024 KiB.
    pub const MIB: Self = Self(1 << 20);
    /// 1024 MiB.
    pub const GIB: Self = Self(1 << 30);

    /// Wraps a plain count of bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// `n` mebibytes.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// The plain count.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether it is none.
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The count as an index into memory. Only for lengths that were bounded before.
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).expect("a length that was bounded to what fits into memory")
    }

    /// Sum, or `None` past 2⁶⁴.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, or `None` below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Difference, or zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The next multiple of `unit` at or above `self`; `None` past 2⁶⁴ or for a zero unit.
    pub const fn align_up(self, unit: Self) -> Option<Self> {
        match self.0.checked_next_multiple_of(unit.0) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// The last multiple of `unit` at or below `self`.
    pub const fn align_down(self, unit: Self) -> Self {
        Self(self.0 / unit.0 * unit.0)
    }

    /// Whether `self` is a multiple of `unit`.
    pub const fn is_multiple_of(self, unit: Self) -> bool {
        self.0.is_multiple_of(unit.0)
    }
}

impl From<usize> for Bytes {
    fn from(len: usize) -> Self {
        Self(len as u64)
    }
}

impl fmt::Display for Bytes {
    /// Binary units with one decimal where it is not whole: `100 MiB`, `233.8 GiB`, `512 B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let mut unit = 0;
        while unit + 1 < UNITS.len() && self.0 >> (10 * (unit + 1)) != 0 {
            unit += 1;
        }
        let whole = self.0 >> (10 * unit);
        let text = if self.0 == whole << (10 * unit) {
            format!("{whole} {}", UNITS[unit])
        } else {
            let tenths = u128::from(self.0) * 10 / (1u128 << (10 * unit));
            format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
        };
        f.pad(&text)
    }
}

/// Logical block size of a disk: 512 or 4096 bytes, the two that Talos and GPT tools meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(try_from = "u32", into = "u32")]
pub enum BlockSize {
    /// 512 bytes.
    B512,
    /// 4096 bytes ("4Kn").
    B4096,
}

/// A block size that is neither 512 nor 4096.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("logical block size {0} is not supported: only 512 and 4096 are")]
pub struct UnsupportedBlockSize(pub u32);

impl BlockSize {
    /// The size in bytes.
    pub const fn bytes(self) -> Bytes {
        Bytes::new(self.get() as u64)
    }

    /// The plain number: 512 or 4096.
    pub const fn get(self) -> u32 {
        match self {
            Self::B512 => 512,
            Self::B4096 => 4096,
        }
    }
}

impl TryFrom<u32> for BlockSize {
    type Error = UnsupportedBlockSize;

    fn try_from(size: u32) -> Result<Self, UnsupportedBlockSize> {
        match size {
            512 => Ok(Self::B512),
            4096 => Ok(Self::B4096),
            other => Err(UnsupportedBlockSize(other)),
        }
    }
}

impl From<BlockSize> for u32 {
    fn from(size: BlockSize) -> Self {
        size.get()
    }
}

/// A logical block address.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Lba(pub u64);

impl Lba {
    /// The byte offset of this block; `None` past 2⁶⁴.
    pub const fn to_bytes(self, block: BlockSize) -> Option<Bytes> {
        match self.0.checked_mul(block.get() as u64) {
            Some(bytes) => Some(Bytes::new(bytes)),
            None => None,
        }
    }
}

/// A half-open range of bytes, `start..start + len`, that never wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Extent {
    /// First byte.
    pub start: Bytes,
    /// Length; may be zero.
    pub len: Bytes,
}

impl Extent {
    /// The range of `len` bytes from `start`.
    pub const fn new(start: Bytes, len: Bytes) -> Self {
        Self { start, len }
    }

    /// The range from `start` up to, not including, `end`; empty if `end` is not beyond `start`.
    pub const fn between(start: Bytes, end: Bytes) -> Self {
        Self {
            start,
            len: end.saturating_sub(start),
        }
    }

    /// The byte after the last one.
    pub const fn end(self) -> Bytes {
        Bytes::new(self.start.get().saturating_add(self.len.get()))
    }

    /// Whether it holds no byte.
    pub const fn is_empty(self) -> bool {
        self.len.get() == 0
    }

    /// Whether the two share a byte.
    pub fn overlaps(self, other: Self) -> bool {
        !self.is_empty()
            && !other.is_empty()
            && self.start < other.end()
            && other.start < self.end()
    }

    /// Whether every byte of `other` is in `self`.
    pub fn contains(self, other: Self) -> bool {
        other.is_empty() || (self.start <= other.start && other.end() <= self.end())
    }

    /// The same bytes as `extents`, in order, without empty ranges, overlaps or neighbours that touch.
    pub fn merged(mut extents: Vec<Self>) -> Vec<Self> {
        extents.retain(|extent| !extent.is_empty());
        extents.sort();
        let mut merged: Vec<Self> = Vec::new();
        for extent in extents {
            match merged.last_mut() {
                Some(last) if extent.start <= last.end() => {
                    *last = Self::between(last.start, last.end().max(extent.end()));
                }
                _ => merged.push(extent),
            }
        }
        merged
    }

    /// The bytes that both share, if any.
    pub fn intersection(self, other: Self) -> Option<Self> {
        let both = Self::between(self.start.max(other.start), self.end().min(other.end()));
        (!both.is_empty()).then_some(both)
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.len, self.start.get())
    }
}

/// Size and block sizes of a disk or image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Geometry {
    /// Bytes in all; a multiple of the logical block size.
    pub size: Bytes,
    /// What one LBA counts.
    pub logical: BlockSize,
    /// What the medium writes at once, in bytes (512 to 65536); only a hint.
    pub physical: u32,
}

impl Geometry {
    /// The whole disk.
    pub const fn whole(self) -> Extent {
        Extent::new(Bytes::ZERO, self.size)
    }

    /// How many logical blocks there are.
    pub const fn blocks(self) -> u64 {
        self.size.get() / self.logical.get() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_print_in_binary_units_with_one_decimal() {
        for (bytes, text) in [
            (0, "0 B"),
            (512, "512 B"),
            (104_857_600, "100 MiB"),
            (251_000_193_024, "233.7 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(Bytes::new(bytes).to_string(), text);
        }
    }

    #[test]
    fn extents_that_only_touch_do_not_overlap() {
        let a = Extent::new(Bytes::new(0), Bytes::new(10));
        let b = Extent::new(Bytes::new(10), Bytes::new(10));
        assert!(!a.overlaps(b));
        assert!(a.overlaps(Extent::new(Bytes::new(9), Bytes::new(1))));
        assert!(!a.overlaps(Extent::new(Bytes::new(5), Bytes::ZERO)));
    }

    #[test]
    fn ranges_that_overlap_or_touch_become_one() {
        let at = |start, len| Extent::new(Bytes::new(start), Bytes::new(len));
        let merged = Extent::merged(vec![
            at(30, 5),
            at(0, 10),
            at(5, 20),
            at(25, 5),
            at(50, 0),
            at(40, 1),
        ]);
        assert_eq!(merged, [at(0, 35), at(40, 1)]);
    }

    #[test]
    fn alignment_never_wraps() {
        assert_eq!(Bytes::new(u64::MAX).align_up(Bytes::MIB), None);
        assert_eq!(Bytes::new(1).align_up(Bytes::MIB), Some(Bytes::MIB));
        assert_eq!(Bytes::new((1 << 20) + 1).align_down(Bytes::MIB), Bytes::MIB);
    }

    #[test]
    fn only_512_and_4096_are_block_sizes() {
        assert_eq!(BlockSize::try_from(4096), Ok(BlockSize::B4096));
        assert_eq!(BlockSize::try_from(520), Err(UnsupportedBlockSize(520)));
    }
}
