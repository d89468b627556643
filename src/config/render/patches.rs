//! The patches of a node and of the whole file, and the extra manifests after them.
//!
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/patcher/patcher.go>.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::template::{self, Data, Datum};
use super::{RenderError, Work};
use crate::config::patch::MachineConfig;
use crate::config::talconfig::{self, List, PatchText};

/// Applies both lists, each over what was before it.
pub(super) fn apply(work: &Work<'_>, config: MachineConfig) -> Result<MachineConfig, RenderError> {
    let patches = work
        .loaded
        .patches(work.index, work.files, &work.shared.texts);
    let patches = patches.map_err(RenderError::Patches)?;
    let (cluster, own): (Vec<_>, Vec<_>) = patches
        .iter()
        .partition(|patch| patch.list == List::Cluster);
    let config = apply_list(work, config, &own)?;
    apply_list(work, config, &cluster)
}

fn apply_list(
    work: &Work<'_>,
    config: MachineConfig,
    patches: &[&talconfig::Patch],
) -> Result<MachineConfig, RenderError> {
    let is_template = |patch: &talconfig::Patch| matches!(patch.text, PatchText::Template(_));
    let old = match patches.iter().any(|patch| is_template(patch)) {
        true => old_document(&config),
        // Nobody looks into it.
        false => Json::Null,
    };
    let data = Data {
        root: Datum::config(&old),
        env: &work.loaded.env,
    };
    let mut loaded = Vec::new();
    for patch in patches {
        let place = place(patch);
        let Some(text) = text(work, patch, &place, &data)? else {
            continue;
        };
        let is_name = !text.contains(['\n', ' ']) && !text.starts_with(['[', '{']);
        if is_name || text.starts_with('@') {
            return Err(RenderError::Name { place });
        }
        loaded.push(work.shared.patch(&place, patch.at, &text)?);
    }
    Ok(config.apply(loaded.iter().map(|patch| &**patch))?)
}

/// How messages call a patch.
fn place(patch: &talconfig::Patch) -> String {
    match &patch.file {
        Some(file) => file.clone(),
        None => format!("the patch at line {} of talconfig.yaml", patch.at.line),
    }
}

/// The text that Talos gets; `None` for a file of blanks.
fn text(
    work: &Work<'_>,
    patch: &talconfig::Patch,
    place: &str,
    data: &Data<'_>,
) -> Result<Option<Zeroizing<String>>, RenderError> {
    let template = match &patch.text {
        PatchText::Empty => return Ok(None),
        PatchText::Ready(text) => return Ok(Some(text.clone())),
        PatchText::Template(template) => template,
    };
    let rendered = template::render(template, data).map_err(|source| RenderError::Template {
        place: place.to_owned(),
        source,
    })?;
    match &patch.file {
        None => Ok(Some(rendered)),
        Some(file) => {
            let text = work.loaded.substitute_patch(file, &rendered);
            text.map(Some).map_err(RenderError::Rendered)
        }
    }
}

/// The old document as templates see it; nothing if there is none.
fn old_document(config: &MachineConfig) -> Json {
    let first = config.values().into_iter().next();
    first
        .filter(|it| it.get("kind").is_none())
        .unwrap_or(Json::Null)
}

/// With the texts of `extraManifests` behind it, which are templates as well but keep their variables.
pub(super) fn append_manifests(
    work: &Work<'_>,
    config: MachineConfig,
) -> Result<MachineConfig, RenderError> {
    let Some(files @ [_, ..]) = work.node.configs.extra_manifests.as_deref() else {
        return Ok(config);
    };
    let old = old_document(&config);
    let data = Data {
        root: Datum::config(&old),
        env: &work.loaded.env,
    };
    let mut whole = Zeroizing::new(config.to_text());
    for file in files {
        let path = file.strip_prefix('@').unwrap_or(file);
        let text = work.loaded.manifest(path, work.files);
        let text = text.map_err(|source| RenderError::Manifest {
            path: path.to_owned(),
            source,
        })?;
        let text = template::render(&text, &data).map_err(|source| RenderError::Template {
            place: path.to_owned(),
            source,
        })?;
        // A manifest without a line break at its end runs into the next mark, as it does there.
        if !text.starts_with("---\n") {
            whole.push_str("---\n");
        }
        whole.push_str(&text);
    }
    MachineConfig::read(&whole).map_err(|source| RenderError::Whole {
        hostname: work.hostname(),
        source,
    })
}
