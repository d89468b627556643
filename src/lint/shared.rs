//! What several nodes of a talconfig.yaml have alike: each finding once, with the names of those that have it. Pure.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::config::spec::Location;

/// Where it was written, or at no certain place; its code, and its words.
type Key = (Option<Location>, &'static str, String);

/// Findings of nodes, in no order of theirs.
#[derive(Default)]
pub(super) struct Shared<'n>(BTreeMap<Key, OfNodes<'n>>);

/// A finding, and the nodes that have it.
pub(super) struct OfNodes<'n> {
    /// At the place where it was written, or at the first node.
    pub finding: Finding,
    /// Whether the place is that of the mistake.
    pub is_placed: bool,
    hosts: Vec<&'n str>,
}

impl<'n> Shared<'n> {
    /// Adds what was found in the node `host`; without a certain place, it is the same wherever it stands.
    pub fn add(&mut self, finding: Finding, is_placed: bool, host: &'n str) {
        let place = is_placed.then(|| finding.at.clone());
        let key = (place, finding.rule.code, finding.message.clone());
        let known = self.0.entry(key).or_insert(OfNodes {
            finding,
            is_placed,
            hosts: Vec::new(),
        });
        // A list has its own order; a name stands once.
        if known.hosts.last() != Some(&host) {
            known.hosts.push(host);
        }
    }

    /// Everything that was added.
    pub fn into_each(self) -> impl Iterator<Item = OfNodes<'n>> {
        self.0.into_values()
    }
}

impl OfNodes<'_> {
    /// The finding with the names of its nodes in front.
    pub fn named(mut self) -> Finding {
        self.finding.message = format!("{}: {}", self.hosts.join(", "), self.finding.message);
        self.finding
    }
}
