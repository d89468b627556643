//! Apple partition maps: the driver descriptor in block 0 and one map entry a block after it. Reads only.

use std::io;

use super::View;
use crate::probe::signature::fields::{be16, be32, field, text};

/// More entries than this are not read.
const MOST_ENTRIES: u64 = 128;

/// One map entry, in bytes of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) len: u64,
}

/// A partition map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) entries: Vec<Entry>,
    /// Where descriptor and entries lie.
    pub(super) range: (u64, u64),
}

/// `None` if there is no map.
pub(super) fn read(view: &View<'_>) -> io::Result<Option<Map>> {
    let Some(descriptor) = view.bytes(0, 512)? else {
        return Ok(None);
    };
    let has_descriptor = descriptor.starts_with(b"ER");
    let block = match be16(&descriptor, 2) {
        size @ (512 | 1024 | 2048 | 4096) if has_descriptor => u64::from(size),
        _ => 512,
    };
    let mut entries = Vec::new();
    let mut count = 0;
    let mut index = 1;
    while let Some(bytes) = view.bytes(index * block, 512)? {
        if !bytes.starts_with(b"PM") {
            break;
        }
        count = count.max(u64::from(be32(&bytes, 4)));
        let kind = text(field(&bytes, 48, 32));
        if kind != "Apple_partition_map" && kind != "Apple_Free" {
            entries.push(Entry {
                number: u32::try_from(index).unwrap_or(u32::MAX),
                name: text(field(&bytes, 16, 32)),
                start: u64::from(be32(&bytes, 8)) * block,
                len: u64::from(be32(&bytes, 12)) * block,
            });
        }
        index += 1;
        if index > count.min(MOST_ENTRIES) {
            break;
        }
    }
    let range = (0, index * block);
    Ok((index > 1).then_some(Map { entries, range }))
}
