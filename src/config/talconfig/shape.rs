//! What may stand where in talconfig.yaml: the keys and types that talhelper and the parts of Talos in it decode into.
//!
//! Data, and the walk that holds a tree against it. Go drops keys that it does not know without a word, so they are
//! collected, not refused. The tables are those of talhelper 3.1.17; a test compares them with its types.

#[cfg(feature = "schemas")]
pub(super) mod json_schema;
mod tables;
mod typed;

use std::rc::Rc;

pub(super) use tables::TALCONFIG;
pub(crate) use typed::typed;

use super::value::{At, Kind, Meaning, Plain, Value};
use crate::config::nearest::nearest;
use crate::config::{duration, size};

/// A type of Go, as far as decoding goes.
pub(super) enum Shape {
    Text,
    Flag,
    /// A whole number in this range.
    Int(i128, i128),
    /// Go's duration.
    Duration,
    /// `machine.disks[].partitions[].size`.
    DiskSize,
    /// `installDiskSelector.size`.
    SizeMatcher,
    /// `provisioning.minSize`.
    ByteSize,
    /// `provisioning.maxSize`.
    Size,
    /// A subnet.
    Prefix,
    /// A port, or two with a dash.
    PortRange,
    /// One of these, in capitals or not.
    Word(&'static [&'static str]),
    /// An expression, which is not read yet.
    Expression,
    /// Anything.
    Any,
    List(&'static Shape),
    /// A list in which Go keeps a null, and talhelper stumbles over it.
    Pointers(&'static Shape),
    Map(&'static Shape),
    /// A mapping with these keys.
    Struct(&'static [&'static [(&'static str, Shape)]]),
}

/// A value that cannot be decoded.
pub(super) struct Misfit {
    pub at: At,
    pub path: String,
    pub message: String,
    pub allowed: String,
    /// The text that stands there, if the file has it like that.
    pub found: Option<String>,
}

/// A key that talhelper drops without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKey {
    /// Where it stands.
    pub at: At,
    /// Where it stands, in words: `nodes[0].instalDisk`.
    pub path: String,
    /// The key.
    pub key: Rc<str>,
    /// Keys that are much like it.
    pub close: Vec<&'static str>,
}

/// What the walk found.
#[derive(Default)]
pub(super) struct Findings {
    pub misfits: Vec<Misfit>,
    pub unknown: Vec<UnknownKey>,
}

/// More findings help nobody.
const MAX_FINDINGS: usize = 100;

impl Findings {
    /// Holds `value` against `shape`.
    pub fn check(&mut self, value: &Value, shape: &Shape, path: &str) {
        if value.is_null() || self.misfits.len() >= MAX_FINDINGS {
            return;
        }
        match (shape, &value.kind) {
            (Shape::Any, _) => {}
            (Shape::List(item), Kind::List(items)) => self.items(items, item, path, false),
            (Shape::Pointers(item), Kind::List(items)) => self.items(items, item, path, true),
            (Shape::Map(item), Kind::Map(pairs)) => {
                for pair in pairs {
                    self.check(&pair.value, item, &below(path, &pair.key));
                }
            }
            (Shape::Struct(fields), Kind::Map(_)) => self.fields(value, fields, path),
            (shape, Kind::Scalar(scalar)) => {
                if let Err(allowed) = fits(shape, scalar, value) {
                    let found = scalar.as_written.then(|| scalar.text.to_string());
                    let message = format!("not {allowed}");
                    self.misfit(value.at, path, message, allowed, found);
                }
            }
            (shape, _) => {
                let allowed = wanted(shape);
                let message = format!("{} where {allowed} must stand", value.shape());
                self.misfit(value.at, path, message, allowed, None);
            }
        }
    }

    fn items(&mut self, items: &[Value], shape: &Shape, path: &str, refuses_null: bool) {
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if refuses_null && item.is_null() {
                let message = String::from("an item without a value, on which talhelper crashes");
                self.misfit(item.at, &path, message, wanted(shape), None);
            }
            self.check(item, shape, &path);
        }
    }

    fn fields(&mut self, value: &Value, fields: &[&'static [(&'static str, Shape)]], path: &str) {
        let known = || fields.iter().copied().flatten();
        for pair in value.pairs() {
            let path = below(path, &pair.key);
            match known().find(|(key, _)| *key == &*pair.key) {
                Some((_, shape)) => self.check(&pair.value, shape, &path),
                None if self.unknown.len() >= MAX_FINDINGS => {}
                None => {
                    let keys: Vec<&'static str> = known().map(|(key, _)| *key).collect();
                    let close = nearest(&pair.key, &keys);
                    let close = keys
                        .iter()
                        .copied()
                        .filter(|key| close.contains(key))
                        .collect();
                    let key = Rc::clone(&pair.key);
                    let at = pair.at;
                    self.unknown.push(UnknownKey {
                        at,
                        path,
                        key,
                        close,
                    });
                }
            }
        }
    }

    fn misfit(
        &mut self,
        at: At,
        path: &str,
        message: String,
        allowed: &str,
        found: Option<String>,
    ) {
        self.misfits.push(Misfit {
            at,
            path: path.to_owned(),
            message,
            allowed: allowed.to_owned(),
            found,
        });
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// What a value of this shape is called.
fn wanted(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Expression => "text",
        Shape::Flag => "true or false",
        Shape::Int(..) => "a whole number in its range",
        Shape::Duration => duration::FORM,
        Shape::DiskSize | Shape::ByteSize => "a size such as 100GiB",
        Shape::SizeMatcher => "a size condition such as `>= 1TB`",
        Shape::Size => "a size such as 100GiB or 50%",
        Shape::Prefix => "a subnet such as 10.0.0.0/8",
        Shape::PortRange => "a port, or a range such as 8000-8080",
        Shape::Word(_) => "one of its words",
        Shape::Any => "anything",
        Shape::List(_) | Shape::Pointers(_) => "a list",
        Shape::Map(_) | Shape::Struct(_) => "a mapping",
    }
}

/// Whether Go decodes the scalar, and what would be right if not.
fn fits(shape: &Shape, scalar: &Plain, value: &Value) -> Result<(), &'static str> {
    let text = scalar.text.as_str();
    let fits = match shape {
        Shape::Any | Shape::Text | Shape::Expression => true,
        Shape::Flag => value.flag().is_some(),
        Shape::Int(least, most) => value.int().is_some_and(|it| (*least..=*most).contains(&it)),
        Shape::Duration => scalar.meaning == Meaning::Text && duration::parse(text).is_some(),
        Shape::DiskSize => size::parse_bytes(text).is_ok(),
        Shape::SizeMatcher => size::parse_matcher(text).is_ok(),
        Shape::ByteSize => {
            let unsigned = text.strip_prefix('-').unwrap_or(text);
            text.is_empty() || size::parse_bytes(unsigned).is_ok()
        }
        Shape::Size => text.is_empty() || size::parse_max(text).is_ok(),
        Shape::Prefix => text.is_empty() || prefix(text).is_some(),
        Shape::PortRange => ports(value).is_some(),
        Shape::Word(words) => words.contains(&text.to_lowercase().as_str()),
        Shape::List(_) | Shape::Pointers(_) | Shape::Map(_) | Shape::Struct(_) => false,
    };
    if fits { Ok(()) } else { Err(wanted(shape)) }
}

/// Go's `netip.ParsePrefix`.
pub(super) fn prefix(text: &str) -> Option<(std::net::IpAddr, u8)> {
    let (address, bits) = text.rsplit_once('/')?;
    let address: std::net::IpAddr = address.parse().ok()?;
    let is_plain = bits.len() <= 3 && bits.bytes().all(|b| b.is_ascii_digit());
    let is_short = bits == "0" || !bits.starts_with('0');
    let bits: u8 = bits.parse().ok().filter(|_| is_plain && is_short)?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((address, bits))
}

/// A port as a range of one, or a range; the end may lie before the start.
pub(super) fn ports(value: &Value) -> Option<(u16, u16)> {
    if let Some(port) = value.int().and_then(|port| u16::try_from(port).ok()) {
        return Some((port, port));
    }
    let number = |text: &str| {
        let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| text.parse().ok()).flatten()
    };
    let (low, high) = value.text().split_once('-')?;
    Some((number(low)?, number(high)?))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    /// The judge's words for a shape.
    fn described(shape: &Shape) -> Json {
        match shape {
            Shape::Text => json!("string"),
            Shape::Flag => json!("bool"),
            Shape::Int(least, most) => json!(match (*least < 0, most) {
                (true, _) => "int",
                (_, 255) => "uint8",
                (_, 65535) => "uint16",
                (_, 4_294_967_295) => "uint32",
                _ => "uint64",
            }),
            Shape::Duration => json!("duration"),
            Shape::DiskSize => json!("!DiskSize"),
            Shape::SizeMatcher => json!("!InstallDiskSizeMatcher"),
            Shape::ByteSize => json!("!ByteSize"),
            Shape::Size => json!("!Size"),
            Shape::Prefix => json!("!Prefix"),
            Shape::PortRange => json!("!PortRange"),
            Shape::Word(_) => json!("!word"),
            Shape::Expression => json!("!Expression"),
            Shape::Any => json!("interface"),
            Shape::List(item) => json!([described(item)]),
            Shape::Pointers(item) => json!(["*", described(item)]),
            Shape::Map(item) => json!({"*": described(item)}),
            Shape::Struct(fields) => {
                let fields = fields.iter().flat_map(|group| group.iter());
                fields
                    .map(|(key, shape)| ((*key).to_owned(), described(shape)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
        }
    }

    /// The judge's answer with one word for every type that has a list of words, and one for both sizes of integers
    /// that this platform does not tell apart.
    fn theirs(shape: &Json) -> Json {
        const WORDS: [&str; 6] = [
            "!DefaultAction",
            "!Protocol",
            "!VolumeType",
            "!FilesystemType",
            "!EncryptionProviderType",
            "!BootloaderKind",
        ];
        match shape {
            Json::String(word) if WORDS.contains(&word.as_str()) => json!("!word"),
            Json::String(word) if word == "uint" => json!("uint64"),
            Json::Array(items) => items.iter().map(theirs).collect(),
            Json::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|(key, shape)| (key.clone(), theirs(shape)));
                fields.collect::<serde_json::Map<_, _>>().into()
            }
            other => other.clone(),
        }
    }

    /// `shape.json` is the answer of the judge in tests/talhelper, which another test compares with it.
    #[test]
    fn the_tables_are_the_types_of_talhelper() {
        let answer = include_str!("../../../tests/fixtures/talconfig/shape.json");
        let answer: Json = serde_json::from_str(answer).unwrap();
        assert_eq!(described(&TALCONFIG), theirs(&answer));
    }
}
