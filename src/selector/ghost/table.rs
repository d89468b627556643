//! Partition tables that are left over: half of a GPT, copies that differ, tables in partitions and below others. Pure.

use super::cleanup::Device;
use super::{Ghost, GhostKind};
use crate::probe::inventory::{Disk, Layout, Partition, Signature};
use crate::units::Bytes;

/// A table as it was found: kind, words, place, what Talos does, commands.
type Found = (GhostKind, String, Bytes, &'static str, Vec<String>);

/// Every such table on `disk`.
pub(super) fn ghosts(disk: &Disk, layout: &Layout) -> Vec<Ghost> {
    let device = Device::of(disk);
    let mut found: Vec<Found> = Vec::new();
    if let Some((what, talos, cleanup)) = copies(layout, &device) {
        found.push((
            GhostKind::StaleTable,
            what,
            at(layout, "gpt"),
            talos,
            cleanup,
        ));
    }
    found.extend(strays(layout).map(|signature| stray(signature, &device)));
    if let Some((what, cleanup)) = below(layout, &device) {
        let talos = "Talos reads the GPT, the kernel the MBR: they see different partitions";
        found.push((
            GhostKind::NestedTable,
            what,
            at(layout, "gpt"),
            talos,
            cleanup,
        ));
    }
    // A raw volume holds what its user wants, a whole disk among it.
    let partitions = layout.partitions.iter();
    let partitions = partitions.filter(|partition| !partition.name.starts_with("r-"));
    found.extend(partitions.filter_map(|partition| nested(partition, &device)));
    let ghost = |(kind, what, offset, talos, cleanup): Found| {
        device.ghost(Ghost {
            disk: disk.path.clone(),
            id: disk.id.clone(),
            kind,
            what,
            offset,
            talos: talos.to_owned(),
            refuses: false,
            cleanup,
        })
    };
    found.into_iter().map(ghost).collect()
}

fn stray(signature: &Signature, device: &Device) -> Found {
    let at = signature.offset;
    let what = format!("a GPT header at byte {} that no table names", at.get());
    let talos = "Talos does not look there; a tool that repairs tables may bring it back";
    let cleanup = vec![device.zero(signature)];
    (GhostKind::StaleTable, what, at, talos, cleanup)
}

fn nested(partition: &Partition, device: &Device) -> Option<Found> {
    let table = partition.signatures.iter().find(|s| is_table(s))?;
    let mut what = format!("a partition table ({}) in {}", table.kind, place(partition));
    if !table.note.is_empty() {
        what = format!("{what}: {}", table.note);
    }
    let talos =
        "Talos' probe calls the partition gpt, and may take a name inside it for one of its own";
    let cleanup = vec![device.wipefs(Some(partition), "gpt,PMBR,dos")];
    Some((GhostKind::NestedTable, what, table.offset, talos, cleanup))
}

/// Whether only the backup of a GPT is left.
pub(super) fn is_remnant(layout: &Layout) -> bool {
    let gpt = layout.table.as_ref().filter(|table| table.kind == "gpt");
    let lost = "the primary table is ";
    gpt.is_some_and(|table| table.defects.iter().any(|defect| defect.starts_with(lost)))
}

/// The commands that erase what is left of a table, or bring it back.
pub(super) fn remnant(device: &Device) -> Vec<String> {
    vec![
        device.wipefs(None, "gpt"),
        format!("keelblock repair --disk {} --yes", device.node(None)),
    ]
}

fn copies(layout: &Layout, device: &Device) -> Option<(String, &'static str, Vec<String>)> {
    const FALLS_BACK: &str =
        "Talos reads the backup where the primary is gone, and takes its partitions for real";
    let table = layout.table.as_ref().filter(|table| table.kind == "gpt")?;
    let has = |words: &str| table.defects.iter().find(|defect| defect.contains(words));
    if is_remnant(layout) {
        let what = "a backup GPT whose primary is gone".to_owned();
        return Some((what, FALLS_BACK, remnant(device)));
    }
    if has("primary and backup table differ").is_some() {
        let what = "a backup GPT that differs from the primary".to_owned();
        let talos = "Talos goes by the primary as long as it is whole";
        let repair = format!(
            "keelblock repair --disk {} --from primary --yes",
            device.node(None)
        );
        return Some((what, talos, vec![repair]));
    }
    let moved = has("the backup table is not at the end")?;
    let talos =
        "Talos goes by the primary, and moves the backup to the end when it next writes the table";
    let repair = format!("sgdisk --move-second-header {}", device.node(None));
    Some((format!("a GPT: {moved}"), talos, vec![repair]))
}

/// GPT headers at places that the table does not name.
fn strays(layout: &Layout) -> impl Iterator<Item = &Signature> {
    let signatures = layout.signatures.iter();
    signatures.filter(|s| s.kind == "gpt" && s.note.starts_with("a header at a place"))
}

/// A GPT below a real MBR, or an MBR with entries beside a GPT.
fn below(layout: &Layout, device: &Device) -> Option<(String, Vec<String>)> {
    let table = layout.table.as_ref()?;
    let gpt = layout.signatures.iter().any(|s| s.kind == "gpt");
    if table.kind == "mbr" && gpt {
        let what = "a GPT below an MBR with partitions of its own".to_owned();
        return Some((what, vec![device.wipefs(None, "gpt")]));
    }
    let hybrid = table.kind == "gpt" && table.defects.iter().any(|d| d == "a hybrid MBR");
    hybrid.then(|| {
        let what = "an MBR with partitions of its own beside a GPT".to_owned();
        // Writing the table puts a protective MBR into the place of the hybrid one.
        let protect = format!("printf 'x\\nn\\nw\\ny\\n' | gdisk {}", device.node(None));
        (what, vec![protect])
    })
}

fn is_table(signature: &Signature) -> bool {
    matches!(&*signature.kind, "gpt" | "dos" | "PMBR")
}

fn at(layout: &Layout, kind: &str) -> Bytes {
    let mut signatures = layout.signatures.iter().filter(|s| s.kind == kind);
    signatures.next().map_or(Bytes::ZERO, |s| s.offset)
}

/// `partition 3` with its name.
pub(super) fn place(partition: &Partition) -> String {
    if partition.name.is_empty() {
        format!("partition {}", partition.number)
    } else {
        format!("partition {} ({})", partition.number, partition.name)
    }
}
