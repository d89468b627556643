//! What is wrong in a document that was read by its types: the place and the kind of mistake, never the value. Pure.

use std::fmt;

/// What is wrong at one place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Such as `machine.network.interfaces[0].mtu`; empty for the document itself.
    pub path: String,
    /// Line of the text, from 1; 0 if it comes from no text.
    pub line: u32,
    /// Column, from 1; 0 if it comes from no text.
    pub column: u32,
    /// What is wrong.
    pub wrong: Wrong,
}

/// Kinds of [`Problem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Talos does not have the key here; the keys that come near.
    UnknownKey(Vec<&'static str>),
    /// Something else must stand here: what, and what does.
    Shape(&'static str, &'static str),
    /// The text does not have the form that must stand here.
    Value(String),
    /// `null` as an element.
    Null,
}

/// `machine.network.interfaces[0].mtu`.
pub(crate) fn join(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        if !text.is_empty() && !part.starts_with('[') {
            text.push('.');
        }
        text.push_str(part);
    }
    text
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "the document"
        } else {
            &self.path
        };
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        write!(f, "{path}: ")?;
        match &self.wrong {
            Wrong::UnknownKey(near) if near.is_empty() => {
                f.write_str("Talos does not have this key")
            }
            Wrong::UnknownKey(near) => write!(
                f,
                "Talos does not have this key; did you mean {}?",
                near.join(" or ")
            ),
            Wrong::Shape(wanted, found) => write!(f, "{found} where {wanted} must stand"),
            Wrong::Value(allowed) => write!(f, "wrong value; allowed: {allowed}"),
            Wrong::Null => f.write_str("null is not allowed as an element"),
        }
    }
}
