//! Why a block device cannot be used, each reason with the device it is about.

use std::io;
use std::path::PathBuf;

use crate::units::UnsupportedBlockSize;

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It could not be opened.
    #[error("cannot open {path}")]
    Open {
        /// The device node.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Somebody holds it: a mount, swap, device mapper, another run.
    #[error("{0} is in use: something holds it or a partition of it")]
    Busy(PathBuf),
    /// Somebody has the lock that udev and partitioning tools use.
    #[error("{0} is locked by another program that works on it")]
    Locked(PathBuf),
    /// Nobody holds the disk, but a program reads or writes a partition that the plan replaces.
    #[error("a partition of {0} is open in another program")]
    PartitionOpen(PathBuf),
    /// It cannot be asked for its size and the like.
    #[error("cannot tell the size of {path}")]
    Geometry {
        /// The device node.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Neither 512 nor 4096.
    #[error("{path} cannot be used")]
    BlockSize {
        /// The device node.
        path: PathBuf,
        /// Its block size.
        #[source]
        source: UnsupportedBlockSize,
    },
    /// Another disk has its name now.
    #[error(
        "{path} is not the disk it was when planned (disk sequence number {planned}, now {found})"
    )]
    Replaced {
        /// The device node.
        path: PathBuf,
        /// In the plan.
        planned: u64,
        /// Now.
        found: u64,
    },
    /// Write-protected.
    #[error("{0} is write-protected")]
    ReadOnly(PathBuf),
}
