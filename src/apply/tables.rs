//! The partition tables that a plan names, as bytes. Pure.

use crate::partitioner::gpt::{self, Encoded, Entry, Gpt, GptError, NameError};
use crate::partitioner::reset::erasing;
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

/// The tables of a disk plan.
#[derive(Clone, Debug)]
pub struct Tables {
    without: Encoded,
    erasing: Encoded,
    complete: Encoded,
    restore: Vec<(Bytes, Vec<u8>)>,
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
        let mut erasing = base.clone();
        for erase in &plan.erase {
            if let Some(partition) = plan.partitions.get(erase.partition) {
                insert(&mut erasing, plan, &erasing::entry(partition, erase))?;
            }
        }
        let mut table = base.clone();
        for partition in plan.partitions.iter().filter(|p| p.is_made()) {
            insert(&mut table, plan, partition)?;
        }
        Ok(Self {
            without: base.encode(),
            erasing: erasing.encode(),
            complete: table.encode(),
            restore: Vec::new(),
            table,
        })
    }

    /// The same, with what it takes to make a damaged copy of `found` whole from the other one.
    pub fn restoring(mut self, found: &gpt::Found) -> Self {
        self.restore = match (found.primary.table(), found.backup.table()) {
            (None, Some(backup)) => {
                let sound = backup.encode();
                vec![sound.primary_entries, sound.primary_header]
            }
            (Some(primary), None) => {
                let sound = primary.encode();
                vec![sound.backup_entries, sound.backup_header]
            }
            _ => Vec::new(),
        };
        self
    }

    /// The pieces that make a damaged copy whole, in the order in which they are written.
    pub fn restored(&self) -> &[(Bytes, Vec<u8>)] {
        &self.restore
    }

    /// One piece, with its place.
    pub const fn piece(&self, piece: TablePiece, stage: TableStage) -> &(Bytes, Vec<u8>) {
        let table = match stage {
            TableStage::Without => &self.without,
            TableStage::Erasing => &self.erasing,
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

/// The table that is there with nothing but what the plan keeps, entry for entry; the plan must know all of it.
fn completed(plan: &DiskPlan, found: &Gpt) -> Result<Gpt, TableError> {
    let mut base = found.clone();
    let entries: Vec<(u32, Entry)> = found
        .partitions()
        .map(|(number, entry)| (number, entry.clone()))
        .collect();
    for (number, entry) in entries {
        let planned = plan.partitions.iter().position(|p| p.number == number);
        let same = planned.is_some_and(|index| {
            let p = &plan.partitions[index];
            let erasing = plan.erased(index).is_some() && entry.name.is(&erasing::name(&p.name));
            entry.guid == p.guid
                && entry.extent(plan.geometry.logical) == Some(p.extent())
                && (entry.name.is(&p.name) || erasing)
        });
        if !same {
            return Err(TableError::KeptDiffers {
                number,
                name: entry.name.to_string(),
            });
        }
        if planned.is_some_and(|index| plan.partitions[index].action != Action::Keep) {
            drop(base.remove(number));
        }
    }
    // What a reset takes away may be gone already.
    for partition in plan.partitions.iter().filter(|p| p.action == Action::Keep) {
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
