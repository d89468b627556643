//! A block device, unmapped: `BLKDISCARD`, and direct reads.

use std::io;

use super::BlockDevice;
use crate::target::unmap::{Unmap, read_fresh};
use crate::target::{BlockTarget as _, inside};
use crate::units::{Bytes, Extent};

impl Unmap for BlockDevice {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        // The kernel has nothing else behind this request: it passes the command on, or says that it cannot.
        self.discard(extent)
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        self.told(read_fresh(&self.file, at, buf))
    }
}
