//! A place in a decoded document, and what is refused there.
//!
//! Pure. A place that is absent reads as Talos' zero, as it does for Talos.

use serde_json::Value;

use crate::config::{duration, one_line, size};
use crate::lint::rule::Rule;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::lint) enum Step {
    /// The value of a key.
    Key(String),
    /// An element of a list.
    Index(usize),
}

/// A place in a document. Has no `Debug`: keys may stand there.
#[derive(Clone)]
pub(super) struct View<'v> {
    value: Option<&'v Value>,
    path: Vec<Step>,
}

impl<'v> View<'v> {
    /// A whole document.
    pub fn new(value: &'v Value) -> Self {
        Self {
            value: Some(value),
            path: Vec::new(),
        }
    }

    /// The place below these keys.
    pub fn at(&self, keys: &[&str]) -> Self {
        let (mut value, mut path) = (self.value, self.path.clone());
        for key in keys {
            value = value.and_then(|it| it.get(key));
            path.push(Step::Key((*key).to_owned()));
        }
        Self { value, path }
    }

    /// The place of this key.
    pub fn get(&self, key: &str) -> Self {
        self.at(&[key])
    }

    /// Whether something stands there, be it empty.
    pub fn is_set(&self) -> bool {
        self.value.is_some_and(|it| !it.is_null())
    }

    /// Whether Talos reads nothing but zeros there.
    pub fn is_zero(&self) -> bool {
        self.value.is_none_or(is_zero)
    }

    /// The text; empty if there is none.
    pub fn text(&self) -> &'v str {
        self.value.and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it is true.
    pub fn is_true(&self) -> bool {
        self.value == Some(&Value::Bool(true))
    }

    /// Whether it is false, and said so.
    pub fn is_false(&self) -> bool {
        self.value == Some(&Value::Bool(false))
    }

    /// The number; 0 if there is none.
    pub fn number(&self) -> i64 {
        let value = self.value.and_then(Value::as_number);
        let large = |it: &serde_json::Number| it.is_u64().then_some(i64::MAX);
        value
            .and_then(|it| it.as_i64().or_else(|| large(it)))
            .unwrap_or(0)
    }

    /// The duration in nanoseconds; 0 if there is none.
    pub fn nanos(&self) -> i64 {
        duration::parse(self.text()).unwrap_or(0)
    }

    /// The size in bytes, without its sign; `None` if there is none or it is a share.
    pub fn bytes(&self) -> Option<u64> {
        let text = self.text();
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        size::parse_go_bytes(unsigned).ok().map(|it| it.get())
    }

    /// The elements of a list.
    pub fn items(&self) -> Vec<Self> {
        let items = self.value.and_then(Value::as_array);
        let item = |(index, value): (usize, &'v Value)| {
            let mut path = self.path.clone();
            path.push(Step::Index(index));
            Self {
                value: Some(value),
                path,
            }
        };
        items.into_iter().flatten().enumerate().map(item).collect()
    }

    /// The keys of a mapping and their places.
    pub fn entries(&self) -> Vec<(&'v str, Self)> {
        let map = self.value.and_then(Value::as_object);
        let keys = map.into_iter().flatten();
        keys.map(|(key, _)| (key.as_str(), self.get(key))).collect()
    }

    /// Whether a list or mapping has nothing in it.
    pub fn is_empty(&self) -> bool {
        self.items().is_empty() && self.entries().is_empty()
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::Number(it) => it.as_i64() == Some(0),
        Value::String(it) => it.is_empty() || it == "0s",
        Value::Array(it) => it.is_empty(),
        Value::Object(it) => it.values().all(is_zero),
    }
}

/// Something that Talos refuses.
#[derive(Debug)]
pub(in crate::lint) struct Refusal {
    /// The family.
    pub rule: &'static Rule,
    /// Index of the document.
    pub document: usize,
    /// Where in it.
    pub path: Vec<Step>,
    /// Where and what, without any value that may be a secret.
    pub message: String,
}

/// Collects what is refused.
pub(super) struct Out<'d> {
    names: &'d [String],
    document: usize,
    rule: &'static Rule,
    found: Vec<Refusal>,
}

/// Most refusals that are kept; more help nobody.
const MOST: usize = 200;

impl<'d> Out<'d> {
    /// With the names of the documents; the old one has none.
    pub fn new(names: &'d [String], rule: &'static Rule) -> Self {
        Self {
            names,
            document: 0,
            rule,
            found: Vec::new(),
        }
    }

    /// What follows is about the document with this index and belongs to this family.
    pub fn about(&mut self, document: usize, rule: &'static Rule) {
        self.document = document;
        self.rule = rule;
    }

    /// Talos refuses what stands at `view`.
    pub fn refuse(&mut self, view: &View<'_>, what: impl AsRef<str>) {
        let rule = self.rule;
        self.add(rule, view, what.as_ref());
    }

    /// The same if `wrong`.
    pub fn refuse_if(&mut self, wrong: bool, view: &View<'_>, what: impl AsRef<str>) {
        if wrong {
            self.refuse(view, what);
        }
    }

    /// The same under another family.
    pub fn add(&mut self, rule: &'static Rule, view: &View<'_>, what: &str) {
        if self.found.len() >= MOST {
            return;
        }
        let name = self.names.get(self.document).map_or("", |it| it.as_str());
        let path = written(&view.path);
        let place = match (name, &*path) {
            ("", "") => String::new(),
            (one, "") | ("", one) => format!("{one}: "),
            (name, path) => format!("{name}: {path}: "),
        };
        self.found.push(Refusal {
            rule,
            document: self.document,
            path: view.path.clone(),
            message: format!("{place}{what}"),
        });
    }

    /// What was refused.
    pub fn found(self) -> Vec<Refusal> {
        self.found
    }
}

fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&one_line(key));
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
