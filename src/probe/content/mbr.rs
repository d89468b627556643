//! MBR partition tables: the four entries and the chain of logical partitions. Reads only.

use std::collections::BTreeSet;
use std::io;

use super::View;
use crate::probe::signature::fields::{field, le32};
use crate::probe::signature::is_fat;

const MAGIC_AT: usize = 510;
const MAGIC: &[u8] = b"\x55\xAA";
const ENTRIES_AT: usize = 446;
const ENTRY: usize = 16;
const PROTECTIVE: u8 = 0xEE;
const EXTENDED: [u8; 3] = [0x05, 0x0F, 0x85];
/// More logical partitions than this are not followed: the chain is then called damaged.
const MOST_LOGICAL: u32 = 128;

/// An entry that is in use, in bytes of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// 1 to 4, from 5 on for logical ones.
    pub(super) number: u32,
    pub(super) kind: u8,
    pub(super) start: u64,
    pub(super) len: u64,
}

/// What sector 0 says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mbr {
    /// All entries but protective ones.
    pub(super) entries: Vec<Entry>,
    /// There is an entry of type 0xEE.
    pub(super) protective: bool,
    /// That entry starts at block 1, as the kernel wants it.
    pub(super) protective_from_1: bool,
    pub(super) disk_id: u32,
    pub(super) defects: Vec<String>,
}

/// `None` if sector 0 holds no table: no magic, a filesystem's boot sector, or impossible flags.
pub(super) fn read(view: &View<'_>) -> io::Result<Option<Mbr>> {
    let Some(sector) = view.bytes(0, 512)? else {
        return Ok(None);
    };
    let boot_sector = matches!(
        field(&sector, 3, 8),
        b"NTFS    " | b"EXFAT   " | b"-FVE-FS-"
    );
    if field(&sector, MAGIC_AT, 2) != MAGIC || boot_sector || is_fat(&sector) {
        return Ok(None);
    }
    let raw: Vec<&[u8]> = field(&sector, ENTRIES_AT, 4 * ENTRY)
        .chunks_exact(ENTRY)
        .collect();
    if raw.iter().any(|entry| !matches!(entry[0], 0 | 0x80)) {
        return Ok(None);
    }
    let block = view.block();
    let mut mbr = Mbr {
        disk_id: le32(&sector, 440),
        ..Mbr::default()
    };
    for (number, entry) in (1..).zip(raw) {
        let kind = entry[4];
        let (first, count) = (le32(entry, 8), le32(entry, 12));
        if kind == PROTECTIVE {
            mbr.protective = true;
            mbr.protective_from_1 |= first == 1;
        } else if kind != 0 && count != 0 {
            let start = u64::from(first) * block;
            let len = u64::from(count) * block;
            mbr.entries.push(Entry {
                number,
                kind,
                start,
                len,
            });
        }
    }
    let extended = mbr
        .entries
        .iter()
        .find(|entry| EXTENDED.contains(&entry.kind))
        .map(|entry| entry.start);
    if let Some(base) = extended {
        mbr.follow(view, base)?;
    }
    Ok(Some(mbr))
}

impl Mbr {
    /// Walks the chain of extended boot records, each at most once.
    fn follow(&mut self, view: &View<'_>, base: u64) -> io::Result<()> {
        let mut seen = BTreeSet::new();
        let mut at = base;
        for number in 5..5 + MOST_LOGICAL {
            if !seen.insert(at) {
                self.defects
                    .push("the chain of logical partitions is a circle".to_owned());
                return Ok(());
            }
            let sector = match view.bytes(at, 512)? {
                Some(sector) if field(&sector, MAGIC_AT, 2) == MAGIC => sector,
                _ => {
                    let defect = format!("no extended boot record at byte {at}");
                    self.defects.push(defect);
                    return Ok(());
                }
            };
            let logical = field(&sector, ENTRIES_AT, ENTRY);
            let next = field(&sector, ENTRIES_AT + ENTRY, ENTRY);
            let block = view.block();
            if logical[4] != 0 && le32(logical, 12) != 0 {
                self.entries.push(Entry {
                    number,
                    kind: logical[4],
                    start: at + u64::from(le32(logical, 8)) * block,
                    len: u64::from(le32(logical, 12)) * block,
                });
            }
            if !EXTENDED.contains(&next[4]) || le32(next, 12) == 0 {
                return Ok(());
            }
            at = base + u64::from(le32(next, 8)) * block;
        }
        self.defects
            .push("more than 128 logical partitions".to_owned());
        Ok(())
    }

    /// Whether it stands only for a GPT.
    pub(super) const fn is_protective_only(&self) -> bool {
        self.protective && self.entries.is_empty()
    }
}

/// Whether an entry is only the frame of the logical ones.
pub(super) fn is_extended(kind: u8) -> bool {
    EXTENDED.contains(&kind)
}
