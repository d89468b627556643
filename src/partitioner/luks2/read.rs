//! What stands in a partition: both copies of a header, each with its state.

use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

use super::Luks2Error;
use super::header::{BINARY, Copy, Damage, Header, SIZES, Start, start};

/// One copy of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyState {
    /// Checksum and rules hold.
    Valid(Box<Header>),
    /// The magic is there, but the copy cannot be used.
    Damaged(Damage),
    /// LUKS of another version; 1 is LUKS1.
    Version(u16),
    /// No magic.
    Absent,
}

impl CopyState {
    /// The header, if it can be used.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Valid(header) => Some(header),
            Self::Damaged(_) | Self::Version(_) | Self::Absent => None,
        }
    }
}

/// All that a partition says about LUKS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The copy at the start.
    pub primary: CopyState,
    /// The copy behind the primary; if the primary does not tell its size, the first valid one at any place where it
    /// can be, else the first damaged one.
    pub secondary: CopyState,
}

impl Found {
    /// The header that counts: of the valid copies the newer, the primary if both are as new.
    pub fn header(&self) -> Option<&Header> {
        match (self.primary.header(), self.secondary.header()) {
            (Some(primary), Some(secondary)) if secondary.seqid > primary.seqid => Some(secondary),
            (Some(primary), _) => Some(primary),
            (None, secondary) => secondary,
        }
    }

    /// Whether there is no magic anywhere. A volume with both copies damaged is not absent.
    pub fn is_absent(&self) -> bool {
        self.primary == CopyState::Absent && self.secondary == CopyState::Absent
    }

    /// Whether it is LUKS1.
    pub fn is_luks1(&self) -> bool {
        self.primary == CopyState::Version(1)
    }
}

/// Reads both copies of the header of the partition `at`.
///
/// # Errors
/// Only [`Luks2Error::Io`]: whatever the bytes are, they give a [`Found`].
pub fn read(source: &dyn BlockSource, at: Extent) -> Result<Found, Luks2Error> {
    let (primary, size) = read_copy(source, at, Bytes::ZERO, Copy::Primary)?;
    if let Some(size) = size
        && primary.header().is_some()
    {
        let (secondary, _) = read_copy(source, at, size, Copy::Secondary)?;
        return Ok(Found { primary, secondary });
    }
    let mut secondary = CopyState::Absent;
    for place in SIZES {
        let (state, _) = read_copy(source, at, place, Copy::Secondary)?;
        match state {
            CopyState::Valid(_) => {
                secondary = state;
                break;
            }
            CopyState::Absent => {}
            CopyState::Damaged(_) | CopyState::Version(_) => {
                if secondary == CopyState::Absent {
                    secondary = state;
                }
            }
        }
    }
    Ok(Found { primary, secondary })
}

/// One copy, and the size that it claims.
fn read_copy(
    source: &dyn BlockSource,
    partition: Extent,
    place: Bytes,
    copy: Copy,
) -> Result<(CopyState, Option<Bytes>), Luks2Error> {
    let Some(extent) = within(partition, place, Bytes::from(BINARY)) else {
        return Ok((CopyState::Absent, None));
    };
    let size = match start(&read_extent(source, extent)?, copy) {
        Start::Absent => return Ok((CopyState::Absent, None)),
        Start::Version(version) => return Ok((CopyState::Version(version), None)),
        Start::Damaged(damage) => return Ok((CopyState::Damaged(damage), None)),
        Start::Sized(size) => size,
    };
    let Some(extent) = within(partition, place, size) else {
        return Ok((CopyState::Damaged(Damage::Truncated), Some(size)));
    };
    let state = match Header::decode(&read_extent(source, extent)?, place) {
        Ok(header) => CopyState::Valid(Box::new(header)),
        Err(damage) => CopyState::Damaged(damage),
    };
    Ok((state, Some(size)))
}

/// `len` bytes at `place` of the partition, as a part of the disk; `None` if the partition is too small.
pub(super) fn within(partition: Extent, place: Bytes, len: Bytes) -> Option<Extent> {
    let start = partition.start.checked_add(place)?;
    let extent = Extent::new(start, len);
    (start.checked_add(len)? <= partition.end()).then_some(extent)
}

pub(super) fn read_extent(source: &dyn BlockSource, extent: Extent) -> Result<Vec<u8>, Luks2Error> {
    source
        .read_extent(extent)
        .map_err(|source| Luks2Error::Io { extent, source })
}
