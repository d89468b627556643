//! Reads a file of keelblock's own, which is no configuration of Talos, with the same strictness.
//!
//! One document, a mapping; the caller reads its fields through [`Context`], which places every mistake.

use super::context::{Context, Field};
use super::diagnostic::{ConfigError, DiagnosticKind};
use super::spec::Location;
use super::{Source, report_fault, yaml};

/// What `read` makes of the only document of `source`, in which no secret has a place.
///
/// # Errors
/// [`ConfigError`] with a diagnostic for every mistake.
pub(crate) fn document<T>(
    source: Source<'_>,
    read: impl FnOnce(&mut Context<'_>, Field<'_>) -> T,
) -> Result<T, ConfigError> {
    let sources = [source];
    let mut ctx = Context::without_secrets(&sources);
    let stream = yaml::read(source.text, 0);
    if let Some(fault) = &stream.fault {
        report_fault(&mut ctx, fault);
        return Err(ConfigError::new(ctx.diagnostics));
    }
    let mut documents = stream.documents.iter();
    let nothing = yaml::read("{}", 0).documents;
    let Some(first) = documents.next().or(nothing.first()) else {
        return Err(ConfigError::new(ctx.diagnostics));
    };
    if let Some(second) = documents.next() {
        let field = Field::root(second, "");
        let allowed = "one document in the file";
        ctx.wrong(
            DiagnosticKind::NotADocument,
            &field,
            "a second document",
            allowed,
        );
    }
    let value = read(&mut ctx, Field::root(first, ""));
    if ctx.diagnostics.is_empty() {
        return Ok(value);
    }
    ctx.diagnostics.sort_by_key(|d| (d.at.line, d.at.column));
    Err(ConfigError::new(ctx.diagnostics))
}

/// A text or a list of texts, each with where it stands.
pub(crate) fn one_or_more(ctx: &mut Context<'_>, field: &Field<'_>) -> Vec<(String, Location)> {
    if field.node.shape() == "a scalar" {
        let at = ctx.location(field.node.place);
        return ctx.text(field).map(|text| (text, at)).into_iter().collect();
    }
    ctx.texts(field)
}
