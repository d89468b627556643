//! What SVG and HTML share: colours for light and dark, escaping, and how wide a text may come out. Pure.
//!
//! Fills are pale and text on them is dark (or the other way round in the dark), at a contrast of 4.5 to 1 and more. The
//! strong colour of each mark is a tape with a pattern of its own: blue, green and orange of Okabe and Ito's set for
//! colour-blind readers, and grey.

use std::fmt::Write as _;

use crate::picture::strip::Mark;

/// Colours as custom properties, for light and dark.
pub const COLOURS: &str = "\
:root{--paper:#faf9f6;--card:#fff;--ink:#1f2428;--soft:#565f68;--line:#dcded9;\
--kept:#eceef0;--kept-x:#77828c;--made:#dcebf7;--made-x:#0a68a6;--sealed:#d8efe5;--sealed-x:#08785a;\
--lost:#fbe4d5;--lost-x:#b4460a;--free:#fff;--free-x:#a9aea8;--mixed:#ece7f4;--mixed-x:#6a4e99}\
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1b1f23;--ink:#e7e9eb;--soft:#a6afb8;--line:#353b41;\
--kept:#2b3137;--kept-x:#8f9aa5;--made:#12324b;--made-x:#62b2eb;--sealed:#113b30;--sealed-x:#4fc9a2;\
--lost:#47250f;--lost-x:#f2985e;--free:#1b1f23;--free-x:#5c646c;--mixed:#302841;--mixed-x:#b59de2}}";

/// The name of a mark in styles.
pub const fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Kept => "kept",
        Mark::Made => "made",
        Mark::Sealed => "sealed",
        Mark::Lost => "lost",
        Mark::Free => "free",
        Mark::Mixed => "mixed",
    }
}

/// Text for element content and attributes of HTML and XML alike. Characters that XML does not have become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The same text without what leaves its line or its place: piles of accents, and signs many times as wide as a letter.
pub fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut accents = 0;
    for c in text.chars() {
        accents = if is_accent(c) { accents + 1 } else { 0 };
        match c {
            _ if accents > 2 => {}
            '\u{fdfa}'..='\u{fdfd}' | '\u{2e3a}' | '\u{2e3b}' | '\u{12000}'..='\u{1254f}' => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

const fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// The most room that `text` takes in a sans-serif face of `size` pixels, in hundredths of a pixel. Widths are those of
/// DejaVu Sans and Verdana, the widest faces that a system comes with.
pub fn width(text: &str, size: u64) -> u64 {
    let per_mille: u64 = text.chars().map(advance).sum();
    per_mille * size / 10
}

const fn advance(c: char) -> u64 {
    match c {
        'i' | 'j' | 'l' | 'I' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 420,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1010,
        'A'..='Z' | '+' | '=' | '<' | '>' | '#' | '~' | '×' | '…' | '—' => 860,
        ' '..='~' => 680,
        '\u{590}'..='\u{6ff}' => 800,
        _ => 1150,
    }
}

/// `text`, or as much of its beginning as fits into `most` hundredths of a pixel, with an ellipsis.
pub fn fit(text: &str, size: u64, most: u64) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let mut out: String = text.to_owned();
    while !out.is_empty() && width(&out, size) + width("…", size) > most {
        out.pop();
    }
    out.push('…');
    out
}

/// `text` in lines of at most `most` hundredths of a pixel, at most `lines` of them.
pub fn lines(text: &str, size: u64, most: u64, lines: usize) -> Vec<String> {
    let mut out: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let last = out.last_mut().expect("there is always a line");
        let longer = match last.as_str() {
            "" => word.to_owned(),
            last => format!("{last} {word}"),
        };
        if last.is_empty() || width(&longer, size) <= most {
            *last = longer;
        } else {
            out.push(word.to_owned());
        }
    }
    if out.len() > lines {
        let rest = out.split_off(lines.saturating_sub(1)).join(" ");
        out.push(rest);
    }
    out.iter().map(|line| fit(line, size, most)).collect()
}

/// What to say below a strip of parts that are not to scale; nothing if all are.
pub fn not_to_scale(names: &[String]) -> Option<String> {
    const NAMED: usize = 6;
    let named = names
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len() {
        0 => None,
        1 => Some(format!("Not to scale: {named} is drawn wider than it is.")),
        count if count <= NAMED => Some(format!(
            "Not to scale: {named} are drawn wider than they are."
        )),
        count => Some(format!(
            "Not to scale: {named} and {} more are drawn wider than they are.",
            count - NAMED
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_element() {
        assert_eq!(
            escape("<script>alert('1')</script>&\"\u{0}\u{ffff}"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}\u{fffd}"
        );
        assert_eq!(
            tame("e\u{301}\u{301}\u{301}\u{301}x\u{fdfd}"),
            "e\u{301}\u{301}x\\u{fdfd}"
        );
    }

    #[test]
    fn text_is_cut_to_its_room_and_says_so() {
        for (text, most) in [
            ("EPHEMERAL", 3000),
            ("日本語のラベル", 5000),
            ("", 10),
            ("a", 900),
        ] {
            let cut = fit(text, 13, most);
            assert!(width(&cut, 13) <= most || cut == "…", "{cut}");
            assert!(cut == text || cut.ends_with('…'), "{cut}");
        }
        let three = lines(&"word ".repeat(40), 13, 20_000, 3);
        assert_eq!(three.len(), 3);
        assert!(three[2].ends_with('…') && three.iter().all(|line| width(line, 13) <= 20_000));
    }
}
