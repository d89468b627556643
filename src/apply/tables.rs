//! The partition tables that a plan names, as bytes. Pure.

use crate::partitioner::gpt::{self, Encoded, Entry, Gpt, GptError, NameError};
use crate::plan::{Action, DiskPlan, PartitionPlan, TablePiece, TableStage};
use crate::units::{Bytes, Extent, Lba};

/// Why the planned table cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A fresh table cannot be made.
    #[error("cannot make a partition table")]
    New(#[source] GptError),
    /// An existing table was to be completed, and there is none.
    #[error("there is no partition table to complete")]
    Missing,
    /// A partition cannot be entered.
    #[error("cannot enter partition {number} {name:?} into the table")]
    Entry {
        /// Its number.
        number: u32,
        /// Its name.
        name: String,
        /// Why.
        #[source]
        source: GptError,
    },
    /// A name that GPT cannot hold.
    #[error("partition {number} cannot have its name")]
    Name {
        /// Its number.
        number: u32,
        /// Why.
        #[source]
        source: NameError,
    },
    /// A partition that the plan keeps is not there as planned.
    #[error("partition {number} {name:?} is not in the table as planned")]
    KeptDiffers {
        /// Its number.
        number: u32,
        /// Its name.
        name: String,
    },
}

/// Both tables of a disk plan.
#[derive(Clone, Debug)]
pub struct Tables {
    without: Encoded,
    complete: Encoded,
    /// The finished table.
    pub table: Gpt,
}

impl Tables {
    /// Builds them; `found` is the table that is on the disk now.
    ///
    /// # Errors
    /// [`TableError`]; nothing was written.
    pub fn build(plan: &DiskPlan, found: Option<&Gpt>) -> Result<Self, TableError> {
        let base = match found {
            _ if plan.fresh => Gpt::new(plan.geometry, plan.table).map_err(TableError::New)?,
            Some(found) => completed(plan, found)?,
            None => return Err(TableError::Missing),
        };
        let mut without = base.clone();
        let mut table = base;
        for partition in plan.partitions.iter().filter(|p| p.action != Action::Wipe) {
            insert(&mut table, plan, partition)?;
            if partition.action == Action::Keep {
                insert(&mut without, plan, partition)?;
            }
        }
        Ok(Self {
            without: without.encode(),
            complete: table.encode(),
            table,
        })
    }

    /// One piece, with its place.
    pub const fn piece(&self, piece: TablePiece, stage: TableStage) -> &(Bytes, Vec<u8>) {
        let table = match stage {
            TableStage::Without => &self.without,
            TableStage::Final => &self.complete,
        };
        match piece {
            TablePiece::BackupEntries => &table.backup_entries,
            TablePiece::BackupHeader => &table.backup_header,
            TablePiece::PrimaryEntries => &table.primary_entries,
            TablePiece::PrimaryHeader => &table.primary_header,
        }
    }
}

/// The table that is there, emptied of everything that the plan enters again; the plan must know all of it.
fn completed(plan: &DiskPlan, found: &Gpt) -> Result<Gpt, TableError> {
    let mut base = found.clone();
    let numbers: Vec<u32> = found.partitions().map(|(number, _)| number).collect();
    for number in numbers {
        let Ok(entry) = base.remove(number) else {
            continue;
        };
        let planned = plan.partitions.iter().find(|p| p.number == number);
        let same = planned.is_some_and(|p| {
            entry.guid == p.guid
                && entry.extent(plan.geometry.logical) == Some(p.extent())
                && entry.name.is(&p.name)
        });
        if !same {
            return Err(TableError::KeptDiffers {
                number,
                name: entry.name.to_string(),
            });
        }
    }
    let kept = |p: &&PartitionPlan| matches!(p.action, Action::Keep | Action::Wipe);
    for partition in plan.partitions.iter().filter(kept) {
        if found.get(partition.number).is_none() {
            return Err(TableError::KeptDiffers {
                number: partition.number,
                name: partition.name.clone(),
            });
        }
    }
    Ok(base)
}

fn insert(table: &mut Gpt, plan: &DiskPlan, partition: &PartitionPlan) -> Result<(), TableError> {
    let number = partition.number;
    let name = partition
        .name
        .parse()
        .map_err(|source| TableError::Name { number, source })?;
    let entry = Entry {
        type_guid: partition.type_guid,
        guid: partition.guid,
        first: block_of(partition.start, plan),
        last: last_block(partition.extent(), plan),
        attributes: partition.attributes,
        name,
    };
    table
        .insert(number, entry)
        .map_err(|source| TableError::Entry {
            number,
            name: partition.name.clone(),
            source,
        })
}

fn block_of(at: Bytes, plan: &DiskPlan) -> Lba {
    Lba(at.get() / u64::from(plan.geometry.logical.get()))
}

fn last_block(extent: Extent, plan: &DiskPlan) -> Lba {
    Lba(block_of(extent.end(), plan).0.saturating_sub(1))
}

/// The first block with a protective MBR; a fresh table takes nothing over from an old one.
pub fn protective_mbr(plan: &DiskPlan, existing: &[u8]) -> Vec<u8> {
    let existing = if plan.fresh { &[][..] } else { existing };
    gpt::protective_mbr(existing, plan.geometry)
}
