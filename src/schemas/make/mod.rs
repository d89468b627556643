//! Makes the JSON Schemas: the shape of a document in, the file in `schemas/` out.
//!
//! Only in test builds. Owns what all schemas have in common: head, wording of descriptions, where definitions stand. What
//! people write is made by the readers of it, where the tables of keys are.

pub mod own;
mod words;

use schemars::JsonSchema;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

use super::{ALL, Author, Type};
use crate::{apply, diff, doctor, fleet, inspect, mapper, plan, probe, repair, rescue, selector};
use crate::{cli, config, snapshot, tuner};

/// Every schema with its type, as the files should be.
pub fn all() -> Vec<(&'static Type, String)> {
    let mut made = vec![
        ("talconfig", config::talconfig::json_schema()),
        ("expect", fleet::expect::json_schema()),
        ("profiles", tuner::profile::json_schema()),
        ("inventory", read::<probe::inventory::Inventory>()),
        ("snapshot", read::<snapshot::Snapshot>()),
        ("selection", printed::<selector::selection::Selection>()),
        ("plan", read::<plan::Plan>()),
        ("receipt", printed::<apply::receipt::Receipt>()),
        ("journal", printed::<apply::journal::Event<'static>>()),
        ("inspection", printed::<inspect::Report>()),
        ("mappings", read::<mapper::report::Mappings>()),
        ("rescue", printed::<rescue::Report>()),
        ("repair", printed::<repair::report::Report>()),
        ("repair-backup", repair::backup::json_schema()),
        ("tune", printed::<tuner::report::Report>()),
        ("tune-receipt", read::<tuner::receipt::Receipt>()),
        ("trim-proof", read::<tuner::trim::proof::Proof>()),
        ("check", printed::<fleet::report::Report>()),
        ("diff", printed::<diff::Report>()),
        ("doctor", printed::<doctor::Report>()),
    ];
    made.extend(cli::json_schemas());
    let find = |of: &'static Type| {
        let found = made.iter().find(|(name, _)| *name == of.name);
        let (_, schema) = found.unwrap_or_else(|| panic!("nobody makes {}", of.name));
        (of, finished(of, schema.clone()))
    };
    ALL.iter().map(find).collect()
}

/// The schema of what is printed as `T`.
pub fn printed<T: JsonSchema>() -> Value {
    of::<T>(Contract::Serialize)
}

/// The schema of what is read as `T`: what an older version did not write may be missing.
pub fn read<T: JsonSchema>() -> Value {
    of::<T>(Contract::Deserialize)
}

fn of<T: JsonSchema>(contract: Contract) -> Value {
    let settings = SchemaSettings::draft07().with(|it| it.contract = contract);
    settings.into_generator().into_root_schema_for::<T>().into()
}

/// The whole file.
fn finished(of: &Type, mut schema: Value) -> String {
    tidy(&mut schema, true);
    let Value::Object(body) = schema else {
        panic!("{} is no schema", of.name)
    };
    let mut file = Map::new();
    file.insert(
        "$schema".into(),
        "http://json-schema.org/draft-07/schema#".into(),
    );
    file.insert("$id".into(), of.id().into());
    file.insert("title".into(), of.about.into());
    let rest = body.into_iter().filter(|(key, _)| !file_keys(key));
    file.extend(rest);
    if of.author == Author::Keelblock {
        envelope(of, &mut file);
    }
    let mut text = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b" ");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, indent);
    serde::Serialize::serialize(&file, &mut writer).expect("it is JSON");
    text.push(b'\n');
    String::from_utf8(text).expect("JSON is text")
}

fn file_keys(key: &str) -> bool {
    matches!(key, "$schema" | "$id" | "title")
}

/// Every document says its type and version.
fn envelope(of: &Type, file: &mut Map<String, Value>) {
    let own = json!({ "const": format!("keelblock/{}/v1", of.name) });
    if let Some(schema) = file
        .get_mut("properties")
        .and_then(|it| it.get_mut("schema"))
    {
        *schema = own.clone();
    }
    // A snapshot holds an inventory, which is a document as well.
    if let Some(schema) = file
        .get_mut("definitions")
        .and_then(|it| it.pointer_mut("/Inventory/properties/schema"))
    {
        *schema = json!({ "const": "keelblock/inventory/v1" });
    }
    for variant in file
        .get_mut("oneOf")
        .into_iter()
        .filter_map(Value::as_array_mut)
        .flatten()
    {
        if let Some(schema) = variant.pointer_mut("/properties/schema") {
            *schema = own.clone();
        }
    }
}

/// Descriptions in the words of a reader of JSON, and nothing that says nothing.
fn tidy(schema: &mut Value, is_schema: bool) {
    match schema {
        Value::Object(fields) => {
            if is_schema {
                // Names of Rust's integers mean nothing to a validator, and the smallest and largest value are there;
                // what is read for a field that is missing is the empty value of its type.
                fields.remove("format");
                fields.remove("default");
                if let Some(Value::String(text)) = fields.get_mut("description") {
                    *text = words::of_json(text);
                }
            }
            let names = ["properties", "definitions", "patternProperties"];
            for (key, below) in fields {
                let is_names = is_schema && names.contains(&key.as_str());
                let is_data = matches!(key.as_str(), "const" | "enum");
                if !(is_schema && is_data) {
                    tidy(below, !is_names);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| tidy(item, is_schema)),
        _ => {}
    }
}

/// Schemas that stand in several places, moved to `definitions` under the name of their first place.
pub fn share(root: &mut Value, mut definitions: Map<String, Value>) {
    let mut seen: Vec<(Value, usize, String)> = Vec::new();
    count(root, "", &mut seen);
    let mut shared: Vec<(Value, String)> = Vec::new();
    for (schema, times, name) in seen {
        if times > 1 && schema.to_string().len() > 150 {
            let taken = shared
                .iter()
                .filter(|(_, it)| it.trim_end_matches(char::is_numeric) == name);
            let number = taken.count();
            let name = if number == 0 {
                name
            } else {
                format!("{name}{}", number + 1)
            };
            shared.push((schema, name));
        }
    }
    let names = shared.clone();
    replace(root, &names, true);
    for (mut schema, name) in shared {
        replace(&mut schema, &names, true);
        let before = definitions.insert(name, schema);
        assert!(before.is_none(), "a name is there twice");
    }
    root["definitions"] = definitions.into();
}

fn count(schema: &Value, name: &str, seen: &mut Vec<(Value, usize, String)>) {
    if schema.get("properties").is_some() || schema.get("items").is_some() {
        if let Some((_, times, _)) = seen.iter_mut().find(|(it, ..)| it == schema) {
            *times += 1;
            return;
        }
        seen.push((schema.clone(), 1, name.to_owned()));
    }
    for (key, below) in schema
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        count(below, key, seen);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(key) {
            count(below, name, seen);
        }
    }
}

fn replace(schema: &mut Value, names: &[(Value, String)], is_root: bool) {
    if !is_root && let Some((_, name)) = names.iter().find(|(it, _)| it == schema) {
        *schema = json!({ "$ref": format!("#/definitions/{name}") });
        return;
    }
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    for (key, below) in fields {
        match key.as_str() {
            "properties" => {
                let all = below.as_object_mut().into_iter().flatten();
                all.for_each(|(_, it)| replace(it, names, false));
            }
            "items" | "additionalProperties" => replace(below, names, false),
            _ => {}
        }
    }
}
