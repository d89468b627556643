//! What came of each setting, as data: what was wanted, what was there before and what is there now.

use serde::Serialize;

use super::desired::{Origin, Withheld};
use super::disk::Disk;

/// The name and version that a [`Report`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/tune/v1";

/// Everything that a run of the tuner has to say.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What was done.
    pub mode: Mode,
    /// The disks that were looked at, each with the name of its profile.
    pub disks: Vec<Tuned>,
    /// In the order in which they are written.
    pub settings: Vec<Setting>,
    /// Where the config wants something else than a profile, in sentences.
    pub conflicts: Vec<String>,
    /// Settings of profiles that are not made.
    pub withheld: Vec<Withheld>,
    /// What could not be looked at, in sentences.
    pub notes: Vec<String>,
}

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Writes what differs.
    Apply,
    /// Compares, and drift is a failure.
    Check,
    /// Shows what apply would do.
    DryRun,
    /// Puts back what was there before.
    Undo,
}

/// A disk and its profile.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Tuned {
    /// Device node.
    pub path: String,
    /// What it is.
    #[serde(flatten)]
    pub disk: Disk,
    /// Name of its profile; `None`: nothing is set on it but what the config asks.
    pub profile: Option<String>,
}

/// One setting.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Setting {
    /// Device node; `None` for one of the machine.
    pub disk: Option<String>,
    /// Its name.
    pub key: String,
    /// Its file; `None` if the disk has no such device.
    pub file: Option<String>,
    /// The value that it should have.
    pub wanted: String,
    /// The value before anything was written; `None` if there was none to read.
    pub before: Option<String>,
    /// The value at the end.
    pub now: Option<String>,
    /// What came of it.
    pub result: Outcome,
    /// More about it: the kernel's error, a remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Who set it to what it is, most likely; only where it is not as wanted, and only on the machine itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    /// Why it is wanted.
    pub reason: String,
    /// Who wants it.
    pub origin: Origin,
}

/// What came of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was as wanted; nothing was written.
    AsWanted,
    /// It was written and reads back as wanted.
    Set,
    /// It differs, and this run writes nothing.
    Differs,
    /// The kernel took the value and keeps another one.
    Clamped,
    /// The kernel took the value and kept the old one.
    Ignored,
    /// It was as wanted after its write, and is not at the end: a later write set it back.
    SetBack,
    /// The kernel refused the value.
    Refused,
    /// Nobody can write it, whatever the value.
    ReadOnly,
    /// There is no such attribute here.
    Missing,
    /// It is there and could not be read or written.
    Failed,
    /// The disk is no longer there, or another one has its name.
    Gone,
}

impl Outcome {
    /// Whether the value is the one that was wanted.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::AsWanted | Self::Set)
    }

    /// For tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AsWanted => "as wanted",
            Self::Set => "set",
            Self::Differs => "differs",
            Self::Clamped => "clamped",
            Self::Ignored => "ignored",
            Self::SetBack => "set back",
            Self::Refused => "refused",
            Self::ReadOnly => "read-only",
            Self::Missing => "missing",
            Self::Failed => "failed",
            Self::Gone => "disk gone",
        }
    }
}

impl Report {
    /// Settings that are not as wanted.
    pub fn drift(&self) -> impl Iterator<Item = &Setting> {
        self.settings
            .iter()
            .filter(|setting| !setting.result.is_good())
    }
}
