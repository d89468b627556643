//! Recognises the operands that ask something of one property.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue};

use super::eval::{Bindings, evaluate};
use super::value::Value;
use crate::config::spec::SizeOp;
use crate::selector::atom::Atom;

/// Steps that working out a constant may take.
const FUEL: u32 = 1000;

/// What `root` asks of one property.
pub(super) fn atom(root: &IdedExpr) -> Atom {
    let Expr::Call(call) = &root.expr else {
        return Atom::Other;
    };
    let (target, args) = (call.target.as_deref(), &*call.args);
    match (&*call.func_name, target, args) {
        ("glob", None, [pattern, of]) => text(of, pattern, |p| (p.to_owned(), true)),
        ("@in", None, [link, of]) if property(of) == Some("symlinks") => {
            text(of, link, |p| (p.to_owned(), false))
        }
        ("startsWith", Some(of), [part]) => text(of, part, |p| (format!("{p}*"), true)),
        ("endsWith", Some(of), [part]) => text(of, part, |p| (format!("*{p}"), true)),
        ("contains", Some(of), [part]) => text(of, part, |p| (format!("*{p}*"), true)),
        (name, None, [a, b]) => match (property(a), property(b), operator(name)) {
            (Some("size"), None, Some((op, _))) => size(op, b),
            (None, Some("size"), Some((_, flipped))) => size(flipped, a),
            (Some(_), None, Some((SizeOp::Equal, _))) => text(a, b, |p| (p.to_owned(), false)),
            (None, Some(_), Some((SizeOp::Equal, _))) => text(b, a, |p| (p.to_owned(), false)),
            _ => Atom::Other,
        },
        _ => Atom::Other,
    }
}

/// The operator, and what it is with its sides exchanged.
fn operator(name: &str) -> Option<(SizeOp, SizeOp)> {
    Some(match name {
        "_==_" => (SizeOp::Equal, SizeOp::Equal),
        "_>=_" => (SizeOp::AtLeast, SizeOp::AtMost),
        "_<=_" => (SizeOp::AtMost, SizeOp::AtLeast),
        "_>_" => (SizeOp::Above, SizeOp::Below),
        "_<_" => (SizeOp::Below, SizeOp::Above),
        _ => return None,
    })
}

/// The field, for `disk.<field>`.
fn property(e: &IdedExpr) -> Option<&str> {
    match &e.expr {
        Expr::Select(select) if !select.test => match &select.operand.expr {
            Expr::Ident(root) if root == "disk" => Some(&select.field),
            _ => None,
        },
        _ => None,
    }
}

fn size(op: SizeOp, bound: &IdedExpr) -> Atom {
    match evaluate(bound, Bindings::default(), &mut { FUEL }).0 {
        Ok(Value::Uint(bound)) => Atom::Size { op, bound },
        _ => Atom::Other,
    }
}

fn text(of: &IdedExpr, literal: &IdedExpr, shape: impl Fn(&str) -> (String, bool)) -> Atom {
    match (property(of), &literal.expr) {
        (Some(field), Expr::Literal(LiteralValue::String(text))) => {
            let (pattern, glob) = shape(text.inner());
            Atom::Text {
                field: field.to_owned(),
                pattern,
                glob,
            }
        }
        _ => Atom::Other,
    }
}
