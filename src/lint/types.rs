//! What Talos cannot decode: keys and kinds that it does not have, values of another type.
//!
//! Pure. The types are those of [`crate::config::schema`], which come from Talos; this says where and what to do.

use std::rc::Rc;

use super::catalogue::reading;
use super::finding::{Finding, Sink};
use super::part::{Part, below, text};
use super::unit::Facts;
use super::version::{newest, shown, since};
use crate::config::hints;
use crate::config::kinds::{IGNORED, MACHINE_KEYS, OWNED};
use crate::config::node::{Entry, Node, Value};
use crate::config::patch::{LoadError, Problem, Wrong, refusal};

/// Checks a document.
pub(super) fn check(part: &Part<'_>, root: &Rc<Node>, facts: &Facts, sink: &mut Sink) {
    newer(part, root, facts, sink);
    let Some(refused) = refusal(root) else {
        return;
    };
    let here = part.at(root.place);
    match refused {
        LoadError::Document { problems, .. } => {
            for problem in &problems {
                sink.add_some(of_problem(part, problem));
            }
        }
        LoadError::UnknownKind { kind, near, .. } => {
            if OWNED.contains(&&*kind) || IGNORED.contains(&&*kind) {
                return;
            }
            let at = root
                .get("kind")
                .map_or(here, |entry| part.at(entry.value.place));
            let message = format!("Talos has no kind {kind}");
            let finding = Finding::new(&reading::UNKNOWN_KIND, at, message);
            sink.add(match near[..] {
                [] => finding,
                _ => finding.fix(format!("did you mean {}?", near.join(" or "))),
            });
        }
        LoadError::Delete { line, path, why } => {
            let message = format!("$patch: delete at {path}: {why}");
            let finding = Finding::new(&reading::WRONG_TYPE, part.line_at(line, 1), message);
            sink.add(finding.fix("delete the document, the list or the mapping that it is in"));
        }
        LoadError::NoKind { .. } => no_document(here, "the document has no kind", sink),
        LoadError::NoApiVersion { .. } => no_document(here, "the document has no apiVersion", sink),
        LoadError::NotADocument { shape, .. } => {
            no_document(here, &format!("{shape} where a document must stand"), sink);
        }
        _ => {}
    }
}

fn no_document(at: crate::config::spec::Location, message: &str, sink: &mut Sink) {
    sink.add(Finding::new(&reading::NO_DOCUMENT, at, message));
}

/// `None` where the value depends on a variable.
fn of_problem(part: &Part<'_>, problem: &Problem) -> Option<Finding> {
    let at = part.line_at(problem.line, problem.column);
    let open = part.is_open(problem.line);
    let (rule, message) = match &problem.wrong {
        Wrong::UnknownKey(near) => return Some(unknown_key(part, problem, near)),
        _ if open => return None,
        Wrong::Shape(wanted, found) => (
            &reading::WRONG_TYPE,
            format!("{found} where {wanted} must stand"),
        ),
        Wrong::Value(allowed) => (&reading::WRONG_TYPE, format!("not {}", allowed.trim())),
        Wrong::Null => (&reading::WRONG_TYPE, "null as an element".to_owned()),
    };
    let place = match &*problem.path {
        "" => "the document",
        path => path,
    };
    Some(Finding::new(rule, at, format!("{place}: {message}")))
}

fn unknown_key(part: &Part<'_>, problem: &Problem, near: &[&str]) -> Finding {
    let at = part.line_at(problem.line, problem.column);
    let (parent, key) = problem.path.rsplit_once('.').unwrap_or(("", &problem.path));
    let place = match parent {
        "" => "the document".to_owned(),
        parent => parent.to_owned(),
    };
    if part.is_tainted(problem.line) && near.is_empty() {
        let message = format!("{place} does not have this key");
        return Finding::new(&reading::UNKNOWN_KEY, at, message);
    }
    let finding = Finding::new(
        &reading::UNKNOWN_KEY,
        at,
        format!("{place} has no key {key}"),
    );
    if let Some(hint) = hints::unknown_key(parent, key) {
        return finding.fix(hint);
    }
    if !near.is_empty() {
        return finding.fix(format!("did you mean {}?", near.join(" or ")));
    }
    if MACHINE_KEYS.contains(&key) && parent != "machine" {
        return finding.fix(format!("{key} belongs directly below machine"));
    }
    finding
}

/// A kind that the release does not have yet.
fn newer(part: &Part<'_>, root: &Node, facts: &Facts, sink: &mut Sink) {
    let (Some(version), Some(kind)) = (facts.version, root.get("kind")) else {
        return;
    };
    let Some(name) = text(&kind.value) else {
        return;
    };
    if let Some(first) = since(name)
        && first > version
        && first <= newest()
    {
        let message = format!("Talos {} does not have {name} yet", shown(version));
        sink.add(Finding::new(
            &reading::NEWER_KIND,
            part.at(kind.value.place),
            message,
        ));
    }
}

/// The operations of an RFC 6902 patch, each as the piece of the old document that it puts there.
pub(super) fn operations(root: &Node) -> Vec<Rc<Node>> {
    let Value::List(operations) = &root.value else {
        return Vec::new();
    };
    operations.iter().filter_map(|it| operation(it)).collect()
}

fn operation(operation: &Node) -> Option<Rc<Node>> {
    let path = below(operation, &["path"])?;
    let pointer = text(path)?.strip_prefix('/')?;
    let steps: Vec<String> = pointer
        .split('/')
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    if !matches!(&*steps[0], "machine" | "cluster") || steps.len() > MOST_STEPS {
        return None;
    }
    let mut node = match operation.get("value") {
        Some(value) => Rc::clone(&value.value),
        None => Rc::new(null(path)),
    };
    for step in steps.iter().rev() {
        let value = if step == "-" || step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty() {
            Value::List(vec![node])
        } else {
            Value::Map(vec![Entry {
                key: Rc::from(&**step),
                at: path.place,
                value: node,
            }])
        };
        node = Rc::new(around(path, value));
    }
    Some(node)
}

/// Deepest place that an operation is checked at.
const MOST_STEPS: usize = 32;

fn around(path: &Node, value: Value) -> Node {
    Node {
        place: path.place,
        value,
        depth: 0,
        weight: 0,
    }
}

fn null(path: &Node) -> Node {
    use crate::config::node::{Scalar, Style, Tag};
    let scalar = Scalar {
        text: zeroize::Zeroizing::new("null".to_owned()),
        style: Style::Plain,
        tag: Tag::None,
    };
    around(path, Value::Scalar(scalar))
}
