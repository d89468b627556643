//! Strategic merge patches: documents of the same kind and name merge, others are added, selectors delete.
//!
//! Pure. Spec: Talos' `config/configpatcher/strategic.go`.

use std::collections::HashMap;

use super::delete;
use super::documents::{Document, MachineConfig};
use super::error::PatchError;
use super::load::{Part, Strategic};
use super::merge::Merger;
use crate::config::documents::V1ALPHA1;
use crate::config::kinds::API_VERSION;
use crate::config::problem::join;

/// Applies one patch.
pub(super) fn apply(config: MachineConfig, patch: &Strategic) -> Result<MachineConfig, PatchError> {
    let mut documents = config.documents;
    // Otherwise they stand beside each other as they did before.
    let mut has_changed = false;
    let mut places = Places::default();
    for part in &patch.parts {
        match part {
            Part::Document(document) => match places.find(&documents, document) {
                Some(index) => {
                    let into = &mut documents[index];
                    merge(into, document, &patch.name)?;
                    has_changed |= into.of().peer;
                }
                None => {
                    places.add(document, documents.len());
                    documents.push(document.clone());
                    has_changed = true;
                }
            },
            Part::Delete(selector) => {
                let named = |it: &Document| match (it.of().name, &selector.name) {
                    (Some(_), name) => it.name() == name.as_deref().unwrap_or_default(),
                    (None, name) => name.is_none(),
                };
                let version = if selector.kind == V1ALPHA1 {
                    ""
                } else {
                    API_VERSION
                };
                let found = documents.iter().position(|it| {
                    it.of().kind == selector.kind && selector.version == version && named(it)
                });
                // What is not there need not be deleted.
                let Some(index) = found else { continue };
                has_changed = true;
                if selector.path.is_empty() {
                    documents.remove(index);
                    places = Places::default();
                    continue;
                }
                let document = &mut documents[index];
                delete::apply(document.of().root, &mut document.value, selector).map_err(
                    |source| PatchError::Delete {
                        patch: patch.name.clone(),
                        document: document.id(),
                        path: join(&selector.path),
                        source,
                    },
                )?;
            }
        }
    }
    if !has_changed {
        return Ok(MachineConfig { documents });
    }
    MachineConfig::new(documents).map_err(|source| PatchError::Result {
        patch: patch.name.clone(),
        source,
    })
}

/// Up to so many documents are compared one by one.
const FEW: usize = 32;

/// Where documents of a kind and name are, once there are more than [`FEW`].
#[derive(Default)]
struct Places(HashMap<(usize, String), usize>);

impl Places {
    fn find(&mut self, documents: &[Document], wanted: &Document) -> Option<usize> {
        let is_same = |it: &Document| it.kind == wanted.kind && it.name() == wanted.name();
        if documents.len() <= FEW {
            return documents.iter().position(is_same);
        }
        if self.0.is_empty() {
            // The first one counts.
            let all = documents.iter().enumerate().rev();
            self.0 = all.map(|(index, it)| (key(it), index)).collect();
        }
        self.0.get(&key(wanted)).copied()
    }

    fn add(&mut self, document: &Document, index: usize) {
        if !self.0.is_empty() {
            self.0.insert(key(document), index);
        }
    }
}

fn key(document: &Document) -> (usize, String) {
    (document.kind, document.name().to_owned())
}

fn merge(into: &mut Document, from: &Document, patch: &str) -> Result<(), PatchError> {
    let mut merger = Merger::default();
    let left = std::mem::take(&mut into.value);
    match merger.structure(into.of().root, left, &from.value) {
        Ok(value) => {
            into.value = value;
            Ok(())
        }
        Err(source) => Err(PatchError::Merge {
            patch: patch.to_owned(),
            document: from.id(),
            path: join(&merger.path()),
            source,
        }),
    }
}
