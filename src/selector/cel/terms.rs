//! An expression taken apart into its terms, each with its value and what the disk has.
//!
//! Terms come from text and tree together, so that each keeps the words of the config. They stand in one list, a term
//! before its parts; the operands of the outermost `&&` have depth 0.

use std::fmt::Write as _;

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

use super::EvalError;
use super::atoms::atom;
use super::eval::{Bindings, FUEL, evaluate};
use super::split::{Split, negated, split};
use super::value::Value;
use crate::selector::atom::Atom;
use crate::selector::near;
use crate::selector::proof::Joint;
use crate::selector::selection::{Check, CheckKind};
use crate::units::Bytes;

/// A term of a checked expression.
#[derive(Clone)]
pub(in crate::selector) struct Term {
    pub depth: usize,
    pub joint: Joint,
    /// Its words, in one line.
    pub text: String,
    /// The property that it names first, without `disk.`.
    pub name: String,
    /// What it asks of one property, if it is that simple.
    pub atom: Atom,
    /// One past its last part.
    pub end: usize,
    names: Vec<String>,
    root: IdedExpr,
}

/// A term's value for one disk.
#[derive(Clone, Debug)]
pub(in crate::selector) struct Valued {
    pub value: Result<bool, EvalError>,
    /// The properties that it names; empty for a conjunction and a disjunction, whose parts say it.
    pub found: String,
}

/// What every term comes to for one disk.
pub(in crate::selector) struct Values {
    /// One for each term.
    pub values: Vec<Valued>,
    /// What is left of [`FUEL`].
    fuel: u32,
}

impl Values {
    /// Steps that it took.
    pub(in crate::selector) const fn work(&self) -> u32 {
        FUEL - self.fuel
    }

    /// The value of the whole expression, if its terms tell it: it is their conjunction. They do not where one of them
    /// has no value, or where all of them took so much work that the expression as a whole might not have one.
    pub(in crate::selector) fn all(&self, terms: &[Term]) -> Option<bool> {
        if self.fuel < FUEL / 2 {
            return None;
        }
        let mut outermost = terms.iter().zip(&self.values).filter(|(t, _)| t.depth == 0);
        outermost.try_fold(true, |all, (_, valued)| match valued.value {
            Ok(holds) => Some(all && holds),
            Err(_) => None,
        })
    }
}

/// The terms of the checked expression `text`, whose tree is `root`.
pub(super) fn terms(text: &str, root: &IdedExpr) -> Vec<Term> {
    let mut terms = Vec::new();
    let text = unsigned(text);
    match split(text) {
        Split::All(_) => match operands(text, root, true) {
            Some(parts) => parts
                .into_iter()
                .for_each(|(text, root)| add(text, root, 0, &mut terms)),
            None => add(text, root, 0, &mut terms),
        },
        _ => add(text, root, 0, &mut terms),
    }
    terms
}

fn add(text: &str, root: &IdedExpr, depth: usize, terms: &mut Vec<Term>) {
    let text = unsigned(text);
    let (text, joint, parts) = match split(text) {
        Split::All(_) => (text, Joint::All, operands(text, root, true)),
        Split::Any(_) => (text, Joint::Any, operands(text, root, false)),
        Split::Choice(texts) => (text, Joint::Choice, choice(texts, root)),
        Split::One(text) => (text, Joint::Not, negation(text, root)),
    };
    let mut names = Vec::new();
    mentioned(root, &mut names);
    let name = names.first().map_or("expression", |name| {
        name.strip_prefix("disk.").unwrap_or(name)
    });
    let at = terms.len();
    terms.push(Term {
        depth,
        joint: parts.as_ref().map_or(Joint::Leaf, |_| joint),
        text: text.split_whitespace().collect::<Vec<_>>().join(" "),
        name: name.to_owned(),
        atom: atom(root),
        end: 0,
        names,
        root: root.clone(),
    });
    for (text, root) in parts.into_iter().flatten() {
        add(text, root, depth + 1, terms);
    }
    terms[at].end = terms.len();
}

type Parts<'t, 'e> = Option<Vec<(&'t str, &'e IdedExpr)>>;

/// The operands of a conjunction (`all`) or disjunction, brackets among them opened; none if text and tree disagree.
fn operands<'t, 'e>(text: &'t str, root: &'e IdedExpr, all: bool) -> Parts<'t, 'e> {
    let (mut texts, mut roots) = (Vec::new(), Vec::new());
    operand_texts(text, all, &mut texts);
    operand_roots(root, if all { "_&&_" } else { "_||_" }, &mut roots);
    let same = texts.len() == roots.len() && texts.len() > 1;
    same.then(|| texts.into_iter().zip(roots).collect())
}

fn operand_texts<'t>(text: &'t str, all: bool, operands: &mut Vec<&'t str>) {
    let text = unsigned(text);
    match split(text) {
        Split::All(parts) if all => parts
            .into_iter()
            .for_each(|part| operand_texts(part, all, operands)),
        Split::Any(parts) if !all => parts
            .into_iter()
            .for_each(|part| operand_texts(part, all, operands)),
        _ => operands.push(text),
    }
}

fn operand_roots<'e>(root: &'e IdedExpr, operator: &str, operands: &mut Vec<&'e IdedExpr>) {
    match &root.expr {
        Expr::Call(call) if call.func_name == operator => call
            .args
            .iter()
            .for_each(|arg| operand_roots(arg, operator, operands)),
        _ => operands.push(root),
    }
}

fn choice<'t, 'e>(texts: [&'t str; 3], root: &'e IdedExpr) -> Parts<'t, 'e> {
    match &root.expr {
        Expr::Call(call) if call.func_name == "_?_:_" && call.args.len() == 3 => {
            Some(texts.into_iter().zip(&call.args).collect())
        }
        _ => None,
    }
}

/// A negation is taken apart where there is more behind it than one property.
fn negation<'t, 'e>(text: &'t str, root: &'e IdedExpr) -> Parts<'t, 'e> {
    let (signs, rest) = negated(text);
    let Expr::Call(call) = &root.expr else {
        return None;
    };
    let [inner] = &*call.args else { return None };
    let worth = !matches!(inner.expr, Expr::Ident(_) | Expr::Select(_));
    let is_negation = call.func_name == "!_" && signs % 2 == 1;
    (worth && is_negation).then(|| vec![(rest, inner)])
}

/// The text without a pair of signs that the parser drops, as in `!!(a && b)`.
fn unsigned(text: &str) -> &str {
    let (signs, rest) = negated(text);
    let enclosed = !matches!(split(rest), Split::One(inner) if inner.len() == rest.len());
    if signs > 0 && signs % 2 == 0 && enclosed {
        rest
    } else {
        text
    }
}

/// The value of every term. Work is bounded for all of them together.
pub(super) fn values(terms: &[Term], bindings: Bindings<'_>) -> Values {
    let mut fuel = FUEL;
    let mut values: Vec<Valued> = vec![
        Valued {
            value: Ok(false),
            found: String::new(),
        };
        terms.len()
    ];
    for (i, term) in terms.iter().enumerate().rev() {
        let parts: Vec<Result<bool, EvalError>> = parts(terms, i)
            .map(|part| values[part].value.clone())
            .collect();
        let value = match (term.joint, &*parts) {
            (Joint::All, parts) => decided(parts, false),
            (Joint::Any, parts) => decided(parts, true),
            (Joint::Not, [part]) => part.clone().map(|b| !b),
            (Joint::Choice, [asked, yes, no]) => match asked {
                Ok(asked) => if *asked { yes } else { no }.clone(),
                Err(error) => Err(error.clone()),
            },
            _ => match evaluate(&term.root, bindings, &mut fuel).0 {
                Ok(Value::Bool(pass)) => Ok(pass),
                Ok(other) => Err(super::functions::no_overload("_&&_", &[other])),
                Err(error) => Err(error),
            },
        };
        if !matches!(term.joint, Joint::All | Joint::Any) {
            values[i].found = found(&term.names, bindings, &value);
        }
        values[i].value = value;
    }
    Values { values, fuel }
}

/// Indices of the parts of a term.
fn parts(terms: &[Term], of: usize) -> impl Iterator<Item = usize> {
    near::parts(of, |i| terms[i].end)
}

/// `decisive` in any part settles it, whatever the others are.
fn decided(parts: &[Result<bool, EvalError>], decisive: bool) -> Result<bool, EvalError> {
    if parts.contains(&Ok(decisive)) {
        return Ok(decisive);
    }
    let error = parts.iter().find(|part| part.is_err());
    error.cloned().unwrap_or(Ok(!decisive))
}

/// The operands of `&&` and `||` one by one. All of them pass exactly when the expression is true: of a disjunction
/// that is true, only the true operands are listed.
pub(in crate::selector) fn checks(terms: &[Term], values: &[Valued]) -> Vec<Check> {
    let mut all = Vec::new();
    let mut at = 0;
    while at < terms.len() {
        term_checks(terms, values, at, &mut all);
        at = terms[at].end;
    }
    all
}

fn term_checks(terms: &[Term], values: &[Valued], at: usize, checks: &mut Vec<Check>) {
    let term = &terms[at];
    let holds = |i: usize| values[i].value == Ok(true);
    match term.joint {
        Joint::All => parts(terms, at).for_each(|i| term_checks(terms, values, i, checks)),
        Joint::Any => parts(terms, at)
            .filter(|i| !holds(at) || holds(*i))
            .for_each(|i| term_checks(terms, values, i, checks)),
        Joint::Leaf | Joint::Not | Joint::Choice => checks.push(Check {
            check: term.name.clone().into(),
            wanted: term.text.clone().into(),
            found: values[at].found.clone().into(),
            pass: holds(at),
            kind: CheckKind::Match,
        }),
    }
}

fn found(names: &[String], bindings: Bindings<'_>, value: &Result<bool, EvalError>) -> String {
    let mut text = String::new();
    for name in names {
        let comma = if text.is_empty() { "" } else { ", " };
        text.extend([comma, name, " = "]);
        property(name, bindings, &mut text);
    }
    match value {
        Ok(pass) if text.is_empty() => pass.to_string(),
        Ok(_) => text,
        Err(error) if text.is_empty() => format!("error: {error}"),
        Err(error) => format!("{text}, error: {error}"),
    }
}

fn property(name: &str, bindings: Bindings<'_>, text: &mut String) {
    let value = match (name.split_once('.'), bindings.disk) {
        (Some(("disk", field)), Some(disk)) => super::fields::disk_value(disk, field),
        (None, _) if name == "system_disk" => bindings.system_disk.map(Value::Bool),
        _ => None,
    };
    // Writing to a string does not fail.
    let _ = match value {
        Some(Value::Uint(n)) if name == "disk.size" => write!(text, "{n} ({})", Bytes::new(n)),
        Some(value) => write!(text, "{value}"),
        None => write!(text, "unknown"),
    };
}

/// The properties that an expression names, in their order, each once.
fn mentioned(e: &IdedExpr, names: &mut Vec<String>) {
    let mut add = |name: String| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    match &e.expr {
        Expr::Ident(name) if name == "system_disk" => add(name.clone()),
        Expr::Select(select) => match &select.operand.expr {
            Expr::Ident(root) if root == "disk" => add(format!("disk.{}", select.field)),
            _ => mentioned(&select.operand, names),
        },
        Expr::Call(call) => {
            for part in call.target.as_deref().into_iter().chain(&call.args) {
                mentioned(part, names);
            }
        }
        Expr::List(list) => {
            for element in &list.elements {
                mentioned(element, names);
            }
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    mentioned(&entry.key, names);
                    mentioned(&entry.value, names);
                }
            }
        }
        Expr::Comprehension(c) => {
            for part in [&c.iter_range, &c.loop_cond, &c.loop_step, &c.result] {
                mentioned(part, names);
            }
        }
        _ => {}
    }
}
