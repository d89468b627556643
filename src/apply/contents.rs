//! The bytes of a prepared partition, chunk by chunk, for writing them and for comparing what is read back.

use std::io;

use crate::apply::filesystem::Filesystem;
use crate::apply::prepare::Prepared;
use crate::partitioner::luks2::SectorCipher;
use crate::plan::{ContentPlan, PartitionPlan};
use crate::units::{Bytes, Extent};

/// How much is encrypted and written at once.
const CHUNK: Bytes = Bytes::MIB;
/// Encryption sectors and filesystem blocks are at most this big, so chunks end at its multiples.
const UNIT: Bytes = Bytes::new(4096);

/// What receives the bytes: their place on the disk, and themselves.
pub type Sink<'a> = &'a mut dyn FnMut(Bytes, &[u8]) -> io::Result<()>;

/// The LUKS2 header and keyslots: keyslot areas, then the second header, then the first.
///
/// # Errors
/// The sink's.
pub fn seal(partition: &PartitionPlan, prepared: &Prepared, sink: Sink<'_>) -> io::Result<()> {
    let Some((sealed, _)) = &prepared.seal else {
        return Ok(());
    };
    for (offset, bytes) in sealed.groups().into_iter().flatten() {
        sink(Bytes::new(partition.start.get() + offset.get()), bytes)?;
    }
    Ok(())
}

/// The filesystem, encrypted where the partition is sealed.
///
/// # Errors
/// The scratch file's or the sink's.
pub fn fill(partition: &PartitionPlan, prepared: &Prepared, sink: Sink<'_>) -> io::Result<()> {
    let Some(filesystem) = &prepared.filesystem else {
        return Ok(());
    };
    let (offset, size) = match &partition.content {
        ContentPlan::Sealed(plan) => (plan.data_offset, plan.filesystem.as_ref().map(|fs| fs.size)),
        ContentPlan::Filesystem(plan) => (Bytes::ZERO, Some(plan.size)),
        _ => return Ok(()),
    };
    let whole = Extent::new(Bytes::ZERO, size.unwrap_or(Bytes::ZERO));
    let base = partition.start.get() + offset.get();
    let cipher = prepared.seal.as_ref().map(|(_, cipher)| cipher);
    let mut buf = vec![0; CHUNK.to_usize()];
    for extent in filesystem.extents() {
        for chunk in chunks(*extent, whole) {
            let buf = &mut buf[..chunk.len.to_usize()];
            read(filesystem.as_ref(), cipher, chunk.start, buf)?;
            sink(Bytes::new(base + chunk.start.get()), buf)?;
        }
    }
    Ok(())
}

fn read(
    filesystem: &dyn Filesystem,
    cipher: Option<&SectorCipher>,
    at: Bytes,
    buf: &mut [u8],
) -> io::Result<()> {
    filesystem.read_exact_at(at, buf)?;
    if let Some(cipher) = cipher {
        cipher.encrypt(at, buf);
    }
    Ok(())
}

/// `extent`, widened to whole units within `whole`, in pieces of at most a chunk.
fn chunks(extent: Extent, whole: Extent) -> impl Iterator<Item = Extent> {
    let start = extent.start.align_down(UNIT);
    let end = extent
        .end()
        .align_up(UNIT)
        .unwrap_or(whole.end())
        .min(whole.end());
    let mut at = start;
    std::iter::from_fn(move || {
        let piece = Extent::between(at, end.min(Bytes::new(at.get() + CHUNK.get())));
        at = piece.end();
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_an_extent_in_whole_units_and_stay_inside() {
        let whole = Extent::new(Bytes::ZERO, Bytes::new(3 << 20));
        let extent = Extent::between(Bytes::new(5000), Bytes::new((3 << 20) - 10));
        let chunks: Vec<Extent> = chunks(extent, whole).collect();
        assert_eq!(chunks.first().map(|c| c.start), Some(Bytes::new(4096)));
        assert_eq!(chunks.last().map(|c| c.end()), Some(whole.end()));
        assert!(chunks.windows(2).all(|pair| pair[0].end() == pair[1].start));
        assert!(chunks.iter().all(|c| c.len <= CHUNK));
    }
}
