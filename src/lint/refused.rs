//! What Talos' validation refuses, as findings with a place: of a configuration in a file, and of the rendered nodes of a
//! talconfig.yaml. Pure.

use std::rc::Rc;

use super::catalogue::validation as rules;
use super::finding::{Finding, Sink};
use super::made::Made;
use super::part::{Part, text};
use super::rendered::RenderedNode;
use super::rule::Level;
use super::shared::Shared;
use super::talos::{self, Refusal, Step};
use crate::config::node::{Node, Place, Value};
use crate::config::patch::{LoadError, MachineConfig};
use crate::config::spec::Location;

/// Checks a configuration that is in a file, of whose documents everything else was said already.
pub(super) fn config(part: &Part<'_>, sink: &mut Sink) {
    let refused = match MachineConfig::read(part.text()) {
        Ok(config) => talos::check(&config),
        Err(error) => {
            if is_about_several(&error) {
                let finding = Finding::new(&rules::TOGETHER, part.line_at(1, 1), error.to_string());
                sink.add(finding);
            }
            return;
        }
    };
    let roots = in_order(&part.documents);
    let mut findings = Vec::new();
    for refusal in refused {
        let Some(root) = roots.get(refusal.document) else {
            continue;
        };
        let (place, _) = place(root, &refusal.path);
        // A template or a variable stands there: what it comes to is not known.
        let known = !part.is_open(place.line);
        let at = part.at(place);
        let said = refusal.rule.level == Level::Error && sink.has_error_at(&at.file, at.line);
        if known && !said {
            findings.push(Finding::new(refusal.rule, at, refusal.message));
        }
    }
    for finding in findings {
        sink.add(finding);
    }
}

/// Checks the nodes of a talconfig.yaml, each finding once for all nodes that have it; `make` tells what a node is made of.
pub(super) fn nodes<'n>(
    nodes: &'n [RenderedNode],
    make: &dyn Fn(&'n RenderedNode) -> Made<'n>,
    sink: &mut Sink,
) {
    let mut found = Shared::default();
    for node in nodes {
        let Ok(config) = &node.config else { continue };
        let refused = talos::check(config);
        if refused.is_empty() {
            continue;
        }
        let made = make(node);
        for refusal in refused {
            let written = written(&made, &refusal);
            let is_placed = written.is_some();
            let at = written.unwrap_or_else(|| made.layers.at.clone());
            let finding = Finding::new(refusal.rule, at, refusal.message);
            found.add(finding, is_placed, &node.hostname);
        }
    }
    for of_nodes in found.into_each() {
        sink.add(of_nodes.named());
    }
}

/// Where what is refused was written; of what is missing there is no such place.
fn written(made: &Made<'_>, refusal: &Refusal) -> Option<Location> {
    let roots = in_order(made.documents());
    let (place, is_there) = place(roots.get(refusal.document)?, &refusal.path);
    is_there.then(|| made.find(place.line, place.column)?.at)?
}

/// Whether it is about documents beside each other, and not about one of them.
fn is_about_several(error: &LoadError) -> bool {
    matches!(
        error,
        LoadError::Twice { .. } | LoadError::Conflict { .. } | LoadError::Empty
    )
}

/// The documents as [`MachineConfig`] counts them: null ones left out, the old one first.
fn in_order(documents: &[Rc<Node>]) -> Vec<&Node> {
    let mut roots: Vec<&Node> = documents.iter().map(|it| &**it).collect();
    roots.retain(|root| !root.is_null());
    let kind = |root: &Node| {
        root.get("kind")
            .and_then(|it| text(&it.value).map(str::to_owned))
    };
    roots.sort_by_key(|root| !matches!(kind(root).as_deref(), None | Some("" | "v1alpha1")));
    roots
}

/// Where a path leads, or as far as it leads, and whether that is to its end.
fn place(root: &Node, path: &[Step]) -> (Place, bool) {
    let (mut node, mut place) = (root, root.place);
    for step in path {
        let next = match (step, &node.value) {
            (Step::Key(key), Value::Map(_)) => node.get(key).map(|entry| (&entry.value, entry.at)),
            (Step::Index(index), Value::List(items)) => {
                // Talos leaves out what is null.
                let item = items.iter().filter(|it| !it.is_null()).nth(*index);
                item.map(|item| (item, item.place))
            }
            _ => None,
        };
        let Some((below, at)) = next else {
            return (place, false);
        };
        place = match below.value {
            Value::Scalar(_) => below.place,
            _ => at,
        };
        node = below;
    }
    (place, true)
}
