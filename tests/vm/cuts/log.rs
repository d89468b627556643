//! The log of what a guest wrote to a disk, in its order, and when it asked for it to be durable.
//!
//! Format: Linux' Documentation/admin-guide/device-mapper/log-writes.rst, as QEMU's `blklogwrites` writes it: a super
//! block, then entries of one sector each, followed by their data.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use super::super::tools::{Fallible, failed};

const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;

/// Unit of all numbers in the log: `log-sector-size` of the block node.
pub const SECTOR: u64 = 512;

/// One thing that a guest asked of its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Bytes at this place of the disk; they stand at `data` in the log.
    Write {
        at: u64,
        length: u64,
        data: u64,
        /// Durable as soon as it is done.
        through: bool,
    },
    /// The place reads as zeros from now on.
    Discard { at: u64, length: u64 },
    /// Everything before is durable.
    Flush,
}

/// Reads a whole log.
pub fn read(log: &File) -> Fallible<Vec<Event>> {
    let head = sector(log, 0)?;
    if head[0] != MAGIC || head[1] != 1 || head[3] & 0xffff_ffff != SECTOR {
        return Err(format!("no log of writes: {head:x?}"));
    }
    let mut events = Vec::new();
    let mut at = SECTOR;
    for _ in 0..head[2] {
        let [first, count, flags, _] = sector(log, at)?;
        at += SECTOR;
        let (place, length) = (first * SECTOR, count * SECTOR);
        if flags & DISCARD != 0 {
            events.push(Event::Discard { at: place, length });
            continue;
        }
        if flags & FLUSH != 0 {
            events.push(Event::Flush);
        }
        if length > 0 {
            let through = flags & FUA != 0;
            events.push(Event::Write {
                at: place,
                length,
                data: at,
                through,
            });
            at += length;
        }
    }
    Ok(events)
}

/// The four numbers at the start of a sector.
fn sector(log: &File, at: u64) -> Fallible<[u64; 4]> {
    let mut bytes = [0; 32];
    log.read_exact_at(&mut bytes, at)
        .map_err(failed("the log of writes ends early"))?;
    let number = |index: usize| {
        let mut field = [0; 8];
        field.copy_from_slice(&bytes[index * 8..][..8]);
        u64::from_le_bytes(field)
    };
    Ok([number(0), number(1), number(2), number(3)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_in_its_order() {
        let file = tempfile::tempfile().unwrap();
        let put = |at: u64, numbers: [u64; 4]| {
            let bytes: Vec<u8> = numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            file.write_all_at(&bytes, at * SECTOR).unwrap();
        };
        put(0, [MAGIC, 1, 4, SECTOR]);
        put(1, [8, 2, 0, 0]);
        put(4, [0, 0, FLUSH, 0]);
        put(5, [64, 1, FUA, 0]);
        put(7, [16, 8, DISCARD, 0]);
        file.set_len(8 * SECTOR).unwrap();
        let write = |at, length, data, through| Event::Write {
            at,
            length,
            data,
            through,
        };
        let wanted = [
            write(4096, 1024, 1024, false),
            Event::Flush,
            write(32768, 512, 3072, true),
            Event::Discard {
                at: 8192,
                length: 4096,
            },
        ];
        assert_eq!(read(&file).unwrap(), wanted);
        put(0, [MAGIC, 1, 99, SECTOR]);
        assert!(read(&file).unwrap_err().contains("ends early"));
        put(0, [MAGIC, 2, 4, SECTOR]);
        assert!(read(&file).unwrap_err().contains("no log"));
    }
}
