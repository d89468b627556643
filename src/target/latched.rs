//! A target that does nothing more once something failed: nothing limps on.

use std::io;

use super::partitions::Slot;
use super::{BlockSource, BlockTarget};
use crate::units::{Bytes, Extent, Geometry};

/// Passes everything on until the first error; from then on every call fails.
#[derive(Debug)]
pub struct Latched<T> {
    inner: T,
    failed: Option<io::ErrorKind>,
    writes: u64,
}

impl<T: BlockTarget> Latched<T> {
    /// Wraps `inner`.
    pub const fn new(inner: T) -> Self {
        Self {
            inner,
            failed: None,
            writes: 0,
        }
    }

    /// How many writes, zeroings and discards went through.
    pub const fn writes(&self) -> u64 {
        self.writes
    }

    /// The target inside.
    pub fn into_inner(self) -> T {
        self.inner
    }

    fn guarded<R>(&mut self, call: impl FnOnce(&mut T) -> io::Result<R>) -> io::Result<R> {
        if let Some(kind) = self.failed {
            return Err(io::Error::new(
                kind,
                "not attempted, because an operation before it failed",
            ));
        }
        let result = call(&mut self.inner);
        if let Err(error) = &result {
            self.failed = Some(error.kind());
        }
        result
    }
}

impl<T: BlockTarget> Latched<T> {
    /// As [`Self::guarded`]; an error of this kind is passed on without any further consequence.
    fn guarded_but_for(
        &mut self,
        harmless: io::ErrorKind,
        call: impl FnOnce(&mut T) -> io::Result<()>,
    ) -> io::Result<()> {
        self.guarded(|inner| match call(inner) {
            Err(error) if error.kind() == harmless => Ok(Err(error)),
            result => result.map(Ok),
        })?
    }
}

impl<T: BlockTarget> BlockSource for Latched<T> {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        match self.failed {
            Some(kind) => Err(io::Error::new(
                kind,
                "not attempted, because an operation before it failed",
            )),
            None => self.inner.read_exact_at(at, buf),
        }
    }
}

impl<T: BlockTarget> BlockTarget for Latched<T> {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.guarded(|inner| inner.write_all_at(at, buf))?;
        self.writes += 1;
        Ok(())
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.guarded(|inner| inner.zero(extent))?;
        self.writes += 1;
        Ok(())
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        // A disk that cannot discard has not failed.
        self.guarded_but_for(io::ErrorKind::Unsupported, |inner| inner.discard(extent))?;
        self.writes += 1;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.guarded(BlockTarget::sync)
    }

    fn publish(&mut self) -> io::Result<()> {
        // Neither has one of which somebody has a partition open.
        self.guarded_but_for(io::ErrorKind::ResourceBusy, BlockTarget::publish)
    }

    fn kernel_partitions(&self) -> io::Result<Option<Vec<Slot>>> {
        self.inner.kernel_partitions()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.guarded(BlockTarget::drop_caches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::testing::{Faulty, Memory};
    use crate::units::BlockSize;

    #[test]
    fn after_the_first_error_nothing_is_attempted() {
        let faulty = Faulty::new(Memory::new(Bytes::MIB, BlockSize::B512), 1);
        let mut target = Latched::new(faulty);
        target.write_all_at(Bytes::ZERO, &[1; 512]).unwrap();
        target.write_all_at(Bytes::new(512), &[1; 512]).unwrap_err();
        target
            .write_all_at(Bytes::new(1024), &[1; 512])
            .unwrap_err();
        target.sync().unwrap_err();
        target
            .read_exact_at(Bytes::ZERO, &mut [0; 512])
            .unwrap_err();
        assert_eq!(target.writes(), 1);
        assert_eq!(target.into_inner().attempted(), 2);
    }
}
