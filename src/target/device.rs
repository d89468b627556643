//! A block device as a disk: claimed for us alone, locked as udev honours it, and checked to be the planned one.
#![expect(clippy::disallowed_types, reason = "this module owns block devices")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};

use super::{BlockSource, BlockTarget, inside, write_zeros};
use crate::sys::block;
use crate::units::{BlockSize, Bytes, Extent, Geometry, UnsupportedBlockSize};

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

/// An open block device. Dropping it releases claim and lock.
#[derive(Debug)]
pub struct BlockDevice {
    file: Flock<File>,
    geometry: Geometry,
}

impl BlockDevice {
    /// Opens for writing, with an exclusive claim (`O_EXCL`) and an exclusive lock.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn open(path: &Path, diskseq: Option<u64>) -> Result<Self, DeviceError> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .custom_flags(nix::libc::O_EXCL | nix::libc::O_CLOEXEC);
        let file = options
            .open(path)
            .map_err(|source| match source.raw_os_error() {
                Some(nix::libc::EBUSY) => DeviceError::Busy(path.to_owned()),
                Some(nix::libc::EROFS) => DeviceError::ReadOnly(path.to_owned()),
                _ => DeviceError::Open {
                    path: path.to_owned(),
                    source,
                },
            })?;
        if block::read_only(&file).unwrap_or(false) {
            return Err(DeviceError::ReadOnly(path.to_owned()));
        }
        // The name may belong to another disk by now; the number may not.
        if let (Some(planned), Ok(found)) = (diskseq, block::diskseq(&file))
            && planned != found
        {
            return Err(DeviceError::Replaced {
                path: path.to_owned(),
                planned,
                found,
            });
        }
        Self::locked(path, file, FlockArg::LockExclusiveNonblock)
    }

    /// The same for a disk that somebody else has just laid out: whoever looks at its new partitions holds it for a
    /// moment. Waits for at most `patience`.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn open_when_free(
        path: &Path,
        diskseq: Option<u64>,
        patience: Duration,
    ) -> Result<Self, DeviceError> {
        // Short at first: who comes second finds the disk held for longer.
        let mut pause = Duration::from_millis(2);
        let mut waited = Duration::ZERO;
        loop {
            match Self::open(path, diskseq) {
                Err(DeviceError::Busy(_) | DeviceError::Locked(_)) if waited < patience => {
                    sleep(pause);
                    waited += pause;
                    if waited > Duration::from_secs(1) {
                        pause = Duration::from_millis(100);
                    }
                }
                result => return result,
            }
        }
    }

    /// Opens for reading, with a shared lock.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub fn open_read_only(path: &Path) -> Result<Self, DeviceError> {
        let file = File::open(path).map_err(|source| DeviceError::Open {
            path: path.to_owned(),
            source,
        })?;
        Self::locked(path, file, FlockArg::LockSharedNonblock)
    }

    fn locked(path: &Path, file: File, lock: FlockArg) -> Result<Self, DeviceError> {
        let geometry = |source| DeviceError::Geometry {
            path: path.to_owned(),
            source,
        };
        let size = block::size(&file).map_err(geometry)?;
        let logical = block::logical_block_size(&file).map_err(geometry)?;
        let logical = BlockSize::try_from(logical);
        let logical = logical.map_err(|source| DeviceError::BlockSize {
            path: path.to_owned(),
            source,
        })?;
        let physical = block::physical_block_size(&file)
            .unwrap_or(logical.get())
            .max(logical.get());
        let file = Flock::lock(file, lock).map_err(|_| DeviceError::Locked(path.to_owned()))?;
        Ok(Self {
            file,
            geometry: Geometry {
                size,
                logical,
                physical,
            },
        })
    }
}

impl BlockSource for BlockDevice {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        // A disk that was pulled out reads as an end of file.
        self.file.read_exact_at(buf, at.get())
    }
}

impl BlockTarget for BlockDevice {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        self.file
            .write_all_at(buf, at.get())
            .map_err(|error| match error.kind() {
                // The range is on the disk, so there is no such thing as a full one: it is gone.
                io::ErrorKind::StorageFull => {
                    io::Error::new(io::ErrorKind::NotConnected, "the disk is gone")
                }
                _ => error,
            })
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        inside(self.geometry, extent)?;
        if extent.is_empty() {
            return Ok(());
        }
        match block::zero_out(&*self.file, extent) {
            Ok(()) => Ok(()),
            Err(_) => write_zeros(self, extent),
        }
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        inside(self.geometry, extent)?;
        block::discard(&*self.file, extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        // Writes the pages and flushes the disk's own cache.
        self.file.sync_all()
    }

    fn publish(&mut self) -> io::Result<()> {
        // udev may hold a partition open for a moment after the last change.
        let mut tries = 10;
        loop {
            match block::reread_partitions(&*self.file) {
                // A loop device without partition scanning has no partitions to read.
                Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => return Ok(()),
                Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) && tries > 0 => {
                    tries -= 1;
                    sleep(Duration::from_millis(100));
                }
                result => return result,
            }
        }
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        block::drop_cache(&*self.file)
    }
}
