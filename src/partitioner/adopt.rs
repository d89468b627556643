//! What is already on a disk, held against what the configuration wants. Pure.
//!
//! The rules are Talos': a volume is found by its GPT name; no signature means it is formatted, the wanted
//! one means it is adopted, and any other makes Talos stop.

use crate::config::spec::Spec;
use crate::partitioner::content::Inside;
use crate::partitioner::disk::DiskError;
use crate::partitioner::wanted::WantedPartition;
use crate::plan::{Action, ContentPlan, FoundPartition, PartitionPlan};
use crate::probe::inventory::{Content, Layout};
use crate::units::Bytes;

pub use crate::probe::is_talos_name;

/// The layout to complete, if the disk has a table that is worth completing.
///
/// A disk that only carries the mark of an unfinished apply is as good as blank: nothing was published on it.
/// Foreign content is replaced as a whole; whether that is allowed was decided when the disk was selected.
pub fn existing(content: &Content) -> Option<&Layout> {
    match content {
        Content::Talos(layout) => Some(layout),
        Content::Foreign(layout) if layout.unfinished.is_some() && is_talos_table(layout) => {
            Some(layout)
        }
        Content::Foreign(_) | Content::Blank | Content::Unreadable { .. } => None,
    }
}

/// The layout of a disk of `machine.disks`, whose partitions have no names and are found by their numbers.
///
/// Only a sound GPT without any named partition counts.
pub fn indexed<'a>(spec: &Spec, roles: &[String], content: &'a Content) -> Option<&'a Layout> {
    let Content::Foreign(layout) = content else {
        return None;
    };
    let sound = layout
        .table
        .as_ref()
        .is_some_and(|table| table.kind == "gpt" && table.defects.is_empty());
    let indexed = roles
        .iter()
        .all(|role| spec.legacy_disks.iter().any(|disk| disk.device == *role));
    let unnamed =
        !layout.partitions.is_empty() && layout.partitions.iter().all(|p| p.name.is_empty());
    (sound && indexed && unnamed).then_some(layout)
}

/// Whether all that speaks for foreign content is an apply of ours that was interrupted.
pub fn is_ours_unfinished(content: &Content) -> bool {
    let Content::Foreign(layout) = content else {
        return false;
    };
    let alone =
        layout.table.is_none() && layout.partitions.is_empty() && layout.signatures.is_empty();
    layout.unfinished.is_some() && (alone || is_talos_table(layout))
}

/// Whether a table whose copies are damaged is still recognisably one of ours.
fn is_talos_table(layout: &Layout) -> bool {
    let gpt = layout
        .table
        .as_ref()
        .is_some_and(|table| table.kind == "gpt" && table.usable.is_some());
    gpt && !layout.partitions.is_empty() && layout.partitions.iter().all(|p| is_talos_name(&p.name))
}

/// Every partition of `layout`, to be kept as it is.
///
/// # Errors
/// [`DiskError::Duplicate`] if two partitions have the same name.
pub fn keep_all(layout: &Layout) -> Result<Vec<PartitionPlan>, DiskError> {
    let mut kept: Vec<PartitionPlan> = Vec::new();
    for partition in &layout.partitions {
        if !partition.name.is_empty() && kept.iter().any(|p| p.name == partition.name) {
            return Err(DiskError::Duplicate(partition.name.clone()));
        }
        kept.push(PartitionPlan {
            name: partition.name.clone(),
            action: Action::Keep,
            number: partition.number,
            start: partition.extent.start,
            size: partition.extent.len,
            type_guid: partition.type_guid.unwrap_or(crate::guid::Guid::NIL),
            guid: partition.guid.unwrap_or(crate::guid::Guid::NIL),
            attributes: partition.attributes,
            content: ContentPlan::AsIs {
                found: found(layout, partition.number).word().to_owned(),
            },
        });
    }
    Ok(kept)
}

/// Everything on a disk of `size` bytes that a picture of it shows, in the order of its start.
pub fn seen(layout: &Layout, size: u64) -> Vec<FoundPartition> {
    let labelled = |kind: &str, label: &str| match label {
        "" => kind.to_owned(),
        label => format!("{kind} {label:?}"),
    };
    let mut seen: Vec<FoundPartition> = Vec::new();
    for partition in &layout.partitions {
        let label = partition
            .signatures
            .first()
            .map_or("", |s| s.label.as_str());
        seen.push(FoundPartition {
            number: partition.number,
            name: partition.name.clone(),
            start: partition.extent.start,
            size: partition.extent.len,
            holds: labelled(found(layout, partition.number).word(), label),
        });
    }
    // Without a table, what is on the disk has all of it.
    if layout.table.is_none() {
        seen.extend(layout.signatures.iter().take(1).map(|s| FoundPartition {
            number: 0,
            name: String::new(),
            start: Bytes::ZERO,
            size: Bytes::new(size),
            holds: labelled(&s.kind, &s.label),
        }));
    }
    seen.sort_by_key(|found| (found.start, found.number));
    seen
}

/// What is in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing that is recognised.
    Nothing,
    /// This signature, in Talos' words.
    Signature(String),
    /// It could not be read.
    Unreadable(String),
}

impl Found {
    /// For tables and messages.
    pub fn word(&self) -> &str {
        match self {
            Self::Nothing => "nothing",
            Self::Signature(kind) => kind,
            Self::Unreadable(_) => "something unreadable",
        }
    }
}

/// What is in partition `number`.
pub fn found(layout: &Layout, number: u32) -> Found {
    let Some(partition) = layout.partitions.iter().find(|p| p.number == number) else {
        return Found::Nothing;
    };
    if let Some(reason) = &partition.unreadable {
        return Found::Unreadable(reason.clone());
    }
    match partition.signatures.first() {
        None => Found::Nothing,
        Some(signature) if signature.talos.is_empty() => Found::Signature(signature.kind.clone()),
        Some(signature) => Found::Signature(signature.talos.clone()),
    }
}

/// Whether an existing partition is kept or made in place.
///
/// # Errors
/// [`DiskError::Mismatch`] if Talos would stop at it.
pub fn judge(want: &WantedPartition<'_>, found: &Found) -> Result<Action, DiskError> {
    let inside = match want.content.inside {
        Inside::Xfs(_) => "xfs",
        Inside::Vfat(_) => "vfat",
        Inside::Left(kind) => kind,
        Inside::Nothing => "",
    };
    let wanted = if want.content.encryption.is_some() {
        "luks"
    } else {
        inside
    };
    let mismatch = || DiskError::Mismatch {
        volume: want.name.clone(),
        found: found.word().to_owned(),
        wanted: if wanted.is_empty() {
            String::from("no encryption")
        } else {
            wanted.to_owned()
        },
    };
    match found {
        Found::Nothing if want.content.encryption.is_some() => Ok(Action::Seal),
        Found::Nothing if matches!(want.content.inside, Inside::Xfs(_) | Inside::Vfat(_)) => {
            Ok(Action::Seal)
        }
        Found::Nothing => Ok(Action::Keep),
        Found::Signature(kind) if kind == wanted => Ok(Action::Keep),
        Found::Signature(kind) if wanted.is_empty() && kind != "luks" => Ok(Action::Keep),
        Found::Signature(_) | Found::Unreadable(_) => Err(mismatch()),
    }
}

/// The content of a disk in a few words, for preconditions and refusals.
pub fn in_words(content: &Content) -> String {
    match content {
        Content::Blank => String::from("blank"),
        Content::Unreadable { reason } => format!("unreadable: {reason}"),
        Content::Talos(layout) | Content::Foreign(layout) => layout_in_words(layout),
    }
}

fn layout_in_words(layout: &Layout) -> String {
    let mut words = Vec::new();
    if let Some(table) = &layout.table {
        let names: Vec<&str> = layout
            .partitions
            .iter()
            .map(|p| p.name.as_str())
            .filter(|n| !n.is_empty())
            .collect();
        let count = layout.partitions.len();
        let plural = if count == 1 { "" } else { "s" };
        words.push(match names.is_empty() {
            true => format!("{} with {count} partition{plural}", table.kind),
            false => format!(
                "{} with {count} partition{plural} ({})",
                table.kind,
                names.join(", ")
            ),
        });
    }
    let outside = layout
        .signatures
        .iter()
        .filter(|s| !matches!(s.kind.as_str(), "gpt" | "PMBR" | "dos" | "mbr"));
    words.extend(outside.map(|s| format!("{} at byte {}", s.kind, s.offset.get())));
    if let Some(plan) = &layout.unfinished {
        words.push(format!("an apply of plan {plan} that was interrupted"));
    }
    if words.is_empty() {
        String::from("something unknown")
    } else {
        words.join(", ")
    }
}
