//! What is wrong with a machine and its configuration, most urgent first: one line for each thing that was looked at.
//!
//! ```text
//! machine ─gather─▶ Facts ─clock, identity, disks, log, …─▶ Check ─▶ Report
//! ```
//! [`gather`] alone reads; what judges is pure. Decides nothing itself where another part does: disks are judged by
//! [`crate::selector`], settings by [`crate::tuner`], networks by [`crate::network`].

mod disks;
pub mod gather;
mod identity;
mod log;
mod surroundings;
#[cfg(test)]
mod tests;

use serde::{Serialize, Serializer};

use crate::config::spec::Spec;
use crate::exit::Exit;
use crate::network;
use crate::probe::inventory::Inventory;
use crate::tuner::report::Report as TuneReport;
pub use gather::Gathered;

/// The name and version that a [`Report`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/doctor/v1";

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// It works, or it could not be told; worth a look.
    Warn,
    /// It keeps the node from working, or loses data.
    Bad,
}

impl State {
    /// The word for tables, as JSON has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Check {
    /// What it is about: `disks`, `network`, `clock`, …
    pub topic: &'static str,
    /// How it is.
    pub state: State,
    /// What was found, in one sentence.
    pub found: String,
    /// Why that is so, or what it leads to; empty if all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// What to do; empty if all is well.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// The exit code that it stands for; [`Exit::Done`] for all that is neither bad nor drift.
    #[serde(skip)]
    pub exit: Exit,
}

impl Check {
    pub(crate) fn ok(topic: &'static str, found: impl Into<String>) -> Self {
        Self {
            topic,
            state: State::Ok,
            found: found.into(),
            cause: String::new(),
            fix: String::new(),
            exit: Exit::Done,
        }
    }

    fn warn(topic: &'static str, found: impl Into<String>, cause: &str, fix: &str) -> Self {
        Self {
            state: State::Warn,
            cause: cause.to_owned(),
            fix: fix.to_owned(),
            ..Self::ok(topic, found)
        }
    }

    fn bad(
        topic: &'static str,
        exit: Exit,
        found: impl Into<String>,
        cause: &str,
        fix: &str,
    ) -> Self {
        Self {
            state: State::Bad,
            exit,
            ..Self::warn(topic, found, cause, fix)
        }
    }
}

/// Everything that is judged.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The machine.
    pub inventory: &'a Inventory,
    /// The configuration, if one was given.
    pub spec: Option<&'a Spec>,
    /// What is wrong with the configured network, with the machine's interfaces.
    pub network: Option<&'a [network::Finding]>,
    /// Names of the extensions in the node's image, if they can be told.
    pub extensions: Option<&'a [String]>,
    /// The settings compared, if they could be.
    pub tuning: Option<&'a TuneReport>,
    /// What only the machine itself tells; `None` for a recorded one.
    pub here: Option<&'a Gathered>,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Bad ones first, then warnings, then what is well; within each in the order in which they should be dealt with.
    pub checks: Vec<Check>,
    /// What was not looked at, in sentences.
    pub not_looked_at: Vec<String>,
    /// What to do first, in one sentence.
    pub first: String,
    /// The exit code: of the first bad check, else of drift, else 0.
    #[serde(serialize_with = "code")]
    #[cfg_attr(feature = "schemas", schemars(with = "u8"))]
    pub exit: Exit,
}

fn code<S: Serializer>(exit: &Exit, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u8(exit.code())
}

/// Judges everything, the causes before what follows from them.
pub fn judge(facts: &Facts<'_>) -> Report {
    let mut checks = Vec::new();
    let mut not_looked_at = Vec::new();
    match facts.here {
        Some(here) => {
            let disks = facts.inventory.disks.iter();
            let disks: Vec<&str> = disks.map(|disk| &*disk.path).collect();
            log::check(here, &disks, &mut checks, &mut not_looked_at);
            surroundings::clock(here, &mut checks, &mut not_looked_at);
            surroundings::entropy(here, &mut checks, &mut not_looked_at);
        }
        None => not_looked_at.push(
            "kernel log, clock, entropy and TPM: a recorded machine does not tell of them"
                .to_owned(),
        ),
    }
    disks::check(facts, &mut checks);
    if facts.spec.is_none() {
        not_looked_at.push("whether a configuration fits: none was given (-c)".to_owned());
    }
    identity::uuid(facts, &mut checks);
    surroundings::tpm(facts, &mut checks);
    surroundings::memory(facts, &mut checks);
    surroundings::extensions(facts, &mut not_looked_at);
    surroundings::network(facts, &mut checks, &mut not_looked_at);
    surroundings::tuning(facts, &mut checks, &mut not_looked_at);
    // Stable: within a state the order above stays.
    checks.sort_by_key(|check| std::cmp::Reverse(check.state));
    let first = checks.first().filter(|check| check.state != State::Ok);
    let exit = checks.iter().map(|check| check.exit);
    let exit = exit
        .into_iter()
        .find(|exit| *exit != Exit::Done)
        .unwrap_or(Exit::Done);
    Report {
        schema: SCHEMA,
        first: first.map_or_else(
            || "nothing has to be done".to_owned(),
            |check| format!("{}: {}", check.topic, check.fix),
        ),
        checks,
        not_looked_at,
        exit,
    }
}
