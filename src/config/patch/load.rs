//! What kind of patch a text is, and its parts.
//!
//! Pure. Spec: Talos' `config/configpatcher/load.go`: documents make a strategic patch, `$patch: delete` and repeated
//! documents allowed; otherwise a list of operations, JSON or YAML, makes a JSON patch.

use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use super::delete::{self, Selector};
use super::documents::{self, Document};
use super::error::{LoadError, PatchError};
use crate::config::schema::{Schema, Type};
use crate::config::tree::Reader;
use crate::config::{node, of_value};

/// A patch that was read.
#[derive(Clone)]
pub enum Patch {
    /// Documents to merge and things to delete.
    Strategic(Strategic),
    /// Operations of RFC 6902.
    Json(Operations),
}

/// A strategic patch.
#[derive(Clone)]
pub struct Strategic {
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
}

/// One document of a strategic patch, or one thing to delete.
#[derive(Clone)]
pub(super) enum Part {
    Document(Document),
    Delete(Selector),
}

/// A JSON patch.
#[derive(Clone)]
pub struct Operations {
    pub(super) name: String,
    pub(super) operations: Vec<Value>,
}

impl fmt::Debug for Patch {
    /// The name alone; the values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(self.kind()).field(&self.name()).finish()
    }
}

impl Patch {
    /// Reads a patch. `name` is how messages call it: a file, or a place such as `patches[2]`.
    ///
    /// # Errors
    /// [`PatchError::Load`] with what is wrong with its documents; [`PatchError::Json`] for a text that begins with a
    /// bracket.
    pub fn load(name: &str, text: &str) -> Result<Self, PatchError> {
        let load = match documents::roots(text).and_then(|roots| strategic(&roots)) {
            Ok(parts) => {
                let name = name.to_owned();
                return Ok(Self::Strategic(Strategic { name, parts }));
            }
            Err(error) => error,
        };
        let json: Result<Vec<Value>, _> = match text.trim() {
            "null" => Ok(Vec::new()),
            _ => serde_json::from_str(text),
        };
        let operations = match json {
            Ok(operations) if operations.iter().all(is_operation) => operations,
            json => match (yaml(text), json) {
                (Some(operations), _) => operations,
                (None, Err(error)) if text.trim_start().starts_with('[') => {
                    return Err(PatchError::Json {
                        patch: name.to_owned(),
                        line: error.line(),
                        column: error.column(),
                        message: category(&error),
                    });
                }
                (None, _) => {
                    let patch = name.to_owned();
                    return Err(PatchError::Load {
                        patch,
                        source: load,
                    });
                }
            },
        };
        let name = name.to_owned();
        Ok(Self::Json(Operations { name, operations }))
    }

    /// A strategic patch of values, as if they had been read.
    ///
    /// # Errors
    /// [`PatchError::Load`].
    pub(crate) fn of_values(name: &str, values: &[Value]) -> Result<Self, PatchError> {
        let roots: Vec<Rc<node::Node>> = values.iter().map(of_value::tree).collect();
        let name = name.to_owned();
        match strategic(&roots) {
            Ok(parts) => Ok(Self::Strategic(Strategic { name, parts })),
            Err(source) => Err(PatchError::Load {
                patch: name,
                source,
            }),
        }
    }

    /// The name that the caller gave it.
    pub fn name(&self) -> &str {
        match self {
            Self::Strategic(patch) => &patch.name,
            Self::Json(patch) => &patch.name,
        }
    }

    /// `strategic` or `json`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Strategic(_) => "strategic",
            Self::Json(_) => "json",
        }
    }
}

/// What Talos would refuse in one document of a patch; of a whole configuration if there is nothing to delete in it.
pub(crate) fn refusal(root: &Rc<node::Node>) -> Option<LoadError> {
    let check = |root: &Rc<node::Node>| match delete::take(root)?.0 {
        Some(rest) => documents::document(&rest).map(drop),
        None => Ok(()),
    };
    check(root).err()
}

/// The parts, deletions in the old document first as Talos has them.
fn strategic(roots: &[Rc<node::Node>]) -> Result<Vec<Part>, LoadError> {
    let (mut first, mut parts) = (Vec::new(), Vec::new());
    let mut any = false;
    for root in roots {
        let (rest, found) = delete::take(root)?;
        for selector in found {
            any = true;
            match selector.is_v1alpha1() {
                true => first.push(Part::Delete(selector)),
                false => parts.push(Part::Delete(selector)),
            }
        }
        if let Some(rest) = rest
            && let Some(document) = documents::document(&rest)?
        {
            any = true;
            parts.push(Part::Document(document));
        }
    }
    if !any {
        return Err(LoadError::Empty);
    }
    first.extend(parts);
    Ok(first)
}

fn is_operation(value: &Value) -> bool {
    value.is_object() || value.is_null()
}

/// A list of operations, which may be empty like the text.
fn yaml(text: &str) -> Option<Vec<Value>> {
    let documents = documents::roots(text).ok()?;
    let Some(root) = documents.first() else {
        return Some(Vec::new());
    };
    if root.is_null() {
        return Some(Vec::new());
    }
    let node::Value::List(_) = &root.value else {
        return None;
    };
    let mut reader = Reader::new(Schema::get());
    let operations = reader.read(&Type::Any, root)?;
    let operations = operations.as_array()?.clone();
    let fits = reader.problems.is_empty() && operations.iter().all(is_operation);
    fits.then_some(operations)
}

/// What kind of mistake it is, without the text.
fn category(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Eof => "it ends in the middle",
        serde_json::error::Category::Syntax => "not valid JSON",
        _ => "a list of operations must stand here",
    }
}
