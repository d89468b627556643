//! The standard library's functions on values.

use std::cmp::Ordering;
use std::rc::Rc;

use super::EvalError;
use super::glob::glob;
use super::pattern;
use super::value::{Value, find, int_to_double, uint_to_double};

type Evaluated = Result<Value, EvalError>;

/// Applies `name` to `args` (the receiver first). `fuel` bounds what comparing may cost.
pub(super) fn apply(name: &str, args: &[Value], fuel: &mut u32) -> Evaluated {
    match (name, args) {
        ("!_", [Value::Bool(b)]) => Ok(Value::Bool(!b)),
        ("_==_", [a, b]) => Ok(Value::Bool(a.equals(b, fuel))),
        ("_!=_", [a, b]) => Ok(Value::Bool(!a.equals(b, fuel))),
        ("_<_", [a, b]) => order(a, b, Ordering::is_lt),
        ("_<=_", [a, b]) => order(a, b, Ordering::is_le),
        ("_>_", [a, b]) => order(a, b, Ordering::is_gt),
        ("_>=_", [a, b]) => order(a, b, Ordering::is_ge),
        ("_[_]", [container, key]) => index(container, key, fuel),
        ("@in", [element, Value::List(list)]) => {
            Ok(Value::Bool(list.iter().any(|e| element.equals(e, fuel))))
        }
        ("@in", [key, Value::Map(map)]) => Ok(Value::Bool(find(map, key, fuel).is_some())),
        ("_+_" | "_-_" | "_*_" | "_/_" | "_%_", [a, b]) => arithmetic(name, a, b),
        ("-_", [Value::Int(n)]) => int(n.checked_neg()),
        ("-_", [Value::Double(n)]) => Ok(Value::Double(-n)),
        ("size", [value]) => size(value),
        ("contains", [Value::Str(s), Value::Str(part)]) => Ok(Value::Bool(s.contains(&**part))),
        ("startsWith", [Value::Str(s), Value::Str(p)]) => Ok(Value::Bool(s.starts_with(&**p))),
        ("endsWith", [Value::Str(s), Value::Str(p)]) => Ok(Value::Bool(s.ends_with(&**p))),
        ("matches", [Value::Str(s), Value::Str(p)]) => pattern::matches(s, p).map(Value::Bool),
        ("glob", [Value::Str(p), Value::Str(s)]) => Ok(Value::Bool(glob(p, s))),
        ("dyn", [value]) => Ok(value.clone()),
        ("bool" | "bytes" | "double" | "int" | "string" | "uint", [value]) => convert(name, value),
        _ => Err(no_overload(name, args)),
    }
}

fn order(a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Evaluated {
    Ok(Value::Bool(a.compare(b)?.is_some_and(holds)))
}

pub(super) fn no_overload(name: &str, args: &[Value]) -> EvalError {
    let types: Vec<&str> = args.iter().map(Value::type_name).collect();
    EvalError::NoOverload {
        function: name.to_owned(),
        types: types.join(", "),
    }
}

fn int(result: Option<i64>) -> Evaluated {
    result.map(Value::Int).ok_or(EvalError::Overflow)
}

fn uint(result: Option<u64>) -> Evaluated {
    result.map(Value::Uint).ok_or(EvalError::Overflow)
}

fn arithmetic(name: &str, a: &Value, b: &Value) -> Evaluated {
    match (name, a, b) {
        ("_/_" | "_%_", Value::Int(_), Value::Int(0))
        | ("_/_" | "_%_", Value::Uint(_), Value::Uint(0)) => Err(EvalError::DivisionByZero),
        ("_+_", Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        ("_-_", Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        ("_*_", Value::Int(a), Value::Int(b)) => int(a.checked_mul(*b)),
        ("_/_", Value::Int(a), Value::Int(b)) => int(a.checked_div(*b)),
        ("_%_", Value::Int(a), Value::Int(b)) => int(a.checked_rem(*b)),
        ("_+_", Value::Uint(a), Value::Uint(b)) => uint(a.checked_add(*b)),
        ("_-_", Value::Uint(a), Value::Uint(b)) => uint(a.checked_sub(*b)),
        ("_*_", Value::Uint(a), Value::Uint(b)) => uint(a.checked_mul(*b)),
        ("_/_", Value::Uint(a), Value::Uint(b)) => uint(a.checked_div(*b)),
        ("_%_", Value::Uint(a), Value::Uint(b)) => uint(a.checked_rem(*b)),
        ("_+_", Value::Double(a), Value::Double(b)) => Ok(Value::Double(a + b)),
        ("_-_", Value::Double(a), Value::Double(b)) => Ok(Value::Double(a - b)),
        ("_*_", Value::Double(a), Value::Double(b)) => Ok(Value::Double(a * b)),
        ("_/_", Value::Double(a), Value::Double(b)) => Ok(Value::Double(a / b)),
        ("_+_", Value::Str(a), Value::Str(b)) => Ok(Value::Str(format!("{a}{b}").into())),
        ("_+_", Value::Bytes(a), Value::Bytes(b)) => {
            Ok(Value::Bytes([a.as_ref(), b.as_ref()].concat().into()))
        }
        ("_+_", Value::List(a), Value::List(b)) => {
            Ok(Value::list(a.iter().chain(b.iter()).cloned().collect()))
        }
        _ => Err(no_overload(name, &[a.clone(), b.clone()])),
    }
}

fn index(container: &Value, key: &Value, fuel: &mut u32) -> Evaluated {
    match container {
        Value::Map(map) => find(map, key, fuel)
            .cloned()
            .ok_or_else(|| EvalError::NoSuchKey {
                key: key.to_string(),
            }),
        Value::List(list) => {
            let at = match key {
                Value::Int(n) => usize::try_from(*n).ok(),
                Value::Uint(n) => usize::try_from(*n).ok(),
                Value::Double(n) => whole(*n).and_then(|n| usize::try_from(n).ok()),
                _ => return Err(no_overload("_[_]", &[container.clone(), key.clone()])),
            };
            at.and_then(|at| list.get(at))
                .cloned()
                .ok_or_else(|| EvalError::NoSuchKey {
                    key: key.to_string(),
                })
        }
        _ => Err(no_overload("_[_]", &[container.clone(), key.clone()])),
    }
}

fn size(value: &Value) -> Evaluated {
    let count = match value {
        Value::Str(s) => s.chars().count(),
        Value::Bytes(b) => b.len(),
        Value::List(l) => l.len(),
        Value::Map(m) => m.len(),
        _ => return Err(no_overload("size", std::slice::from_ref(value))),
    };
    int(i64::try_from(count).ok())
}

/// The number as an integer if it is a whole one that fits.
fn whole(n: f64) -> Option<i64> {
    (n.fract() == 0.0).then(|| truncate(n)).flatten()
}

/// Cut off towards zero, if the result fits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting off is the purpose; the range is checked"
)]
fn truncate(n: f64) -> Option<i64> {
    let limit = int_to_double(i64::MAX);
    (n > -limit && n < limit).then_some(n as i64)
}

/// Cut off towards zero, if the result fits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cutting off is the purpose; the range is checked"
)]
fn truncate_unsigned(n: f64) -> Option<u64> {
    (n >= 0.0 && n < uint_to_double(u64::MAX)).then_some(n as u64)
}

fn convert(to: &str, value: &Value) -> Evaluated {
    let failed = || EvalError::Conversion {
        value: value.to_string(),
        to: to.to_owned(),
    };
    let converted = match (to, value) {
        ("bool", Value::Bool(_))
        | ("bytes", Value::Bytes(_))
        | ("double", Value::Double(_))
        | ("int", Value::Int(_))
        | ("string", Value::Str(_))
        | ("uint", Value::Uint(_)) => Some(value.clone()),
        ("bool", Value::Str(s)) => parse_bool(s).map(Value::Bool),
        ("bytes", Value::Str(s)) => Some(Value::Bytes(Rc::from(s.as_bytes()))),
        ("double", Value::Int(n)) => Some(Value::Double(int_to_double(*n))),
        ("double", Value::Uint(n)) => Some(Value::Double(uint_to_double(*n))),
        ("double", Value::Str(s)) => parse_double(s).map(Value::Double),
        ("int", Value::Uint(n)) => i64::try_from(*n).ok().map(Value::Int),
        ("int", Value::Double(n)) => truncate(*n).map(Value::Int),
        ("int", Value::Str(s)) => s.parse().ok().map(Value::Int),
        ("uint", Value::Int(n)) => u64::try_from(*n).ok().map(Value::Uint),
        ("uint", Value::Double(n)) => truncate_unsigned(*n).map(Value::Uint),
        ("uint", Value::Str(s)) if !s.starts_with('+') => s.parse().ok().map(Value::Uint),
        ("string", Value::Bool(_) | Value::Int(_) | Value::Uint(_)) => {
            Some(Value::str(&value.to_string()))
        }
        ("string", Value::Bytes(b)) => std::str::from_utf8(b).ok().map(Value::str),
        _ => None,
    };
    converted.ok_or_else(failed)
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A decimal number, or the words for infinity and not-a-number; one that is too large is none.
fn parse_double(text: &str) -> Option<f64> {
    let n: f64 = text.parse().ok()?;
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    (n.is_finite() || !digits).then_some(n)
}
