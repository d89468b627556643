//! Values as YAML text, for Talos to read.
//!
//! Pure. Own, because the reader here and Go's library must both find every string to be a string again: what either
//! would take for a number, a boolean of YAML 1.1 or 1.2, a date, a merge or a sexagesimal is quoted. Text of several
//! lines stands in a block. Indented by 2, lists below their key. The result holds the secrets of the value.

use serde_json::Value;
use zeroize::Zeroizing;

use super::dated::looks_dated;
use super::node::{Scalar, Style, Tag};
use super::scalar::Resolved;

/// Longer keys stand behind a question mark, since a parser looks only so far for the colon.
const LONG_KEY: usize = 120;

/// A stream of documents.
pub(crate) fn documents<'v>(values: impl IntoIterator<Item = &'v Value>) -> String {
    let mut text = String::new();
    for value in values {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        let start = text.len();
        node(&mut text, value, 0, Place::Document);
        if !text[start..].ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// What stands in front of a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing.
    Document,
    /// `key:`.
    Key,
    /// `-`.
    Item,
}

fn node(out: &mut String, value: &Value, depth: usize, place: Place) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 || place == Place::Key {
                    start_line(out, depth);
                } else if place == Place::Item {
                    out.push(' ');
                }
                entry(out, key, value, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || place == Place::Key {
                    start_line(out, depth);
                } else if place == Place::Item {
                    out.push(' ');
                }
                out.push('-');
                node(out, item, depth + 1, Place::Item);
            }
        }
        _ => {
            if place != Place::Document {
                out.push(' ');
            }
            leaf(out, value, depth);
        }
    }
}

fn entry(out: &mut String, key: &str, value: &Value, depth: usize) {
    if key.len() > LONG_KEY {
        out.push_str("? ");
        one_line(out, key);
        start_line(out, depth);
    } else {
        one_line(out, key);
    }
    out.push(':');
    node(out, value, depth + 1, Place::Key);
}

fn start_line(out: &mut String, depth: usize) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n("  ", depth));
}

fn leaf(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(text) if fits_block(text) => block(out, text, depth),
        Value::String(text) => one_line(out, text),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => out.push_str(&format!("{float:?}")),
            None => out.push_str(&number.to_string()),
        },
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Null => out.push_str("null"),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
    }
}

/// Whether a block says it without an indicator of indentation and without escapes.
fn fits_block(text: &str) -> bool {
    let body = text.trim_end_matches('\n');
    let plain = |c: char| c == '\n' || c == '\t' || is_printable(c);
    text.contains('\n')
        && !body.is_empty()
        && !text.starts_with(['\n', ' ', '\t'])
        && text.chars().all(plain)
        && text
            .lines()
            .all(|line| !line.starts_with('\t') && !line.trim().is_empty() || line.is_empty())
}

fn block(out: &mut String, text: &str, depth: usize) {
    let body = text.trim_end_matches('\n');
    out.push('|');
    match text.len() - body.len() {
        0 => out.push('-'),
        1 => {}
        _ => out.push('+'),
    }
    out.push('\n');
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.extend(std::iter::repeat_n("  ", depth.max(1)));
            out.push_str(line);
        }
        out.push('\n');
    }
}

/// Without quotes if nobody misreads it, else in single quotes, else in double quotes.
fn one_line(out: &mut String, text: &str) {
    if is_plain(text) {
        out.push_str(text);
    } else if text.chars().all(is_printable) {
        out.push('\'');
        out.push_str(&text.replace('\'', "''"));
        out.push('\'');
    } else {
        escaped(out, text);
    }
}

fn escaped(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if is_printable(c) => out.push(c),
            c => match u32::from(c) {
                code @ 0..=0xff => out.push_str(&format!("\\x{code:02x}")),
                code @ 0x100..=0xffff => out.push_str(&format!("\\u{code:04x}")),
                code => out.push_str(&format!("\\U{code:08x}")),
            },
        }
    }
    out.push('"');
}

/// Printable, and a line break to no version of YAML.
fn is_printable(c: char) -> bool {
    let breaks = ['\u{2028}', '\u{2029}', '\u{feff}', '\u{fffe}', '\u{ffff}'];
    !c.is_control() && !breaks.contains(&c)
}

/// Whether it needs no quotes: letters, digits and some signs, and text to every reader.
fn is_plain(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_/.-+=@,^~%:".contains(c);
    let words = || text.split(' ');
    let safe = words().all(|word| !word.is_empty() && word.chars().all(inside))
        && words().all(|word| !word.ends_with(':'))
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || "_/.".contains(c));
    safe && !is_old_bool(text) && !looks_dated(text) && !is_sexagesimal(text) && {
        let scalar = Scalar {
            text: Zeroizing::new(text.to_owned()),
            style: Style::Plain,
            tag: Tag::None,
        };
        // Numbers of other spellings, such as 0x1p3, are not worth finding out about.
        scalar.resolve() == Resolved::Text && !looks_numeric(text)
    }
}

/// The booleans of YAML 1.1.
fn is_old_bool(text: &str) -> bool {
    let words = ["y", "yes", "n", "no", "on", "off", "true", "false", "null"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Minutes and seconds of YAML 1.1, such as `12:30`.
fn is_sexagesimal(text: &str) -> bool {
    text.contains(':')
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || ":._+-".contains(c))
}

/// A digit or point in front, and nothing of an address, version or path behind it.
fn looks_numeric(text: &str) -> bool {
    let first = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let other = text.chars().any(|c| "/:@,%=".contains(c)) || text.matches('.').count() > 1;
    let letters = text
        .chars()
        .any(|c| c.is_ascii_alphabetic() && !"xXoObBeEpPaAcCdDfF".contains(c));
    first && !other && !letters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
    use serde_json::{Map, json};

    use super::super::node;
    use super::super::schema::{Schema, Type};
    use super::super::tree::Reader;
    use super::super::yaml;
    use super::*;

    /// What is read from `text`, each document as anything.
    fn read(text: &str) -> Vec<Value> {
        let stream = yaml::read(text, 0);
        if let Some(fault) = stream.fault {
            panic!("{} in\n{text}", fault.message);
        }
        let value = |node: &node::Node| {
            let mut reader = Reader::new(Schema::get());
            let value = reader.read(&Type::Any, node).unwrap_or(Value::Null);
            assert_eq!(reader.problems, [], "{text}");
            value
        };
        stream.documents.iter().map(|it| value(it)).collect()
    }

    /// Texts that some reader takes for something else.
    const ODD: &[&str] = &[
        "",
        " ",
        "yes",
        "No",
        "on",
        "y",
        "~",
        "null",
        "true",
        "1",
        "0644",
        "0x1f",
        "0o17",
        "1_000",
        "1e3",
        ".5",
        "-",
        "- a",
        "a: b",
        "a:",
        "#a",
        "a #b",
        "<<",
        "=",
        "!",
        "&a",
        "*a",
        "|",
        ">",
        "'",
        "\"",
        "{",
        "[",
        "]",
        ",",
        "?",
        "? a",
        "%",
        "@",
        "`",
        "\\",
        "12:30",
        "2024-01-01",
        "2024-1-2T3:4:5Z",
        "a\n",
        "a\nb",
        "a\n\n",
        "\na",
        " a\nb",
        "\ta\nb",
        "a\n\tb",
        "a\n \nb",
        "a \nb",
        "---",
        "...",
        "--- a",
        "a\n---\nb",
        "\u{85}",
        "\u{2028}",
        "\u{feff}a",
        "\0",
        "\r\n",
        "a\rb",
        "1.2.3",
        "10.0.0.0/8",
        "fd00::1",
        ".inf",
        "-.inf",
        ".nan",
        "+1",
        "-1",
        "::",
        "a::b",
        "a\tb",
        "tab\t",
        "e\u{301}",
        "\u{1f600}",
    ];

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::sample::select(ODD).prop_map(str::to_owned),
            "[ -~]{0,12}",
            any::<String>(),
            "([ -~]{0,8}\n){0,4}[ -~]{0,3}",
        ]
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            text().prop_map(Value::String),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                proptest::collection::vec((text(), inner), 0..6).prop_map(|entries| {
                    Value::Object(entries.into_iter().collect::<Map<_, _>>())
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(all in proptest::collection::vec(values(), 1..4)) {
            let text = documents(&all);
            prop_assert_eq!(read(&text), all, "{}", text);
        }
    }

    #[test]
    fn texts_look_as_people_write_them() {
        let value = json!({
            "machine": {"sysctls": {"vm.swappiness": "1"}, "certSANs": ["10.0.0.1", "a.example"], "env": {}},
            "rules": ["KERNEL==\"sd[a-z]\"", "two\nlines\n"],
            "nested": [[1, true], [], {"a": null, "b": [{}]}],
            "on": "yes",
        });
        let written = "machine:\n  sysctls:\n    vm.swappiness: '1'\n  certSANs:\n    - 10.0.0.1\n    - a.example\n  env: {}\n\
            rules:\n  - 'KERNEL==\"sd[a-z]\"'\n  - |\n    two\n    lines\n\
            nested:\n  - - 1\n    - true\n  - []\n  - a: null\n    b:\n      - {}\n'on': 'yes'\n";
        assert_eq!(documents([&value]), written);
    }
}
