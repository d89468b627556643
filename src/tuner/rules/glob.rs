//! Values that are compared: alternatives between bars, each a shell pattern.
//!
//! Pure; the time is bounded by the product of both lengths.
//! Spec: udev(7), fnmatch(3) without flags.

/// Whether `text` has a character of a shell pattern.
pub fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// The texts between the bars of `value`; an empty one stands for the empty text.
pub fn alternatives(value: &str) -> impl Iterator<Item = &str> {
    value.split('|')
}

/// Whether `text` is one of the alternatives of `value`.
pub fn matches(value: &str, text: &str, ignores_case: bool) -> bool {
    if ignores_case {
        let (value, text) = (value.to_ascii_lowercase(), text.to_ascii_lowercase());
        return alternatives(&value).any(|pattern| fits(pattern, &text));
    }
    alternatives(value).any(|pattern| fits(pattern, text))
}

/// Whether the whole of `text` fits one pattern.
fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star does not fit: one more character for the star.
    let mut again: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == '*' {
            again = Some((p + 1, t));
            p += 1;
            continue;
        }
        if p == pattern.len() && t == text.len() {
            return true;
        }
        let step = text.get(t).and_then(|char| one(&pattern, p, *char));
        match (step, again) {
            (Some(next), _) => (p, t) = (next, t + 1),
            (None, Some((star, from))) if from < text.len() => {
                again = Some((star, from + 1));
                (p, t) = (star, from + 1);
            }
            (None, _) => return false,
        }
    }
}

/// The place behind the element at `p` if that element takes `char`.
fn one(pattern: &[char], p: usize, char: char) -> Option<usize> {
    match pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => match class(pattern, p, char) {
            Some((end, holds)) => holds.then_some(end),
            // Without a closing bracket it is a plain character.
            None => (char == '[').then_some(p + 1),
        },
        '\\' if p + 1 < pattern.len() => (pattern[p + 1] == char).then_some(p + 2),
        literal => (*literal == char).then_some(p + 1),
    }
}

/// The place behind the bracket expression at `p`, and whether it takes `char`.
fn class(pattern: &[char], p: usize, char: char) -> Option<(usize, bool)> {
    let mut at = p + 1;
    let negated = matches!(pattern.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let first = at;
    let mut holds = false;
    loop {
        let low = *pattern.get(at)?;
        if low == ']' && at > first {
            return Some((at + 1, holds != negated));
        }
        match (pattern.get(at + 1), pattern.get(at + 2)) {
            (Some('-'), Some(high)) if *high != ']' => {
                holds |= (low..=*high).contains(&char);
                at += 3;
            }
            _ => {
                holds |= low == char;
                at += 1;
            }
        }
    }
}
