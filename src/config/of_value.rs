//! Values as the trees that reading their YAML gives, without the text between: what is made here need not be written and
//! parsed only to be checked by its types.
//!
//! Pure. [`super::emit`] quotes whatever is not plainly a text, so a text here is a quoted scalar there. Nothing of such a
//! tree has a place in a file: its lines are 0.

use std::rc::Rc;

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::node::{Entry, Node, Place, Scalar, Style, Tag, Value};

/// The tree of a document.
pub(crate) fn tree(json: &Json) -> Rc<Node> {
    let value = match json {
        Json::Object(map) => Value::Map(map.iter().map(|(key, value)| entry(key, value)).collect()),
        Json::Array(items) => Value::List(items.iter().map(tree).collect()),
        Json::String(text) => scalar(text.clone(), Style::Quoted),
        other => scalar(other.to_string(), Style::Plain),
    };
    let below = match &value {
        Value::Map(entries) => entries.iter().map(|entry| &*entry.value).collect(),
        Value::List(items) => items.iter().map(|item| &**item).collect(),
        Value::Scalar(_) => Vec::new(),
    };
    let depth = below.iter().map(|node: &&Node| node.depth + 1).max();
    let weight = below.iter().map(|node| node.weight).sum::<u64>();
    Rc::new(Node {
        place: Place::default(),
        depth: depth.unwrap_or(0),
        weight: weight + 1,
        value,
    })
}

fn entry(key: &str, value: &Json) -> Entry {
    Entry {
        key: Rc::from(key),
        at: Place::default(),
        value: tree(value),
    }
}

fn scalar(text: String, style: Style) -> Value {
    Value::Scalar(Scalar {
        text: Zeroizing::new(text),
        style,
        tag: Tag::None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{emit, yaml};

    fn same(ours: &Node, read: &Node) -> bool {
        match (&ours.value, &read.value) {
            (Value::Scalar(ours), Value::Scalar(read)) => {
                ours.text == read.text && ours.resolve() == read.resolve()
            }
            (Value::List(ours), Value::List(read)) => {
                ours.len() == read.len() && ours.iter().zip(read).all(|(a, b)| same(a, b))
            }
            (Value::Map(ours), Value::Map(read)) => {
                ours.len() == read.len()
                    && ours
                        .iter()
                        .zip(read)
                        .all(|(a, b)| a.key == b.key && same(&a.value, &b.value))
            }
            _ => false,
        }
    }

    #[test]
    fn a_tree_of_values_is_the_tree_of_their_text() {
        let texts = [
            "",
            "a",
            "1",
            "0x1f",
            "1e3",
            "yes",
            "null",
            "~",
            "<<",
            "2001-01-01",
            "a\nb\n",
            " a",
            "é",
            "#",
            "-",
            "1:30",
        ];
        let all: Vec<Json> = texts
            .iter()
            .map(|text| json!({"k": text, *text: [text, [text]]}))
            .collect();
        let value = json!({"texts": all, "n": [0, -1, 18_446_744_073_709_551_615_u64, 1.5], "b": [true, false, null], "e": [{}, []]});
        let read = yaml::read(&emit::documents([&value]), 0);
        assert!(read.fault.is_none());
        assert!(same(&tree(&value), &read.documents[0]));
    }
}
