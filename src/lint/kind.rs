//! What kind of file a text is, told from what stands in it.
//!
//! Pure. Its name does not count: a patch can be called anything, and Kubernetes' files lie beside Talos'.

use std::rc::Rc;

use crate::config::kinds::{MACHINE_KEYS, TOP_KEYS};
use crate::config::node::{Node, Value};
use crate::fleet::sniff;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A node's whole configuration.
    Config,
    /// talhelper's talconfig.yaml.
    Talconfig,
    /// Documents of Talos that are no whole configuration: a strategic merge patch.
    Patch,
    /// Operations of RFC 6902.
    JsonPatch,
    /// Encrypted with SOPS.
    Encrypted,
    /// Something else.
    Other,
}

/// Words of which one is in every file that is checked.
const WORDS: [&str; 6] = ["machine", "cluster", "nodes", "v1alpha1", "op:", "\"op\""];

/// Whether the text may be anything but [`Kind::Other`], told without parsing it.
pub(super) fn may_be_talos(text: &str) -> bool {
    WORDS.iter().any(|word| text.contains(word))
}

/// What the documents of `text` are. `named` says that somebody named the file for this, which decides cases of doubt.
pub(super) fn kind_of(text: &str, documents: &[Rc<Node>], named: bool) -> Kind {
    let mut kinds = documents.iter().map(|root| of_document(root, named));
    let first = kinds.find(|kind| *kind != Kind::Other);
    match first {
        Some(Kind::Patch) if sniff::yaml(text).config => Kind::Config,
        Some(kind) => kind,
        None => Kind::Other,
    }
}

fn of_document(root: &Node, named: bool) -> Kind {
    match &root.value {
        Value::List(items) if is_operations(items) => Kind::JsonPatch,
        Value::Map(_) if is_map(root, "sops") => Kind::Encrypted,
        Value::Map(_) if is_talconfig(root) => Kind::Talconfig,
        Value::Map(_) if is_talos(root, named) => Kind::Patch,
        _ => Kind::Other,
    }
}

fn is_operations(items: &[Rc<Node>]) -> bool {
    let is_operation = |item: &Rc<Node>| item.get("op").is_some() && item.get("path").is_some();
    items.first().is_some_and(is_operation)
}

fn is_talconfig(root: &Node) -> bool {
    let has = |key: &str| root.get(key).is_some();
    let others = [
        "clusterName",
        "talosVersion",
        "kubernetesVersion",
        "endpoint",
    ];
    has("nodes") && others.into_iter().any(has) || has("clusterName") && has("endpoint")
}

fn is_talos(root: &Node, named: bool) -> bool {
    let text = |key: &str| match root.get(key).map(|entry| &entry.value.value) {
        Some(Value::Scalar(scalar)) => Some(scalar.text.as_str()),
        _ => None,
    };
    if text("kind").is_some() {
        // Kubernetes has no group without a name at this version.
        return text("apiVersion") == Some("v1alpha1") || named && text("apiVersion").is_none();
    }
    let Value::Map(entries) = &root.value else {
        return false;
    };
    let known = entries
        .iter()
        .all(|entry| TOP_KEYS.contains(&&*entry.key) || &*entry.key == "$patch");
    let machine = root.get("machine").map(|entry| &entry.value);
    let below =
        machine.is_some_and(|machine| MACHINE_KEYS.iter().any(|key| machine.get(key).is_some()));
    let either = machine.is_some() || root.get("cluster").is_some();
    either && (named || known || below)
}

fn is_map(root: &Node, key: &str) -> bool {
    root.get(key)
        .is_some_and(|entry| matches!(entry.value.value, Value::Map(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml;

    #[test]
    fn kinds_are_told_apart_by_what_stands_in_the_file() {
        for (text, named, kind) in [
            (
                "version: v1alpha1\nmachine: {type: worker}\n",
                false,
                Kind::Config,
            ),
            (
                "version: v1alpha1\nmachine:\n  type: worker\n",
                false,
                Kind::Config,
            ),
            ("machine:\n  sysctls: {a: b}\n", false, Kind::Patch),
            ("machine:\n  userVolumes: []\n", false, Kind::Patch),
            ("apiVersion: v1alpha1\nkind: Typo\n", false, Kind::Patch),
            ("apiVersion: v1\nkind: Pod\n", true, Kind::Other),
            ("kind: UserVolumeConfig\nname: a\n", true, Kind::Patch),
            ("cluster: x\nsecrets: {}\n", false, Kind::Other),
            ("- op: add\n  path: /machine\n", false, Kind::JsonPatch),
            (
                "[{\"op\": \"test\", \"path\": \"\"}]",
                false,
                Kind::JsonPatch,
            ),
            (
                "clusterName: a\nendpoint: b\nnodes: []\n",
                false,
                Kind::Talconfig,
            ),
            ("machine: x\nsops: {mac: y}\n", true, Kind::Encrypted),
            ("replicas: 2\n", true, Kind::Other),
            ("", true, Kind::Other),
            ("null\n---\nmachine: {}\n", false, Kind::Patch),
        ] {
            let stream = yaml::read(text, 0);
            assert_eq!(kind_of(text, &stream.documents, named), kind, "{text}");
        }
    }
}
