//! A value of a configuration together with the path that leads to it, as readers of a section pass it around.

use super::node::{Entry, Node, Value};

/// A value that is there, with the path to it.
#[derive(Clone)]
pub(crate) struct Field<'n> {
    /// The value.
    pub node: &'n Node,
    /// Such as `machine.install.disk`.
    pub path: String,
    /// Whether a secret may stand here or below.
    pub hidden: bool,
}

impl<'n> Field<'n> {
    /// The root of a document; `path` may be empty.
    pub fn root(node: &'n Node, path: &str) -> Self {
        Self {
            node,
            path: path.to_owned(),
            hidden: false,
        }
    }

    /// The field below with this key, unless it is absent or null.
    pub fn get(&self, key: &str) -> Option<Field<'n>> {
        let entry = self.node.get(key)?;
        (!entry.value.is_null()).then(|| self.below(entry))
    }

    /// The field of `entry`.
    pub fn below(&self, entry: &'n Entry) -> Field<'n> {
        let path = match self.path.is_empty() {
            true => entry.key.to_string(),
            false => format!("{}.{}", self.path, &*entry.key),
        };
        Field {
            node: &entry.value,
            path,
            hidden: self.hidden,
        }
    }

    /// The same, with everything below kept out of messages.
    pub fn hide(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// The entries, if it is a mapping.
    pub fn entries(&self) -> &'n [Entry] {
        match &self.node.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }
}
