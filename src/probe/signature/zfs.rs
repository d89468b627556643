//! ZFS: four labels of 256 KiB, each with an XDR list of names and values and an array of uberblocks.
//!
//! Format: ZFS on-disk specification, chapters 1 and 2. Reads the first level of the list only.

use std::io;

use super::fields::{be32, be64, field, le64, text};
use super::{At, Found, View};

const LABEL: u64 = 256 << 10;
const LIST: u64 = 16 << 10;
const LIST_LEN: u64 = 112 << 10;
const UBERBLOCKS: u64 = 128 << 10;
const UBERBLOCK: usize = 1024;
const MAGIC: u64 = 0x00BA_B10C;
/// As many uberblocks as libblkid and Talos want to see before they believe it.
const ENOUGH: usize = 4;
/// Talos does not look at smaller devices.
const TALOS_SIZE: u64 = 64 << 20;

const PLACES: [At; 4] = [
    At::Start(0),
    At::Start(LABEL),
    At::End {
        back: 2 * LABEL,
        align: LABEL,
    },
    At::End {
        back: LABEL,
        align: LABEL,
    },
];

/// What the list of a label says.
#[derive(Default)]
struct Pool {
    name: String,
    guid: u64,
    device: u64,
    state: Option<u64>,
}

pub(super) fn scan(view: &View<'_>) -> io::Result<Option<Found>> {
    let mut labels: Vec<(u64, u64)> = Vec::new();
    let mut uberblocks = 0;
    let mut pool = None;
    for at in PLACES.iter().filter_map(|place| place.resolve(view.size())) {
        let Some(list) = view.bytes(at.saturating_add(LIST), LIST_LEN)? else {
            continue;
        };
        let Some(array) = view.bytes(at.saturating_add(UBERBLOCKS), UBERBLOCKS)? else {
            continue;
        };
        let said = read_list(&list);
        let count = count_uberblocks(&array);
        uberblocks += count;
        if (said.is_some() || count > 0) && !labels.contains(&(at, LABEL)) {
            labels.push((at, LABEL));
        }
        pool = pool.or(said);
    }
    if labels.is_empty() {
        return Ok(None);
    }
    Ok(Some(describe(labels, uberblocks, pool, view.size())))
}

fn describe(labels: Vec<(u64, u64)>, uberblocks: usize, pool: Option<Pool>, size: u64) -> Found {
    let mut remarks = vec![format!("{} of 4 labels", labels.len())];
    let named = pool.is_some();
    let pool = pool.unwrap_or_default();
    match pool.state {
        Some(1) => remarks.push("exported pool".to_owned()),
        Some(2) => remarks.push("destroyed pool".to_owned()),
        _ => {}
    }
    if pool.device != 0 {
        remarks.push(format!("device {}", pool.device));
    }
    let believed = uberblocks >= ENOUGH && size >= TALOS_SIZE;
    Found {
        kind: "zfs_member",
        talos: if believed { "zfs" } else { "" },
        label: pool.name,
        uuid: if named {
            pool.guid.to_string()
        } else {
            String::new()
        },
        version: String::new(),
        note: remarks.join("; "),
        at: labels.first().map_or(0, |(at, _)| *at),
        zero: labels,
    }
}

fn count_uberblocks(array: &[u8]) -> usize {
    array
        .chunks_exact(UBERBLOCK)
        .filter(|block| {
            let magic = le64(block, 0);
            magic == MAGIC || magic.swap_bytes() == MAGIC
        })
        .count()
}

/// `None` if it is no list of a label.
fn read_list(list: &[u8]) -> Option<Pool> {
    const XDR: u8 = 1;
    const NUMBER: u32 = 8;
    const STRING: u32 = 9;
    const PAIRS: usize = 64;
    if list.first() != Some(&XDR) {
        return None;
    }
    let mut pool = Pool::default();
    let mut named = false;
    let mut at = 12;
    for _ in 0..PAIRS {
        let len = usize::try_from(be32(list, at)).ok()?;
        let pair = list.get(at..at.checked_add(len)?)?;
        if len < 20 {
            break;
        }
        let name_len = usize::try_from(be32(pair, 8)).ok()?;
        let name = field(pair, 12, name_len);
        let value = 12usize.checked_add(name_len.checked_next_multiple_of(4)?)?;
        let kind = be32(pair, value);
        let number = be64(pair, value.checked_add(8)?);
        match (name, kind) {
            (b"name", STRING) => {
                let len = usize::try_from(be32(pair, value + 8)).ok()?;
                pool.name = text(field(pair, value + 12, len));
                named = true;
            }
            (b"pool_guid", NUMBER) => {
                pool.guid = number;
                named = true;
            }
            (b"guid", NUMBER) => pool.device = number,
            (b"state", NUMBER) => pool.state = Some(number),
            _ => {}
        }
        at += len;
    }
    named.then_some(pool)
}
