//! Talos' `glob(pattern, text)`: only `*` is special and stands for any run of bytes, also an empty
//! one and across `/`; everything else is literal, case counts, both ends are anchored.

/// Whether `text` has the shape of `pattern`.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle.split('*') {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_star_is_special() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("**", "", true),
            ("APPLE*", "APPLE SSD SM0128G", true),
            ("APPLE*", "apple ssd", false),
            ("APPLE SSD", "APPLE SSD SM0128G", false),
            ("a*a", "a", false),
            ("a*b*b", "ab", false),
            ("a*b*b", "abb", true),
            ("*b*", "abc", true),
            ("sd[a-z]", "sda", false),
            ("sd?", "sda", false),
            ("*T5", "Portable SSD T5", true),
            ("*/0000:00:1f.2/*", "/pci0000:00/0000:00:1f.2/ata1", true),
            ("ü*é", "ü–é", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "glob({pattern:?}, {text:?})");
        }
    }
}
