//! Evaluation of a checked expression.
//!
//! Errors are values as in cel-go: `&&` and `||` absorb an error on one side when the other side
//! decides, the macros `all` and `exists` inherit that, and everything else passes the first error on.
//! Work is bounded: nested macros over literal lists could otherwise run for years.

use std::rc::Rc;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, SelectExpr,
};

use super::fields;
use super::functions::{apply, no_overload};
use super::value::{Message, Value, find};
use super::{EvalError, TalosVolume};
use crate::probe::inventory::TalosDisk;

/// Steps and copied elements that one evaluation may take; a selector that somebody wrote takes some hundred.
pub(super) const FUEL: u32 = 100_000;

/// Steps of a pattern over a text that cost as much as one of ours.
const PATTERN_STEPS: usize = 16;

type Evaluated = Result<Value, EvalError>;

/// What the variables stand for. An unbound one is an error only where it is evaluated.
#[derive(Clone, Copy, Default)]
pub(super) struct Bindings<'v> {
    pub disk: Option<&'v TalosDisk>,
    pub volume: Option<&'v TalosVolume>,
    pub system_disk: Option<bool>,
}

/// The value of `expression`, or an error and the node where it came about. Takes what it costs from `fuel`.
pub(super) fn evaluate(
    expression: &IdedExpr,
    bindings: Bindings<'_>,
    fuel: &mut u32,
) -> (Evaluated, u64) {
    let mut evaluation = Evaluation {
        bindings,
        locals: Vec::new(),
        fuel: *fuel,
        blamed: None,
    };
    let value = evaluation.expr(expression);
    *fuel = evaluation.fuel;
    (value, evaluation.blamed.unwrap_or(expression.id))
}

struct Evaluation<'v> {
    bindings: Bindings<'v>,
    /// Variables of the macros around the current node, innermost last.
    locals: Vec<(&'v str, Evaluated)>,
    fuel: u32,
    /// Where the error that is on its way up came about.
    blamed: Option<u64>,
}

impl<'v> Evaluation<'v> {
    fn burn(&mut self, cost: usize) -> Result<(), EvalError> {
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        self.fuel = self.fuel.saturating_sub(cost);
        if self.fuel == 0 {
            return Err(EvalError::TooExpensive);
        }
        Ok(())
    }

    fn expr(&mut self, e: &'v IdedExpr) -> Evaluated {
        let value = self.node(e);
        self.blamed = match value {
            Ok(_) => None,
            Err(_) => self.blamed.or(Some(e.id)),
        };
        value
    }

    fn node(&mut self, e: &'v IdedExpr) -> Evaluated {
        self.burn(1)?;
        match &e.expr {
            Expr::Literal(literal) => Ok(literal_value(literal)),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) => {
                let elements: Result<Vec<Value>, EvalError> =
                    list.elements.iter().map(|e| self.expr(e)).collect();
                Ok(Value::list(elements?))
            }
            Expr::Map(map) => self.map(&map.entries),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Struct(_) | Expr::Unspecified => Err(no_overload("an expression", &[])),
        }
    }

    fn ident(&self, name: &str) -> Evaluated {
        if let Some((_, value)) = self.locals.iter().rev().find(|l| l.0 == name) {
            return value.clone();
        }
        let name = name.strip_prefix('.').unwrap_or(name);
        let bound = match name {
            "disk" => self.bindings.disk.map(|_| Value::Message(Message::Disk)),
            "volume" => self
                .bindings
                .volume
                .map(|_| Value::Message(Message::Volume)),
            "system_disk" => self.bindings.system_disk.map(Value::Bool),
            _ => fields::constant(name).map(Value::Uint),
        };
        bound.ok_or_else(|| EvalError::Unbound {
            name: name.to_owned(),
        })
    }

    fn select(&mut self, select: &'v SelectExpr) -> Evaluated {
        let operand = self.expr(&select.operand)?;
        let field = &*select.field;
        match (&operand, select.test) {
            (Value::Message(message), false) => self.field(*message, field),
            (Value::Message(message), true) => {
                let set = match self.field(*message, field)? {
                    Value::Bool(b) => b,
                    Value::Uint(n) => n != 0,
                    other => other.weight() != 0,
                };
                Ok(Value::Bool(set))
            }
            (Value::Map(map), test) => {
                let found = find(map, &Value::str(field), &mut self.fuel);
                match (found, test) {
                    (found, true) => Ok(Value::Bool(found.is_some())),
                    (Some(value), false) => Ok(value.clone()),
                    (None, false) => Err(EvalError::NoSuchKey {
                        key: field.to_owned(),
                    }),
                }
            }
            _ => Err(no_overload("field selection", &[operand])),
        }
    }

    fn field(&self, message: Message, field: &str) -> Evaluated {
        let value = match message {
            Message::Disk => self
                .bindings
                .disk
                .and_then(|d| fields::disk_value(d, field)),
            Message::Volume => self
                .bindings
                .volume
                .and_then(|v| fields::volume_value(v, field)),
        };
        value.ok_or_else(|| EvalError::NoSuchKey {
            key: field.to_owned(),
        })
    }

    fn call(&mut self, call: &'v CallExpr) -> Evaluated {
        let name = call.func_name.strip_prefix('.').unwrap_or(&call.func_name);
        match (name, &*call.args) {
            ("_&&_", [a, b]) => return self.logic(name, a, b, false),
            ("_||_", [a, b]) => return self.logic(name, a, b, true),
            ("_?_:_", [condition, yes, no]) => {
                return match self.expr(condition)? {
                    Value::Bool(true) => self.expr(yes),
                    Value::Bool(false) => self.expr(no),
                    other => Err(no_overload(name, &[other])),
                };
            }
            ("@not_strictly_false", [condition]) => {
                return Ok(match self.expr(condition) {
                    Ok(Value::Bool(b)) => Value::Bool(b),
                    Err(EvalError::TooExpensive) => return Err(EvalError::TooExpensive),
                    _ => Value::Bool(true),
                });
            }
            _ => {}
        }
        let mut args = Vec::with_capacity(call.args.len() + 1);
        for arg in call.target.as_deref().into_iter().chain(&call.args) {
            args.push(self.expr(arg)?);
        }
        if let ("_[_]", [Value::Message(message), Value::Str(field)]) = (name, &*args) {
            return self.field(*message, field);
        }
        let weight: usize = args.iter().map(Value::weight).sum();
        let pattern = match (name, &*args) {
            ("matches", [text, pattern]) => text.weight().saturating_mul(pattern.weight()),
            _ => 0,
        };
        self.burn(weight.saturating_add(pattern / PATTERN_STEPS))?;
        apply(name, &args, &mut self.fuel)
    }

    /// `&&` and `||`: `decisive` on either side settles it, whatever the other side is.
    fn logic(&mut self, name: &str, a: &'v IdedExpr, b: &'v IdedExpr, decisive: bool) -> Evaluated {
        let (mut failed, mut blamed) = (None, None);
        for side in [a, b] {
            match self.expr(side) {
                Ok(Value::Bool(b)) if b == decisive => return Ok(Value::Bool(decisive)),
                Ok(Value::Bool(_)) => {}
                Err(EvalError::TooExpensive) => return Err(EvalError::TooExpensive),
                Ok(other) => {
                    failed.get_or_insert_with(|| no_overload(name, &[other]));
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
            blamed = blamed.or(self.blamed);
        }
        self.blamed = blamed;
        failed.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn map(&mut self, entries: &'v [IdedEntryExpr]) -> Evaluated {
        let mut map: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(no_overload("a message literal", &[]));
            };
            let (key, value) = (self.expr(&entry.key)?, self.expr(&entry.value)?);
            if !matches!(
                key,
                Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::Str(_)
            ) {
                return Err(no_overload("a map key", &[key]));
            }
            let fuel = &mut self.fuel;
            let slot = map
                .iter_mut()
                .find(|(k, _)| k.type_name() == key.type_name() && k.equals(&key, fuel));
            match slot {
                Some((_, old)) => *old = value,
                None => map.push((key, value)),
            }
        }
        Ok(Value::Map(Rc::new(map)))
    }

    fn comprehension(&mut self, c: &'v ComprehensionExpr) -> Evaluated {
        let range: Vec<Value> = match self.expr(&c.iter_range)? {
            Value::List(list) => list.to_vec(),
            Value::Map(map) => map.iter().map(|(key, _)| key.clone()).collect(),
            other => return Err(no_overload("a macro's range", &[other])),
        };
        self.burn(range.len())?;
        let accu = self.expr(&c.accu_init);
        let at = self.locals.len();
        self.locals.push((&c.accu_var, accu));
        for element in range {
            self.locals.push((&c.iter_var, Ok(element)));
            let step = match self.expr(&c.loop_cond) {
                Ok(Value::Bool(true)) => Some(self.expr(&c.loop_step)),
                Err(EvalError::TooExpensive) => Some(Err(EvalError::TooExpensive)),
                _ => None,
            };
            self.locals.pop();
            match step {
                Some(Err(EvalError::TooExpensive)) => return Err(EvalError::TooExpensive),
                Some(step) => self.locals[at].1 = step,
                None => break,
            }
        }
        let result = self.expr(&c.result);
        self.locals.truncate(at);
        result
    }
}

fn literal_value(literal: &LiteralValue) -> Value {
    match literal {
        LiteralValue::Boolean(b) => Value::Bool(*b.inner()),
        LiteralValue::Bytes(b) => Value::Bytes(b.inner().into()),
        LiteralValue::Double(n) => Value::Double(*n.inner()),
        LiteralValue::Int(n) => Value::Int(*n.inner()),
        LiteralValue::Null => Value::Null,
        LiteralValue::String(s) => Value::str(s.inner()),
        LiteralValue::UInt(n) => Value::Uint(*n.inner()),
    }
}
