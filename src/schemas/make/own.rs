//! The parts of which the schemas of keelblock's own files are made. They accept what `config::context` accepts: a null is
//! as good as nothing in a field, any single value is text, and the words of YAML 1.1 are booleans.

use serde_json::{Map, Value, json};

/// Sizes as go-humanize reads them, without anchors.
pub const SIZE: &str = r"(\d[\d,]*\.?[\d,]*|\.\d[\d,]*)\s*([kKmMgGtTpPeE]?([iI]?[bB]?))";

/// A condition on a size, such as `> 4TB`.
pub fn size_condition() -> Value {
    let form = format!(r"^\s*(>=|<=|==|>|<)?\s*{SIZE}\s*$");
    json!({ "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": form }] })
}

/// Any single value.
pub fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

/// Any single value but an empty text.
pub fn some_text() -> Value {
    json!({ "type": ["string", "number", "boolean"], "minLength": 1 })
}

/// Text of this form, as a whole.
pub fn pattern(form: &str) -> Value {
    json!({ "type": "string", "pattern": format!("^({form})$") })
}

/// Any single value; if it is text, text of this form.
pub fn text_like(form: &str) -> Value {
    json!({ "type": ["string", "number", "boolean"], "pattern": format!("^({form})$") })
}

/// One of these words.
pub fn word(words: &[&str]) -> Value {
    json!({ "enum": words })
}

/// Yes or no.
pub fn flag() -> Value {
    let words = pattern("y|Y|yes|on|n|N|no|off");
    json!({ "anyOf": [{ "type": "boolean" }, words] })
}

/// A whole number from 0 on.
pub fn count(most: Option<u64>) -> Value {
    let mut schema = json!({ "type": "integer", "minimum": 0 });
    if let Some(most) = most {
        schema["maximum"] = most.into();
    }
    schema
}

/// One of `item`, or a list of them.
pub fn one_or_more(item: &Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "items": or_null(item.clone()) }] })
}

/// A list.
pub fn list(item: &Value) -> Value {
    json!({ "type": "array", "items": item })
}

/// A mapping with these keys and no others; `field` knows each with its description.
pub fn object(keys: &[&str], field: impl Fn(&str) -> (Value, &'static str)) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let (schema, description) = field(key);
        let mut described = json!({ "description": description });
        if let (Some(all), Value::Object(schema)) = (described.as_object_mut(), or_null(schema)) {
            all.extend(schema);
        }
        properties.insert((*key).to_owned(), described);
    }
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

/// The same, and these keys must be there with a value.
pub fn with(mut object: Value, required: &[&str]) -> Value {
    for key in required {
        not_null(&mut object["properties"][key]);
    }
    object["required"] = json!(required);
    object
}

/// The same, and one of these keys must be there with a value.
pub fn with_any(mut object: Value, keys: &[&str]) -> Value {
    let value = |key: &&str| json!({ "required": [key], "properties": { *key: { "not": { "type": "null" } } } });
    object["anyOf"] = keys.iter().map(value).collect();
    object
}

/// The same or null.
pub fn or_null(mut schema: Value) -> Value {
    let nothing = json!({ "type": "null" });
    if schema.get("anyOf").is_some() && schema.get("type").is_none() {
        if let Some(all) = schema["anyOf"].as_array_mut() {
            all.push(nothing);
        }
        return schema;
    }
    match schema.get_mut("type") {
        Some(Value::Array(types)) => types.push("null".into()),
        Some(one) => *one = json!([one, "null"]),
        None => return json!({ "anyOf": [schema, nothing] }),
    }
    schema
}

fn not_null(schema: &mut Value) {
    if let Some(types) = schema.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|it| it != "null");
    }
    if let Some(all) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        all.retain(|it| it["type"] != "null");
    }
}
