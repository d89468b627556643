//! Destroys the content of volumes, and proves that nothing of it is left to read.

use std::io;

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use sha2::{Digest as _, Sha256};

use crate::apply::digest;
use crate::plan::{DiskPlan, Erase, Proof};
use crate::target::{BlockSource, BlockTarget};
use crate::units::{Bytes, Extent};

/// How much of the pattern is written at once.
const CHUNK: Bytes = Bytes::mib(4);
/// How much is zeroed at once, so that an interrupt need not wait for a terabyte.
const STRETCH: Bytes = Bytes::new(4 << 30);

/// Writes over everything that can hold keys; returns the bytes written.
///
/// The pattern derives from the plan, so that a second run writes the same, and does not compress, so that a drive
/// that squeezes zeros out has to write it.
///
/// # Errors
/// The target's.
pub fn overwrite(erase: &Erase, plan: &str, target: &mut dyn BlockTarget) -> io::Result<u64> {
    let key = Sha256::digest(plan.as_bytes());
    let mut written = 0;
    for piece in erase.keys.iter().flat_map(|keys| pieces(*keys, CHUNK)) {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&piece.start.get().to_le_bytes());
        let mut bytes = vec![0; piece.len.to_usize()];
        ChaCha20::new(&key, &nonce.into()).apply_keystream(&mut bytes);
        target.write_all_at(piece.start, &bytes)?;
        written += piece.len.get();
    }
    Ok(written)
}

/// Makes everything that goes read as zeros.
///
/// # Errors
/// The target's.
pub fn zero(erase: &Erase, target: &mut dyn BlockTarget) -> io::Result<()> {
    for piece in erase.zero.iter().flat_map(|zero| pieces(*zero, STRETCH)) {
        target.zero(piece)?;
    }
    Ok(())
}

/// Tells the medium that the volume is not needed; says whether it took that.
pub fn discard(disk: &DiskPlan, erase: &Erase, target: &mut dyn BlockTarget) -> bool {
    let Some(partition) = disk.partitions.get(erase.partition) else {
        return false;
    };
    match target.discard(partition.extent()) {
        Ok(()) => true,
        Err(error) => {
            // Bridges refuse in many ways; a disk that is gone shows at the next write.
            tracing::debug!(%error, volume = partition.name, "the medium takes no discard");
            false
        }
    }
}

/// The first byte of what was zeroed that is not zero; large ranges are sampled as `proof` says.
///
/// # Errors
/// The source's.
pub fn left_over(
    erase: &Erase,
    proof: Proof,
    source: &dyn BlockSource,
) -> io::Result<Option<Bytes>> {
    let mut buf = Vec::new();
    for extent in &erase.zero {
        let samples = digest::samples(extent.len, proof);
        let mut ranges: Vec<Extent> = samples
            .iter()
            .map(|at| Extent::new(Bytes::new(extent.start.get() + at.get()), proof.sample))
            .collect();
        if ranges.is_empty() {
            ranges.push(*extent);
        }
        // Where keys were, every byte counts.
        ranges.extend(erase.keys.iter().copied());
        for piece in ranges.into_iter().flat_map(|range| pieces(range, CHUNK)) {
            buf.resize(piece.len.to_usize(), 0);
            source.read_exact_at(piece.start, &mut buf)?;
            if let Some(at) = buf.iter().position(|byte| *byte != 0) {
                return Ok(Some(Bytes::new(piece.start.get() + at as u64)));
            }
        }
    }
    Ok(None)
}

/// `extent` in pieces of at most `most`.
fn pieces(extent: Extent, most: Bytes) -> impl Iterator<Item = Extent> {
    let mut at = extent.start;
    std::iter::from_fn(move || {
        let end = extent
            .end()
            .min(Bytes::new(at.get().saturating_add(most.get())));
        let piece = Extent::between(at, end);
        at = piece.end();
        (!piece.is_empty()).then_some(piece)
    })
}
