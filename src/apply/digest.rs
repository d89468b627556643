//! Digests of what a plan keeps, taken before the first write and after the last: kept partitions, and the space
//! that no partition takes.
//!
//! A small range is digested whole, of a larger one samples are, at places that follow from its size alone, so
//! that anybody can take the same digest again with `dd` and `sha256sum`. The receipt says which it was.

use std::io;

use sha2::{Digest as _, Sha256};

use crate::apply::receipt::Kept;
use crate::hex;
use crate::partitioner::gpt;
use crate::partitioner::meta::{self, Meta};
use crate::plan::{Action, ContentPlan, DiskPlan, Plan, Proof};
use crate::probe::marker::MARKER_EXTENT;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

/// How much is read at once.
const PIECE: Bytes = Bytes::MIB;
/// The boot code of the first block, which a partition table leaves alone.
const BOOT_CODE: Extent = Extent::new(Bytes::ZERO, Bytes::new(440));
/// Samples lie at multiples of this.
const STEP: Bytes = Bytes::new(4096);

/// The digest of everything that `plan` keeps on `disk`.
///
/// # Errors
/// The source's.
pub fn kept(plan: &Plan, disk: &DiskPlan, source: &dyn BlockSource) -> io::Result<Vec<Kept>> {
    let mut kept = Vec::new();
    for partition in &disk.partitions {
        if partition.action != Action::Keep {
            continue;
        }
        if partition.updates_meta() {
            kept.extend(other_tags(
                disk,
                &partition.name,
                partition.extent(),
                source,
            )?);
            continue;
        }
        let name = if partition.name.is_empty() {
            format!("partition {}", partition.number)
        } else {
            partition.name.clone()
        };
        kept.push(digest(disk, name, partition.extent(), plan.proof, source)?);
    }
    if plan.is_reset() {
        for gap in gaps(disk, source)? {
            let name = if gap == BOOT_CODE {
                String::from("boot code")
            } else {
                format!("no partition, from byte {}", gap.start.get())
            };
            kept.push(digest(disk, name, gap, plan.proof, source)?);
        }
    }
    Ok(kept)
}

/// What lies between the partitions, behind the table and before its backup, but for the mark; and the boot code.
fn gaps(disk: &DiskPlan, source: &dyn BlockSource) -> io::Result<Vec<Extent>> {
    let found = gpt::read(source).map_err(io::Error::other)?;
    let Some(table) = found.table() else {
        return Ok(Vec::new());
    };
    let block = disk.geometry.logical.bytes().get();
    let entries = table.entries_lba().0.saturating_mul(block);
    let array = (u64::from(gpt::ENTRY_COUNT) * 128).next_multiple_of(block);
    // Both copies of the table are read back byte for byte.
    let head = Extent::between(BOOT_CODE.end(), Bytes::new(entries.saturating_add(array)));
    let mut taken = vec![BOOT_CODE, head, MARKER_EXTENT];
    taken.extend(disk.partitions.iter().map(|p| p.extent()));
    let mut gaps = vec![BOOT_CODE];
    let mut from = Bytes::ZERO;
    let end = table.usable().end();
    for extent in Extent::merged(taken) {
        gaps.push(Extent::between(from, extent.start.min(end)));
        from = extent.end();
    }
    gaps.push(Extent::between(from, end));
    gaps.retain(|gap| !gap.is_empty());
    Ok(gaps)
}

fn digest(
    disk: &DiskPlan,
    partition: String,
    extent: Extent,
    proof: Proof,
    source: &dyn BlockSource,
) -> io::Result<Kept> {
    let samples = samples(extent.len, proof);
    let mut hash = Sha256::new();
    if samples.is_empty() {
        absorb(&mut hash, extent, source)?;
    }
    for sample in &samples {
        let start = Bytes::new(extent.start.get() + sample.get());
        absorb(&mut hash, Extent::new(start, proof.sample), source)?;
    }
    let kind = if samples.is_empty() {
        "sha256"
    } else {
        "sha256-samples"
    };
    Ok(Kept {
        disk: disk.path.clone(),
        partition,
        digest: format!("{kind}:{}", hex::lower(&hash.finalize())),
        size: extent.len,
        samples,
    })
}

/// Where within a range of `len` bytes samples are taken; empty for a range that is digested whole.
pub fn samples(len: Bytes, proof: Proof) -> Vec<Bytes> {
    let all = u64::from(proof.samples).saturating_mul(proof.sample.get());
    if len <= proof.whole_up_to || len.get() <= all || proof.samples < 2 {
        return Vec::new();
    }
    let last = len.saturating_sub(proof.sample);
    let steps = u128::from(proof.samples - 1);
    (0..proof.samples)
        .map(|n| {
            let at = u128::from(last.get()) * u128::from(n) / steps;
            let at = Bytes::new(u64::try_from(at).unwrap_or(u64::MAX));
            if at == last { at } else { at.align_down(STEP) }
        })
        .collect()
}

fn absorb(hash: &mut Sha256, extent: Extent, source: &dyn BlockSource) -> io::Result<()> {
    let mut buf = vec![0; PIECE.min(extent.len).to_usize()];
    let mut at = extent.start;
    while at < extent.end() {
        let len = PIECE.min(Extent::between(at, extent.end()).len).to_usize();
        source.read_exact_at(at, &mut buf[..len])?;
        hash.update(&buf[..len]);
        at = Bytes::new(at.get() + len as u64);
    }
    Ok(())
}

/// Of a META that changes, every tag but the one that does: number, length and value, in ascending order.
fn other_tags(
    disk: &DiskPlan,
    name: &str,
    extent: Extent,
    source: &dyn BlockSource,
) -> io::Result<Option<Kept>> {
    let Ok(meta) = Meta::decode(&source.read_extent(extent)?) else {
        return Ok(None);
    };
    let mut hash = Sha256::new();
    let mut size = 0;
    for tag in meta
        .tags()
        .filter(|tag| *tag != meta::tag::STATE_ENCRYPTION)
    {
        let value = meta
            .get(tag)
            .map(|value| value.expose())
            .unwrap_or_default();
        hash.update([tag]);
        hash.update((value.len() as u64).to_be_bytes());
        hash.update(value);
        size += value.len() as u64;
    }
    Ok(Some(Kept {
        disk: disk.path.clone(),
        partition: format!("{name}, tags but 0x09"),
        digest: hex::sha256(&hash.finalize()),
        size: Bytes::new(size),
        samples: Vec::new(),
    }))
}

/// How many bytes are read to prove that `disk` keeps what it keeps.
pub fn cost(disk: &DiskPlan, proof: Proof) -> Bytes {
    let kept = disk
        .partitions
        .iter()
        .filter(|p| p.action == Action::Keep && !matches!(p.content, ContentPlan::Meta { .. }));
    let read = |len: Bytes| match samples(len, proof).len() as u64 {
        0 => len.get(),
        count => count * proof.sample.get(),
    };
    Bytes::new(kept.map(|p| read(p.size)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_at_both_ends_in_order_and_apart() {
        let proof = Proof::default();
        assert_eq!(samples(Bytes::mib(64), proof), []);
        for len in [(64 << 20) + 512, 1 << 30, 1_000_204_886_016] {
            let samples = samples(Bytes::new(len), proof);
            assert_eq!(samples.len(), 64, "{len}");
            assert_eq!(samples[0], Bytes::ZERO);
            assert_eq!(samples[63].get(), len - (1 << 20), "the last byte is seen");
            assert!(samples.windows(2).all(|w| w[0] < w[1]));
        }
    }
}
