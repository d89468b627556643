//! The layout of a document: indents, indicators, and which collections go on one line.
//!
//! The fields are those of libyaml's emitter, for the text depends on them at every step: whether a blank is due, whether
//! nothing but indicators stands on the line so far.

use zeroize::Zeroizing;

use super::scalar::{Analysis, Context, Notation};
use super::{Item, Properties, Scalar};

/// Columns of one level unless somebody wants others.
const STEP: usize = 2;
/// The longest key that may stand before its colon on one line, in bytes.
const LONGEST_KEY: usize = 128;

/// What a node is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    Root,
    BlockList,
    Other,
}

/// Writes documents.
pub(super) struct Emitter {
    pub(super) out: Zeroizing<String>,
    /// Characters on the line so far.
    column: usize,
    /// A blank has just been written, or none is wanted.
    pub(super) whitespace: bool,
    /// Nothing but indents and indicators on the line so far.
    pub(super) indention: bool,
    /// `None` outside of everything.
    indent: Option<usize>,
    pub(super) step: usize,
    flow: usize,
    documents: usize,
}

impl Default for Emitter {
    fn default() -> Self {
        Self {
            out: Zeroizing::default(),
            column: 0,
            whitespace: true,
            indention: true,
            indent: None,
            step: STEP,
            flow: 0,
            documents: 0,
        }
    }
}

impl Emitter {
    /// One with so many columns for a level.
    pub fn with_step(step: usize) -> Self {
        Self {
            step,
            ..Self::default()
        }
    }

    /// Writes the next document.
    pub fn document(&mut self, items: &[Item]) {
        if self.documents > 0 {
            self.write_indent();
            self.indicator("---", true, false, false);
            self.write_indent();
        }
        self.documents += 1;
        if !items.is_empty() {
            self.node(items, 0, Parent::Root, false);
        }
        self.write_indent();
    }

    /// The text.
    pub fn finish(self) -> Zeroizing<String> {
        self.out
    }

    /// Writes the node that starts at `at`; the index after it.
    fn node(&mut self, items: &[Item], at: usize, parent: Parent, is_key: bool) -> usize {
        match &items[at] {
            Item::Alias(name) => {
                self.name('*', name);
                at + 1
            }
            Item::Scalar(scalar) => {
                self.scalar(scalar, parent, is_key);
                at + 1
            }
            Item::ListStart(properties) => {
                self.properties(properties);
                let is_empty = matches!(items.get(at + 1), Some(Item::ListEnd) | None);
                if self.flow > 0 || properties.flow || is_empty {
                    self.flow_list(items, at + 1, parent)
                } else {
                    self.block_list(items, at + 1, parent)
                }
            }
            Item::MapStart(properties) => {
                self.properties(properties);
                let is_empty = matches!(items.get(at + 1), Some(Item::MapEnd) | None);
                if self.flow > 0 || properties.flow || is_empty {
                    self.flow_map(items, at + 1, parent)
                } else {
                    self.block_map(items, at + 1, parent)
                }
            }
            Item::ListEnd | Item::MapEnd => at + 1,
        }
    }

    fn block_list(&mut self, items: &[Item], mut at: usize, parent: Parent) -> usize {
        let outer = self.enter(false, parent);
        while !matches!(items.get(at), Some(Item::ListEnd) | None) {
            self.write_indent();
            self.indicator("-", true, false, true);
            at = self.node(items, at, Parent::BlockList, false);
        }
        self.indent = outer;
        at + 1
    }

    fn block_map(&mut self, items: &[Item], mut at: usize, parent: Parent) -> usize {
        let outer = self.enter(false, parent);
        while !matches!(items.get(at), Some(Item::MapEnd) | None) {
            self.write_indent();
            if is_simple_key(items, at) {
                at = self.node(items, at, Parent::Other, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                at = self.node(items, at, Parent::Other, false);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            at = self.node(items, at, Parent::Other, false);
        }
        self.indent = outer;
        at + 1
    }

    fn flow_list(&mut self, items: &[Item], mut at: usize, parent: Parent) -> usize {
        self.indicator("[", true, true, false);
        let outer = self.enter(true, parent);
        self.flow += 1;
        let first = at;
        while !matches!(items.get(at), Some(Item::ListEnd) | None) {
            if at > first {
                self.indicator(",", false, false, false);
            }
            if self.column == 0 {
                self.write_indent();
            }
            at = self.node(items, at, Parent::Other, false);
        }
        self.flow -= 1;
        self.indent = outer;
        if self.column == 0 {
            self.write_indent();
        }
        self.indicator("]", false, false, false);
        at + 1
    }

    fn flow_map(&mut self, items: &[Item], mut at: usize, parent: Parent) -> usize {
        self.indicator("{", true, true, false);
        let outer = self.enter(true, parent);
        self.flow += 1;
        let first = at;
        while !matches!(items.get(at), Some(Item::MapEnd) | None) {
            if at > first {
                self.indicator(",", false, false, false);
            }
            if self.column == 0 {
                self.write_indent();
            }
            if is_simple_key(items, at) {
                at = self.node(items, at, Parent::Other, true);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, false);
                at = self.node(items, at, Parent::Other, false);
                self.indicator(":", true, false, false);
            }
            at = self.node(items, at, Parent::Other, false);
        }
        self.flow -= 1;
        self.indent = outer;
        self.indicator("}", false, false, false);
        at + 1
    }

    /// One level deeper; the level to go back to.
    fn enter(&mut self, flow: bool, parent: Parent) -> Option<usize> {
        let outer = self.indent;
        self.indent = Some(match outer {
            None if flow => self.step,
            None => 0,
            Some(indent) if parent == Parent::BlockList => indent + 2,
            Some(indent) => self.step * ((indent + self.step) / self.step),
        });
        outer
    }

    fn scalar(&mut self, scalar: &Scalar, parent: Parent, is_key: bool) {
        let analysis = Analysis::of(&scalar.value);
        let context = if self.flow > 0 {
            Context::Flow
        } else {
            Context::Block
        };
        // A plain text of several lines would otherwise lose its breaks.
        let written = match scalar.notation {
            Notation::Plain if scalar.value.contains('\n') => Notation::Literal,
            other => other,
        };
        let notation = analysis.notation(written, context, is_key);
        self.properties(&scalar.properties);
        let outer = self.enter(true, parent);
        match notation {
            Notation::Plain => self.plain(&scalar.value),
            Notation::Single => self.single(&scalar.value),
            Notation::Double => self.double(&scalar.value),
            Notation::Literal => self.literal(&scalar.value),
            Notation::Folded => self.folded(&scalar.value),
        }
        self.indent = outer;
    }

    fn properties(&mut self, properties: &Properties) {
        if let Some(anchor) = &properties.anchor {
            self.name('&', anchor);
        }
        let Some(tag) = &properties.tag else { return };
        if let Some(suffix) = tag.strip_prefix('!') {
            self.indicator("!", true, false, false);
            self.tag(suffix);
        } else if let Some(suffix) = tag.strip_prefix("tag:yaml.org,2002:") {
            self.indicator("!!", true, false, false);
            self.tag(suffix);
        } else {
            self.indicator("!<", true, false, false);
            self.tag(tag);
            self.indicator(">", false, false, false);
        }
    }

    fn tag(&mut self, text: &str) {
        for byte in text.bytes() {
            let c = char::from(byte);
            if c.is_ascii_alphanumeric() || ";/?:@&=+$,_.~*'()[]-".contains(c) {
                self.put(c);
            } else {
                format!("%{byte:02X}").chars().for_each(|c| self.put(c));
            }
        }
        self.whitespace = false;
        self.indention = false;
    }

    fn name(&mut self, mark: char, name: &str) {
        self.indicator(mark.encode_utf8(&mut [0; 4]), true, false, false);
        name.chars().for_each(|c| self.put(c));
    }

    pub(super) fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    pub(super) fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.indention = true;
    }

    /// A break of the text, which need not be a line feed.
    pub(super) fn text_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
        self.indention = true;
    }

    pub(super) fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        let is_past = self.column > indent || (self.column == indent && !self.whitespace);
        if !self.indention || is_past {
            self.line_break();
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
    }

    pub(super) fn indicator(
        &mut self,
        text: &str,
        blank_before: bool,
        is_blank: bool,
        is_indention: bool,
    ) {
        if blank_before && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = is_blank;
        self.indention &= is_indention;
    }
}

/// Whether the node at `at` can stand before a colon on its line.
fn is_simple_key(items: &[Item], at: usize) -> bool {
    let length = |properties: &Properties| {
        let anchor = properties.anchor.as_ref().map_or(0, String::len);
        anchor + properties.tag.as_ref().map_or(0, |tag| tag_length(tag))
    };
    let length = match (&items[at], items.get(at + 1)) {
        (Item::Alias(name), _) => name.len(),
        (Item::Scalar(scalar), _) if Analysis::of(&scalar.value).multiline => return false,
        (Item::Scalar(scalar), _) => length(&scalar.properties) + scalar.value.len(),
        (Item::ListStart(properties), Some(Item::ListEnd))
        | (Item::MapStart(properties), Some(Item::MapEnd)) => length(properties),
        _ => return false,
    };
    length <= LONGEST_KEY
}

/// The length of a tag as it is written, handle and suffix.
fn tag_length(tag: &str) -> usize {
    let suffix = tag.strip_prefix("tag:yaml.org,2002:");
    suffix.map_or(tag.len(), |suffix| suffix.len() + 2)
}
