//! GUID partition tables: bytes to types and back.
//!
//! Owns the table as a value ([`Gpt`]), its two copies on a disk ([`Encoded`], [`read`]) and the protective MBR.
//! Never writes: the order in which the encoded regions reach a disk is the caller's, see [`Encoded`].
//! Spec: UEFI 2.10, chapter 5; the conventions for new tables (alignment, usable range) are those of
//! Talos' go-blockdevice.
//!
//! Own code, because the format is small and the crates at hand renumber partitions, cut names or give no
//! hold on the order of writes. The `gpt` and `gptman` crates, sgdisk, sfdisk, parted and blkid judge the result.

mod defect;
mod encode;
mod entry;
mod header;
mod mbr;
pub mod raw;
mod read;
mod table;

use std::io;

use crate::guid::Guid;
use crate::units::{Bytes, Extent, Lba};

pub use defect::{CopyDefect, Defect};
pub use encode::Encoded;
pub use entry::{Entry, Name, NameError};
pub use header::Damage;
pub use mbr::{MbrState, protective_mbr};
pub use read::{CopyState, Found, read};
pub use table::{ALIGNMENT, ENTRY_COUNT, Gpt};

/// Why a table could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum GptError {
    /// The device gave an error.
    #[error("reading {extent} of the disk for its partition table")]
    Io {
        /// What was to be read.
        extent: Extent,
        /// The device's error.
        #[source]
        source: io::Error,
    },
    /// The disk has no room for a table and one aligned block.
    #[error("a disk of {0} is too small for a partition table")]
    DiskTooSmall(Bytes),
    /// Partition numbers go from 1 to 128.
    #[error("partition number {0} is not in 1..=128")]
    NumberOutOfRange(u32),
    /// The entry is in use.
    #[error("partition number {0} is already in use")]
    NumberTaken(u32),
    /// The entry is not in use.
    #[error("there is no partition {0}")]
    NoSuchPartition(u32),
    /// A type or a unique GUID of zero means "unused" and cannot name a partition.
    #[error("partition {0} has a type or unique GUID of zero")]
    NilGuid(u32),
    /// Ends before it starts, or leaves the usable range.
    #[error("blocks {}..={} are not within the usable blocks {}..={}", .first.0, .last.0, .usable.0.0, .usable.1.0)]
    OutOfRange {
        /// First block asked for.
        first: Lba,
        /// Last block asked for.
        last: Lba,
        /// First and last usable block.
        usable: (Lba, Lba),
    },
    /// Shares blocks with another partition.
    #[error("blocks {}..={} overlap partition {other}", .first.0, .last.0)]
    Overlap {
        /// First block asked for.
        first: Lba,
        /// Last block asked for.
        last: Lba,
        /// The partition that holds some of them.
        other: u32,
    },
    /// Another partition has this unique GUID.
    #[error("partition {other} already has the GUID {guid}")]
    DuplicateGuid {
        /// The GUID.
        guid: Guid,
        /// The partition that has it.
        other: u32,
    },
}
