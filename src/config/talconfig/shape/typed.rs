//! Values as the types that talhelper decodes them into hold them: keys that it does not know are gone, and a scalar is text
//! or number by its field, not by its looks.

use serde_json::{Map, Number, Value as Json};

use super::Shape;
use super::tables::FIELDS;
use crate::config::talconfig::value::{Kind, Meaning, Value};

/// The value of the field `field` of the file, of a node or of a group. What is unknown or null is left out.
pub(crate) fn typed(field: &str, value: &Value) -> Json {
    let mut all = FIELDS.iter().copied().flatten();
    let found = all.find(|(key, _)| *key == field);
    found.map_or(Json::Null, |(_, shape)| shape.typed(value))
}

impl Shape {
    fn typed(&self, value: &Value) -> Json {
        match self {
            _ if value.is_null() => Json::Null,
            Self::Flag => value.flag().map_or(Json::Null, Json::Bool),
            Self::Int(..) => value.int().and_then(number).unwrap_or(Json::Null),
            Self::PortRange => match value.int().and_then(number) {
                Some(port) => port,
                None => value.text().into(),
            },
            Self::Word(_) => value.text().to_lowercase().into(),
            Self::Text
            | Self::Duration
            | Self::DiskSize
            | Self::SizeMatcher
            | Self::ByteSize
            | Self::Size
            | Self::Prefix
            | Self::Expression => value.text().into(),
            Self::List(item) | Self::Pointers(item) => {
                let items = value.items().iter().filter(|item| !item.is_null());
                items.map(|it| item.typed(it)).collect()
            }
            Self::Map(item) => {
                let pair = |key: &str, value: &Value| (key.to_owned(), item.typed(value));
                let pairs = value.pairs().iter();
                let pairs = pairs.map(|it| pair(&it.key, &it.value));
                pairs.collect::<Map<_, _>>().into()
            }
            Self::Struct(groups) => fields(groups, value),
            Self::Any => any(value),
        }
    }

    /// Whether an empty text is the same as none to Go's decoder.
    fn is_unset(&self, value: &Value) -> bool {
        let odd = matches!(
            self,
            Self::SizeMatcher | Self::ByteSize | Self::Size | Self::Prefix | Self::Expression
        );
        value.is_null() || (odd && value.text().is_empty())
    }
}

fn fields(groups: &[&'static [(&'static str, Shape)]], value: &Value) -> Json {
    let mut map = Map::new();
    for (key, shape) in groups.iter().copied().flatten() {
        let Some(value) = value.get(key).filter(|value| !shape.is_unset(value)) else {
            continue;
        };
        map.insert((*key).to_owned(), shape.typed(value));
    }
    map.into()
}

fn any(value: &Value) -> Json {
    match &value.kind {
        Kind::Scalar(scalar) => match scalar.meaning {
            Meaning::Null => Json::Null,
            Meaning::Flag(flag) => flag.into(),
            Meaning::Int(value) => number(value).unwrap_or(Json::Null),
            Meaning::Float(value) => Number::from_f64(value).map_or(Json::Null, Json::Number),
            Meaning::Time | Meaning::Text => scalar.text.as_str().into(),
        },
        Kind::List(items) => items.iter().map(any).collect(),
        Kind::Map(pairs) => {
            let pairs = pairs
                .iter()
                .map(|pair| (pair.key.to_string(), any(&pair.value)));
            pairs.collect::<Map<_, _>>().into()
        }
    }
}

fn number(value: i128) -> Option<Json> {
    let small = i64::try_from(value).ok().map(Json::from);
    small.or_else(|| u64::try_from(value).ok().map(Json::from))
}
