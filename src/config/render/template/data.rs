//! What templates look into: the old document under the names that Go has for its fields.
//!
//! `fields.txt` lists them with their keys and types, as reflection over Talos' package shows them; a test compares it.

use std::sync::OnceLock;

use serde_json::Value as Json;

/// The list.
const FIELDS: &str = include_str!("fields.txt");

/// A type of Go.
#[derive(Debug)]
pub(in crate::config::render) enum Kind {
    Text,
    Flag,
    Whole,
    /// A URL, which is written as one.
    Url,
    Pointer(Box<Kind>),
    List(Box<Kind>),
    Map(Box<Kind>),
    Struct(Vec<Field>),
    /// Something else, which is not rendered here.
    Other,
}

/// A field of a structure.
#[derive(Debug)]
pub(in crate::config::render) struct Field {
    name: &'static str,
    key: &'static str,
    kind: Kind,
}

/// A value in a template.
#[derive(Clone, Debug)]
pub(in crate::config::render) enum Datum<'d> {
    Text(String),
    Flag(bool),
    Whole(i64),
    List(Vec<Datum<'d>>),
    /// A structure that is not the configuration.
    Fields(Vec<(&'static str, Datum<'d>)>),
    /// A part of the configuration; without a value, Go's zero.
    Part(&'d Kind, Option<&'d Json>),
}

impl<'d> Datum<'d> {
    /// The configuration; `old` is the old document, or null.
    pub fn config(old: &'d Json) -> Self {
        Self::Part(root(), Some(old).filter(|it| !it.is_null()))
    }

    /// The same with a part of a basic type as that type.
    pub(super) fn plain(self) -> Result<Self, String> {
        let Self::Part(kind, value) = self else {
            return Ok(self);
        };
        let unfit = || "a value that is not rendered by keelblock".to_owned();
        Ok(match (kind, value) {
            (Kind::Text, None) => Self::Text(String::new()),
            (Kind::Flag, None) => Self::Flag(false),
            (Kind::Whole, None) => Self::Whole(0),
            (Kind::Text | Kind::Url, Some(value)) => {
                Self::Text(value.as_str().ok_or_else(unfit)?.to_owned())
            }
            (Kind::Flag, Some(value)) => Self::Flag(value.as_bool().ok_or_else(unfit)?),
            (Kind::Whole, Some(value)) => Self::Whole(value.as_i64().ok_or_else(unfit)?),
            (Kind::List(item), value) => {
                let items = value
                    .and_then(Json::as_array)
                    .map_or(&[][..], Vec::as_slice);
                Self::List(
                    items
                        .iter()
                        .map(|value| Self::Part(item, Some(value)))
                        .collect(),
                )
            }
            (Kind::Pointer(inner), Some(_)) if matches!(**inner, Kind::Url) => {
                return Self::Part(inner, value).plain();
            }
            (kind, value) => Self::Part(kind, value),
        })
    }

    /// What has the name `name` in it.
    pub(super) fn field(&self, name: &str) -> Result<Self, String> {
        let missing = || format!("there is no field {name} that keelblock renders");
        match self {
            Self::Fields(fields) => {
                let found = fields.iter().find(|(known, _)| *known == name);
                found.map(|(_, datum)| datum.clone()).ok_or_else(missing)
            }
            Self::Part(Kind::Pointer(_), None) => {
                Err(format!("nothing is there that has a field {name}"))
            }
            Self::Part(Kind::Pointer(inner), value) => Self::Part(inner, *value).field(name),
            Self::Part(Kind::Struct(fields), value) => {
                let field = fields.iter().find(|field| field.name == name);
                let field = field.ok_or_else(missing)?;
                let below = value.and_then(|value| value.get(field.key));
                Ok(Self::Part(&field.kind, below))
            }
            Self::Part(Kind::Map(item), value) => {
                let below = value.and_then(|value| value.get(name));
                let below = below.ok_or_else(|| format!("there is no key {name}"))?;
                Ok(Self::Part(item, Some(below)))
            }
            _ => Err(missing()),
        }
    }

    /// What Go takes for true.
    pub(super) fn truth(&self) -> Result<bool, String> {
        Ok(match self.clone().plain()? {
            Self::Text(text) => !text.is_empty(),
            Self::Flag(flag) => flag,
            Self::Whole(value) => value != 0,
            Self::List(items) => !items.is_empty(),
            Self::Fields(_) | Self::Part(Kind::Struct(_), _) => true,
            Self::Part(Kind::Pointer(_), value) => value.is_some(),
            Self::Part(Kind::Map(_), value) => value
                .and_then(Json::as_object)
                .is_some_and(|map| !map.is_empty()),
            Self::Part(..) => return Err(format!("{} in a condition", self.what())),
        })
    }

    /// What it is, for messages.
    pub(super) fn what(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Flag(_) => "true or false",
            Self::Whole(_) => "a number",
            Self::List(_) | Self::Part(Kind::List(_), _) => "a list",
            Self::Part(Kind::Map(_), _) => "a mapping",
            Self::Part(Kind::Pointer(_), None) => "a field that is not set",
            Self::Fields(_) | Self::Part(Kind::Struct(_), _) => "a structure",
            Self::Part(..) => "a value of a special type",
        }
    }
}

/// The type of the old document.
fn root() -> &'static Kind {
    static ROOT: OnceLock<Kind> = OnceLock::new();
    ROOT.get_or_init(|| {
        let mut lines = FIELDS.lines().peekable();
        Kind::Pointer(Box::new(Kind::Struct(fields(&mut lines, 0))))
    })
}

/// The fields that stand at this depth, and what is below them.
fn fields(lines: &mut std::iter::Peekable<std::str::Lines<'static>>, depth: usize) -> Vec<Field> {
    let depth_of = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    while let Some(line) = lines.next_if(|line| depth_of(line) == depth) {
        let mut words = line.split_whitespace();
        let mut word = || words.next().unwrap_or_default();
        let (name, key, kind) = (word(), word(), word());
        let below = fields(lines, depth + 1);
        let kind = self::kind(kind, below);
        found.push(Field { name, key, kind });
    }
    found
}

fn kind(text: &str, below: Vec<Field>) -> Kind {
    let inner = |text: &str, below| Box::new(kind(text, below));
    match text.split_at_checked(1) {
        Some(("*", rest)) => Kind::Pointer(inner(rest, below)),
        Some(("[", rest)) => Kind::List(inner(rest, below)),
        Some(("{", rest)) => Kind::Map(inner(rest, below)),
        _ => match text {
            "text" => Kind::Text,
            "flag" => Kind::Flag,
            "whole" => Kind::Whole,
            "url" => Kind::Url,
            "struct" => Kind::Struct(below),
            _ => Kind::Other,
        },
    }
}
