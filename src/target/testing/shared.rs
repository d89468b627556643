//! A target that the test keeps a hand on while the code under test owns it.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use crate::target::{BlockSource, BlockTarget};
use crate::units::{Bytes, Extent, Geometry};

/// One target behind several handles.
#[derive(Debug, Default)]
pub struct Shared<T>(Rc<RefCell<T>>);

impl<T> Shared<T> {
    /// Takes over `inner`.
    pub fn new(inner: T) -> Self {
        Self(Rc::new(RefCell::new(inner)))
    }

    /// Another handle to the same target.
    pub fn handle(&self) -> Self {
        Self(Rc::clone(&self.0))
    }

    /// The target itself, once every other handle is gone; `None` before.
    pub fn into_inner(self) -> Option<T> {
        Rc::into_inner(self.0).map(RefCell::into_inner)
    }
}

impl<T: BlockTarget> BlockSource for Shared<T> {
    fn geometry(&self) -> Geometry {
        self.0.borrow().geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.0.borrow().read_exact_at(at, buf)
    }
}

impl<T: BlockTarget> BlockTarget for Shared<T> {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().write_all_at(at, buf)
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        self.0.borrow_mut().zero(extent)
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.0.borrow_mut().discard(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.borrow_mut().sync()
    }

    fn publish(&mut self) -> io::Result<()> {
        self.0.borrow_mut().publish()
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        self.0.borrow_mut().drop_caches()
    }
}
