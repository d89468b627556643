//! One finding of the linter, and where findings are collected.
//!
//! Owns the JSON shape of a finding in `keelblock/tune-lint/v1`. Pure.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::code::Code;
use crate::bounded::Bounded;
use crate::config::spec::Location;
use crate::fleet::finding::Level;

/// Most findings that are kept; more help nobody.
pub const MOST_FINDINGS: usize = 1000;

/// One thing that is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "schemas",
    derive(schemars::JsonSchema),
    schemars(from = "Written<'static>", into = "Written<'static>")
)]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// Where: file, line and column, both from 1.
    pub at: Location,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The other place that it has to do with.
    pub also: Option<Location>,
    /// The line with a caret below the place; only for people at a terminal.
    pub excerpt: Option<String>,
}

impl Finding {
    /// A finding of `code` at `at`.
    pub fn new(code: Code, at: Location, message: impl Into<String>) -> Self {
        Self {
            code,
            at,
            message: message.into(),
            hint: None,
            also: None,
            excerpt: None,
        }
    }

    /// The same with what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the other place.
    pub fn also(mut self, also: Location) -> Self {
        self.also = Some(also);
        self
    }
}

/// A [`Finding`] as JSON has it.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(rename = "Finding"))]
pub(crate) struct Written<'a> {
    /// Which kind of finding it is; see the list of codes.
    code: &'a str,
    /// How bad it is.
    level: Level,
    /// The file.
    file: &'a str,
    /// Its line, from 1.
    line: u32,
    /// Its column, from 1.
    column: u32,
    /// What is wrong.
    message: &'a str,
    /// What to do.
    hint: Option<&'a str>,
    /// The other place, where there are two.
    also: Option<String>,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            code: self.code.word(),
            level: self.code.level(),
            file: &self.at.file,
            line: self.at.line.max(1),
            column: self.at.column.max(1),
            message: &self.message,
            hint: self.hint.as_deref(),
            also: self.also.as_ref().map(ToString::to_string),
        };
        written.serialize(to)
    }
}

/// Collects findings.
#[derive(Debug)]
pub(super) struct Sink {
    findings: Bounded<Finding>,
}

impl Default for Sink {
    fn default() -> Self {
        let findings = Bounded::new(MOST_FINDINGS);
        Self { findings }
    }
}

impl Sink {
    pub(super) fn add(&mut self, finding: Finding) {
        let is_error = finding.code.level() == Level::Error;
        self.findings.add(finding, is_error);
    }

    /// The findings in the order of their places, each once; the worst of too many.
    pub(super) fn sorted(self, names: &[&str]) -> Vec<Finding> {
        let ranks: HashMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let order = |it: &Finding| {
            let rank = ranks.get(&*it.at.file).copied();
            let place = (it.at.line, it.at.column);
            (rank, it.at.file.clone(), place, it.code, it.message.clone())
        };
        self.findings.sorted(order, |it| Reverse(it.code.level()))
    }
}
