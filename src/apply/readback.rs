//! Reads everything back from the medium and compares it with what was to be written: with the bytes themselves, or of a
//! filesystem with the fingerprints that were taken when they were handed over.

use std::io;

use sha2::{Digest as _, Sha256};

use crate::apply::execute::{DiskRun, META_PIECES, Outcome};
use crate::apply::fingerprint::{Chunk, Fingerprint};
use crate::apply::prepare::Prepared;
use crate::apply::receipt::{Kept, Made};
use crate::apply::{contents, digest, erase, tables};
use crate::hex;
use crate::plan::{Action, ContentPlan, DiskPlan, PartitionPlan, TablePiece, TableStage};
use crate::target::latched::Latched;
use crate::target::{BlockSource, BlockTarget};
use crate::units::{Bytes, Extent};

/// What was read back is not what should be there.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// It cannot be read.
    #[error("{what} cannot be read")]
    Read {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It differs.
    #[error("{what} differs from what was written, near byte {at} of the disk")]
    Differs {
        /// What.
        what: String,
        /// Where.
        at: u64,
    },
    /// A byte of what was zeroed is not zero.
    #[error("{volume} is not wiped: byte {at} of the disk is not zero")]
    NotErased {
        /// Its name.
        volume: String,
        /// Where.
        at: u64,
    },
    /// A partition that was to be kept changed.
    #[error("{partition} was to be kept and is not what it was (before: {before}, after: {after})")]
    KeptChanged {
        /// Its name.
        partition: String,
        /// Digest before.
        before: String,
        /// Digest after.
        after: String,
    },
}

/// Reads back the whole plan of one disk; `outcome` has what this run wrote.
///
/// # Errors
/// [`ReadBackError`] for the first difference.
pub fn everything(
    run: &DiskRun<'_>,
    outcome: &Outcome,
    target: &mut Latched<&mut dyn BlockTarget>,
) -> Result<Vec<Made>, ReadBackError> {
    let disk = &run.plan.disks[run.index];
    target.drop_caches().map_err(|source| ReadBackError::Read {
        what: String::from("the disk"),
        source,
    })?;
    if disk.writes_table {
        table(run, disk, outcome, target)?;
    }
    let mut made = Vec::new();
    for (index, (partition, prepared)) in disk.partitions.iter().zip(run.prepared).enumerate() {
        if !partition.is_made() && !partition.updates_meta() {
            continue;
        }
        let mut comparison = Comparison::new(&partition.name, target);
        let done = contents::seal(partition, prepared, &mut |at, bytes| {
            comparison.compare(at, bytes)
        });
        comparison.finish(done)?;
        match outcome.filled.get(&index) {
            Some(chunks) => comparison.filled((partition, prepared), chunks, run.fingerprint)?,
            None => comparison.made_again(partition, prepared)?,
        }
        if let (ContentPlan::Meta { .. }, Some(meta)) = (&partition.content, run.meta) {
            for piece in META_PIECES {
                let at = Bytes::new(partition.start.get() + piece.start.get());
                comparison.settle(
                    at,
                    &meta.expose()[piece.start.to_usize()..piece.end().to_usize()],
                )?;
            }
        }
        let digest = comparison.digest();
        made.push(Made {
            disk: disk.path.clone(),
            partition: partition.name.clone(),
            digest,
        });
    }
    gone(run, disk, target)?;
    kept(run, disk, target)?;
    Ok(made)
}

fn table(
    run: &DiskRun<'_>,
    disk: &DiskPlan,
    outcome: &Outcome,
    target: &dyn BlockSource,
) -> Result<(), ReadBackError> {
    let mut comparison = Comparison::new("the partition table", target);
    for piece in [
        TablePiece::BackupEntries,
        TablePiece::BackupHeader,
        TablePiece::PrimaryEntries,
        TablePiece::PrimaryHeader,
    ] {
        let (at, bytes) = run.tables.piece(piece, TableStage::Final);
        comparison.settle(*at, bytes)?;
    }
    if let Some(written) = &outcome.protective_mbr {
        return comparison.settle(Bytes::ZERO, written);
    }
    let block = Extent::new(Bytes::ZERO, disk.geometry.logical.bytes());
    let read = |source| ReadBackError::Read {
        what: String::from("the protective MBR"),
        source,
    };
    let found = target.read_extent(block).map_err(read)?;
    let wanted = tables::protective_mbr(disk, &found);
    comparison.settle(Bytes::ZERO, &wanted)
}

/// Nothing of what went can be read. What was sealed again was compared byte for byte already.
fn gone(run: &DiskRun<'_>, disk: &DiskPlan, target: &dyn BlockSource) -> Result<(), ReadBackError> {
    for erase in &disk.erase {
        let partition = &disk.partitions[erase.partition];
        if partition.action != Action::Wipe {
            continue;
        }
        let left = erase::left_over(erase, run.plan.proof, target);
        let left = left.map_err(|source| ReadBackError::Read {
            what: partition.name.clone(),
            source,
        })?;
        if let Some(at) = left {
            return Err(ReadBackError::NotErased {
                volume: partition.name.clone(),
                at: at.get(),
            });
        }
    }
    Ok(())
}

fn kept(run: &DiskRun<'_>, disk: &DiskPlan, target: &dyn BlockSource) -> Result<(), ReadBackError> {
    let after = digest::kept(run.plan, disk, target).map_err(|source| ReadBackError::Read {
        what: String::from("what is kept"),
        source,
    })?;
    for before in run.kept {
        let same = |kept: &&Kept| kept.partition == before.partition;
        let after = after.iter().find(same);
        let after = after.map_or("nothing", |kept| kept.digest.as_str());
        if after != before.digest {
            return Err(ReadBackError::KeptChanged {
                partition: before.partition.clone(),
                before: before.digest.clone(),
                after: after.to_owned(),
            });
        }
    }
    Ok(())
}

/// Compares what is expected with what is read, and digests it.
struct Comparison<'a> {
    what: &'a str,
    source: &'a dyn BlockSource,
    hash: Sha256,
    buf: Vec<u8>,
    differs: Option<u64>,
}

impl<'a> Comparison<'a> {
    fn new(what: &'a str, source: &'a dyn BlockSource) -> Self {
        Self {
            what,
            source,
            hash: Sha256::new(),
            buf: Vec::new(),
            differs: None,
        }
    }

    fn read(&mut self, extent: Extent) -> io::Result<()> {
        self.buf.resize(extent.len.to_usize(), 0);
        self.source.read_exact_at(extent.start, &mut self.buf)?;
        self.hash.update(&self.buf);
        Ok(())
    }

    /// Every chunk has the fingerprint that it had when it was written.
    fn filled(
        &mut self,
        (partition, prepared): (&PartitionPlan, &Prepared),
        chunks: &[Chunk],
        fingerprint: &Fingerprint,
    ) -> Result<(), ReadBackError> {
        for chunk in chunks {
            let done = self.read(chunk.extent);
            self.finish(done)?;
            let at = chunk.extent.start;
            if fingerprint.chunk(at, &self.buf) != *chunk {
                // Making the filesystem again takes long, and tells the byte.
                Self::new(self.what, self.source).made_again(partition, prepared)?;
                // Read once more it is right, which is no better.
                self.differs.get_or_insert(at.get());
                return self.finish(Ok(()));
            }
        }
        Ok(())
    }

    /// Compares with the filesystem itself, encrypted once more.
    fn made_again(
        &mut self,
        partition: &PartitionPlan,
        prepared: &Prepared,
    ) -> Result<(), ReadBackError> {
        let done = contents::fill(partition, prepared, &mut |at, bytes| {
            self.compare(at, bytes)
        });
        self.finish(done)
    }

    fn compare(&mut self, at: Bytes, expected: &[u8]) -> io::Result<()> {
        self.read(Extent::new(at, Bytes::from(expected.len())))?;
        if self.buf != expected {
            let offset = self
                .buf
                .iter()
                .zip(expected)
                .take_while(|(a, b)| a == b)
                .count();
            self.differs.get_or_insert(at.get() + offset as u64);
        }
        Ok(())
    }

    fn settle(&mut self, at: Bytes, expected: &[u8]) -> Result<(), ReadBackError> {
        let done = self.compare(at, expected);
        self.finish(done)
    }

    fn finish(&self, done: io::Result<()>) -> Result<(), ReadBackError> {
        let what = || self.what.to_owned();
        done.map_err(|source| ReadBackError::Read {
            what: what(),
            source,
        })?;
        match self.differs {
            Some(at) => Err(ReadBackError::Differs { what: what(), at }),
            None => Ok(()),
        }
    }

    fn digest(self) -> String {
        hex::sha256(&self.hash.finalize())
    }
}
