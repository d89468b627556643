//! A disk of zeros: what a new image will be, before it is made.

use std::io;

use super::{BlockSource, inside};
use crate::units::{Bytes, Extent, Geometry};

/// Reads as zeros everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Blank(pub Geometry);

impl BlockSource for Blank {
    fn geometry(&self) -> Geometry {
        self.0
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        inside(self.0, Extent::new(at, Bytes::from(buf.len())))?;
        buf.fill(0);
        Ok(())
    }
}
