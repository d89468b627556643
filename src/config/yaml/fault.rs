//! What stops the reading of a file. Quotes nothing of it but a repeated key. Pure.

use std::rc::Rc;

use crate::config::node::Place;

/// Why a file could not be read on. Quotes nothing of it but a repeated key.
pub(crate) struct Fault {
    /// Where.
    pub at: Place,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub allowed: &'static str,
    /// What kind of fault.
    pub kind: FaultKind,
}

/// Kinds of [`Fault`].
pub(crate) enum FaultKind {
    /// Not YAML.
    Syntax,
    /// A budget is exceeded.
    Limit,
    /// A key for the second time: its text, and where it stood first.
    DuplicateKey(Rc<str>, Place),
}

/// What reading comes to.
pub(super) type Composed<T> = Result<T, Box<Fault>>;

pub(super) fn syntax(at: Place, message: &str) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: format!("not valid YAML: {message}"),
        allowed: "blanks to indent, no tabs, and every quote and bracket closed",
        kind: FaultKind::Syntax,
    })
}

pub(super) fn limit(at: Place, message: &str, allowed: &'static str) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: message.to_owned(),
        allowed,
        kind: FaultKind::Limit,
    })
}

pub(super) fn duplicate(at: Place, key: Rc<str>, first: Place) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: String::from("the key is there twice"),
        allowed: "every key once in a mapping",
        kind: FaultKind::DuplicateKey(key, first),
    })
}

pub(super) fn control(at: Place, c: char) -> Box<Fault> {
    Box::new(Fault {
        at,
        message: format!("control character U+{:04X}", u32::from(c)),
        allowed: "text; this looks like a binary file",
        kind: FaultKind::Syntax,
    })
}
