//! Documents compared as trees: the order of keys, comments and quotes are no difference.
//!
//! Lists of mappings that have a name are compared by it, others item by item after their common beginning and end. Read
//! forwards or backwards, the same paths come out.

mod documents;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::Serialize;

use super::hide::Hider;
use crate::config::node::{Entry, Node, Value};

pub(super) use self::documents::{Documents, V1ALPHA1, scalar};

/// Most edits of one node; more help nobody.
const MOST: usize = 5_000;

/// Keys that tell the items of a list apart, the best first.
const NAMES: [&str; 8] = [
    "name",
    "slot",
    "interface",
    "device",
    "mountpoint",
    "path",
    "network",
    "image",
];

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EditKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It is another one.
    Changed,
}

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Edit {
    /// The document, such as `v1alpha1` or `VolumeConfig EPHEMERAL`.
    pub document: String,
    /// The path in it, such as `machine.install.wipe`.
    pub path: String,
    /// What happened.
    pub kind: EditKind,
    /// Whether the value may be a secret, and is not shown.
    pub secret: bool,
    /// What it was, if that may be shown.
    pub before: Option<String>,
    /// What it is, if that may be shown.
    pub after: Option<String>,
}

/// Every value that differs, the old document first.
pub(super) fn diff(before: &Documents, after: &Documents, hider: &Hider) -> Vec<Edit> {
    let titles: BTreeSet<&str> = before.titles().chain(after.titles()).collect();
    let mut titles: Vec<&str> = titles.into_iter().collect();
    titles.sort_by_key(|title| (*title != V1ALPHA1, *title));
    let mut walk = Walk {
        hider,
        document: "",
        edits: Vec::new(),
    };
    for title in titles {
        walk.document = title;
        let [before, after] = [before, after].map(|it| it.get(title).map(|root| &**root));
        walk.pair(before, after, "");
    }
    walk.edits
}

struct Walk<'w> {
    hider: &'w Hider,
    document: &'w str,
    edits: Vec<Edit>,
}

impl Walk<'_> {
    fn pair(&mut self, before: Option<&Node>, after: Option<&Node>, path: &str) {
        let before = before.filter(|node| !node.is_null());
        let after = after.filter(|node| !node.is_null());
        let (Some(a), Some(b)) = (before, after) else {
            return self.one_sided(before, after, path);
        };
        if std::ptr::eq(a, b) {
            return;
        }
        match (&a.value, &b.value) {
            (Value::Map(a), Value::Map(b)) => self.maps(a, b, path),
            (Value::List(a), Value::List(b)) => self.lists(a, b, path),
            (Value::Scalar(a), Value::Scalar(b)) => {
                if *a.text != *b.text {
                    self.edit(path, Some(&a.text), Some(&b.text));
                }
            }
            _ => {
                self.one_sided(before, None, path);
                self.one_sided(None, after, path);
            }
        }
    }

    /// Every value below a node that only one side has.
    fn one_sided(&mut self, before: Option<&Node>, after: Option<&Node>, path: &str) {
        let Some(node) = before.or(after) else {
            return;
        };
        let is_old = before.is_some();
        let split = |child| {
            if is_old {
                (Some(child), None)
            } else {
                (None, Some(child))
            }
        };
        match &node.value {
            Value::Map(entries) if !entries.is_empty() => {
                for entry in entries {
                    let (before, after) = split(&*entry.value);
                    self.pair(before, after, &below(path, &entry.key));
                }
            }
            Value::List(items) if !items.is_empty() => {
                let name = naming(items, items);
                for (index, item) in items.iter().enumerate() {
                    let (before, after) = split(&**item);
                    self.pair(before, after, &label(path, item, name, index));
                }
            }
            Value::Map(_) => self.whole(is_old, path, "{}"),
            Value::List(_) => self.whole(is_old, path, "[]"),
            Value::Scalar(scalar) => self.whole(is_old, path, &scalar.text),
        }
    }

    fn whole(&mut self, is_old: bool, path: &str, text: &str) {
        match is_old {
            true => self.edit(path, Some(text), None),
            false => self.edit(path, None, Some(text)),
        }
    }

    fn maps(&mut self, before: &[Entry], after: &[Entry], path: &str) {
        let find = |entries: &'_ [Entry]| -> BTreeMap<Rc<str>, Rc<Node>> {
            let entries = entries.iter();
            entries
                .map(|entry| (Rc::clone(&entry.key), Rc::clone(&entry.value)))
                .collect()
        };
        let (before, after) = (find(before), find(after));
        let keys: BTreeSet<&Rc<str>> = before.keys().chain(after.keys()).collect();
        for key in keys {
            let (a, b) = (before.get(key), after.get(key));
            self.pair(a.map(|it| &**it), b.map(|it| &**it), &below(path, key));
        }
    }

    fn lists(&mut self, before: &[Rc<Node>], after: &[Rc<Node>], path: &str) {
        if let Some(name) = naming(before, after) {
            let find = |items: &'_ [Rc<Node>]| -> BTreeMap<String, Rc<Node>> {
                let named = items.iter().enumerate();
                named
                    .map(|(index, item)| (label(path, item, Some(name), index), Rc::clone(item)))
                    .collect()
            };
            let (before, after) = (find(before), find(after));
            let labels: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for label in labels {
                let (a, b) = (before.get(label), after.get(label));
                self.pair(a.map(|it| &**it), b.map(|it| &**it), label);
            }
            return;
        }
        let start = before.iter().zip(after).take_while(|(a, b)| equal(a, b));
        let start = start.count();
        let (before, after) = (&before[start..], &after[start..]);
        let end = before.iter().rev().zip(after.iter().rev());
        let end = end.take_while(|(a, b)| equal(a, b)).count();
        let (before, after) = (&before[..before.len() - end], &after[..after.len() - end]);
        for index in 0..before.len().max(after.len()) {
            let (a, b) = (before.get(index), after.get(index));
            let path = format!("{path}[{}]", start + index);
            self.pair(a.map(|it| &**it), b.map(|it| &**it), &path);
        }
    }

    fn edit(&mut self, path: &str, before: Option<&str>, after: Option<&str>) {
        if self.edits.len() >= MOST {
            return;
        }
        let values = before.into_iter().chain(after);
        let secret = values.into_iter().any(|it| self.hider.hides(path, it));
        let shown = |text: Option<&str>| text.filter(|_| !secret).map(brief);
        let kind = match (before, after) {
            (None, _) => EditKind::Added,
            (_, None) => EditKind::Removed,
            _ => EditKind::Changed,
        };
        self.edits.push(Edit {
            document: self.document.to_owned(),
            path: path.to_owned(),
            kind,
            secret,
            before: shown(before),
            after: shown(after),
        });
    }
}

/// The path of a key.
pub(super) fn below(path: &str, key: &str) -> String {
    match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    }
}

/// The path of a list's item: by its name, or by its place.
fn label(path: &str, item: &Node, name: Option<&str>, index: usize) -> String {
    match name.and_then(|name| Some((name, scalar(&item.get(name)?.value)?))) {
        Some((name, value)) => format!("{path}[{name}={value}]"),
        None => format!("{path}[{index}]"),
    }
}

/// The key that tells all items of both lists apart.
fn naming(before: &[Rc<Node>], after: &[Rc<Node>]) -> Option<&'static str> {
    if before.is_empty() && after.is_empty() {
        return None;
    }
    NAMES.into_iter().find(|name| {
        [before, after].into_iter().all(|items| {
            let names = items.iter().map(|item| scalar(&item.get(name)?.value));
            let names: Option<BTreeSet<&str>> = names.collect();
            names.is_some_and(|names| names.len() == items.len())
        })
    })
}

/// Whether two nodes say the same.
pub(super) fn equal(a: &Node, b: &Node) -> bool {
    if std::ptr::eq(a, b) {
        return true;
    }
    match (&a.value, &b.value) {
        (Value::Scalar(x), Value::Scalar(y)) => *x.text == *y.text && a.is_null() == b.is_null(),
        (Value::List(x), Value::List(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y))
        }
        (Value::Map(x), Value::Map(y)) => {
            let has = |entry: &Entry| {
                b.get(&entry.key)
                    .is_some_and(|it| equal(&entry.value, &it.value))
            };
            x.len() == y.len() && x.iter().all(has)
        }
        _ => false,
    }
}

/// Short texts as they are; of long ones how long they are.
fn brief(text: &str) -> String {
    const LONGEST: usize = 160;
    let lines = text.lines().count();
    if lines > 1 {
        return format!("(text of {lines} lines)");
    }
    match text.chars().count() {
        0 => String::from("\"\""),
        count if count > LONGEST => format!("(text of {count} characters)"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
