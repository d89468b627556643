//! The configuration: Talos' rendered machine config, read strictly where keelblock owns it.
//!
//! ```text
//! text ─yaml─▶ Node ─documents─▶ kinds ─machine, volumes, install, …─▶ assemble ─▶ Spec
//! ```
//! Pure: reading files is the caller's work. Unknown keys are errors in the sections that keelblock acts
//! on; documents and sections that only Talos acts on are passed over and listed in [`spec::Spec::ignored`]. Every
//! mistake is found in one run, with file, line and column; see [`ConfigError`].

mod assemble;
pub(crate) mod bond;
mod canonical;
pub(crate) mod context;
mod dated;
mod diagnostic;
mod documents;
pub(crate) mod duration;
mod emit;
mod encryption;
pub(crate) mod expression;
mod field;
pub mod generate;
pub(crate) mod hints;
mod install;
pub(crate) mod kinds;
mod machine;
pub(crate) mod nearest;
pub(crate) mod node;
mod of_value;
pub(crate) mod own;
pub mod patch;
mod problem;
mod provisioning;
mod redact;
pub mod render;
mod scalar;
pub(crate) mod schema;
pub(crate) mod size;
mod snippet;
pub mod sops;
pub mod spec;
mod spot;
pub(crate) mod taint;
pub mod talconfig;
mod tree;
mod tuning;
pub(crate) mod tuning_items;
mod version;
mod volumes;
pub(crate) mod yaml;
#[cfg(test)]
mod yaml_conformance;

use std::fmt;
use std::rc::Rc;

pub(crate) use diagnostic::one_line;
pub use diagnostic::{ConfigError, Diagnostic, DiagnosticKind};
pub use snippet::{Excerpts, plain_snippet, snippet, snippet_at};
pub use spot::Spot;
pub(crate) use tuning_items::tuning_items_of;
pub use tuning_items::{ParameterKind, Scope, TuningItem, TuningItems, tuning_items};
pub use version::talos_version;
pub(crate) use volumes::SYSTEM as SYSTEM_VOLUMES;

use context::Context;
use node::Node;
use redact::Redactor;
use spec::Spec;
use yaml::{Fault, FaultKind};

use crate::selector::cel;

/// A configuration file that was read.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The file as it was named, `-` for standard input.
    pub name: &'a str,
    /// Its content: a stream of YAML documents.
    pub text: &'a str,
}

impl fmt::Debug for Source<'_> {
    /// Without the text, which holds passphrases.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Reads the documents of all `sources` as one configuration.
///
/// # Errors
/// [`ConfigError`] with a diagnostic for every mistake: text that is no YAML, unknown kinds and keys,
/// values that are not allowed, places that contradict each other.
pub fn parse(sources: &[Source<'_>]) -> Result<Spec, ConfigError> {
    cel::deep(|| read(sources))
}

/// Takes trees that are in no file for one configuration; `None` if anything is wrong with them, which only the text tells.
/// To be called where the stack is large enough for expressions, as within [`cel::deep`].
pub(crate) fn of_trees(roots: &[Rc<Node>]) -> Option<Spec> {
    let mut ctx = Context::new(&[]);
    let documents = documents::classify(&mut ctx, roots);
    let spec = assemble::assemble(&mut ctx, &documents);
    (ctx.diagnostics.is_empty() && !documents.is_empty()).then_some(spec)
}

/// The documents of a file, the source number `source`, as far as it is YAML: for those who pass over what they do not
/// know.
pub(crate) fn documents_of(text: &str, source: usize) -> Vec<Rc<Node>> {
    yaml::read(text, source).documents
}

fn read(sources: &[Source<'_>]) -> Result<Spec, ConfigError> {
    let mut ctx = Context::new(sources);
    let mut roots: Vec<Rc<Node>> = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let stream = yaml::read(source.text, index);
        roots.extend(stream.documents);
        if let Some(fault) = stream.fault {
            report_fault(&mut ctx, &fault);
        }
    }
    if ctx.diagnostics.is_empty() && roots.iter().all(|root| root.is_null()) {
        report_empty(&mut ctx);
    }
    let documents = documents::classify(&mut ctx, &roots);
    let mut spec = assemble::assemble(&mut ctx, &documents);
    finish(ctx, sources, &roots, &mut spec)?;
    Ok(spec)
}

/// Takes over what was collected; fails if anything is wrong.
fn finish(
    mut ctx: Context<'_>,
    sources: &[Source<'_>],
    roots: &[Rc<Node>],
    spec: &mut Spec,
) -> Result<(), ConfigError> {
    if ctx.diagnostics.is_empty() && ctx.warnings.is_empty() {
        spec.ignored = ctx.ignored;
        return Ok(());
    }
    let redactor = Redactor::new(sources.iter().map(|source| source.text), roots);
    ctx.diagnostics
        .iter_mut()
        .for_each(|d| redactor.diagnostic(d));
    ctx.warnings.iter_mut().for_each(|w| redactor.warning(w));
    if !ctx.diagnostics.is_empty() {
        let order = |d: &Diagnostic| {
            let file = sources.iter().position(|source| source.name == d.at.file);
            (file, d.at.line, d.at.column)
        };
        ctx.diagnostics.sort_by_key(order);
        return Err(ConfigError::new(ctx.diagnostics));
    }
    spec.ignored = ctx.ignored;
    spec.warnings = ctx.warnings;
    Ok(())
}

fn report_fault(ctx: &mut Context<'_>, fault: &Fault) {
    let (kind, found, also) = match &fault.kind {
        FaultKind::Syntax => (DiagnosticKind::Syntax, None, None),
        FaultKind::Limit => (DiagnosticKind::Limit, None, None),
        FaultKind::DuplicateKey(key, first) => {
            let shown = (!ctx.is_tainted(fault.at)).then(|| diagnostic::one_line(key));
            (DiagnosticKind::Duplicate, shown, Some(ctx.location(*first)))
        }
    };
    ctx.report(Diagnostic {
        kind,
        at: ctx.location(fault.at),
        path: String::new(),
        message: fault.message.clone(),
        found,
        allowed: Some(fault.allowed.to_owned()),
        hint: None,
        also,
    });
}

fn report_empty(ctx: &mut Context<'_>) {
    ctx.report(Diagnostic {
        kind: DiagnosticKind::Empty,
        at: ctx.location(assemble::start_of(0)),
        path: String::new(),
        message: String::from("the configuration is empty"),
        found: None,
        allowed: Some(String::from(
            "at least one document of a Talos machine configuration",
        )),
        hint: None,
        also: None,
    });
}
