//! What is on a disk: from bytes to [`Content`].
//!
//! Pure but for reads of a bounded number of bytes through [`BlockSource`], so a device, an image and a buffer in
//! memory are told apart by nothing. Never calls something empty that it could not read.

use std::io;

use crate::probe::inventory::{Content, Layout, Partition, Signature};
use crate::probe::{marker, signature};
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

mod apm;
mod ends;
mod fingerprint;
mod gpt;
mod mbr;
mod table;
mod talos;
mod view;

#[cfg(test)]
mod tests;

pub use talos::is_talos_name;
pub(crate) use view::View;

/// What both ends of a disk without table and signature have to be free of: bytes other than zero.
const BLANK_EDGE: usize = 4096;

/// More partitions than this are not looked into, and the disk is then unreadable.
const MOST_PARTITIONS: usize = 256;

/// What is on `source`, and the digest of it (empty if it could not be read).
///
/// Looks at tables at both ends, at every signature that is known on the disk and in each partition, and at the marker
/// of an unfinished apply. [`Content::Blank`] means that all of that could be read, nothing was found, and the
/// first and last 4 KiB are zero. The same bytes give the same answer.
pub fn inspect_source(source: &dyn BlockSource) -> (Content, String) {
    let unreadable = |reason: String| (Content::Unreadable { reason }, String::new());
    if source.geometry().size == Bytes::ZERO {
        return unreadable("no medium".to_owned());
    }
    match inspect(source) {
        Ok(answer) => answer,
        Err(error) => unreadable(error.to_string()),
    }
}

/// Why the content of a disk could not be told.
#[derive(Debug, thiserror::Error)]
enum InspectError {
    #[error("reading the disk: {0}")]
    Disk(io::Error),
    #[error("reading partition {number}: {error}")]
    Partition { number: u32, error: io::Error },
    #[error("more than {MOST_PARTITIONS} partitions")]
    TooManyPartitions,
    #[error("{0}")]
    Folded(String),
}

fn inspect(source: &dyn BlockSource) -> Result<(Content, String), InspectError> {
    let view = View::disk(source).map_err(InspectError::Disk)?;
    if let Some(why) = ends::folded(&view) {
        return Err(InspectError::Folded(why));
    }
    let tables = table::read(&view).map_err(InspectError::Disk)?;
    if tables.partitions.len() > MOST_PARTITIONS {
        return Err(InspectError::TooManyPartitions);
    }
    let mut layout = Layout {
        table: tables.table,
        partitions: tables.partitions,
        signatures: Vec::new(),
        unfinished: unfinished(&view),
    };
    for partition in &mut layout.partitions {
        look_into(source, partition)?;
    }
    let mut found = signature::scan(&view).map_err(InspectError::Disk)?;
    found.extend(tables.signatures);
    layout.signatures = outside(&layout, found.into_iter().map(|found| found.on_disk(&view)));
    signature::sort(&mut layout.signatures);
    if layout.table.is_none() && layout.signatures.is_empty() {
        layout.signatures.extend(unknown_data(&view));
    }
    let fingerprint = fingerprint::fingerprint(&view, &layout);
    Ok((classify(layout), fingerprint))
}

fn classify(layout: Layout) -> Content {
    let nothing =
        layout.table.is_none() && layout.signatures.is_empty() && layout.unfinished.is_none();
    if nothing {
        Content::Blank
    } else if talos::is_talos(&layout) {
        Content::Talos(layout)
    } else {
        Content::Foreign(layout)
    }
}

fn unfinished(view: &View<'_>) -> Option<String> {
    let start = usize::try_from(marker::MARKER_OFFSET.get()).ok()?;
    let bytes = view.head().get(start..start + marker::MARKER_LEN)?;
    marker::decode(bytes)
}

/// Finds what lies in a partition. One that reaches beyond the disk says so instead.
fn look_into(source: &dyn BlockSource, partition: &mut Partition) -> Result<(), InspectError> {
    if table::is_container(partition) {
        return Ok(());
    }
    let disk = source.geometry().whole();
    if partition.extent.is_empty() || !disk.contains(partition.extent) {
        partition.unreadable = Some("it reaches beyond the end of the disk".to_owned());
        return Ok(());
    }
    let failed = |error| InspectError::Partition {
        number: partition.number,
        error,
    };
    let view = View::partition(source, partition.extent).map_err(failed)?;
    let mut found = signature::scan(&view).map_err(failed)?;
    let nested = table::nested(&view, &found).map_err(failed)?;
    found.extend(nested);
    partition.signatures = found
        .into_iter()
        .map(|found| found.on_disk(&view))
        .collect();
    signature::sort(&mut partition.signatures);
    Ok(())
}

/// Leaves out what belongs to a partition, and never lets a range to zero reach into one.
fn outside(layout: &Layout, found: impl Iterator<Item = Signature>) -> Vec<Signature> {
    let sound = layout
        .table
        .as_ref()
        .is_some_and(|table| table.defects.is_empty());
    let inner: Vec<&Partition> = layout
        .partitions
        .iter()
        .filter(|partition| hides(partition))
        .collect();
    found
        .filter(|signature| {
            let Some(partition) = inner.iter().find(|p| holds(p.extent, signature.offset)) else {
                return true;
            };
            let listed_there = partition
                .signatures
                .iter()
                .any(|s| s.kind == signature.kind && s.offset == signature.offset);
            !sound && !listed_there
        })
        .map(|mut signature| {
            let all = signature.extents.len();
            signature
                .extents
                .retain(|extent| !inner.iter().any(|p| p.extent.overlaps(*extent)));
            if signature.extents.len() < all && signature.note.is_empty() {
                "copies lie in partitions".clone_into(&mut signature.note);
            }
            signature
        })
        .collect()
}

/// A partition from byte 0 covers the table too, as in hybrid ISO images: it is no place of its own.
fn hides(partition: &Partition) -> bool {
    !table::is_container(partition) && partition.extent.start > Bytes::ZERO
}

fn holds(extent: Extent, at: Bytes) -> bool {
    extent.contains(Extent::new(at, Bytes::new(1)))
}

/// Something is there that no rule knows: unknown is never empty.
fn unknown_data(view: &View<'_>) -> Option<Signature> {
    let edge = |bytes: &[u8]| bytes.iter().position(|byte| *byte != 0);
    let (head, tail) = (view.head(), view.tail());
    let head = &head[..head.len().min(BLANK_EDGE)];
    let tail = &tail[tail.len().saturating_sub(BLANK_EDGE)..];
    let tail_start = view.size() - tail.len() as u64;
    let first = edge(head).map(|at| at as u64);
    let last = edge(tail).map(|at| tail_start + at as u64);
    let zero: Vec<(u64, u64)> = [
        first.map(|_| (0, head.len() as u64)),
        last.map(|_| (tail_start, tail.len() as u64)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let at = first.or(last)?;
    let found = signature::Found {
        kind: "unknown-data",
        note: "bytes that are not zero and that nothing known explains".to_owned(),
        at,
        zero,
        ..signature::Found::default()
    };
    Some(found.on_disk(view))
}
