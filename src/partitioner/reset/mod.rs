//! The plan of a reset: STATE, EPHEMERAL and named volumes go, every other byte stays. Pure.
//!
//! # The order, and why
//! Power may go at any write, and the next thing that looks at the disk may be Talos. It waits for ever, without
//! maintenance mode, for a partition that is named STATE, carries a LUKS header and does not open: because a
//! keyslot is destroyed, or because META's tag 0x09, from which it takes the keys, is gone. It goes on where there
//! is no partition of that name. So a volume loses its *name* before it loses anything else, and META's tag goes
//! while nothing is named STATE:
//!
//! 1. The mark, then whichever copy of the table is damaged is written anew from the sound one: from here on one
//!    copy can stand for both while the other is rewritten.
//! 2. Both copies of the table get the volumes under a name and a type that nobody looks for ([`erasing`]), backup
//!    first, a sync after each piece. Until the primary header is durable Talos finds the old volumes, and every
//!    byte of them and of META is as it was. From then on it finds none and comes up in maintenance mode. The ranges
//!    stay in the table: whoever continues, with or without the plan, knows what is half destroyed, and nobody puts
//!    a new volume over old keys.
//! 3. Whatever can hold key material (of a LUKS2 volume everything before its data: both headers and all keyslots)
//!    is overwritten with a pattern that does not compress, and that is made durable. Zeros alone might reach the
//!    flash as nothing but a note in the drive's map.
//! 4. The whole partition is discarded where the medium can, and *then* zeroed: both ends of a sealed volume, all
//!    of any other. After a discard a drive may return what it likes, so the zeros are what it can show.
//! 5. META without tag 0x09, or with the new one when STATE is sealed again; first its second copy, then its first.
//! 6. The finished table: without the volumes, as Talos' own reset leaves it, or with the freshly sealed ones.
//! 7. Everything is read back, what is kept is compared with what it was, and the mark goes.
//!
//! Destroying the headers first, as `cryptsetup erase` does, would leave a STATE that hangs the node from the first
//! write on until the last; deleting the tag first would do so as well.

pub mod choose;
pub mod erasing;
pub mod held;
pub mod notes;

use crate::config::spec::Spec;
use crate::partitioner::disk::{self, DiskError, ends};
use crate::partitioner::planner::{Aim, Options, assemble, title};
use crate::partitioner::wanted::Style;
use crate::partitioner::{adopt, binding};
use crate::plan::{
    Action, ContentPlan, DiskPlan, Erase, EraseMethod, PartitionPlan, Plan, Proof, Purpose,
    StateTag,
};
use crate::probe::inventory::{Content, Disk, Layout, Machine};
use crate::probe::marker::MARKER_EXTENT;
use crate::units::{Bytes, Extent};
use held::{Facts, Held, MetaHeld};

/// How much at the start of a volume is overwritten where keys may lie and nobody can tell how far they reach.
const HEAD: Bytes = Bytes::mib(16);

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// GPT names that go besides STATE and EPHEMERAL.
    pub volumes: Vec<String>,
    /// Whether sealed volumes are zeroed whole, too.
    pub zero_sealed: bool,
    /// How much of what is kept is compared.
    pub proof: Proof,
}

/// Why a reset cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// A disk cannot be reset, or its volumes cannot be sealed again.
    #[error("cannot reset {disk}")]
    Disk {
        /// The disk, for people.
        disk: String,
        /// Why.
        #[source]
        source: DiskError,
    },
    /// Its table is none that can be rewritten.
    #[error("the partition table of {disk} cannot be rewritten: {why}")]
    Table {
        /// The disk, for people.
        disk: String,
        /// Why.
        why: String,
    },
    /// What goes shares bytes with what stays.
    #[error("{volume} on {disk} overlaps {other}")]
    Overlap {
        /// The disk, for people.
        disk: String,
        /// What would go.
        volume: String,
        /// What it overlaps.
        other: String,
    },
    /// META has to be rewritten, and cannot be read.
    #[error("META on {disk} is damaged, and STATE cannot be sealed without it: {why}")]
    Meta {
        /// The disk, for people.
        disk: String,
        /// Why.
        why: String,
    },
    /// A volume is to be sealed again, and nothing says how.
    #[error("the configuration has no volume {0}")]
    NotConfigured(String),
}

/// A disk, and what was read of it.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The disk.
    pub disk: &'a Disk,
    /// What its volumes hold.
    pub facts: Facts,
}

/// Plans the reset of `subjects`. With `reseal`, its volumes are made again in the places of the old ones.
///
/// # Errors
/// [`ResetError`]; nothing was written.
pub fn plan(
    machine: &Machine,
    subjects: &[Subject<'_>],
    request: &Request,
    reseal: Option<&Spec>,
    options: &Options,
) -> Result<Plan, ResetError> {
    let mut disks = Vec::new();
    for subject in subjects {
        disks.push(one(subject, request, reseal, options)?);
    }
    let aim = Aim {
        purpose: Purpose::Reset,
        proof: request.proof,
        remarks: notes::remarks(subjects, &disks, reseal),
    };
    Ok(assemble(aim, machine, disks, options))
}

fn one(
    subject: &Subject<'_>,
    request: &Request,
    reseal: Option<&Spec>,
    options: &Options,
) -> Result<DiskPlan, ResetError> {
    let layout = sound(subject.disk)?;
    let failed = |source| ResetError::Disk {
        disk: title(subject.disk),
        source,
    };
    let mut plan = match reseal {
        None => without(subject, layout, options).map_err(failed)?,
        Some(spec) => resealed(subject, layout, spec, options)?,
    };
    plan.before = binding::before(subject.disk);
    plan.path.clone_from(&subject.disk.path);
    let gone = |p: &PartitionPlan| subject.facts.volumes.get(&p.number);
    for (index, partition) in plan.partitions.iter().enumerate() {
        if let Some(held) = gone(partition) {
            apart(subject.disk, layout, partition)?;
            plan.erase.push(erase(index, partition, held, request));
        }
    }
    let damaged = layout.table.as_ref().is_some_and(|t| !t.defects.is_empty());
    // A sound table from which nothing goes is not touched; what an interrupted run left of one is mended.
    let unfinished = plan.before.unfinished.is_some();
    plan.writes_table = !plan.erase.is_empty() || (damaged && unfinished);
    Ok(plan)
}

/// The layout, if its table can be rewritten with every entry in its place.
fn sound(disk: &Disk) -> Result<&Layout, ResetError> {
    let failed = |why: String| ResetError::Table {
        disk: title(disk),
        why,
    };
    let layout = match &disk.content {
        Content::Talos(layout) | Content::Foreign(layout) => layout,
        other => return Err(failed(adopt::in_words(other))),
    };
    let Some(table) = layout.table.as_ref().filter(|table| table.kind == "gpt") else {
        return Err(failed(String::from("it is no GPT")));
    };
    let native = table
        .block_size
        .is_some_and(|size| u64::from(size.get()) == disk.talos.sector_size);
    if table.usable.is_none() || !native {
        return Err(failed(table.defects.join("; ")));
    }
    // Such a table would not be the same after it was written again.
    let beyond = |defect: &&String| defect.contains("hybrid") || defect.contains("overlap");
    match table.defects.iter().find(beyond) {
        Some(defect) => Err(failed(defect.clone())),
        None => Ok(layout),
    }
}

/// The disk without its volumes.
fn without(
    subject: &Subject<'_>,
    layout: &Layout,
    options: &Options,
) -> Result<DiskPlan, DiskError> {
    let disk = subject.disk;
    let mut partitions = adopt::keep_all(layout)?;
    for partition in &mut partitions {
        if let Some(held) = subject.facts.volumes.get(&partition.number) {
            partition.action = Action::Wipe;
            partition.content = ContentPlan::AsIs {
                found: held.words().to_owned(),
            };
        } else if partition.name == "META" && subject.facts.meta == MetaHeld::Tag {
            partition.content = ContentPlan::Meta {
                state: Some(StateTag::Absent),
            };
        }
    }
    partitions.sort_by_key(|partition| partition.start);
    let table = layout.table.as_ref().and_then(|table| table.guid);
    Ok(DiskPlan {
        path: disk.path.clone(),
        id: disk.id.clone(),
        identity: binding::identity(disk),
        title: title(disk),
        roles: Vec::new(),
        geometry: disk::geometry(disk)?,
        before: binding::before(disk),
        table: table.unwrap_or_else(|| options.seed.guid(&disk.id, "disk")),
        fresh: false,
        writes_table: false,
        marker: disk::marker_place(Some(layout)).filter(|_| options.mark),
        discard: Vec::new(),
        wipe: Vec::new(),
        erase: Vec::new(),
        partitions,
    })
}

/// The disk with its volumes made again: what the ordinary planner makes of it once they are empty.
fn resealed(
    subject: &Subject<'_>,
    layout: &Layout,
    spec: &Spec,
    options: &Options,
) -> Result<DiskPlan, ResetError> {
    let failed = |source| ResetError::Disk {
        disk: title(subject.disk),
        source,
    };
    let (emptied, roles) = emptied(subject, layout, spec)?;
    if let MetaHeld::Damaged(why) = &subject.facts.meta
        && roles.iter().any(|role| role == "STATE")
    {
        return Err(ResetError::Meta {
            disk: title(subject.disk),
            why: why.clone(),
        });
    }
    if roles.is_empty() {
        return without(subject, layout, options).map_err(failed);
    }
    let style = Style {
        talos: options.talos,
        bootloader: options.bootloader,
        ephemeral_filesystem: options.ephemeral_filesystem,
    };
    let disk = Disk {
        content: Content::Talos(emptied),
        ..subject.disk.clone()
    };
    let mut plan = disk::plan(spec, &disk, &roles, style, options).map_err(failed)?;
    for partition in &mut plan.partitions {
        // Left to Talos, which formats what is empty.
        if subject.facts.volumes.contains_key(&partition.number) && !partition.is_made() {
            partition.action = Action::Seal;
            partition.content = ContentPlan::Empty {
                then: String::from("Talos formats it"),
            };
        }
    }
    Ok(plan)
}

/// `layout` with nothing in the volumes that go, under their own names, and these names.
fn emptied(
    subject: &Subject<'_>,
    layout: &Layout,
    spec: &Spec,
) -> Result<(Layout, Vec<String>), ResetError> {
    let mut emptied = layout.clone();
    let mut roles = Vec::new();
    for partition in &mut emptied.partitions {
        if !subject.facts.volumes.contains_key(&partition.number) {
            continue;
        }
        let name = configured(spec, &partition.name)
            .ok_or_else(|| ResetError::NotConfigured(erasing::old_name(&partition.name).into()))?;
        if erasing::is_erasing(partition) {
            let swap = name.starts_with("s-");
            partition.attributes = 0;
            partition.type_guid = Some(if swap {
                crate::guid::Guid::LINUX_SWAP
            } else {
                crate::guid::Guid::LINUX_DATA
            });
        }
        partition.signatures.clear();
        partition.unreadable = None;
        roles.push(name.clone());
        partition.name = name;
    }
    Ok((emptied, roles))
}

/// The volume of the configuration that has this name, or had it before it was marked.
fn configured(spec: &Spec, name: &str) -> Option<String> {
    let system = ["STATE", "EPHEMERAL"].into_iter();
    let mut volumes = system.chain(spec.volumes.iter().map(|volume| volume.id.as_str()));
    let same = |volume: &&str| *volume == name || erasing::name(volume) == name;
    volumes.find(same).map(str::to_owned)
}

/// A table that was damaged may name ranges that are not the volume's alone.
fn apart(disk: &Disk, layout: &Layout, gone: &PartitionPlan) -> Result<(), ResetError> {
    let overlap = |other: String| ResetError::Overlap {
        disk: title(disk),
        volume: gone.name.clone(),
        other,
    };
    let usable = layout.table.as_ref().and_then(|table| table.usable);
    let place = Extent::between(Bytes::ZERO, Bytes::new(disk.talos.size));
    if !usable.is_some_and(|usable| usable.contains(gone.extent()))
        || !place.contains(gone.extent())
    {
        return Err(overlap(String::from("what lies outside the usable range")));
    }
    if gone.extent().overlaps(MARKER_EXTENT) {
        return Err(overlap(String::from("the first MiB of the disk")));
    }
    let mut others = layout.partitions.iter().filter(|p| p.number != gone.number);
    match others.find(|p| p.extent.overlaps(gone.extent())) {
        Some(other) => Err(overlap(other.name.clone())),
        None => Ok(()),
    }
}

fn erase(index: usize, partition: &PartitionPlan, held: &Held, request: &Request) -> Erase {
    let place = partition.extent();
    let head = |len: Bytes| Extent::new(place.start, len.min(place.len));
    let (method, keys) = match held {
        Held::Sealed { data_offset, .. } => (EraseMethod::CryptoErase, vec![head(*data_offset)]),
        Held::Plain { keys: true, .. } => (EraseMethod::Zero, vec![head(HEAD)]),
        Held::Plain { keys: false, .. } => (EraseMethod::Zero, Vec::new()),
    };
    let zero = match method {
        EraseMethod::CryptoErase if !request.zero_sealed => {
            Extent::merged(ends(place).into_iter().chain(keys.clone()).collect())
        }
        _ => vec![place],
    };
    Erase {
        partition: index,
        found: held.words().to_owned(),
        method,
        keys,
        zero,
    }
}
