//! The bytes of a prepared partition, chunk by chunk, for writing them and for comparing what is read back.

use std::io;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use crate::apply::filesystem::Filesystem;
use crate::apply::prepare::Prepared;
use crate::partitioner::luks2::SectorCipher;
use crate::plan::{ContentPlan, PartitionPlan};
use crate::units::{Bytes, Extent};

/// How much is encrypted and written at once.
const CHUNK: Bytes = Bytes::MIB;
/// Chunks that may wait for the disk.
const AHEAD: usize = 3;
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
    let source = Source {
        filesystem: filesystem.as_ref(),
        cipher: prepared.seal.as_ref().map(|(_, cipher)| cipher),
        whole: Extent::new(Bytes::ZERO, size.unwrap_or(Bytes::ZERO)),
    };
    let base = partition.start.get() + offset.get();
    source.each(&mut |at, bytes| sink(Bytes::new(base + at.get()), bytes))
}

/// A filesystem on its way into a partition.
struct Source<'a> {
    filesystem: &'a dyn Filesystem,
    cipher: Option<&'a SectorCipher>,
    /// All of the filesystem.
    whole: Extent,
}

/// A chunk of the filesystem, encrypted, and where in the filesystem it belongs.
type Chunk = io::Result<(Bytes, Vec<u8>)>;

impl Source<'_> {
    /// Hands over every chunk in order. A second thread reads and encrypts while `sink` waits for the disk.
    fn each(&self, sink: Sink<'_>) -> io::Result<()> {
        let (used, empty) = mpsc::channel();
        let (full, made) = mpsc::sync_channel(AHEAD);
        for _ in 0..=AHEAD {
            // Both ends are held here: it cannot fail.
            drop(used.send(Vec::new()));
        }
        thread::scope(|scope| {
            thread::Builder::new().spawn_scoped(scope, move || self.make(&empty, &full))?;
            for chunk in made {
                let (at, bytes) = chunk?;
                sink(at, &bytes)?;
                // After the last chunk nobody wants it back.
                drop(used.send(bytes));
            }
            Ok(())
        })
    }

    /// Ends after the last chunk, at the first error, or when nobody listens any more.
    fn make(&self, empty: &Receiver<Vec<u8>>, full: &SyncSender<Chunk>) {
        let extents = self.filesystem.extents().iter();
        for chunk in extents.flat_map(|extent| chunks(*extent, self.whole)) {
            let Ok(mut bytes) = empty.recv() else { return };
            bytes.resize(chunk.len.to_usize(), 0);
            let read = read(self.filesystem, self.cipher, chunk.start, &mut bytes);
            let failed = read.is_err();
            if full.send(read.map(|()| (chunk.start, bytes))).is_err() || failed {
                return;
            }
        }
    }
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

    /// Every byte tells where it is; beyond `broken_from` nothing can be read.
    #[derive(Debug)]
    struct Striped {
        extents: Vec<Extent>,
        broken_from: Bytes,
    }

    fn stripe(at: u64) -> u8 {
        (at >> 12).to_le_bytes()[0] ^ (at >> 20).to_le_bytes()[0]
    }

    impl Filesystem for Striped {
        fn extents(&self) -> &[Extent] {
            &self.extents
        }

        fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
            if at >= self.broken_from {
                return Err(io::Error::other("the scratch file is gone"));
            }
            for (at, byte) in (at.get()..).zip(buf) {
                *byte = stripe(at);
            }
            Ok(())
        }
    }

    fn each(filesystem: &Striped, sink: Sink<'_>) -> io::Result<()> {
        let source = Source {
            filesystem,
            cipher: None,
            whole: Extent::new(Bytes::ZERO, Bytes::mib(64)),
        };
        source.each(sink)
    }

    fn striped(broken_from: Bytes) -> Striped {
        let extents = [(0, 4096), (1 << 20, 20 << 20), (40 << 20, 5 << 20)];
        let extents = extents.map(|(at, len)| Extent::new(Bytes::new(at), Bytes::new(len)));
        Striped {
            extents: extents.to_vec(),
            broken_from,
        }
    }

    #[test]
    fn chunks_arrive_whole_and_in_the_order_of_the_extents() {
        let filesystem = striped(Bytes::mib(64));
        let mut seen = Vec::new();
        each(&filesystem, &mut |at, bytes| {
            let right = (at.get()..).zip(bytes).all(|(at, b)| *b == stripe(at));
            assert!(right, "bytes of another chunk at {at}");
            seen.push(Extent::new(at, Bytes::from(bytes.len())));
            Ok(())
        })
        .unwrap();
        let wanted = filesystem.extents.iter();
        let wanted: Vec<Extent> = wanted
            .flat_map(|extent| chunks(*extent, Extent::new(Bytes::ZERO, Bytes::mib(64))))
            .collect();
        assert_eq!(seen, wanted);
    }

    #[test]
    fn an_unreadable_chunk_is_an_error_after_those_before_it() {
        let mut last = Bytes::ZERO;
        let done = each(&striped(Bytes::mib(12)), &mut |at, _| {
            last = at;
            Ok(())
        });
        assert_eq!(done.unwrap_err().to_string(), "the scratch file is gone");
        assert_eq!(last, Bytes::mib(11));
    }

    #[test]
    fn a_failing_sink_ends_it_at_once() {
        let mut calls = 0;
        let done = each(&striped(Bytes::mib(64)), &mut |_, _| {
            calls += 1;
            match calls {
                4 => Err(io::Error::other("the disk is gone")),
                _ => Ok(()),
            }
        });
        assert_eq!(done.unwrap_err().to_string(), "the disk is gone");
        assert_eq!(calls, 4);
    }
}
