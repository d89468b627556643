//! The type of a scalar, and the text that Go's yaml.v3 writes it back with.

use zeroize::Zeroizing;

use super::Meaning;
use crate::config::node::{Scalar, Style, Tag};
use crate::config::scalar::Resolved;
use crate::config::talconfig::timestamp;

/// The type, and the text that Go writes the value back with.
pub(super) fn meaning(
    text: &str,
    resolved: Resolved,
    is_plain: bool,
) -> Option<(Meaning, Zeroizing<String>)> {
    if is_plain && let Some(time) = timestamp::rewritten(text) {
        return Some((Meaning::Time, Zeroizing::new(time)));
    }
    let resolved = if is_plain { plain(text) } else { resolved };
    let same = || Zeroizing::new(text.to_owned());
    Some(match resolved {
        Resolved::Mismatch => return None,
        Resolved::Text => (Meaning::Text, same()),
        Resolved::Null => (Meaning::Null, Zeroizing::new(String::from("null"))),
        Resolved::Bool(flag) => (Meaning::Flag(flag), Zeroizing::new(flag.to_string())),
        Resolved::Int(value) => (Meaning::Int(value), Zeroizing::new(value.to_string())),
        // Go has no float for digits that are out of range, only for the words.
        Resolved::Float(value) if value.is_infinite() && !text.to_lowercase().contains("inf") => {
            (Meaning::Text, same())
        }
        Resolved::Float(value) => {
            let written = float(value);
            // A whole number among the floats is read back as one.
            let meaning = match plain(&written) {
                Resolved::Int(whole) => Meaning::Int(whole),
                _ => Meaning::Float(value),
            };
            (meaning, Zeroizing::new(written))
        }
    })
}

fn plain(text: &str) -> Resolved {
    let scalar = Scalar {
        text: Zeroizing::new(text.to_owned()),
        style: Style::Plain,
        tag: Tag::None,
    };
    scalar.resolve()
}

/// Go's `%g` in its shortest form, by yaml.v3's words for what is no number.
fn float(value: f64) -> String {
    if value.is_nan() {
        return String::from(".nan");
    }
    if value.is_infinite() {
        return String::from(if value > 0.0 { ".inf" } else { "-.inf" });
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_written_back_as_go_writes_them() {
        for (text, wanted) in [
            ("1.10", "1.1"),
            ("0o17", "15"),
            ("0644", "420"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("1e3", "1000"),
            ("1e400", "1e400"),
            ("1e-7", "1e-07"),
            ("1000000.5", "1.0000005e+06"),
            ("+.inf", ".inf"),
            ("True", "true"),
            ("~", "null"),
            ("yes", "yes"),
            ("2024-01-01", "2024-01-01T00:00:00Z"),
            ("v1.10", "v1.10"),
        ] {
            let found = meaning(text, Resolved::Text, true).unwrap().1;
            assert_eq!(*found, wanted, "{text}");
        }
    }
}
