//! A template in pieces: text, and the words of each action.

use super::TemplateError;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Text, with the blanks gone that actions trim.
    Text(String),
    /// What stands between braces.
    Action(usize, Vec<Token>),
}

/// A word of an action.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// `.`, or names with dots before them.
    Dot(Vec<String>),
    /// `$` with names behind it.
    Root(Vec<String>),
    /// Names behind a bracket.
    After(Vec<String>),
    Text(String),
    Whole(i64),
    Word(String),
    Pipe,
    Open,
    Close,
}

/// Cuts `text` into pieces.
pub(super) fn lex(text: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut pieces = Vec::new();
    let mut trims = false;
    loop {
        let rest = lexer.rest();
        let open = rest.find("{{");
        let before = &rest[..open.unwrap_or(rest.len())];
        let mut kept = match trims {
            true => before.trim_start_matches(is_blank),
            false => before,
        };
        let Some(open) = open else {
            pieces.push(Piece::Text(kept.to_owned()));
            return Ok(pieces);
        };
        lexer.at += open + 2;
        let mut after = lexer.rest().chars();
        if after.next() == Some('-') && after.next().is_some_and(is_blank) {
            kept = kept.trim_end_matches(is_blank);
            lexer.at += 1;
        }
        pieces.push(Piece::Text(kept.to_owned()));
        let line = lexer.line();
        if let Some(end) = lexer.comment()? {
            trims = end;
            continue;
        }
        let (tokens, end) = lexer.action()?;
        trims = end;
        pieces.push(Piece::Action(line, tokens));
    }
}

/// What Go trims around actions.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn line(&self) -> usize {
        1 + self.text[..self.at].matches('\n').count()
    }

    fn wrong(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::new(self.line(), message)
    }

    /// Passes over a comment; whether blanks are trimmed after it.
    fn comment(&mut self) -> Result<Option<bool>, TemplateError> {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(is_blank);
        // Blanks may stand before it only where they are trimmed.
        let is_here = rest.starts_with("/*")
            || (self.text[..self.at].ends_with('-') && trimmed.starts_with("/*"));
        if !is_here {
            return Ok(None);
        }
        let close = trimmed
            .find("*/")
            .ok_or_else(|| self.wrong("a comment without an end"))?;
        let after = &trimmed[close + 2..];
        let blank = after.len() - after.trim_start_matches(is_blank).len();
        let (length, trims) = match after {
            _ if after.starts_with("}}") => (2, false),
            _ if blank > 0 && after[blank..].starts_with("-}}") => (blank + 3, true),
            _ => return Err(self.wrong("something behind a comment")),
        };
        self.at += rest.len() - trimmed.len() + close + 2 + length;
        Ok(Some(trims))
    }

    /// The words up to the end of the action; whether blanks are trimmed after it.
    fn action(&mut self) -> Result<(Vec<Token>, bool), TemplateError> {
        let mut tokens = Vec::new();
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(is_blank);
            let blank = trimmed.len() < rest.len();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("}}") {
                self.at += 2;
                return Ok((tokens, false));
            }
            if blank && trimmed.starts_with("-}}") {
                self.at += 3;
                return Ok((tokens, true));
            }
            let is_touching = !blank && matches!(tokens.last(), Some(Token::Close));
            let token = self.token(trimmed, is_touching)?;
            let stands_apart = blank
                || matches!(
                    token,
                    Token::Pipe | Token::Open | Token::Close | Token::After(_)
                )
                || matches!(tokens.last(), None | Some(Token::Pipe | Token::Open));
            if !stands_apart {
                return Err(self.wrong("two words without a blank between them"));
            }
            tokens.push(token);
        }
    }

    fn token(&mut self, text: &'t str, is_touching: bool) -> Result<Token, TemplateError> {
        let mut chars = text.chars();
        let (first, second) = (chars.next(), chars.next());
        let token = match (first, second) {
            (None, _) => return Err(self.wrong("an action without its closing braces")),
            (Some('|'), _) => self.one(Token::Pipe),
            (Some('('), _) => self.one(Token::Open),
            (Some(')'), _) => self.one(Token::Close),
            (Some('"'), _) => Token::Text(self.quoted(text)?),
            (Some('`'), _) => {
                let end = text[1..].find('`');
                let end = end.ok_or_else(|| self.wrong("a text without its closing quote"))?;
                self.at += end + 2;
                Token::Text(text[1..=end].replace('\r', ""))
            }
            (Some('$'), Some(c)) if is_letter(c) => {
                return Err(self.wrong("variables are not rendered by keelblock"));
            }
            (Some('$'), _) => {
                self.at += 1;
                Token::Root(self.names())
            }
            (Some('.'), Some(c)) if c.is_ascii_digit() => return Err(self.number()),
            (Some('.'), _) => {
                let names = self.names();
                if names.is_empty() {
                    self.at += 1;
                }
                match is_touching && !names.is_empty() {
                    true => Token::After(names),
                    false => Token::Dot(names),
                }
            }
            (Some(c), Some(d)) if matches!(c, '-' | '+') && d.is_ascii_digit() => {
                self.whole(text)?
            }
            (Some(c), _) if c.is_ascii_digit() => self.whole(text)?,
            (Some(c), _) if is_letter(c) => {
                let end = text.find(|c: char| !is_letter(c) && !c.is_ascii_digit());
                let word = &text[..end.unwrap_or(text.len())];
                self.at += word.len();
                Token::Word(word.to_owned())
            }
            (Some(c), _) => {
                return Err(self.wrong(format!(
                    "`{}` is not rendered by keelblock",
                    c.escape_default()
                )));
            }
        };
        Ok(token)
    }

    fn one(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    /// Names with a dot before each.
    fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(rest) = self.rest().strip_prefix('.') {
            let end = rest.find(|c: char| !is_letter(c) && !c.is_ascii_digit());
            let name = &rest[..end.unwrap_or(rest.len())];
            if !name.starts_with(is_letter) {
                break;
            }
            self.at += 1 + name.len();
            names.push(name.to_owned());
        }
        names
    }

    fn number(&self) -> TemplateError {
        self.wrong("a number other than a whole one is not rendered by keelblock")
    }

    fn whole(&mut self, text: &str) -> Result<Token, TemplateError> {
        let unsigned = text.trim_start_matches(['-', '+']);
        let signs = text.len() - unsigned.len();
        let end = unsigned.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_'));
        let digits = &unsigned[..end.unwrap_or(unsigned.len())];
        let is_plain = digits == "0" || !digits.starts_with('0');
        let text = &text[..signs + digits.len()];
        let value = text.parse().ok().filter(|_| is_plain && signs < 2);
        let value = value.ok_or_else(|| self.number())?;
        self.at += text.len();
        Ok(Token::Whole(value))
    }

    /// A text in double quotes.
    fn quoted(&mut self, text: &str) -> Result<String, TemplateError> {
        let open = || self.wrong("a text without its closing quote");
        let mut value = String::new();
        let mut chars = text.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\n' => return Err(open()),
                '\\' => value.push(match chars.next().ok_or_else(open)?.1 {
                    'n' => '\n',
                    't' => '\t',
                    'r' => '\r',
                    '\\' => '\\',
                    '"' => '"',
                    _ => return Err(self.wrong("an escape that is not rendered by keelblock")),
                }),
                c => value.push(c),
            }
        }
        Err(open())
    }
}

fn is_letter(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}
