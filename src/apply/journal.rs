//! The journal of a running apply: one JSON line per event, kept for people. The disk itself is the record of truth.
//!
//! Times are seconds since the apply began. No event holds key material.

use std::io::{self, Write};

use serde::Serialize;

/// The name and version of the lines.
pub const SCHEMA: &str = "keelblock/journal/v1";

/// One line.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// An apply begins.
    Begin {
        /// [`SCHEMA`].
        schema: &'static str,
        /// Id of the plan.
        plan: &'a str,
        /// Paths of the disks.
        disks: Vec<&'a str>,
    },
    /// Filesystems and keys of a disk are about to be made; nothing is written to it yet.
    Prepare {
        /// Seconds since the beginning.
        at: f64,
        /// Path of the disk.
        disk: &'a str,
    },
    /// A step is about to be done.
    Step {
        /// Seconds since the beginning.
        at: f64,
        /// Number of the step.
        step: usize,
        /// What it does.
        name: &'a str,
    },
    /// A step failed; nothing was done after it.
    Failed {
        /// Seconds since the beginning.
        at: f64,
        /// Number of the step.
        step: usize,
        /// Why.
        error: &'a str,
    },
    /// Everything is done and was read back.
    Done {
        /// Seconds since the beginning.
        at: f64,
    },
}

/// Where events go.
pub trait Journal {
    /// Keeps one event. A journal that cannot be written must not stop an apply that is under way.
    fn record(&mut self, event: &Event<'_>);
}

/// Keeps nothing.
#[derive(Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn record(&mut self, _event: &Event<'_>) {}
}

/// Writes JSON lines.
#[derive(Debug)]
pub struct Lines<W>(pub W);

impl<W: Write> Journal for Lines<W> {
    fn record(&mut self, event: &Event<'_>) {
        if let Err(error) = write_line(&mut self.0, event) {
            tracing::warn!(%error, "the journal cannot be written");
        }
    }
}

fn write_line(out: &mut impl Write, event: &Event<'_>) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}
