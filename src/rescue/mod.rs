//! What is wrong with a node's disks, what Talos will do at its next boot, and what to type next.
//!
//! [`examine`] reads one disk; everything after it is pure. What Talos does is judged by the rules of
//! [`crate::inspect`], what is damaged by [`crate::repair`].

pub mod boot;
pub mod contents;
mod findings;
pub mod next;
mod volumes;

use serde::Serialize;

use crate::config::spec::Spec;
use crate::inspect::facts::Facts;
use crate::inspect::trial::Trying;
use crate::inspect::{self, Report as Inspection};
use crate::probe;
use crate::probe::inventory::Content;
use crate::repair::{self, Diagnosis};
use crate::target::BlockSource;
use crate::units::{Bytes, Geometry};
use contents::MetaContents;
use next::{Line, Place, Typed};

/// The name and version that a [`Report`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/rescue/v1";

/// How urgent something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The node does not come up, or data is about to be lost.
    Broken,
    /// It could not be told.
    Unclear,
    /// It works, but with a reserve less, or Talos will change something.
    Warning,
    /// Nothing is wrong.
    Ok,
}

impl Severity {
    /// The word for tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broken => "BROKEN",
            Self::Unclear => "unclear",
            Self::Warning => "warning",
            Self::Ok => "ok",
        }
    }
}

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Finding {
    /// How urgent it is.
    pub severity: Severity,
    /// Path of the disk or image; empty for the node as a whole.
    pub disk: String,
    /// GPT name of the partition; empty for the disk as a whole.
    pub volume: String,
    /// What is the matter.
    pub what: String,
    /// Why.
    pub cause: String,
    /// What to type next, most useful first.
    pub next: Vec<Line>,
}

/// One disk, for the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DiskLine {
    /// Path of the disk or image.
    pub path: String,
    /// Identity; empty for an image.
    pub id: String,
    /// Bytes in all; 0 if it could not be opened.
    pub size: Bytes,
    /// `blank`, `talos`, `foreign` or `unreadable`.
    pub content: String,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What Talos will do at the next boot.
    pub boot: String,
    /// The disks that were looked at.
    pub disks: Vec<DiskLine>,
    /// What is in every META.
    pub meta: Vec<MetaContents>,
    /// The verdicts, the most urgent first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Every command that is worth running, each once, the most urgent first.
    pub fn next(&self) -> Vec<&Line> {
        let mut lines: Vec<&Line> = Vec::new();
        for line in self.findings.iter().flat_map(|finding| &finding.next) {
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }
}

/// A disk that was looked at.
#[derive(Debug)]
pub struct Examined {
    /// How a command names it.
    pub place: Place,
    /// Identity; empty for an image.
    pub id: String,
    /// Who uses it now, in words.
    pub usage: Vec<String>,
    /// What was found.
    pub state: State,
}

/// What was found on a disk.
#[derive(Debug)]
pub enum State {
    /// It could not be opened, and why.
    Closed(String),
    /// It was read.
    Open(Box<Seen>),
}

/// What was read of a disk.
#[derive(Debug)]
pub struct Seen {
    /// Size and block sizes.
    pub geometry: Geometry,
    /// Table and signatures.
    pub content: Content,
    /// LUKS and META.
    pub facts: Facts,
    /// What Talos would do.
    pub inspection: Inspection,
    /// What is damaged.
    pub diagnosis: Diagnosis,
    /// META, decoded.
    pub meta: Vec<MetaContents>,
}

/// Reads everything that a verdict on `source` needs; with `trying` also which keys open its volumes, which takes long.
pub fn examine(
    source: &dyn BlockSource,
    path: &str,
    spec: Option<&Spec>,
    trying: Option<Trying<'_>>,
) -> Seen {
    let (content, _) = probe::inspect_source(source);
    let diagnosis = repair::diagnose(source, None);
    let meta = contents::read(source, path, &content, spec);
    let facts = Facts::read(source, &content, trying);
    let geometry = source.geometry();
    let inspection = inspect::inspect(path, geometry, &content, &facts, spec);
    Seen {
        geometry,
        content,
        facts,
        inspection,
        diagnosis,
        meta,
    }
}

/// Judges all disks together.
pub fn report(disks: &[Examined], spec: Option<&Spec>, typed: &Typed) -> Report {
    let mut found = findings::all(disks, spec, typed);
    found.sort_by_key(|finding| finding.severity);
    let line = |disk: &Examined| DiskLine {
        path: disk.place.path().to_owned(),
        id: disk.id.clone(),
        size: disk.seen().map_or(Bytes::ZERO, |seen| seen.geometry.size),
        content: disk
            .seen()
            .map_or("unreadable", |seen| seen.content.word())
            .to_owned(),
    };
    let seen = || disks.iter().filter_map(Examined::seen);
    Report {
        schema: SCHEMA,
        boot: boot::predict(disks),
        disks: disks.iter().map(line).collect(),
        meta: seen().flat_map(|seen| seen.meta.clone()).collect(),
        findings: found,
    }
}

impl Examined {
    /// What was read, if it could be opened.
    pub fn seen(&self) -> Option<&Seen> {
        match &self.state {
            State::Open(seen) => Some(seen),
            State::Closed(_) => None,
        }
    }
}
