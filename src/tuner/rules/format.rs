//! Substitutions in values: `$kernel`, `%k`, `$attr{…}`, `$$`.
//!
//! Pure: only whether they are written well.

/// The long and short names that udev substitutes, in its order; a longer name stands before its own beginning.
const NAMES: [(&str, char); 18] = [
    ("devnode", 'N'),
    ("tempnode", 'N'),
    ("attr", 's'),
    ("sysfs", 's'),
    ("env", 'E'),
    ("kernel", 'k'),
    ("number", 'n'),
    ("driver", 'd'),
    ("devpath", 'p'),
    ("id", 'b'),
    ("major", 'M'),
    ("minor", 'm'),
    ("result", 'c'),
    ("parent", 'P'),
    ("name", 'D'),
    ("links", 'L'),
    ("root", 'r'),
    ("sys", 'S'),
];

/// Longest attribute in braces.
const MOST_BYTES: usize = 1024;

/// What is wrong with a substitution in `text`, and how many characters stand before it.
pub(super) fn check(text: &str) -> Result<(), (usize, &'static str)> {
    let mut rest = text;
    while let Some(at) = rest.find(['$', '%']) {
        let wrong = |why| {
            let start = text.len() - rest.len() + at;
            (text.get(..start).unwrap_or_default().chars().count(), why)
        };
        let from = rest.get(at..).unwrap_or_default();
        rest = match one(from) {
            Ok(after) => after,
            Err(why) => return Err(wrong(why)),
        };
    }
    Ok(())
}

/// Takes one substitution off the front.
fn one(text: &str) -> Result<&str, &'static str> {
    let sign = text.get(..1).unwrap_or_default();
    let name = text.get(1..).unwrap_or_default();
    if let Some(after) = name.strip_prefix(sign) {
        return Ok(after);
    }
    let found = NAMES.iter().find_map(|(long, short)| {
        let after = match sign {
            "$" => name.strip_prefix(long),
            _ => name.strip_prefix(*short),
        };
        after.map(|after| (*short, after))
    });
    let (kind, after) = found.ok_or("no such substitution; a literal $ or % is written twice")?;
    let Some(braced) = after.strip_prefix('{') else {
        let needs = matches!(kind, 's' | 'E');
        return match needs {
            true => Err("the substitution needs a name in braces"),
            false => Ok(after),
        };
    };
    let (attribute, after) = braced
        .split_once('}')
        .ok_or("the brace of the substitution is not closed")?;
    if attribute.is_empty() || attribute.len() >= MOST_BYTES {
        return Err("the braces of the substitution hold no name");
    }
    if kind == 'c' && !is_index(attribute) {
        return Err("the part of the result is not a number");
    }
    Ok(after)
}

/// `2` or `2+`.
fn is_index(text: &str) -> bool {
    text.strip_suffix('+')
        .unwrap_or(text)
        .parse::<u32>()
        .is_ok()
}
