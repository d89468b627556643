//! A machine configuration as its documents, read strictly as Talos reads it.
//!
//! Pure. Spec: Talos' `config/configloader/internal/decoder` for a single document, `config/container` for all of them.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::error::{LoadError, PatchError};
use super::load::Patch;
use super::{json6902, strategic};
use crate::config::diagnostic::one_line;
use crate::config::documents::V1ALPHA1;
use crate::config::nearest::nearest;
use crate::config::node::{self, Node};
use crate::config::schema::{DocumentType, Schema, Type};
use crate::config::tree::Reader;
use crate::config::{emit, of_value, yaml};

/// What indentation, signs and the end of a line come to, in bytes.
const LINE: usize = 8;

/// A machine configuration.
#[derive(Clone, Default)]
pub struct MachineConfig {
    pub(super) documents: Vec<Document>,
}

/// A document.
#[derive(Clone)]
pub(super) struct Document {
    /// Index of its kind in the schema.
    pub kind: usize,
    /// Its keys, as [`Reader`] leaves them.
    pub value: Map<String, Value>,
}

impl MachineConfig {
    /// Reads a stream of documents.
    ///
    /// # Errors
    /// [`LoadError`] for what Talos refuses to load: text that is no YAML, unknown kinds and keys, values of a wrong type,
    /// documents that are there twice or exclude each other.
    pub fn read(text: &str) -> Result<Self, LoadError> {
        Self::of_roots(&roots(text)?)
    }

    /// Takes values for documents, each by the types of its kind, as if they had been read.
    ///
    /// # Errors
    /// As [`Self::read`], with 0 for every line.
    pub(crate) fn of_values(values: &[Value]) -> Result<Self, LoadError> {
        let roots: Vec<Rc<Node>> = values.iter().map(of_value::tree).collect();
        Self::of_roots(&roots)
    }

    fn of_roots(roots: &[Rc<Node>]) -> Result<Self, LoadError> {
        let mut documents = Vec::new();
        for root in roots {
            documents.extend(document(root)?);
        }
        Self::new(documents)
    }

    /// Puts documents together, the old one first.
    pub(super) fn new(mut documents: Vec<Document>) -> Result<Self, LoadError> {
        if documents.is_empty() {
            return Err(LoadError::Empty);
        }
        documents.sort_by_key(|document| !document.is_v1alpha1());
        check(&documents)?;
        Ok(Self { documents })
    }

    /// Applies patches one after the other.
    ///
    /// # Errors
    /// [`PatchError`] for the first that Talos would not apply.
    pub fn apply<'p>(
        self,
        patches: impl IntoIterator<Item = &'p Patch>,
    ) -> Result<Self, PatchError> {
        let mut config = self;
        let mut patches = patches.into_iter().peekable();
        while let Some(patch) = patches.next() {
            config = match patch {
                Patch::Strategic(patch) => strategic::apply(config, patch)?,
                Patch::Json(first) => {
                    // JSON patches in a row are one: what is between them need not be a configuration.
                    let mut row = vec![first];
                    while let Some(Patch::Json(next)) =
                        patches.next_if(|it| matches!(it, Patch::Json(_)))
                    {
                        row.push(next);
                    }
                    json6902::apply(&config, &row)?
                }
            };
        }
        Ok(config)
    }

    /// The documents as values in the shape that Talos writes, the old one first.
    pub fn values(&self) -> Vec<Value> {
        let encode = |document: &Document| Value::Object(document.encode());
        self.documents.iter().map(encode).collect()
    }

    /// The documents as trees without places in a file, the old one first.
    pub(crate) fn trees(&self) -> impl Iterator<Item = Rc<Node>> {
        self.values()
            .into_iter()
            .map(|value| of_value::tree(&value))
    }

    /// The documents as they were decoded, with their kinds: absent keys are Talos' zeros. The old one comes first, then
    /// the others in the order of the text.
    pub(crate) fn decoded(&self) -> Vec<(&'static str, Value)> {
        let decoded = |document: &Document| {
            let value = Value::Object(document.value.clone());
            (document.of().kind, value)
        };
        self.documents.iter().map(decoded).collect()
    }

    /// About how many bytes it has as YAML.
    pub(crate) fn weight(&self) -> usize {
        let of = |document: &Document| weight_of_map(&document.value);
        self.documents.iter().map(of).sum()
    }

    /// What the documents have under this key, the old one first.
    pub(crate) fn sections(&self, key: &str) -> impl Iterator<Item = &Value> {
        self.documents
            .iter()
            .filter_map(move |it| it.value.get(key))
    }

    /// As YAML. Holds the secrets of the configuration.
    pub fn to_text(&self) -> String {
        emit::documents(&self.values())
    }
}

impl fmt::Debug for MachineConfig {
    /// Kinds and names alone; the values hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.documents.iter().map(Document::id);
        f.debug_list().entries(ids).finish()
    }
}

impl Document {
    /// Its kind.
    pub fn of(&self) -> &'static DocumentType {
        &Schema::get().documents[self.kind]
    }

    /// Its name; empty if it has none.
    pub fn name(&self) -> &str {
        let key = self.of().name.unwrap_or_default();
        self.value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Whether it is the old document.
    pub fn is_v1alpha1(&self) -> bool {
        self.of().kind == V1ALPHA1
    }

    /// Kind and name, as they name it.
    pub fn id(&self) -> String {
        match self.name() {
            "" => self.of().kind.to_owned(),
            name => format!("{}/{}", self.of().kind, one_line(name)),
        }
    }

    fn encode(&self) -> Map<String, Value> {
        Schema::get().encode(self.of().root, &self.value)
    }
}

fn weight_of_map(map: &Map<String, Value>) -> usize {
    let entry = |(key, value): (&String, &Value)| key.len() + LINE + weight_of(value);
    map.iter().map(entry).sum()
}

fn weight_of(value: &Value) -> usize {
    match value {
        Value::Object(map) => weight_of_map(map),
        Value::Array(items) => items.iter().map(|item| LINE + weight_of(item)).sum(),
        Value::String(text) => text.len(),
        _ => 0,
    }
}

/// The documents of a text, null ones among them.
pub(super) fn roots(text: &str) -> Result<Vec<Rc<Node>>, LoadError> {
    let stream = yaml::read(text, 0);
    match stream.fault {
        Some(fault) => Err(LoadError::Syntax {
            line: fault.at.line,
            column: fault.at.column,
            message: fault.message,
        }),
        None => Ok(stream.documents),
    }
}

/// A document by the types of its kind; `None` for a null one.
pub(super) fn document(root: &Node) -> Result<Option<Document>, LoadError> {
    let line = root.place.line;
    if root.is_null() {
        return Ok(None);
    }
    let node::Value::Map(entries) = &root.value else {
        let shape = root.shape();
        return Err(LoadError::NotADocument { line, shape });
    };
    let (kind, version) = kind_of(entries);
    let kind = match (kind, version) {
        (None, Some(version)) if version == V1ALPHA1 => String::from(V1ALPHA1),
        (None, _) => return Err(LoadError::NoKind { line }),
        (Some(_), None) => return Err(LoadError::NoApiVersion { line }),
        (Some(kind), Some(version)) if version == V1ALPHA1 => kind,
        (Some(kind), Some(version)) => return Err(unknown(line, &format!("{kind} {version}"))),
    };
    let schema = Schema::get();
    let Some((index, found)) = schema.document(&kind) else {
        return Err(unknown(line, &kind));
    };
    let mut reader = Reader::new(schema);
    let value = reader.read(&Type::Structure(found.root), root);
    let value = match value {
        Some(Value::Object(value)) => value,
        _ => Map::new(),
    };
    let document = Document { kind: index, value };
    if reader.problems.is_empty() {
        return Ok(Some(document));
    }
    Err(LoadError::Document {
        document: document.id(),
        problems: reader.problems,
    })
}

/// `kind` and `apiVersion`. Talos looks at every key and at every text beside one, in this order, and takes some words
/// for signs of the old document wherever they stand.
fn kind_of(entries: &[node::Entry]) -> (Option<String>, Option<String>) {
    let text = |node: &Node| match &node.value {
        node::Value::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.to_string()),
        _ => None,
    };
    let (mut kind, mut version) = (None, None);
    for entry in entries {
        match &*entry.key {
            "kind" => kind = text(&entry.value).or(kind),
            "apiVersion" => version = text(&entry.value).or(version),
            _ => {}
        }
        let old = ["machine", "cluster", "debug", "persist"];
        let beside = text(&entry.value).unwrap_or_default();
        if old.contains(&&*entry.key) || old.contains(&beside.as_str()) {
            version = Some(String::from(V1ALPHA1));
        }
    }
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    (filled(kind), filled(version))
}

fn unknown(line: u32, kind: &str) -> LoadError {
    let known: Vec<&'static str> = Schema::get().documents.iter().map(|it| it.kind).collect();
    LoadError::UnknownKind {
        line,
        kind: one_line(kind),
        near: nearest(kind, &known),
    }
}

/// Whether the documents can stand beside each other.
fn check(documents: &[Document]) -> Result<(), LoadError> {
    let mut seen: BTreeMap<(&str, &str), &Document> = BTreeMap::new();
    let mut links: BTreeMap<&str, &Document> = BTreeMap::new();
    for document in documents {
        let (of, name) = (document.of(), document.name());
        if seen.insert((of.kind, name), document).is_some() {
            let document = document.id();
            return Err(LoadError::Twice { document });
        }
        let excluded = of
            .conflicts
            .iter()
            .find_map(|kind| seen.get(&(*kind, name)));
        if let Some(other) = excluded {
            return Err(conflict(other, document, "they have the same name"));
        }
        let peer = document.value.get("peer").and_then(|peer| peer.get("name"));
        let peer = peer.and_then(Value::as_str).unwrap_or_default();
        let claimed = [(of.link, name), (of.peer, peer)];
        for (_, link) in claimed.iter().filter(|(is, _)| *is) {
            if let Some(other) = links.insert(link, document) {
                let why = format!("both configure the link {}", one_line(link));
                return Err(conflict(other, document, &why));
            }
        }
    }
    Ok(())
}

fn conflict(one: &Document, other: &Document, why: &str) -> LoadError {
    LoadError::Conflict {
        one: one.id(),
        other: other.id(),
        why: why.to_owned(),
    }
}
