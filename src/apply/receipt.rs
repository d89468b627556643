//! What an apply did, as plain data.

use serde::{Deserialize, Serialize};

use crate::units::Bytes;

/// The name and version that a [`Receipt`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/receipt/v1";

/// The outcome of an apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// Whether anything had to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The disks are as planned now.
    Applied,
    /// The disks were as planned already; nothing was written.
    Converged,
}

/// One step that was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
pub struct Kept {
    /// Path of its disk.
    pub disk: String,
    /// Its name.
    pub partition: String,
    /// `sha256:…` of all of it, or `sha256-ends:…` of its first and last MiB if it is bigger than 64 MiB.
    pub digest: String,
}

/// A partition that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// Path of its disk.
    pub disk: String,
    /// Its name.
    pub partition: String,
    /// `sha256:…` over every range that was written, as it was read back.
    pub digest: String,
}
