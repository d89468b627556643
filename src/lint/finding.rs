//! One finding, and where findings are collected.
//!
//! Owns the JSON shape of a finding in `keelblock/lint/v1`. Pure.

use std::collections::HashMap;

use serde::{Serialize, Serializer};

use super::rule::{Level, Rule};
use crate::bounded::Bounded;
use crate::config::spec::Location;

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
    pub rule: &'static Rule,
    /// Where: file, line and column, both from 1; line 0 is the file as a whole.
    pub at: Location,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to do about it here; else what the rule says.
    pub fix: Option<String>,
    /// The other place that it has to do with.
    pub also: Option<Location>,
    /// The line with a caret below the place; only for people at a terminal.
    pub excerpt: Option<String>,
}

impl Finding {
    /// A finding of `rule` at `at`.
    pub fn new(rule: &'static Rule, at: Location, message: impl Into<String>) -> Self {
        Self {
            rule,
            at,
            message: message.into(),
            fix: None,
            also: None,
            excerpt: None,
        }
    }

    /// The same with what to do here.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The same with the other place.
    pub fn also(mut self, also: Location) -> Self {
        self.also = Some(also);
        self
    }

    /// What to do.
    pub fn remedy(&self) -> &str {
        self.fix.as_deref().unwrap_or(self.rule.fix)
    }
}

/// A [`Finding`] as JSON has it.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schemas", schemars(rename = "Finding"))]
pub(crate) struct Written<'a> {
    /// Which rule it is; `validate --explain CODE` explains it.
    code: &'a str,
    /// How bad it is.
    level: Level,
    /// What the rule says.
    title: &'a str,
    /// The file.
    file: &'a str,
    /// Its line, from 1.
    line: u32,
    /// Its column, from 1.
    column: u32,
    /// What is wrong here.
    message: &'a str,
    /// What to do.
    fix: &'a str,
    /// The other place, where there are two.
    also: Option<String>,
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            code: self.rule.code,
            level: self.rule.level,
            title: self.rule.title,
            file: &self.at.file,
            line: self.at.line.max(1),
            column: self.at.column.max(1),
            message: &self.message,
            fix: self.remedy(),
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
        let is_error = finding.rule.level == Level::Error;
        self.findings.add(finding, is_error);
    }

    pub(super) fn add_some(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.add(finding);
        }
    }

    /// Whether Talos or talhelper refuses something already.
    pub(super) fn has_error(&self) -> bool {
        let mut all = self.findings.iter();
        all.any(|it| it.rule.level == Level::Error)
    }

    /// Whether Talos or talhelper refuses something on this line already.
    pub(super) fn has_error_at(&self, file: &str, line: u32) -> bool {
        let mut all = self.findings.iter();
        all.any(|it| it.rule.level == Level::Error && it.at.line == line && it.at.file == file)
    }

    /// The findings in the order of `names` and of their places, each once; the worst of too many.
    pub(super) fn sorted(self, names: &[&str]) -> Vec<Finding> {
        let ranks: HashMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let order = |it: &Finding| {
            let rank = ranks.get(&*it.at.file).copied();
            (
                rank.unwrap_or(usize::MAX),
                it.at.line,
                it.at.column,
                it.rule.level,
                it.rule.code,
            )
        };
        let order = |it: &Finding| (order(it), it.message.clone());
        self.findings.sorted(order, |it| it.rule.level)
    }
}
