//! An expression's operands one by one, each with what the disk has.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

use super::EvalError;
use super::eval::{Bindings, evaluate};
use super::split::{Split, split};
use super::value::Value;
use crate::selector::selection::{Check, CheckKind};
use crate::units::Bytes;

/// The checks of the checked expression `text`, whose tree is `root`.
pub(super) fn explain(text: &str, root: &IdedExpr, bindings: Bindings<'_>) -> Vec<Check> {
    let all = match split(text) {
        Split::All(_) => true,
        Split::Any(_) => false,
        Split::One(text) => return vec![operand(text, root, bindings)],
    };
    let (mut texts, mut roots) = (Vec::new(), Vec::new());
    operand_texts(text, all, &mut texts);
    operand_roots(root, if all { "_&&_" } else { "_||_" }, &mut roots);
    if texts.len() != roots.len() {
        // The parser drops the signs of `!!(a && b)`; such an operand is not taken apart.
        return vec![operand(text, root, bindings)];
    }
    let mut branches: Vec<Vec<Check>> = texts
        .into_iter()
        .zip(roots)
        .map(|(text, root)| explain(text, root, bindings))
        .collect();
    let holds = |branch: &Vec<Check>| branch.iter().all(|check| check.pass);
    if !all && branches.iter().any(holds) {
        branches.retain(holds);
    }
    branches.into_iter().flatten().collect()
}

/// The operands of a conjunction (`all`) or disjunction, brackets among them opened.
fn operand_texts<'t>(text: &'t str, all: bool, operands: &mut Vec<&'t str>) {
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

fn operand(text: &str, root: &IdedExpr, bindings: Bindings<'_>) -> Check {
    let mut names = Vec::new();
    mentioned(root, &mut names);
    let (pass, error) = match evaluate(root, bindings) {
        Ok(Value::Bool(pass)) => (pass, None),
        Ok(other) => (false, Some(super::functions::no_overload("_&&_", &[other]))),
        Err(error) => (false, Some(error)),
    };
    let name = names.first().map_or("expression", |name| {
        name.strip_prefix("disk.").unwrap_or(name)
    });
    check(name, text, found(&names, bindings, pass, error), pass)
}

fn check(name: &str, wanted: &str, found: String, pass: bool) -> Check {
    Check {
        check: name.to_owned(),
        wanted: wanted.split_whitespace().collect::<Vec<_>>().join(" "),
        found,
        pass,
        kind: CheckKind::Match,
    }
}

fn found(names: &[String], bindings: Bindings<'_>, pass: bool, error: Option<EvalError>) -> String {
    let mut parts: Vec<String> = names
        .iter()
        .map(|name| format!("{name} = {}", property(name, bindings)))
        .collect();
    if parts.is_empty() && error.is_none() {
        parts.push(pass.to_string());
    }
    parts.extend(error.map(|error| format!("error: {error}")));
    parts.join(", ")
}

fn property(name: &str, bindings: Bindings<'_>) -> String {
    let value = match (name.split_once('.'), bindings.disk) {
        (Some(("disk", field)), Some(disk)) => super::fields::disk_value(disk, field),
        (None, _) if name == "system_disk" => bindings.system_disk.map(Value::Bool),
        _ => None,
    };
    match value {
        Some(Value::Uint(n)) if name == "disk.size" => format!("{n} ({})", Bytes::new(n)),
        Some(value) => value.to_string(),
        None => "unknown".to_owned(),
    }
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
