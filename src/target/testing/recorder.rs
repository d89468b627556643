//! A target that keeps the order of everything that was done to it.

use std::io;

use crate::target::unmap::Unmap;
use crate::target::{BlockSource, BlockTarget};
use crate::units::{Bytes, Extent, Geometry};

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// These bytes were written here.
    Write(Bytes, Vec<u8>),
    /// This range was zeroed.
    Zero(Extent),
    /// This range was discarded.
    Discard(Extent),
    /// Everything before became durable.
    Sync,
    /// The table was published.
    Publish,
}

/// Records every write, zeroing, sync and publish, and passes it on.
#[derive(Debug)]
pub struct Recorder<T> {
    inner: T,
    events: Vec<Event>,
}

impl<T> Recorder<T> {
    /// Wraps `inner`.
    pub const fn new(inner: T) -> Self {
        Self {
            inner,
            events: Vec::new(),
        }
    }

    /// What was done, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The target inside and what was done to it.
    pub fn into_parts(self) -> (T, Vec<Event>) {
        (self.inner, self.events)
    }
}

impl<T: BlockTarget> BlockSource for Recorder<T> {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact_at(at, buf)
    }
}

impl<T: BlockTarget> BlockTarget for Recorder<T> {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.events.push(Event::Write(at, buf.to_vec()));
        self.inner.write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.events.push(Event::Zero(extent));
        self.inner.zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.events.push(Event::Discard(extent));
        self.inner.discard(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.events.push(Event::Sync);
        self.inner.sync()
    }

    fn publish(&mut self) -> io::Result<()> {
        self.events.push(Event::Publish);
        self.inner.publish()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.inner.drop_caches()
    }
}

impl<T: Unmap> Unmap for Recorder<T> {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        self.events.push(Event::Discard(extent));
        self.inner.unmap(extent)
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.inner.read_fresh(at, buf)
    }
}
