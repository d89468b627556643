//! What an apply did, as plain data.

use serde::{Deserialize, Serialize};

use crate::plan::EraseMethod;
use crate::units::Bytes;

/// The name and version that a [`Receipt`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/receipt/v1";

/// The outcome of an apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Receipt {
    /// [`SCHEMA`].
    pub schema: String,
    /// Id of the plan.
    pub plan: String,
    /// keelblock's version.
    pub version: String,
    /// Whether anything had to be done.
    pub outcome: Outcome,
    /// Writes, zeroings and discards on all disks.
    pub writes: u64,
    /// Bytes written, not counting zeroed ranges.
    pub bytes_written: Bytes,
    /// Seconds in all.
    pub seconds: f64,
    /// What was done, in order.
    pub steps: Vec<StepReceipt>,
    /// Partitions that were kept, with a digest that was the same before and after.
    pub kept: Vec<Kept>,
    /// What was written, with the digest of what was read back.
    pub made: Vec<Made>,
    /// Volumes that were destroyed, and of which nothing can be read any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<Erased>,
    /// Kept ranges of at most this size were digested whole.
    #[serde(default)]
    pub whole_up_to: Bytes,
    /// Size of each of [`Kept::samples`].
    #[serde(default)]
    pub sample: Bytes,
    /// What no digest here proves, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
}

/// Whether anything had to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The disks are as planned now.
    Applied,
    /// The disks were as planned already; nothing was written.
    Converged,
}

/// One step that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct StepReceipt {
    /// What, such as `seal STATE on /dev/sda`.
    pub name: String,
    /// `done`, or `skipped` for what this disk cannot and nothing relies on.
    pub outcome: String,
    /// What else is to be said of it, such as that the kernel has the partitions of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

/// A partition that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Kept {
    /// Path of its disk.
    pub disk: String,
    /// Its name, or which space without a partition it is.
    pub partition: String,
    /// `sha256:…` of all of it, or `sha256-samples:…` of the samples one behind the other.
    pub digest: String,
    /// Its size.
    #[serde(default)]
    pub size: Bytes,
    /// Where the samples begin, from its start; empty if all of it was digested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Bytes>,
}

/// A volume that was destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Erased {
    /// Path of its disk.
    pub disk: String,
    /// Its name.
    pub volume: String,
    /// What it held.
    pub found: String,
    /// How it was destroyed.
    pub method: EraseMethod,
    /// Bytes that were overwritten before they were zeroed.
    pub overwritten: Bytes,
    /// Bytes that were zeroed.
    pub zeroed: Bytes,
    /// Whether the medium took the discard of all of it.
    pub discarded: bool,
}

/// A partition that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Made {
    /// Path of its disk.
    pub disk: String,
    /// Its name.
    pub partition: String,
    /// `sha256:…` over every range that was written, as it was read back.
    pub digest: String,
}
