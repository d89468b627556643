//! The id that the image factory gives a schematic: the digest of its canonical text.
//!
//! Spec: <https://github.com/siderolabs/image-factory/blob/v1.4.0/pkg/schematic/schematic.go>.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::config::talconfig::{Node, Value, marshalled, typed};

/// Keys of the customization in the order of the canonical text, which leaves out what is zero.
const CUSTOMIZATION: [&str; 7] = [
    "embeddedMachineConfiguration",
    "extraKernelArgs",
    "meta",
    "systemExtensions",
    "bootloader",
    "secureboot",
    "diskImage",
];

/// The id; without a schematic, that of the empty one.
///
/// # Errors
/// What stands in the way of the canonical text.
pub(super) fn id(schematic: Option<&Value>) -> Result<String, &'static str> {
    let given = schematic.map_or_else(|| json!({}), |it| typed("schematic", it));
    let text = marshalled(&canonical(&given)?);
    let mut id = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

/// The official extensions that the node's schematic asks for.
pub fn extensions(node: &Node) -> Vec<String> {
    let path = ["customization", "systemExtensions", "officialExtensions"];
    let mut value = node.configs.schematic.as_ref();
    for key in path {
        value = value.and_then(|it| it.get(key));
    }
    let items = value.map_or(&[][..], Value::items);
    items.iter().map(|it| it.text().to_owned()).collect()
}

fn canonical(given: &Json) -> Result<Json, &'static str> {
    let mut whole = Map::new();
    keep(&mut whole, given, "owner");
    if let Some(overlay) = given.get("overlay").filter(|it| !is_zero(it)) {
        whole.insert("overlay".to_owned(), self::overlay(overlay)?);
    }
    let none = json!({});
    let given = given.get("customization").unwrap_or(&none);
    let mut customization = Map::new();
    for key in CUSTOMIZATION {
        keep(&mut customization, given, key);
    }
    if let Some(Json::Array(meta)) = customization.get_mut("meta") {
        for value in meta {
            let (key, text) = (value.get("key").cloned(), value.get("value").cloned());
            *value = json!({"key": key.unwrap_or(0.into()), "value": text.unwrap_or("".into())});
        }
    }
    for (key, order) in [
        (
            "secureboot",
            &["enrollKeys", "includeWellKnownCertificates"][..],
        ),
        ("systemExtensions", &["officialExtensions"]),
        ("diskImage", &["sectorSize"]),
    ] {
        if let Some(below) = customization.get_mut(key) {
            let mut kept = Map::new();
            order.iter().for_each(|key| keep(&mut kept, below, key));
            *below = kept.into();
        }
    }
    whole.insert("customization".to_owned(), customization.into());
    Ok(whole.into())
}

/// Takes `key` over unless it is zero.
fn keep(into: &mut Map<String, Json>, from: &Json, key: &str) {
    if let Some(value) = from.get(key).filter(|value| !is_zero(value)) {
        into.insert(key.to_owned(), value.clone());
    }
}

/// What Go leaves out of a structure. `none` is the zero of bootloaders.
fn is_zero(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(flag) => !flag,
        Json::Number(number) => number.as_u64() == Some(0),
        Json::String(text) => text.is_empty() || text == "none",
        Json::Array(items) => items.is_empty(),
        Json::Object(map) => map.values().all(is_zero),
    }
}

fn overlay(given: &Json) -> Result<Json, &'static str> {
    let text = |key: &str| given.get(key).cloned().unwrap_or("".into());
    let mut overlay = json!({"image": text("image"), "name": text("name")});
    if let Some(options) = given.get("options").filter(|it| *it != &json!({})) {
        overlay["options"] = sorted(options)?;
    }
    Ok(overlay)
}

/// Mappings in the order of their keys.
fn sorted(value: &Json) -> Result<Json, &'static str> {
    Ok(match value {
        Json::Object(map) => {
            let is_word = |key: &String| key.bytes().all(|b| b.is_ascii_alphabetic());
            if !map.keys().all(is_word) {
                return Err("a key of the overlay's options has more than letters in it");
            }
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let mut all = Map::new();
            for key in keys {
                all.insert(key.clone(), sorted(&map[key])?);
            }
            all.into()
        }
        Json::Array(items) => items
            .iter()
            .map(sorted)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Json::Number(number) if number.is_f64() => {
            return Err("an option of the overlay is a number with a fraction");
        }
        other => other.clone(),
    })
}
