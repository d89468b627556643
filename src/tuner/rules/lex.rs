//! From a logical line to pairs of key and value.
//!
//! Owns: where a key ends, operators, quotes and the escapes of `e"…"`. Knows no key. Pure.

use super::lines::{Cell, Line};
use super::{Operator, Place};

/// One pair as it is written, its key not yet known.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) attribute: Option<String>,
    pub(super) operator: Operator,
    pub(super) value: String,
    pub(super) ignores_case: bool,
    pub(super) at: Place,
    pub(super) value_at: Place,
}

/// What is wrong, and where.
pub(super) type Wrong = (Place, String);

/// Reads a line from left to right.
#[derive(Debug)]
pub(super) struct Reader<'l> {
    cells: &'l [Cell],
    next: usize,
}

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Match),
    ("!=", Operator::NoMatch),
    ("+=", Operator::Add),
    ("-=", Operator::Remove),
    (":=", Operator::AssignFinal),
    ("=", Operator::Assign),
];

const fn is_white(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r')
}

impl<'l> Reader<'l> {
    pub(super) fn new(line: &'l Line) -> Self {
        Self {
            cells: &line.cells,
            next: 0,
        }
    }

    fn char(&self, ahead: usize) -> Option<char> {
        self.cells.get(self.next + ahead).map(|cell| cell.char)
    }

    /// The place of the next character, or of the last one.
    fn here(&self) -> Place {
        let cell = self.cells.get(self.next).or(self.cells.last());
        cell.map_or_else(Place::default, |cell| cell.at)
    }

    fn skip(&mut self, skipped: impl Fn(char) -> bool) {
        while self.char(0).is_some_and(&skipped) {
            self.next += 1;
        }
    }

    /// What `udevadm verify` says of the commas and blanks before the next pair.
    pub(super) fn delimiter(&self) -> Option<(Place, &'static str)> {
        let cells = self.cells.get(self.next..).unwrap_or_default();
        let end = cells
            .iter()
            .position(|cell| cell.char != ',' && !is_white(cell.char));
        let before: Vec<char> = cells
            .iter()
            .take(end.unwrap_or(cells.len()))
            .map(|cell| cell.char)
            .collect();
        let commas = before.iter().filter(|char| **char == ',').count();
        let message = match (self.next == 0, end.is_none(), commas) {
            (true, _, 1..) => "a comma before the first pair",
            (true, ..) | (_, true, 0) => return None,
            (_, true, _) => "a comma after the last pair",
            (_, _, 0) => "a comma is missing between two pairs",
            (_, _, 2..) => "more than one comma between two pairs",
            _ if before.first() != Some(&',') => "a blank before a comma",
            _ if before.last() == Some(&',') => "no blank after a comma",
            _ => return None,
        };
        Some((self.here(), message))
    }

    /// The next pair; `None` at the end of the line.
    pub(super) fn pair(&mut self) -> Result<Option<Pair>, Wrong> {
        self.skip(|char| is_white(char) || char == ',');
        let at = self.here();
        if self.char(0).is_none() {
            return Ok(None);
        }
        let key = self.key(at)?;
        let attribute = self.attribute()?;
        self.skip(is_white);
        let operator = self.operator(&key)?;
        self.skip(is_white);
        let (escaped, ignores_case) = self.prefix()?;
        let value_at = self.here();
        let value = if escaped {
            self.escaped()?
        } else {
            self.plain(value_at)?
        };
        Ok(Some(Pair {
            key,
            attribute,
            operator,
            value,
            ignores_case,
            at,
            value_at,
        }))
    }

    fn key(&mut self, at: Place) -> Result<String, Wrong> {
        let mut key = String::new();
        loop {
            match self.char(0) {
                None => return Err((at, format!("{} has no operator and no value", named(&key)))),
                Some(char) if is_white(char) || "={".contains(char) => return Ok(key),
                Some(char) if "+-!:".contains(char) && self.char(1) == Some('=') => {
                    return Ok(key);
                }
                Some(char) => key.push(char),
            }
            self.next += 1;
        }
    }

    fn attribute(&mut self) -> Result<Option<String>, Wrong> {
        if self.char(0) != Some('{') {
            return Ok(None);
        }
        let open = self.here();
        self.next += 1;
        let mut attribute = String::new();
        while let Some(char) = self.char(0) {
            self.next += 1;
            if char == '}' {
                return Ok(Some(attribute));
            }
            attribute.push(char);
        }
        Err((open, "the brace is not closed".to_owned()))
    }

    fn operator(&mut self, key: &str) -> Result<Operator, Wrong> {
        for (text, operator) in OPERATORS {
            let mut chars = text.chars().enumerate();
            if chars.all(|(at, char)| self.char(at) == Some(char)) {
                self.next += text.len();
                return Ok(operator);
            }
        }
        Err((self.here(), format!("no operator after {}", named(key))))
    }

    /// The letters before the quote, and the quote.
    fn prefix(&mut self) -> Result<(bool, bool), Wrong> {
        let (mut escaped, mut ignores_case) = (false, false);
        for _ in 0..2 {
            match self.char(0) {
                Some('e') if !escaped => escaped = true,
                Some('i') if !ignores_case => ignores_case = true,
                _ => break,
            }
            self.next += 1;
        }
        if self.char(0) != Some('"') {
            return Err((self.here(), "the value is not in double quotes".to_owned()));
        }
        self.next += 1;
        Ok((escaped, ignores_case))
    }

    fn plain(&mut self, at: Place) -> Result<String, Wrong> {
        let mut value = String::new();
        loop {
            match (self.char(0), self.char(1)) {
                (None, _) => return Err((at, "the quote is not closed".to_owned())),
                (Some('"'), _) => break,
                (Some('\\'), Some('"')) => {
                    value.push('"');
                    self.next += 2;
                }
                (Some(char), _) => {
                    value.push(char);
                    self.next += 1;
                }
            }
        }
        self.next += 1;
        Ok(value)
    }

    fn escaped(&mut self) -> Result<String, Wrong> {
        let at = self.here();
        let mut value = String::new();
        let mut bad = None;
        loop {
            match self.char(0) {
                None => return Err((at, "the quote is not closed".to_owned())),
                Some('"') => break,
                Some('\\') => {
                    let place = self.here();
                    self.next += 1;
                    match self.escape() {
                        Some(char) => value.push(char),
                        None => bad = bad.or(Some(place)),
                    }
                }
                Some(char) => {
                    value.push(char);
                    self.next += 1;
                }
            }
        }
        self.next += 1;
        match bad {
            Some(place) => Err((place, "e\"…\" knows no such escape".to_owned())),
            None => Ok(value),
        }
    }

    /// What follows a backslash, as in C; one character at least is taken, so that a quote does not end the value.
    fn escape(&mut self) -> Option<char> {
        let char = self.char(0)?;
        self.next += 1;
        match char {
            'a' => Some('\u{7}'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            's' => Some(' '),
            '\\' | '"' | '\'' => Some(char),
            'x' => self.digits(16, 2),
            'u' => self.digits(16, 4),
            'U' => self
                .digits(16, 8)
                .filter(|char| is_assigned(u32::from(*char))),
            '0'..='7' => {
                self.next -= 1;
                self.digits(8, 3).filter(|char| u32::from(*char) <= 0xff)
            }
            _ => None,
        }
    }

    /// A character by its number, which is not 0. Half of a surrogate pair is no character.
    fn digits(&mut self, radix: u32, count: usize) -> Option<char> {
        let mut code: u32 = 0;
        for ahead in 0..count {
            let digit = self.char(ahead)?.to_digit(radix)?;
            code = code.checked_mul(radix)?.checked_add(digit)?;
        }
        self.next += count;
        match (code, radix == 16 && count == 4) {
            (0, _) => None,
            (_, true) => Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
            _ => char::from_u32(code),
        }
    }
}

/// Whether Unicode does not set the number aside for programs.
const fn is_assigned(code: u32) -> bool {
    code & 0xfffe != 0xfffe && (code < 0xfdd0 || code > 0xfdef)
}

fn named(key: &str) -> String {
    if key.is_empty() {
        "nothing".to_owned()
    } else {
        key.chars().take(40).collect()
    }
}
