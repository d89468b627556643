//! Partitions by number, place and size: what the kernel has, what a table names, and how the one becomes the other.
//!
//! Pure. A partition that stays as it is, is never touched: it may be open, and the kernel would refuse. None is
//! ever renumbered: a number that now means another place is removed and added again.

use std::collections::BTreeMap;

use crate::partitioner::gpt::Gpt;
use crate::units::Extent;

/// One partition: its number, from 1, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Entry number, from 1.
    pub number: u32,
    /// Its bytes on the disk.
    pub extent: Extent,
}

/// One thing to tell the kernel (`BLKPG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The partition is gone, or is elsewhere now.
    Remove(u32),
    /// It starts where it did and has another length.
    Resize(Slot),
    /// It is new.
    Add(Slot),
}

/// The partitions of a table.
pub fn of_table(table: &Gpt) -> Vec<Slot> {
    let block = table.geometry().logical;
    let slot = |(number, entry): (u32, &crate::partitioner::gpt::Entry)| {
        let extent = entry.extent(block)?;
        Some(Slot { number, extent })
    };
    table.partitions().filter_map(slot).collect()
}

fn by_number(slots: &[Slot]) -> BTreeMap<u32, Extent> {
    slots
        .iter()
        .map(|slot| (slot.number, slot.extent))
        .collect()
}

/// What turns `now` into `wanted`, in an order in which no two partitions overlap on the way: what goes, what
/// shrinks, what grows, what is new.
pub fn changes(now: &[Slot], wanted: &[Slot]) -> Vec<Change> {
    let (now, wanted) = (by_number(now), by_number(wanted));
    let mut removed = Vec::new();
    let mut shrunk = Vec::new();
    let mut grown = Vec::new();
    let mut added = Vec::new();
    for (number, found) in &now {
        match wanted.get(number) {
            Some(extent) if extent.start == found.start => {
                let slot = Slot {
                    number: *number,
                    extent: *extent,
                };
                match extent.len.cmp(&found.len) {
                    std::cmp::Ordering::Less => shrunk.push(Change::Resize(slot)),
                    std::cmp::Ordering::Equal => {}
                    std::cmp::Ordering::Greater => grown.push(Change::Resize(slot)),
                }
            }
            _ => removed.push(Change::Remove(*number)),
        }
    }
    for (number, extent) in &wanted {
        if now.get(number).map(|found| found.start) != Some(extent.start) {
            let (number, extent) = (*number, *extent);
            added.push(Change::Add(Slot { number, extent }));
        }
    }
    [removed, shrunk, grown, added].concat()
}

/// In words, in which partitions the kernel differs from the table; empty if in none.
pub fn differences(kernel: &[Slot], table: &[Slot]) -> Vec<String> {
    let (kernel, table) = (by_number(kernel), by_number(table));
    let mut found = Vec::new();
    for (number, wanted) in &table {
        match kernel.get(number) {
            Some(extent) if extent == wanted => {}
            Some(extent) => found.push(format!(
                "partition {number} is {extent} for it and {wanted} in the table"
            )),
            None => found.push(format!("it does not have partition {number}")),
        }
    }
    for number in kernel.keys().filter(|number| !table.contains_key(number)) {
        found.push(format!(
            "it still has partition {number}, which is not in the table"
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    fn slot(number: u32, start: u64, len: u64) -> Slot {
        let extent = Extent::new(Bytes::mib(start), Bytes::mib(len));
        Slot { number, extent }
    }

    #[test]
    fn only_what_differs_is_changed_and_nothing_is_renumbered() {
        let now = [slot(1, 1, 10), slot(2, 20, 10), slot(3, 40, 10)];
        let same = changes(&now, &now);
        assert_eq!(same, []);
        let wanted = [slot(1, 1, 10), slot(2, 50, 5), slot(4, 20, 10)];
        assert_eq!(
            changes(&now, &wanted),
            [
                Change::Remove(2),
                Change::Remove(3),
                Change::Add(slot(2, 50, 5)),
                Change::Add(slot(4, 20, 10)),
            ]
        );
    }

    #[test]
    fn a_partition_gives_room_before_its_neighbour_takes_it() {
        let now = [slot(1, 1, 10), slot(2, 11, 10), slot(3, 31, 10)];
        let wanted = [slot(1, 1, 5), slot(2, 11, 20), slot(5, 6, 5)];
        assert_eq!(
            changes(&now, &wanted),
            [
                Change::Remove(3),
                Change::Resize(slot(1, 1, 5)),
                Change::Resize(slot(2, 11, 20)),
                Change::Add(slot(5, 6, 5)),
            ]
        );
    }

    #[test]
    fn every_difference_is_named() {
        let kernel = [slot(1, 1, 10), slot(2, 20, 10), slot(9, 90, 1)];
        let table = [slot(1, 1, 10), slot(2, 20, 11), slot(3, 40, 1)];
        let found = differences(&kernel, &table);
        assert_eq!(found.len(), 3, "{found:?}");
        for (words, number) in found.iter().zip(["2 is", "partition 3", "partition 9"]) {
            assert!(words.contains(number), "{words}");
        }
        assert_eq!(differences(&table, &table), Vec::<String>::new());
    }
}
