//! talconfig.yaml as a tree of values after everything that talhelper does to it before it looks at the fields: types found
//! and written back, paths made absolute.
//!
//! Pure. A value keeps the place where it stands in the file as it was written, before variables were replaced; where a
//! variable brought in structure of its own, that is the place of what it replaced.

mod meaning;

use std::rc::Rc;

use zeroize::Zeroizing;

use super::paths::Role;
use crate::config::node::{self, Node, Place, Scalar, Style, Tag};
use crate::config::scalar::Resolved;
use meaning::meaning;

/// Where something stands in talconfig.yaml; both count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl At {
    pub(super) fn of(place: Place) -> Self {
        Self {
            line: place.line,
            column: place.column,
        }
    }
}

/// A value and where it stands.
#[derive(Clone)]
pub struct Value {
    /// Where.
    pub at: At,
    /// What.
    pub kind: Kind,
}

/// What a value is. Has no `Debug`: values hold keys and tokens.
#[derive(Clone)]
pub enum Kind {
    /// A scalar.
    Scalar(Plain),
    /// A list.
    List(Vec<Value>),
    /// A mapping in the order of the file.
    Map(Vec<Pair>),
}

/// A scalar with its type found.
#[derive(Clone)]
pub struct Plain {
    /// The text that a field of text gets.
    pub text: Zeroizing<String>,
    /// What it is without a field.
    pub meaning: Meaning,
    /// Whether no variable and no path was replaced in it, so that it may be quoted as the file has it.
    pub as_written: bool,
}

/// The type of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// Null.
    Null,
    /// A boolean.
    Flag(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A point in time.
    Time,
    /// Text.
    Text,
}

/// A key with its value.
#[derive(Clone)]
pub struct Pair {
    /// The key.
    pub key: Rc<str>,
    /// Where the key stands.
    pub at: At,
    /// The value.
    pub value: Value,
}

impl Value {
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.meaning == Meaning::Null)
    }

    /// The value of `key`, unless it is absent or null.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let pair = self.pairs().iter().find(|pair| &*pair.key == key)?;
        (!pair.value.is_null()).then_some(&pair.value)
    }

    /// The pairs, if it is a mapping.
    pub fn pairs(&self) -> &[Pair] {
        match &self.kind {
            Kind::Map(pairs) => pairs,
            _ => &[],
        }
    }

    /// The items, if it is a list.
    pub fn items(&self) -> &[Value] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The text that a field of text gets; empty for null and for what is no scalar.
    pub fn text(&self) -> &str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.meaning != Meaning::Null => &scalar.text,
            _ => "",
        }
    }

    /// The text below `key`; empty if there is none.
    pub fn text_at(&self, key: &str) -> &str {
        self.get(key).map_or("", Self::text)
    }

    /// The boolean, by the words of YAML 1.1 as well, quoted or not.
    pub fn flag(&self) -> Option<bool> {
        let Kind::Scalar(scalar) = &self.kind else {
            return None;
        };
        match scalar.meaning {
            Meaning::Flag(flag) => Some(flag),
            Meaning::Text => match scalar.text.as_str() {
                "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
                "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The boolean below `key`.
    pub fn flag_at(&self, key: &str) -> bool {
        self.get(key).and_then(Self::flag).unwrap_or(false)
    }

    /// The number that a field of whole numbers gets.
    pub fn int(&self) -> Option<i128> {
        let Kind::Scalar(scalar) = &self.kind else {
            return None;
        };
        match scalar.meaning {
            Meaning::Int(value) => Some(value),
            Meaning::Float(value) if value.abs() <= EXACT => Some(truncate(value)),
            _ => None,
        }
    }

    /// The number below `key`; 0 if there is none.
    pub fn int_at(&self, key: &str) -> i128 {
        self.get(key).and_then(Self::int).unwrap_or(0)
    }

    /// The words for messages.
    pub(super) fn shape(&self) -> &'static str {
        match &self.kind {
            Kind::Map(_) => "a mapping",
            Kind::List(_) => "a list",
            Kind::Scalar(scalar) if scalar.meaning == Meaning::Null => "null",
            Kind::Scalar(_) => "a single value",
        }
    }
}

/// Up to here every whole number has a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[expect(
    clippy::cast_possible_truncation,
    reason = "below 2^53, and Go cuts the fraction off"
)]
fn truncate(value: f64) -> i128 {
    value as i128
}

/// A scalar that does not survive the decoding without types: where, and why.
pub(super) struct Mismatch(pub At, pub &'static str);

const TAG: &str = "the tag and the text contradict each other";
const DAMAGED: &str =
    "a text of several lines that starts with a blank or a line break, which talhelper damages";

/// Builds the tree.
pub(super) struct Builder<'t> {
    /// The text that the nodes stand in: after the substitution.
    pub text: &'t str,
    /// The folder of talconfig.yaml.
    pub folder: &'t str,
}

/// The node before the substitution, and the place if there is none.
#[derive(Clone, Copy)]
pub(super) struct Original<'n> {
    pub node: Option<&'n Node>,
    pub at: At,
}

impl<'n> Original<'n> {
    /// A document as it was written.
    pub fn root(node: &'n Node) -> Self {
        let at = At::of(node.place);
        Self {
            node: Some(node),
            at,
        }
    }

    fn to(self, node: Option<&'n Node>) -> Self {
        Self {
            node,
            at: node.map_or(self.at, |node| At::of(node.place)),
        }
    }
}

impl Builder<'_> {
    /// The value of `node`.
    ///
    /// # Errors
    /// [`Mismatch`] for the first scalar whose tag does not fit, and for one that is written back in a form in which it
    /// cannot be read again.
    pub fn value(
        &self,
        node: &Node,
        original: Original<'_>,
        role: Role,
    ) -> Result<Value, Mismatch> {
        let at = original.at;
        let kind = match &node.value {
            node::Value::Scalar(scalar) => Kind::Scalar(self.scalar(scalar, original, role)?),
            node::Value::List(items) => {
                let written = match original.node.map(|node| &node.value) {
                    Some(node::Value::List(written)) if written.len() == items.len() => {
                        &written[..]
                    }
                    _ => &[],
                };
                let item = |(index, item): (usize, &Rc<Node>)| {
                    let written = written.get(index).map(Rc::as_ref);
                    self.value(item, original.to(written), role)
                };
                Kind::List(
                    items
                        .iter()
                        .enumerate()
                        .map(item)
                        .collect::<Result<_, _>>()?,
                )
            }
            node::Value::Map(entries) => Kind::Map(self.map(entries, original, role)?),
        };
        Ok(Value { at, kind })
    }

    fn map(
        &self,
        entries: &[node::Entry],
        original: Original<'_>,
        role: Role,
    ) -> Result<Vec<Pair>, Mismatch> {
        let keys: Vec<Option<Rc<str>>> = entries.iter().map(|entry| self.key(entry)).collect();
        // Go's mapping has another type as soon as one key is no text, and talhelper does not look into it for paths.
        let is_text = |(key, entry): (&Option<Rc<str>>, &node::Entry)| {
            key.as_ref().is_some_and(|key| Rc::ptr_eq(key, &entry.key))
        };
        let all_text = keys.iter().zip(entries).all(is_text);
        let mut pairs = Vec::with_capacity(entries.len());
        for (entry, key) in entries.iter().zip(keys) {
            let Some(key) = key else { continue };
            let written = original.node.and_then(|node| node.get(&entry.key));
            let role = if all_text {
                role.below(&key)
            } else {
                Role::Text
            };
            let below = original.to(written.map(|written| written.value.as_ref()));
            pairs.push(Pair {
                at: written.map_or(original.at, |written| At::of(written.at)),
                value: self.value(&entry.value, below, role)?,
                key,
            });
        }
        Ok(pairs)
    }

    /// The key as it is written back; the same pointer if it is text. Go drops a null for a key.
    fn key(&self, entry: &node::Entry) -> Option<Rc<str>> {
        let quoted = matches!(self.text.as_bytes().get(entry.at.start), Some(b'"' | b'\''));
        if quoted {
            return Some(Rc::clone(&entry.key));
        }
        match meaning(&entry.key, Resolved::Text, true) {
            Some((Meaning::Null, _)) => None,
            Some((Meaning::Text, _)) | None => Some(Rc::clone(&entry.key)),
            Some((_, text)) => Some(Rc::from(text.as_str())),
        }
    }

    fn scalar(
        &self,
        scalar: &Scalar,
        original: Original<'_>,
        role: Role,
    ) -> Result<Plain, Mismatch> {
        let is_plain = scalar.style == Style::Plain && scalar.tag == Tag::None;
        let resolved = scalar.resolve();
        let text = scalar.as_text().ok_or(Mismatch(original.at, TAG))?;
        let (meaning, mut text) =
            meaning(&text, resolved, is_plain).ok_or(Mismatch(original.at, TAG))?;
        if text.contains('\n') && text.starts_with([' ', '\n']) {
            return Err(Mismatch(original.at, DAMAGED));
        }
        let mut as_written = matches!(
            original.node.map(|node| &node.value),
            Some(node::Value::Scalar(written)) if *written.text == *scalar.text
        );
        if meaning == Meaning::Text
            && let Some(path) = role.rewrite(&text, self.folder)
        {
            text = Zeroizing::new(path);
            as_written = false;
        }
        Ok(Plain {
            text,
            meaning,
            as_written,
        })
    }
}
