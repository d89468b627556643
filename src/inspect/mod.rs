//! What is on a disk, and what Talos would do with each part of it: adopt, format, wipe, hang.
//!
//! Pure but for [`facts`], which reads. The rules are those of Talos' volume controllers: partitions are found by GPT
//! name; STATE is opened with what META's tag 0x09 says, before any configuration is read.

pub mod facts;
pub mod rules;
pub mod trial;

use serde::{Deserialize, Serialize};

use crate::config::spec::Spec;
use crate::inspect::facts::Facts;
use crate::probe::inventory::{Content, Layout, Partition, Table};
use crate::units::{Bytes, Geometry};

/// The name and version that a [`Report`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/inspection/v1";

/// What is on a disk or image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The disk or image.
    pub path: String,
    /// Its size and block sizes.
    pub geometry: Geometry,
    /// `blank`, `talos`, `foreign` or `unreadable`.
    pub content: String,
    /// The partition table.
    pub table: Option<Table>,
    /// The plan whose apply was interrupted here.
    pub unfinished: Option<String>,
    /// Every partition.
    pub partitions: Vec<Part>,
    /// What Talos would do with the disk as a whole, and everything else worth knowing.
    pub findings: Vec<Finding>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Part {
    /// Entry number.
    pub number: u32,
    /// GPT name.
    pub name: String,
    /// First byte.
    pub start: Bytes,
    /// Bytes in all.
    pub size: Bytes,
    /// What is in it, such as `luks`, `xfs`, or `nothing`.
    pub found: String,
    /// More about it: cipher, key slots, labels.
    pub detail: String,
    /// What Talos would do with it.
    pub talos: Verdict,
    /// Why.
    pub why: String,
}

/// What Talos would do with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Leave it alone: it is none of Talos' volumes.
    Ignore,
    /// Use it as it is.
    Adopt,
    /// Make a filesystem, and LUKS where configured, in it.
    Format,
    /// Destroy it with the whole disk.
    Wipe,
    /// Stop at it: the node does not come up.
    Hang,
}

impl Verdict {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Adopt => "adopt",
            Self::Format => "format",
            Self::Wipe => "wipe",
            Self::Hang => "hang",
        }
    }
}

/// Something worth knowing about the whole disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Whether somebody has to act.
    pub problem: bool,
    /// In words.
    pub text: String,
}

impl Report {
    /// Whether Talos would stop at something, or something is damaged.
    pub fn has_problems(&self) -> bool {
        self.findings.iter().any(|finding| finding.problem)
            || self.partitions.iter().any(|p| p.talos == Verdict::Hang)
    }
}

/// Judges what is on a disk; with a configuration also against what that wants.
pub fn inspect(
    path: &str,
    geometry: Geometry,
    content: &Content,
    facts: &Facts,
    spec: Option<&Spec>,
) -> Report {
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        path: path.to_owned(),
        geometry,
        content: content.word().to_owned(),
        table: None,
        unfinished: None,
        partitions: Vec::new(),
        findings: Vec::new(),
    };
    match content {
        Content::Blank => report.note("nothing is on it: Talos' installer would take it as it is"),
        Content::Unreadable { reason } => report.problem(format!("it could not be read: {reason}")),
        Content::Talos(layout) | Content::Foreign(layout) => report.fill(layout, facts, spec),
    }
    report
}

impl Report {
    fn note(&mut self, text: impl Into<String>) {
        self.findings.push(Finding {
            problem: false,
            text: text.into(),
        });
    }

    fn problem(&mut self, text: impl Into<String>) {
        self.findings.push(Finding {
            problem: true,
            text: text.into(),
        });
    }

    fn fill(&mut self, layout: &Layout, facts: &Facts, spec: Option<&Spec>) {
        self.table = layout.table.clone();
        self.unfinished = layout.unfinished.clone();
        if let Some(plan) = &layout.unfinished {
            self.problem(format!(
                "an apply of plan {plan} was interrupted here: run the same apply again"
            ));
        }
        for defect in layout.table.iter().flat_map(|table| &table.defects) {
            self.problem(format!("partition table: {defect}"));
        }
        for signature in &layout.signatures {
            if !signature.note.is_empty() {
                self.note(format!(
                    "{} at byte {}: {}",
                    signature.kind,
                    signature.offset.get(),
                    signature.note
                ));
            }
        }
        let installed = rules::is_installed(layout);
        self.note(match installed {
            true => "META is there: Talos takes this disk for its system disk and does not install again",
            false => "no META: Talos is not installed here. If a selector picks this disk, the installer wipes all of it",
        });
        for partition in &layout.partitions {
            let part = self.part(partition, layout, facts, spec, installed);
            self.partitions.push(part);
        }
        for name in rules::duplicates(layout) {
            self.problem(format!(
                "two partitions are named {name}: Talos takes whichever it lists first"
            ));
        }
    }

    fn part(
        &self,
        partition: &Partition,
        layout: &Layout,
        facts: &Facts,
        spec: Option<&Spec>,
        installed: bool,
    ) -> Part {
        let found = crate::partitioner::adopt::found(layout, partition.number);
        let (talos, why) = rules::judge(partition, &found, facts, spec, installed);
        Part {
            number: partition.number,
            name: partition.name.clone(),
            start: partition.extent.start,
            size: partition.extent.len,
            found: found.word().to_owned(),
            detail: facts.detail(partition),
            talos,
            why,
        }
    }
}
