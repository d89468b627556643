//! What shows only in the configuration that a node of talconfig.yaml comes to, at the line where it was written.
//!
//! Pure. The strict reader of configurations is the one that `plan` uses: what it refuses there is found here.

use std::collections::BTreeSet;

use super::catalogue::encryption::OPEN_LOCK;
use super::catalogue::reading;
use super::finding::{Finding, Sink};
use super::made::Made;
use super::origin::Written;
use super::rule::Rule;
use super::shared::Shared;
use super::{encryption, keys};
use crate::config::spec::Location;
use crate::config::{self, Diagnostic};

/// Most mistakes of a node that are told.
const MOST: usize = 50;

/// What is wrong with the nodes of a talconfig.yaml, and which of them have it.
#[derive(Default)]
pub(super) struct Mistakes<'n> {
    found: Shared<'n>,
    /// Of lists of keys that come together, which the nodes of a group share, and their places.
    keys: Vec<Finding>,
    merged: BTreeSet<String>,
}

impl<'n> Mistakes<'n> {
    /// Checks one more node.
    pub fn add(&mut self, made: &Made<'n>) {
        if made.node.config.is_err() {
            return;
        }
        for finding in keys::check(&made.layers, made.trees()) {
            let place = format!("{} {:?}", finding.at, finding.also);
            if self.merged.insert(place) {
                self.keys.push(finding);
            }
        }
        // Without the text, which most nodes are right without.
        let spec = config::of_trees(made.trees());
        if spec.is_some_and(|spec| encryption::locks(&spec).is_empty()) {
            return;
        }
        for (finding, is_placed) in of_node(made) {
            self.found.add(finding, is_placed, &made.node.hostname);
        }
    }

    /// Says everything, each finding once for all nodes that have it, unless an error is at its line already.
    pub fn finish(self, sink: &mut Sink) {
        for finding in self.keys {
            sink.add(finding);
        }
        for found in self.found.into_each() {
            let at = &found.finding.at;
            if sink.has_error_at(&at.file, at.line) {
                continue;
            }
            sink.add(match found.is_placed {
                true => found.finding,
                false => found.named(),
            });
        }
    }
}

/// What is wrong with a node, and whether the place is that of the mistake.
fn of_node(made: &Made<'_>) -> Vec<(Finding, bool)> {
    let find = |at: &Location| made.find(at.line, at.column);
    let placed = |rule: &'static Rule, at: &Location, path: &str, message: &str| {
        let Written { document, at } = find(at).unwrap_or_default();
        let is_sure = at.is_some();
        let named = [&*document, path].into_iter().filter(|it| !it.is_empty());
        let named = named.chain([message]).collect::<Vec<_>>().join(": ");
        let at = at.unwrap_or_else(|| made.layers.at.clone());
        (Finding::new(rule, at, named), is_sure)
    };
    match config::parse(&[made.source()]) {
        Ok(spec) => {
            let locks = encryption::locks(&spec).into_iter();
            let of = |(at, message): (Location, String)| placed(&OPEN_LOCK, &at, "", &message);
            locks.map(of).collect()
        }
        Err(error) => {
            let of = |diagnostic: &Diagnostic| {
                let at = &diagnostic.at;
                let message = words(diagnostic);
                let (mut finding, is_sure) =
                    placed(&reading::REFUSED, at, &diagnostic.path, &message);
                finding.also = diagnostic.also.as_ref().and_then(|also| find(also)?.at);
                let allowed = diagnostic.allowed.as_ref();
                let allowed = allowed.map(|it| format!("allowed: {it}"));
                finding.fix = diagnostic.hint.clone().or(allowed);
                (finding, is_sure)
            };
            error.diagnostics().iter().take(MOST).map(of).collect()
        }
    }
}

fn words(diagnostic: &Diagnostic) -> String {
    match &diagnostic.found {
        Some(found) => format!("{}: `{found}`", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;
    use crate::config::patch::MachineConfig;
    use crate::selector::cel;

    /// A worker with a user volume and more documents.
    fn worker(more: &str) -> String {
        let volume = "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  diskSelector: {match: '!system_disk'}\n  minSize: 1GiB\n";
        format!("version: v1alpha1\nmachine: {{type: worker}}\n---\n{volume}{more}")
    }

    #[test]
    fn trees_are_refused_if_and_only_if_their_text_is() {
        let encryption = |of: &str| {
            worker(&format!(
                "encryption:\n  provider: luks2\n  {of}keys:\n    - {{nodeID: {{}}, slot: 0}}\n"
            ))
        };
        let old = |of: &str| {
            format!(
                "version: v1alpha1\nmachine: {{type: worker, systemDiskEncryption: {{state: {of}}}}}\n"
            )
        };
        let typo = worker("").replace("!system_disk", "disk.sise > 1");
        for (text, is_refused) in [
            (
                include_str!("../../examples/nodes/talos-1.14/mini01.yaml").to_owned(),
                false,
            ),
            (
                include_str!("../../examples/nodes/talos-1.10/mini01.yaml").to_owned(),
                false,
            ),
            (worker(""), false),
            (encryption(""), false),
            (encryption("blockSize: 100\n  "), true),
            (typo, true),
            (
                old("{provider: luks3, keys: [{nodeID: {}, slot: 0}]}"),
                true,
            ),
            (
                old("{provider: luks2, keys: [{nodeID: {}, slot: 99}]}"),
                true,
            ),
        ] {
            let config = MachineConfig::read(&text).unwrap();
            let written = config.to_text();
            let source = Source {
                name: "a",
                text: &written,
            };
            assert_eq!(config::parse(&[source]).is_err(), is_refused, "{text}");
            let locks = cel::deep(|| {
                let trees: Vec<_> = config.trees().collect();
                let spec = config::of_trees(&trees)?;
                Some(encryption::locks(&spec).len())
            });
            assert_eq!(locks.is_none(), is_refused, "{text}");
        }
    }
}
