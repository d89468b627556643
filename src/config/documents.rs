//! Which document is which: kinds, names, repetitions. Unknown kinds end here.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::context::{Context, Field};
use super::diagnostic::{Diagnostic, DiagnosticKind, one_line};
use super::hints;
use super::kinds::{API_VERSION, IGNORED, OWNED};
use super::nearest::nearest;
use super::node::{Node, Place, Value};

/// The kind of the old document, which does not name it.
pub(super) const V1ALPHA1: &str = "v1alpha1";

/// A document that is worth reading, with its kind.
pub(super) struct Document {
    /// One of [`OWNED`], or [`V1ALPHA1`].
    pub kind: &'static str,
    /// Its root mapping.
    pub root: Rc<Node>,
}

/// Sorts out documents: those that are read are returned, others go to [`Context::ignored`] or are reported.
pub(super) fn classify(ctx: &mut Context<'_>, roots: &[Rc<Node>]) -> Vec<Document> {
    let mut found = Vec::new();
    let mut seen: BTreeMap<(&'static str, String), Place> = BTreeMap::new();
    for root in roots.iter().filter(|root| !root.is_null()) {
        let Some(kind) = kind_of(ctx, root) else {
            continue;
        };
        let name = match kind {
            V1ALPHA1 => String::new(),
            _ => name_of(root),
        };
        if let Some(first) = seen.get(&(kind, name.clone())) {
            let first = *first;
            repeated(ctx, root, kind, &name, first);
            continue;
        }
        seen.insert((kind, name.clone()), root.place);
        if kind == V1ALPHA1 || OWNED.contains(&kind) {
            found.push(Document {
                kind,
                root: Rc::clone(root),
            });
        } else {
            let slash = if name.is_empty() { "" } else { "/" };
            ctx.ignored
                .push(format!("{API_VERSION}/{kind}{slash}{}", one_line(&name)));
        }
    }
    found
}

fn repeated(ctx: &mut Context<'_>, root: &Node, kind: &str, name: &str, first: Place) {
    let what = match name.is_empty() {
        true => format!("document {kind}"),
        false => format!("document {kind} {}", one_line(name)),
    };
    let diagnostic = Diagnostic {
        kind: DiagnosticKind::Duplicate,
        at: ctx.location(root.place),
        path: String::new(),
        message: format!("{what} is there twice"),
        found: None,
        allowed: Some(String::from("every kind and name once over all files")),
        hint: None,
        also: Some(ctx.location(first)),
    };
    ctx.report(diagnostic);
}

/// The name of a document, empty if it has none.
fn name_of(root: &Node) -> String {
    match root.get("name").map(|entry| &entry.value.value) {
        Some(Value::Scalar(scalar)) if !scalar.is_null() => scalar.text.to_string(),
        _ => String::new(),
    }
}

fn kind_of(ctx: &mut Context<'_>, root: &Rc<Node>) -> Option<&'static str> {
    let field = Field::root(root, "");
    let Value::Map(entries) = &root.value else {
        // A document of one scalar is what slipped out of another one, and may be anything.
        let field = field.hide();
        let message = format!("{} where a document must stand", root.shape());
        ctx.wrong(DiagnosticKind::NotADocument, &field, &message, "a mapping");
        return None;
    };
    let Some(kind) = field.get("kind") else {
        let is_old = ["machine", "cluster", "debug", "persist"]
            .iter()
            .any(|key| entries.iter().any(|entry| &*entry.key == *key));
        if is_old {
            return Some(V1ALPHA1);
        }
        no_kind(ctx, &field);
        return None;
    };
    let text = ctx.text(&kind)?;
    let Some(version) = field.get("apiVersion") else {
        ctx.missing(
            &field,
            "the document has no apiVersion",
            "apiVersion: v1alpha1",
        );
        return None;
    };
    if ctx.text(&version)? != API_VERSION {
        ctx.bad(&version, "unknown apiVersion", API_VERSION);
        return None;
    }
    let known = OWNED.iter().chain(&IGNORED).find(|known| **known == text);
    if known.is_none() && !ctx.is_full() {
        unknown_kind(ctx, &kind, &text);
    }
    known.copied()
}

fn no_kind(ctx: &mut Context<'_>, field: &Field<'_>) {
    let hint = field
        .entries()
        .iter()
        .find_map(|entry| hints::unknown_key("", &entry.key));
    let diagnostic = Diagnostic {
        kind: DiagnosticKind::NotADocument,
        at: ctx.location(field.node.place),
        path: String::new(),
        message: String::from("the document has no kind"),
        found: None,
        allowed: Some(String::from(
            "kind and apiVersion, or machine or cluster at the top",
        )),
        hint: hint.map(str::to_owned),
        also: None,
    };
    ctx.report(diagnostic);
}

fn unknown_kind(ctx: &mut Context<'_>, kind: &Field<'_>, text: &str) {
    let known: Vec<&str> = OWNED.iter().chain(&IGNORED).copied().collect();
    let close = nearest(text, &known);
    let diagnostic = Diagnostic {
        kind: DiagnosticKind::UnknownKind,
        at: ctx.location(kind.node.place),
        path: String::from("kind"),
        message: String::from("unknown kind"),
        found: ctx.quote(kind),
        allowed: Some(String::from(
            "a kind of document that Talos 1.10 to 1.15 has",
        )),
        hint: (!close.is_empty()).then(|| format!("did you mean {}?", close.join(" or "))),
        also: None,
    };
    ctx.report(diagnostic);
}
