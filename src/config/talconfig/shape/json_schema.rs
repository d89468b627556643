//! The JSON Schema of talconfig.yaml, made from the tables that the reader itself walks.
//!
//! Only in test builds. Says yes to whatever talhelper takes, in every notation that it takes, so that an editor never
//! underlines a file that works; and no to keys that talhelper drops without a word. A fraction where a whole number
//! belongs is the one thing that talhelper takes, cutting it off, and the schema does not.

use serde_json::{Map, Value as Json, json};

use super::Shape;
use super::tables::TALCONFIG;
use crate::schemas::make::own::{SIZE, size_condition};
use crate::schemas::make::share;

const DESCRIPTIONS: &str = include_str!("descriptions.txt");
/// What a variable is replaced in, so that nothing can be said of the value.
const VARIABLE: &str = r"\$";

/// What `descriptions.txt` says of a field.
#[derive(Default)]
struct Words {
    text: String,
    required: bool,
    deprecated: bool,
    one_of: Vec<&'static str>,
}

/// The schema.
pub fn json_schema() -> Json {
    let mut maker = Maker::default();
    let mut root = maker.schema(&TALCONFIG, None);
    root["type"] = json!("object");
    root["properties"]["nodes"]["items"]["anyOf"] = json!([
        { "required": ["installDisk"] },
        { "required": ["installDiskSelector"] },
    ]);
    share(&mut root, maker.definitions);
    root
}

fn words(path: &[&'static str]) -> Words {
    let ends = (0..path.len()).map(|from| path[from..].join(".") + ": ");
    let line = |end: String| DESCRIPTIONS.lines().find_map(|it| it.strip_prefix(&end));
    let text = ends.filter_map(line).next();
    let mut text = text.unwrap_or_else(|| panic!("{path:?} is not described"));
    let mut words = Words::default();
    if let Some(rest) = text.strip_prefix("required ") {
        (words.required, text) = (true, rest);
    }
    if let Some(rest) = text.strip_prefix("deprecated ") {
        (words.deprecated, text) = (true, rest);
    }
    if let Some((list, rest)) = text
        .strip_prefix("one of ")
        .and_then(|it| it.split_once(". "))
    {
        words.one_of = list.split(' ').collect();
        text = rest;
    }
    text.clone_into(&mut words.text);
    words
}

#[derive(Default)]
struct Maker {
    /// The keys that lead to where it is.
    path: Vec<&'static str>,
    /// Kinds of single values, by name.
    definitions: Map<String, Json>,
}

impl Maker {
    fn schema(&mut self, shape: &Shape, words: Option<&Words>) -> Json {
        let mut schema = match shape {
            Shape::List(item) => {
                json!({ "type": ["array", "null"], "items": self.schema(item, None) })
            }
            Shape::Pointers(item) => {
                let mut item = self.schema(item, None);
                no_null(&mut item);
                json!({ "type": ["array", "null"], "items": item })
            }
            Shape::Map(item) => {
                json!({ "type": ["object", "null"], "additionalProperties": self.schema(item, None) })
            }
            Shape::Struct(groups) => self.structure(groups),
            // Whatever its type in YAML, its text counts.
            Shape::Text | Shape::Expression => match words.map_or(&[][..], |words| &words.one_of) {
                [] => json!({ "type": ["string", "number", "boolean", "null"] }),
                some => unless_variable(&[json!({ "enum": some }), pattern("")]),
            },
            Shape::Any => json!({}),
            _ => self.named(shape),
        };
        if words.is_some_and(|words| words.required) {
            no_null(&mut schema);
            match shape {
                Shape::List(_) | Shape::Pointers(_) => schema["minItems"] = json!(1),
                Shape::Text => schema["minLength"] = json!(1),
                _ => {}
            }
        }
        schema
    }

    fn structure(&mut self, groups: &[&'static [(&'static str, Shape)]]) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (key, shape) in groups.iter().copied().flatten() {
            self.path.push(key);
            let words = words(&self.path);
            let body = self.schema(shape, Some(&words));
            self.path.pop();
            let mut field = json!({ "description": words.text });
            if words.deprecated {
                field["deprecated"] = true.into();
                // What editors that know no `deprecated` show.
                field["deprecationMessage"] = words.text.into();
            }
            if let (Some(field), Json::Object(body)) = (field.as_object_mut(), body) {
                field.extend(body);
            }
            properties.insert((*key).to_owned(), field);
            if words.required {
                required.push(*key);
            }
        }
        let mut schema = json!({
            "type": ["object", "null"],
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// A kind of single value that stands in many places, by its name.
    fn named(&mut self, shape: &Shape) -> Json {
        let (name, schema) = single(shape);
        let before = self.definitions.insert(name.clone(), schema.clone());
        assert!(
            before.is_none_or(|it| it == schema),
            "two kinds are called {name}"
        );
        json!({ "anyOf": [{ "$ref": format!("#/definitions/{name}") }] })
    }
}

fn no_null(schema: &mut Json) {
    if let Some(types) = schema.get_mut("type").and_then(Json::as_array_mut) {
        types.retain(|it| it != "null");
    }
}

/// One of these, or something that a variable is replaced in.
fn unless_variable(schemas: &[Json]) -> Json {
    let mut all = schemas.to_vec();
    all.push(json!({ "type": "string", "pattern": VARIABLE }));
    all.push(json!({ "type": "null" }));
    json!({ "anyOf": all })
}

fn pattern(text: &str) -> Json {
    json!({ "type": "string", "pattern": format!("^({text})$") })
}

/// The name and the schema of a kind of single value.
fn single(shape: &Shape) -> (String, Json) {
    let number = || json!({ "type": "number" });
    let (name, schemas) = match shape {
        Shape::Flag => {
            let words = "y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF";
            ("flag", vec![json!({ "type": "boolean" }), pattern(words)])
        }
        Shape::Int(least, most) => return whole(*least, *most),
        Shape::Duration => {
            let part = r"(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)";
            ("duration", vec![pattern(&format!("[-+]?({part})+|[-+]?0"))])
        }
        Shape::DiskSize => {
            let number = json!({ "type": "number", "minimum": 0 });
            ("diskSize", vec![number, pattern(SIZE)])
        }
        Shape::ByteSize => ("byteSize", vec![number(), pattern(&format!("(-?{SIZE})?"))]),
        Shape::Size => {
            let share = r"(100(\.0*)?|\d{1,2}(\.\d*)?|\.\d+)%";
            let form = format!("(-?({SIZE}|{share}))?");
            ("sizeOrShare", vec![number(), pattern(&form)])
        }
        Shape::SizeMatcher => ("sizeCondition", vec![size_condition()]),
        Shape::Prefix => {
            let four = r"[\d.]+/(\d|[12]\d|3[0-2])";
            let six = r"(?=.*:)[\da-fA-F:.]+/(\d|[1-9]\d|1[01]\d|12[0-8])";
            ("prefix", vec![pattern(&format!("|{four}|{six}"))])
        }
        Shape::PortRange => {
            let port = json!({ "type": "integer", "minimum": 0, "maximum": 65535 });
            ("ports", vec![port, pattern(r"\d{1,5}-\d{1,5}")])
        }
        Shape::Word(words) => {
            let forms: Vec<String> = words.iter().map(|word| any_case(word)).collect();
            let schemas = [json!({ "enum": words }), pattern(&forms.join("|"))];
            return (words.join("-or-"), unless_variable(&schemas));
        }
        _ => unreachable!("not a single value with a form"),
    };
    (name.to_owned(), unless_variable(&schemas))
}

fn any_case(word: &str) -> String {
    let both = |c: char| match c.is_ascii_lowercase() {
        true => format!("[{c}{}]", c.to_ascii_uppercase()),
        false => c.to_string(),
    };
    word.chars().map(both).collect()
}

/// A whole number; what does not fit 32 bits is no limit that anybody reaches.
fn whole(least: i128, most: i128) -> (String, Json) {
    let mut schema = json!({ "type": "integer" });
    let mut name = "whole".to_owned();
    for (key, limit) in [("minimum", least), ("maximum", most)] {
        if let Some(limit) = i64::try_from(limit)
            .ok()
            .filter(|it| it.unsigned_abs() <= 1 << 32)
        {
            schema[key] = limit.into();
            name.push_str(&format!("-{key}-{limit}"));
        }
    }
    (name, unless_variable(&[schema]))
}
