//! What is open, as plain data: what `unlock` and `lock` print, and what stays in `/run` for the next run. No keys.

use serde::{Deserialize, Serialize};

use crate::config::spec::{Encryption, EncryptionForm};

/// The name and version that [`Mappings`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/mappings/v1";

/// Mappings, in the order in which they were opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Mappings {
    /// [`SCHEMA`].
    pub schema: String,
    /// One for each volume.
    pub mappings: Vec<Mapping>,
    /// What else is worth knowing, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Mapping {
    /// Volume id, such as `STATE` or `u-data`.
    pub volume: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The disk or image that it lies on.
    pub disk: String,
    /// The partition's own node; the loop device's for an image. Empty where the kernel names none.
    pub partition: String,
    /// The partition's entry number; `None` where the volume is the whole disk.
    pub number: Option<u32>,
    /// Its node below `/dev/mapper`.
    pub mapping: String,
    /// The kernel's node, such as `/dev/dm-0`.
    pub device: String,
    /// UUID of the LUKS2 header.
    pub uuid: String,
    /// `read-only` or `read-write`.
    pub mode: Mode,
    /// The filesystem inside, such as `xfs`; empty if none was recognised.
    pub filesystem: String,
    /// Where it is mounted.
    pub mount: Option<String>,
    /// Whether the mount point was made for it.
    pub made_mount_point: bool,
    /// The key slot that opened; `None` if it is not known any more.
    pub slot: Option<u32>,
    /// Kind and origin of the key, such as `nodeID (META)`.
    pub key: String,
}

/// What became of a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was opened now.
    #[default]
    Opened,
    /// It was open before.
    AlreadyOpen,
    /// It was closed now.
    Closed,
    /// It was not open.
    NotOpen,
}

impl Outcome {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::AlreadyOpen => "was open",
            Self::Closed => "closed",
            Self::NotOpen => "was not open",
        }
    }
}

/// Whether a mapping takes writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It does not, and nothing below it does.
    #[default]
    ReadOnly,
    /// It does.
    ReadWrite,
}

impl Mode {
    /// The mode for a flag of the kernel.
    pub const fn of(read_only: bool) -> Self {
        if read_only {
            Self::ReadOnly
        } else {
            Self::ReadWrite
        }
    }

    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
        }
    }
}

impl Mappings {
    /// A report of these.
    pub fn new(mappings: Vec<Mapping>, notes: Vec<String>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            mappings,
            notes,
        }
    }
}

/// The options that a configuration wishes for the mapping.
pub fn wished(encryption: Option<&Encryption>) -> super::table::Wished {
    let Some(encryption) = encryption else {
        return super::table::Wished::default();
    };
    super::table::Wished {
        // The old section has no such member, and Talos passes none then.
        allow_discards: encryption.form == EncryptionForm::Document
            && encryption.allow_discards == Some(true),
        performance: encryption.options.clone().unwrap_or_default(),
    }
}
