//! Merging the values of one document into those of another.
//!
//! Pure. Spec: Talos' `config/merge/merge.go`, and the types that merge themselves. An absent value is Talos' zero: of text,
//! numbers and words it leaves alone what is there; a boolean that is no pointer, an expression and a size in bytes are set
//! to it.

use serde_json::{Map, Value};

use super::error::MergeError;
use crate::config::schema::{FieldType, Form, Named, Schema, StructureId, Type, url::Url};

type Merged<T> = Result<T, MergeError>;

/// Merges, and knows where it is.
#[derive(Default)]
pub(super) struct Merger {
    /// Where it stopped after an error.
    pub path: Vec<String>,
}

/// What a field says about its values.
#[derive(Clone, Copy, Default)]
struct How {
    /// The patch takes the place of what is there.
    replace: bool,
    /// Zero of the patch counts, since it stands behind a pointer.
    zero_counts: bool,
}

impl Merger {
    /// The keys of a structure, one by one.
    pub fn structure(
        &mut self,
        id: StructureId,
        mut left: Map<String, Value>,
        right: &Map<String, Value>,
    ) -> Merged<Map<String, Value>> {
        let structure = Schema::get().structure(id);
        if structure.open {
            return self.map(&Type::Any, left, right);
        }
        for field in &structure.fields {
            self.path.push(field.key.to_owned());
            let found = left.shift_remove(field.key);
            if let Some(value) = self.field(field, found, right.get(field.key))? {
                left.insert(field.key.to_owned(), value);
            }
            self.path.pop();
        }
        Ok(left)
    }

    fn field(
        &mut self,
        field: &FieldType,
        left: Option<Value>,
        right: Option<&Value>,
    ) -> Merged<Option<Value>> {
        let how = How {
            replace: field.replace,
            zero_counts: false,
        };
        self.value(&field.value, left, right, how)
    }

    fn value(
        &mut self,
        kind: &Type,
        left: Option<Value>,
        right: Option<&Value>,
        how: How,
    ) -> Merged<Option<Value>> {
        let schema = Schema::get();
        match kind {
            Type::Bool => Ok(right.cloned()),
            Type::Text | Type::Int(_) | Type::Uint(_) | Type::Duration | Type::Enumeration(_) => {
                let set = how.zero_counts || !schema.is_zero(kind, right);
                Ok(if set { right.cloned() } else { left })
            }
            Type::Pointer(inner) => match (left, right) {
                (left, None | Some(Value::Null)) => Ok(left),
                (None | Some(Value::Null), right) => Ok(right.cloned()),
                (left, right) => {
                    let how = How {
                        zero_counts: true,
                        ..how
                    };
                    let merged = self.value(inner, left, right, how)?;
                    Ok(Some(merged.unwrap_or(Value::Null)))
                }
            },
            Type::Any => self.any(left, right),
            Type::List(_) => Ok(list(left, right, how)),
            Type::Map(inner) => match (left, right) {
                (left, None) => Ok(left),
                (Some(Value::Object(left)), Some(Value::Object(right))) if !how.replace => {
                    Ok(Some(Value::Object(self.map(inner, left, right)?)))
                }
                (_, right) => Ok(right.cloned()),
            },
            Type::Structure(_) if how.replace => {
                let zero = schema.is_zero(kind, right) || right.is_none();
                Ok(if is_empty(right) || zero && !is_open(kind) {
                    left
                } else {
                    right.cloned()
                })
            }
            Type::Structure(id) => {
                let absent = left.is_none() && right.is_none();
                let (left, empty) = (object(left), Map::new());
                let right = right.and_then(Value::as_object).unwrap_or(&empty);
                let merged = self.structure(*id, left, right)?;
                Ok((!absent).then_some(Value::Object(merged)))
            }
            Type::Named(named, under) => self.named(*named, under, left, right, how),
            Type::Form(form) => form_value(*form, left, right, how),
        }
    }

    /// The entries of a mapping, one by one; nil is replaced.
    fn map(
        &mut self,
        inner: &Type,
        mut left: Map<String, Value>,
        right: &Map<String, Value>,
    ) -> Merged<Map<String, Value>> {
        for (key, from) in right {
            self.path.push(key.clone());
            let slot = left.entry(key.clone()).or_insert(Value::Null);
            let is_nil = slot.is_null() && !matches!(inner, Type::Form(_));
            if is_nil {
                *slot = from.clone();
            } else {
                let found = slot.take();
                let merged = self.value(inner, Some(found), Some(from), How::default())?;
                *slot = merged.unwrap_or(Value::Null);
            }
            self.path.pop();
        }
        Ok(left)
    }

    fn any(&mut self, left: Option<Value>, right: Option<&Value>) -> Merged<Option<Value>> {
        let (Some(left), Some(right)) = (left, right) else {
            return Err(MergeError::Mismatch);
        };
        Ok(Some(match (left, right) {
            (Value::Object(left), Value::Object(right)) => {
                Value::Object(self.map(&Type::Any, left, right)?)
            }
            (Value::Array(mut left), Value::Array(right)) => {
                left.extend(right.iter().cloned());
                Value::Array(left)
            }
            (Value::Bool(_), Value::Bool(right)) => Value::Bool(*right),
            (Value::String(left), Value::String(right)) => match right.is_empty() {
                true => Value::String(left),
                false => Value::String(right.clone()),
            },
            (Value::Number(left), Value::Number(right)) => {
                let of = |number: &serde_json::Number| (number.is_f64(), number.is_i64());
                if of(&left) != of(right) {
                    return Err(MergeError::Mismatch);
                }
                match right.as_f64() == Some(0.0) {
                    true => Value::Number(left),
                    false => Value::Number(right.clone()),
                }
            }
            _ => return Err(MergeError::Mismatch),
        }))
    }

    fn named(
        &mut self,
        named: Named,
        under: &Type,
        left: Option<Value>,
        right: Option<&Value>,
        how: How,
    ) -> Merged<Option<Value>> {
        if named == Named::Args {
            let Some(Value::Object(right)) = right.filter(|right| !is_empty(Some(right))) else {
                return Ok(left);
            };
            let mut merged = object(left);
            merged.extend(
                right
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            return Ok(Some(Value::Object(merged)));
        }
        let Type::List(inner) = under else {
            return Ok(left);
        };
        if named == Named::InlineManifests {
            return Ok(list(left, right, how));
        }
        let Some(Value::Array(right)) = right else {
            return Ok(left);
        };
        if left.is_none() && right.is_empty() {
            return Ok(None);
        }
        let mut items = match left {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        if named == Named::ImageRules {
            replace_rules(&mut items, right);
        } else {
            self.by_key(named, inner, &mut items, right)?;
        }
        Ok(Some(Value::Array(items)))
    }

    /// Elements of the same key merge, others are appended.
    fn by_key(
        &mut self,
        named: Named,
        inner: &Type,
        items: &mut Vec<Value>,
        right: &[Value],
    ) -> Merged<()> {
        let id = match inner {
            Type::Structure(id) => id,
            Type::Pointer(inner) => match &**inner {
                Type::Structure(id) => id,
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        for from in right {
            let same = items.iter().position(|item| is_same(named, item, from));
            let (Some(index), Some(fields)) = (same, from.as_object()) else {
                items.push(from.clone());
                continue;
            };
            self.path.push(format!("[{index}]"));
            let into = object(Some(items[index].take()));
            items[index] = Value::Object(self.structure(*id, into, fields)?);
            self.path.pop();
        }
        Ok(())
    }
}

/// Appended, or replaced if the field says so.
fn list(left: Option<Value>, right: Option<&Value>, how: How) -> Option<Value> {
    match (left, right) {
        (left, None | Some(Value::Null)) => left,
        (Some(Value::Array(mut left)), Some(Value::Array(right))) if !how.replace => {
            left.extend(right.iter().cloned());
            Some(Value::Array(left))
        }
        (_, right) => right.cloned(),
    }
}

fn object(value: Option<Value>) -> Map<String, Value> {
    match value {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn is_empty(value: Option<&Value>) -> bool {
    value.and_then(Value::as_object).is_none_or(Map::is_empty)
}

fn is_open(kind: &Type) -> bool {
    matches!(kind, Type::Structure(id) if Schema::get().structure(*id).open)
}

fn is_same(named: Named, left: &Value, right: &Value) -> bool {
    let text = |value: &Value, key: &str| {
        let found = value.get(key).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let by = |key: &str| text(left, key) == text(right, key);
    match named {
        Named::ConfigFiles => by("mountPath"),
        Named::AdmissionPlugins => by("name"),
        Named::Vlans => {
            let id = |value: &Value| value.get("vlanId").and_then(Value::as_u64).unwrap_or(0);
            id(left) == id(right)
        }
        Named::Devices if !text(right, "interface").is_empty() => by("interface"),
        Named::Devices => match (left.get("deviceSelector"), right.get("deviceSelector")) {
            (Some(left), Some(right)) => same_selector(left, right),
            _ => false,
        },
        Named::Args | Named::ImageRules | Named::InlineManifests => false,
    }
}

/// `physical` is a pointer in Talos, and two pointers are never equal.
fn same_selector(left: &Value, right: &Value) -> bool {
    let set = |value: &Value| -> Vec<(String, Value)> {
        let mut set: Vec<_> = object(Some(value.clone()))
            .into_iter()
            .filter(|(_, value)| value.as_str() != Some(""))
            .collect();
        set.sort_by(|one, other| one.0.cmp(&other.0));
        set
    };
    let physical = left.get("physical").is_some() || right.get("physical").is_some();
    !physical && set(left) == set(right)
}

/// Rules of an image that is there already take its place, the last of them if there are several.
fn replace_rules(items: &mut Vec<Value>, right: &[Value]) {
    let image = |rule: &Value| {
        let found = rule.get("image").and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let before: Vec<String> = items.iter().map(image).collect();
    for rule in right {
        match before.iter().rposition(|it| *it == image(rule)) {
            Some(index) => items[index] = rule.clone(),
            None => items.push(rule.clone()),
        }
    }
}

fn form_value(
    form: Form,
    left: Option<Value>,
    right: Option<&Value>,
    how: How,
) -> Merged<Option<Value>> {
    let text = |value: Option<&Value>| {
        let found = value.and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let (old, new) = (text(left.as_ref()), text(right));
    match form {
        Form::Address { merges: true }
        | Form::Prefix { merges: true }
        | Form::AddressPort { merges: true } => {
            Ok(if new.is_empty() { left } else { right.cloned() })
        }
        Form::Expression | Form::ByteSize => Ok(right.cloned()),
        Form::Size => {
            let keeps =
                new.is_empty() || (new.contains('%') && !old.is_empty() && !old.contains('%'));
            Ok(if keeps { left } else { right.cloned() })
        }
        Form::Url | Form::Endpoint => match (Url::parse(&old), Url::parse(&new)) {
            _ if new.is_empty() => Ok(left),
            _ if old.is_empty() => Ok(right.cloned()),
            (Some(old), Some(new)) => {
                let merged = old.merged(new).ok_or(MergeError::Fixed)?;
                Ok(Some(Value::String(merged.to_string())))
            }
            _ => Err(MergeError::Fixed),
        },
        Form::DiskSize => {
            let zero = right.and_then(Value::as_u64).unwrap_or(0) == 0;
            Ok(if zero && !how.zero_counts {
                left
            } else {
                right.cloned()
            })
        }
        Form::Hardware
        | Form::Base64
        | Form::ArgValue
        | Form::CertificateAndKey
        | Form::Certificate
        | Form::Key => Ok(right.cloned().or(left)),
        Form::Address { .. }
        | Form::Prefix { .. }
        | Form::AddressPort { .. }
        | Form::PortRange
        | Form::SizeMatcher => Err(MergeError::Fixed),
    }
}
