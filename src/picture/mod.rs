//! What a picture of a plan shows: every disk before and after. Pure data, made from the plan alone.
//!
//! One model, three renderings: the terminal's, [`svg`] and [`html`]. Text from disks and files comes
//! with control characters and marks of reading direction as escapes; whoever renders it escapes for the format.

pub mod html;
mod look;
pub mod scale;
pub mod strip;
pub mod svg;

use crate::picture::strip::{Mark, Segment, Strip};
use crate::plan::{Action, ContentPlan, DiskPlan, FoundPartition, PartitionPlan, Plan};
use crate::printable::printable;

/// A picture of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The plan's id.
    pub id: String,
    /// Its digest.
    pub digest: String,
    /// Facts below the title: name and value.
    pub facts: Vec<(&'static str, String)>,
    /// Whether anything is lost.
    pub loses: bool,
    /// The disks, in the order in which they are changed.
    pub disks: Vec<DiskPicture>,
    /// The plan's remarks.
    pub notes: Vec<String>,
}

/// One disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskPicture {
    /// Path, model and size.
    pub title: String,
    /// Identity.
    pub id: String,
    /// Roles that live on it.
    pub roles: String,
    /// As it is.
    pub before: Strip,
    /// As it will be.
    pub after: Strip,
    /// Every part that goes, stays or comes.
    pub rows: Vec<Row>,
    /// What is lost, in sentences.
    pub lost: Vec<String>,
    /// The names of what stays.
    pub kept: Vec<String>,
}

/// A line of the table below a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Entry number; empty for what has none.
    pub number: String,
    /// Name.
    pub name: String,
    /// Where it begins.
    pub start: String,
    /// How large it is.
    pub size: String,
    /// What happens to it.
    pub mark: Mark,
    /// What is in it, or will be.
    pub content: String,
}

impl Sheet {
    /// The picture of `plan`.
    pub fn of(plan: &Plan) -> Self {
        let disks: Vec<DiskPicture> = plan.disks.iter().map(disk).collect();
        Self {
            id: plan.id.clone(),
            digest: plan.digest.clone(),
            facts: facts(plan),
            loses: disks.iter().any(|disk| !disk.lost.is_empty()),
            disks,
            notes: plan.remarks.iter().map(|note| shown(note)).collect(),
        }
    }
}

fn shown(text: &str) -> String {
    look::tame(&printable(text))
}

fn facts(plan: &Plan) -> Vec<(&'static str, String)> {
    let unknown = || String::from("unknown");
    let machine = match plan.machine.product.as_str() {
        "" => unknown(),
        product => shown(product),
    };
    let until = plan.valid.map(|valid| valid.until.to_string());
    let seconds = plan
        .cost
        .seconds
        .map(|seconds| format!(", about {seconds} s"));
    let cost = format!(
        "{} written, {} of memory{}",
        plan.cost.bytes_written,
        plan.cost.memory,
        seconds.unwrap_or_default()
    );
    vec![
        ("Machine", machine),
        (
            "UUID",
            plan.machine.uuid.as_deref().map_or_else(unknown, shown),
        ),
        ("Talos", shown(&plan.talos)),
        ("Expires", until.unwrap_or_else(|| String::from("never"))),
        ("Cost", cost),
        ("Digest", shown(&plan.digest)),
    ]
}

/// The picture of one disk.
pub fn disk(disk: &DiskPlan) -> DiskPicture {
    let size = disk.geometry.size;
    let before: Vec<Segment> = disk
        .before
        .partitions
        .iter()
        .map(|found| was(disk, found))
        .collect();
    let stays = disk.partitions.iter().filter(|p| p.action != Action::Wipe);
    let after: Vec<Segment> = stays.map(is).collect();
    let lost = before.iter().zip(&disk.before.partitions);
    let lost = lost.filter(|(segment, _)| segment.mark == Mark::Lost);
    let mut rows: Vec<(u64, Row)> = lost
        .map(|(segment, found)| (found.start.get(), row(segment, &found.holds)))
        .collect();
    let planned = disk.partitions.iter().filter(|p| p.action != Action::Wipe);
    rows.extend(planned.map(|p| (p.start.get(), row(&is(p), &p.content.in_words()))));
    rows.sort_by_key(|(start, row)| (*start, row.mark != Mark::Lost));
    let kept = disk.partitions.iter().filter(|p| p.action == Action::Keep);
    DiskPicture {
        title: shown(&disk.title),
        id: shown(&disk.id),
        roles: shown(&disk.roles.join(", ")),
        before: Strip::new(shown(&disk.before.content), size, before),
        after: Strip::new(state_after(disk), size, after),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        lost: losses(disk),
        kept: kept.map(|p| shown(&p.name)).collect(),
    }
}

fn state_after(disk: &DiskPlan) -> String {
    let count = disk
        .partitions
        .iter()
        .filter(|p| p.action != Action::Wipe)
        .count();
    let plural = if count == 1 { "" } else { "s" };
    match (disk.changes(), disk.fresh) {
        (false, _) => String::from("the same"),
        (true, true) => format!("a new table with {count} partition{plural}"),
        (true, false) => format!("the same table with {count} partition{plural}"),
    }
}

/// What is lost on a disk, in sentences.
pub fn losses(disk: &DiskPlan) -> Vec<String> {
    let wiped = disk
        .wipe
        .iter()
        .filter(|wipe| !wipe.table)
        .map(|wipe| shown(&wipe.why));
    let erased = disk.erase.iter().map(|erase| {
        let name = disk
            .partitions
            .get(erase.partition)
            .map_or("", |p| p.name.as_str());
        shown(&format!("{} in {name:?}", erase.found))
    });
    wiped.chain(erased).collect()
}

/// A part of the disk as it is, with what becomes of it.
fn was(disk: &DiskPlan, found: &FoundPartition) -> Segment {
    let same = |p: &&PartitionPlan| p.number == found.number && p.start == found.start;
    let index = disk.partitions.iter().position(|p| same(&p));
    let mark = match index.map(|index| (&disk.partitions[index], disk.erased(index))) {
        _ if disk.fresh => Mark::Lost,
        Some((planned, None)) if planned.action != Action::Wipe => Mark::Kept,
        _ => Mark::Lost,
    };
    Segment {
        number: (found.number > 0).then_some(found.number),
        label: match found.name.as_str() {
            "" => shown(&found.holds),
            name => shown(name),
        },
        extent: crate::units::Extent::new(found.start, found.size),
        mark,
        parts: 1,
    }
}

/// A part of the disk as it will be.
pub fn is(partition: &PartitionPlan) -> Segment {
    let mark = match (&partition.content, partition.is_made()) {
        (_, false) => Mark::Kept,
        (ContentPlan::Sealed(_), true) => Mark::Sealed,
        (_, true) => Mark::Made,
    };
    Segment {
        number: Some(partition.number),
        label: shown(&partition.name),
        extent: partition.extent(),
        mark,
        parts: 1,
    }
}

fn row(segment: &Segment, content: &str) -> Row {
    let content = shown(content);
    Row {
        number: segment
            .number
            .map_or(String::new(), |number| number.to_string()),
        name: match segment.number {
            Some(_) => segment.label.clone(),
            None => String::from("whole disk"),
        },
        start: segment.extent.start.to_string(),
        size: segment.extent.len.to_string(),
        mark: segment.mark,
        content,
    }
}
