//! talenv files: variables as godotenv 1.5.1 reads them, in the files and the order that talhelper has.
//!
//! Pure: text in, pairs out. talhelper looks into such a file for a `sops` section first, so it has to be YAML with a
//! mapping as well. Its reader is strict about keys only, and talhelper passes over a file that it cannot read; the caller
//! is told, for then no variable of the file is there.
//! Spec: <https://github.com/joho/godotenv/blob/v1.5.1/parser.go>.

use std::collections::BTreeMap;

use thiserror::Error;
use zeroize::Zeroizing;

use super::envsubst::Env;

/// The files in the order in which they are read; a later one wins, over the environment as well.
pub(crate) const FILES: [&str; 4] = [
    "talenv.yaml",
    "talenv.sops.yaml",
    "talenv.yml",
    "talenv.sops.yml",
];

/// Why godotenv cannot read a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum EnvFileError {
    /// A character that no name may have.
    #[error("{0:?} cannot stand in the name of a variable")]
    Name(char),
    /// A quotation that does not end.
    #[error("the value of {0} has an opening quote and no closing one")]
    Quote(String),
}

/// Reads `text` into `env`.
///
/// # Errors
/// [`EnvFileError`]; `env` is then as it was.
pub(crate) fn read_into(text: &str, env: &mut Env) -> Result<(), EnvFileError> {
    for (name, value) in parse(&without_delimiters(text))? {
        // The system refuses these, and talhelper does not ask what it said.
        if !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0') {
            env.insert(name, value);
        }
    }
    Ok(())
}

/// Every line that is `---` alone becomes empty.
fn without_delimiters(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| if line == "---\n" { "\n" } else { line })
        .collect()
}

type Vars = BTreeMap<String, Zeroizing<String>>;

fn parse(text: &str) -> Result<Vars, EnvFileError> {
    let text = Zeroizing::new(text.replace("\r\n", "\n"));
    let mut vars = Vars::new();
    let mut rest: &str = &text;
    while let Some(statement) = statement(rest) {
        let (name, after) = name(statement)?;
        let (value, after) = value(after, &name, &vars)?;
        vars.insert(name, value);
        rest = after;
    }
    Ok(vars)
}

/// The text from the next statement on: blanks and comment lines are passed over.
fn statement(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start_matches(char::is_whitespace);
        match text.chars().next()? {
            '#' => text = &text[text.find('\n')?..],
            _ => return Some(text),
        }
    }
}

/// White space that does not end a line.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

fn name(text: &str) -> Result<(String, &str), EnvFileError> {
    let mut text = text.trim_start_matches(is_blank);
    if let Some(after) = text
        .strip_prefix("export")
        .filter(|it| it.starts_with(is_blank))
    {
        text = after.trim_start_matches(is_blank);
    }
    let mut end = None;
    // Byte by byte, and each byte for a character of Latin-1, as the library has it.
    for (at, byte) in text.bytes().enumerate() {
        let c = char::from(byte);
        if is_blank(c) || c == '_' {
            continue;
        }
        if matches!(c, '=' | ':') {
            end = Some(at);
            break;
        }
        if !(c.is_alphabetic() || c.is_numeric() || c == '.') {
            let whole = text.get(at..).and_then(|rest| rest.chars().next());
            return Err(EnvFileError::Name(whole.unwrap_or(c)));
        }
    }
    let (name, after) = end.map_or(("", text), |end| (&text[..end], &text[end + 1..]));
    let name = name.trim_end_matches(char::is_whitespace).to_owned();
    Ok((name, after.trim_start_matches(is_blank)))
}

/// The value, and what follows it.
fn value<'t>(
    text: &'t str,
    name: &str,
    vars: &Vars,
) -> Result<(Zeroizing<String>, &'t str), EnvFileError> {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
        let (line, rest) = text.split_at(text.find(['\n', '\r']).unwrap_or(text.len()));
        return Ok((
            expand_variables(without_comment(line).trim_matches(is_blank), vars),
            rest,
        ));
    };
    let bytes = text.as_bytes();
    let closing =
        (1..bytes.len()).find(|at| char::from(bytes[*at]) == quote && bytes[at - 1] != b'\\');
    let Some(closing) = closing else {
        return Err(EnvFileError::Quote(name.to_owned()));
    };
    let inner = text[..closing].trim_matches(quote);
    let value = if quote == '"' {
        expand_variables(&expand_escapes(inner), vars)
    } else {
        Zeroizing::new(inner.to_owned())
    };
    Ok((value, &text[closing + 1..]))
}

/// The line up to the last `#` after a blank.
fn without_comment(line: &str) -> &str {
    let is_comment = |at: &usize| line[..*at].ends_with(is_blank);
    let marks = line.char_indices().filter(|(_, c)| *c == '#');
    let last = marks.map(|(at, _)| at).rfind(is_comment);
    last.map_or(line, |at| &line[..at])
}

/// `\n` and `\r` become what they mean, and any other `\` but the one before `$` goes.
fn expand_escapes(text: &str) -> Zeroizing<String> {
    let mut first = Zeroizing::new(String::with_capacity(text.len()));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        // A dot of the library's pattern is anything but the end of a line.
        match (c, chars.next_if(|next| c == '\\' && *next != '\n')) {
            (_, Some('n')) => first.push('\n'),
            (_, Some('r')) => first.push('\r'),
            (_, Some(other)) => first.extend(['\\', other]),
            (c, None) => first.push(c),
        }
    }
    let mut second = Zeroizing::new(String::with_capacity(first.len()));
    let mut chars = first.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.next_if(|next| c == '\\' && *next != '$') {
            Some(other) => second.push(other),
            None => second.push(c),
        }
    }
    second
}

/// `$NAME` and `${NAME}` with what the file said before, not with the environment.
fn expand_variables(text: &str, vars: &Vars) -> Zeroizing<String> {
    let mut result = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let escaped = rest[..dollar].ends_with('\\');
        let from = if escaped { dollar - 1 } else { dollar };
        result.push_str(&rest[..from]);
        let mut after = &rest[dollar + 1..];
        after = after.strip_prefix('(').unwrap_or(after);
        after = after.strip_prefix('{').unwrap_or(after);
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
        let (name, behind) = after.split_at(end);
        let behind = behind.strip_prefix('}').unwrap_or(behind);
        let matched = &rest[from..rest.len() - behind.len()];
        if escaped {
            result.push_str(&matched[1..]);
        } else if name.is_empty() {
            result.push_str(matched);
        } else {
            result.push_str(vars.get(name).map_or("", |value| value.as_str()));
        }
        rest = behind;
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        let mut env = Env::new();
        read_into(text, &mut env).unwrap();
        env.into_iter().map(|(k, v)| (k, v.to_string())).collect()
    }

    #[test]
    fn both_notations_quotes_comments_and_references_are_read() {
        for (text, wanted) in [
            ("a: b\nC=d\n", vec![("C", "d"), ("a", "b")]),
            ("---\nexport A: 1 # one\n", vec![("A", "1")]),
            (
                "A: x#y\nB: 'a # b' # c\n",
                vec![("A", "x#y"), ("B", "a # b")],
            ),
            ("A: \"1\\n2\\\"3\"", vec![("A", "1\n2\"3")]),
            ("A: \"1\\\"\"", vec![("A", "1\\")]),
            ("A: 1\nB: ${A}$A-$b\n", vec![("A", "1"), ("B", "11-$b")]),
            ("A: $(x) \\$A", vec![("A", "$(x) $A")]),
            ("A: 1\nB: $(A)", vec![("A", "1"), ("B", "1)")]),
            ("no separator at all", vec![]),
            ("# only\n", vec![]),
        ] {
            let wanted: Vec<_> = wanted
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            assert_eq!(read(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_file_that_the_library_cannot_read_changes_nothing() {
        let mut env = Env::new();
        for text in ["A: 1\nB-C: 2\n", "A: 1\nB: \"open\n", "A\nB: 1\n"] {
            read_into(text, &mut env).unwrap_err();
            assert!(env.is_empty(), "{text}");
        }
    }
}
