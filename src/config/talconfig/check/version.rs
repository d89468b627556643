//! Versions as the two libraries of Go read them that talhelper asks: strict ones, and ones that are filled up.

/// Major, minor and patch.
pub(crate) type Core = (u64, u64, u64);

/// A version of three numbers, with or without `v`, by the pattern of semver.org.
pub(super) fn is_semver(text: &str) -> bool {
    parse(text.strip_prefix('v').unwrap_or(text), false).is_some()
}

/// `v1.13` of a tag that `golang.org/x/mod/semver` takes; parts may be missing at the end.
pub(super) fn major_minor(tag: &str) -> Option<(u64, u64)> {
    let text = tag.strip_prefix('v')?;
    let filled = match text.split('.').count() {
        _ if text.contains(['-', '+']) => text.to_owned(),
        1 => format!("{text}.0.0"),
        2 => format!("{text}.0"),
        _ => text.to_owned(),
    };
    parse(&filled, true).map(|(major, minor, _)| (major, minor))
}

/// `ParseTolerant` of blang/semver: blanks around it, a `v`, leading zeros, missing numbers.
pub(super) fn tolerant(text: &str) -> Option<Core> {
    let text = text.trim();
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return None;
    }
    parts.resize(3, String::from("0"));
    parse(&parts.join("."), false)
}

fn without_zeros(part: &str) -> String {
    let bare = part.trim_start_matches('0');
    match part.len() > 1 && !bare.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("0{bare}"),
        false if part.len() > 1 => bare.to_owned(),
        false => part.to_owned(),
    }
}

/// Three numbers, what came before the release, and what was built. `loose` lets numbers of any size through.
fn parse(text: &str, loose: bool) -> Option<Core> {
    let (text, build) = text
        .split_once('+')
        .map_or((text, None), |(t, b)| (t, Some(b)));
    let (core, before) = text
        .split_once('-')
        .map_or((text, None), |(t, b)| (t, Some(b)));
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_identifier = |part: &str| {
        let is_number = part.bytes().all(|b| b.is_ascii_digit());
        is_word(part) && !(is_number && part.len() > 1 && part.starts_with('0'))
    };
    let mut numbers = core.split('.').map(|part| number(part, loose));
    let core = (numbers.next()??, numbers.next()??, numbers.next()??);
    let fits = numbers.next().is_none()
        && before.is_none_or(|before| before.split('.').all(is_identifier))
        && build.is_none_or(|build| build.split('.').all(is_word));
    fits.then_some(core)
}

fn number(part: &str, loose: bool) -> Option<u64> {
    let is_number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let is_short = part == "0" || !part.starts_with('0');
    if !is_number || !is_short {
        return None;
    }
    match part.parse() {
        Ok(number) => Some(number),
        Err(_) if loose => Some(u64::MAX),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_strictly_and_tolerantly() {
        for (text, wanted) in [
            ("v1.10.5", Some((1, 10, 5))),
            (" 1.27 ", Some((1, 27, 0))),
            ("1", Some((1, 0, 0))),
            ("01.027.00", Some((1, 27, 0))),
            ("1.27.0-rc.1+x", Some((1, 27, 0))),
            ("1.27-rc", None),
            ("1.27.0-01", None),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(tolerant(text), wanted, "{text}");
        }
        assert!(is_semver("1.2.3-alpha.0-1-gabc") && !is_semver("v1.2"));
        assert_eq!(major_minor("v1.12"), Some((1, 12)));
        assert_eq!(major_minor("v1.12.0-alpha"), Some((1, 12)));
        assert_eq!(major_minor("v1.12-alpha"), None);
    }
}
