//! Keys of one volume in several patches: Talos neither replaces the list nor merges it by slots. Pure; quotes nothing.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::catalogue::encryption as catalogue;
use super::finding::Finding;
use super::origin::{Layers, VOLUMES};
use super::part::{Part, below, items, text};
use crate::config::node::Node;

/// A volume: the kind of its document, nothing for the old one, and its name.
type Volume = (String, String);

/// A list of keys where it stands.
type Keys<'p> = (&'p Part<'p>, &'p Rc<Node>);

/// What is found in the patches of one node, which comes to `rendered`.
pub(super) fn check(layers: &Layers<'_>, rendered: &[Rc<Node>]) -> Vec<Finding> {
    let mut lists: BTreeMap<Volume, Vec<Keys<'_>>> = BTreeMap::new();
    for (field, kind) in VOLUMES {
        let Some((part, list)) = layers.field(field) else {
            continue;
        };
        for (volume, keys) in items(Some(list))
            .iter()
            .filter_map(|it| of_volume(it, kind))
        {
            lists.entry(volume).or_default().push((part, keys));
        }
    }
    for (part, root) in layers.documents() {
        for (volume, keys) in of_document(root) {
            lists.entry(volume).or_default().push((part, keys));
        }
    }
    lists.retain(|_, lists| lists.len() > 1);
    if lists.is_empty() {
        return Vec::new();
    }
    let came: BTreeMap<Volume, usize> = rendered
        .iter()
        .flat_map(of_document)
        .map(|(volume, keys)| (volume, items(Some(keys)).len()))
        .collect();
    let mut findings = Vec::new();
    for (volume, lists) in &lists {
        let written: usize = lists.iter().map(|(_, keys)| items(Some(keys)).len()).sum();
        // Otherwise a patch deletes keys, and what is left is judged as it was rendered.
        if came.get(volume) == Some(&written) {
            together(&volume.1, lists, &mut findings);
        }
    }
    findings
}

/// What is wrong with the lists of one volume.
fn together(volume: &str, lists: &[Keys<'_>], findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<u64, (usize, Keys<'_>)> = BTreeMap::new();
    let before = findings.len();
    for (index, (part, keys)) in lists.iter().enumerate() {
        for key in items(Some(keys)) {
            let Some(slot) = slot(key) else { continue };
            match seen.get(&slot) {
                Some((first, (other, there))) if *first != index => {
                    let message = format!(
                        "slot {slot} of {volume} is taken by another patch, and Talos keeps both keys"
                    );
                    let at = part.at(key.place);
                    let finding = Finding::new(&catalogue::PATCHES_CLASH, at, message);
                    findings.push(finding.also(other.at(there.place)));
                }
                Some(_) => {}
                None => {
                    seen.insert(slot, (index, (part, key)));
                }
            }
        }
    }
    let [(first, one), .., (last, other)] = lists else {
        return;
    };
    if findings.len() == before {
        let message = format!("keys of {volume} stand in another patch too, and Talos keeps all");
        let finding = Finding::new(&catalogue::PATCHES_ADD_UP, last.at(other.place), message);
        findings.push(finding.also(first.at(one.place)));
    }
}

/// The slot of a key; `None` if it is no number, or comes from a variable.
fn slot(key: &Node) -> Option<u64> {
    match below(key, &["slot"]) {
        None => Some(0),
        Some(slot) => text(slot)?.parse().ok(),
    }
}

/// The lists of keys in a document.
fn of_document(root: &Rc<Node>) -> Vec<(Volume, &Rc<Node>)> {
    if let Some(kind) = below(root, &["kind"]).and_then(|it| text(it)) {
        return of_volume(root, kind).into_iter().collect();
    }
    let of = |(key, name): (&str, &str)| {
        let keys = below(root, &["machine", "systemDiskEncryption", key, "keys"])?;
        Some(((String::new(), name.to_owned()), keys))
    };
    let both = [("state", "STATE"), ("ephemeral", "EPHEMERAL")];
    both.into_iter().filter_map(of).collect()
}

/// The keys of the document of a volume, or of what stands for one in talconfig.yaml.
fn of_volume<'n>(root: &'n Rc<Node>, kind: &str) -> Option<(Volume, &'n Rc<Node>)> {
    let name = below(root, &["name"]).and_then(|it| text(it))?;
    let keys = below(root, &["encryption", "keys"])?;
    let name: String = name.chars().take(64).collect();
    Some(((kind.to_owned(), name), keys))
}
