//! CEL expressions in fields: parsed by the selector, their errors placed in the file.

use super::context::{Context, Field};
use super::diagnostic::{Diagnostic, DiagnosticKind, one_line};
use super::node::{Place, Scalar, Style, Value};
use super::spec::Location;
use super::taint::lines;
use crate::selector::cel::{CelError, Env, Expression};

/// The expression in `field`; an empty one is none. Errors are reported.
pub(crate) fn expression(ctx: &mut Context<'_>, field: &Field<'_>, env: Env) -> Option<Expression> {
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
        // The parser gives the first line of text as the place of a block scalar.
        Style::Literal => place.line,
        Style::Plain | Style::Quoted if index == 0 => place.line,
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

#[cfg(test)]
mod tests {
    use super::super::yaml;
    use super::*;

    /// Where a mistake at `(line, column)` of the expression below `match` stands in `text`.
    fn placed(text: &str, line: u32, column: u32) -> Option<(u32, u32)> {
        let stream = yaml::read(text, 0);
        let node = &stream.documents[0].get("match").unwrap().value;
        let Value::Scalar(scalar) = &node.value else {
            panic!("not a scalar: {text}");
        };
        let error = CelError {
            line,
            column,
            message: String::new(),
        };
        locate(text, node.place, scalar, &error)
    }

    #[test]
    fn a_place_in_an_expression_becomes_a_place_in_the_file() {
        for (text, at, place) in [
            ("match: disk.size > 1\n", (1, 11), Some((1, 18))),
            ("a: 1\nmatch:   disk.size > 1 # x\n", (1, 11), Some((2, 20))),
            ("match: 'disk.size > 1'\n", (1, 11), Some((1, 19))),
            ("match: \"disk.size > 1\"\n", (1, 1), Some((1, 9))),
            ("{ü: ü, match: \"disk.size > 1\"}\n", (1, 1), Some((1, 16))),
            ("match: |\n    disk.size\n      > 1\n", (2, 3), Some((3, 7))),
            (
                "match: |-\r\n  disk.size\r\n  > 1\r\n",
                (2, 1),
                Some((3, 3)),
            ),
            ("match: &a !!str disk.size > 1\n", (1, 1), Some((1, 17))),
            // Not letter by letter in the file: the caller says it in words.
            ("match: \"disk.model == \\\"x\\\"\"\n", (1, 15), None),
            ("match: 'disk.model == ''x'''\n", (1, 15), None),
            ("match: >-\n  disk.size\n  > 1\n", (1, 11), None),
            ("match: disk.size\n  > 1\n", (1, 11), None),
            ("match: x\n", (7, 1), None),
            ("match: x\n", (0, 0), None),
        ] {
            assert_eq!(placed(text, at.0, at.1), place, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_reported_at_its_place_or_in_words() {
        for (text, line, column, says) in [
            (
                "match: disk.size > 1\n",
                1,
                18,
                "not a valid expression: no such",
            ),
            (
                "match: >-\n  disk.size\n  > 1\n",
                2,
                3,
                "at line 1, column 11 of the expression: no such",
            ),
        ] {
            let sources = [super::super::Source { name: "f", text }];
            let mut ctx = Context::new(&sources);
            let stream = yaml::read(text, 0);
            let field = Field::root(&stream.documents[0], "").get("match").unwrap();
            let error = CelError {
                line: 1,
                column: 11,
                message: String::from("no such overload"),
            };
            let written = ctx.text(&field).unwrap();
            report(&mut ctx, &field, &written, &error);
            let found = &ctx.diagnostics[0];
            assert_eq!((found.at.line, found.at.column), (line, column), "{found}");
            assert!(found.to_string().contains(says), "{found}");
            assert_eq!(found.found.as_deref(), Some("disk.size > 1"));
        }
    }
}
