//! Apply: checks, prepares, writes, reads back. The only part that writes disks, and it decides nothing.
//!
//! Order: preconditions of every disk on its locked target → whether it is converged already → everything
//! that can fail without a disk (mkfs, key derivation) → the steps of the plan → read-back → receipt.

pub mod binding;
pub mod contents;
pub mod digest;
pub mod erase;
mod error;
pub mod execute;
pub mod filesystem;
pub mod fingerprint;
pub mod journal;
pub mod precondition;
pub mod prepare;
pub mod published;
pub mod readback;
pub mod receipt;
pub mod tables;
pub mod verify;
mod words;

use std::time::Instant;

pub use error::ApplyError;

use crate::apply::execute::DiskRun;
use crate::apply::fingerprint::Fingerprint;
use crate::apply::journal::{Event, Journal};
use crate::apply::precondition::Standing;
use crate::apply::prepare::{Means, PrepareError, Prepared};
use crate::apply::receipt::{Erased, Kept, Outcome, Receipt};
use crate::apply::tables::Tables;
use crate::apply::verify::Expected;
use crate::partitioner::gpt;
use crate::partitioner::meta::{self, Meta, MetaError};
use crate::partitioner::reset;
use crate::plan::{Action, ContentPlan, DiskPlan, PartitionPlan, Plan, StateTag, canonical};
use crate::secret::Secret;
use crate::target::latched::Latched;
use crate::target::{BlockSource, BlockTarget};
use crate::units::Bytes;

/// Everything an apply works with.
#[expect(
    missing_debug_implementations,
    reason = "holds trait objects without Debug"
)]
pub struct Run<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// Keys, mkfs, random bytes.
    pub means: Means<'a>,
    /// The most memory that opening an existing keyslot may take.
    pub memory_limit: Bytes,
    /// Where events are kept.
    pub journal: &'a mut dyn Journal,
}

/// A disk on which there is something to do.
struct Pending {
    index: usize,
    tables: Tables,
    meta: Option<Secret>,
    kept: Vec<Kept>,
}

/// Whether the plan is one that this keelblock made and nobody changed.
///
/// # Errors
/// [`ApplyError::Damaged`] and [`ApplyError::PlanVersion`].
pub fn check_plan(plan: &Plan) -> Result<(), ApplyError> {
    // Another version may compute the id in another way.
    if plan.version != env!("CARGO_PKG_VERSION") {
        return Err(ApplyError::PlanVersion(plan.version.clone()));
    }
    Ok(canonical::intact(plan)?)
}

/// Applies a plan to its disks; `targets` are open and locked, in the order of [`Plan::disks`].
///
/// # Errors
/// [`ApplyError`]. Except for [`ApplyError::Step`], nothing was written.
pub fn apply(
    mut run: Run<'_>,
    targets: &mut [Box<dyn BlockTarget>],
) -> Result<Receipt, ApplyError> {
    let began = Instant::now();
    let _span = tracing::info_span!("apply", plan = run.plan.id).entered();
    check_plan(run.plan)?;
    let (pending, kept) = survey(&run, targets)?;
    begin(&mut run);
    let prepared = make(&mut run, &pending, began)?;
    let fingerprint = Fingerprint::new(run.means.entropy).map_err(PrepareError::Fingerprint)?;
    let mut receipt = Receipt {
        schema: receipt::SCHEMA.to_owned(),
        plan: run.plan.id.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        outcome: if pending.is_empty() {
            Outcome::Converged
        } else {
            Outcome::Applied
        },
        writes: 0,
        bytes_written: Bytes::ZERO,
        seconds: 0.0,
        steps: Vec::new(),
        kept,
        made: Vec::new(),
        erased: Vec::new(),
        whole_up_to: run.plan.proof.whole_up_to,
        sample: run.plan.proof.sample,
        unproven: reset::notes::unproven(&run.plan.disks),
    };
    receipt.unproven.extend(sampled(&receipt));
    for (disk, prepared) in pending.iter().zip(&prepared) {
        write(
            &mut run,
            disk,
            (prepared, &fingerprint),
            targets[disk.index].as_mut(),
            began,
            &mut receipt,
        )?;
    }
    run.journal.record(&Event::Done {
        at: began.elapsed().as_secs_f64(),
    });
    receipt.seconds = began.elapsed().as_secs_f64();
    Ok(receipt)
}

fn begin(run: &mut Run<'_>) {
    let disks = run.plan.disks.iter().map(|disk| disk.path.as_str());
    run.journal.record(&Event::Begin {
        schema: journal::SCHEMA,
        plan: &run.plan.id,
        disks: disks.collect(),
    });
}

/// Makes everything that will be written.
fn make(
    run: &mut Run<'_>,
    pending: &[Pending],
    began: Instant,
) -> Result<Vec<Vec<Prepared>>, ApplyError> {
    let mut prepared = Vec::new();
    for disk in pending {
        let disk = &run.plan.disks[disk.index];
        let _span = tracing::info_span!("disk", disk = disk.path).entered();
        run.journal.record(&Event::Prepare {
            at: began.elapsed().as_secs_f64(),
            disk: &disk.path,
        });
        prepared.push(prepare::prepare(disk, &mut run.means)?);
    }
    Ok(prepared)
}

/// Checks every disk before anything is prepared: which ones need work, and what is kept on all of them.
fn survey(
    run: &Run<'_>,
    targets: &[Box<dyn BlockTarget>],
) -> Result<(Vec<Pending>, Vec<Kept>), ApplyError> {
    let mut pending = Vec::new();
    let mut kept = Vec::new();
    for (index, (disk, target)) in run.plan.disks.iter().zip(targets).enumerate() {
        let digests =
            digest::kept(run.plan, disk, target.as_ref()).map_err(|source| ApplyError::Read {
                disk: name(disk),
                source,
            })?;
        if let Some(tables) = examine(run, disk, target.as_ref())? {
            let meta = completed_meta(run, disk, target.as_ref())?;
            pending.push(Pending {
                index,
                tables,
                meta,
                kept: digests.clone(),
            });
        }
        kept.extend(digests);
    }
    Ok((pending, kept))
}

fn write(
    run: &mut Run<'_>,
    pending: &Pending,
    (prepared, fingerprint): (&[Prepared], &Fingerprint),
    target: &mut dyn BlockTarget,
    began: Instant,
    receipt: &mut Receipt,
) -> Result<(), ApplyError> {
    let disk = &run.plan.disks[pending.index];
    let _span = tracing::info_span!("disk", disk = disk.path).entered();
    let mut latched = Latched::new(target);
    let work = DiskRun {
        plan: run.plan,
        index: pending.index,
        prepared,
        fingerprint,
        tables: &pending.tables,
        meta: pending.meta.as_ref(),
        kept: &pending.kept,
    };
    let outcome = work
        .execute(&mut latched, run.journal, began)
        .map_err(|source| ApplyError::Step {
            disk: name(disk),
            source,
        })?;
    receipt.writes += latched.writes();
    receipt.bytes_written = Bytes::new(receipt.bytes_written.get() + outcome.bytes_written);
    receipt.steps.extend(outcome.steps);
    receipt.made.extend(outcome.made);
    receipt.erased.extend(erased(disk, &outcome.discarded));
    Ok(())
}

/// Id, path and what it is, for messages: `wwid naa.5002538e40a1b2c3 (/dev/sdb, Portable SSD T5, 1 TB)`.
fn name(disk: &DiskPlan) -> String {
    let what = disk.title.strip_prefix(&disk.path).map(str::trim);
    match what.and_then(|what| what.strip_prefix('(')?.strip_suffix(')')) {
        Some(what) => format!("{} ({}, {what})", disk.id, disk.path),
        None => format!("{} ({})", disk.id, disk.title),
    }
}

/// `None` if the disk is as planned already, else the tables to write.
fn examine(
    run: &Run<'_>,
    disk: &DiskPlan,
    source: &dyn BlockSource,
) -> Result<Option<Tables>, ApplyError> {
    let expected = Expected {
        keys: run.means.keys,
        state_tag: run.means.state_tag,
        memory_limit: run.memory_limit,
        proof: run.plan.proof,
    };
    match verify::verify(disk, source, &expected) {
        Ok(()) => return Ok(None),
        Err(source) if verify::is_lockout(disk, &source) => {
            return Err(ApplyError::Lockout {
                disk: name(disk),
                source,
            });
        }
        Err(difference) => tracing::debug!(disk = disk.path, %difference, "not as planned yet"),
    }
    let standing =
        precondition::check(run.plan, disk, source).map_err(|source| ApplyError::Refused {
            disk: name(disk),
            source,
        })?;
    if standing == Standing::Unfinished {
        tracing::info!(
            disk = disk.path,
            "an apply of this plan was interrupted here: doing it again"
        );
    }
    let found = gpt::read(source).map_err(|source| ApplyError::ReadTable {
        disk: name(disk),
        source,
    })?;
    let tables = Tables::build(disk, found.table());
    let tables = tables.map(|tables| tables.restoring(&found));
    tables.map(Some).map_err(|source| ApplyError::Table {
        disk: name(disk),
        source,
    })
}

/// The META partition with tag 0x09 as planned; every other byte stays.
fn completed_meta(
    run: &Run<'_>,
    disk: &DiskPlan,
    source: &dyn BlockSource,
) -> Result<Option<Secret>, ApplyError> {
    let planned = |p: &&PartitionPlan| matches!(p.content, ContentPlan::Meta { .. });
    let Some(partition) = disk.partitions.iter().find(planned) else {
        return Ok(None);
    };
    let ContentPlan::Meta { state } = partition.content else {
        return Ok(None);
    };
    let failed = |source| ApplyError::Meta {
        disk: name(disk),
        source,
    };
    let mut bytes = vec![0; meta::PARTITION_SIZE.to_usize()];
    if partition.action == Action::Keep {
        bytes = source
            .read_extent(partition.extent())
            .map_err(|source| ApplyError::Read {
                disk: name(disk),
                source,
            })?;
    }
    let mut tags = match Meta::decode(&bytes) {
        Err(MetaError::Damaged { .. }) if marked(disk, source)? => Meta::default(),
        decoded => decoded.map_err(failed)?,
    };
    same_uuid(run.plan, disk, &tags)?;
    match (state, run.means.state_tag) {
        (Some(StateTag::Encryption), Some(value)) => {
            tags.set(meta::tag::STATE_ENCRYPTION, value.duplicate())
                .map_err(failed)?;
        }
        (Some(StateTag::Encryption), None) => return Err(PrepareError::NoStateEncryption.into()),
        (Some(StateTag::Absent), _) => drop(tags.remove(meta::tag::STATE_ENCRYPTION)),
        (None, _) => {}
    }
    tags.encode_over(&bytes).map(Some).map_err(failed)
}

/// Whether a run was interrupted on this disk. One copy of META is whole at every moment of a run if one was before it:
/// with both damaged under a mark, META was empty, and the run was cut while it wrote the first copy.
fn marked(disk: &DiskPlan, source: &dyn BlockSource) -> Result<bool, ApplyError> {
    let mark = precondition::read_mark(disk, source);
    let mark = mark.map_err(|source| ApplyError::Read {
        disk: name(disk),
        source,
    })?;
    Ok(mark.is_some())
}

/// Talos derives nodeID keys from META's UUID where there is one: a volume sealed with another would not open.
fn same_uuid(plan: &Plan, disk: &DiskPlan, tags: &Meta) -> Result<(), ApplyError> {
    let by_node_id = |p: &PartitionPlan| match &p.content {
        ContentPlan::Sealed(seal) => seal.slots.iter().any(|slot| slot.source == "nodeID"),
        _ => false,
    };
    let Some(value) = tags.get(meta::tag::UUID_OVERRIDE) else {
        return Ok(());
    };
    let uuid = String::from_utf8_lossy(value.expose()).into_owned();
    let planned = plan.machine.uuid.clone().unwrap_or_default();
    if uuid.eq_ignore_ascii_case(&planned) || !disk.partitions.iter().any(by_node_id) {
        return Ok(());
    }
    Err(ApplyError::UuidOverride {
        disk: name(disk),
        uuid,
        planned,
    })
}

/// What was destroyed on one disk.
fn erased(disk: &DiskPlan, discarded: &[usize]) -> Vec<Erased> {
    let erased = |(index, erase): (usize, &crate::plan::Erase)| Erased {
        disk: disk.path.clone(),
        volume: disk.partitions[erase.partition].name.clone(),
        found: erase.found.clone(),
        method: erase.method,
        overwritten: erase.overwritten(),
        zeroed: erase.zeroed(),
        discarded: discarded.contains(&index),
    };
    disk.erase.iter().enumerate().map(erased).collect()
}

/// The kept ranges of which only samples were compared.
fn sampled(receipt: &Receipt) -> Option<String> {
    let sampled: Vec<String> = receipt
        .kept
        .iter()
        .filter(|kept| !kept.samples.is_empty())
        .map(|kept| {
            let count = kept.samples.len();
            let (each, size) = (receipt.sample, kept.size);
            format!("{}: {count} samples of {each} of {size}", kept.partition)
        })
        .collect();
    (!sampled.is_empty()).then(|| format!("compared in samples only: {}", sampled.join("; ")))
}
