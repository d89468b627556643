//! Values in the shape that Talos writes: its order of keys, zeros written out where it writes them.
//!
//! Pure. A JSON patch works on this shape: what is written out can be tested and replaced there, what is left out cannot.

use serde_json::{Map, Value};

use super::{FieldType, Form, Schema, StructureId, Type};

impl Schema {
    /// A document as Talos writes it.
    pub fn encode(&self, id: StructureId, value: &Map<String, Value>) -> Map<String, Value> {
        let structure = self.structure(id);
        if structure.open {
            return value.clone();
        }
        let mut written = Map::new();
        for field in &structure.fields {
            let found = value.get(field.key);
            if !field.omit_empty || !self.is_zero_field(field, found) {
                written.insert(field.key.to_owned(), self.encode_value(&field.value, found));
            }
        }
        written
    }

    fn encode_value(&self, kind: &Type, value: Option<&Value>) -> Value {
        let Some(value) = value else {
            return self.nothing(kind);
        };
        match (kind, value) {
            (Type::Pointer(_), Value::Null) => Value::Null,
            (Type::Pointer(inner) | Type::Named(_, inner), _) => {
                self.encode_value(inner, Some(value))
            }
            (Type::Structure(id), Value::Object(map)) => Value::Object(self.encode(*id, map)),
            (Type::List(inner), Value::Array(items)) => {
                let items = items
                    .iter()
                    .map(|item| self.encode_value(inner, Some(item)));
                items.collect()
            }
            (Type::Map(inner), Value::Object(map)) => {
                let entries = map
                    .iter()
                    .map(|(key, value)| (key.clone(), self.encode_value(inner, Some(value))));
                Value::Object(entries.collect())
            }
            (Type::Form(Form::PortRange), Value::String(text)) => match text.parse::<u16>() {
                Ok(port) => Value::from(port),
                Err(_) => value.clone(),
            },
            _ => value.clone(),
        }
    }

    /// What Talos writes for zero.
    fn nothing(&self, kind: &Type) -> Value {
        match kind {
            Type::Bool => Value::Bool(false),
            Type::Text | Type::Form(_) => Value::from(""),
            Type::Int(_) | Type::Uint(_) => Value::from(0),
            Type::Duration => Value::from("0s"),
            Type::Any | Type::Pointer(_) => Value::Null,
            Type::List(_) => Value::Array(Vec::new()),
            Type::Map(_) => Value::Object(Map::new()),
            Type::Structure(id) => Value::Object(self.encode(*id, &Map::new())),
            Type::Enumeration(id) => match self.enumeration(*id).zero {
                Some(word) => Value::from(word),
                None => Value::Null,
            },
            Type::Named(_, under) => self.nothing(under),
        }
    }

    fn is_zero_field(&self, field: &FieldType, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Array(_)) if field.keeps_empty => false,
            _ => self.is_zero(&field.value, value),
        }
    }

    /// Whether a value is what Go's library takes for empty.
    pub fn is_zero(&self, kind: &Type, value: Option<&Value>) -> bool {
        let Some(value) = value else {
            return true;
        };
        match (kind, value) {
            (Type::Any, _) => value.is_null(),
            (Type::Pointer(_), _) => value.is_null(),
            (Type::Structure(id), Value::Object(map)) => {
                let structure = self.structure(*id);
                let counts = |key: &str| structure.zero.as_ref().is_none_or(|it| it.contains(&key));
                let empty = |(key, value): (&String, &Value)| match structure.field(key) {
                    Some(field) => !counts(key) || self.is_zero_field(field, Some(value)),
                    None => false,
                };
                map.iter().all(empty)
            }
            (Type::Named(_, under), _) => self.is_zero(under, Some(value)),
            (Type::Duration, Value::String(text)) => text == "0s",
            (Type::Enumeration(id), Value::String(text)) => {
                self.enumeration(*id).zero == Some(text) || text.is_empty()
            }
            (_, Value::Array(items)) => items.is_empty(),
            (_, Value::Object(map)) => map.is_empty(),
            (_, Value::String(text)) => text.is_empty(),
            (_, Value::Number(number)) => number.as_f64() == Some(0.0),
            (_, Value::Bool(truth)) => !truth,
            (_, Value::Null) => true,
        }
    }
}
