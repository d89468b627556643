//! Where a test may write: what no partition covers on a disk of which everything is understood. Pure.

use crate::probe::inventory::{Content, Layout};
use crate::units::{Bytes, Extent, Geometry};

/// What both ends of a disk keep free: tables, and what firmware and RAID controllers put there.
const EDGE: Bytes = Bytes::MIB;

/// Why nothing may be written to a disk, or not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Nobody can tell what is on it.
    #[error("it cannot be told what is on it: {0}")]
    Unreadable(String),
    /// An apply or reset stopped half-way.
    #[error("an apply of plan {0} was interrupted on it")]
    Unfinished(String),
    /// Its table has a defect, so there may be partitions that it does not show.
    #[error("its partition table is not sound: {0}")]
    Table(String),
    /// Something fills the disk itself.
    #[error("it holds {0} outside of any partition")]
    Foreign(String),
    /// A partition lies there.
    #[error("the range {range} touches partition {number} {name:?} ({extent})")]
    Partition {
        /// The range.
        range: Extent,
        /// Number of the partition.
        number: u32,
        /// Its name.
        name: String,
        /// Where it lies.
        extent: Extent,
    },
    /// The table, or the disk's ends.
    #[error("the range {range} is not in the part of the disk that partitions may use ({usable})")]
    Edge {
        /// The range.
        range: Extent,
        /// What may be used.
        usable: Extent,
    },
    /// There is no such range.
    #[error("no range of {least} is free: the largest has {found}")]
    Full {
        /// What was wanted.
        least: Bytes,
        /// What there is.
        found: Bytes,
    },
}

/// What may be used on a disk that is understood.
struct Room<'a> {
    usable: Extent,
    layout: Option<&'a Layout>,
}

fn room(content: &Content, geometry: Geometry) -> Result<Room<'_>, RangeError> {
    let inner = Extent::between(EDGE, geometry.size.saturating_sub(EDGE));
    let layout = match content {
        Content::Blank => {
            return Ok(Room {
                usable: inner,
                layout: None,
            });
        }
        Content::Unreadable { reason } => return Err(RangeError::Unreadable(reason.clone())),
        Content::Talos(layout) | Content::Foreign(layout) => layout,
    };
    if let Some(plan) = &layout.unfinished {
        return Err(RangeError::Unfinished(plan.clone()));
    }
    let own: &[&str] = match layout.table.as_ref().map(|table| table.kind.as_str()) {
        Some("gpt") => &["gpt", "PMBR"],
        Some("mbr") => &["dos"],
        Some("apm") => &["mac"],
        _ => &[],
    };
    let foreign = layout
        .signatures
        .iter()
        .find(|found| !own.contains(&found.kind.as_str()));
    if let Some(found) = foreign {
        return Err(RangeError::Foreign(format!(
            "{} at byte {}",
            found.kind,
            found.offset.get()
        )));
    }
    let Some(table) = &layout.table else {
        return Err(RangeError::Foreign(String::from("something unknown")));
    };
    if !table.defects.is_empty() {
        return Err(RangeError::Table(table.defects.join("; ")));
    }
    let usable = table.usable.unwrap_or(inner);
    let usable = usable
        .intersection(inner)
        .unwrap_or(Extent::new(EDGE, Bytes::ZERO));
    Ok(Room {
        usable,
        layout: Some(layout),
    })
}

impl Room<'_> {
    /// Everything that is taken: number, name, place.
    fn taken(&self) -> Vec<(u32, &str, Extent)> {
        let layout = self.layout.into_iter();
        let partitions = layout.clone().flat_map(|layout| &layout.partitions);
        let partitions = partitions.map(|part| (part.number, part.name.as_str(), part.extent));
        let signatures = layout.flat_map(|layout| &layout.signatures);
        let tables = signatures.flat_map(|found| &found.extents);
        partitions
            .chain(tables.map(|extent| (0, "the table itself", *extent)))
            .collect()
    }
}

/// The ranges that no partition covers, in whole MiB and in order.
///
/// # Errors
/// [`RangeError`] for a disk of which not everything is understood.
pub fn free(content: &Content, geometry: Geometry) -> Result<Vec<Extent>, RangeError> {
    let room = room(content, geometry)?;
    let taken = room.taken().into_iter().map(|(_, _, extent)| extent);
    let mut free = Vec::new();
    let mut at = room.usable.start;
    for extent in Extent::merged(taken.collect()) {
        free.push(Extent::between(at, extent.start.min(room.usable.end())));
        at = at.max(extent.end());
    }
    free.push(Extent::between(at, room.usable.end()));
    let inward = |range: Extent| {
        let start = range.start.align_up(Bytes::MIB)?;
        let inner = Extent::between(start, range.end().align_down(Bytes::MIB));
        (!inner.is_empty()).then_some(inner)
    };
    Ok(free.into_iter().filter_map(inward).collect())
}

/// Whether `range` may be written.
///
/// # Errors
/// [`RangeError`] with what speaks against it.
pub fn check(content: &Content, geometry: Geometry, range: Extent) -> Result<(), RangeError> {
    let room = room(content, geometry)?;
    if !room.usable.contains(range) {
        let usable = room.usable;
        return Err(RangeError::Edge { range, usable });
    }
    let hit = room
        .taken()
        .into_iter()
        .find(|(_, _, extent)| extent.overlaps(range));
    match hit {
        None => Ok(()),
        Some((number, name, extent)) => Err(RangeError::Partition {
            range,
            number,
            name: name.to_owned(),
            extent,
        }),
    }
}

/// The largest free range, and `len` bytes in its middle, as far from every partition as can be.
///
/// # Errors
/// [`RangeError`]; [`RangeError::Full`] if it is shorter than `len`.
pub fn pick(
    content: &Content,
    geometry: Geometry,
    len: Bytes,
) -> Result<(Extent, Extent), RangeError> {
    let free = free(content, geometry)?;
    let largest = free.into_iter().max_by_key(|range| range.len);
    let found = largest.map_or(Bytes::ZERO, |range| range.len);
    match largest.filter(|range| range.len >= len) {
        None => Err(RangeError::Full { least: len, found }),
        Some(range) => {
            let before = Bytes::new((found.get() - len.get()) / 2).align_down(Bytes::MIB);
            let start = Bytes::new(range.start.get() + before.get());
            Ok((range, Extent::new(start, len)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::inventory::{Partition, Signature, Table};
    use crate::units::BlockSize;

    const DISK: Geometry = Geometry {
        size: Bytes::mib(1000),
        logical: BlockSize::B512,
        physical: 512,
    };

    fn mib(start: u64, len: u64) -> Extent {
        Extent::new(Bytes::mib(start), Bytes::mib(len))
    }

    fn partition(number: u32, extent: Extent) -> Partition {
        Partition {
            number,
            name: format!("p{number}"),
            extent,
            type_guid: None,
            mbr_type: None,
            guid: None,
            attributes: 0,
            signatures: Vec::new(),
            unreadable: None,
        }
    }

    fn signature(kind: &str) -> Signature {
        Signature {
            kind: kind.to_owned(),
            talos: String::new(),
            label: String::new(),
            uuid: String::new(),
            version: String::new(),
            offset: Bytes::new(512),
            extents: vec![Extent::new(Bytes::new(512), Bytes::new(512))],
            note: String::new(),
        }
    }

    fn layout(kind: &str, own: &[&str]) -> Layout {
        Layout {
            table: Some(Table {
                kind: kind.to_owned(),
                guid: None,
                block_size: None,
                usable: None,
                defects: Vec::new(),
            }),
            partitions: vec![partition(1, mib(1, 99)), partition(2, mib(300, 100))],
            signatures: own.iter().map(|kind| signature(kind)).collect(),
            unfinished: None,
        }
    }

    #[test]
    fn every_kind_of_table_keeps_its_partitions() {
        for (kind, own) in [
            ("gpt", &["gpt", "PMBR"][..]),
            ("mbr", &["dos"]),
            ("apm", &["mac"]),
        ] {
            let content = Content::Foreign(layout(kind, own));
            assert_eq!(
                free(&content, DISK),
                Ok(vec![mib(100, 200), mib(400, 599)]),
                "{kind}"
            );
            assert_eq!(check(&content, DISK, mib(100, 200)), Ok(()));
            assert_eq!(check(&content, DISK, mib(400, 599)), Ok(()));
            for range in [mib(99, 2), mib(299, 2), mib(310, 5), mib(399, 2), mib(1, 4)] {
                let refused = check(&content, DISK, range);
                assert!(
                    matches!(refused, Err(RangeError::Partition { .. })),
                    "{kind} {range}"
                );
            }
            for range in [mib(0, 4), mib(990, 10), mib(2000, 1)] {
                let refused = check(&content, DISK, range);
                assert!(
                    matches!(refused, Err(RangeError::Edge { .. })),
                    "{kind} {range}"
                );
            }
        }
    }

    #[test]
    fn a_usable_part_of_the_table_bounds_what_is_free() {
        let mut narrow = layout("gpt", &["gpt", "PMBR"]);
        narrow.table.as_mut().unwrap().usable = Some(mib(1, 500));
        let content = Content::Foreign(narrow);
        assert_eq!(free(&content, DISK), Ok(vec![mib(100, 200), mib(400, 101)]));
        assert!(check(&content, DISK, mib(600, 8)).is_err());
    }

    #[test]
    fn the_test_lies_in_the_middle_of_the_largest_free_range() {
        let content = Content::Foreign(layout("gpt", &["gpt", "PMBR"]));
        let (range, window) = pick(&content, DISK, Bytes::mib(16)).unwrap();
        assert_eq!((range, window), (mib(400, 599), mib(691, 16)));
        let full = RangeError::Full {
            least: Bytes::mib(600),
            found: Bytes::mib(599),
        };
        assert_eq!(pick(&content, DISK, Bytes::mib(600)), Err(full));
        let blank = pick(&Content::Blank, DISK, Bytes::mib(998)).unwrap();
        assert_eq!(blank.1, mib(1, 998));
    }

    #[test]
    fn a_disk_of_which_not_everything_is_understood_is_left_alone() {
        let change = |change: fn(&mut Layout)| {
            let mut layout = layout("gpt", &["gpt", "PMBR"]);
            change(&mut layout);
            Content::Foreign(layout)
        };
        let reason = String::from("short read");
        for (content, why) in [
            (Content::Unreadable { reason }, "short read"),
            (
                change(|l| l.unfinished = Some("7k2m".into())),
                "interrupted",
            ),
            (
                change(|l| l.signatures.push(signature("linux_raid_member"))),
                "linux_raid_member",
            ),
            (change(|l| l.signatures.push(signature("dos"))), "dos"),
            (
                change(|l| l.table.as_mut().unwrap().defects.push("overlap".into())),
                "not sound: overlap",
            ),
            (
                change(|l| {
                    l.table = None;
                    l.signatures = vec![signature("crypto_LUKS")];
                }),
                "crypto_LUKS",
            ),
            (change(|l| l.table = None), "gpt"),
        ] {
            for refused in [
                free(&content, DISK).map(|_| ()),
                check(&content, DISK, mib(500, 4)),
                pick(&content, DISK, Bytes::mib(4)).map(|_| ()),
            ] {
                let error = refused.unwrap_err().to_string();
                assert!(error.contains(why), "{error}");
            }
        }
    }
}
