//! Values of a configuration with the places that they stand in. Pure; reads leniently.

use std::rc::Rc;

use crate::config::node::{Node, Place, Value};
use crate::config::spec::Location;

/// A scalar, where it stands, and the path to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub text: String,
    pub at: Location,
    pub path: String,
}

/// A node of a file, and the path to it.
#[derive(Clone)]
pub(super) struct Spot<'n> {
    pub node: &'n Rc<Node>,
    pub path: String,
    pub file: &'n str,
}

impl<'n> Spot<'n> {
    pub(super) fn root(node: &'n Rc<Node>, path: &str, file: &'n str) -> Self {
        Self {
            node,
            path: path.to_owned(),
            file,
        }
    }

    /// What stands under a dotted path of keys.
    pub(super) fn get(&self, path: &str) -> Option<Self> {
        let mut node = self.node;
        for key in path.split('.') {
            node = &node.get(key)?.value;
        }
        Some(self.with(node, format!("{}{path}", self.prefix())))
    }

    /// Keys and values of a mapping.
    pub(super) fn entries(&self) -> Vec<(&'n str, Self)> {
        let Value::Map(entries) = &self.node.value else {
            return Vec::new();
        };
        let entry = |entry: &'n crate::config::node::Entry| {
            let path = format!("{}{}", self.prefix(), entry.key);
            (&*entry.key, self.with(&entry.value, path))
        };
        entries.iter().map(entry).collect()
    }

    /// The items of the list under `path`; none if there is no list.
    pub(super) fn list(&self, path: &str) -> Vec<Self> {
        let Some(list) = self.get(path) else {
            return Vec::new();
        };
        let Value::List(items) = &list.node.value else {
            return Vec::new();
        };
        let item = |(at, node)| self.with(node, format!("{}[{at}]", list.path));
        items.iter().enumerate().map(item).collect()
    }

    /// The scalars of the list under `path`.
    pub(super) fn texts(&self, path: &str) -> Vec<Text> {
        let items = self.list(path);
        items.iter().filter_map(Self::scalar).collect()
    }

    /// The scalar under `path`.
    pub(super) fn text(&self, path: &str) -> Option<Text> {
        self.get(path)?.scalar()
    }

    /// Whether `true` stands under `path`; `None` if nothing does.
    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        let text = self.text(path)?;
        Some(text.text.eq_ignore_ascii_case("true"))
    }

    fn scalar(&self) -> Option<Text> {
        match &self.node.value {
            Value::Scalar(scalar) if !scalar.is_null() => Some(self.here(scalar.text.as_str())),
            _ => None,
        }
    }

    /// A text that stands for this place.
    pub(super) fn here(&self, text: &str) -> Text {
        let Place { line, column, .. } = self.node.place;
        Text {
            text: text.to_owned(),
            at: Location {
                file: self.file.to_owned(),
                line,
                column,
            },
            path: self.path.clone(),
        }
    }

    fn with(&self, node: &'n Rc<Node>, path: String) -> Self {
        Self {
            node,
            path,
            file: self.file,
        }
    }

    fn prefix(&self) -> String {
        if self.path.is_empty() {
            return String::new();
        }
        format!("{}.", self.path)
    }
}
