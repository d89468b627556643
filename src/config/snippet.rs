//! The line of a diagnostic with a caret below it, for a person at a terminal.
//!
//! Never shows a line that may hold a secret, or a neighbour of one: such a diagnostic has no snippet.
//! Logs and JSON output must not call this.

use super::Source;
use super::diagnostic::Diagnostic;
use super::redact::Redactor;
use super::spec::Location;
use super::taint::{Taint, lines};
use super::yaml;

/// Longest part of a line that is shown, in characters.
const WIDTH: usize = 100;

/// The source line that `diagnostic` points at, with a caret under its column; `None` if the file is
/// not among `sources`, the line does not exist, or it stands near a secret.
///
/// ```text
///  12 |     wipe: maybe
///     |           ^
/// ```
pub fn snippet(diagnostic: &Diagnostic, sources: &[Source<'_>]) -> Option<String> {
    snippet_at(&diagnostic.at, sources)
}

/// The same for any place.
pub fn snippet_at(at: &Location, sources: &[Source<'_>]) -> Option<String> {
    let source = sources.iter().find(|source| source.name == at.file)?;
    Excerpts::of(source.text).at(at.line, at.column)
}

/// The same for many places of one text, which is looked through once.
pub struct Excerpts<'t> {
    text: &'t str,
    taint: Taint,
    redactor: Redactor,
}

impl<'t> Excerpts<'t> {
    /// Of this text.
    pub fn of(text: &'t str) -> Self {
        let roots = yaml::read(text, 0).documents;
        Self {
            text,
            taint: Taint::of(text),
            redactor: Redactor::new(std::iter::once(text), &roots),
        }
    }

    /// The line with its caret, unless it stands near a secret.
    pub fn at(&self, line: u32, column: u32) -> Option<String> {
        if self.taint.near(line) {
            return None;
        }
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        if self.redactor.finds_in(lines(self.text).nth(index)?) {
            return None;
        }
        plain_snippet(self.text, line, column)
    }
}

/// The same for text in which no secret has a place.
pub fn plain_snippet(text: &str, line: u32, column: u32) -> Option<String> {
    let index = usize::try_from(line).ok()?.checked_sub(1)?;
    let shown = lines(text).nth(index)?;
    let column = usize::try_from(column).ok()?.saturating_sub(1);
    let skip = column.saturating_sub(WIDTH / 2);
    let shown: String = shown.chars().skip(skip).take(WIDTH).map(visible).collect();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let caret = " ".repeat(column - skip);
    Some(format!(" {number} | {shown}\n {margin} | {caret}^"))
}

/// Tabs become one blank, so that the caret stands where it should; control characters never reach a terminal.
fn visible(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}
