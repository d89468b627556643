//! A minimal reader of GUID partition tables: both copies, their checksums, at both block sizes.
//!
//! Reads only; the codec in [`crate::partitioner::gpt`] writes. Format: UEFI specification 2.10, chapter 5.

use std::io;

use super::View;
use crate::guid::Guid;
use crate::probe::signature::fields::{field, le32, le64, utf16};
use crate::units::{BlockSize, Bytes, Extent};

const SIGNATURE: &[u8] = b"EFI PART";
const REVISION: u32 = 0x0001_0000;
const HEADER: usize = 92;
/// Talos and the kernel write 128 entries; more than this is not a table that anyone made on purpose.
const MOST_ENTRIES: u32 = 1024;
const MOST_ENTRY_BYTES: u64 = 1 << 20;

/// One entry that is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u32,
    pub(super) type_guid: Guid,
    pub(super) guid: Guid,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) attributes: u64,
    pub(super) name: String,
}

/// One copy of a table whose checksums are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) guid: Guid,
    pub(super) first_usable: u64,
    pub(super) last_usable: u64,
    pub(super) alternate: u64,
    pub(super) entries: Vec<Entry>,
    /// Where header and entries lie, in bytes of the view.
    pub(super) ranges: Vec<(u64, u64)>,
}

/// What was found at one place of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    Absent,
    Damaged { at: u64, why: &'static str },
    Sound(Table),
}

impl Copy {
    pub(super) const fn sound(&self) -> Option<&Table> {
        match self {
            Self::Sound(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn ranges(&self, block: BlockSize) -> Vec<(u64, u64)> {
        match self {
            Self::Absent => Vec::new(),
            Self::Damaged { at, .. } => vec![(*at, u64::from(block.get()))],
            Self::Sound(table) => table.ranges.clone(),
        }
    }
}

/// Both copies, read with one block size.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) block: BlockSize,
    pub(super) primary: Copy,
    /// At the end of the view.
    pub(super) backup: Copy,
    /// Where the primary says its backup is, if that is not the end.
    pub(super) strayed: Copy,
    /// Length of the view in bytes.
    view_size: u64,
}

impl Reading {
    /// The copy that counts.
    pub(super) fn table(&self) -> Option<&Table> {
        self.primary
            .sound()
            .or_else(|| self.backup.sound())
            .or_else(|| self.strayed.sound())
    }

    /// By how many bytes the view is too short for the place where the primary says its backup is.
    pub(super) fn hidden(&self) -> Option<u64> {
        let table = self.primary.sound()?;
        let size = u64::from(self.block.get());
        let end = table.alternate.checked_add(1)?.checked_mul(size)?;
        end.checked_sub(self.view_size).filter(|more| *more >= size)
    }

    fn is_nothing(&self) -> bool {
        self.primary == Copy::Absent && self.backup == Copy::Absent
    }
}

/// Reads the table of `view` with the disk's block size, and if there is none with the other.
/// `None` if nothing reminds of one.
pub(super) fn read(view: &View<'_>) -> io::Result<Option<Reading>> {
    let (native, other) = if view.block() == 4096 {
        (BlockSize::B4096, BlockSize::B512)
    } else {
        (BlockSize::B512, BlockSize::B4096)
    };
    for block in [native, other] {
        let reading = read_with(view, block)?;
        if !reading.is_nothing() {
            return Ok(Some(reading));
        }
    }
    Ok(None)
}

fn read_with(view: &View<'_>, block: BlockSize) -> io::Result<Reading> {
    let blocks = view.size() / u64::from(block.get());
    let last = blocks.saturating_sub(1);
    let primary = copy(view, block, 1)?;
    let backup = if last > 1 {
        copy(view, block, last)?
    } else {
        Copy::Absent
    };
    let strayed = match primary.sound() {
        Some(table) if table.alternate != last && table.alternate < blocks => {
            copy(view, block, table.alternate)?
        }
        _ => Copy::Absent,
    };
    Ok(Reading {
        block,
        primary,
        backup,
        strayed,
        view_size: view.size(),
    })
}

/// A whole copy near the end of `view` that is none of `known`: a disk that was shorter once has its backup there.
pub(super) fn stray(view: &View<'_>, known: Option<&Reading>) -> io::Result<Option<Table>> {
    const STEP: usize = 512;
    const MOST: usize = 16;
    let start = view.size() - view.tail().len() as u64;
    let taken = |at: u64| {
        let copies = known.map(|gpt| [&gpt.primary, &gpt.backup, &gpt.strayed]);
        let block = known.map_or(BlockSize::B512, |gpt| gpt.block);
        let mut ranges = copies.into_iter().flatten().flat_map(|c| c.ranges(block));
        ranges.any(|(from, len)| from <= at && at < from.saturating_add(len))
    };
    let places = (0..)
        .zip(view.tail().chunks_exact(STEP))
        .filter(|(_, bytes)| bytes.starts_with(SIGNATURE))
        .map(|(index, _): (u64, _)| start + index * STEP as u64)
        .filter(|at| *at > 4096 && !taken(*at))
        .take(MOST);
    for at in places {
        for block in [BlockSize::B512, BlockSize::B4096] {
            let size = u64::from(block.get());
            if at % size == 0
                && let Copy::Sound(table) = copy(view, block, at / size)?
            {
                return Ok(Some(table));
            }
        }
    }
    Ok(None)
}

fn copy(view: &View<'_>, block: BlockSize, lba: u64) -> io::Result<Copy> {
    let size = u64::from(block.get());
    let Some(at) = lba.checked_mul(size) else {
        return Ok(Copy::Absent);
    };
    let Some(header) = view.bytes(at, size)? else {
        return Ok(Copy::Absent);
    };
    if !header.starts_with(SIGNATURE) {
        return Ok(Copy::Absent);
    }
    let damaged = |why| Ok(Copy::Damaged { at, why });
    if let Err(why) = check_header(&header, lba) {
        return damaged(why);
    }
    let (count, entry) = (le32(&header, 80), le32(&header, 84));
    let start = le64(&header, 72).checked_mul(size);
    let len = u64::from(count) * u64::from(entry);
    if count > MOST_ENTRIES || len > MOST_ENTRY_BYTES {
        return damaged("too many entries");
    }
    if entry < 128 || !(entry / 128).is_power_of_two() || entry % 128 != 0 {
        return damaged("impossible size of an entry");
    }
    let array = match start {
        Some(start) => view.bytes(start, len)?,
        None => None,
    };
    let (Some(array), Some(start)) = (array, start) else {
        return damaged("its entries lie beyond the end");
    };
    if crc32fast::hash(&array) != le32(&header, 88) {
        return damaged("the checksum of its entries does not match");
    }
    let entry = usize::try_from(entry).unwrap_or(usize::MAX);
    let Some(entries) = entries(&array, entry) else {
        return damaged("an entry has an impossible range");
    };
    Ok(Copy::Sound(Table {
        guid: guid(&header, 56),
        first_usable: le64(&header, 40),
        last_usable: le64(&header, 48),
        alternate: le64(&header, 32),
        entries,
        ranges: vec![(at, size), (start, len)],
    }))
}

fn check_header(header: &[u8], lba: u64) -> Result<(), &'static str> {
    let len = usize::try_from(le32(header, 12)).unwrap_or(usize::MAX);
    if le32(header, 8) != REVISION {
        return Err("unknown revision");
    }
    if len < HEADER || len > header.len() {
        return Err("impossible size of the header");
    }
    let mut zeroed = header[..len].to_vec();
    zeroed[16..20].fill(0);
    if crc32fast::hash(&zeroed) != le32(header, 16) {
        return Err("the checksum of its header does not match");
    }
    if le64(header, 24) != lba {
        return Err("it names another place than its own");
    }
    if le64(header, 40) > le64(header, 48) {
        return Err("no usable blocks");
    }
    Ok(())
}

/// `None` if an entry ends before it starts, or past 2⁶⁴ bytes. Beyond the end of the disk is the caller's matter.
fn entries(array: &[u8], size: usize) -> Option<Vec<Entry>> {
    let mut used = Vec::new();
    for (number, bytes) in (1..).zip(array.chunks_exact(size)) {
        let type_guid = guid(bytes, 0);
        if type_guid == Guid::NIL {
            continue;
        }
        let (first, last) = (le64(bytes, 32), le64(bytes, 40));
        if last < first || last.checked_add(1)?.checked_mul(4096).is_none() {
            return None;
        }
        used.push(Entry {
            number,
            type_guid,
            guid: guid(bytes, 16),
            first,
            last,
            attributes: le64(bytes, 48),
            name: utf16(field(bytes, 56, 72)),
        });
    }
    Some(used)
}

fn guid(bytes: &[u8], at: usize) -> Guid {
    Guid::from_gpt_bytes(field(bytes, at, 16).try_into().unwrap_or([0; 16]))
}

/// Blocks `first..=last` as bytes.
pub(super) fn extent(first: u64, last: u64, block: BlockSize) -> Extent {
    let size = u64::from(block.get());
    let start = first.saturating_mul(size);
    let end = last.saturating_add(1).saturating_mul(size);
    Extent::between(Bytes::new(start), Bytes::new(end))
}
