//! What a configuration uses although Talos has something newer for it.
//!
//! Pure. The words are those of the comments on Talos' types.

use serde_json::Value;

use super::documents::MachineConfig;
use crate::config::problem::join;
use crate::config::schema::{Schema, StructureId, Type};

/// A key that Talos calls deprecated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// Kind and name of the document.
    pub document: String,
    /// Such as `machine.udev`.
    pub path: String,
    /// What Talos says to use instead.
    pub instead: &'static str,
}

impl MachineConfig {
    /// The deprecated keys that it sets, not those below them.
    pub fn deprecated(&self) -> Vec<Deprecated> {
        let mut all = Vec::new();
        for document in &self.documents {
            let mut search = Search {
                document: document.id(),
                path: Vec::new(),
                found: &mut all,
            };
            for (key, value) in &document.value {
                search.field(document.of().root, key, value);
            }
        }
        all
    }
}

struct Search<'f> {
    document: String,
    path: Vec<String>,
    found: &'f mut Vec<Deprecated>,
}

impl Search<'_> {
    fn field(&mut self, id: StructureId, key: &str, value: &Value) {
        let Some(field) = Schema::get().structure(id).field(key) else {
            return;
        };
        self.path.push(key.to_owned());
        match field.instead {
            Some(instead) => self.found.push(Deprecated {
                document: self.document.clone(),
                path: join(&self.path),
                instead,
            }),
            None => self.below(&field.value, value),
        }
        self.path.pop();
    }

    fn below(&mut self, kind: &Type, value: &Value) {
        match (kind, value) {
            (Type::Pointer(inner) | Type::Named(_, inner), _) => self.below(inner, value),
            (Type::Structure(id), Value::Object(map)) => {
                map.iter()
                    .for_each(|(key, value)| self.field(*id, key, value));
            }
            (Type::List(inner), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.push(format!("[{index}]"));
                    self.below(inner, item);
                    self.path.pop();
                }
            }
            (Type::Map(inner), Value::Object(map)) => {
                for (key, item) in map {
                    self.path.push(key.clone());
                    self.below(inner, item);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }
}
