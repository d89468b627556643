//! What came of a comparison: a node's changes, and the fleet's.
//!
//! Owns the JSON shape `keelblock/diff/v1`.

use serde::Serialize;

use super::hide::Hider;
use super::risk::{Change, Risk};
use super::tree::{Edit, V1ALPHA1};
use crate::config::spec::Spec;
use crate::config::talos_version;
use crate::exit::Exit;
use crate::lint;
use crate::lint::rule::Level;

/// Talos' first release that applies every configuration without a reboot.
const ONLINE: (u32, u32) = (1, 14);

/// Paths of the old document that earlier releases apply without a reboot: `CanApplyImmediate` of Talos 1.10.5.
const IMMEDIATE: [&str; 24] = [
    "debug",
    "cluster",
    "machine.ca",
    "machine.acceptedCAs",
    "machine.time",
    "machine.certSANs",
    "machine.install",
    "machine.network",
    "machine.sysfs",
    "machine.sysctls",
    "machine.logging",
    "machine.controlPlane",
    "machine.kubelet",
    "machine.kernel",
    "machine.registries",
    "machine.pods",
    "machine.seccompProfiles",
    "machine.nodeAnnotations",
    "machine.nodeLabels",
    "machine.nodeTaints",
    "machine.features.kubernetesTalosAPIAccess",
    "machine.features.kubePrism",
    "machine.features.hostDNS",
    "machine.features.imageCache",
];

/// Which sides have a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Both, and they differ.
    Changed,
    /// The new one.
    Added,
    /// The old one.
    Removed,
    /// Both, under two names, and nothing else differs.
    Renamed,
    /// At least one side cannot be read.
    Broken,
    /// Both, and they say the same.
    Same,
}

impl State {
    /// Its word in text and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Broken => "cannot be compared",
            Self::Same => "same",
        }
    }
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// What is compared with.
    Old,
    /// What is compared.
    New,
}

/// Why a side does not have a node's configuration, or not all nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Broken {
    /// Which side.
    pub side: Side,
    /// The node, if it is about one.
    pub node: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A finding of `validate` without its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Lint {
    /// How much it weighs.
    pub level: Level,
    /// Such as `KB105`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Lint {
    pub(super) fn of(found: &lint::Finding) -> Self {
        Self {
            level: found.rule.level,
            code: found.rule.code,
            message: found.message.clone(),
        }
    }
}

/// What became of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct NodeDiff {
    /// Its name, the new one if it has two.
    pub name: String,
    /// Its name on the old side, if that is another one.
    pub was: Option<String>,
    /// Which sides have it.
    pub state: State,
    /// The gravest of its changes.
    pub risk: Risk,
    /// The recorded machine that disks were chosen on.
    pub hardware: Option<String>,
    /// Disks and volumes.
    pub disks: Vec<Change>,
    /// Sealed volumes.
    pub keys: Vec<Change>,
    /// Kernel parameters, udev rules, modules, arguments.
    pub tuning: Vec<Change>,
    /// What `validate` finds, and did not before.
    pub found: Vec<Lint>,
    /// What `validate` found, and does no longer.
    pub mended: Vec<Lint>,
    /// What else to know.
    pub notes: Vec<String>,
    /// Every value that differs.
    pub text: Vec<Edit>,
}

impl NodeDiff {
    /// A node of which nothing is known but who has it.
    pub fn new(name: &str, is_old: bool, is_new: bool) -> Self {
        let state = match (is_old, is_new) {
            (true, true) => State::Changed,
            (false, true) => State::Added,
            (true, false) => State::Removed,
            (false, false) => State::Broken,
        };
        Self {
            name: name.to_owned(),
            was: None,
            state,
            risk: Risk::None,
            hardware: None,
            disks: Vec::new(),
            keys: Vec::new(),
            tuning: Vec::new(),
            found: Vec::new(),
            mended: Vec::new(),
            notes: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Every change.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.disks.iter().chain(&self.keys).chain(&self.tuning)
    }

    /// Whether there is nothing to say but the text.
    pub(super) fn is_quiet(&self) -> bool {
        self.changes().next().is_none() && self.found.is_empty() && self.mended.is_empty()
    }

    /// Puts the gravest changes first.
    pub(super) fn judge(&mut self, before: Vec<Lint>, after: Vec<Lint>) {
        let mut before = before;
        for found in after {
            match before.iter().position(|it| *it == found) {
                Some(index) => drop(before.swap_remove(index)),
                None => self.found.push(found),
            }
        }
        before.sort();
        self.found.sort();
        self.mended = before;
    }

    /// Says so if Talos has to reboot to apply it.
    pub(super) fn reboot(&mut self, after: &Spec) {
        let version = talos_version(after);
        if version.is_some_and(|version| version >= ONLINE) {
            return;
        }
        let needs = |edit: &&Edit| {
            let below = |allowed: &&str| {
                let rest = edit.path.strip_prefix(*allowed);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            edit.document == V1ALPHA1 && !IMMEDIATE.iter().any(below)
        };
        let Some(edit) = self.text.iter().find(needs) else {
            return;
        };
        let who = match version {
            Some((major, minor)) => format!("Talos {major}.{minor} reboots the node"),
            None => String::from("Talos before 1.14 reboots the node"),
        };
        self.notes
            .push(format!("{who} to apply this ({}).", edit.path));
        if version.is_some() {
            self.risk = Risk::Reboot;
        }
    }

    /// Takes secrets out of everything, sorts by gravity, and says which is the worst.
    pub(super) fn clean(&mut self, hider: &Hider) {
        for list in [&mut self.disks, &mut self.keys, &mut self.tuning] {
            for change in list.iter_mut() {
                hider.clean(&mut change.subject);
                hider.clean(&mut change.effect);
                for value in [&mut change.before, &mut change.after]
                    .into_iter()
                    .flatten()
                {
                    hider.value(value);
                }
            }
            list.sort_by_key(|change| change.risk);
        }
        for lint in self.found.iter_mut().chain(&mut self.mended) {
            hider.clean(&mut lint.message);
        }
        let worst = self.changes().map(|change| change.risk).min();
        self.risk = self.risk.min(worst.unwrap_or(Risk::None));
    }
}

/// What became of all nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Report {
    /// `keelblock/diff/v1`.
    pub schema: &'static str,
    /// What is compared with, as it was typed.
    pub old: String,
    /// What is compared.
    pub new: String,
    /// The gravest change of all.
    pub risk: Risk,
    /// How it ends.
    pub exit: u8,
    /// The nodes, those in the greatest danger first.
    pub nodes: Vec<NodeDiff>,
    /// What cannot be read.
    pub broken: Vec<Broken>,
    /// What else to know.
    pub notes: Vec<String>,
}

impl Report {
    /// Puts it together; `strict` ends with [`Exit::Drift`] for any difference.
    pub fn new(
        names: (String, String),
        mut nodes: Vec<NodeDiff>,
        broken: Vec<Broken>,
        notes: Vec<String>,
        strict: bool,
    ) -> Self {
        nodes.sort_by(|a, b| (a.risk, a.state, &a.name).cmp(&(b.risk, b.state, &b.name)));
        let risk = nodes.first().map_or(Risk::None, |node| node.risk);
        let refused = nodes
            .iter()
            .flat_map(|node| &node.found)
            .any(|it| it.level == Level::Error);
        let differs = nodes.iter().any(|node| node.state != State::Same);
        let exit = if refused || !broken.is_empty() {
            Exit::Usage
        } else if risk.endangers() {
            Exit::Refused
        } else if strict && differs {
            Exit::Drift
        } else {
            Exit::Done
        };
        Self {
            schema: "keelblock/diff/v1",
            old: names.0,
            new: names.1,
            risk,
            exit: exit.code(),
            nodes,
            broken,
            notes,
        }
    }

    /// The fleet in one line.
    pub fn summary(&self) -> String {
        let count = |is: &dyn Fn(&NodeDiff) -> bool| self.nodes.iter().filter(|it| is(it)).count();
        let has = |node: &NodeDiff, risk| node.changes().any(|it| it.risk == risk);
        let of = |state| count(&|node| node.state == state);
        let parts = [
            (count(&|node| has(node, Risk::Wipes)), "would be wiped"),
            (count(&|node| has(node, Risk::LocksOut)), "locked out"),
            (
                count(&|node| has(node, Risk::Strands)),
                "with data out of reach",
            ),
            (count(&|node| has(node, Risk::Refused)), "refused"),
            (count(&|node| has(node, Risk::Rekeys)), "re-keyed"),
            (count(&|node| !node.tuning.is_empty()), "re-tuned"),
            (of(State::Changed), "changed"),
            (of(State::Added), "added"),
            (of(State::Removed), "removed"),
            (of(State::Renamed), "renamed"),
            (of(State::Broken), "not compared"),
            (of(State::Same), "same"),
        ];
        let said = parts.iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> = said
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let nodes = match self.nodes.len() {
            1 => String::from("1 node"),
            count => format!("{count} nodes"),
        };
        format!("{nodes}: {}", said.join(", "))
    }
}
