//! From the parser's events to nodes: anchors, merge keys and budgets. Pure.

use std::collections::HashMap;
use std::rc::Rc;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span};
use zeroize::Zeroizing;

use super::fault::{Composed, Fault, limit, syntax};
use super::mapping::{MERGE, Mapping};
use crate::config::node::{Entry, Node, Place, Scalar, Style, Tag, Value};

/// Most nodes in one file, merged entries counted again.
const MAX_NODES: u64 = 200_000;
/// Deepest nesting, aliases followed.
const MAX_DEPTH: usize = 64;
/// Highest cost of walking a document, aliases followed.
const MAX_WEIGHT: u64 = 64 << 20;

/// Reads one text.
pub(super) struct Composer<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    source: usize,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: u64,
}

impl<'t> Composer<'t> {
    /// At the start of `text`, which is the source number `source`.
    pub fn new(text: &'t str, source: usize) -> Self {
        let options = granit_parser::options! {
            emit_comments: false,
            block_scalar_eof_without_line_feed: true,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        Self {
            parser: Parser::new_from_str_with_options(text, options),
            source,
            anchors: HashMap::new(),
            nodes: 0,
        }
    }

    /// The next document, `None` at the end of the stream.
    pub fn document(&mut self) -> Composed<Option<Rc<Node>>> {
        loop {
            match self.next()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(..), _)) => {
                    self.anchors.clear();
                    let (event, span) = self.expect()?;
                    return self.node(event, span, 0).map(Some);
                }
                Some(_) => {}
            }
        }
    }

    fn next(&mut self) -> Composed<Option<(Event<'t>, Span)>> {
        match self.parser.next_event() {
            None => Ok(None),
            Some(Ok(found)) => Ok(Some(found)),
            Some(Err(error)) => Err(self.scan_fault(&error)),
        }
    }

    fn expect(&mut self) -> Composed<(Event<'t>, Span)> {
        let end = Place {
            source: self.source,
            line: 1,
            column: 1,
            ..Place::default()
        };
        self.next()?
            .ok_or_else(|| syntax(end, "the document ends in the middle"))
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Composed<Rc<Node>> {
        let place = self.place(span);
        self.enter(place, depth)?;
        let (anchor, value) = match event {
            Event::Alias(id) => {
                let target = self.anchors.get(&id).map(Rc::clone);
                return target
                    .ok_or_else(|| syntax(place, "the anchor contains this alias to itself"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar {
                    text: Zeroizing::new(text.into_owned()),
                    style: style_of(style),
                    tag: tag.as_deref().map_or(Tag::None, tag_of),
                };
                (anchor, Value::Scalar(scalar))
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.map(depth)?),
            _ => return Err(syntax(place, "expected a value")),
        };
        let node = Rc::new(weigh(place, value)?);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Composed<Value> {
        let mut items = Vec::new();
        loop {
            match self.expect()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Composed<Value> {
        let mut mapping = Mapping::default();
        loop {
            let (event, span) = match self.expect()? {
                (Event::MappingEnd, _) => break,
                found => found,
            };
            let at = self.place(span);
            let (key, is_merge) = self.key(event, span, depth + 1)?;
            let (event, span) = self.expect()?;
            let value = self.node(event, span, depth + 1)?;
            match key {
                Some(_) if is_merge => mapping.add_merge(at, value)?,
                Some(key) => mapping.add(Entry { key, at, value })?,
                None => return Err(syntax(at, "a key must be a scalar")),
            }
        }
        let mut spend = |nodes, at| self.spend(nodes, at);
        mapping.finish(&mut spend).map(Value::Map)
    }

    /// The text of a key, `None` if it is no scalar, and whether it is a `<<`.
    fn key(
        &mut self,
        event: Event<'t>,
        span: Span,
        depth: usize,
    ) -> Composed<(Option<Rc<str>>, bool)> {
        // Nearly all keys are this; nothing is kept of them but the text.
        if let Event::Scalar(text, style, 0, None) = &event {
            self.enter(self.place(span), depth)?;
            let is_merge = *style == ScalarStyle::Plain && text == MERGE;
            return Ok((Some(Rc::from(&**text)), is_merge));
        }
        let key = self.node(event, span, depth)?;
        let Value::Scalar(scalar) = &key.value else {
            return Ok((None, false));
        };
        let is_merge =
            *scalar.text == MERGE && scalar.style == Style::Plain && scalar.tag == Tag::None;
        Ok((Some(Rc::from(scalar.text.as_str())), is_merge))
    }

    /// Counts a node, and looks how deep it is.
    fn enter(&mut self, place: Place, depth: usize) -> Composed<()> {
        self.spend(1, place)?;
        if depth >= MAX_DEPTH {
            return Err(limit(place, "nested too deeply", "at most 64 levels"));
        }
        Ok(())
    }

    fn spend(&mut self, nodes: u64, at: Place) -> Composed<()> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(limit(at, "too many values", "at most 200000 in a file"));
        }
        Ok(())
    }

    fn place(&self, span: Span) -> Place {
        Place {
            source: self.source,
            line: u32::try_from(span.start.line()).unwrap_or(u32::MAX).max(1),
            column: u32::try_from(span.start.col()).map_or(u32::MAX, |c| c.saturating_add(1)),
            start: span.start.byte_offset().unwrap_or(0),
            end: span.end.byte_offset().unwrap_or(0),
        }
    }

    fn scan_fault(&self, error: &ScanError) -> Box<Fault> {
        let at = self.place(Span::empty(*error.marker()));
        if matches!(
            error.kind(),
            granit_parser::ErrorKind::RecursionLimitExceeded
        ) {
            return limit(at, "nested too deeply", "at most 64 levels");
        }
        syntax(at, &error.kind().to_string())
    }
}

fn weigh(place: Place, value: Value) -> Composed<Node> {
    let (depth, weight) = match &value {
        Value::Scalar(scalar) => (0, scalar.text.len() as u64),
        Value::List(items) => items.iter().fold((0, 0), |sum, item| below(sum, item)),
        Value::Map(entries) => entries.iter().fold((0, 0), |sum, entry| {
            let (depth, weight): (u32, u64) = below(sum, &entry.value);
            (depth, weight.saturating_add(entry.key.len() as u64))
        }),
    };
    let weight = weight.saturating_add(32);
    if usize::try_from(depth).is_ok_and(|depth| depth > MAX_DEPTH) {
        return Err(limit(place, "aliases nest too deeply", "at most 64 levels"));
    }
    if weight > MAX_WEIGHT {
        return Err(limit(
            place,
            "aliases multiply the content",
            "at most 64 MiB when written out",
        ));
    }
    Ok(Node {
        place,
        value,
        depth,
        weight,
    })
}

fn below((depth, weight): (u32, u64), child: &Node) -> (u32, u64) {
    (
        depth.max(child.depth + 1),
        weight.saturating_add(child.weight),
    )
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

fn tag_of(tag: &granit_parser::Tag) -> Tag {
    match tag.core_suffix() {
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some(_) => Tag::Str,
        None if tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() == Some("binary") => {
            Tag::Binary
        }
        None => Tag::Str,
    }
}
