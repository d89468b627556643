//! CEL expressions in fields: parsed by the selector, their errors placed in the file.
//!
//! Parsing one takes the tenth part of a millisecond and more, so that a file full of them would take seconds. Equal
//! expressions are parsed once, and all of a configuration together may cost so much and no more.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Field};
use super::diagnostic::{Diagnostic, DiagnosticKind, one_line};
use super::node::{Place, Scalar, Style, Value};
use super::spec::Location;
use super::taint::lines;
use crate::selector::cel::{self, CelError, Env, Expression};

/// What the different expressions of all sources may cost together, as [`cel::cost`] counts: some five hundred short
/// ones, or two of the longest.
const MOST: usize = 8192;

/// What is kept on this thread of expressions that were parsed before, in the same measure: the nodes of a fleet ask for
/// their disks in the same words. All of one configuration fits.
const KEPT: usize = 2 * MOST;

/// Something for each environment.
#[derive(Default)]
struct PerEnv<T> {
    disk: T,
    volume: T,
}

impl<T> PerEnv<T> {
    fn of(&mut self, env: Env) -> &mut T {
        match env {
            Env::Disk => &mut self.disk,
            Env::Volume => &mut self.volume,
        }
    }
}

/// What parsing expressions has cost so far.
#[derive(Default)]
pub(crate) struct Expressions {
    seen: PerEnv<BTreeSet<String>>,
    cost: usize,
}

impl Expressions {
    /// Adds `text`, if it is a new one.
    fn add(&mut self, text: &str, env: Env) {
        let seen = self.seen.of(env);
        if self.cost <= MOST && !seen.contains(text) {
            self.cost += cel::cost(text);
            seen.insert(text.to_owned());
        }
    }

    fn count(&self) -> usize {
        self.seen.disk.len() + self.seen.volume.len()
    }
}

/// What parsing some text came to.
type Parsed = Result<Expression, CelError>;

/// Expressions that were parsed on this thread, and texts that are none.
#[derive(Default)]
struct Kept {
    parsed: PerEnv<BTreeMap<String, Parsed>>,
    cost: usize,
}

thread_local! {
    static PARSED: RefCell<Kept> = RefCell::default();
}

/// What parsing `text` comes to, or came to before.
fn parse(text: &str, env: Env) -> Parsed {
    let known = PARSED.with_borrow_mut(|kept| kept.parsed.of(env).get(text).cloned());
    known.unwrap_or_else(|| {
        let parsed = Expression::parse(text, env);
        let (cost, text, copy) = (cel::cost(text), text.to_owned(), parsed.clone());
        PARSED.with_borrow_mut(|kept| {
            if kept.cost + cost > KEPT {
                *kept = Kept::default();
            }
            kept.cost += cost;
            kept.parsed.of(env).insert(text, copy);
        });
        parsed
    })
}

/// The expression in `field`; an empty one is none. Errors are reported.
pub(crate) fn expression(ctx: &mut Context<'_>, field: &Field<'_>, env: Env) -> Option<Expression> {
    let text = ctx.text(field)?;
    if text.is_empty() {
        return None;
    }
    let before = ctx.expressions.cost;
    ctx.expressions.add(&text, env);
    let cost = ctx.expressions.cost;
    if cost > MOST {
        // Said once, where it begins.
        if before <= MOST {
            let count = ctx.expressions.count();
            let message =
                format!("the {count} different expressions up to here have {cost} words and signs");
            let allowed =
                format!("at most {MOST} in all expressions together; equal ones count once");
            ctx.wrong(DiagnosticKind::Limit, field, &message, &allowed);
        }
        return None;
    }
    // Nobody would be told what is wrong with it.
    if ctx.is_full() {
        return None;
    }
    match parse(&text, env) {
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

    /// How many of `texts` are parsed, and what is reported.
    fn parsed<'t>(texts: impl Iterator<Item = &'t str>) -> (usize, Vec<String>) {
        let text: String = texts.map(|text| format!("- {text}\n")).collect();
        cel::deep(|| {
            let sources = [super::super::Source {
                name: "f",
                text: &text,
            }];
            let mut ctx = Context::new(&sources);
            let stream = yaml::read(&text, 0);
            let list = ctx.list(&Field::root(&stream.documents[0], ""));
            let parsed = list
                .iter()
                .filter_map(|item| expression(&mut ctx, item, Env::Disk));
            let count = parsed.count();
            (
                count,
                ctx.diagnostics.iter().map(ToString::to_string).collect(),
            )
        })
    }

    #[test]
    fn what_expressions_cost_together_is_bounded_and_equal_ones_cost_nothing() {
        let short: Vec<String> = (0..1000).map(|i| format!("disk.size > {i}u")).collect();
        let (count, said) = parsed(short.iter().map(String::as_str));
        // Each costs 13: 630 of them are 8190.
        assert_eq!((count, said.len()), (630, 1), "{said:?}");
        assert!(
            said[0].contains("the 631 different expressions"),
            "{said:?}"
        );
        let (count, said) = parsed(short.iter().cycle().take(5000).map(|_| "disk.size > 1u"));
        assert_eq!((count, said.len()), (5000, 0), "{said:?}");
    }

    #[test]
    fn expressions_that_nobody_would_be_told_about_are_not_parsed() {
        let wrong: Vec<String> = (0..150).map(|i| format!("disk.x{i}")).collect();
        let right = ["disk.size > 1u"; 3];
        let (count, said) = parsed(wrong.iter().map(String::as_str).chain(right));
        assert_eq!((count, said.len()), (0, 100));
    }

    #[test]
    fn what_was_parsed_before_is_the_same_in_its_own_environment_only() {
        for _ in 0..2 {
            assert!(parse("system_disk", Env::Disk).is_ok());
            assert!(parse("system_disk", Env::Volume).is_err());
            assert!(parse("volume.size > 1u", Env::Volume).is_ok());
            assert!(parse("volume.size > 1u", Env::Disk).is_err());
        }
        // More than is kept.
        let list = vec!["1"; 400].join(",");
        for i in 0..40 {
            let text = format!("[{list}].size() == {i}");
            assert_eq!(parse(&text, Env::Disk).unwrap().text(), text);
        }
        PARSED.with_borrow(|kept| assert!(kept.cost <= KEPT && kept.parsed.disk.len() < 40));
    }

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
