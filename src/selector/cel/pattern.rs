//! `matches`: regular expressions in the part of RE2's syntax that both engines read alike.
//!
//! Talos' engine is Go's RE2, ours is regex-lite, which has no Unicode tables. Both are linear in
//! time and have ASCII `\d`, `\w`, `\s`, `\b`. A pattern with a construct that only one of them knows,
//! or that they read differently, is an evaluation error here. What is left to differ: `(?i)` folds
//! only ASCII letters, and `\s` also takes a vertical tab.

use regex_lite::RegexBuilder;

use super::EvalError;

/// Bytes that a compiled pattern may take.
const SIZE_LIMIT: usize = 1 << 20;

/// Whether `pattern` is found anywhere in `text`.
pub(super) fn matches(text: &str, pattern: &str) -> Result<bool, EvalError> {
    let refused = |reason: &str| EvalError::Pattern {
        pattern: pattern.to_owned(),
        reason: reason.to_owned(),
    };
    if let Some(construct) = uncommon(pattern) {
        return Err(refused(construct));
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(SIZE_LIMIT)
        .nest_limit(64)
        .build()
        .map_err(|error| refused(&error.to_string()))?;
    Ok(regex.is_match(text))
}

/// The first construct that is not common to both engines.
fn uncommon(pattern: &str) -> Option<&'static str> {
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    // 0: not after a repetition; 1: after one; 2: after a lazy one.
    let mut repeated = 0;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        let before = std::mem::take(&mut repeated);
        match c {
            '\\' => match chars.next() {
                Some('A' | 'z') if in_class => return Some("an anchor in a class"),
                Some('b' | 'B') if in_class => return Some("a word boundary in a class"),
                Some('d' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B' | 'A' | 'z') => {
                    if next == Some('b') && chars.peek() == Some(&'{') {
                        return Some("a word boundary with braces");
                    }
                }
                Some('t' | 'n' | 'r' | 'f') => {}
                Some(escaped) if escaped.is_ascii_punctuation() && !"<>".contains(escaped) => {}
                _ => return Some("this escape"),
            },
            '[' if in_class => return Some("a class in a class"),
            '[' => {
                in_class = true;
                if next == Some('^') {
                    chars.next();
                }
                if chars.peek() == Some(&']') {
                    return Some("a class that begins with a bracket");
                }
            }
            ']' if in_class => in_class = false,
            '&' | '~' | '-' if in_class && next == Some(c) => return Some("a set operation"),
            _ if in_class => {}
            '(' if next == Some('?') => {
                let rest: String = chars.clone().take(3).collect();
                if !["?:", "?i)", "?P<"].iter().any(|g| rest.starts_with(g)) {
                    return Some("this group");
                }
                chars.next();
            }
            '{' | '}' => return Some("a counted repetition"),
            '*' | '+' | '?' => match before {
                0 => repeated = 1,
                1 if c == '?' => repeated = 2,
                _ => return Some("a repetition of a repetition"),
            },
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_patterns_match_anywhere_in_the_text() {
        for (pattern, text, fits) in [
            ("SSD", "APPLE SSD SM0128G", true),
            ("^SSD", "APPLE SSD SM0128G", false),
            (r"^APPLE SSD \w+$", "APPLE SSD SM0128G", true),
            ("(?i)apple", "APPLE SSD", true),
            ("a+?b*", "b", false),
            (r"[a-z0-9_.\]-]+x", "ab-]x", true),
            ("", "", true),
            ("(?:a|b)c", "bc", true),
            (r"/0000:00:1f\.2/", "/pci0000:00/0000:00:1f.2/ata1", true),
        ] {
            assert_eq!(matches(text, pattern), Ok(fits), "{pattern}");
        }
    }

    #[test]
    fn what_the_engines_read_differently_is_an_error() {
        for pattern in [
            "a{2,3}",
            "{,3}",
            "a**",
            "a*+",
            "[[:alpha:]]",
            "[a&&b]",
            r"\pL",
            r"\Qa\E",
            "(?x)a b",
            "(?<n>a)",
            r"\<a",
            r"[\b]",
            "(",
            "[",
            "a??*",
            r"\x41",
            "[]a]",
        ] {
            assert!(matches("text", pattern).is_err(), "{pattern}");
        }
    }
}
