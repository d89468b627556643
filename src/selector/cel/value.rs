//! Values of CEL at run time: equality, order and arithmetic, as cel-go has them.
//!
//! Numbers of different types are equal or ordered by their mathematical value; everything else of
//! different types is unequal. Arithmetic is checked: what does not fit is an error, never a wrap.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use super::EvalError;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    List(Rc<Vec<Value>>),
    /// In the order of the literal; keys are unique.
    Map(Rc<Vec<(Value, Value)>>),
    /// The one disk or volume that the expression is about.
    Message(Message),
}

/// Which message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    Disk,
    Volume,
}

impl Value {
    pub(super) fn str(text: &str) -> Self {
        Self::Str(text.into())
    }

    pub(super) fn list(elements: Vec<Self>) -> Self {
        Self::List(Rc::new(elements))
    }

    /// The type's name, for messages.
    pub(super) const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Str(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Message(_) => "message",
        }
    }

    /// How many elements, bytes or entries it holds; what copying it costs.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Str(s) => s.len(),
            Self::Bytes(b) => b.len(),
            Self::List(l) => l.len(),
            Self::Map(m) => m.len(),
            _ => 1,
        }
    }

    /// CEL's `==`. `fuel` bounds what comparing nested lists may cost; without any left, false.
    pub(super) fn equals(&self, other: &Self, fuel: &mut u32) -> bool {
        *fuel = fuel.saturating_sub(1);
        if *fuel == 0 {
            return false;
        }
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Message(a), Self::Message(b)) => a == b,
            (Self::List(a), Self::List(b)) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b, fuel))
            }
            (Self::Map(a), Self::Map(b)) => {
                a.len() == b.len()
                    && a.iter().all(|(key, value)| {
                        find(b, key, fuel)
                            .cloned()
                            .is_some_and(|other| value.equals(&other, fuel))
                    })
            }
            _ => self.number_order(other) == Some(Ordering::Equal),
        }
    }

    /// CEL's order, for what has one. Not-a-number is neither above nor below nor beside anything.
    pub(super) fn compare(&self, other: &Self) -> Result<Option<Ordering>, EvalError> {
        let nan = |value: &Self| matches!(value, Self::Double(n) if n.is_nan());
        if nan(self) || nan(other) {
            return Ok(None);
        }
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => return Ok(Some(a.cmp(b))),
            (Self::Str(a), Self::Str(b)) => return Ok(Some(a.cmp(b))),
            (Self::Bytes(a), Self::Bytes(b)) => return Ok(Some(a.cmp(b))),
            _ => {}
        }
        match self.number_order(other) {
            Some(order) => Ok(Some(order)),
            None => Err(EvalError::NoOverload {
                function: "a comparison".to_owned(),
                types: format!("{}, {}", self.type_name(), other.type_name()),
            }),
        }
    }

    fn number_order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Uint(a), Self::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), Self::Int(b)) => a.partial_cmp(&int_to_double(*b)),
            (Self::Double(a), Self::Uint(b)) => a.partial_cmp(&uint_to_double(*b)),
            (Self::Int(a), Self::Double(b)) => int_to_double(*a).partial_cmp(b),
            (Self::Uint(a), Self::Double(b)) => uint_to_double(*a).partial_cmp(b),
            _ => None,
        }
    }
}

/// The nearest double, as CEL's own conversion does.
#[expect(
    clippy::cast_precision_loss,
    reason = "CEL defines the conversion as rounding"
)]
pub(super) const fn int_to_double(n: i64) -> f64 {
    n as f64
}

/// The nearest double, as CEL's own conversion does.
#[expect(
    clippy::cast_precision_loss,
    reason = "CEL defines the conversion as rounding"
)]
pub(super) const fn uint_to_double(n: u64) -> f64 {
    n as f64
}

/// The value under `key`.
pub(super) fn find<'m>(
    entries: &'m [(Value, Value)],
    key: &Value,
    fuel: &mut u32,
) -> Option<&'m Value> {
    entries
        .iter()
        .find(|(k, _)| k.equals(key, fuel))
        .map(|(_, value)| value)
}

impl fmt::Display for Value {
    /// As a person would write it in an expression.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Uint(n) => write!(f, "{n}"),
            Self::Double(n) => write!(f, "{n:?}"),
            Self::Str(s) => write!(f, "{s:?}"),
            Self::Bytes(b) => write!(f, "b\"{}\"", b.escape_ascii()),
            Self::List(list) => {
                f.write_str("[")?;
                for (i, element) in list.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{element}")?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => write!(f, "{{{} entries}}", entries.len()),
            Self::Message(Message::Disk) => f.write_str("disk"),
            Self::Message(Message::Volume) => f.write_str("volume"),
        }
    }
}
