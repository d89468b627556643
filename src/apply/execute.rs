//! Does the steps of one disk, in order, and nothing else: there is no decision here.

use std::collections::BTreeMap;
use std::io;
use std::time::Instant;

use crate::apply::contents;
use crate::apply::erase;
use crate::apply::fingerprint::{Chunk, Fingerprint};
use crate::apply::journal::{Event, Journal};
use crate::apply::prepare::Prepared;
use crate::apply::published::{self, PublishError};
use crate::apply::readback::{self, ReadBackError};
use crate::apply::receipt::{Kept, Made, StepReceipt};
use crate::apply::tables::{self, Tables};
use crate::apply::words;
use crate::partitioner::disk::ends;
use crate::plan::{DiskPlan, Op, PartitionPlan, Plan};
use crate::probe::marker::{self, MARKER_EXTENT};
use crate::secret::Secret;
use crate::target::latched::Latched;
use crate::target::{BlockSource as _, BlockTarget};
use crate::telemetry;
use crate::units::{Bytes, Extent};

/// Why a step failed. Nothing was done after it.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The disk or the scratch file failed.
    #[error("step {number} failed: {name}")]
    Io {
        /// Number of the step in the plan, from 1.
        number: usize,
        /// What it was.
        name: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was read back is not what was written.
    #[error("reading back failed")]
    ReadBack(#[from] ReadBackError),
    /// The table is on the disk, and the kernel goes by another one.
    #[error("step {number} failed: {name}")]
    Publish {
        /// Number of the step in the plan, from 1.
        number: usize,
        /// What it was.
        name: String,
        /// Why.
        #[source]
        source: PublishError,
    },
}

/// One disk, ready to be written.
#[derive(Debug)]
pub struct DiskRun<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Which of its disks.
    pub index: usize,
    /// What goes into each partition.
    pub prepared: &'a [Prepared],
    /// Tells what was written from what is read back.
    pub fingerprint: &'a Fingerprint,
    /// The tables.
    pub tables: &'a Tables,
    /// The whole META partition as it will be, if the plan writes it.
    pub meta: Option<&'a Secret>,
    /// Digests of the kept partitions, from before the first write.
    pub kept: &'a [Kept],
}

/// The parts of META that hold anything: its two copies, and the old vector at the end (in a whole block).
pub const META_PIECES: [Extent; 3] = [
    Extent::new(Bytes::ZERO, Bytes::new(256 << 10)),
    Extent::new(Bytes::new(256 << 10), Bytes::new(256 << 10)),
    Extent::new(Bytes::new((1 << 20) - 4096), Bytes::new(4096)),
];

/// What a disk's steps left behind.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was done.
    pub steps: Vec<StepReceipt>,
    /// What was made and read back.
    pub made: Vec<Made>,
    /// Of the filesystems that were written, by partition: every chunk in order.
    pub filled: BTreeMap<usize, Vec<Chunk>>,
    /// The first block with the protective MBR, if it was written.
    pub protective_mbr: Option<Vec<u8>>,
    /// Which of [`DiskPlan::erase`] the medium was told that it is not needed.
    pub discarded: Vec<usize>,
    /// Bytes written.
    pub bytes_written: u64,
}

/// How a step ended.
struct Done {
    outcome: &'static str,
    note: Option<String>,
}

const DONE: Done = Done {
    outcome: "done",
    note: None,
};

impl Done {
    fn not_discarded() -> Self {
        let note = Some(String::from("the disk does not discard, or has it off"));
        Self {
            outcome: "skipped",
            note,
        }
    }
}

/// An error with its causes, on one line.
fn in_full(error: &StepError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

impl DiskRun<'_> {
    fn disk(&self) -> &DiskPlan {
        &self.plan.disks[self.index]
    }

    /// Does every step of this disk.
    ///
    /// # Errors
    /// [`StepError`] at the first that fails; nothing was done after it.
    pub fn execute(
        &self,
        target: &mut Latched<&mut dyn BlockTarget>,
        journal: &mut dyn Journal,
        began: Instant,
    ) -> Result<Outcome, StepError> {
        let mut outcome = Outcome::default();
        let steps = self
            .plan
            .steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.disk == self.index);
        for (number, step) in steps {
            let name = words::step(self.disk(), &step.op);
            let since = Instant::now();
            journal.record(&Event::Step {
                at: began.elapsed().as_secs_f64(),
                step: number + 1,
                name: &name,
            });
            let _span = tracing::info_span!("step", step = number + 1).entered();
            tracing::info!(target: telemetry::STEP, "{name}");
            let done = self.step(&step.op, target, &mut outcome, number + 1, &name);
            let done = done.inspect_err(|error| {
                let error = in_full(error);
                tracing::error!(target: telemetry::FAILURE, "{error}");
                journal.record(&Event::Failed {
                    at: began.elapsed().as_secs_f64(),
                    step: number + 1,
                    error: &error,
                });
            })?;
            let seconds = since.elapsed().as_secs_f64();
            outcome.steps.push(StepReceipt {
                name,
                outcome: done.outcome.to_owned(),
                note: done.note,
                seconds,
            });
        }
        Ok(outcome)
    }

    fn step(
        &self,
        op: &Op,
        target: &mut Latched<&mut dyn BlockTarget>,
        outcome: &mut Outcome,
        number: usize,
        name: &str,
    ) -> Result<Done, StepError> {
        let io = |source| StepError::Io {
            number,
            name: name.to_owned(),
            source,
        };
        match op {
            Op::ReadBack => outcome.made = readback::everything(self, outcome, target)?,
            Op::Discard => return self.discard(target).map_err(io),
            Op::DiscardVolume { erase: index } => {
                let disk = self.disk();
                if !erase::discard(disk, &disk.erase[*index], target) {
                    return Ok(Done::not_discarded());
                }
                outcome.discarded.push(*index);
            }
            Op::Publish => {
                let note = published::publish(target).map_err(|source| match source {
                    PublishError::Io(source) => io(source),
                    source => StepError::Publish {
                        number,
                        name: name.to_owned(),
                        source,
                    },
                })?;
                return Ok(Done { note, ..DONE });
            }
            Op::Fill { partition } => {
                let chunks = self.fill(*partition, target).map_err(io)?;
                let lens = chunks.iter().map(|chunk| chunk.extent.len.get());
                outcome.bytes_written += lens.sum::<u64>();
                outcome.filled.insert(*partition, chunks);
            }
            Op::ProtectiveMbr => {
                let block = self.write_protective_mbr(target).map_err(io)?;
                outcome.bytes_written += block.len() as u64;
                outcome.protective_mbr = Some(block);
            }
            _ => outcome.bytes_written += self.write(op, target).map_err(io)?,
        }
        Ok(DONE)
    }

    /// A disk that cannot discard is as good as before: nothing relies on it.
    fn discard(&self, target: &mut Latched<&mut dyn BlockTarget>) -> io::Result<Done> {
        for extent in &self.disk().discard {
            match target.discard(*extent) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Done::not_discarded());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(DONE)
    }

    /// One step that changes the disk; returns the bytes written.
    fn write(&self, op: &Op, target: &mut Latched<&mut dyn BlockTarget>) -> io::Result<u64> {
        let disk = self.disk();
        let mut written = 0;
        match op {
            Op::Mark => {
                let mark = marker::encode(&self.plan.id).map_err(io::Error::other)?;
                written += write(target, disk.marker, &mark)?;
            }
            Op::Unmark => {
                if let Some(at) = disk.marker {
                    target.zero(Extent::new(at, MARKER_EXTENT.len))?;
                }
            }
            Op::Wipe { wipe } => {
                for extent in &disk.wipe[*wipe].extents {
                    target.zero(*extent)?;
                }
            }
            Op::Clear { partition } => {
                for extent in ends(disk.partitions[*partition].extent()) {
                    target.zero(extent)?;
                }
            }
            Op::Sync => target.sync()?,
            Op::RestoreTable => {
                for (at, bytes) in self.tables.restored() {
                    written += write(target, Some(*at), bytes)?;
                    target.sync()?;
                }
            }
            Op::Overwrite { erase: index } => {
                written += erase::overwrite(&disk.erase[*index], &self.plan.id, target)?;
            }
            Op::Zero { erase: index } => erase::zero(&disk.erase[*index], target)?,
            Op::Seal { partition } => written += self.seal(*partition, target)?,
            Op::Meta { partition } => {
                written += self.write_meta(&disk.partitions[*partition], target)?
            }
            Op::Table { piece, stage } => {
                let (at, bytes) = self.tables.piece(*piece, *stage);
                written += write(target, Some(*at), bytes)?;
            }
            Op::Fill { .. }
            | Op::ProtectiveMbr
            | Op::Discard
            | Op::DiscardVolume { .. }
            | Op::Publish
            | Op::ReadBack => {}
        }
        Ok(written)
    }

    fn seal(
        &self,
        partition: usize,
        target: &mut Latched<&mut dyn BlockTarget>,
    ) -> io::Result<u64> {
        let mut written = 0;
        let (plan, prepared) = (
            &self.disk().partitions[partition],
            &self.prepared[partition],
        );
        contents::seal(plan, prepared, &mut |at, bytes| {
            written += bytes.len() as u64;
            target.write_all_at(at, bytes)
        })?;
        Ok(written)
    }

    /// Returns the block: boot code that stays is compared with what is read back, too.
    fn write_protective_mbr(
        &self,
        target: &mut Latched<&mut dyn BlockTarget>,
    ) -> io::Result<Vec<u8>> {
        let disk = self.disk();
        let first = Extent::new(Bytes::ZERO, disk.geometry.logical.bytes());
        let block = tables::protective_mbr(disk, &target.read_extent(first)?);
        target.write_all_at(first.start, &block)?;
        Ok(block)
    }

    /// Returns what was written, to be compared with what is read back.
    fn fill(
        &self,
        partition: usize,
        target: &mut Latched<&mut dyn BlockTarget>,
    ) -> io::Result<Vec<Chunk>> {
        let mut chunks = Vec::new();
        let (plan, prepared) = (
            &self.disk().partitions[partition],
            &self.prepared[partition],
        );
        contents::fill(plan, prepared, &mut |at, bytes| {
            chunks.push(self.fingerprint.chunk(at, bytes));
            target.write_all_at(at, bytes)
        })?;
        Ok(chunks)
    }

    /// The second copy and the old vector at the end first: at every moment one of the two copies is whole.
    fn write_meta(
        &self,
        partition: &PartitionPlan,
        target: &mut Latched<&mut dyn BlockTarget>,
    ) -> io::Result<u64> {
        let Some(meta) = self.meta else { return Ok(0) };
        let mut written = 0;
        for pieces in [&META_PIECES[1..], &META_PIECES[..1]] {
            for piece in pieces {
                let at = Bytes::new(partition.start.get() + piece.start.get());
                let bytes = &meta.expose()[piece.start.to_usize()..piece.end().to_usize()];
                written += write(target, Some(at), bytes)?;
            }
            target.sync()?;
        }
        Ok(written)
    }
}

fn write(
    target: &mut Latched<&mut dyn BlockTarget>,
    at: Option<Bytes>,
    bytes: &[u8],
) -> io::Result<u64> {
    let Some(at) = at else { return Ok(0) };
    target.write_all_at(at, bytes)?;
    Ok(bytes.len() as u64)
}
