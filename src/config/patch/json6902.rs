//! RFC 6902 as `evanphx/json-patch` of Go does it, which Talos uses.
//!
//! Pure. Own, since the differences matter and crates follow the RFC: `replace` and `copy` of a key that is not there are
//! `add` (of null), positions may be negative and count from the end, the text in front of the first slash of a path does
//! not count, `add` without a value adds null. The document is patched in the shape that Talos writes, and read again by
//! its types afterwards.

use std::rc::Rc;

use serde_json::{Map, Number, Value};
use zeroize::Zeroizing;

use super::documents::{self, MachineConfig};
use super::error::{OperationError, PatchError};
use super::load::Operations;
use crate::config::diagnostic::one_line;
use crate::config::node::{self, Entry, Node, Place, Scalar, Style, Tag};

type Done<T> = Result<T, OperationError>;

/// Applies patches of which one follows the other.
pub(super) fn apply(
    config: &MachineConfig,
    patches: &[&Operations],
) -> Result<MachineConfig, PatchError> {
    let mut values = config.values();
    let name = |patch: Option<&&Operations>| patch.map_or(String::new(), |it| it.name.clone());
    let (Some(mut value), true) = (values.pop(), values.is_empty()) else {
        return Err(PatchError::MultiDocument {
            patch: name(patches.first()),
            documents: config.documents.len(),
        });
    };
    for patch in patches {
        run_all(&mut value, patch)?;
    }
    let read = || {
        let document = documents::document(&to_node(&value))?;
        MachineConfig::new(document.into_iter().collect())
    };
    read().map_err(|source| PatchError::Result {
        patch: name(patches.last()),
        source,
    })
}

fn run_all(value: &mut Value, patch: &Operations) -> Result<(), PatchError> {
    for (index, operation) in patch.operations.iter().enumerate() {
        run(value, operation).map_err(|source| PatchError::Operation {
            patch: patch.name.clone(),
            index,
            operation: one_line(text(operation, "op").unwrap_or("unknown")),
            path: one_line(text(operation, "path").unwrap_or_default()),
            source,
        })?;
    }
    Ok(())
}

fn text<'o>(operation: &'o Value, key: &str) -> Option<&'o str> {
    operation.get(key).and_then(Value::as_str)
}

fn run(document: &mut Value, operation: &Value) -> Done<()> {
    let path = || text(operation, "path").ok_or(OperationError::NoPath);
    let from = || text(operation, "from").ok_or(OperationError::NoFrom);
    let value = || operation.get("value").cloned().unwrap_or(Value::Null);
    match text(operation, "op") {
        Some("add") => {
            let (place, key) = find(document, path()?)?;
            add(place, &key, value())
        }
        Some("remove") => {
            let (place, key) = find(document, path()?)?;
            remove(place, &key).map(drop)
        }
        Some("replace") => {
            let path = path()?;
            if path.is_empty() {
                let value = value();
                if !value.is_object() && !value.is_array() && !value.is_null() {
                    return Err(OperationError::Root);
                }
                *document = value;
                return Ok(());
            }
            let (place, key) = find(document, path)?;
            get(place, &key)?;
            set(place, &key, value())
        }
        Some("move") => {
            let (place, key) = find(document, from()?)?;
            get(place, &key)?;
            let value = remove(place, &key)?;
            let (place, key) = find(document, path()?)?;
            add(place, &key, value)
        }
        Some("copy") => {
            let (place, key) = find(document, from()?)?;
            let value = get(place, &key)?.cloned().unwrap_or(Value::Null);
            let (place, key) = find(document, path()?)?;
            add(place, &key, value)
        }
        Some("test") => {
            let path = path()?;
            let wanted = value();
            let found = if path.is_empty() {
                Some(&*document)
            } else {
                let (place, key) = find(document, path)?;
                get(place, &key)?
            };
            let equal = *found.unwrap_or(&Value::Null) == wanted;
            equal.then_some(()).ok_or(OperationError::Test)
        }
        _ => Err(OperationError::Unknown),
    }
}

/// The mapping or list that holds the last part of the path, and that part.
fn find<'d>(document: &'d mut Value, path: &str) -> Done<(&'d mut Value, String)> {
    let mut parts = path
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"));
    let mut key = parts.next().ok_or(OperationError::Missing)?;
    let mut place = document;
    for next in parts {
        place = step(place, &key).ok_or(OperationError::Missing)?;
        if !place.is_object() && !place.is_array() {
            return Err(OperationError::Missing);
        }
        key = next;
    }
    Ok((place, key))
}

fn step<'d>(place: &'d mut Value, key: &str) -> Option<&'d mut Value> {
    match place {
        Value::Object(map) => map.get_mut(key),
        Value::Array(items) => {
            let index = position(key, items.len()).ok()?;
            items.get_mut(index)
        }
        _ => None,
    }
}

/// A position; negative ones count from behind the end.
fn position(key: &str, length: usize) -> Done<usize> {
    let index: i64 = key.parse().map_err(|_| OperationError::Index)?;
    match usize::try_from(index) {
        Ok(index) => Ok(index),
        Err(_) => {
            let back = usize::try_from(index.unsigned_abs()).map_err(|_| OperationError::Index)?;
            length.checked_sub(back).ok_or(OperationError::Index)
        }
    }
}

/// What stands there; a key that is not there is nothing, a position that is not there an error.
fn get<'d>(place: &'d Value, key: &str) -> Done<Option<&'d Value>> {
    match place {
        Value::Object(map) => Ok(map.get(key)),
        Value::Array(items) => {
            let index = position(key, items.len())?;
            items.get(index).map(Some).ok_or(OperationError::Index)
        }
        _ => Err(OperationError::Missing),
    }
}

fn set(place: &mut Value, key: &str, value: Value) -> Done<()> {
    match place {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
            Ok(())
        }
        Value::Array(items) => {
            let index = position(key, items.len())?;
            let slot = items.get_mut(index).ok_or(OperationError::Index)?;
            *slot = value;
            Ok(())
        }
        _ => Err(OperationError::Missing),
    }
}

fn add(place: &mut Value, key: &str, value: Value) -> Done<()> {
    let Value::Array(items) = place else {
        return set(place, key, value);
    };
    if key == "-" {
        items.push(value);
        return Ok(());
    }
    let index = position(key, items.len() + 1)?;
    if index > items.len() {
        return Err(OperationError::Index);
    }
    items.insert(index, value);
    Ok(())
}

fn remove(place: &mut Value, key: &str) -> Done<Value> {
    match place {
        Value::Object(map) => map.shift_remove(key).ok_or(OperationError::Missing),
        Value::Array(items) => {
            let index = position(key, items.len())?;
            if index >= items.len() {
                return Err(OperationError::Index);
            }
            Ok(items.remove(index))
        }
        _ => Err(OperationError::Missing),
    }
}

/// The value as if it had been read, to be read by its types.
fn to_node(value: &Value) -> Rc<Node> {
    let scalar = |text: String, style| {
        node::Value::Scalar(Scalar {
            text: Zeroizing::new(text),
            style,
            tag: Tag::None,
        })
    };
    let value = match value {
        Value::Object(map) => node::Value::Map(entries(map)),
        Value::Array(items) => node::Value::List(items.iter().map(to_node).collect()),
        Value::String(text) => scalar(text.clone(), Style::Quoted),
        Value::Number(number) => scalar(number_text(number), Style::Plain),
        other => scalar(other.to_string(), Style::Plain),
    };
    Rc::new(Node {
        place: Place::default(),
        value,
        depth: 0,
        weight: 0,
    })
}

fn entries(map: &Map<String, Value>) -> Vec<Entry> {
    let entry = |(key, value): (&String, &Value)| Entry {
        key: Rc::from(key.as_str()),
        at: Place::default(),
        value: to_node(value),
    };
    map.iter().map(entry).collect()
}

/// As Go writes it, whose text a string field would take: `1e+06`, and no point behind whole numbers below.
fn number_text(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        return number.to_string();
    };
    if float == 0.0 {
        return String::from("0");
    }
    let written = format!("{float:e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}
