//! A target of which one operation fails.

use std::cell::Cell;
use std::io;

use crate::target::unmap::Unmap;
use crate::target::{BlockSource, BlockTarget};
use crate::units::{Bytes, Extent, Geometry};

/// Fails the operation with this number, counting every call that writes, discards, syncs or publishes from 0.
#[derive(Debug)]
pub struct Faulty<T> {
    inner: T,
    fails_at: u64,
    attempted: Cell<u64>,
}

impl<T> Faulty<T> {
    /// Wraps `inner`; operation number `fails_at` fails with EIO.
    pub const fn new(inner: T, fails_at: u64) -> Self {
        Self {
            inner,
            fails_at,
            attempted: Cell::new(0),
        }
    }

    /// How many operations were attempted, the failed one included.
    pub const fn attempted(&self) -> u64 {
        self.attempted.get()
    }

    /// The target inside.
    pub fn into_inner(self) -> T {
        self.inner
    }

    fn tick(&self) -> io::Result<()> {
        let number = self.attempted.get();
        self.attempted.set(number + 1);
        if number == self.fails_at {
            Err(io::Error::from_raw_os_error(nix::libc::EIO))
        } else {
            Ok(())
        }
    }
}

impl<T: BlockTarget> BlockSource for Faulty<T> {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact_at(at, buf)
    }
}

impl<T: BlockTarget> BlockTarget for Faulty<T> {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.tick()?;
        self.inner.write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.tick()?;
        self.inner.zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.tick()?;
        self.inner.discard(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.tick()?;
        self.inner.sync()
    }

    fn publish(&mut self) -> io::Result<()> {
        self.tick()?;
        self.inner.publish()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.inner.drop_caches()
    }
}

impl<T: Unmap> Unmap for Faulty<T> {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        self.tick()?;
        self.inner.unmap(extent)
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.inner.read_fresh(at, buf)
    }
}
