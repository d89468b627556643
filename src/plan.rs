//! The plan: everything that apply will do, with no choice left and no key material in it.
//!
//! Pure data. The id is a digest over the canonical form ([`canonical`]) of all other fields, so two plans
//! with the same id do the same thing. All GUIDs derive from the seed; the KDF cost is fixed here.

pub mod canonical;
mod content;
mod erase;
mod identity;
pub mod validity;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::guid::{Guid, Seed};
use crate::units::{Bytes, Extent, Geometry};

pub use content::{ContentPlan, FilesystemPlan, KdfCost, SealPlan, SlotPlan, StateTag};
pub use erase::{Erase, EraseMethod, Proof};
pub use identity::{DiskIdentity, FoundPartition, Host, MachineBinding};
pub use validity::Validity;

/// The name and version that a [`Plan`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/plan/v1";

/// What apply would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Plan {
    /// [`SCHEMA`].
    pub schema: String,
    /// The digest's short form, to be compared by eye: `7k2m-x9qd-4rvw-83np`. See [`canonical`].
    pub id: String,
    /// `sha256:…` of everything but the id and itself.
    pub digest: String,
    /// When it may be applied; absent for a plan that does not expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Validity>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Purpose::is_apply")]
    pub purpose: Purpose,
    /// The keelblock version that planned; another one refuses to apply.
    pub version: String,
    /// What all GUIDs derive from.
    pub seed: Seed,
    /// The machine that the plan is for.
    pub machine: MachineBinding,
    /// Digest of the configuration without its secrets.
    pub config: String,
    /// Talos version whose sizes and mkfs options were used, such as `1.10`.
    pub talos: String,
    /// The disks to change, in the order in which they are changed.
    pub disks: Vec<DiskPlan>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What it costs.
    pub cost: Cost,
    /// How much of what is kept is compared before and after.
    #[serde(default)]
    pub proof: Proof,
    /// What a reader should know before saying yes: what META exposes, what a key is worth, what is left to Talos.
    pub remarks: Vec<String>,
    /// A short digest of each part, so that a refusal can name the part that was changed.
    pub checks: BTreeMap<String, String>,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Laying out and sealing.
    #[default]
    Apply,
    /// Wiping volumes; nothing does that without its word.
    Reset,
}

impl Purpose {
    fn is_apply(&self) -> bool {
        *self == Self::Apply
    }
}

/// One disk: what it must be now, and what it is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DiskPlan {
    /// Where it was found when planning; a device node or an image file.
    pub path: String,
    /// Identity of the disk, as the inventory has it.
    pub id: String,
    /// Every fact that tells it from another; apply refuses a disk that differs in any. Not asked of an image.
    pub identity: DiskIdentity,
    /// What it is called, for people: model and size.
    pub title: String,
    /// Roles that live on it.
    pub roles: Vec<String>,
    /// Size and block sizes; apply refuses any other.
    pub geometry: Geometry,
    /// What must still be true when apply starts.
    pub before: Precondition,
    /// GUID of the partition table.
    pub table: Guid,
    /// Whether the table is made anew or an existing one is completed.
    pub fresh: bool,
    /// Whether the table is written: always when fresh, else when an entry changes or a copy is damaged.
    pub writes_table: bool,
    /// Where the mark of an unfinished apply goes; absent where something else lies there.
    pub marker: Option<Bytes>,
    /// What is zeroed before anything is written, in order.
    pub wipe: Vec<Wipe>,
    /// What is discarded once the old table is gone, in order: everything that the disk held, but for the ranges that
    /// were zeroed, for what is discarded need not read as zeros. A disk that cannot discard is left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discard: Vec<Extent>,
    /// Volumes whose content a reset destroys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erase: Vec<Erase>,
    /// Every partition of the finished disk and every one that goes, in the order of their start.
    pub partitions: Vec<PartitionPlan>,
}

impl DiskPlan {
    /// What a reset destroys of partition `index`.
    pub fn erased(&self, index: usize) -> Option<&Erase> {
        self.erase.iter().find(|erase| erase.partition == index)
    }

    /// Whether there is anything to do.
    pub fn changes(&self) -> bool {
        self.writes_table
            || self.before.unfinished.is_some()
            || self.partitions.iter().any(PartitionPlan::is_made)
    }
}

/// What must still be true of a disk when apply starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Precondition {
    /// Digest of what was on it.
    pub fingerprint: String,
    /// The same in words, for the refusal: `blank`, `gpt with 4 partitions`, …
    pub content: String,
    /// The kernel's disk sequence number, if it had one.
    pub diskseq: Option<u64>,
    /// The id of the plan whose apply was interrupted here, if one was.
    pub unfinished: Option<String>,
    /// What was on it, in the order of its start: the picture of before.
    pub partitions: Vec<FoundPartition>,
}

/// A range that is zeroed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Wipe {
    /// The ranges.
    pub extents: Vec<Extent>,
    /// Whether these are the old table and the ends of the disk; they go after everything else.
    pub table: bool,
    /// What is lost, such as `ext4 in partition 2 "data"`.
    pub why: String,
}

/// One partition of the finished disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct PartitionPlan {
    /// GPT name.
    pub name: String,
    /// What happens to it.
    pub action: Action,
    /// Entry number, from 1.
    pub number: u32,
    /// First byte on the disk.
    pub start: Bytes,
    /// Bytes in all.
    pub size: Bytes,
    /// Partition type.
    #[serde(rename = "type")]
    pub type_guid: Guid,
    /// Unique partition GUID.
    pub guid: Guid,
    /// GPT attribute bits.
    pub attributes: u64,
    /// What is in it afterwards.
    pub content: ContentPlan,
}

impl PartitionPlan {
    /// Where it lies.
    pub const fn extent(&self) -> Extent {
        Extent::new(self.start, self.size)
    }

    /// Whether its META content is rewritten although the partition stays.
    pub fn updates_meta(&self) -> bool {
        self.action == Action::Keep && matches!(self.content, ContentPlan::Meta { state: Some(_) })
    }

    /// How many keyslots this plan derives for it.
    pub fn slot_count(&self) -> usize {
        match &self.content {
            ContentPlan::Sealed(seal) if self.is_made() => seal.slots.len(),
            _ => 0,
        }
    }

    /// Whether its content is written by this plan.
    pub fn is_made(&self) -> bool {
        matches!(self.action, Action::Create | Action::Seal)
    }
}

/// What happens to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Not a byte of it changes (META: but tag 0x09).
    Keep,
    /// Made anew in free space.
    Create,
    /// Its entry is there, its content is empty and gets made.
    Seal,
    /// Goes, with everything in it; see [`DiskPlan::erase`].
    Wipe,
}

impl Action {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Create => "create",
            Self::Seal => "seal",
            Self::Wipe => "wipe",
        }
    }
}

/// One step. The order is what the crash tests hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Step {
    /// Index into [`Plan::disks`].
    pub disk: usize,
    /// What is done.
    #[serde(flatten)]
    pub op: Op,
}

/// What one step does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Op {
    /// Leaves a mark with the plan's id, so that an interrupted run is recognised.
    Mark,
    /// Zeroes [`DiskPlan::wipe`]`[wipe]`.
    Wipe {
        /// Index.
        wipe: usize,
    },
    /// Tells the disk that nobody needs [`DiskPlan::discard`] any more.
    Discard,
    /// Everything written so far becomes durable.
    Sync,
    /// Writes a damaged copy of the partition table anew from the sound one.
    RestoreTable,
    /// Overwrites the keys of [`DiskPlan::erase`]`[erase]`.
    Overwrite {
        /// Index.
        erase: usize,
    },
    /// Tells the medium that the volume of [`DiskPlan::erase`]`[erase]` is not needed, where it can be told.
    DiscardVolume {
        /// Index.
        erase: usize,
    },
    /// Zeroes the ranges of [`DiskPlan::erase`]`[erase]`.
    Zero {
        /// Index.
        erase: usize,
    },
    /// Zeroes the first and last MiB of a partition's range.
    Clear {
        /// Index into [`DiskPlan::partitions`].
        partition: usize,
    },
    /// Writes LUKS2 header and keyslots.
    Seal {
        /// Index into [`DiskPlan::partitions`].
        partition: usize,
    },
    /// Writes what mkfs made, encrypted where the partition is sealed.
    Fill {
        /// Index into [`DiskPlan::partitions`].
        partition: usize,
    },
    /// Writes META.
    Meta {
        /// Index into [`DiskPlan::partitions`].
        partition: usize,
    },
    /// Writes one piece of a partition table.
    Table {
        /// Which piece.
        piece: TablePiece,
        /// Whether partitions that are being made are named in it yet.
        stage: TableStage,
    },
    /// Writes the protective MBR: from here on the kernel sees the table.
    ProtectiveMbr,
    /// The kernel reads the table again.
    Publish,
    /// Everything is read back and compared.
    ReadBack,
    /// Takes the mark away.
    Unmark,
}

/// A piece of a GPT, in the order in which they are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TablePiece {
    /// Backup entry array.
    BackupEntries,
    /// Backup header.
    BackupHeader,
    /// Primary entry array.
    PrimaryEntries,
    /// Primary header.
    PrimaryHeader,
}

/// Which table a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TableStage {
    /// Without the partitions that are about to be sealed in place.
    Without,
    /// With the volumes that a reset destroys under a name and a type that nobody looks for.
    Erasing,
    /// The finished table.
    Final,
}

/// What a plan costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Cost {
    /// Bytes written to disks, estimated where mkfs decides.
    pub bytes_written: Bytes,
    /// Bytes that a reset zeroes.
    #[serde(default, skip_serializing_if = "Bytes::is_zero")]
    pub bytes_zeroed: Bytes,
    /// Memory at the peak: the KDF's and some.
    pub memory: Bytes,
    /// Whole seconds, estimated from the measured KDF speed; `None` if it was not measured.
    pub seconds: Option<u64>,
}

impl Plan {
    /// The same plan with checks, digest and id filled in.
    pub fn sealed(mut self) -> Self {
        self.checks = canonical::checks(&self);
        self.digest = canonical::digest(&self);
        self.id = canonical::id(&self.digest);
        self
    }

    /// Whether the key of the volume with this name is needed: for one that is made, and, but for a reset, to try
    /// whether one that is kept opens.
    pub fn needs_key(&self, name: &str) -> bool {
        self.disks
            .iter()
            .flat_map(|disk| &disk.partitions)
            .any(|p| p.name == name && (p.is_made() || !self.is_reset()))
    }

    /// Whether it is the plan of a reset.
    pub fn is_reset(&self) -> bool {
        self.purpose == Purpose::Reset
    }

    /// Whether the plan changes nothing at all.
    pub fn is_converged(&self) -> bool {
        !self.disks.iter().any(DiskPlan::changes)
    }
}
