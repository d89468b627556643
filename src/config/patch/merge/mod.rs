//! Merging the values of one document into those of another.
//!
//! Pure. Spec: Talos' `config/merge/merge.go`, and the types that merge themselves. An absent value is Talos' zero: of text,
//! numbers and words it leaves alone what is there; a boolean that is no pointer, an expression and a size in bytes are set
//! to it.

mod forms;
mod lists;

use serde_json::{Map, Value};

use super::error::MergeError;
use crate::config::schema::{FieldType, Named, Schema, StructureId, Type};

type Merged<T> = Result<T, MergeError>;

/// Merges, and knows where it stopped.
#[derive(Default)]
pub(super) struct Merger {
    /// The steps to where it stopped after an error, the last one first.
    steps: Vec<String>,
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
    /// Where it stopped after an error.
    pub fn path(&self) -> Vec<String> {
        self.steps.iter().rev().cloned().collect()
    }

    /// What came of a step, which is noted if it was an error.
    fn step<T>(&mut self, merged: Merged<T>, step: impl FnOnce() -> String) -> Merged<T> {
        merged.inspect_err(|_| self.steps.push(step()))
    }

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
            let from = right.get(field.key);
            if from.is_none() && leaves_alone(field) {
                continue;
            }
            let slot = left.get_mut(field.key);
            let is_there = slot.is_some();
            let merged = self.field(field, slot.map(Value::take), from);
            match self.step(merged, || field.key.to_owned())? {
                Some(value) => {
                    left.insert(field.key.to_owned(), value);
                }
                None if is_there => {
                    left.swap_remove(field.key);
                }
                None => {}
            }
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
            Type::Form(form) => forms::merge(*form, left, right, how),
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
            let slot = left.entry(key.clone()).or_insert(Value::Null);
            let is_nil = slot.is_null() && !matches!(inner, Type::Form(_));
            if is_nil {
                *slot = from.clone();
            } else {
                let found = slot.take();
                let merged = self.value(inner, Some(found), Some(from), How::default());
                let merged = self.step(merged, || key.clone())?;
                *slot = merged.unwrap_or(Value::Null);
            }
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
            lists::replace_rules(&mut items, right);
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
            let same = items
                .iter()
                .position(|item| lists::is_same(named, item, from));
            let (Some(index), Some(fields)) = (same, from.as_object()) else {
                items.push(from.clone());
                continue;
            };
            let into = object(Some(items[index].take()));
            let merged = self.structure(*id, into, fields);
            let merged = self.step(merged, || format!("[{index}]"))?;
            items[index] = Value::Object(merged);
        }
        Ok(())
    }
}

/// Whether nothing in a patch leaves alone what is there, whatever that is.
fn leaves_alone(field: &FieldType) -> bool {
    match &field.value {
        Type::Text
        | Type::Int(_)
        | Type::Uint(_)
        | Type::Duration
        | Type::Enumeration(_)
        | Type::Pointer(_)
        | Type::List(_)
        | Type::Map(_)
        | Type::Named(..) => true,
        Type::Structure(_) => field.replace,
        Type::Bool | Type::Any | Type::Form(_) => false,
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
