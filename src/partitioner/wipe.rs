//! What is zeroed before a disk gets a new table, in which order, and what is discarded then. Pure.
//!
//! Signatures inside old partitions go before the old table (a later table at the same offsets would bring
//! them back), the primary table before the backup (or the next tool repairs it from there).

use crate::plan::Wipe;
use crate::probe::inventory::{Content, Disk};
use crate::probe::marker::MARKER_EXTENT;
use crate::units::{Bytes, Extent, Geometry};

/// Everything that `disk` holds, and both of its ends: what is zeroed, and what is discarded then.
pub fn everything(disk: &Disk, geometry: Geometry) -> (Vec<Wipe>, Vec<Extent>) {
    let wipes = zeroed(disk, geometry);
    let discards = discards(&disk.content, geometry, &wipes);
    (wipes, discards)
}

fn zeroed(disk: &Disk, geometry: Geometry) -> Vec<Wipe> {
    let mut wipes = Vec::new();
    let head = Extent::new(Bytes::ZERO, Bytes::MIB);
    let tail = Extent::between(geometry.size.saturating_sub(Bytes::MIB), geometry.size);
    let mut first = Vec::new();
    if let Some(layout) = disk.content.layout() {
        for partition in &layout.partitions {
            let extents: Vec<Extent> = partition
                .signatures
                .iter()
                .flat_map(|s| s.extents.clone())
                .collect();
            if !extents.is_empty() {
                let kinds: Vec<&str> = partition
                    .signatures
                    .iter()
                    .map(|s| s.kind.as_str())
                    .collect();
                let why = format!(
                    "{} in partition {} {:?}",
                    kinds.join(", "),
                    partition.number,
                    partition.name
                );
                wipes.push(Wipe {
                    extents: tidy(extents, geometry),
                    table: false,
                    why,
                });
            }
        }
        first.extend(layout.signatures.iter().flat_map(|s| s.extents.clone()));
    }
    first.extend(around_marker(head));
    first.retain(|extent| !extent.overlaps(tail));
    wipes.push(Wipe {
        extents: tidy(first, geometry),
        table: true,
        why: String::from("old table and the first MiB"),
    });
    wipes.push(Wipe {
        extents: vec![tail],
        table: true,
        why: String::from("old backup table and the last MiB"),
    });
    wipes
}

/// What a disk holds besides the ranges that `wipes` zeroes: all of it may go back to the flash. Nothing where nobody
/// knows of anything on it.
fn discards(content: &Content, geometry: Geometry, wipes: &[Wipe]) -> Vec<Extent> {
    if *content == Content::Blank {
        return Vec::new();
    }
    let head = Extent::new(Bytes::ZERO, Bytes::MIB);
    let zeroed = wipes.iter().flat_map(|wipe| wipe.extents.clone());
    let mut at = Bytes::ZERO;
    let mut left = Vec::new();
    for used in Extent::merged(zeroed.chain([head]).collect()) {
        left.push(Extent::between(at, used.start));
        at = used.end();
    }
    left.push(Extent::between(at, geometry.size));
    left.retain(|extent| !extent.is_empty());
    left
}

/// `head` without the place of the mark, which must survive the wipe that it announces.
fn around_marker(head: Extent) -> [Extent; 2] {
    [
        Extent::between(head.start, MARKER_EXTENT.start),
        Extent::between(MARKER_EXTENT.end(), head.end()),
    ]
}

/// Whole blocks, inside of the disk, without the mark, in order, merged where they touch.
fn tidy(extents: Vec<Extent>, geometry: Geometry) -> Vec<Extent> {
    let block = geometry.logical.bytes();
    let whole: Vec<Extent> = extents
        .into_iter()
        .filter_map(|extent| {
            let end = extent.end().min(geometry.size).align_up(block)?;
            Some(Extent::between(extent.start.align_down(block), end))
        })
        .flat_map(|extent| {
            [
                Extent::between(extent.start, extent.end().min(MARKER_EXTENT.start)),
                Extent::between(extent.start.max(MARKER_EXTENT.end()), extent.end()),
            ]
        })
        .collect();
    Extent::merged(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::inventory::Layout;
    use crate::units::BlockSize;

    #[test]
    fn ranges_are_merged_rounded_to_blocks_and_spare_the_mark() {
        let geometry = Geometry {
            size: Bytes::GIB,
            logical: BlockSize::B4096,
            physical: 4096,
        };
        let at = |start, len| Extent::new(Bytes::new(start), Bytes::new(len));
        let tidied = tidy(vec![at(1080, 2), at(4096, 10), at(0, 1 << 20)], geometry);
        assert_eq!(
            tidied,
            [
                Extent::between(Bytes::ZERO, MARKER_EXTENT.start),
                Extent::between(MARKER_EXTENT.end(), Bytes::MIB)
            ]
        );
    }

    #[test]
    fn everything_but_what_reads_as_zeros_is_discarded() {
        let geometry = Geometry {
            size: Bytes::GIB,
            logical: BlockSize::B512,
            physical: 512,
        };
        let wipe = |start, len| Wipe {
            extents: vec![Extent::new(Bytes::mib(start), Bytes::mib(len))],
            table: false,
            why: String::new(),
        };
        let wipes = [wipe(1023, 1), wipe(64, 1), wipe(0, 1)];
        let foreign = Content::Foreign(Layout::default());
        let discarded = discards(&foreign, geometry, &wipes);
        let pieces = [(1, 63), (65, 958)]
            .map(|(start, len)| Extent::new(Bytes::mib(start), Bytes::mib(len)));
        assert_eq!(discarded, pieces);
        assert_eq!(discards(&Content::Blank, geometry, &wipes), []);
    }
}
