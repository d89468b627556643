//! A disk or a partition as the signature checks see it: offsets from its own start, few large reads.
//!
//! Head and tail are read once; everything else is read when asked for. Never reads outside its extent.

use std::borrow::Cow;
use std::io;

use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

/// What is read at once from both ends of a disk: the fingerprint needs all of it.
pub(crate) const DISK_EDGE: u64 = 1 << 20;
/// What is read at once from the head of a partition: two ZFS labels and every usual superblock.
const PARTITION_HEAD: u64 = 512 << 10;
/// What is read at once from the tail of a partition: two ZFS labels that end before a rest below 256 KiB.
const PARTITION_TAIL: u64 = 768 << 10;

/// One extent of a source, with both ends in memory.
#[derive(Debug)]
pub(crate) struct View<'a> {
    source: &'a dyn BlockSource,
    extent: Extent,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl<'a> View<'a> {
    /// The whole of `source`.
    pub(crate) fn disk(source: &'a dyn BlockSource) -> io::Result<Self> {
        Self::new(source, source.geometry().whole(), DISK_EDGE, DISK_EDGE)
    }

    /// A partition, which has to lie within the source.
    pub(crate) fn partition(source: &'a dyn BlockSource, extent: Extent) -> io::Result<Self> {
        Self::new(source, extent, PARTITION_HEAD, PARTITION_TAIL)
    }

    fn new(source: &'a dyn BlockSource, extent: Extent, head: u64, tail: u64) -> io::Result<Self> {
        let head = extent.len.get().min(head);
        let tail = extent.len.get().min(tail);
        let mut view = Self {
            source,
            extent,
            head: Vec::new(),
            tail: Vec::new(),
        };
        view.head = view.fetch(0, head)?;
        view.tail = view.fetch(extent.len.get() - tail, tail)?;
        Ok(view)
    }

    /// Length in bytes.
    pub(crate) const fn size(&self) -> u64 {
        self.extent.len.get()
    }

    /// Logical block size of the disk in bytes.
    pub(crate) fn block(&self) -> u64 {
        u64::from(self.source.geometry().logical.get())
    }

    /// First bytes, as many as were read at once.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Last bytes, as many as were read at once.
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// `len` bytes from `at`; `None` if not all of them lie inside.
    pub(crate) fn bytes(&self, at: u64, len: u64) -> io::Result<Option<Cow<'_, [u8]>>> {
        match at.checked_add(len) {
            Some(end) if end <= self.size() => {}
            _ => return Ok(None),
        }
        let tail_start = self.size() - self.tail.len() as u64;
        if let Some(bytes) = slice(&self.head, at, len) {
            return Ok(Some(Cow::Borrowed(bytes)));
        }
        if let Some(bytes) = at
            .checked_sub(tail_start)
            .and_then(|at| slice(&self.tail, at, len))
        {
            return Ok(Some(Cow::Borrowed(bytes)));
        }
        Ok(Some(Cow::Owned(self.fetch(at, len)?)))
    }

    /// As many of `len` bytes from `at` as lie inside.
    pub(crate) fn up_to(&self, at: u64, len: u64) -> io::Result<Option<Cow<'_, [u8]>>> {
        let len = len.min(self.size().saturating_sub(at));
        if len == 0 {
            return Ok(None);
        }
        self.bytes(at, len)
    }

    /// The range `at..at + len` of the view as an extent of the disk, grown to logical blocks and cut to the view.
    pub(crate) fn extent_to_zero(&self, at: u64, len: u64) -> Extent {
        let block = Bytes::new(self.block());
        let start = Bytes::new(self.extent.start.get().saturating_add(at));
        let end = Bytes::new(start.get().saturating_add(len));
        let end = end.align_up(block).unwrap_or(end).min(self.extent.end());
        Extent::between(start.align_down(block).max(self.extent.start), end)
    }

    /// `at` as an offset on the disk.
    pub(crate) const fn on_disk(&self, at: u64) -> Bytes {
        Bytes::new(self.extent.start.get().saturating_add(at))
    }

    fn fetch(&self, at: u64, len: u64) -> io::Result<Vec<u8>> {
        let start = self.on_disk(at);
        self.source.read_extent(Extent::new(start, Bytes::new(len)))
    }
}

fn slice(buffer: &[u8], at: u64, len: u64) -> Option<&[u8]> {
    let start = usize::try_from(at).ok()?;
    let end = usize::try_from(at.checked_add(len)?).ok()?;
    buffer.get(start..end)
}
