//! The plan for one disk: what is kept, what is made where, what is wiped. Pure.

use crate::config::spec::Spec;
use crate::guid::Guid;
use crate::keys::{self, KeyError};
use crate::partitioner::content::Ground;
use crate::partitioner::layout::{ALIGNMENT, META_SIZE, NoSpace, Space};
use crate::partitioner::planner::{Options, title};
use crate::partitioner::reset::erasing;
use crate::partitioner::wanted::{self, Style, WantedPartition, WantedSize};
use crate::partitioner::{adopt, binding, wipe};
use crate::plan::{Action, ContentPlan, DiskPlan, PartitionPlan, StateTag};
use crate::probe::inventory::{Content, Disk, Layout};
use crate::probe::marker::MARKER_EXTENT;
use crate::units::{BlockSize, Bytes, Extent, Geometry, UnsupportedBlockSize};

/// Why a disk cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// 520-byte sectors and the like.
    #[error("its logical block size cannot be used")]
    BlockSize(#[source] UnsupportedBlockSize),
    /// Nobody could tell what is on it.
    #[error("its content could not be read: {0}")]
    Unreadable(String),
    /// It holds something else, and nobody consented to lose that.
    #[error("it holds {holds}")]
    Foreign {
        /// The disk, as consent names it: its identity in quotes, or the path of an image.
        name: String,
        /// What is on it, in words.
        holds: String,
    },
    /// A reset was interrupted on it.
    #[error("a reset of {0} was interrupted on it")]
    Erasing(String),
    /// Not enough room.
    #[error("there is no room for {volume}")]
    NoSpace {
        /// The partition.
        volume: String,
        /// How much is missing.
        #[source]
        source: NoSpace,
    },
    /// What is there is not what the configuration wants, and Talos would stop at it.
    #[error("{volume} is there, but holds {found} where the configuration wants {wanted}")]
    Mismatch {
        /// The partition.
        volume: String,
        /// What is in it.
        found: String,
        /// What should be in it.
        wanted: String,
    },
    /// An installed system without META is none.
    #[error("it has a Talos table without a sound META partition")]
    NoMeta,
    /// Two partitions with the same name.
    #[error("it has two partitions named {0:?}")]
    Duplicate(String),
    /// All 128 entries are used.
    #[error("its table has no free entry")]
    TableFull,
    /// A key cannot be made.
    #[error("a key cannot be made")]
    Key(#[from] KeyError),
    /// A sealed volume needs more than its header.
    #[error("{volume} would get {size}, which is too small for a sealed volume")]
    TooSmallToSeal {
        /// The partition.
        volume: String,
        /// Its size.
        size: Bytes,
    },
}

/// What `roles` make of `disk`.
///
/// # Errors
/// [`DiskError`]; nothing was written.
pub fn plan(
    spec: &Spec,
    disk: &Disk,
    roles: &[String],
    style: Style,
    options: &Options,
) -> Result<DiskPlan, DiskError> {
    let geometry = geometry(disk)?;
    if let Content::Unreadable { reason } = &disk.content {
        return Err(DiskError::Unreadable(reason.clone()));
    }
    let existing =
        adopt::existing(&disk.content).or_else(|| adopt::indexed(spec, roles, &disk.content));
    let fresh = existing.is_none();
    if fresh && !may_be_replaced(spec, disk, options) {
        return Err(foreign(disk));
    }
    let table = existing
        .and_then(|layout| layout.table.as_ref()?.guid)
        .unwrap_or_else(|| options.seed.guid(&disk.id, "disk"));
    let builder = Builder {
        disk,
        geometry,
        options,
        table,
    };
    let wanted = wanted::partitions(spec, roles, style, fresh);
    let mut partitions = match existing {
        None => builder.fresh(&wanted)?,
        Some(layout) => builder.complete(layout, &wanted, roles)?,
    };
    state_tag(spec, roles, &mut partitions);
    check_keys(spec, &partitions, options)?;
    let (wipe, discard) = if fresh {
        wipe::everything(disk, geometry)
    } else {
        (Vec::new(), Vec::new())
    };
    let damaged = existing
        .and_then(|layout| layout.table.as_ref())
        .is_some_and(|table| !table.defects.is_empty());
    Ok(DiskPlan {
        path: disk.path.clone(),
        id: disk.id.clone(),
        identity: binding::identity(disk),
        title: title(disk),
        roles: roles.to_vec(),
        geometry,
        before: binding::before(disk),
        table,
        fresh,
        writes_table: fresh || damaged || partitions.iter().any(PartitionPlan::is_made),
        marker: marker_place(existing).filter(|_| options.mark),
        wipe,
        discard,
        erase: Vec::new(),
        partitions,
    })
}

/// Selection asks for consent, too; but it is here that a disk would get a new table.
fn may_be_replaced(spec: &Spec, disk: &Disk, options: &Options) -> bool {
    let configured = spec.install.as_ref().is_some_and(|install| install.wipe);
    matches!(disk.content, Content::Blank)
        || adopt::is_ours_unfinished(&disk.content)
        || (configured && options.wipe.iter().any(|name| disk.is_named(name)))
}

/// Why a disk that may not be replaced cannot be used.
fn foreign(disk: &Disk) -> DiskError {
    let layout = disk.content.layout();
    let mut partitions = layout.into_iter().flat_map(|layout| &layout.partitions);
    match partitions.find(|p| erasing::is_erasing(p)) {
        Some(volume) => DiskError::Erasing(erasing::old_name(&volume.name).to_owned()),
        None => DiskError::Foreign {
            name: consent_name(disk),
            holds: adopt::in_words(&disk.content),
        },
    }
}

/// An image has no identity but its path; the kernel's name of a disk is none.
fn consent_name(disk: &Disk) -> String {
    if disk.path.starts_with("/dev/") {
        format!("'{}'", disk.id)
    } else {
        disk.path.clone()
    }
}

/// Size and block sizes, if they are ones that can be laid out.
pub(super) fn geometry(disk: &Disk) -> Result<Geometry, DiskError> {
    let sector = u32::try_from(disk.talos.sector_size).unwrap_or(u32::MAX);
    let logical = BlockSize::try_from(sector).map_err(DiskError::BlockSize)?;
    let physical = disk.physical_sector_size.max(logical.get());
    Ok(Geometry {
        size: Bytes::new(disk.talos.size),
        logical,
        physical,
    })
}

/// The mark of an unfinished apply needs 4 KiB before the first partition.
///
/// A table may count that place as usable, as Talos before 1.10 and sgdisk do: new partitions start at whole MiB, so it
/// stays free. Without the mark a power cut between the two copies of the table would need an operator.
pub(super) fn marker_place(existing: Option<&Layout>) -> Option<Bytes> {
    let free = existing.is_none_or(|layout| {
        layout.table.is_some()
            && !layout
                .partitions
                .iter()
                .any(|p| p.extent.overlaps(MARKER_EXTENT))
    });
    free.then_some(MARKER_EXTENT.start)
}

struct Builder<'a> {
    disk: &'a Disk,
    geometry: Geometry,
    options: &'a Options,
    table: Guid,
}

impl Builder<'_> {
    fn fresh(&self, wanted: &[WantedPartition<'_>]) -> Result<Vec<PartitionPlan>, DiskError> {
        let mut space = Space::fresh(self.geometry);
        let mut partitions = Vec::new();
        for (number, want) in (1..).zip(wanted) {
            partitions.push(self.create(want, number, &mut space)?);
        }
        Ok(partitions)
    }

    fn complete(
        &self,
        layout: &Layout,
        wanted: &[WantedPartition<'_>],
        roles: &[String],
    ) -> Result<Vec<PartitionPlan>, DiskError> {
        let mut partitions = adopt::keep_all(layout)?;
        if roles
            .iter()
            .any(|role| role == "install" || role == "STATE")
        {
            require_meta(&partitions)?;
        }
        let usable = layout
            .table
            .as_ref()
            .and_then(|table| table.usable)
            .unwrap_or(self.geometry.whole());
        let mut space = Space::existing(
            usable,
            partitions.iter().map(PartitionPlan::extent).collect(),
        );
        for want in wanted {
            let same = |p: &&mut PartitionPlan| {
                want.number
                    .map_or(p.name == want.name, |number| p.number == number)
            };
            match partitions.iter_mut().find(same) {
                Some(partition) => {
                    let found = adopt::found(layout, partition.number);
                    if adopt::judge(want, &found)? == Action::Seal {
                        partition.action = Action::Seal;
                        partition.content = self.content(want, partition.size, partition.guid);
                    }
                }
                None => {
                    let number = want.number.map_or_else(|| lowest_free(&partitions), Ok)?;
                    partitions.push(self.create(want, number, &mut space)?);
                }
            }
        }
        partitions.sort_by_key(|p| p.start);
        Ok(partitions)
    }

    fn create(
        &self,
        want: &WantedPartition<'_>,
        number: u32,
        space: &mut Space,
    ) -> Result<PartitionPlan, DiskError> {
        let volume = if want.name.is_empty() {
            format!("partition {number}")
        } else {
            want.name.clone()
        };
        let extent = match want.size {
            WantedSize::Exact(size) => space.take(size),
            WantedSize::Range { min, max } => {
                space.take_up_to(min, max, self.geometry.logical.bytes())
            }
        };
        let extent = extent.map_err(|source| DiskError::NoSpace {
            volume: volume.clone(),
            source,
        })?;
        if want.content.encryption.is_some() && extent.len < Bytes::mib(18) {
            return Err(DiskError::TooSmallToSeal {
                volume,
                size: extent.len,
            });
        }
        let guid = self
            .options
            .seed
            .guid(&self.disk.id, &format!("partition {number} {}", want.name));
        Ok(PartitionPlan {
            name: want.name.clone(),
            action: Action::Create,
            number,
            start: extent.start,
            size: extent.len,
            type_guid: want.type_guid,
            guid,
            attributes: want.attributes,
            content: self.content(want, extent.len, guid),
        })
    }

    fn content(&self, want: &WantedPartition<'_>, size: Bytes, guid: Guid) -> ContentPlan {
        if want.meta {
            return ContentPlan::Meta { state: None };
        }
        let ground = Ground {
            logical: self.geometry.logical,
            physical: self.geometry.physical,
            size,
            uuid: self
                .options
                .seed
                .guid(&self.table.to_string(), &format!("luks {guid}")),
            filesystem_uuid: self
                .options
                .seed
                .guid(&self.table.to_string(), &format!("filesystem {guid}")),
            kdf: self.options.kdf,
            mkfs: &self.options.mkfs,
        };
        want.content.plan(&ground)
    }
}

fn lowest_free(partitions: &[PartitionPlan]) -> Result<u32, DiskError> {
    (1..=128)
        .find(|n| partitions.iter().all(|p| p.number != *n))
        .ok_or(DiskError::TableFull)
}

fn require_meta(partitions: &[PartitionPlan]) -> Result<(), DiskError> {
    let mut metas = partitions.iter().filter(|p| p.name == "META");
    match (metas.next(), metas.next()) {
        (Some(meta), None) if meta.size == META_SIZE => Ok(()),
        _ => Err(DiskError::NoMeta),
    }
}

/// META's tag 0x09 follows STATE: Talos opens STATE with what stands there, long before it sees a config.
fn state_tag(spec: &Spec, roles: &[String], partitions: &mut [PartitionPlan]) {
    if !roles.iter().any(|role| role == "STATE") {
        return;
    }
    let tag = if spec.state.encryption.is_some() {
        StateTag::Encryption
    } else {
        StateTag::Absent
    };
    for meta in partitions.iter_mut().filter(|p| p.name == "META") {
        meta.content = ContentPlan::Meta { state: Some(tag) };
    }
}

fn check_keys(
    spec: &Spec,
    partitions: &[PartitionPlan],
    options: &Options,
) -> Result<(), DiskError> {
    for partition in partitions {
        if let Some(encryption) = spec.encryption_of(&partition.name) {
            keys::check(&partition.name, encryption, options.uuid.as_deref())?;
        }
    }
    Ok(())
}

/// Where the first and last MiB of a partition lie; one range if it is no bigger than both.
pub fn ends(extent: Extent) -> Vec<Extent> {
    if extent.len <= Bytes::mib(2) {
        return vec![extent];
    }
    let last = extent.end().saturating_sub(ALIGNMENT);
    vec![
        Extent::new(extent.start, ALIGNMENT),
        Extent::new(last, ALIGNMENT),
    ]
}
