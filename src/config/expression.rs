//! CEL expressions in fields: parsed by the selector, their errors placed in the file.

use super::context::{Context, Field, one_line};
use super::diagnostic::{Diagnostic, DiagnosticKind};
use super::node::{Place, Scalar, Style, Value};
use super::spec::Location;
use super::taint::lines;
use crate::selector::cel::{CelError, Env, Expression};

/// The expression in `field`; an empty one is none. Errors are reported.
pub(super) fn expression(ctx: &mut Context<'_>, field: &Field<'_>, env: Env) -> Option<Expression> {
    let text = ctx.text(field)?;
    if text.is_empty() {
        return None;
    }
    match Expression::parse(&text, env) {
        Ok(expression) => Some(expression),
        Err(error) => {
            report(ctx, field, &text, &error);
            None
        }
    }
}

fn report(ctx: &mut Context<'_>, field: &Field<'_>, text: &str, error: &CelError) {
    let place = field.node.place;
    let exact = match &field.node.value {
        Value::Scalar(scalar) => locate(ctx.source_text(place), place, scalar, error),
        _ => None,
    };
    let hidden = field.hidden || ctx.is_tainted(place);
    let mut at = ctx.location(place);
    let mut message = String::from("not a valid expression");
    match exact {
        Some((line, column)) => at = Location { line, column, ..at },
        None => {
            message += &format!(
                " at line {}, column {} of the expression",
                error.line, error.column
            );
        }
    }
    if !hidden {
        message += &format!(": {}", one_line(&error.message));
    }
    let variables = match env_of(field) {
        Env::Disk => "disk, system_disk, glob(pattern, text)",
        Env::Volume => "volume, disk",
    };
    ctx.report(Diagnostic {
        kind: DiagnosticKind::BadValue,
        at,
        path: field.path.clone(),
        message,
        found: (!hidden).then(|| one_line(text)),
        allowed: Some(format!(
            "a CEL expression of type bool over {variables} and sizes such as 100u * GB"
        )),
        hint: None,
        also: None,
    });
}

/// Only `volumeSelector` runs in the volume environment.
fn env_of(field: &Field<'_>) -> Env {
    if field.path.contains("volumeSelector") {
        Env::Volume
    } else {
        Env::Disk
    }
}

/// Line and column in the file of a place in an expression, if the file has the expression there letter by letter.
fn locate(source: &str, place: Place, scalar: &Scalar, error: &CelError) -> Option<(u32, u32)> {
    let index = usize::try_from(error.line).ok()?.checked_sub(1)?;
    let wanted = lines(&scalar.text).nth(index)?;
    let first = match scalar.style {
        Style::Plain | Style::Quoted if index == 0 => place.line,
        Style::Literal => block_start(source, place)?,
        _ => return None,
    };
    let line = first.checked_add(u32::try_from(index).ok()?)?;
    let found = lines(source).nth(usize::try_from(line).ok()?.checked_sub(1)?)?;
    let indent = match scalar.style {
        Style::Plain => place.column - 1,
        Style::Quoted => place.column,
        _ => u32::try_from(found.strip_suffix(wanted)?.chars().count()).ok()?,
    };
    let rest: String = found.chars().skip(usize::try_from(indent).ok()?).collect();
    let column = indent.checked_add(error.column)?;
    (!wanted.is_empty() && rest.starts_with(wanted)).then_some((line, column))
}

/// The line after the `|` of a block scalar.
fn block_start(source: &str, place: Place) -> Option<u32> {
    let header = lines(source).nth(usize::try_from(place.line).ok()?.checked_sub(1)?)?;
    let from: String = header
        .chars()
        .skip(usize::try_from(place.column).ok()?.checked_sub(1)?)
        .collect();
    from.starts_with('|').then(|| place.line.saturating_add(1))
}
