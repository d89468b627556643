//! From the lines of a rules file to logical lines, whose characters know where they stand.
//!
//! Owns comments, continuation with `\`, line ends and the limits of udev. Pure.

use super::Place;

/// Longest line, and longest rule with all its continuations, in bytes.
const MOST_BYTES: usize = 16 * 1024;

/// One character and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) char: char,
    pub(super) at: Place,
}

/// A rule's text.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Its characters; never empty.
    pub(super) cells: Vec<Cell>,
    /// The last line of the file that it goes to.
    pub(super) last: u32,
}

impl Line {
    /// Where it begins.
    pub(super) fn start(&self) -> Place {
        self.cells
            .first()
            .map_or_else(Place::default, |cell| cell.at)
    }
}

/// What udev refuses to read.
#[derive(Debug)]
pub(super) struct TooLong {
    pub(super) at: Place,
    pub(super) message: &'static str,
    /// Whether all rules of the file go with it.
    pub(super) whole_file: bool,
}

/// The logical lines of `text`, without comments and empty lines.
pub(super) fn logical(text: &str) -> Vec<Result<Line, TooLong>> {
    let mut all = Vec::new();
    let mut open: Option<(Line, usize, bool)> = None;
    let mut number = 0;
    for line in physical(text) {
        number += 1;
        let start = Place {
            line: number,
            column: 1,
        };
        if line.len() > MOST_BYTES {
            all.push(Err(TooLong {
                at: start,
                message: "the line has more than 16384 bytes: udev leaves the whole file out",
                whole_file: true,
            }));
            return all;
        }
        let body = line.trim_start_matches([' ', '\t', '\n', '\r']);
        if body.starts_with('#') {
            continue;
        }
        let (body_kept, continues) = match body.strip_suffix('\\') {
            Some(kept) => (kept, true),
            None => (body, false),
        };
        let (mut rule, mut bytes, mut too_long) = open.take().unwrap_or_default();
        bytes += body.len();
        too_long |= bytes >= MOST_BYTES && bytes > body.len();
        if !too_long {
            append(&mut rule, line, body_kept, number);
        }
        rule.last = number;
        if continues {
            open = Some((rule, bytes, too_long));
        } else if too_long {
            all.push(Err(TooLong {
                at: rule.start(),
                message: "the rule has more than 16384 bytes: udev leaves it out",
                whole_file: false,
            }));
        } else if !rule.cells.is_empty() {
            all.push(Ok(rule));
        }
    }
    if let Some((rule, ..)) = open {
        all.push(Err(TooLong {
            at: rule.start().max(Place { line: 1, column: 1 }),
            message: "the file ends after a \\ that continues the rule: udev leaves the rule out",
            whole_file: false,
        }));
    }
    all
}

fn append(rule: &mut Line, line: &str, kept: &str, number: u32) {
    let indent = line.chars().count()
        - line
            .trim_start_matches([' ', '\t', '\n', '\r'])
            .chars()
            .count();
    let mut column = u32::try_from(indent).unwrap_or(u32::MAX);
    for char in kept.chars() {
        column = column.saturating_add(1);
        rule.cells.push(Cell {
            char,
            at: Place {
                line: number,
                column,
            },
        });
    }
}

/// The lines as systemd ends them: at a newline, a carriage return or a NUL, two different ones together being one.
fn physical(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['\n', '\r', '\0']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        let mut seen = Vec::new();
        let mut cut = 0;
        for char in after.chars().take(2) {
            if !['\n', '\r', '\0'].contains(&char) || seen.contains(&char) || seen.contains(&'\0') {
                break;
            }
            seen.push(char);
            cut += 1;
        }
        rest = after.get(cut..).unwrap_or_default();
        Some(line)
    })
}
