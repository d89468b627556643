//! YAML read and written anew without its comments, byte for byte as Go's yaml.v3 does with an indent of two.
//!
//! talhelper does this to every text before it replaces variables, so the bytes matter: the content of a file for the
//! machine comes out of it, and a plain text of several lines comes out as one. Owns the order of the events; the
//! notation of a scalar is the business of [`scalar`].
//! Spec: <https://github.com/go-yaml/yaml/blob/v3.0.1/emitterc.go>.

mod emitter;
mod marshal;
mod scalar;

use std::collections::HashMap;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, Span, StructureStyle};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::yaml::MAX_BYTES;
use emitter::Emitter;
pub(crate) use marshal::marshalled;
use scalar::Notation;

/// Deepest nesting, as for every configuration.
const MAX_DEPTH: usize = 64;
/// Most events in one text.
const MAX_EVENTS: usize = 500_000;

/// Why a text cannot be written anew.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReencodeError {
    /// Not YAML.
    #[error("not valid YAML at line {line}, column {column}: {message}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// Nothing but comments and blanks, for which yaml.v3 has no notation.
    #[error("there is nothing in it but comments")]
    Empty,
    /// A budget is exceeded.
    #[error("it is larger or deeper than a configuration can be")]
    Limit,
    /// The name of an anchor that yaml.v3 does not write.
    #[error("the name of an anchor may have letters, digits, `-` and `_` only")]
    Anchor,
}

/// What a document consists of.
enum Item {
    Alias(String),
    Scalar(Scalar),
    ListStart(Properties),
    ListEnd,
    MapStart(Properties),
    MapEnd,
}

/// A scalar with everything that its notation follows from.
struct Scalar {
    value: Zeroizing<String>,
    notation: Notation,
    properties: Properties,
}

/// What stands before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    /// The whole tag, unless it says nothing.
    tag: Option<String>,
    /// In brackets or braces.
    flow: bool,
}

/// Reads `text` and writes it anew.
///
/// # Errors
/// [`ReencodeError`].
pub(crate) fn reencode(text: &str) -> Result<Zeroizing<String>, ReencodeError> {
    if text.len() > MAX_BYTES {
        return Err(ReencodeError::Limit);
    }
    let documents = read(text)?;
    if documents.is_empty() {
        return Err(ReencodeError::Empty);
    }
    let mut emitter = Emitter::default();
    for document in &documents {
        emitter.document(document);
    }
    Ok(emitter.finish())
}

fn read(text: &str) -> Result<Vec<Vec<Item>>, ReencodeError> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut reader = Reader::default();
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            syntax(at.line(), at.col(), error.kind().to_string())
        })?;
        reader.take(event, span)?;
    }
    Ok(reader.documents)
}

fn syntax(line: usize, column: usize, message: String) -> ReencodeError {
    ReencodeError::Syntax {
        line: line.max(1),
        column: column + 1,
        message,
    }
}

#[derive(Default)]
struct Reader {
    documents: Vec<Vec<Item>>,
    /// Anchors by the parser's numbers.
    names: HashMap<usize, String>,
    events: usize,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), ReencodeError> {
        self.events += 1;
        if self.events > MAX_EVENTS {
            return Err(ReencodeError::Limit);
        }
        let item = match event {
            Event::DocumentStart(..) => {
                self.documents.push(Vec::new());
                return Ok(());
            }
            Event::Anchor(id, name) => return self.name(id, &name),
            Event::Alias(id) => {
                let name = self.names.get(&id).cloned();
                let at = span.start;
                Item::Alias(name.ok_or_else(|| {
                    syntax(
                        at.line(),
                        at.col(),
                        String::from("an alias without an anchor"),
                    )
                })?)
            }
            Event::Scalar(value, style, _, tag) => {
                // The parser has a word for what is not there.
                let is_absent = span.start.byte_offset() == span.end.byte_offset();
                let value = match style {
                    ScalarStyle::Plain if is_absent => String::new(),
                    _ => value.into_owned(),
                };
                Item::Scalar(Scalar {
                    notation: notation(style),
                    value: Zeroizing::new(value),
                    properties: properties(tag.as_deref(), false),
                })
            }
            Event::SequenceStart(style, _, tag) => {
                Item::ListStart(properties(tag.as_deref(), style == StructureStyle::Flow))
            }
            Event::MappingStart(style, _, tag) => {
                Item::MapStart(properties(tag.as_deref(), style == StructureStyle::Flow))
            }
            Event::SequenceEnd => Item::ListEnd,
            Event::MappingEnd => Item::MapEnd,
            _ => return Ok(()),
        };
        if let Some(document) = self.documents.last_mut() {
            document.push(item);
        }
        Ok(())
    }

    /// Gives the last item the name of its anchor.
    fn name(&mut self, id: usize, name: &str) -> Result<(), ReencodeError> {
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        {
            return Err(ReencodeError::Anchor);
        }
        self.names.insert(id, name.to_owned());
        let last = self.documents.last_mut().and_then(|items| items.last_mut());
        match last {
            Some(Item::Scalar(Scalar { properties, .. }))
            | Some(Item::ListStart(properties) | Item::MapStart(properties)) => {
                properties.anchor = Some(name.to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

fn properties(tag: Option<&granit_parser::Tag>, flow: bool) -> Properties {
    let whole = tag.map(|tag| format!("{}{}", tag.handle(), tag.suffix()));
    Properties {
        anchor: None,
        tag: whole.filter(|tag| !tag.is_empty() && tag != "!"),
        flow,
    }
}

fn notation(style: ScalarStyle) -> Notation {
    match style {
        ScalarStyle::Plain => Notation::Plain,
        ScalarStyle::SingleQuoted => Notation::Single,
        ScalarStyle::DoubleQuoted => Notation::Double,
        ScalarStyle::Literal => Notation::Literal,
        ScalarStyle::Folded => Notation::Folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_go_and_the_notation_of_values_stays() {
        for (text, wanted) in [
            ("a:   1 # one\n# two\nb: 'x'\n", "a: 1\nb: 'x'\n"),
            ("A=1\nB=2\n", "A=1 B=2\n"),
            ("a:\n- 1\n-  - 2\n   - 3\n", "a:\n  - 1\n  - - 2\n    - 3\n"),
            ("a: [1,  2, {b: c}]\n", "a: [1, 2, {b: c}]\n"),
            ("a: |\n    x\n     y\n", "a: |\n  x\n   y\n"),
            ("a: |-\n  x\nb: |+\n  y\n\n", "a: |-\n  x\nb: |+\n  y\n\n"),
            ("a: >\n  x\n  y\n\n  z\n", "a: >\n  x y\n\n  z\n\n"),
            ("---\na: &x {b: 1}\nc: *x\n", "a: &x {b: 1}\nc: *x\n"),
            ("a\n---\nb\n", "a\n---\nb\n"),
            ("a: !!int '1'\nb: !foo c\n", "a: !!int '1'\nb: !foo c\n"),
            ("a: \"\\u00e9\\n\"\n", "a: \"é\\n\"\n"),
            ("- a: 1\n  b:\n  - c\n", "- a: 1\n  b:\n    - c\n"),
            ("a:\n", "a:\n"),
        ] {
            let found = reencode(text);
            assert_eq!(found.as_deref().map(String::as_str), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_or_nothing_is_refused() {
        for text in ["[section]\na=1\n", "# only\n", "", "a: [", "&ü a", "*x"] {
            assert!(reencode(text).is_err(), "{text}");
        }
    }
}
