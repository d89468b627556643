//! Why a decision is right, as plain data: the rule taken apart, each part with its value for every disk, what is
//! missing where nothing matched, what makes a rule unsafe, and rules that would be safer.

use serde::{Deserialize, Serialize};

/// What backs the decision for one role.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Proof {
    /// The parts of the rule, each before its own parts; the rule matches a disk if every part of depth 0 holds.
    pub predicates: Vec<Predicate>,
    /// Disks that do not match, those that miss least first.
    pub near_misses: Vec<NearMiss>,
    /// Where the rule has no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<RuleFault>,
    /// What makes the rule unsafe although it may match today.
    pub warnings: Vec<Warning>,
    /// Rules that match exactly one disk, the best first.
    pub proposals: Vec<Proposal>,
}

/// A part of a rule: a row of the matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Predicate {
    /// How many parts this one is a part of.
    pub depth: usize,
    /// How its parts make its value.
    pub joint: Joint,
    /// The property that it is about, such as `model`.
    pub check: String,
    /// What it wants, in the words of the rule.
    pub wanted: String,
    /// Its value for every disk, in the order of the verdicts.
    pub cells: Vec<Cell>,
}

/// How a predicate's parts make its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Joint {
    /// It has no parts.
    Leaf,
    /// `&&`.
    All,
    /// `||`.
    Any,
    /// `!`, one part.
    Not,
    /// `? :`, three parts: the condition, then one for each answer.
    Choice,
}

/// The value of a predicate for one disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Cell {
    /// Path of the disk.
    pub disk: String,
    /// Whether it holds; `None` if it has no value.
    pub holds: Option<bool>,
    /// What the disk has; empty for a predicate with parts.
    pub found: String,
}

/// A disk that does not match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct NearMiss {
    /// Path of the disk.
    pub disk: String,
    /// How many predicates would have to change for it to match.
    pub failing: u32,
    /// How far they are off, in thousandths of a whole predicate each: a size by its distance, a name by its case.
    pub distance: u32,
    /// What is missing, one sentence each.
    pub missing: Vec<String>,
}

/// An expression that has no value, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RuleFault {
    /// Path of the disk for which there is none.
    pub disk: String,
    /// Line within the expression, from 1.
    pub line: u32,
    /// Column within that line, in characters, from 1.
    pub column: u32,
    /// Why.
    pub message: String,
}

/// What makes a rule, or the identity of a disk, unsafe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Warning {
    /// Which danger it is.
    pub kind: WarningKind,
    /// The danger in one sentence, with its reason.
    pub text: String,
}

/// Dangers of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum WarningKind {
    /// It matches several disks.
    Ambiguous,
    /// It matches another disk of another machine.
    MatchesElsewhere,
    /// It names a kernel name, or another name that the next boot may give to another disk.
    UnstableName,
    /// It names a port: the disk is lost when it is plugged in elsewhere.
    Port,
    /// It relies on an id that many disks share.
    SharedId,
    /// It asks for a serial of disks that have none for Talos.
    NoSerial,
    /// It misses a disk only by upper and lower case.
    Case,
    /// It asks for more of a model than the kernel shows.
    CutModel,
    /// It asks for a size close to one that it must tell apart.
    SizeBoundary,
    /// Two disks have the same wwid or serial.
    Clones,
    /// Something speaks against the disk itself: it is in use, the boot medium, …
    MustNotBeUsed,
}

/// A rule that matches exactly one disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Proposal {
    /// Path of the disk that it is for.
    pub disk: String,
    /// Which part of a configuration it is.
    pub form: Form,
    /// What it goes by, such as `wwid` or `model, size`.
    pub by: Vec<String>,
    /// How long it stays right.
    pub holds: Lasting,
    /// Why it may stop to be right; empty if nothing speaks against it.
    pub remark: String,
    /// Ready to be pasted.
    pub yaml: String,
}

/// Which part of a configuration names a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// `machine.install.diskSelector`.
    DiskSelector,
    /// `machine.install.disk`.
    Disk,
    /// The document `UnattendedInstallConfig`, from Talos 1.14 on.
    Unattended,
    /// `provisioning.diskSelector` of a volume document.
    Volume,
}

/// How long a rule stays right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Lasting {
    /// It goes by an identity that is the disk's own.
    Identity,
    /// It goes by what the disk shares with every disk of its kind.
    Kind,
    /// It goes by where the disk is plugged in.
    Port,
}
