//! What the node does at its next boot, from what is on its system disk. Pure.
//!
//! STATE is what decides: Talos looks for it before it has a configuration. Absent or empty, Talos goes on to maintenance
//! mode; complete, it is opened; anything else, and the node waits for it forever.

use std::fmt;

use crate::inspect::{Report, Verdict};

/// What the node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextBoot {
    /// The disk holds no installed Talos.
    NotInstalled,
    /// Talos starts from the disk and finds no STATE.
    Maintenance,
    /// Talos starts from the disk and opens STATE.
    Starts,
    /// Talos starts from the disk and stops at these partitions.
    Stops(Vec<String>),
}

impl NextBoot {
    /// What follows from `report`.
    pub fn of(report: &Report) -> Self {
        let stops: Vec<String> = report
            .partitions
            .iter()
            .filter(|part| part.talos == Verdict::Hang)
            .map(|part| format!("{}: {}", part.name, part.why))
            .collect();
        let verdict = |name: &str| {
            let mut parts = report.partitions.iter();
            parts.find(|part| part.name == name).map(|part| part.talos)
        };
        if !stops.is_empty() {
            return Self::Stops(stops);
        }
        match (verdict("META"), verdict("STATE")) {
            (Some(Verdict::Adopt), Some(Verdict::Adopt)) => Self::Starts,
            (Some(Verdict::Adopt), _) => Self::Maintenance,
            _ => Self::NotInstalled,
        }
    }
}

impl fmt::Display for NextBoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("this disk holds no installed Talos to boot from"),
            Self::Maintenance => f.write_str(
                "Talos comes up in maintenance mode, or with the configuration that its platform has, and makes \
                 STATE and EPHEMERAL itself",
            ),
            Self::Starts => f.write_str("Talos comes up and opens STATE"),
            Self::Stops(at) => write!(f, "Talos stops at {}", at.join("; ")),
        }
    }
}
