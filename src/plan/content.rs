//! What a partition holds when a plan is done. Pure data, no key material.

use serde::{Deserialize, Serialize};

use crate::guid::Guid;
use crate::units::Bytes;

/// What a partition holds when apply is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ContentPlan {
    /// What it holds now. The text names it.
    AsIs {
        /// In words, such as `xfs` or `luks`.
        found: String,
    },
    /// Nothing: first and last MiB are zeros, and Talos formats it.
    Empty {
        /// Who fills it, such as `Talos formats it as ext4`.
        then: String,
    },
    /// A filesystem in plain.
    Filesystem(FilesystemPlan),
    /// A LUKS2 volume.
    Sealed(SealPlan),
    /// Talos' META.
    Meta {
        /// The `STATE` encryption goes to tag 0x09; `None` leaves META without that tag.
        state: Option<StateTag>,
    },
}

impl ContentPlan {
    /// In words, for tables.
    pub fn in_words(&self) -> String {
        match self {
            Self::AsIs { found } => format!("{found}, as it is"),
            Self::Empty { then } => then.clone(),
            Self::Filesystem(plan) => plan.kind.clone(),
            Self::Meta {
                state: Some(StateTag::Encryption),
            } => String::from("how to open STATE (tag 0x09)"),
            Self::Meta { .. } => String::from("META without tag 0x09"),
            Self::Sealed(plan) => {
                let slots: Vec<String> = plan
                    .slots
                    .iter()
                    .map(|s| format!("slot {} {}", s.slot, s.source))
                    .collect();
                let inside = plan
                    .filesystem
                    .as_ref()
                    .map_or("empty", |fs| fs.kind.as_str());
                format!(
                    "LUKS2 {}, {}-byte sectors, {}, argon2id {} × {}; {inside} inside",
                    plan.cipher,
                    plan.sector_size,
                    slots.join(", "),
                    plan.kdf.memory,
                    plan.kdf.time
                )
            }
        }
    }
}

/// What META's tag 0x09 will hold; the bytes are made when applying, because they may hold a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StateTag {
    /// The configuration of STATE's encryption.
    Encryption,
    /// The tag is removed or absent: STATE is plain.
    Absent,
}

/// A filesystem, made by the distribution's own mkfs on a sparse file and copied into place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FilesystemPlan {
    /// `xfs` or `vfat`. In JSON `type`, because `kind` tells what the partition holds.
    #[serde(rename = "type")]
    pub kind: String,
    /// Filesystem label; empty for none.
    pub label: String,
    /// Program and options, without the device.
    pub mkfs: Vec<String>,
    /// Size of the filesystem.
    pub size: Bytes,
}

/// A LUKS2 volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SealPlan {
    /// UUID in the LUKS header.
    pub uuid: Guid,
    /// Cipher in dm-crypt's notation.
    pub cipher: String,
    /// Encryption sector size in bytes: 512 or 4096.
    pub sector_size: u32,
    /// Where the payload begins within the partition.
    pub data_offset: Bytes,
    /// Cost of every keyslot.
    pub kdf: KdfCost,
    /// Keyslots: slot number and where its key comes from (`static`, `nodeID`).
    pub slots: Vec<SlotPlan>,
    /// What is inside; `None` leaves formatting to Talos.
    pub filesystem: Option<FilesystemPlan>,
}

/// One keyslot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct SlotPlan {
    /// Keyslot = config slot.
    pub slot: u32,
    /// Where its key comes from.
    pub source: String,
}

/// Argon2id parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct KdfCost {
    /// Memory.
    pub memory: Bytes,
    /// Passes.
    pub time: u32,
    /// Lanes.
    pub lanes: u32,
}
