//! A YAML document as a tree of nodes that know where they stand. Pure data, no library types.
//!
//! Owns the shape that [`super::yaml`] produces and every reader consumes. Scalars keep the text as
//! it was written, since Talos' types resolve the same text differently. It has no `Debug`: a tree
//! holds passphrases.

use std::rc::Rc;

use zeroize::Zeroizing;

/// Where something starts, and its bytes in the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Index into the sources.
    pub source: usize,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Byte offset of the first byte.
    pub start: usize,
    /// Byte offset after the last byte.
    pub end: usize,
}

/// A node; aliases share the node of their anchor.
pub(crate) struct Node {
    /// Where it stands; for an alias, where its anchor stands.
    pub place: Place,
    /// What it is.
    pub value: Value,
    /// Levels of nesting below, aliases followed.
    pub depth: u32,
    /// Cost of a full walk, aliases followed.
    pub weight: u64,
}

/// What a node is.
pub(crate) enum Value {
    /// A scalar.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Rc<Node>>),
    /// A mapping in the order of the file, merge keys expanded, keys unique.
    Map(Vec<Entry>),
}

/// A key with its value.
pub(crate) struct Entry {
    /// The key's text.
    pub key: Rc<str>,
    /// Where the key stands.
    pub at: Place,
    /// The value.
    pub value: Rc<Node>,
}

/// A scalar as it was written.
pub(crate) struct Scalar {
    /// Text after unescaping and folding.
    pub text: Zeroizing<String>,
    /// How it was written.
    pub style: Style,
    /// Its explicit tag.
    pub tag: Tag,
}

/// Notation of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: the text decides the type.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

/// Explicit tag of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// None: the style and the text decide.
    None,
    /// `!!str`, `!`, or a tag of the writer's own: text.
    Str,
    /// `!!int`.
    Int,
    /// `!!float`.
    Float,
    /// `!!bool`.
    Bool,
    /// `!!null`.
    Null,
    /// `!!binary`: base64.
    Binary,
}

impl Node {
    /// Whether it is null in any of its spellings.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// The words for messages: `a mapping`, `a list`, `a scalar`, `null`.
    pub fn shape(&self) -> &'static str {
        match &self.value {
            Value::Map(_) => "a mapping",
            Value::List(_) => "a list",
            Value::Scalar(scalar) if scalar.is_null() => "null",
            Value::Scalar(_) => "a scalar",
        }
    }

    /// The value of `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| &*entry.key == key),
            _ => None,
        }
    }
}
