//! Text from disks, sysfs and files as a terminal may see it.
//!
//! Owns: which characters never reach a terminal raw. A label can hold escape codes that recolour, move the cursor or
//! retitle the window, a newline that starts a line of its own, or marks that turn the reading direction around.
//! Pure; what is compared or written to a file stays as it is.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with control characters (C0, DEL, C1) and marks of reading direction as escapes, such as `\u{1b}` or `\n`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, is_hidden)
}

/// The same for text of several lines: newlines and tabs stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

/// A JSON document with what JSON lets stand raw in a string, but a terminal obeys, as `\u009b` and the like.
pub fn printable_json(document: &str) -> Cow<'_, str> {
    let obeyed = |c: char| is_hidden(c) && c > '\u{1f}';
    if !document.contains(obeyed) {
        return Cow::Borrowed(document);
    }
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        if obeyed(c) {
            // All of them are in the basic plane: one escape each.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn escape(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters, line and paragraph separators, and marks that change the direction of what follows.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_the_rest_stays() {
        for (text, shown) in [
            ("Portable SSD T5", "Portable SSD T5"),
            ("Größe \u{fffd}", "Größe \u{fffd}"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\nb\r\t\0", "a\\nb\\r\\t\\u{0}"),
            ("\u{9b}2J\u{7f}", "\\u{9b}2J\\u{7f}"),
            ("abc\u{202e}cba", "abc\\u{202e}cba"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable_lines("a\n\tb\u{1b}c"), "a\n\tb\\u{1b}c");
    }

    #[test]
    fn escaped_json_is_the_same_json() {
        let value = serde_json::json!({"label": "\u{9b}31m\u{7f}\u{1b}\u{202e}x\ny"});
        let plain = serde_json::to_string_pretty(&value).unwrap();
        let escaped = printable_json(&plain);
        assert!(
            !escaped.contains(|c: char| is_hidden(c) && c != '\n'),
            "{escaped}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&escaped).unwrap(),
            value
        );
    }
}
