//! What shows only in the configuration that a node of talconfig.yaml comes to, at the line where it was written.
//!
//! Pure. The strict reader of configurations is the one that `plan` uses: what it refuses there is found here.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::catalogue::encryption::OPEN_LOCK;
use super::catalogue::reading;
use super::finding::{Finding, Sink};
use super::origin::{Layers, Written};
use super::rule::Rule;
use super::{RenderedNode, encryption, keys};
use crate::config::spec::Location;
use crate::config::{self, Diagnostic, Source, yaml};

/// The name of a text that is in no file.
const RENDERED: &str = "";

/// Most mistakes of a node that are told.
const MOST: usize = 50;

/// A mistake: where it was written, or at no certain place.
type Key = (Option<(String, u32, u32)>, &'static str, String);

/// Checks nodes with what each is made of.
pub(super) fn nodes(nodes: &[(&RenderedNode, Layers<'_>)], sink: &mut Sink) {
    let mut found: BTreeMap<Key, (Finding, Vec<&str>)> = BTreeMap::new();
    let mut merged: BTreeSet<String> = BTreeSet::new();
    for (node, layers) in nodes {
        let Ok(config) = &node.config else { continue };
        let trees: Vec<_> = config.trees().collect();
        for finding in keys::check(layers, &trees) {
            // The nodes of a group share its patches.
            if merged.insert(format!("{} {:?}", finding.at, finding.also)) {
                sink.add(finding);
            }
        }
        let spec = config::of_trees(&trees);
        if spec.is_some_and(|spec| encryption::locks(&spec).is_empty()) {
            continue;
        }
        let text = Zeroizing::new(config.to_text());
        for (finding, is_sure) in of_node(layers, &text) {
            let at = is_sure.then(|| {
                let at = &finding.at;
                (at.file.clone(), at.line, at.column)
            });
            let key = (at, finding.rule.code, finding.message.clone());
            let entry = found.entry(key).or_insert((finding, Vec::new()));
            entry.1.push(&node.hostname);
        }
    }
    for ((place, ..), (mut finding, hosts)) in found {
        if sink.has_error_at(&finding.at.file, finding.at.line) {
            continue;
        }
        if place.is_none() {
            finding.message = format!("{}: {}", hosts.join(", "), finding.message);
        }
        sink.add(finding);
    }
}

/// What is wrong with a node, and whether the place is that of the mistake.
fn of_node(layers: &Layers<'_>, text: &str) -> Vec<(Finding, bool)> {
    let source = Source {
        name: RENDERED,
        text,
    };
    // Most nodes have nothing that is looked for.
    let documents = LazyCell::new(|| yaml::read(text, 0).documents);
    let find = |at: &Location| layers.find(&documents, at.line, at.column);
    let placed = |rule: &'static Rule, at: &Location, path: &str, message: &str| {
        let Written { document, at } = find(at).unwrap_or_default();
        let is_sure = at.is_some();
        let named = [&*document, path].into_iter().filter(|it| !it.is_empty());
        let named = named.chain([message]).collect::<Vec<_>>().join(": ");
        let at = at.unwrap_or_else(|| layers.at.clone());
        (Finding::new(rule, at, named), is_sure)
    };
    match config::parse(&[source]) {
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
