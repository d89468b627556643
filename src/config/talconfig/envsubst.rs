//! Variables in a text, replaced as a8m/envsubst 1.4.3 does when an unset and an empty variable are errors.
//!
//! Pure: text and environment in, text out. The library's lexer and parser have corners that no document describes, and
//! configurations work by them, so both are here with their states: `${V:2}` is `$V`, a default may be one variable
//! without braces, `${_` opens a brace that never closes. One corner is refused: on `${V:-$_}` the library never ends.
//! Spec: <https://github.com/a8m/envsubst/tree/v1.4.3/parse>.

use std::collections::BTreeMap;

use thiserror::Error;
use zeroize::Zeroizing;

/// Variables by name.
pub(crate) type Env = BTreeMap<String, Zeroizing<String>>;

/// Why a text cannot be substituted. The words are those of the library.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubstError {
    /// A line or the text ends inside `${…}`.
    #[error("closing brace expected")]
    Brace,
    /// A variable that is not there.
    #[error("variable ${{{0}}} not set")]
    Unset(String),
    /// A variable that is there and empty.
    #[error("variable ${{{0}}} set but empty")]
    Empty(String),
    /// A text on which the library, and with it talhelper, never ends.
    #[error("a default that starts with $_ and never closes its brace")]
    Endless,
}

/// Replaces every variable of `text`.
///
/// # Errors
/// The first one: of the braces wherever they stand, then of the variables in the order of the text.
pub(crate) fn substitute(text: &str, env: &Env) -> Result<Zeroizing<String>, SubstError> {
    let tokens = Lexer::run(text);
    let pieces = parse(&tokens)?;
    let mut result = Zeroizing::new(String::with_capacity(text.len()));
    for piece in &pieces {
        result.push_str(&piece.value(env)?);
    }
    Ok(result)
}

/// The names of the variables that stand in `text`, for messages about where one stands.
pub(crate) fn names(text: &str) -> Vec<&str> {
    let tokens = Lexer::run(text);
    let variables = tokens.iter().filter(|token| token.kind == Kind::Variable);
    variables.map(|token| identifier(token.text)).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Eof,
    Text,
    Operator(Operator),
    Variable,
    LeftBrace,
    RightBrace,
}

/// What stands between a variable and its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plus,
    Dash,
    Equals,
    ColonEquals,
    ColonDash,
    ColonPlus,
}

#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    kind: Kind,
    text: &'t str,
}

/// The states of the library's lexer, which are functions there.
#[derive(Clone, Copy)]
enum State {
    Text,
    Variable,
    Operator,
    Substitution,
    Done,
}

struct Lexer<'t> {
    input: &'t str,
    at: usize,
    start: usize,
    /// Start of the last token.
    last: usize,
    depth: i64,
    tokens: Vec<Token<'t>>,
}

impl<'t> Lexer<'t> {
    fn run(input: &'t str) -> Vec<Token<'t>> {
        let mut lexer = Lexer {
            input,
            at: 0,
            start: 0,
            last: 0,
            depth: 0,
            tokens: Vec::new(),
        };
        let mut state = State::Text;
        loop {
            state = match state {
                State::Text => lexer.text(),
                State::Variable => lexer.variable(),
                State::Operator => lexer.operator(),
                State::Substitution => lexer.substitution(),
                State::Done => return lexer.tokens,
            };
        }
    }

    fn peek(&self) -> Option<char> {
        self.input[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn emit(&mut self, kind: Kind) {
        let text = &self.input[self.start..self.at];
        self.tokens.push(Token { kind, text });
        self.last = self.start;
        self.start = self.at;
    }

    fn fail(&mut self) -> State {
        let text = "";
        let kind = Kind::Error;
        self.tokens.push(Token { kind, text });
        State::Done
    }

    fn text(&mut self) -> State {
        while let Some(c) = self.next() {
            if c != '$' {
                continue;
            }
            self.at -= 1;
            if self.at > self.start {
                self.emit(Kind::Text);
            }
            self.at += 1;
            match self.peek() {
                Some('$') => {
                    self.start = self.at;
                    self.next();
                    self.emit(Kind::Text);
                }
                Some('{') => {
                    self.next();
                    self.depth += 1;
                    self.emit(Kind::LeftBrace);
                    return State::Operator;
                }
                Some(c) if is_alphanumeric(c) => return State::Variable,
                _ => {}
            }
        }
        if self.at > self.start {
            self.emit(Kind::Text);
        }
        self.emit(Kind::Eof);
        State::Done
    }

    fn variable(&mut self) -> State {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if matches!(&self.input[self.start..self.at], "_" | "$_") {
            return State::Text;
        }
        self.emit(Kind::Variable);
        if self.depth > 0 {
            State::Operator
        } else {
            State::Text
        }
    }

    fn operator(&mut self) -> State {
        match self.next() {
            Some('}') => return self.close(),
            None | Some('\r' | '\n') => return self.fail(),
            Some(c) if is_alphanumeric(c) && self.after_brace() => return State::Variable,
            Some('+') => self.emit(Kind::Operator(Operator::Plus)),
            Some('-') => self.emit(Kind::Operator(Operator::Dash)),
            Some('=') => self.emit(Kind::Operator(Operator::Equals)),
            Some(':') => match self.next() {
                Some('-') => self.emit(Kind::Operator(Operator::ColonDash)),
                Some('=') => self.emit(Kind::Operator(Operator::ColonEquals)),
                Some('+') => self.emit(Kind::Operator(Operator::ColonPlus)),
                _ => {}
            },
            Some(_) => {}
        }
        State::Substitution
    }

    fn substitution(&mut self) -> State {
        match self.next() {
            Some('}') => return self.close(),
            None | Some('\r' | '\n') => return self.fail(),
            Some(c) if c == '$' || (is_alphanumeric(c) && self.after_brace()) => {
                return State::Variable;
            }
            Some(_) => self.emit(Kind::Text),
        }
        State::Substitution
    }

    fn close(&mut self) -> State {
        self.depth -= 1;
        self.emit(Kind::RightBrace);
        State::Text
    }

    fn after_brace(&self) -> bool {
        self.input[self.last..].starts_with("${")
    }
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphabetic())
}

fn identifier(text: &str) -> &str {
    text.strip_prefix('$').unwrap_or(text)
}

/// A part of the result.
enum Piece<'t> {
    Text(String),
    Variable(&'t str),
    Substitution {
        variable: &'t str,
        /// The last operator. The library counts a brace that it takes for text among them.
        operator: Option<Option<Operator>>,
        default: Option<Box<Piece<'t>>>,
    },
}

fn parse<'t>(tokens: &[Token<'t>]) -> Result<Vec<Piece<'t>>, SubstError> {
    let mut tokens = tokens.iter().copied().peekable();
    let mut pieces = Vec::new();
    while let Some(token) = tokens.next() {
        let is_variable = |next: &Token<'_>| next.kind == Kind::Variable;
        match token.kind {
            Kind::Eof => break,
            Kind::Error => return Err(SubstError::Brace),
            Kind::Variable => pieces.push(Piece::Variable(identifier(token.text))),
            Kind::LeftBrace if tokens.peek().is_some_and(is_variable) => {
                pieces.push(action(&mut tokens)?);
            }
            _ => pieces.push(Piece::Text(token.text.to_owned())),
        }
    }
    Ok(pieces)
}

/// What stands in braces, from its variable on.
fn action<'t>(
    tokens: &mut std::iter::Peekable<impl Iterator<Item = Token<'t>>>,
) -> Result<Piece<'t>, SubstError> {
    let variable = tokens.next().map_or("", |token| token.text);
    let mut operator = None;
    let mut default = None;
    loop {
        let token = tokens.next().ok_or(SubstError::Endless)?;
        match token.kind {
            Kind::RightBrace => break,
            Kind::Error => return Err(SubstError::Brace),
            Kind::Eof => return Err(SubstError::Endless),
            Kind::Variable => default = Some(Box::new(Piece::Variable(identifier(token.text)))),
            Kind::Text => {
                let mut text = token.text.to_owned();
                let goes_on = |next: &Token<'_>| {
                    !matches!(next.kind, Kind::RightBrace | Kind::Error | Kind::Eof)
                };
                while let Some(more) = tokens.next_if(goes_on) {
                    text.push_str(more.text);
                }
                default = Some(Box::new(Piece::Text(text)));
            }
            Kind::Operator(found) => operator = Some(Some(found)),
            Kind::LeftBrace => operator = Some(None),
        }
    }
    Ok(Piece::Substitution {
        variable,
        operator,
        default,
    })
}

impl Piece<'_> {
    fn value(&self, env: &Env) -> Result<Zeroizing<String>, SubstError> {
        let (variable, operator, default) = match self {
            Piece::Text(text) => return Ok(Zeroizing::new(text.clone())),
            Piece::Variable(name) => return lookup(name, env),
            Piece::Substitution {
                variable,
                operator,
                default,
            } => (variable, operator, default),
        };
        let (Some(operator), Some(default)) = (operator, default) else {
            return lookup(variable, env);
        };
        match operator {
            Some(Operator::ColonDash | Operator::ColonEquals) => {
                lookup(variable, env).or_else(|_| default.value(env))
            }
            Some(Operator::Plus | Operator::ColonPlus) if env.contains_key(*variable) => {
                default.value(env)
            }
            Some(Operator::Plus | Operator::ColonPlus) => Ok(Zeroizing::default()),
            Some(Operator::Dash | Operator::Equals) | None if !env.contains_key(*variable) => {
                default.value(env)
            }
            _ => lookup(variable, env),
        }
    }
}

fn lookup(name: &str, env: &Env) -> Result<Zeroizing<String>, SubstError> {
    match env.get(name) {
        None => Err(SubstError::Unset(name.to_owned())),
        Some(value) if value.is_empty() => Err(SubstError::Empty(name.to_owned())),
        Some(value) => Ok(value.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        let pairs = [("V", "value"), ("W", "other"), ("E", "")];
        let owned =
            |(name, value): (&str, &str)| (name.to_owned(), Zeroizing::new(value.to_owned()));
        pairs.into_iter().map(owned).collect()
    }

    #[test]
    fn every_form_gives_what_the_library_gives() {
        for (text, wanted) in [
            ("a ${V} b", "a value b"),
            ("$V$W", "valueother"),
            ("${U:-d}${E:=d}${U-d}${U=d}", "dddd"),
            ("${V+a}${V:+b}${U+c}${U:+d}", "ab"),
            ("${U:-$V}", "value"),
            ("$$V $${V} $(x) 100$ $_", "$V ${V} $(x) 100$ $_"),
            ("${V:2}${V/x/y}${V%x}", "valuevaluevalue"),
            ("${V:\n}", "value"),
            ("${_}", "${_}"),
            ("${_} $W b}", "${_} other b}"),
        ] {
            let found = substitute(text, &env());
            assert_eq!(found.as_deref().map(String::as_str), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_the_library_refuses_is_refused_in_its_words() {
        for (text, wanted) in [
            ("${U}", "variable ${U} not set"),
            ("$1", "variable ${1} not set"),
            ("${!V}", "variable ${!V} not set"),
            ("${E}", "variable ${E} set but empty"),
            ("${E-d}", "variable ${E} set but empty"),
            ("${U:-}", "variable ${U} not set"),
            ("${V\n}", "closing brace expected"),
            ("$U ${V", "closing brace expected"),
        ] {
            let found = substitute(text, &env()).unwrap_err();
            assert_eq!(found.to_string(), wanted, "{text}");
        }
    }

    /// Its parser waits for a brace that its lexer has given up on.
    #[test]
    fn a_text_on_which_the_library_never_ends_is_refused() {
        assert_eq!(substitute("${V:-$_}", &env()), Err(SubstError::Endless));
        assert_eq!(substitute("${V:-$_ x", &env()), Err(SubstError::Endless));
    }
}
