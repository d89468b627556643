//! What selection decided, as plain data: a disk for each role, and a verdict for every disk.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::ghost::Ghost;
use super::proof::{Proof, Proposal, Warning};
use crate::exit::Exit;

/// The name and version that a [`Selection`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/selection/v1";

/// Role → disk, with the reasons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Selection {
    /// [`SCHEMA`].
    pub schema: String,
    /// One entry a role: `install`, `STATE`, `EPHEMERAL`, then the other volumes as configured. A configuration that
    /// asks for no installation has no role `install`, and one of STATE or EPHEMERAL only if it says something of it.
    pub roles: Vec<Role>,
    /// What the operator has to know beside the roles, such as that no installation is asked for.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Disks of this machine that have the same wwid or serial.
    #[serde(default)]
    pub clones: Vec<Warning>,
    /// What lies on other disks and would mislead Talos, or whoever looks there next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ghosts: Vec<Ghost>,
    /// The disk that the operator asked for, with rules for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<Want>,
}

/// The disk that the operator asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Want {
    /// Path of the disk.
    pub disk: String,
    /// [`crate::probe::inventory::Disk::id`].
    pub id: String,
    /// What speaks against it, and what is unsafe about its identity.
    pub warnings: Vec<Warning>,
    /// Rules that match this disk only, the best first.
    pub proposals: Vec<Proposal>,
}

impl Selection {
    /// The decisions for `roles`, and nothing else to say.
    pub fn of(roles: Vec<Role>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            roles,
            notes: Vec::new(),
            clones: Vec::new(),
            ghosts: Vec::new(),
            want: None,
        }
    }

    /// The entry for `role`.
    pub fn role(&self, role: &str) -> Option<&Role> {
        self.roles.iter().find(|r| r.role == role)
    }

    /// How a run that only selects ends. A refusal of any role weighs more than a role without a disk.
    pub fn exit(&self) -> Exit {
        let any = |outcome| self.roles.iter().any(|role| role.outcome == outcome);
        if any(Outcome::Refused) {
            Exit::Refused
        } else if any(Outcome::None) {
            Exit::NoDisk
        } else {
            Exit::Done
        }
    }
}

/// The decision for one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Role {
    /// `install`, `STATE`, `EPHEMERAL`, `u-<name>`, `r-<name>`, `s-<name>`, …
    pub role: String,
    /// Whether a disk was selected.
    pub outcome: Outcome,
    /// Path of the selected disk.
    pub disk: Option<String>,
    /// [`crate::probe::inventory::Disk::id`] of the selected disk.
    pub disk_id: Option<String>,
    /// The reason in one sentence; for a refusal also what would allow it.
    pub reason: String,
    /// Where in the configuration the role's rule stands, as `file:line:column`; empty for a default.
    #[serde(default)]
    pub source: String,
    /// The rule in words or as a CEL expression.
    #[serde(default)]
    pub rule: String,
    /// Every disk, in inventory order.
    pub verdicts: Vec<DiskVerdict>,
    /// What backs the decision.
    #[serde(default)]
    pub proof: Proof,
}

/// How the decision for a role ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Exactly one disk, and nothing speaks against it.
    Selected,
    /// No disk matches (exit 3).
    None,
    /// Something speaks against it: ambiguous, in use, boot medium, foreign data, unknown content (exit 4).
    Refused,
}

/// What was decided about one disk for one role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DiskVerdict {
    /// Path of the disk.
    pub disk: String,
    /// [`crate::probe::inventory::Disk::id`].
    pub id: String,
    /// The decision.
    pub verdict: Verdict,
    /// The score and its parts, where scoring decided; higher is better.
    pub score: Option<Score>,
    /// Every check, in the order in which they were made.
    pub checks: Vec<Check>,
}

/// Whether a disk may carry a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// This one.
    Selected,
    /// It passed every check, but was not selected (a tie, a better score elsewhere).
    Eligible,
    /// A check failed.
    Excluded,
}

/// A score and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Score {
    /// Sum of the parts.
    pub total: i64,
    /// What added or took away how much.
    pub parts: Vec<ScorePart>,
}

/// One part of a score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct ScorePart {
    /// Why, such as `internal` or `flash`.
    pub why: String,
    /// How much.
    pub points: i64,
}

/// One check of one disk. Most of its words are the same for every disk, and not copied for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Check {
    /// Name of the check, such as `model`, `size`, `transport`, `not in use`, `content`.
    pub check: Cow<'static, str>,
    /// What the rule wants.
    pub wanted: Cow<'static, str>,
    /// What the disk has.
    pub found: Cow<'static, str>,
    /// Whether it passed.
    pub pass: bool,
    /// Whether failing it means "does not match" (`match`) or "matches, but must not be used" (`guard`).
    #[serde(default)]
    pub kind: CheckKind,
}

/// What failing a check means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckKind {
    /// The rule of the configuration: failing it is "no match".
    #[default]
    Match,
    /// A guard of ours: failing it on a disk that matches is a refusal.
    Guard,
}
