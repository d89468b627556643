//! What a change of a node's configuration does to its disks, keys and tuning, before what changed in its text.
//!
//! ```text
//! texts ─config::parse─▶ Spec ─┬─disks, keys, tuning─▶ changes, each with its risk ─┐
//!          └─tree─▶ documents ─┴─────────────tree─────▶ edits, path by path ────────┴─▶ NodeDiff ─▶ Report
//! ```
//! Pure: reading files and revisions is the caller's work. Every sentence about what Talos does was read in the sources
//! of Talos 1.14.1 (controllers `block`, `runtime` and `files`, `internal/pkg/encryption`, the installer). No secret is
//! in anything that comes out: see `hide`.

mod disks;
mod hide;
mod keys;
mod others;
mod report;
mod risk;
mod tree;
mod tuning;
mod volumes;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use zeroize::Zeroizing;

pub use report::{Broken, Lint, NodeDiff, Report, Side, State};
pub use risk::{Change, Risk};
pub use tree::{Edit, EditKind};

use crate::config::node::{Node, Value};
use crate::config::spec::Spec;
use crate::config::{self, ConfigError, Source};
use crate::lint;
use crate::probe::inventory::Inventory;
use crate::selector::selection::Selection;
use crate::selector::{self, Request};
use hide::Hider;
use tree::Documents;

/// The configuration of a node as one side has it. Has no `Debug`: it holds keys.
pub struct Config {
    spec: Spec,
    texts: Vec<(String, Zeroizing<String>)>,
}

impl Config {
    /// Reads the texts, each with its name, as one configuration.
    ///
    /// # Errors
    /// [`ConfigError`], as every command that takes a configuration has it.
    pub fn read(texts: Vec<(String, Zeroizing<String>)>) -> Result<Self, ConfigError> {
        let sources: Vec<Source<'_>> = texts
            .iter()
            .map(|(name, text)| Source { name, text })
            .collect();
        let spec = config::parse(&sources)?;
        Ok(Self { spec, texts })
    }

    fn documents(&self) -> Documents {
        Documents::of(self.texts.iter().map(|(_, text)| text.as_str()))
    }

    /// What `validate` says of it, without the places.
    fn findings(&self) -> Vec<Lint> {
        let files: Vec<lint::File> = self
            .texts
            .iter()
            .map(|(name, text)| lint::File {
                name: name.clone(),
                path: String::new(),
                text: text.clone(),
                named: true,
            })
            .collect();
        let input = lint::Input {
            files: &files,
            repositories: &[],
            machines: &[],
            whole: false,
        };
        let found = lint::lint(&input).findings.into_iter();
        found.map(|it| Lint::of(&it)).collect()
    }
}

/// The recorded machine of a node.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'m> {
    /// Its file as it was named.
    pub name: &'m str,
    /// What it has.
    pub inventory: &'m Inventory,
    /// Disks that may be wiped, as `--wipe` names them.
    pub wipe: &'m [String],
}

/// What is known of the disks: the machine, and what either configuration chooses on it.
struct Chosen<'m> {
    inventory: &'m Inventory,
    before: Option<Selection>,
    after: Option<Selection>,
}

/// Compares what two sides say of the node `name`; a side that does not have it is `None`.
pub fn node(
    name: &str,
    before: Option<&Config>,
    after: Option<&Config>,
    machine: Option<Machine<'_>>,
) -> NodeDiff {
    let select = |config: &Config, machine: Machine<'_>| {
        let wipe_consent = machine.wipe.to_vec();
        selector::outcomes(&config.spec, machine.inventory, &Request { wipe_consent })
    };
    let chosen = machine.map(|machine| Chosen {
        inventory: machine.inventory,
        before: before.map(|config| select(config, machine)),
        after: after.map(|config| select(config, machine)),
    });
    let chosen = chosen.as_ref();
    let documents =
        [before, after].map(|side| side.map_or_else(Documents::default, Config::documents));
    let [old, new] = &documents;
    let hider = Hider::of([old, new]);
    let mut found = NodeDiff::new(name, before.is_some(), after.is_some());
    found.hardware = machine.map(|machine| machine.name.to_owned());
    found.text = tree::diff(old, new, &hider);
    if let (Some(before), Some(after)) = (before, after) {
        found.disks = disks::changes(chosen, &before.spec, &after.spec);
        found.keys = keys::changes(&before.spec, &after.spec);
        found.tuning = tuning::changes(before, after, old, new);
        found.judge(before.findings(), after.findings());
        if found.text.is_empty() && found.is_quiet() {
            found.state = State::Same;
        }
        found.reboot(&after.spec);
    } else if let Some(only) = after {
        found.disks = disks::of_new(chosen, &only.spec);
    }
    found.clean(&hider);
    found
}

/// Whether two nodes of different names differ in nothing else.
pub fn is_renamed(before: &Config, after: &Config) -> bool {
    let (old, new) = (before.documents(), after.documents());
    let edits = tree::diff(&old, &new, &Hider::of([&old, &new]));
    let is_name = |edit: &Edit| is_name(&edit.document, &edit.path);
    edits.iter().all(is_name)
}

/// A number that two nodes have in common if they differ in nothing but their names; most others do not.
pub fn likeness(config: &Config) -> u64 {
    let documents = config.documents();
    let of = |(title, root)| likeness_of(title, "", root);
    documents.iter().map(of).fold(0, u64::wrapping_add)
}

/// A sum, for the order of keys and of items with names is no difference.
fn likeness_of(document: &str, path: &str, node: &Node) -> u64 {
    let parts: Vec<u64> = match &node.value {
        Value::Scalar(scalar) if !node.is_null() && !is_name(document, path) => {
            let mut hasher = DefaultHasher::new();
            (document, path, &*scalar.text).hash(&mut hasher);
            vec![hasher.finish()]
        }
        Value::Scalar(_) => Vec::new(),
        Value::List(items) => items
            .iter()
            .map(|item| likeness_of(document, path, item))
            .collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| likeness_of(document, &tree::below(path, &entry.key), &entry.value))
            .collect(),
    };
    parts.into_iter().fold(0, u64::wrapping_add)
}

fn is_name(document: &str, path: &str) -> bool {
    matches!(
        (document, path),
        (tree::V1ALPHA1, "machine.network.hostname") | ("HostnameConfig", "hostname")
    )
}

#[cfg(test)]
mod tests;
