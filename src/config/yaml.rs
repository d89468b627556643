//! YAML text to [`Node`] trees: the only module that touches the YAML library, but for [`super::talconfig`]'s reencoder,
//! which needs its events.
//!
//! Takes the library's event parser, not its serde half. Composing here keeps the text of every scalar,
//! the place of every key, Go's meaning of scalars ([`super::scalar`]), and errors that never quote
//! the file. Aliases share their node, so an alias bomb costs nothing until it is walked; budgets
//! bound size, nodes, depth and the cost of a walk.
//! Spec: <https://yaml.org/spec/1.2.2/>, merge keys as in <https://yaml.org/type/merge.html>.

use std::collections::HashMap;
use std::rc::Rc;

use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, Span};
use zeroize::Zeroizing;

use super::node::{Entry, Node, Place, Scalar, Style, Tag, Value};

/// Longest file, in bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;
/// Most nodes in one file, merged entries counted again.
const MAX_NODES: u64 = 200_000;
/// Deepest nesting, aliases followed.
const MAX_DEPTH: usize = 64;
/// Highest cost of walking a document, aliases followed.
const MAX_WEIGHT: u64 = 64 << 20;

/// The documents of one file, and what stopped the reading if anything did.
pub(crate) struct Stream {
    /// Documents in order; an empty one is a null node.
    pub documents: Vec<Rc<Node>>,
    /// The first error.
    pub fault: Option<Fault>,
}

/// Why a file could not be read on. Quotes nothing of it but a repeated key.
pub(crate) struct Fault {
    /// Where.
    pub at: Place,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub allowed: &'static str,
    /// What kind of fault.
    pub kind: FaultKind,
}

/// Kinds of [`Fault`].
pub(crate) enum FaultKind {
    /// Not YAML.
    Syntax,
    /// A budget is exceeded.
    Limit,
    /// A key for the second time: its text, and where it stood first.
    DuplicateKey(Rc<str>, Place),
}

/// Reads all documents of `text`, which is the source number `source`.
pub(crate) fn read(text: &str, source: usize) -> Stream {
    let mut stream = Stream {
        documents: Vec::new(),
        fault: check_text(text, source).err().map(|fault| *fault),
    };
    if stream.fault.is_some() {
        return stream;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut composer = Composer {
        parser: Parser::new_from_str_with_options(text, options),
        source,
        anchors: HashMap::new(),
        nodes: 0,
    };
    loop {
        match composer.document() {
            Ok(Some(document)) => stream.documents.push(document),
            Ok(None) => return stream,
            Err(fault) => {
                stream.fault = Some(*fault);
                return stream;
            }
        }
    }
}

/// Size and characters: what libyaml calls printable, and nothing of a binary file.
fn check_text(text: &str, source: usize) -> Composed<()> {
    let fault = |at, message, allowed, kind| {
        Box::new(Fault {
            at,
            message,
            allowed,
            kind,
        })
    };
    if text.len() > MAX_BYTES {
        let at = Place {
            source,
            line: 1,
            column: 1,
            ..Place::default()
        };
        let message = format!("the file has {} bytes", text.len());
        return Err(fault(at, message, "at most 4 MiB", FaultKind::Limit));
    }
    let (mut line, mut column) = (1, 0);
    for (start, c) in text.char_indices() {
        column += 1;
        match c {
            '\n' => (line, column) = (line + 1, 0),
            '\t' | '\r' | '\u{85}' => {}
            c if c.is_control() => {
                let at = Place {
                    source,
                    line,
                    column,
                    start,
                    end: start + c.len_utf8(),
                };
                let message = format!("control character U+{:04X}", u32::from(c));
                let allowed = "text; this looks like a binary file";
                return Err(fault(at, message, allowed, FaultKind::Syntax));
            }
            _ => {}
        }
    }
    Ok(())
}

struct Composer<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    source: usize,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: u64,
}

type Composed<T> = Result<T, Box<Fault>>;

impl<'t> Composer<'t> {
    /// The next document, `None` at the end of the stream.
    fn document(&mut self) -> Composed<Option<Rc<Node>>> {
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
        self.spend(1, place)?;
        if depth >= MAX_DEPTH {
            return Err(limit(place, "nested too deeply", "at most 64 levels"));
        }
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
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<Rc<str>, Place> = HashMap::new();
        let mut merges: Vec<Rc<Node>> = Vec::new();
        loop {
            let (event, span) = match self.expect()? {
                (Event::MappingEnd, _) => break,
                found => found,
            };
            let at = self.place(span);
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.expect()?;
            let value = self.node(event, span, depth + 1)?;
            let Value::Scalar(scalar) = &key.value else {
                return Err(syntax(at, "a key must be a scalar"));
            };
            let text: Rc<str> = Rc::from(scalar.text.as_str());
            if let Some(first) = seen.insert(Rc::clone(&text), at) {
                return Err(duplicate(at, text, first));
            }
            if &*text == "<<" && scalar.style == Style::Plain && scalar.tag == Tag::None {
                merges.push(value);
            } else {
                entries.push(Entry {
                    key: text,
                    at,
                    value,
                });
            }
        }
        for merge in merges {
            self.merge(&merge, &mut entries, &mut seen)?;
        }
        Ok(Value::Map(entries))
    }

    /// Adds what `<<` brings: keys that are written out win, earlier mappings win over later ones.
    fn merge(
        &mut self,
        from: &Node,
        entries: &mut Vec<Entry>,
        seen: &mut HashMap<Rc<str>, Place>,
    ) -> Composed<()> {
        match &from.value {
            Value::Map(brought) => {
                self.spend(brought.len() as u64, from.place)?;
                for entry in brought {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(Rc::clone(&entry.key), entry.at);
                        entries.push(Entry {
                            key: Rc::clone(&entry.key),
                            at: entry.at,
                            value: Rc::clone(&entry.value),
                        });
                    }
                }
                Ok(())
            }
            Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => items
                .iter()
                .try_for_each(|item| self.merge(item, entries, seen)),
            _ => Err(syntax(
                from.place,
                "a merge needs a mapping, or a list of mappings",
            )),
        }
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

fn syntax(at: Place, message: &str) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: format!("not valid YAML: {message}"),
        allowed: "YAML as Talos reads it",
        kind: FaultKind::Syntax,
    })
}

fn limit(at: Place, message: &str, allowed: &'static str) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: message.to_owned(),
        allowed,
        kind: FaultKind::Limit,
    })
}

fn duplicate(at: Place, key: Rc<str>, first: Place) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: String::from("the key is there twice"),
        allowed: "every key once in a mapping",
        kind: FaultKind::DuplicateKey(key, first),
    })
}
