//! What a scalar means, by the rules of the YAML library that Talos decodes with (Go's yaml.v3 and its heirs).
//!
//! Pure. The rules are YAML 1.2's core schema with what Go keeps of 1.1: octal `0644`, `1_000`, and
//! `yes`/`on` where a boolean is wanted. Numbers that Go would truncate or wrap are refused instead.

use base64::Engine as _;
use zeroize::Zeroizing;

use super::node::{Scalar, Style, Tag};

/// A scalar with its type found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resolved {
    /// Null: unset.
    Null,
    /// A boolean of YAML 1.2.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text,
    /// The tag and the text contradict each other.
    Mismatch,
}

impl Scalar {
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.resolve() == Resolved::Null
    }

    /// The type and value that the tag, the style and the text give.
    pub fn resolve(&self) -> Resolved {
        let plain = || resolve_plain(&self.text);
        match self.tag {
            Tag::None if self.style == Style::Plain => plain(),
            Tag::None | Tag::Str | Tag::Binary => Resolved::Text,
            Tag::Null => match plain() {
                Resolved::Null => Resolved::Null,
                _ => Resolved::Mismatch,
            },
            Tag::Bool => match plain() {
                found @ Resolved::Bool(_) => found,
                _ => Resolved::Mismatch,
            },
            Tag::Int => match plain() {
                found @ Resolved::Int(_) => found,
                _ => Resolved::Mismatch,
            },
            Tag::Float => match plain() {
                found @ (Resolved::Int(_) | Resolved::Float(_)) => found,
                _ => Resolved::Mismatch,
            },
        }
    }

    /// The text, as a string field takes it: numbers and booleans as they were written,
    /// `!!binary` decoded. `None` for a tag that does not fit.
    pub fn as_text(&self) -> Option<Zeroizing<String>> {
        if self.tag == Tag::Binary {
            let packed: Zeroizing<String> =
                Zeroizing::new(self.text.chars().filter(|c| !c.is_whitespace()).collect());
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(packed.as_bytes())
                .ok()?;
            return String::from_utf8(bytes).ok().map(Zeroizing::new);
        }
        match self.resolve() {
            Resolved::Mismatch => None,
            _ => Some(self.text.clone()),
        }
    }

    /// The boolean, as a boolean field takes it; the words of YAML 1.1 count here, quoted or not.
    pub fn as_bool(&self) -> Option<bool> {
        match self.resolve() {
            Resolved::Bool(value) => Some(value),
            Resolved::Text => match self.text.as_str() {
                "y" | "Y" | "yes" | "on" => Some(true),
                "n" | "N" | "no" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The whole number; `1.0` and `1e3` are whole.
    pub fn as_int(&self) -> Option<i128> {
        match self.resolve() {
            Resolved::Int(value) => Some(value),
            Resolved::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => whole(value),
            _ => None,
        }
    }
}

/// Up to here every whole number has a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the caller made sure that it is whole and below 2^53"
)]
fn whole(value: f64) -> Option<i128> {
    Some(value as i128)
}

fn resolve_plain(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "true" | "True" | "TRUE" => return Resolved::Bool(true),
        "false" | "False" | "FALSE" => return Resolved::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Resolved::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Resolved::Text;
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(value) = parse_int(&digits) {
        return Resolved::Int(value);
    }
    if is_float(&digits) {
        return digits.parse().map_or(Resolved::Text, Resolved::Float);
    }
    Resolved::Text
}

/// Decimal, `0x`, `0o`, `0b`, and octal by a leading zero; within 64 bits, signed or not.
fn parse_int(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some(_) if digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let value = if negative { -magnitude } else { magnitude };
    (value >= i128::from(i64::MIN)).then_some(value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_fits =
        all_digits(whole) && all_digits(fraction) && (!whole.is_empty() || !fraction.is_empty());
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && all_digits(e)
    });
    mantissa_fits && exponent_fits
}
