//! The documents of a node, each with a title of its own. Pure.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::config;
use crate::config::node::{Node, Value};

/// The documents of a node by kind and name; the old one is `v1alpha1`.
#[derive(Default)]
pub(in crate::diff) struct Documents(BTreeMap<String, Rc<Node>>);

impl Documents {
    /// Reads all of `texts`, which are valid.
    pub fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut found = BTreeMap::new();
        for (index, text) in texts.enumerate() {
            for root in config::documents_of(text, index) {
                if !root.is_null() {
                    found.entry(title(&root)).or_insert(root);
                }
            }
        }
        Self(found)
    }

    /// Every document with its title.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.0.iter().map(|(title, root)| (title.as_str(), &**root))
    }

    /// The titles, in their order.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The document of this title.
    pub fn get(&self, title: &str) -> Option<&Rc<Node>> {
        self.0.get(title)
    }

    /// The node at `path` of the old document.
    pub fn old(&self, path: &[&str]) -> Option<&Node> {
        let mut node = &**self.0.get(V1ALPHA1)?;
        for key in path {
            node = &node.get(key)?.value;
        }
        Some(node)
    }
}

/// The title of the document without a kind.
pub(in crate::diff) const V1ALPHA1: &str = "v1alpha1";

fn title(root: &Node) -> String {
    let text = |key| root.get(key).and_then(|entry| scalar(&entry.value));
    match (text("kind"), text("name")) {
        (None, _) => String::from(V1ALPHA1),
        (Some(kind), None) => kind.to_owned(),
        (Some(kind), Some(name)) => format!("{kind} {name}"),
    }
}

/// The text of a scalar that is not null.
pub(in crate::diff) fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
        _ => None,
    }
}
