//! `$patch: delete`: taking it out of a patch, and deleting from a document what it names.
//!
//! Pure. Spec: Talos' `config/configloader/internal/decoder`, `delete.go` and `selector.go`. What it names is found by the
//! types of the document, so a key that exists can be deleted where it is not set, and one below an absent section cannot.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::error::{DeleteError, LoadError};
use crate::config::documents::V1ALPHA1;
use crate::config::node::{self, Entry, Node};
use crate::config::problem::join;
use crate::config::schema::{Form, Schema, StructureId, Type};

/// Something to delete.
#[derive(Clone)]
pub(super) struct Selector {
    /// The keys to it; the last one is `[0]` and the like for an element of a list, empty for the whole document.
    pub path: Vec<String>,
    /// `kind`, `v1alpha1` for the old document.
    pub kind: String,
    /// `apiVersion`, empty for the old document.
    pub version: String,
    /// `name`, if the patch has it.
    pub name: Option<String>,
    /// The first key of the element, and its text.
    element: (String, String),
}

impl Selector {
    /// Whether it deletes from the old document.
    pub fn is_v1alpha1(&self) -> bool {
        self.kind == V1ALPHA1
    }
}

/// What is left of a document of a patch, and what it deletes. A document that says nothing is left out like Talos does.
pub(super) fn take(root: &Rc<Node>) -> Result<(Option<Rc<Node>>, Vec<Selector>), LoadError> {
    let mut taker = Taker {
        root,
        path: Vec::new(),
        found: Vec::new(),
    };
    let rest = taker.walk(root, false)?;
    let rest = rest.filter(|rest| !says_nothing(rest));
    Ok((rest, taker.found))
}

struct Taker<'n> {
    root: &'n Node,
    path: Vec<String>,
    found: Vec<Selector>,
}

impl Taker<'_> {
    /// `node` without what is deleted in it; `None` if nothing is left.
    fn walk(&mut self, node: &Rc<Node>, in_list: bool) -> Result<Option<Rc<Node>>, LoadError> {
        let (value, changed) = match &node.value {
            node::Value::Scalar(_) => return Ok(Some(Rc::clone(node))),
            node::Value::Map(entries) => {
                let mut kept: Vec<Entry> = Vec::new();
                for (index, entry) in entries.iter().enumerate() {
                    if is_delete(entry) {
                        let element = kept.iter().chain(&entries[index..]);
                        self.add(node, in_list, element)?;
                        return Ok(None);
                    }
                    self.path.push(entry.key.to_string());
                    if let Some(value) = self.walk(&entry.value, false)? {
                        kept.push(Entry {
                            key: Rc::clone(&entry.key),
                            at: entry.at,
                            value,
                        });
                    }
                    self.path.pop();
                }
                let gone = kept.len() < entries.len();
                (node::Value::Map(kept), gone)
            }
            node::Value::List(items) => {
                let mut kept = Vec::new();
                for item in items {
                    self.path.push(format!("[{}]", kept.len()));
                    kept.extend(self.walk(item, true)?);
                    self.path.pop();
                }
                let gone = kept.len() < items.len();
                (node::Value::List(kept), gone)
            }
        };
        let empty = match &value {
            node::Value::Map(entries) => entries.is_empty(),
            node::Value::List(items) => items.is_empty(),
            node::Value::Scalar(_) => false,
        };
        Ok(match changed && empty {
            true => None,
            false => Some(Rc::new(Node {
                place: node.place,
                value,
                depth: node.depth,
                weight: node.weight,
            })),
        })
    }

    fn add<'e>(
        &mut self,
        node: &Node,
        in_list: bool,
        mut element: impl Iterator<Item = &'e Entry>,
    ) -> Result<(), LoadError> {
        let fault = |why: &'static str| LoadError::Delete {
            line: node.place.line,
            path: match self.path.is_empty() {
                true => String::from("the whole document"),
                false => join(&self.path),
            },
            why,
        };
        if !in_list
            && self
                .path
                .iter()
                .any(|part| part.is_empty() || part.starts_with('['))
        {
            return Err(fault("a key of an element of a list cannot be deleted"));
        }
        let text = |key: &str| self.root.get(key).map(|entry| text_of(&entry.value));
        let (kind, version) = (text("kind"), text("apiVersion"));
        if self.path.is_empty() && (kind.is_none() || version.is_none()) {
            return Err(fault(
                "needs the kind and apiVersion of what is to be deleted; the v1alpha1 document cannot be",
            ));
        }
        let (kind, version) = (kind.unwrap_or_default(), version.unwrap_or_default());
        if kind.is_empty() != version.is_empty() {
            return Err(fault("needs both kind and apiVersion, or neither"));
        }
        let element = match in_list {
            true => {
                let named = element.find(|entry| !is_delete(entry));
                let named = named
                    .ok_or_else(|| fault("needs a key and a value of the element beside it"))?;
                (named.key.to_string(), text_of(&named.value))
            }
            false => (String::new(), String::new()),
        };
        let selector = Selector {
            path: self.path.clone(),
            kind: if kind.is_empty() {
                V1ALPHA1.to_owned()
            } else {
                kind
            },
            version,
            name: text("name").filter(|name| !name.is_empty()),
            element,
        };
        self.found.push(selector);
        Ok(())
    }
}

fn is_delete(entry: &Entry) -> bool {
    let is = |node: &Node| matches!(&node.value, node::Value::Scalar(scalar) if *scalar.text == "delete");
    &*entry.key == "$patch" && is(&entry.value)
}

/// The text of a scalar as it was written, empty for everything else.
fn text_of(node: &Node) -> String {
    match &node.value {
        node::Value::Scalar(scalar) => scalar.text.to_string(),
        _ => String::new(),
    }
}

/// Whether there is nothing but words of its identity, which Talos passes over.
fn says_nothing(root: &Node) -> bool {
    let node::Value::Map(entries) = &root.value else {
        return false;
    };
    entries.iter().all(|entry| {
        matches!(entry.value.value, node::Value::Scalar(_))
            && ["version", "kind", "name"].contains(&&*entry.key)
    })
}

/// Deletes from a document.
pub(super) fn apply(
    root: StructureId,
    document: &mut Map<String, Value>,
    selector: &Selector,
) -> Result<(), DeleteError> {
    in_structure(root, document, &selector.path, &selector.element)
}

type Element = (String, String);

fn in_structure(
    id: StructureId,
    map: &mut Map<String, Value>,
    path: &[String],
    element: &Element,
) -> Result<(), DeleteError> {
    let structure = Schema::get().structure(id);
    if structure.open {
        return in_map(&Type::Any, map, path, element);
    }
    let (key, rest) = path.split_first().ok_or(DeleteError::NotFound)?;
    let field = structure.field(key).ok_or(DeleteError::NotFound)?;
    if rest.is_empty() {
        map.shift_remove(field.key);
        return Ok(());
    }
    if let Some(value) = map.get_mut(field.key) {
        return below(&field.value, value, rest, element);
    }
    match &field.value {
        Type::Structure(id) => in_structure(*id, &mut Map::new(), rest, element),
        _ => Err(DeleteError::NotFound),
    }
}

fn in_map(
    inner: &Type,
    map: &mut Map<String, Value>,
    path: &[String],
    element: &Element,
) -> Result<(), DeleteError> {
    let (key, rest) = path.split_first().ok_or(DeleteError::NotFound)?;
    if rest.is_empty() {
        return map.shift_remove(key).map(drop).ok_or(DeleteError::NotFound);
    }
    let value = map.get_mut(key).ok_or(DeleteError::NotFound)?;
    below(inner, value, rest, element)
}

fn below(
    kind: &Type,
    value: &mut Value,
    path: &[String],
    element: &Element,
) -> Result<(), DeleteError> {
    match (kind, value) {
        (Type::Pointer(inner) | Type::Named(_, inner), value) => below(inner, value, path, element),
        (Type::Structure(id), Value::Object(map)) => in_structure(*id, map, path, element),
        (Type::Map(inner), Value::Object(map)) => in_map(inner, map, path, element),
        (Type::List(inner), Value::Array(items)) => in_list(inner, items, path, element),
        (Type::Any, Value::Object(map)) => in_map(&Type::Any, map, path, element),
        (Type::Any, Value::Array(items)) => in_list(&Type::Any, items, path, element),
        _ => Err(DeleteError::NotFound),
    }
}

/// Deletes the first element that has the text in the key.
fn in_list(
    inner: &Type,
    items: &mut Vec<Value>,
    path: &[String],
    element: &Element,
) -> Result<(), DeleteError> {
    let [position] = path else {
        return Err(DeleteError::InList);
    };
    if !position.starts_with('[') {
        return Err(DeleteError::InList);
    }
    let inner = match inner {
        Type::Pointer(inner) => inner,
        inner => inner,
    };
    let Type::Structure(id) = inner else {
        return Err(DeleteError::NotFound);
    };
    let field = Schema::get().structure(*id).field(&element.0);
    let field = field.ok_or(DeleteError::NotFound)?;
    if field.value != Type::Text && !field.named_by {
        return Err(DeleteError::NotFound);
    }
    for (index, item) in items.iter().enumerate() {
        let value = item.get(field.key);
        if value.is_none() && matches!(field.value, Type::Pointer(_)) {
            // Talos crashes here.
            break;
        }
        if named_text(&field.value, value).as_deref() == Some(&*element.1) {
            items.remove(index);
            return Ok(());
        }
    }
    Err(DeleteError::NotFound)
}

/// The text by which Talos knows a value.
fn named_text(kind: &Type, value: Option<&Value>) -> Option<String> {
    let schema = Schema::get();
    match (kind, value) {
        (Type::Pointer(inner), value) => named_text(inner, value),
        (Type::Text, None) => Some(String::new()),
        (Type::Enumeration(id), None) => schema.enumeration(*id).zero.map(str::to_owned),
        (Type::Uint(_), value) => {
            let number = value.map_or(Some(0), Value::as_u64)?;
            Some(format!("0o{number:o}"))
        }
        (Type::Duration, None) => Some(String::from("0s")),
        (Type::Form(Form::Address { .. }), None) => Some(String::from("invalid IP")),
        (Type::Form(Form::Prefix { .. }), None) => Some(String::from("invalid Prefix")),
        (Type::Form(Form::Expression | Form::Hardware), None) => Some(String::new()),
        (_, Some(Value::String(text))) => Some(text.clone()),
        _ => None,
    }
}
