//! The id that the image factory gives a schematic: the digest of its canonical text.
//!
//! Spec: <https://github.com/siderolabs/image-factory/blob/v1.4.0/pkg/schematic/schematic.go>.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::config::talconfig::{Node, Value, marshalled, typed};

/// The id of the schematic that asks for nothing.
const EMPTY: &str = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

/// The installer that Talos' makers publish, which has no extensions.
const STOCK: &str = "ghcr.io/siderolabs/installer";

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

/// The extensions of images of the factory by the ids of their schematics: those of the nodes of a talconfig.yaml, and the
/// empty one. A schematic whose id cannot be computed is not among them.
pub fn schematics(nodes: &[Node]) -> BTreeMap<String, Vec<String>> {
    let mut known = BTreeMap::from([(EMPTY.to_owned(), Vec::new())]);
    for node in nodes {
        if let Ok(id) = id(node.configs.schematic.as_ref()) {
            known.insert(id, extensions(node));
        }
    }
    known
}

/// The extensions that an installer's image has; `None` if that cannot be told from its name and `known` schematics.
pub fn extensions_of(image: &str, known: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    if let Some(id) = schematic_of(image) {
        return known.get(id).cloned();
    }
    let (name, _) = named(image);
    (name == STOCK).then(Vec::new)
}

/// The id of the schematic that an image of the factory was made of, such as that of
/// `factory.talos.dev/metal-installer/ID:v1.13.0`.
pub fn schematic_of(image: &str) -> Option<&str> {
    let (name, _) = named(image);
    let (path, id) = name.rsplit_once('/')?;
    let is_id = id.len() == 64
        && id
            .bytes()
            .all(|it| it.is_ascii_digit() || matches!(it, b'a'..=b'f'));
    let kind = path.rsplit('/').next()?;
    (is_id && kind.contains("installer")).then_some(id)
}

/// The name of an image, and its tag or digest.
fn named(image: &str) -> (&str, &str) {
    let end = image.rfind('/').map_or(0, |slash| slash + 1);
    match image[end..].find([':', '@']) {
        Some(mark) => (&image[..end + mark], &image[end + mark..]),
        None => (image, ""),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extensions_of_an_image_are_those_of_its_schematic_or_unknown() {
        assert_eq!(id(None).as_deref(), Ok(EMPTY));
        let other = "a".repeat(64);
        let mut known = schematics(&[]);
        known.insert(other.clone(), vec!["siderolabs/lldpd".to_owned()]);
        let [none, one]: [&[&str]; 2] = [&[], &["siderolabs/lldpd"]];
        for (image, wanted) in [
            (
                format!("factory.talos.dev/metal-installer/{EMPTY}:v1.13.0"),
                Some(none),
            ),
            (
                format!("factory.talos.dev/installer/{other}:v1.7.0"),
                Some(one),
            ),
            (
                format!("r:5000/metal-installer-secureboot/{other}@sha256:{EMPTY}"),
                Some(one),
            ),
            (
                format!("factory.talos.dev/metal-installer/{}:v1", "b".repeat(64)),
                None,
            ),
            (
                "ghcr.io/siderolabs/installer:v1.13.0".to_owned(),
                Some(none),
            ),
            ("example.org/installer:v1.13.0".to_owned(), None),
            ("installer".to_owned(), None),
            (String::new(), None),
        ] {
            let found = extensions_of(&image, &known);
            let found: Option<Vec<&str>> = found
                .as_ref()
                .map(|it| it.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), wanted, "{image}");
        }
    }
}
