//! Documents as values that can be changed: a [`Node`] read by the types of [`super::schema`] into [`Value`].
//!
//! Pure. A value holds what Talos' types hold after decoding: text as text, numbers as numbers, words and addresses
//! in the form that Talos writes. An absent key is Talos' zero, `null` in a list or mapping its nil. All mistakes of a
//! document are found at once. Values hold secrets: they have no way into a message, only their paths have.

use serde_json::{Map, Number, Value};

use super::dated::is_timestamp;
use super::node::{self, Node, Place, Scalar};
use super::problem::{Problem, Wrong, join};
use super::scalar::Resolved;
use super::schema::{Form, Named, Schema, Structure, StructureId, Type, form};
use super::{duration, nearest::nearest};

/// Reads documents by their types.
pub(crate) struct Reader<'s> {
    schema: &'s Schema,
    path: Vec<String>,
    /// What was wrong so far.
    pub problems: Vec<Problem>,
}

/// Most problems that are kept; more help nobody.
const MOST: usize = 50;

impl<'s> Reader<'s> {
    /// A reader that has found nothing yet.
    pub fn new(schema: &'s Schema) -> Self {
        Self {
            schema,
            path: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The value of type `kind` in `node`; `None` is its zero.
    pub fn read(&mut self, kind: &Type, node: &Node) -> Option<Value> {
        if node.is_null() {
            return None;
        }
        match kind {
            Type::Pointer(inner) => self.read(inner, node).or_else(|| Some(self.zero(inner))),
            Type::Structure(id) => self.structure(*id, node).map(Value::Object),
            Type::List(inner) => self.list(inner, node),
            Type::Map(inner) => self.map(inner, node).map(Value::Object),
            Type::Named(named, under) => {
                let mut value = self.read(under, node)?;
                if *named == Named::InlineManifests {
                    trim_manifests(&mut value);
                }
                Some(value)
            }
            Type::Any => self.any(node),
            Type::Form(form) => self.form(*form, node),
            _ => match &node.value {
                node::Value::Scalar(scalar) => self.scalar(kind, node, scalar),
                _ => self.shape(node, expected(kind)),
            },
        }
    }

    /// What stands in a list or mapping where Talos has zero.
    fn zero(&self, kind: &Type) -> Value {
        match kind {
            Type::Bool => Value::Bool(false),
            Type::Int(_) | Type::Uint(_) | Type::Form(Form::DiskSize) => Value::from(0),
            Type::Duration => Value::from("0s"),
            Type::Structure(_) => Value::Object(Map::new()),
            Type::Enumeration(id) => Value::from(self.schema.enumeration(*id).zero.unwrap_or("")),
            Type::Text => Value::from(""),
            Type::Form(Form::ArgValue) => Value::Null,
            Type::Form(_) => Value::from(""),
            Type::Any | Type::Pointer(_) => Value::Null,
            Type::List(_) => Value::Array(Vec::new()),
            Type::Map(_) => Value::Object(Map::new()),
            Type::Named(_, under) => self.zero(under),
        }
    }

    fn structure(&mut self, id: StructureId, node: &Node) -> Option<Map<String, Value>> {
        let node::Value::Map(entries) = &node.value else {
            return self.shape(node, "a mapping");
        };
        let structure = self.schema.structure(id);
        if structure.open {
            return self.map(&Type::Any, node);
        }
        let mut found = Map::new();
        for entry in entries {
            let Some(field) = structure.field(&entry.key) else {
                self.unknown(structure, entry);
                continue;
            };
            self.path.push(field.key.to_owned());
            if let Some(value) = self.read(&field.value, &entry.value) {
                found.insert(field.key.to_owned(), value);
            }
            self.path.pop();
        }
        Some(found)
    }

    fn unknown(&mut self, structure: &Structure, entry: &node::Entry) {
        let known: Vec<&'static str> = structure.fields.iter().map(|field| field.key).collect();
        let near = nearest(&entry.key, &known);
        self.path.push(key_text(&entry.key));
        self.problem(entry.at, Wrong::UnknownKey(near));
        self.path.pop();
    }

    fn list(&mut self, inner: &Type, node: &Node) -> Option<Value> {
        let node::Value::List(items) = &node.value else {
            return self.shape(node, "a list");
        };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.path.push(format!("[{index}]"));
            match inner {
                Type::Pointer(_) if item.is_null() => self.problem(item.place, Wrong::Null),
                Type::Any if item.is_null() => found.push(Value::Null),
                Type::List(_) | Type::Map(_) if item.is_null() => found.push(self.zero(inner)),
                // Talos leaves these out.
                _ if item.is_null() => {}
                _ => {
                    let value = self.read(inner, item);
                    found.push(value.unwrap_or_else(|| self.zero(inner)));
                }
            }
            self.path.pop();
        }
        Some(Value::Array(found))
    }

    fn map(&mut self, inner: &Type, node: &Node) -> Option<Map<String, Value>> {
        let node::Value::Map(entries) = &node.value else {
            return self.shape(node, "a mapping");
        };
        let mut found = Map::new();
        for entry in entries {
            self.path.push(key_text(&entry.key));
            if entry.value.is_null() && matches!(inner, Type::Pointer(_)) {
                self.problem(entry.value.place, Wrong::Null);
            } else {
                let value = self.read(inner, &entry.value);
                let value = value.unwrap_or_else(|| self.zero(inner));
                found.insert(entry.key.to_string(), value);
            }
            self.path.pop();
        }
        Some(found)
    }

    fn any(&mut self, node: &Node) -> Option<Value> {
        match &node.value {
            node::Value::List(_) => self.list(&Type::Any, node),
            node::Value::Map(_) => self.map(&Type::Any, node).map(Value::Object),
            node::Value::Scalar(scalar) if is_timestamp(scalar) => {
                self.value(node, "text in quotes, where a date stands")
            }
            node::Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => Some(Value::Null),
                Resolved::Bool(value) => Some(Value::Bool(value)),
                Resolved::Int(value) => whole(value).map(Value::Number),
                Resolved::Float(value) => match Number::from_f64(value) {
                    Some(number) => Some(Value::Number(number)),
                    None => self.value(node, "a finite number"),
                },
                Resolved::Text | Resolved::Mismatch => self.text(node, scalar),
            },
        }
    }

    fn scalar(&mut self, kind: &Type, node: &Node, scalar: &Scalar) -> Option<Value> {
        match kind {
            Type::Text => self.text(node, scalar),
            Type::Bool => match truth(scalar) {
                Some(value) => Some(Value::Bool(value)),
                None => self.value(node, "true or false"),
            },
            Type::Int(bits) => self.number(node, scalar, -(1_i128 << (bits - 1)), 1 << (bits - 1)),
            Type::Uint(bits) => self.number(node, scalar, 0, 1 << bits),
            Type::Duration => match nanoseconds(scalar) {
                Some(value) => Some(Value::String(duration::text(value))),
                None => self.value(node, duration::FORM),
            },
            Type::Enumeration(id) => {
                let words = &self.schema.enumeration(*id).words;
                let is = |word: &&&str| scalar.text.eq_ignore_ascii_case(word);
                match words.iter().find(is) {
                    Some(word) => Some(Value::from(*word)),
                    None => self.value(node, &one_of(words)),
                }
            }
            _ => self.shape(node, expected(kind)),
        }
    }

    fn text(&mut self, node: &Node, scalar: &Scalar) -> Option<Value> {
        if is_timestamp(scalar) {
            return self.value(node, "text in quotes, where a date stands");
        }
        match scalar.as_text() {
            Some(text) => Some(Value::String(text.to_string())),
            None => self.value(node, "text that fits its tag"),
        }
    }

    fn number(&mut self, node: &Node, scalar: &Scalar, from: i128, to: i128) -> Option<Value> {
        let found = scalar.as_int().filter(|value| (from..to).contains(value));
        match found.and_then(whole) {
            Some(number) => Some(Value::Number(number)),
            None => self.value(node, &format!("a whole number from {from} to {}", to - 1)),
        }
    }

    fn form(&mut self, form: Form, node: &Node) -> Option<Value> {
        let keys: &[&'static str] = match form {
            Form::CertificateAndKey => &["crt", "key"],
            Form::Certificate => &["crt"],
            Form::Key => &["key"],
            Form::ArgValue if matches!(node.value, node::Value::List(_)) => {
                return self.list(&Type::Text, node);
            }
            _ => &[],
        };
        if !keys.is_empty() {
            return self.pem(keys, node);
        }
        let node::Value::Scalar(scalar) = &node.value else {
            return self.shape(node, "text");
        };
        if form == Form::PortRange
            && let Some(port) = scalar.as_int().and_then(|port| u16::try_from(port).ok())
        {
            return Some(Value::from(port.to_string()));
        }
        // These are read from what is written whatever it resolves to; the others from text.
        let raw = matches!(
            form,
            Form::Address { .. }
                | Form::Prefix { .. }
                | Form::AddressPort { .. }
                | Form::Hardware
                | Form::Expression
                | Form::ByteSize
                | Form::Size
        );
        let text = match raw {
            true => scalar.as_text().map(|text| text.to_string()),
            false => match self.text(node, scalar)? {
                Value::String(text) => Some(text),
                _ => None,
            },
        };
        let text = text.unwrap_or_default();
        match form::canonical(form, &text) {
            Ok(text) if form == Form::DiskSize => {
                let bytes: u64 = text.parse().unwrap_or_default();
                Some(Value::from(bytes))
            }
            Ok(text) => Some(Value::String(text)),
            Err(allowed) => self.value(node, allowed),
        }
    }

    /// A certificate or key: what is absent is empty, not left alone.
    fn pem(&mut self, keys: &[&'static str], node: &Node) -> Option<Value> {
        let node::Value::Map(entries) = &node.value else {
            return self.shape(node, "a mapping");
        };
        let mut found = Map::new();
        for key in keys {
            found.insert((*key).to_owned(), Value::from(""));
        }
        for entry in entries {
            self.path.push(key_text(&entry.key));
            if !keys.contains(&&*entry.key) {
                let near = nearest(&entry.key, keys);
                self.problem(entry.at, Wrong::UnknownKey(near));
            } else if !entry.value.is_null() {
                let text = match &entry.value.value {
                    node::Value::Scalar(scalar) => scalar.as_text(),
                    _ => None,
                };
                let text = text.as_deref().and_then(|text| match &*entry.key {
                    "key" if *text == REDACTED => Some(REDACTED.to_owned()),
                    _ => form::base64(text),
                });
                match text {
                    Some(text) => {
                        found.insert(entry.key.to_string(), Value::String(text));
                    }
                    None => self.problem(entry.value.place, Wrong::Value("Base64".into())),
                }
            }
            self.path.pop();
        }
        Some(Value::Object(found))
    }

    fn shape<T>(&mut self, node: &Node, wanted: &'static str) -> Option<T> {
        self.problem(node.place, Wrong::Shape(wanted, node.shape()));
        None
    }

    fn value<T>(&mut self, node: &Node, allowed: &str) -> Option<T> {
        self.problem(node.place, Wrong::Value(allowed.to_owned()));
        None
    }

    fn problem(&mut self, at: Place, wrong: Wrong) {
        if self.problems.len() < MOST {
            let path = join(&self.path);
            self.problems.push(Problem {
                path,
                line: at.line,
                column: at.column,
                wrong,
            });
        }
    }
}

/// What stands for a key that must not be shown, in the place of certificates' keys.
const REDACTED: &str = "******";

fn expected(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "true or false",
        Type::Int(_) | Type::Uint(_) => "a number",
        Type::Duration => "a duration",
        Type::List(_) => "a list",
        Type::Map(_) | Type::Structure(_) => "a mapping",
        Type::Pointer(inner) | Type::Named(_, inner) => expected(inner),
        Type::Any => "a value",
        Type::Text | Type::Enumeration(_) | Type::Form(_) => "text",
    }
}

fn whole(value: i128) -> Option<Number> {
    let small = i64::try_from(value).ok().map(Number::from);
    small.or_else(|| u64::try_from(value).ok().map(Number::from))
}

/// A boolean; Talos takes these words as well, quoted or not.
fn truth(scalar: &Scalar) -> Option<bool> {
    scalar.as_bool().or_else(|| match scalar.resolve() {
        Resolved::Text => match scalar.text.as_str() {
            "Yes" | "YES" | "On" | "ON" => Some(true),
            "No" | "NO" | "Off" | "OFF" => Some(false),
            _ => None,
        },
        _ => None,
    })
}

fn nanoseconds(scalar: &Scalar) -> Option<i64> {
    match scalar.resolve() {
        Resolved::Text => duration::parse(&scalar.text),
        Resolved::Int(0) => Some(0),
        Resolved::Float(_) => scalar.as_int().and_then(|value| i64::try_from(value).ok()),
        _ => None,
    }
}

/// Takes off what Talos takes off in front of the text of a manifest.
fn trim_manifests(list: &mut Value) {
    for manifest in list.as_array_mut().into_iter().flatten() {
        if let Some(Value::String(text)) = manifest.get_mut("contents") {
            let kept = text.trim_start_matches(['\t', '\n', '\u{b}', '\u{c}', '\r']);
            *text = kept.to_owned();
        }
    }
}

fn one_of(words: &[&str]) -> String {
    if words.len() > 16 {
        return format!(
            "one of {} and {} more",
            words[..8].join(", "),
            words.len() - 8
        );
    }
    format!("one of {}", words.join(", "))
}

/// A key as it stands in a path.
fn key_text(key: &str) -> String {
    super::diagnostic::one_line(key)
}
