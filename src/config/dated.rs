//! Texts that Go's YAML library takes for points in time, which fit nowhere in a configuration. Pure.

use super::node::{Scalar, Style, Tag};

/// Whether Go's library takes it for a point in time, which fits nowhere in a configuration.
pub(crate) fn is_timestamp(scalar: &Scalar) -> bool {
    scalar.style == Style::Plain && scalar.tag == Tag::None && looks_dated(&scalar.text)
}

/// `YYYY-M-D`, alone or with a time of day behind it.
pub(crate) fn looks_dated(text: &str) -> bool {
    let digits = |part: &str, most: usize| {
        let count = part.bytes().take_while(u8::is_ascii_digit).count();
        (1..=most).contains(&count).then_some(count)
    };
    let parsed = |part: &str| part.parse::<u8>().unwrap_or(0);
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    let Some(rest) = text.get(4..).and_then(|rest| rest.strip_prefix('-')) else {
        return false;
    };
    let Some(month) = digits(rest, 2).filter(|_| year == 4) else {
        return false;
    };
    let Some(after) = rest[month..].strip_prefix('-') else {
        return false;
    };
    let Some(day) = digits(after, 2) else {
        return false;
    };
    let date =
        (1..=12).contains(&parsed(&rest[..month])) && (1..=31).contains(&parsed(&after[..day]));
    let time = &after[day..];
    date && (time.is_empty()
        || (time.starts_with(['T', 't', ' ']) && time.matches(':').count() >= 2))
}
