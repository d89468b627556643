//! Takes a valid expression's text apart at its outermost `||` and `&&`.
//!
//! Works on text, so that each operand keeps the words of the config. Only for text that has been
//! parsed: strings and brackets are known to be closed.

/// The outermost operator of an expression and its operands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Split<'t> {
    /// `a && b && …`.
    All(Vec<&'t str>),
    /// `a || b || …`.
    Any(Vec<&'t str>),
    /// `a ? b : c`.
    Choice([&'t str; 3]),
    /// Anything else.
    One(&'t str),
}

/// Splits `text`, without the brackets and spaces around it.
pub(super) fn split(text: &str) -> Split<'_> {
    let text = text.trim();
    let marks = marks(text);
    if let Some(asked) = marks
        .iter()
        .position(|(_, mark)| *mark == Mark::Conditional)
    {
        let colon = marks[asked..].iter().find(|(_, m)| *m == Mark::Colon);
        return match (marks[asked].0, colon) {
            (asked, Some((colon, _))) => Split::Choice([
                text[..asked].trim(),
                text[asked + 1..*colon].trim(),
                text[colon + 1..].trim(),
            ]),
            _ => Split::One(text),
        };
    }
    for (wanted, all) in [(Mark::Or, false), (Mark::And, true)] {
        let mut operands = Vec::new();
        let mut from = 0;
        for (at, _) in marks.iter().filter(|(_, mark)| *mark == wanted) {
            operands.push(text[from..*at].trim());
            from = at + 2;
        }
        if !operands.is_empty() {
            operands.push(text[from..].trim());
            return if all {
                Split::All(operands)
            } else {
                Split::Any(operands)
            };
        }
    }
    match inner(text, &marks) {
        Some(inner) => split(inner),
        None => Split::One(text),
    }
}

/// What stands behind the signs of a negation, and how many they are.
pub(super) fn negated(text: &str) -> (usize, &str) {
    let mut rest = text.trim();
    let mut signs = 0;
    while let Some(behind) = rest.strip_prefix('!') {
        (rest, signs) = (behind.trim_start(), signs + 1);
    }
    (signs, rest)
}

/// The text within, if one pair of round brackets encloses all of it.
fn inner<'t>(text: &'t str, marks: &[(usize, Mark)]) -> Option<&'t str> {
    let [(0, Mark::Open), (close, Mark::Close)] = marks else {
        return None;
    };
    (close + 1 == text.len()).then(|| &text[1..*close])
}

/// What stands outside every bracket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    And,
    Or,
    Conditional,
    Colon,
    Open,
    Close,
}

fn marks(text: &str) -> Vec<(usize, Mark)> {
    let bytes = text.as_bytes();
    let mut marks = Vec::new();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let mark = match rest {
            [b'"' | b'\'', ..] => {
                let raw = raw_prefix(&bytes[..at]);
                at += string_len(rest, raw);
                continue;
            }
            [b'`', tail @ ..] => {
                at += 2 + tail.iter().position(|b| *b == b'`').unwrap_or(tail.len());
                continue;
            }
            [b'/', b'/', tail @ ..] => {
                at += 2 + tail.iter().position(|b| *b == b'\n').unwrap_or(tail.len());
                continue;
            }
            [b'(' | b'[' | b'{', ..] => {
                depth += 1;
                (depth == 1 && rest[0] == b'(').then_some(Mark::Open)
            }
            [b')' | b']' | b'}', ..] => {
                depth = depth.saturating_sub(1);
                (depth == 0 && rest[0] == b')').then_some(Mark::Close)
            }
            [b'?', ..] => (depth == 0).then_some(Mark::Conditional),
            [b':', ..] => (depth == 0).then_some(Mark::Colon),
            [b'&', b'&', ..] => (depth == 0).then_some(Mark::And),
            [b'|', b'|', ..] => (depth == 0).then_some(Mark::Or),
            _ => None,
        };
        marks.extend(mark.map(|mark| (at, mark)));
        at += if matches!(mark, Some(Mark::And | Mark::Or)) {
            2
        } else {
            1
        };
    }
    marks
}

/// Whether the quote after `before` begins a raw string.
fn raw_prefix(before: &[u8]) -> bool {
    let word = before
        .iter()
        .rposition(|b| !b.is_ascii_alphanumeric() && *b != b'_')
        .map_or(before, |at| &before[at + 1..]);
    matches!(
        word,
        b"r" | b"R" | b"rb" | b"rB" | b"Rb" | b"RB" | b"br" | b"bR" | b"Br" | b"BR"
    )
}

/// Length of the string literal at the start of `text`, quotes included.
fn string_len(text: &[u8], raw: bool) -> usize {
    let quote = text[0];
    let width = if text.starts_with(&[quote; 3]) { 3 } else { 1 };
    let end = vec![quote; width];
    let mut at = width;
    while at < text.len() {
        if text[at] == b'\\' && !raw {
            at += 2;
        } else if text[at..].starts_with(&end) {
            return at + width;
        } else {
            at += 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_keep_the_words_of_the_config() {
        let all = |parts: &[&'static str]| Split::All(parts.to_vec());
        let any = |parts: &[&'static str]| Split::Any(parts.to_vec());
        for (text, wanted) in [
            ("a && b", all(&["a", "b"])),
            (" ( a && ( b || c ) ) ", all(&["a", "( b || c )"])),
            ("a && b || c", any(&["a && b", "c"])),
            ("(a) && (b)", all(&["(a)", "(b)"])),
            ("a ? b && c : d", Split::Choice(["a", "b && c", "d"])),
            (
                "(a ? {'k': x}['k'] : b ? c : d)",
                Split::Choice(["a", "{'k': x}['k']", "b ? c : d"]),
            ),
            ("x == '&&' && y", all(&["x == '&&'", "y"])),
            (r#"x == "\"||" || y"#, any(&[r#"x == "\"||""#, "y"])),
            (r"x == r'\' || y", any(&[r"x == r'\'", "y"])),
            ("x == '''it's ||''' || y", any(&["x == '''it's ||'''", "y"])),
            ("a // b && c\n && d", all(&["a // b && c", "d"])),
            ("!(a && b)", Split::One("!(a && b)")),
            ("l.exists(x, x || y)", Split::One("l.exists(x, x || y)")),
            ("((a))", Split::One("a")),
        ] {
            assert_eq!(split(text), wanted, "{text}");
        }
    }
}
