//! Keys for which Talos has a newer place in the release that the configuration is for. Pure.

use super::catalogue::reading;
use super::finding::{Finding, Sink};
use super::part::{Part, below, text};
use super::unit::{Facts, Version};
use super::version::{newest, since};
use crate::config::node::{Entry, Node, Value};
use crate::config::schema::{Schema, Type};

/// Checks a document.
pub(super) fn check(part: &Part<'_>, root: &Node, facts: &Facts, sink: &mut Sink) {
    let Some(version) = facts.version else {
        return;
    };
    let kind = below(root, &["kind"])
        .and_then(|it| text(it))
        .unwrap_or("v1alpha1");
    let Some((_, document)) = Schema::get().document(kind) else {
        return;
    };
    let mut found = Vec::new();
    walk(&Type::Structure(document.root), root, &mut found);
    for (entry, instead) in found {
        let (first, fix) = successor(&entry.key, instead);
        if first <= version && !part.is_tainted(entry.at.line) {
            let at = part.at(entry.at);
            // What is refused has to go anyway.
            if !sink.has_error_at(&at.file, at.line) {
                let message = format!("{} is deprecated", entry.key);
                sink.add(Finding::new(&reading::DEPRECATED, at, message).fix(fix));
            }
        }
    }
}

/// Keys whose successor Talos' sentence does not name as a kind, or which came to it later than the kind itself.
const LATER: [(&str, Version, &str); 4] = [
    (
        "install",
        (1, 14),
        "use an UnattendedInstallConfig document",
    ),
    (
        "network",
        (1, 12),
        "use documents such as HostnameConfig, ResolverConfig and LinkConfig",
    ),
    (
        "stableHostname",
        (1, 12),
        "use a HostnameConfig document with auto: stable",
    ),
    (
        "systemDiskEncryption",
        (1, 11),
        "use `encryption` of a VolumeConfig document",
    ),
];

/// The release from which on there is something newer, and what: that of the kinds in Talos' sentence, or the newest
/// where it names none.
fn successor(key: &str, instead: &'static str) -> (Version, &'static str) {
    if let Some((_, first, fix)) = LATER.iter().find(|(name, ..)| *name == key) {
        return (*first, fix);
    }
    let words = instead.split(|c: char| !c.is_ascii_alphanumeric());
    let kinds = words.filter(|word| Schema::get().document(word).is_some());
    // Which release between those two brought it is not known, so the later one counts.
    let certain = |first: Version| if first == (1, 11) { (1, 13) } else { first };
    let first = kinds.map(|kind| since(kind).map_or((1, 10), certain)).max();
    (first.unwrap_or_else(newest), instead)
}

/// Collects deprecated keys, not those below them.
fn walk<'n>(kind: &Type, node: &'n Node, found: &mut Vec<(&'n Entry, &'static str)>) {
    match (kind, &node.value) {
        (Type::Pointer(inner) | Type::Named(_, inner), _) => walk(inner, node, found),
        (Type::List(inner), Value::List(items)) => {
            items.iter().for_each(|item| walk(inner, item, found));
        }
        (Type::Map(inner), Value::Map(entries)) => {
            entries
                .iter()
                .for_each(|entry| walk(inner, &entry.value, found));
        }
        (Type::Structure(id), Value::Map(entries)) => {
            let structure = Schema::get().structure(*id);
            for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
                let Some(field) = structure.field(&entry.key) else {
                    continue;
                };
                match field.instead {
                    Some(instead) => found.push((entry, instead)),
                    None => walk(&field.value, &entry.value, found),
                }
            }
        }
        _ => {}
    }
}
