//! Unmapping as what it is: for whoever wants to know what a medium does with it.
//!
//! [`BlockTarget::discard`] may fall back to writing zeros, which is right for those who only want to be rid of data.
//! Here nothing stands in for the command itself, and a reader can ask past every cache.
#![expect(
    clippy::disallowed_types,
    reason = "opens a second descriptor of a file that is open"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

use super::BlockTarget;
use crate::units::{Bytes, Extent};

/// What memory for a direct read has to be aligned to, on any disk.
const ALIGNMENT: usize = 4096;

/// A target that can be told to unmap, and be read as if nobody had it open.
pub trait Unmap: BlockTarget {
    /// Has the medium forget `extent` (`BLKDISCARD`, or a hole that is punched into a file), or fails: zeros are
    /// never written in its place.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the medium cannot, and the device's.
    fn unmap(&mut self, extent: Extent) -> io::Result<()>;

    /// Fills `buf` from byte `at` through a new descriptor that goes past the page cache, where the system has such.
    /// Both are whole logical blocks.
    ///
    /// # Errors
    /// The device's.
    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()>;
}

/// Reads through a new descriptor of what `file` is: directly, or where its filesystem has no such reads as usual.
pub(super) fn read_fresh(file: &File, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
    let invalid = |error: &io::Error| error.raw_os_error() == Some(nix::libc::EINVAL);
    match open(file, nix::libc::O_DIRECT).and_then(|file| direct(&file, at, buf)) {
        Err(error) if invalid(&error) => open(file, 0)?.read_exact_at(buf, at.get()),
        result => result,
    }
}

/// The name below /proc leads to the very same disk or file, whatever its own name means by now.
fn open(file: &File, flags: i32) -> io::Result<File> {
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(flags | nix::libc::O_CLOEXEC);
    options.open(name)
}

fn direct(file: &File, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
    let mut room = vec![0; buf.len() + ALIGNMENT];
    let from = room.as_ptr().align_offset(ALIGNMENT);
    let aligned = room
        .get_mut(from..from + buf.len())
        .ok_or(io::ErrorKind::InvalidInput)?;
    file.read_exact_at(aligned, at.get())?;
    buf.copy_from_slice(aligned);
    Ok(())
}
