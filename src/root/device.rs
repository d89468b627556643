//! A disk that is open for reading: a device node, or in a fixture tree a plain file in its place.

#![expect(
    clippy::disallowed_types,
    reason = "device nodes and their stand-ins are opened here for the probe"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::{major, minor};

use crate::target::BlockSource;
use crate::units::{Bytes, Geometry};

/// An open device node, or the plain file that stands in for it.
#[derive(Debug)]
pub struct Device {
    file: File,
    number: Option<(u64, u64)>,
}

impl Device {
    pub(super) fn open(path: &Path, claim: bool) -> io::Result<Self> {
        // O_NONBLOCK: a drive without a medium opens too. O_EXCL: claims a block device.
        let mut flags = OFlag::O_NONBLOCK;
        flags.set(OFlag::O_EXCL, claim);
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(path)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        if !kind.is_block_device() && !kind.is_file() {
            return Err(io::Error::other("neither a block device nor an image"));
        }
        let number = kind
            .is_block_device()
            .then(|| (major(metadata.rdev()), minor(metadata.rdev())));
        Ok(Self { file, number })
    }

    /// Major and minor number of a device node; `None` for a plain file.
    pub const fn number(&self) -> Option<(u64, u64)> {
        self.number
    }

    /// Reads it as a disk of this geometry.
    pub fn into_reader(self, geometry: Geometry) -> DiskReader {
        DiskReader {
            file: self.file,
            geometry,
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A disk that can only be read.
#[derive(Debug)]
pub struct DiskReader {
    file: File,
    geometry: Geometry,
}

impl BlockSource for DiskReader {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let end = at.checked_add(Bytes::from(buf.len()));
        if end.is_none_or(|end| end > self.geometry.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.file.read_exact_at(buf, at.get())
    }
}
