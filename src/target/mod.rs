//! The seam through which every byte of a disk is read and written.
//!
//! [`BlockSource`] is the reading half, so that the probe and the planner hold no way to write;
//! [`BlockTarget`] adds the writing half. Implementations: an image file, a block device, and for tests
//! memory, a recorder, a target that fails on purpose and one that loses power.

use std::fmt;
use std::io;

use crate::units::{Bytes, Extent, Geometry};
use partitions::Slot;

pub mod blank;
pub mod device;
pub mod image;
pub mod latched;
mod nodes;
pub mod partitions;
mod sysfs;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod unmap;

/// A disk, or something that can be read like one: whole buffers, absolute offsets, no cursor.
pub trait BlockSource: fmt::Debug {
    /// Size, logical and physical block size.
    fn geometry(&self) -> Geometry;

    /// Fills `buf` from byte `at`.
    ///
    /// # Errors
    /// The device's error; a range beyond the end is [`io::ErrorKind::UnexpectedEof`].
    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()>;

    /// Reads `extent` into a new buffer. Only for extents that are known to be small.
    ///
    /// # Errors
    /// As [`Self::read_exact_at`].
    fn read_extent(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let mut buf = vec![0; extent.len.to_usize()];
        self.read_exact_at(extent.start, &mut buf)?;
        Ok(buf)
    }
}

/// A disk, or something that behaves like one: whole buffers, absolute offsets, no cursor.
pub trait BlockTarget: BlockSource {
    /// Writes all of `buf` at byte `at`.
    ///
    /// # Errors
    /// The device's error; nothing is known about the range afterwards.
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()>;

    /// Makes `extent` read as zeros.
    ///
    /// # Errors
    /// As [`Self::write_all_at`].
    fn zero(&mut self, extent: Extent) -> io::Result<()>;

    /// Tells the medium that `extent` is not needed; its content is undefined afterwards.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the device cannot; callers go on without.
    fn discard(&mut self, extent: Extent) -> io::Result<()>;

    /// Returns when everything written so far is durable.
    ///
    /// # Errors
    /// The device's error; what was written since the last sync may or may not be there.
    fn sync(&mut self) -> io::Result<()>;

    /// Makes the kernel read the partition table again; nothing to do for an image.
    ///
    /// # Errors
    /// The kernel's, such as `EBUSY` while a partition is in use.
    fn publish(&mut self) -> io::Result<()>;

    /// The partitions that the running kernel has of it, by number; `None` where the kernel looks for none, as on an
    /// image.
    ///
    /// # Errors
    /// The system's; nothing is known about the partitions then.
    fn kernel_partitions(&self) -> io::Result<Option<Vec<Slot>>> {
        Ok(None)
    }

    /// Makes the next reads come from the medium rather than from a cache, as far as the system allows.
    ///
    /// # Errors
    /// The system's.
    fn drop_caches(&mut self) -> io::Result<()>;
}

impl<T: BlockSource + ?Sized> BlockSource for &mut T {
    fn geometry(&self) -> Geometry {
        (**self).geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(at, buf)
    }
}

impl<T: BlockTarget + ?Sized> BlockTarget for &mut T {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        (**self).write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        (**self).zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        (**self).discard(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }

    fn publish(&mut self) -> io::Result<()> {
        (**self).publish()
    }

    fn kernel_partitions(&self) -> io::Result<Option<Vec<Slot>>> {
        (**self).kernel_partitions()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        (**self).drop_caches()
    }
}

/// What became of a disk that was there when it was opened. Its kind as an [`io::Error`] is
/// [`io::ErrorKind::NotConnected`], which no other error of a target has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the disk was unplugged, or its driver gave it up")]
pub struct Unplugged;

impl From<Unplugged> for io::Error {
    fn from(unplugged: Unplugged) -> Self {
        Self::new(io::ErrorKind::NotConnected, unplugged)
    }
}

/// Whether a target failed because its disk is no longer there.
pub fn is_unplugged(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotConnected
}

/// Refuses a range that is not wholly on the disk.
fn inside(geometry: Geometry, extent: Extent) -> io::Result<()> {
    if geometry.whole().contains(extent) {
        return Ok(());
    }
    let message = format!(
        "{extent} is beyond the end of the disk at {}",
        geometry.size.get()
    );
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
}

/// Writes zeros, for media that have no better way.
fn write_zeros(target: &mut dyn BlockTarget, extent: Extent) -> io::Result<()> {
    let zeros = vec![0; extent.len.min(Bytes::MIB).to_usize()];
    let mut at = extent.start;
    while at < extent.end() {
        let len = zeros
            .len()
            .min(Extent::between(at, extent.end()).len.to_usize());
        target.write_all_at(at, &zeros[..len])?;
        at = Bytes::new(at.get() + len as u64);
    }
    Ok(())
}
