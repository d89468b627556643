//! Values as Go's library writes them when it chooses the notation itself, with an indent of four.
//!
//! The id of a schematic is the digest of such a text.

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::emitter::Emitter;
use super::scalar::Notation;
use super::{Item, Properties, Scalar};
use crate::config::node;
use crate::config::scalar::Resolved;
use crate::config::talconfig::timestamp;

/// Columns of one level.
const STEP: usize = 4;

/// The text of `value`, whose mappings are in the order in which they are to be written.
pub(crate) fn marshalled(value: &Json) -> Zeroizing<String> {
    let mut items = Vec::new();
    push(&mut items, value);
    let mut emitter = Emitter::with_step(STEP);
    emitter.document(&items);
    emitter.finish()
}

fn push(items: &mut Vec<Item>, value: &Json) {
    match value {
        Json::Object(map) => {
            items.push(Item::MapStart(Properties::default()));
            for (key, value) in map {
                items.push(text(key));
                push(items, value);
            }
            items.push(Item::MapEnd);
        }
        Json::Array(list) => {
            items.push(Item::ListStart(Properties::default()));
            list.iter().for_each(|value| push(items, value));
            items.push(Item::ListEnd);
        }
        Json::String(value) => items.push(text(value)),
        other => items.push(scalar(&other.to_string(), Notation::Plain)),
    }
}

fn scalar(value: &str, notation: Notation) -> Item {
    Item::Scalar(Scalar {
        value: Zeroizing::new(value.to_owned()),
        notation,
        properties: Properties::default(),
    })
}

/// A text with the quotes that it needs to stay one.
fn text(value: &str) -> Item {
    let notation = if value.contains('\n') {
        match value.len() > 1 && value.contains(|c: char| !c.is_whitespace()) {
            true => Notation::Literal,
            false => Notation::Double,
        }
    } else if is_old_word(value) || is_sexagesimal(value) || value == "<<" {
        Notation::Single
    } else if is_text(value) {
        Notation::Plain
    } else {
        Notation::Double
    };
    scalar(value, notation)
}

/// Whether it is text without quotes as well.
fn is_text(value: &str) -> bool {
    let plain = node::Scalar {
        text: Zeroizing::new(value.to_owned()),
        style: node::Style::Plain,
        tag: node::Tag::None,
    };
    plain.resolve() == Resolved::Text && timestamp::rewritten(value).is_none()
}

/// A boolean of YAML 1.1.
fn is_old_word(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let forms = [lower.as_str(), &lower.to_ascii_uppercase()];
    let capital = lower
        .get(..1)
        .map(str::to_ascii_uppercase)
        .unwrap_or_default();
    let is_form = forms.contains(&value) || value == capital + lower.get(1..).unwrap_or_default();
    is_form && matches!(&*lower, "y" | "yes" | "on" | "n" | "no" | "off")
}

/// A number of YAML 1.1 to the base of 60: `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`.
fn is_sexagesimal(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let loose = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let is_sixtieth = |part: &str| {
        let fits = part.len() == 1 || (part.len() == 2 && part.as_bytes()[0] < b'6');
        fits && part.bytes().all(|b| b.is_ascii_digit())
    };
    let mut more = 0;
    let rest_fits = parts.all(|part| {
        more += 1;
        is_sixtieth(part)
    });
    first.starts_with(|c: char| c.is_ascii_digit())
        && loose(first)
        && loose(fraction)
        && rest_fits
        && more > 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_look_as_go_writes_them() {
        let value = json!({"a": {"b": ["x", "yes", "1", "", "a: b", "1:30"], "c": []}, "d": {}, "e": "x\ny\n", "f": 7});
        assert_eq!(
            *marshalled(&value),
            "a:\n    b:\n        - x\n        - 'yes'\n        - \"1\"\n        - \"\"\n        - 'a: b'\n        - '1:30'\n    \
             c: []\nd: {}\ne: |\n    x\n    y\nf: 7\n"
        );
    }
}
