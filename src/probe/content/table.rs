//! Which partition table counts, what is wrong with it, and where its parts lie. Reads only.

use std::io;

use super::View;
use super::apm;
use super::gpt::{self, Copy, Reading};
use super::mbr::{self, Mbr};
use crate::probe::inventory::{Partition, Table};
use crate::probe::signature::Found;
use crate::units::{Bytes, Extent};

/// A table as it was found: what goes into the layout.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) table: Option<Table>,
    /// Without their contents.
    pub(super) partitions: Vec<Partition>,
    /// The parts of the table, and of tables that do not count.
    pub(super) signatures: Vec<Found>,
}

/// Reads every kind of table from the start and the end of `view`.
pub(super) fn read(view: &View<'_>) -> io::Result<Tables> {
    let gpt = gpt::read(view)?;
    let mbr = mbr::read(view)?;
    let mut tables = Tables::default();
    tables.signatures.extend(mbr.as_ref().map(mbr_signature));
    tables
        .signatures
        .extend(gpt.as_ref().map(|gpt| gpt_signature(gpt, view)));
    tables
        .signatures
        .extend(gpt::stray(view, gpt.as_ref())?.map(stray_signature));
    let real_mbr = mbr
        .as_ref()
        .is_some_and(|mbr| !mbr.protective && !mbr.entries.is_empty());
    match (gpt, mbr) {
        (Some(gpt), mbr) if gpt.table().is_some() && !real_mbr => {
            tables.use_gpt(&gpt, mbr.as_ref(), view);
        }
        (gpt, Some(mbr)) => tables.use_mbr(mbr, gpt.as_ref()),
        (Some(gpt), None) => tables.table = Some(damaged_gpt(&gpt)),
        (None, None) => tables.use_apm(view)?,
    }
    Ok(tables)
}

/// A table inside a partition: a guest's disk, or what an older and larger layout left behind.
pub(super) fn nested(view: &View<'_>, found: &[Found]) -> io::Result<Vec<Found>> {
    let mut nested = Vec::new();
    if let Some(gpt) = gpt::read(view)? {
        let mut signature = gpt_signature(&gpt, view);
        signature.note = match gpt.primary.sound() {
            Some(table) => inner_table(table),
            None => "what is left of an older table".to_owned(),
        };
        nested.push(signature);
    }
    // Boot sectors of filesystems end with the same two bytes.
    let boots = found.iter().any(|f| f.at < 512 && f.kind != "swap");
    if let Some(mbr) = mbr::read(view)?
        && !boots
        && (!mbr.entries.is_empty() || mbr.protective)
    {
        let mut signature = mbr_signature(&mbr);
        "a table in a partition".clone_into(&mut signature.note);
        nested.push(signature);
    }
    Ok(nested)
}

/// How many partitions a table in a partition has, and which of them bear names that Talos goes by.
fn inner_table(table: &gpt::Table) -> String {
    let names = table.entries.iter().map(|entry| entry.name.as_str());
    let known: Vec<&str> = names
        .filter(|name| matches!(*name, "META" | "STATE" | "EPHEMERAL"))
        .take(3)
        .collect();
    let all = format!("a table in a partition, of {} more", table.entries.len());
    if known.is_empty() {
        all
    } else {
        format!("{all}, among them {}", known.join(", "))
    }
}

fn mbr_signature(mbr: &Mbr) -> Found {
    let protective = mbr.is_protective_only();
    Found {
        kind: if protective { "PMBR" } else { "dos" },
        uuid: if mbr.disk_id == 0 || protective {
            String::new()
        } else {
            format!("{:08x}", mbr.disk_id)
        },
        at: 510,
        zero: vec![(0, 512)],
        ..Found::default()
    }
}

fn gpt_signature(gpt: &Reading, view: &View<'_>) -> Found {
    let copies = [&gpt.primary, &gpt.backup, &gpt.strayed];
    let zero: Vec<(u64, u64)> = copies
        .iter()
        .flat_map(|copy| copy.ranges(gpt.block))
        .collect();
    let readable = gpt.table();
    let native = u64::from(gpt.block.get()) == view.block();
    Found {
        kind: "gpt",
        talos: if readable.is_some() && native {
            "gpt"
        } else {
            ""
        },
        uuid: readable.map_or_else(String::new, |table| table.guid.to_string()),
        at: zero.first().map_or(0, |(at, _)| *at),
        zero,
        ..Found::default()
    }
}

/// A copy that no other one names, as a disk leaves behind that was shorter once.
fn stray_signature(table: gpt::Table) -> Found {
    Found {
        kind: "gpt",
        uuid: table.guid.to_string(),
        at: table.ranges.first().map_or(0, |(at, _)| *at),
        zero: table.ranges,
        note: "a header at a place that no table names".to_owned(),
        ..Found::default()
    }
}

fn damaged_gpt(gpt: &Reading) -> Table {
    Table {
        kind: "gpt".to_owned(),
        guid: None,
        block_size: Some(gpt.block),
        usable: None,
        defects: copy_defects(gpt),
    }
}

fn copy_defects(gpt: &Reading) -> Vec<String> {
    let mut defects = Vec::new();
    for (name, copy) in [("primary", &gpt.primary), ("backup", &gpt.backup)] {
        match copy {
            Copy::Absent => defects.push(format!("the {name} table is missing")),
            Copy::Damaged { why, .. } => {
                defects.push(format!("the {name} table is damaged: {why}"))
            }
            Copy::Sound(_) => {}
        }
    }
    if let Some(hidden) = gpt.hidden() {
        defects.push(format!(
            "made for a disk with {hidden} bytes more: a bridge or a protected area hides its end"
        ));
    }
    if gpt.strayed.sound().is_some() {
        defects.push("the backup table is not at the end of the disk".to_owned());
    }
    defects
}

impl Tables {
    fn use_gpt(&mut self, gpt: &Reading, mbr: Option<&Mbr>, view: &View<'_>) {
        let Some(table) = gpt.table() else {
            return;
        };
        self.partitions = table
            .entries
            .iter()
            .map(|entry| {
                let extent = gpt::extent(entry.first, entry.last, gpt.block);
                Partition {
                    type_guid: Some(entry.type_guid),
                    guid: Some(entry.guid),
                    attributes: entry.attributes,
                    ..Partition::new(entry.number, &*entry.name, extent)
                }
            })
            .collect();
        let usable = gpt::extent(table.first_usable, table.last_usable, gpt.block);
        let mut defects = copy_defects(gpt);
        defects.extend(disagreement(gpt));
        if u64::from(gpt.block.get()) != view.block() {
            defects.push(format!(
                "written for blocks of {} bytes on a disk with {}: it was made behind another bridge",
                gpt.block.get(),
                view.block()
            ));
        }
        defects.extend(protection_defects(mbr));
        defects.extend(range_defects(&self.partitions, usable));
        self.table = Some(Table {
            kind: "gpt".to_owned(),
            guid: Some(table.guid),
            block_size: Some(gpt.block),
            usable: Some(usable),
            defects,
        });
    }

    fn use_mbr(&mut self, mbr: Mbr, gpt: Option<&Reading>) {
        let mut defects = mbr.defects;
        if mbr.protective {
            defects.push("a protective MBR without a readable GPT".to_owned());
        }
        if let Some(gpt) = gpt {
            defects.extend(copy_defects(gpt).into_iter().map(|d| format!("GPT: {d}")));
            defects.push("a GPT that the MBR does not protect".to_owned());
        }
        self.partitions = mbr
            .entries
            .into_iter()
            .map(|entry| {
                let extent = Extent::new(Bytes::new(entry.start), Bytes::new(entry.len));
                Partition {
                    mbr_type: Some(entry.kind),
                    ..Partition::new(entry.number, "", extent)
                }
            })
            .collect();
        self.table = Some(Table {
            kind: "mbr".to_owned(),
            guid: None,
            block_size: None,
            usable: None,
            defects,
        });
    }

    fn use_apm(&mut self, view: &View<'_>) -> io::Result<()> {
        let Some(map) = apm::read(view)? else {
            return Ok(());
        };
        self.signatures.push(Found {
            kind: "mac",
            at: 0,
            zero: vec![map.range],
            ..Found::default()
        });
        self.partitions = map
            .entries
            .into_iter()
            .map(|entry| {
                let extent = Extent::new(Bytes::new(entry.start), Bytes::new(entry.len));
                Partition::new(entry.number, entry.name, extent)
            })
            .collect();
        self.table = Some(Table {
            kind: "apm".to_owned(),
            guid: None,
            block_size: None,
            usable: None,
            defects: Vec::new(),
        });
        Ok(())
    }
}

fn disagreement(gpt: &Reading) -> Option<String> {
    let (primary, backup) = (gpt.primary.sound()?, gpt.backup.sound()?);
    let same = primary.guid == backup.guid
        && primary.entries == backup.entries
        && primary.first_usable == backup.first_usable
        && primary.last_usable == backup.last_usable;
    (!same).then(|| "primary and backup table differ".to_owned())
}

/// The kernel ignores a GPT without a protective entry that starts at block 1.
fn protection_defects(mbr: Option<&Mbr>) -> Option<String> {
    match mbr {
        None => Some("no protective MBR: the kernel does not see the table".to_owned()),
        Some(mbr) if !mbr.protective => {
            Some("no protective MBR: the kernel does not see the table".to_owned())
        }
        Some(mbr) if !mbr.protective_from_1 => {
            Some("the protective MBR does not start at block 1".to_owned())
        }
        Some(mbr) if !mbr.entries.is_empty() => Some("a hybrid MBR".to_owned()),
        Some(_) => None,
    }
}

fn range_defects(partitions: &[Partition], usable: Extent) -> Vec<String> {
    let mut defects: Vec<String> = partitions
        .iter()
        .filter(|partition| !usable.contains(partition.extent))
        .map(|partition| {
            format!(
                "partition {} lies outside the usable range",
                partition.number
            )
        })
        .collect();
    let mut sorted: Vec<&Partition> = partitions.iter().collect();
    sorted.sort_by_key(|partition| partition.extent.start);
    for pair in sorted.windows(2) {
        if pair[0].extent.overlaps(pair[1].extent) {
            let (a, b) = (pair[0].number, pair[1].number);
            defects.push(format!("partitions {a} and {b} overlap"));
        }
    }
    defects
}

/// Whether an MBR entry holds other partitions rather than data.
pub(super) fn is_container(partition: &Partition) -> bool {
    partition.mbr_type.is_some_and(mbr::is_extended)
}
