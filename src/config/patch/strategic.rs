//! Strategic merge patches: documents of the same kind and name merge, others are added, selectors delete.
//!
//! Pure. Spec: Talos' `config/configpatcher/strategic.go`.

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
    for part in &patch.parts {
        match part {
            Part::Document(document) => {
                let same =
                    |it: &&mut Document| it.kind == document.kind && it.name() == document.name();
                match documents.iter_mut().find(same) {
                    Some(into) => {
                        merge(into, document, &patch.name)?;
                        has_changed |= into.of().peer;
                    }
                    None => {
                        documents.push(document.clone());
                        has_changed = true;
                    }
                }
            }
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
