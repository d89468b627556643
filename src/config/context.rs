//! Typed access to nodes, and the one place where diagnostics are made.
//!
//! Readers of a section ask for a mapping with the keys they know, and for fields of a type. What does not fit becomes
//! a diagnostic, and reading goes on, so that one run finds every mistake. Text is quoted only through
//! [`Context::quote`], which knows where secrets may stand.

use std::cell::OnceCell;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::Source;
use super::diagnostic::{Diagnostic, DiagnosticKind, one_line};
use super::expression::Expressions;
pub(crate) use super::field::Field;
use super::hints;
use super::nearest::nearest;
use super::node::{Entry, Node, Place, Scalar, Value};
use super::spec::Location;
use super::taint::Taint;

/// Most diagnostics that are kept; more help nobody.
const MAX_DIAGNOSTICS: usize = 100;

/// What reading collects besides the values.
pub(crate) struct Context<'s> {
    sources: &'s [Source<'s>],
    taints: Vec<OnceCell<Taint>>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// What is accepted but deserves a word.
    pub warnings: Vec<(Location, String)>,
    /// Documents and sections that were passed over.
    pub ignored: Vec<String>,
    /// What parsing expressions has cost so far.
    pub expressions: Expressions,
}

impl<'s> Context<'s> {
    /// Nothing collected yet.
    pub fn new(sources: &'s [Source<'s>]) -> Self {
        Self {
            sources,
            taints: sources.iter().map(|_| OnceCell::new()).collect(),
            diagnostics: Vec::new(),
            warnings: Vec::new(),
            ignored: Vec::new(),
            expressions: Expressions::default(),
        }
    }

    /// The same for files in which no secret has a place.
    pub fn without_secrets(sources: &'s [Source<'s>]) -> Self {
        let mut ctx = Self::new(sources);
        ctx.taints.fill_with(|| OnceCell::from(Taint::default()));
        ctx
    }

    /// The text of the source that `place` is in.
    pub fn source_text(&self, place: Place) -> &'s str {
        self.sources
            .get(place.source)
            .map_or("", |source| source.text)
    }

    /// `place` for people.
    pub fn location(&self, place: Place) -> Location {
        Location {
            file: self
                .sources
                .get(place.source)
                .map_or_else(String::new, |s| s.name.to_owned()),
            line: place.line,
            column: place.column,
        }
    }

    /// Whether the lines of `place` may hold a secret.
    pub fn is_tainted(&self, place: Place) -> bool {
        let Some(cell) = self.taints.get(place.source) else {
            return true;
        };
        let text = self.source_text(place);
        let taint = cell.get_or_init(|| Taint::of(text));
        let body = text.get(place.start..place.end).unwrap_or("");
        let more = body.matches(['\n', '\r']).count();
        taint.holds(
            place.line,
            place
                .line
                .saturating_add(u32::try_from(more).unwrap_or(u32::MAX)),
        )
    }

    /// The text of a scalar for a message: one line, shortened; `None` where a secret may stand.
    pub fn quote(&self, field: &Field<'_>) -> Option<String> {
        match &field.node.value {
            Value::Scalar(scalar) if !field.hidden && !self.is_tainted(field.node.place) => {
                Some(one_line(&scalar.text))
            }
            _ => None,
        }
    }

    /// Whether further diagnostics are dropped, so that making them is a waste.
    pub fn is_full(&self) -> bool {
        self.diagnostics.len() >= MAX_DIAGNOSTICS
    }

    /// Adds a diagnostic; readers mostly use the shorter forms below.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if !self.is_full() {
            self.diagnostics.push(diagnostic);
        }
    }

    /// A diagnostic of `kind` at `field` that quotes its value.
    pub fn wrong(&mut self, kind: DiagnosticKind, field: &Field<'_>, message: &str, allowed: &str) {
        let diagnostic = Diagnostic {
            kind,
            at: self.location(field.node.place),
            path: field.path.clone(),
            message: message.to_owned(),
            found: self.quote(field),
            allowed: (!allowed.is_empty()).then(|| allowed.to_owned()),
            hint: None,
            also: None,
        };
        self.report(diagnostic);
    }

    /// A value that is not allowed.
    pub fn bad(&mut self, field: &Field<'_>, message: &str, allowed: &str) {
        self.wrong(DiagnosticKind::BadValue, field, message, allowed);
    }

    /// Something required below `field` is not there.
    pub fn missing(&mut self, field: &Field<'_>, message: &str, allowed: &str) {
        let at = self.location(field.node.place);
        self.plain(
            DiagnosticKind::Missing,
            at,
            &field.path,
            message,
            allowed,
            None,
        );
    }

    /// Two places that exclude each other.
    pub fn conflict(
        &mut self,
        at: Location,
        path: &str,
        message: &str,
        allowed: &str,
        also: Location,
    ) {
        self.plain(
            DiagnosticKind::Conflict,
            at,
            path,
            message,
            allowed,
            Some(also),
        );
    }

    fn plain(
        &mut self,
        kind: DiagnosticKind,
        at: Location,
        path: &str,
        message: &str,
        allowed: &str,
        also: Option<Location>,
    ) {
        self.report(Diagnostic {
            kind,
            at,
            path: path.to_owned(),
            message: message.to_owned(),
            found: None,
            allowed: (!allowed.is_empty()).then(|| allowed.to_owned()),
            hint: None,
            also,
        });
    }

    /// Something that is accepted but deserves a word.
    pub fn warn(&mut self, field: &Field<'_>, message: String) {
        if self.warnings.len() < MAX_DIAGNOSTICS {
            self.warnings
                .push((self.location(field.node.place), message));
        }
    }

    /// `field` as a mapping whose keys are all in `known`; `None` if it is something else.
    /// Unknown keys are reported and passed over.
    pub fn map<'n>(&mut self, field: Field<'n>, known: &[&str]) -> Option<Field<'n>> {
        if !self.is_map(&field) {
            return None;
        }
        for entry in field.entries() {
            if !known.contains(&&*entry.key) && !self.is_full() {
                self.unknown_key(&field, entry, known);
            }
        }
        Some(field)
    }

    /// Whether `field` is a mapping; reports it if not.
    pub fn is_map(&mut self, field: &Field<'_>) -> bool {
        let fits = matches!(field.node.value, Value::Map(_));
        if !fits {
            let message = format!("{} where a mapping must stand", field.node.shape());
            self.wrong(DiagnosticKind::WrongType, field, &message, "a mapping");
        }
        fits
    }

    fn unknown_key(&mut self, field: &Field<'_>, entry: &Entry, known: &[&str]) {
        let close = nearest(&entry.key, known);
        let hidden = field.hidden || self.is_tainted(entry.at);
        let showable = !hidden || !close.is_empty();
        let hint = match (close.is_empty(), showable) {
            (false, _) => Some(format!("did you mean {}?", close.join(" or "))),
            (true, true) => hints::unknown_key(&field.path, &entry.key).map(str::to_owned),
            (true, false) => None,
        };
        let message = if showable {
            "unknown key"
        } else {
            "unknown key, not shown because a secret may stand near it"
        };
        self.report(Diagnostic {
            kind: DiagnosticKind::UnknownKey,
            at: self.location(entry.at),
            path: field.path.clone(),
            message: message.to_owned(),
            found: showable.then(|| one_line(&entry.key)),
            allowed: Some(if known.is_empty() {
                String::from("no keys at all")
            } else {
                known.join(", ")
            }),
            hint,
            also: None,
        });
    }

    /// The items of a list; empty and reported if it is something else.
    pub fn list<'n>(&mut self, field: &Field<'n>) -> Vec<Field<'n>> {
        let Value::List(items) = &field.node.value else {
            let message = format!("{} where a list must stand", field.node.shape());
            self.wrong(DiagnosticKind::WrongType, field, &message, "a list");
            return Vec::new();
        };
        let item = |(i, node): (usize, &'n Rc<Node>)| Field {
            node,
            path: format!("{}[{i}]", field.path),
            hidden: field.hidden,
        };
        items.iter().enumerate().map(item).collect()
    }

    fn scalar<'n>(&mut self, field: &Field<'n>, allowed: &str) -> Option<&'n Scalar> {
        match &field.node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => {
                let message = format!("{} where a single value must stand", field.node.shape());
                self.wrong(DiagnosticKind::WrongType, field, &message, allowed);
                None
            }
        }
    }

    /// Text, which may be a secret.
    pub fn secret(&mut self, field: &Field<'_>) -> Option<Zeroizing<String>> {
        let text = self.scalar(field, "text")?.as_text();
        if text.is_none() {
            self.wrong(DiagnosticKind::WrongType, field, "not text", "text");
        }
        text
    }

    /// Text.
    pub fn text(&mut self, field: &Field<'_>) -> Option<String> {
        self.secret(field).map(|text| text.to_string())
    }

    /// Text below `field`; an empty one is none, as in Go.
    pub fn text_at(&mut self, field: &Field<'_>, key: &str) -> Option<String> {
        let field = field.get(key)?;
        self.text(&field).filter(|text| !text.is_empty())
    }

    /// A boolean.
    pub fn flag(&mut self, field: &Field<'_>) -> Option<bool> {
        let flag = self.scalar(field, "true or false")?.as_bool();
        if flag.is_none() {
            self.wrong(
                DiagnosticKind::WrongType,
                field,
                "not a boolean",
                "true or false",
            );
        }
        flag
    }

    /// A boolean below `field`.
    pub fn flag_at(&mut self, field: &Field<'_>, key: &str) -> Option<bool> {
        let field = field.get(key)?;
        self.flag(&field)
    }

    /// A whole number from 0 to `max`.
    pub fn number(&mut self, field: &Field<'_>, max: u64) -> Option<u64> {
        let allowed = format!("a whole number from 0 to {max}");
        let Some(number) = self.scalar(field, &allowed)?.as_int() else {
            self.wrong(
                DiagnosticKind::WrongType,
                field,
                "not a whole number",
                &allowed,
            );
            return None;
        };
        let fits = u64::try_from(number).ok().filter(|number| *number <= max);
        if fits.is_none() {
            self.bad(field, &format!("{number} is out of range"), &allowed);
        }
        fits
    }

    /// The texts of a list; nulls are passed over, as Go does.
    pub fn texts(&mut self, field: &Field<'_>) -> Vec<(String, Location)> {
        let mut texts = Vec::new();
        for item in self.list(field) {
            if !item.node.is_null()
                && let Some(text) = self.text(&item)
            {
                texts.push((text, self.location(item.node.place)));
            }
        }
        texts
    }
}
