//! A block device as a disk: claimed for us alone, locked as udev honours it, and checked to be the planned one.
//!
//! The lock (`flock` on the node of the whole disk) is the one that udev and partitioning tools respect; it is held
//! until the device is dropped. Publishing asks the kernel to read the table again; where a partition is open and it
//! refuses, it is told of exactly the partitions that differ.
#![expect(clippy::disallowed_types, reason = "this module owns block devices")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{major, minor};

use super::partitions::{self, Change, Slot};
use super::sysfs::SysDisk;
use super::{BlockSource, BlockTarget, Unplugged, inside, nodes, write_zeros};
use crate::partitioner::gpt;
use crate::root::Root;
use crate::sys::block;
use crate::units::{BlockSize, Bytes, Extent, Geometry};

mod error;
mod unmap;

pub use error::DeviceError;

/// How often something that may pass is tried again (a lock, an open partition), and how long is waited in between.
/// udev takes a few hundred milliseconds for a disk; Talos waits ten seconds for the same lock.
const LOCK_TRIES: u32 = 100;
const BUSY_TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// The most that is discarded at once, so that an unplugged disk is noticed in between.
const DISCARD_PIECE: Bytes = Bytes::new(4 << 30);

/// An open block device. Dropping it releases claim and lock.
#[derive(Debug)]
pub struct BlockDevice {
    file: Flock<File>,
    geometry: Geometry,
    sysfs: SysDisk,
    diskseq: Option<u64>,
    /// Whether the kernel looks for partitions on it; a loop device may be told not to.
    scanned: bool,
}

impl BlockDevice {
    /// Opens for writing, with an exclusive claim (`O_EXCL`) and an exclusive lock. A lock that another program
    /// holds is waited for, ten seconds at most.
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
        let device = Self::locked(path, file, FlockArg::LockExclusiveNonblock)?;
        device.remark(path);
        Ok(device)
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

    fn locked(path: &Path, file: File, kind: FlockArg) -> Result<Self, DeviceError> {
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
        let node = file.metadata().map_err(geometry)?.rdev();
        let diskseq = block::diskseq(&file).ok();
        let file = lock(path, file, kind)?;
        Ok(Self {
            file,
            geometry: Geometry {
                size,
                logical,
                physical,
            },
            sysfs: SysDisk::new(Root::live(), (major(node), minor(node))),
            diskseq,
            scanned: true,
        })
    }

    /// What explains how long the work on this disk takes; nothing is decided by it.
    fn remark(&self, path: &Path) {
        let queue = |attribute| self.sysfs.queue(attribute).unwrap_or_default();
        tracing::debug!(
            disk = %path.display(),
            write_cache = queue("write_cache"),
            discard_max_bytes = queue("discard_max_bytes"),
            write_zeroes_max_bytes = queue("write_zeroes_max_bytes"),
            "the disk is open and locked"
        );
    }

    /// Makes sure that the kernel will be able to give all its partitions up: none of them is open.
    ///
    /// # Errors
    /// [`DeviceError::PartitionOpen`] if one stays open for two seconds.
    pub fn check_partitions_free(&self, path: &Path) -> Result<(), DeviceError> {
        match self.reread() {
            Err(error) if is_busy(&error) => Err(DeviceError::PartitionOpen(path.to_owned())),
            // Whatever else it is, the first read or write meets it and names it.
            _ => Ok(()),
        }
    }

    /// Has the kernel read the table again; udev may hold a partition open for a moment after the last change.
    fn reread(&self) -> io::Result<()> {
        let mut tries = BUSY_TRIES;
        loop {
            match block::reread_partitions(&*self.file) {
                Err(error) if is_busy(&error) && tries > 0 => {
                    tries -= 1;
                    sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Tells the kernel of the partitions that differ from the table on the disk; those that are open and stay as
    /// they are do not matter.
    fn bring_in_line(&self, why: &str) -> io::Result<()> {
        let found = gpt::read(self).map_err(io::Error::other)?;
        let wanted = found.table().map(partitions::of_table).unwrap_or_default();
        let changes = partitions::changes(&self.slots()?, &wanted);
        if !changes.is_empty() {
            let count = changes.len();
            tracing::info!("telling the kernel of {count} changed partitions, because {why}");
        }
        changes.into_iter().try_for_each(|change| self.tell(change))
    }

    fn tell(&self, change: Change) -> io::Result<()> {
        let file = &*self.file;
        let mut tries = BUSY_TRIES;
        loop {
            let told = match change {
                Change::Remove(number) => block::remove_partition(file, number),
                Change::Resize(slot) => block::resize_partition(file, slot.number, slot.extent),
                Change::Add(slot) => block::add_partition(file, slot.number, slot.extent),
            };
            match told {
                Err(error) if is_busy(&error) && tries > 0 => {
                    tries -= 1;
                    sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    fn slots(&self) -> io::Result<Vec<Slot>> {
        let partitions = self.sysfs.partitions()?;
        Ok(partitions.iter().map(|partition| partition.slot).collect())
    }

    /// Whether the disk that was opened is no longer there. Reads of such a disk end early, writes find no room, and
    /// nothing says that it is gone.
    fn is_gone(&self) -> bool {
        let no_size = block::size(&*self.file).is_ok_and(|size| size == Bytes::ZERO);
        let no_entry = self.sysfs.exists().is_ok_and(|exists| !exists);
        let now = self.sysfs.diskseq();
        let another = self.diskseq.is_some() && now.is_some() && now != self.diskseq;
        no_size || no_entry || another
    }

    /// The same, with patience: the first error may come while the kernel is still taking the disk away.
    fn goes(&self) -> bool {
        (0..BUSY_TRIES).any(|look| {
            if look > 0 {
                sleep(PAUSE);
            }
            self.is_gone()
        })
    }

    /// The error as it is, or that the disk is gone.
    fn told<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            // The range was on the disk when it was opened, so there is no such thing as a full one.
            let full = error.kind() == io::ErrorKind::StorageFull;
            if full || (may_be_gone(&error) && self.goes()) {
                Unplugged.into()
            } else {
                error
            }
        })
    }
}

fn lock(path: &Path, mut file: File, kind: FlockArg) -> Result<Flock<File>, DeviceError> {
    let mut tries = LOCK_TRIES;
    loop {
        file = match Flock::lock(file, kind) {
            Ok(locked) => return Ok(locked),
            Err(_) if tries == 0 => return Err(DeviceError::Locked(path.to_owned())),
            Err((file, _)) => file,
        };
        if tries == LOCK_TRIES {
            tracing::info!(disk = %path.display(), "waiting for another program that has locked the disk");
        }
        tries -= 1;
        sleep(PAUSE);
    }
}

/// Whether this is how a disk fails that is no longer there; a request that it refuses is not.
fn may_be_gone(error: &io::Error) -> bool {
    let known = [
        nix::libc::EIO,
        nix::libc::ENXIO,
        nix::libc::ENODEV,
        nix::libc::EINVAL,
    ];
    let number = error.raw_os_error();
    number.is_none_or(|number| known.contains(&number))
}

fn is_busy(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::libc::EBUSY)
}

impl BlockSource for BlockDevice {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        self.told(self.file.read_exact_at(buf, at.get()))
    }
}

impl BlockTarget for BlockDevice {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        self.told(self.file.write_all_at(buf, at.get()))
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        inside(self.geometry, extent)?;
        if extent.is_empty() {
            return Ok(());
        }
        // The kernel writes zeros itself where the disk has no command for it. A disk that fails the command although
        // it announces it may still take zeros.
        match block::zero_out(&*self.file, extent) {
            Ok(()) => Ok(()),
            Err(_) if self.is_gone() => Err(Unplugged.into()),
            Err(_) => write_zeros(self, extent),
        }
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        inside(self.geometry, extent)?;
        // A disk without the feature has the attribute all the same, with 0.
        if self.sysfs.queue("discard_max_bytes").as_deref() == Some("0") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let mut at = extent.start;
        while at < extent.end() {
            let rest = Extent::between(at, extent.end());
            let piece = Extent::new(at, rest.len.min(DISCARD_PIECE));
            self.told(block::discard(&*self.file, piece))?;
            at = piece.end();
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        // Writes the pages and flushes the disk's own cache.
        self.told(self.file.sync_all())
    }

    fn publish(&mut self) -> io::Result<()> {
        match self.reread() {
            // A loop device without partition scanning has no partitions to read.
            Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) && !self.is_gone() => {
                self.scanned = false;
                return Ok(());
            }
            Err(error) if is_busy(&error) => {
                self.told(self.bring_in_line("one of them is open"))?;
            }
            result => {
                self.told(result)?;
                self.told(self.bring_in_line("it does not know this kind of table"))?;
            }
        }
        nodes::settle(&self.told(self.sysfs.partitions())?);
        Ok(())
    }

    fn kernel_partitions(&self) -> io::Result<Option<Vec<Slot>>> {
        if !self.scanned {
            return Ok(None);
        }
        self.told(self.slots()).map(Some)
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.told(block::drop_cache(&*self.file))
    }
}
