//! Does the steps of one disk, in order, and nothing else: there is no decision here.

use std::io;
use std::time::Instant;

use crate::apply::contents;
use crate::apply::erase;
use crate::apply::journal::{Event, Journal};
use crate::apply::prepare::Prepared;
use crate::apply::readback::{self, ReadBackError};
use crate::apply::receipt::{Kept, Made, StepReceipt};
use crate::apply::tables::{self, Tables};
use crate::partitioner::disk::ends;
use crate::plan::{DiskPlan, Op, PartitionPlan, Plan};
use crate::probe::marker::{self, MARKER_EXTENT};
use crate::secret::Secret;
use crate::target::latched::Latched;
use crate::target::{BlockSource as _, BlockTarget};
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
    /// Which of [`DiskPlan::erase`] the medium was told that it is not needed.
    pub discarded: Vec<usize>,
    /// Bytes written.
    pub bytes_written: u64,
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
            let name = self.name(&step.op);
            let since = Instant::now();
            journal.record(&Event::Step {
                at: began.elapsed().as_secs_f64(),
                step: number + 1,
                name: &name,
            });
            tracing::debug!(step = number + 1, name, "step");
            let done = self.step(&step.op, target, &mut outcome, number + 1, &name);
            let word = match done {
                Ok(word) => word,
                Err(error) => {
                    let text = error.to_string();
                    let at = began.elapsed().as_secs_f64();
                    journal.record(&Event::Failed {
                        at,
                        step: number + 1,
                        error: &text,
                    });
                    return Err(error);
                }
            };
            let seconds = since.elapsed().as_secs_f64();
            outcome.steps.push(StepReceipt {
                name,
                outcome: word.to_owned(),
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
    ) -> Result<&'static str, StepError> {
        match op {
            Op::ReadBack => {
                outcome.made = readback::everything(self, target)?;
                return Ok("done");
            }
            Op::Discard { erase: index } => {
                let disk = self.disk();
                if !erase::discard(disk, &disk.erase[*index], target) {
                    return Ok("not supported");
                }
                outcome.discarded.push(*index);
                return Ok("done");
            }
            _ => {}
        }
        let io = |source| StepError::Io {
            number,
            name: name.to_owned(),
            source,
        };
        outcome.bytes_written += self.write(op, target).map_err(io)?;
        Ok("done")
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
            Op::Seal { partition } => {
                written += self.contents(*partition, target, contents::seal)?
            }
            Op::Fill { partition } => {
                written += self.contents(*partition, target, contents::fill)?
            }
            Op::Meta { partition } => {
                written += self.write_meta(&disk.partitions[*partition], target)?
            }
            Op::Table { piece, stage } => {
                let (at, bytes) = self.tables.piece(*piece, *stage);
                written += write(target, Some(*at), bytes)?;
            }
            Op::ProtectiveMbr => {
                let block =
                    target.read_extent(Extent::new(Bytes::ZERO, disk.geometry.logical.bytes()))?;
                written += write(
                    target,
                    Some(Bytes::ZERO),
                    &tables::protective_mbr(disk, &block),
                )?;
            }
            Op::Publish => target.publish()?,
            Op::ReadBack | Op::Discard { .. } => {}
        }
        Ok(written)
    }

    fn contents(
        &self,
        partition: usize,
        target: &mut Latched<&mut dyn BlockTarget>,
        contents: impl Fn(&PartitionPlan, &Prepared, contents::Sink<'_>) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut written = 0;
        contents(
            &self.disk().partitions[partition],
            &self.prepared[partition],
            &mut |at, bytes| {
                written += bytes.len() as u64;
                target.write_all_at(at, bytes)
            },
        )?;
        Ok(written)
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

    /// A step in words.
    fn name(&self, op: &Op) -> String {
        let disk = self.disk();
        let partition = |index: &usize| {
            let partition = &disk.partitions[*index];
            if partition.name.is_empty() {
                format!("partition {}", partition.number)
            } else {
                partition.name.clone()
            }
        };
        let erased = |index: usize| partition(&disk.erase[index].partition);
        let what = match op {
            Op::Mark => String::from("mark as unfinished"),
            Op::Wipe { wipe } => format!("wipe {}", disk.wipe[*wipe].why),
            Op::Sync => String::from("sync"),
            Op::RestoreTable => String::from("restore a damaged copy of the table"),
            Op::Overwrite { erase } => format!("overwrite the keys of {}", erased(*erase)),
            Op::Discard { erase } => format!("discard {}", erased(*erase)),
            Op::Zero { erase } => format!("zero {}", erased(*erase)),
            Op::Clear { partition: index } => format!("clear the ends of {}", partition(index)),
            Op::Seal { partition: index } => format!("seal {}", partition(index)),
            Op::Fill { partition: index } => format!("fill {}", partition(index)),
            Op::Meta { partition: index } => format!("write {}", partition(index)),
            Op::Table { piece, stage } => {
                let piece = format!("{piece:?}");
                match stage {
                    crate::plan::TableStage::Without => {
                        format!("table without new volumes: {piece}")
                    }
                    crate::plan::TableStage::Erasing => {
                        format!("table that names the volumes no more: {piece}")
                    }
                    crate::plan::TableStage::Final => format!("table: {piece}"),
                }
            }
            Op::ProtectiveMbr => String::from("protective MBR"),
            Op::Publish => String::from("publish the table"),
            Op::ReadBack => String::from("read back"),
            Op::Unmark => String::from("take the mark away"),
        };
        format!("{what} ({})", disk.path)
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
