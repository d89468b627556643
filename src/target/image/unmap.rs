//! An image file, unmapped: holes are punched, and nothing is written where the filesystem has none.

use std::io;
use std::os::fd::AsFd as _;

use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};

use super::ImageFile;
use crate::target::inside;
use crate::target::unmap::{Unmap, read_fresh};
use crate::units::{Bytes, Extent};

impl Unmap for ImageFile {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        inside(self.geometry, extent)?;
        let offset = i64::try_from(extent.start.get()).map_err(io::Error::other)?;
        let len = i64::try_from(extent.len.get()).map_err(io::Error::other)?;
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        self.untouched_new = false;
        Ok(fallocate(self.file.as_fd(), hole, offset, len)?)
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        // Only pages that are clean go; whoever asks has synced before.
        posix_fadvise(
            self.file.as_fd(),
            0,
            0,
            PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        )?;
        read_fresh(&self.file, at, buf)
    }
}
