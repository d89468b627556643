//! A sparse disk in memory.

use std::collections::BTreeMap;
use std::fmt;
use std::io;

use sha2::{Digest as _, Sha256};

use crate::target::unmap::Unmap;
use crate::target::{BlockSource, BlockTarget, inside};
use crate::units::{BlockSize, Bytes, Extent, Geometry};

const PAGE: u64 = 4096;

/// A disk of any size that only keeps the pages that are not zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Memory {
    geometry: Geometry,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Memory {
    /// A disk of zeros.
    pub const fn new(size: Bytes, logical: BlockSize) -> Self {
        let geometry = Geometry {
            size,
            logical,
            physical: logical.get(),
        };
        Self {
            geometry,
            pages: BTreeMap::new(),
        }
    }

    /// Whether every byte is zero.
    pub fn is_zero(&self) -> bool {
        self.pages.is_empty()
    }

    /// SHA-256 of the content, for sets of many images: quicker than a hash of the map, and 32 bytes to keep.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (page, bytes) in &self.pages {
            hash.update(page.to_le_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }

    /// The ranges of pages in which the two differ, at most `most` of them.
    pub fn differences(&self, other: &Self, most: usize) -> Vec<Extent> {
        let keys: std::collections::BTreeSet<u64> = self
            .pages
            .keys()
            .chain(other.pages.keys())
            .copied()
            .collect();
        keys.into_iter()
            .filter(|page| self.pages.get(page) != other.pages.get(page))
            .map(|page| Extent::new(Bytes::new(page * PAGE), Bytes::new(PAGE)))
            .take(most)
            .collect()
    }

    /// Writes without any check; for fixtures and crash models.
    pub fn put(&mut self, at: Bytes, buf: &[u8]) {
        let mut at = at.get();
        let mut rest = buf;
        while !rest.is_empty() {
            let (page, offset) = (
                at / PAGE,
                usize::try_from(at % PAGE).expect("less than a page"),
            );
            let len = rest.len().min(4096 - offset);
            let bytes = self
                .pages
                .entry(page)
                .or_insert_with(|| vec![0; 4096].into_boxed_slice());
            bytes[offset..offset + len].copy_from_slice(&rest[..len]);
            if bytes.iter().all(|byte| *byte == 0) {
                self.pages.remove(&page);
            }
            at += len as u64;
            rest = &rest[len..];
        }
    }

    /// Zeros without any check.
    pub fn clear(&mut self, extent: Extent) {
        let (start, end) = (extent.start.get(), extent.end().get());
        let whole = start.div_ceil(PAGE)..end / PAGE;
        if whole.start < whole.end {
            let gone: Vec<u64> = self
                .pages
                .range(whole.clone())
                .map(|(page, _)| *page)
                .collect();
            for page in gone {
                self.pages.remove(&page);
            }
            self.put(
                extent.start,
                &vec![0; usize::try_from(whole.start * PAGE - start).expect("small")],
            );
            self.put(
                Bytes::new(whole.end * PAGE),
                &vec![0; usize::try_from(end - whole.end * PAGE).expect("small")],
            );
        } else {
            self.put(extent.start, &vec![0; extent.len.to_usize()]);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("geometry", &self.geometry)
            .field("pages", &self.pages.len())
            .finish()
    }
}

impl BlockSource for Memory {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        let mut at = at.get();
        let mut rest = buf;
        while !rest.is_empty() {
            let (page, offset) = (
                at / PAGE,
                usize::try_from(at % PAGE).expect("less than a page"),
            );
            let len = rest.len().min(4096 - offset);
            let (now, later) = rest.split_at_mut(len);
            match self.pages.get(&page) {
                Some(bytes) => now.copy_from_slice(&bytes[offset..offset + len]),
                None => now.fill(0),
            }
            at += len as u64;
            rest = later;
        }
        Ok(())
    }
}

impl BlockTarget for Memory {
    fn write_all_at(&mut self, at: Bytes, buf: &[u8]) -> io::Result<()> {
        inside(self.geometry, Extent::new(at, Bytes::from(buf.len())))?;
        self.put(at, buf);
        Ok(())
    }

    fn zero(&mut self, extent: Extent) -> io::Result<()> {
        inside(self.geometry, extent)?;
        self.clear(extent);
        Ok(())
    }

    fn discard(&mut self, extent: Extent) -> io::Result<()> {
        self.zero(extent)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn publish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn drop_caches(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unmap for Memory {
    fn unmap(&mut self, extent: Extent) -> io::Result<()> {
        self.zero(extent)
    }

    fn read_fresh(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(at, buf)
    }
}
