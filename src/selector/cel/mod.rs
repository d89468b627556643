//! CEL disk and volume expressions with Talos' environment and semantics.
//!
//! Owns what Talos' machinery gets from cel-go: parsing, the static check that makes a config
//! invalid, and evaluation. The grammar comes from the `cel` crate; checker and evaluator are our own,
//! because an expression that the crate reads otherwise than Talos would name another disk.
//! Specs: the CEL language definition; Talos' `DiskLocator` and `VolumeLocator` environments.

mod atoms;
mod check;
mod eval;
mod fields;
mod functions;
mod glob;
mod overloads;
mod parse;
mod pattern;
mod split;
pub(in crate::selector) mod terms;
mod types;
mod value;

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::eval::{Bindings, FUEL};
pub(crate) use self::glob::glob;
use self::parse::Parsed;
pub(crate) use self::parse::{DEEP, cost, deep, on_deep_stack};
use self::terms::{Term, Values};
use self::types::Type;
use self::value::Value;
use super::selection::Check;
use crate::probe::inventory::TalosDisk;

/// Which variables and functions an expression may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Env {
    /// `disk`, `system_disk`, `glob`, size constants: install and volume selectors.
    Disk,
    /// `volume`, `disk`, size constants: existing volumes. No `glob`, no `system_disk`.
    Volume,
}

/// A parsed and type-checked expression.
#[derive(Clone)]
pub struct Expression {
    text: String,
    env: Env,
    parsed: Arc<Parsed>,
    terms: Arc<[Term]>,
}

/// Why an expression is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct CelError {
    /// Line within the expression, from 1.
    pub line: u32,
    /// Column within that line, in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

impl CelError {
    fn new(line: u32, column: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            line,
            column,
            message,
        }
    }
}

/// Why an expression has no value for a disk. Talos then fails the whole selection, not just this disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// `system_disk` while no system disk is known, or `disk` where there is none.
    #[error("no value for '{name}'")]
    Unbound {
        /// The variable.
        name: String,
    },
    /// A missing key, index or, behind `dyn`, field.
    #[error("no such key: {key}")]
    NoSuchKey {
        /// As it would be written.
        key: String,
    },
    /// Values of types that the function does not take; only behind `dyn`.
    #[error("no such overload: '{function}' of ({types})")]
    NoOverload {
        /// The function or operator.
        function: String,
        /// Types of the arguments.
        types: String,
    },
    /// A number that does not fit; also an unsigned one below zero.
    #[error("integer overflow")]
    Overflow,
    /// Division or remainder by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A conversion of a value that has no counterpart.
    #[error("{value} cannot be converted to {to}")]
    Conversion {
        /// The value as it would be written.
        value: String,
        /// The function.
        to: String,
    },
    /// A regular expression that is invalid, or not certain to mean the same to Talos.
    #[error("pattern {pattern:?} is not supported: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What about it.
        reason: String,
    },
    /// More work than any selector needs.
    #[error("the expression takes too much work")]
    TooExpensive,
}

/// Talos' discovered volume (`DiscoveredVolumes.block.talos.dev`), the `volume` of its CEL selectors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TalosVolume {
    /// Bytes of the disk or partition.
    pub size: u64,
    /// Logical block size in bytes.
    pub sector_size: u64,
    /// Preferred I/O size in bytes.
    pub io_size: u64,
    /// Bytes that the filesystem says it has.
    pub probed_size: u64,
    /// Start on the disk in bytes.
    pub offset: u64,
    /// Entry number of the partition, from 1; 0 for a disk.
    pub partition_index: u64,
    /// Block size of what was recognised, in bytes.
    pub block_size: u32,
    /// Filesystem block size in bytes.
    pub filesystem_block_size: u32,
    /// What Talos' probe recognised: `xfs`, `gpt`, `luks`, …; empty if nothing.
    pub name: String,
    /// UUID of what was recognised.
    pub uuid: String,
    /// Label of what was recognised.
    pub label: String,
    /// Unique partition GUID.
    pub partition_uuid: String,
    /// Partition type GUID.
    pub partition_type: String,
    /// GPT name.
    pub partition_label: String,
    /// `disk` or `partition`.
    #[serde(rename = "type")]
    pub volume_type: String,
    /// Path in sysfs.
    pub device_path: String,
    /// Kernel name of the disk that a partition is on.
    pub parent: String,
    /// Device node.
    pub dev_path: String,
    /// Device node of the disk that a partition is on.
    pub parent_dev_path: String,
    /// The size for people.
    pub pretty_size: String,
}

/// Whether an expression holds, or why it has no value and where.
type Judgement = Result<bool, (EvalError, (u32, u32))>;

impl Expression {
    /// Parses and type-checks `text`; the result type must be bool.
    ///
    /// # Errors
    /// [`CelError`] with the place, for a syntax error, an undeclared name, a type that does not fit,
    /// or an expression that is larger than any selector needs to be.
    pub fn parse(text: &str, env: Env) -> Result<Self, CelError> {
        let parsed = parse::parse(text)?;
        let at = |node: u64, message: String| {
            let (line, column) = parsed.place(node);
            CelError::new(line, column, message)
        };
        match check::check(&parsed, env) {
            Ok(Type::Bool) => Ok(Self {
                text: text.to_owned(),
                env,
                terms: terms::terms(text, &parsed.root).into(),
                parsed: Arc::new(parsed),
            }),
            Ok(other) => {
                let message = format!("expression output type is {other}, expected bool");
                Err(CelError::new(1, 1, message))
            }
            Err(fault) => Err(at(fault.node, fault.message)),
        }
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its environment.
    pub const fn env(&self) -> Env {
        self.env
    }

    /// Whether `disk` matches. `system_disk` is whether it is the system disk; `None` while no system
    /// disk is known.
    ///
    /// # Errors
    /// [`EvalError`] if there is no answer. Talos then gives up the selection.
    pub fn matches_disk(
        &self,
        disk: &TalosDisk,
        system_disk: Option<bool>,
    ) -> Result<bool, EvalError> {
        self.evaluate(Bindings {
            disk: Some(disk),
            volume: None,
            system_disk,
        })
    }

    /// The same, of many expressions that share what is left in `fuel`, in the evaluator's steps.
    ///
    /// # Errors
    /// [`EvalError`] if there is no answer, [`EvalError::TooExpensive`] as soon as nothing is left.
    pub fn matches_disk_for(
        &self,
        disk: &TalosDisk,
        system_disk: Option<bool>,
        fuel: &Cell<u64>,
    ) -> Result<bool, EvalError> {
        if fuel.get() == 0 {
            return Err(EvalError::TooExpensive);
        }
        let (judged, work) = self.judge(disk, system_disk);
        fuel.set(fuel.get().saturating_sub(work.into()));
        judged.map_err(|(error, _)| error)
    }

    /// Whether `volume`, which lies on `disk`, matches.
    ///
    /// # Errors
    /// [`EvalError`] if there is no answer. Talos then gives up the selection.
    pub fn matches_volume(
        &self,
        volume: &TalosVolume,
        disk: Option<&TalosDisk>,
    ) -> Result<bool, EvalError> {
        self.evaluate(Bindings {
            disk,
            volume: Some(volume),
            system_disk: None,
        })
    }

    /// The operands of `&&` and `||` one by one, each with what `disk` has. All of them pass exactly
    /// when the expression is true: of a disjunction that is true, only the true operands are listed.
    pub fn explain_disk(&self, disk: &TalosDisk, system_disk: Option<bool>) -> Vec<Check> {
        terms::checks(&self.terms, &self.values(disk, system_disk).values)
    }

    /// Its terms, each before its parts.
    pub(super) fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The value of every term for `disk`.
    pub(super) fn values(&self, disk: &TalosDisk, system_disk: Option<bool>) -> Values {
        let bindings = Bindings {
            disk: Some(disk),
            volume: None,
            system_disk,
        };
        terms::values(&self.terms, bindings)
    }

    /// The same as [`Self::matches_disk`], with line and column of what has no value, and the steps that it took.
    pub(super) fn judge(&self, disk: &TalosDisk, system_disk: Option<bool>) -> (Judgement, u32) {
        let bindings = Bindings {
            disk: Some(disk),
            volume: None,
            system_disk,
        };
        let mut fuel = FUEL;
        let (value, node) = eval::evaluate(&self.parsed.root, bindings, &mut fuel);
        let judged = truth(value).map_err(|error| (error, self.parsed.place(node)));
        (judged, FUEL - fuel)
    }

    fn evaluate(&self, bindings: Bindings<'_>) -> Result<bool, EvalError> {
        truth(eval::evaluate(&self.parsed.root, bindings, &mut { FUEL }).0)
    }
}

fn truth(value: Result<Value, EvalError>) -> Result<bool, EvalError> {
    match value? {
        Value::Bool(b) => Ok(b),
        other => Err(functions::no_overload("the result", &[other])),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}
