//! Schematics against the extensions and overlays that a version of Talos officially has.

use std::collections::BTreeSet;

use super::super::model::LATEST_TALOS;
use super::super::value::Value;
use super::releases::release;

/// What is wrong with `schematic` for the version `tag`; for one that is not known, with the newest one that is.
pub(super) fn wrong(schematic: &Value, tag: &str) -> Vec<String> {
    let Some(release) = release(tag).or_else(|| release(LATEST_TALOS)) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let customization = schematic.get("customization");
    let extensions = customization.and_then(|it| it.get("systemExtensions"));
    let names = extensions.and_then(|it| it.get("officialExtensions"));
    let mut seen = BTreeSet::new();
    for name in names.map(Value::items).unwrap_or_default() {
        if name.is_null() {
            continue;
        }
        let name = name.text();
        if !release.extensions.contains(name) {
            wrong.push(format!(
                "{name:?} is no official extension of Talos {}",
                release.tag
            ));
        }
        if !seen.insert(name) {
            wrong.push(format!("the extension {name:?} is there twice"));
        }
    }
    let Some(overlay) = schematic.get("overlay") else {
        return wrong;
    };
    let (name, image) = (overlay.text_at("name"), overlay.text_at("image"));
    if name.is_empty() && image.is_empty() {
        return wrong;
    }
    if name.is_empty() || image.is_empty() {
        wrong.push(String::from("an overlay needs a name and an image"));
    }
    let first = release.overlays.iter().find(|(known, _)| *known == name);
    if first.is_none_or(|(_, known)| *known != image) {
        let tag = release.tag;
        wrong.push(format!(
            "{name:?} of {image:?} is no official overlay of Talos {tag}"
        ));
    }
    wrong
}
