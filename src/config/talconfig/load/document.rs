//! From the text of talconfig.yaml to its tree of values: documents, comments, variables, types.

use std::rc::Rc;

use super::{Loader, bad};
use crate::config::context::Context;
use crate::config::diagnostic::DiagnosticKind;
use crate::config::node::{self, Node, Place};
use crate::config::talconfig::Variables;
use crate::config::talconfig::check::Issue;
use crate::config::talconfig::envsubst::{self, SubstError};
use crate::config::talconfig::paths::Role;
use crate::config::talconfig::reencode::{self, ReencodeError};
use crate::config::talconfig::value::{At, Builder, Mismatch, Original, Value};
use crate::config::yaml::{self, FaultKind};
use crate::config::{Source, report_fault};

/// Highest cost of walking the file with its aliases written out.
const MAX_WEIGHT: u64 = 16 << 20;

impl Loader<'_> {
    /// The first document with its variables replaced.
    pub(super) fn value(&mut self, text: &str, env: &Variables) -> Option<Value> {
        let written = self.documents(text)?;
        let original = written.first()?;
        let substituted = match reencode::reencode(text) {
            Ok(text) => text,
            Err(error) => {
                self.not_yaml(&error);
                return None;
            }
        };
        let substituted = match envsubst::substitute(&substituted, env) {
            Ok(text) => text,
            Err(error) => {
                self.variable(&error, &written);
                return None;
            }
        };
        if written.len() > 1 {
            self.warnings.push(Issue {
                field: String::new(),
                message: String::from("only the first document counts; talhelper drops the others"),
                at: written
                    .get(1)
                    .map_or_else(At::default, |node| At::of(node.place)),
            });
        }
        let stream = yaml::read(&substituted, 0);
        let Some(root) = stream.documents.first() else {
            let message = stream.fault.map_or_else(String::new, |fault| fault.message);
            let message = format!("with its variables replaced it cannot be read: {message}");
            let hint = "put quotes around the values that variables stand for";
            self.refuse(
                self.request.path,
                DiagnosticKind::Syntax,
                message,
                Some(hint),
            );
            return None;
        };
        if root.weight > MAX_WEIGHT {
            let message = String::from("its aliases multiply the content to more than 16 MiB");
            self.refuse(self.request.path, DiagnosticKind::Limit, message, None);
            return None;
        }
        self.tree(&substituted, root, original)
    }

    fn tree(&mut self, text: &str, root: &Rc<Node>, original: &Node) -> Option<Value> {
        let builder = Builder {
            text,
            folder: self.folder,
        };
        match builder.value(root, Original::root(original), Role::Text) {
            Ok(value) if !value.is_null() => Some(value),
            Ok(_) => {
                let message = String::from("there is nothing in it");
                self.refuse(self.request.path, DiagnosticKind::Empty, message, None);
                None
            }
            Err(Mismatch(at, why)) => {
                let diagnostic = bad(self.request.path, at, "", why.to_owned());
                self.diagnostics.push(diagnostic);
                None
            }
        }
    }

    /// The documents as they are written.
    fn documents(&mut self, text: &str) -> Option<Vec<Rc<Node>>> {
        let stream = yaml::read(text, 0);
        let sources = [Source {
            name: self.request.path,
            text,
        }];
        let mut ctx = Context::new(&sources);
        if let Some(fault) = &stream.fault {
            // talhelper does not look into any document but the first one.
            let is_dropped =
                matches!(fault.kind, FaultKind::DuplicateKey(..)) && !stream.documents.is_empty();
            if !is_dropped {
                report_fault(&mut ctx, fault);
                self.diagnostics.append(&mut ctx.diagnostics);
                return None;
            }
        }
        if stream.documents.is_empty() {
            let message = String::from("there is nothing in it but comments");
            self.refuse(self.request.path, DiagnosticKind::Empty, message, None);
            return None;
        }
        Some(stream.documents)
    }

    fn not_yaml(&mut self, error: &ReencodeError) {
        let at = match error {
            ReencodeError::Syntax { line, column, .. } => At {
                line: u32::try_from(*line).unwrap_or(u32::MAX),
                column: u32::try_from(*column).unwrap_or(u32::MAX),
            },
            _ => At::default(),
        };
        let mut diagnostic = bad(self.request.path, at, "", error.to_string());
        diagnostic.kind = DiagnosticKind::Syntax;
        self.diagnostics.push(diagnostic);
    }

    /// A variable that cannot be replaced, at the first value that has it.
    fn variable(&mut self, error: &SubstError, documents: &[Rc<Node>]) {
        let has_it = |text: &str| match error {
            SubstError::Unset(name) | SubstError::Empty(name) => {
                envsubst::names(text).contains(&name.as_str())
            }
            SubstError::Brace | SubstError::Endless => text.contains("${"),
        };
        let place = documents.iter().find_map(|root| place_of(root, &has_it));
        let at = place.map_or_else(At::default, At::of);
        let mut diagnostic = bad(self.request.path, at, "", error.to_string());
        diagnostic.hint = Some(match error {
            SubstError::Unset(name) | SubstError::Empty(name) => {
                format!(
                    "set {name} in the environment or in talenv.yaml, or write ${{{name}:-default}}; `$$` is a dollar sign"
                )
            }
            _ => String::from("`$$` is a dollar sign"),
        });
        self.diagnostics.push(diagnostic);
    }
}

/// The place of the first scalar that `wanted` takes.
fn place_of(node: &Node, wanted: &impl Fn(&str) -> bool) -> Option<Place> {
    match &node.value {
        node::Value::Scalar(scalar) => wanted(&scalar.text).then_some(node.place),
        node::Value::List(items) => items.iter().find_map(|item| place_of(item, wanted)),
        node::Value::Map(entries) => entries.iter().find_map(|entry| {
            let key = wanted(&entry.key).then_some(entry.at);
            key.or_else(|| place_of(&entry.value, wanted))
        }),
    }
}
