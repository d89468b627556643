//! A disk as it would be after a repair: the real one for reading, with the new bytes laid over it. Never writes.

use std::io;

use super::Piece;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent, Geometry};

/// A source with pieces over it.
#[derive(Debug)]
pub(super) struct Overlay<'a> {
    below: &'a dyn BlockSource,
    pieces: Vec<&'a Piece>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(below: &'a dyn BlockSource, pieces: impl Iterator<Item = &'a Piece>) -> Self {
        Self {
            below,
            pieces: pieces.collect(),
        }
    }
}

impl BlockSource for Overlay<'_> {
    fn geometry(&self) -> Geometry {
        self.below.geometry()
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.below.read_exact_at(at, buf)?;
        let wanted = Extent::new(at, Bytes::from(buf.len()));
        for piece in &self.pieces {
            let Some(both) = piece.extent().intersection(wanted) else {
                continue;
            };
            let from = both.start.saturating_sub(piece.start).to_usize();
            let to = both.start.saturating_sub(at).to_usize();
            let len = both.len.to_usize();
            buf[to..to + len].copy_from_slice(&piece.new.expose()[from..from + len]);
        }
        Ok(())
    }
}
