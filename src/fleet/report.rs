//! What a check of a fleet comes to, as plain data.

use std::collections::BTreeMap;

use serde::Serialize;

use super::compare::Facts;
use super::finding::{Code, Finding, Level, worst};
use crate::exit::Exit;
use crate::selector::selection::Outcome;

/// The name and version that a [`Report`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/check/v1";

/// How a node fares, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Every role has its disk, and no rule is broken.
    Ok,
    /// The configuration asks for no installation; the roles that it has are fine.
    NoInstall,
    /// There is no recorded machine to choose on.
    Unchecked,
    /// A rule of `expect.yaml` is broken.
    RuleBroken,
    /// A role has no disk.
    NoDisk,
    /// The disk of a role must not be used.
    Refused,
    /// Several disks could be a role's.
    Ambiguous,
    /// The configuration or the recorded machine cannot be used.
    Invalid,
}

impl State {
    /// The word in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoInstall => "no-install",
            Self::Unchecked => "unchecked",
            Self::RuleBroken => "rule-broken",
            Self::NoDisk => "no-disk",
            Self::Refused => "refused",
            Self::Ambiguous => "ambiguous",
            Self::Invalid => "invalid",
        }
    }
}

/// One node.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Node {
    /// Its name, unique in the fleet.
    pub name: String,
    /// How it fares.
    pub state: State,
    /// Its configuration files.
    pub config: Vec<String>,
    /// Its recorded machine.
    pub hardware: Option<String>,
    /// Role → disk.
    pub roles: Vec<RoleRow>,
    /// What is to be known beside the roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What changed since the base; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<String>>,
    /// What is compared with a base.
    #[serde(skip)]
    pub facts: Facts,
}

impl Node {
    /// A node of which nothing is known yet.
    pub fn new(name: &str, config: Vec<String>) -> Self {
        Self {
            name: name.to_owned(),
            state: State::Invalid,
            config,
            hardware: None,
            roles: Vec::new(),
            notes: Vec::new(),
            changes: None,
            facts: Facts::broken(),
        }
    }
}

/// The decision for one role of a node.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct RoleRow {
    /// Such as `install`.
    pub role: String,
    /// Whether it has a disk.
    pub outcome: Outcome,
    /// Path of the disk on the recorded machine.
    pub disk: Option<String>,
    /// Identity of the disk.
    pub disk_id: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Why, in one sentence.
    pub reason: String,
    /// Where the rule stands, as `file:line:column`; empty for a default.
    pub source: String,
}

/// Counts.
#[derive(Clone, Debug, Default, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Summary {
    /// Nodes that were looked at.
    pub nodes: usize,
    /// How many are in which state.
    pub states: BTreeMap<&'static str, usize>,
    /// Nodes that differ from the base, new ones and removed ones included.
    pub changed: usize,
    /// Findings that fail the run.
    pub errors: usize,
    /// Findings about what could not be checked.
    pub warnings: usize,
    /// Other findings.
    pub notes: usize,
    /// YAML files that are no machine configuration.
    pub passed_over: usize,
}

/// What a check came to.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub keelblock: &'static str,
    /// The folder as it was named.
    pub directory: String,
    /// The folder that it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The part of the fleet that was looked at, as INDEX/COUNT.
    pub shard: String,
    /// How the run ends.
    pub exit: u8,
    /// Counts.
    pub summary: Summary,
    /// Sorted by name.
    pub nodes: Vec<Node>,
    /// Sorted by node and place; those of no node first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Sorts and counts.
    pub fn new(
        (directory, base): (String, Option<String>),
        shard: String,
        nodes: Vec<Node>,
        mut findings: Vec<Finding>,
        passed_over: usize,
    ) -> Self {
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        let mut summary = Summary {
            nodes: nodes.len(),
            passed_over,
            ..Summary::default()
        };
        for node in &nodes {
            *summary.states.entry(node.state.word()).or_default() += 1;
        }
        let changed = |f: &&Finding| {
            let codes = [Code::Changed, Code::Removed, Code::Added];
            codes.contains(&f.code)
        };
        summary.changed = findings.iter().filter(changed).count();
        for finding in &findings {
            *match finding.code.level() {
                Level::Error => &mut summary.errors,
                Level::Warning => &mut summary.warnings,
                Level::Note => &mut summary.notes,
            } += 1;
        }
        Self {
            schema: SCHEMA,
            keelblock: env!("CARGO_PKG_VERSION"),
            directory,
            base,
            shard,
            exit: worst(&findings).0.code(),
            summary,
            nodes,
            findings,
        }
    }

    /// How the run ends, and what makes it end so.
    pub fn worst(&self) -> (Exit, Option<&Finding>) {
        worst(&self.findings)
    }
}
