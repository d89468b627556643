//! A disk of any size in memory, zero but for what is put there. A stand-in for tests and fixture machines.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;

use crate::target::BlockSource;
use crate::units::{BlockSize, Bytes, Geometry};

const CHUNK: u64 = 4096;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sparse {
    geometry: Geometry,
    chunks: BTreeMap<u64, Vec<u8>>,
    fails_at: Option<u64>,
    read: Cell<u64>,
}

impl Sparse {
    pub(crate) fn new(size: u64, logical: BlockSize) -> Self {
        Self {
            geometry: Geometry {
                size: Bytes::new(size),
                logical,
                physical: logical.get(),
            },
            chunks: BTreeMap::new(),
            fails_at: None,
            read: Cell::new(0),
        }
    }

    pub(crate) fn set_size(&mut self, size: u64) {
        self.geometry.size = Bytes::new(size);
    }

    pub(crate) fn set_logical(&mut self, logical: BlockSize) {
        self.geometry.logical = logical;
    }

    /// Every read that covers this byte fails with `EIO`.
    pub(crate) fn fail_at(&mut self, at: u64) {
        self.fails_at = Some(at);
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.read.get()
    }

    /// Puts bytes; what lies beyond the end is dropped.
    pub(crate) fn put(&mut self, at: u64, bytes: &[u8]) {
        for (byte, at) in bytes.iter().zip(at..self.geometry.size.get()) {
            *self.byte(at) = *byte;
        }
    }

    pub(crate) fn flip(&mut self, at: u64, mask: u8) {
        *self.byte(at) ^= mask;
    }

    /// Puts all of another disk.
    pub(crate) fn put_all(&mut self, at: u64, other: &Self) {
        for (chunk, bytes) in &other.chunks {
            self.put(at + chunk * CHUNK, bytes);
        }
    }

    fn byte(&mut self, at: u64) -> &mut u8 {
        let chunk = self
            .chunks
            .entry(at / CHUNK)
            .or_insert_with(|| vec![0; index(CHUNK)]);
        &mut chunk[index(at % CHUNK)]
    }
}

impl BlockSource for Sparse {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let len = buf.len() as u64;
        let end = at.get().checked_add(len);
        let Some(end) = end.filter(|end| *end <= self.geometry.size.get()) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        if self
            .fails_at
            .is_some_and(|bad| (at.get()..end).contains(&bad))
        {
            return Err(nix::errno::Errno::EIO.into());
        }
        self.read.set(self.read.get() + len);
        buf.fill(0);
        let first = at.get() / CHUNK;
        for (chunk, bytes) in self.chunks.range(first..=end / CHUNK) {
            let start = chunk * CHUNK;
            let from = at.get().max(start);
            let to = end.min(start + CHUNK);
            if from < to {
                let source = &bytes[index(from - start)..index(to - start)];
                buf[index(from - at.get())..index(to - at.get())].copy_from_slice(source);
            }
        }
        Ok(())
    }
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}
