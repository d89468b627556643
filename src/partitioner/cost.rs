//! How much a plan writes; an estimate where mkfs decides. Pure.

use crate::partitioner::layout::{ALIGNMENT, META_SIZE};
use crate::plan::{ContentPlan, DiskPlan, PartitionPlan};
use crate::units::Bytes;

/// How many bytes the plan writes to the disk; an estimate where mkfs decides.
pub fn bytes_written(disk: &DiskPlan) -> Bytes {
    if !disk.changes() {
        return Bytes::ZERO;
    }
    let table = Bytes::new(2 * (16384 + 4096) + 4096);
    let made = disk
        .partitions
        .iter()
        .filter(|p| p.is_made())
        .map(|p| made_bytes(p).get())
        .sum::<u64>();
    let overwritten = disk.erase.iter().map(|erase| erase.overwritten().get());
    Bytes::new(table.get() + made + overwritten.sum::<u64>())
}

/// How many bytes a reset zeroes on the disk.
pub fn bytes_zeroed(disk: &DiskPlan) -> Bytes {
    Bytes::new(disk.erase.iter().map(|erase| erase.zeroed().get()).sum())
}

fn made_bytes(partition: &PartitionPlan) -> Bytes {
    let clear = 2 * ALIGNMENT.get();
    let content = match &partition.content {
        ContentPlan::Sealed(seal) => {
            let slots = 258_048 * seal.slots.len() as u64;
            32_768
                + slots
                + seal
                    .filesystem
                    .as_ref()
                    .map_or(0, |fs| filesystem_bytes(&fs.kind, fs.size))
        }
        ContentPlan::Filesystem(fs) => filesystem_bytes(&fs.kind, fs.size),
        ContentPlan::Meta { .. } => META_SIZE.get(),
        ContentPlan::AsIs { .. } | ContentPlan::Empty { .. } => 0,
    };
    Bytes::new(clear + content)
}

/// The journal dominates: 64 MiB, or a 2048th of a large filesystem; below 300 MiB mkfs takes less.
fn filesystem_bytes(kind: &str, size: Bytes) -> u64 {
    match kind {
        "xfs" if size < Bytes::mib(300) => 8 << 20,
        "xfs" => (64 << 20).max(size.get() / 2048).min(2 << 30) + (1 << 20),
        // Two FATs of four bytes for each 4 KiB cluster.
        _ => size.get() / 512 + (1 << 16),
    }
}
