//! Pieces as nodes that can be evaluated.

use super::TemplateError;
use super::lex::{Piece, Token};

/// Deepest nesting of blocks and brackets.
const DEEPEST: usize = 32;

/// A part of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Print(Pipeline),
    /// `if`, with what follows where it does not hold.
    If(Pipeline, Vec<Node>, Vec<Node>),
    With(Pipeline, Vec<Node>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
}

/// Commands, of which each takes the result of the one before it.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub line: usize,
    pub commands: Vec<Vec<Operand>>,
}

/// What a command consists of.
#[derive(Debug)]
pub(super) enum Operand {
    Dot(Vec<String>),
    Root(Vec<String>),
    Text(String),
    Whole(i64),
    Flag(bool),
    Call(String),
    Group(Pipeline, Vec<String>),
}

/// Words that begin something which is not rendered here.
const REFUSED: [&str; 6] = ["define", "template", "block", "break", "continue", "nil"];

/// Makes nodes.
pub(super) fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, TemplateError> {
    let mut parser = Parser {
        pieces: pieces.into_iter(),
        line: 1,
    };
    let (nodes, end) = parser.block(0)?;
    match end {
        Close::Text => Ok(nodes),
        _ => Err(parser.wrong("`end` or `else` without a block")),
    }
}

/// How a block ended.
enum Close {
    Text,
    End,
    Else,
    /// `else if` or `else with`: the word, and the words after it.
    Again(String, Vec<Token>),
}

struct Parser {
    pieces: std::vec::IntoIter<Piece>,
    line: usize,
}

impl Parser {
    fn wrong(&self, message: impl Into<String>) -> TemplateError {
        TemplateError::new(self.line, message)
    }

    fn block(&mut self, depth: usize) -> Result<(Vec<Node>, Close), TemplateError> {
        if depth > DEEPEST {
            return Err(self.wrong("blocks are nested too deeply"));
        }
        let mut nodes = Vec::new();
        while let Some(piece) = self.pieces.next() {
            let tokens = match piece {
                Piece::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Piece::Action(line, tokens) => {
                    self.line = line;
                    tokens
                }
            };
            let word = match tokens.first() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            match (word.as_str(), tokens.get(1)) {
                ("end", None) => return Ok((nodes, Close::End)),
                ("else", None) => return Ok((nodes, Close::Else)),
                ("else", Some(Token::Word(again))) => {
                    let again = again.clone();
                    let rest = tokens.into_iter().skip(2).collect();
                    return Ok((nodes, Close::Again(again, rest)));
                }
                ("if" | "with" | "range", _) => {
                    let rest = tokens.into_iter().skip(1).collect();
                    nodes.push(self.branch(&word, rest, depth)?);
                }
                _ => nodes.push(Node::Print(self.pipeline(tokens)?)),
            }
        }
        Ok((nodes, Close::Text))
    }

    fn branch(
        &mut self,
        word: &str,
        tokens: Vec<Token>,
        depth: usize,
    ) -> Result<Node, TemplateError> {
        let pipeline = self.pipeline(tokens)?;
        let (body, end) = self.block(depth + 1)?;
        let other = match end {
            Close::End => Vec::new(),
            Close::Text => return Err(self.wrong(format!("`{word}` without its `end`"))),
            Close::Again(again, tokens) if again == word && word != "range" => {
                vec![self.branch(word, tokens, depth + 1)?]
            }
            Close::Again(..) => {
                return Err(self.wrong("`else` with something that is not rendered by keelblock"));
            }
            Close::Else => match self.block(depth + 1)? {
                (other, Close::End) => other,
                _ => return Err(self.wrong(format!("`{word}` without its `end`"))),
            },
        };
        Ok(match word {
            "if" => Node::If(pipeline, body, other),
            "with" => Node::With(pipeline, body, other),
            _ => Node::Range(pipeline, body, other),
        })
    }

    fn pipeline(&self, tokens: Vec<Token>) -> Result<Pipeline, TemplateError> {
        let mut tokens = tokens.into_iter().peekable();
        let pipeline = self.commands(&mut tokens, 0)?;
        match tokens.next() {
            None => Ok(pipeline),
            Some(_) => Err(self.wrong("a closing bracket without an opening one")),
        }
    }

    fn commands(
        &self,
        tokens: &mut std::iter::Peekable<std::vec::IntoIter<Token>>,
        depth: usize,
    ) -> Result<Pipeline, TemplateError> {
        if depth > DEEPEST {
            return Err(self.wrong("brackets are nested too deeply"));
        }
        let mut commands = vec![Vec::new()];
        while let Some(token) = tokens.next_if(|token| *token != Token::Close) {
            let operand = match token {
                Token::Pipe => {
                    commands.push(Vec::new());
                    continue;
                }
                Token::Open => {
                    let inner = self.commands(tokens, depth + 1)?;
                    if tokens.next() != Some(Token::Close) {
                        return Err(self.wrong("an opening bracket without a closing one"));
                    }
                    let names = match tokens.next_if(|token| matches!(token, Token::After(_))) {
                        Some(Token::After(names)) => names,
                        _ => Vec::new(),
                    };
                    Operand::Group(inner, names)
                }
                Token::Dot(names) => Operand::Dot(names),
                Token::Root(names) => Operand::Root(names),
                Token::Text(text) => Operand::Text(text),
                Token::Whole(value) => Operand::Whole(value),
                Token::Word(word) => self.word(word)?,
                Token::After(_) | Token::Close => return Err(self.wrong("a field of nothing")),
            };
            if let Some(command) = commands.last_mut() {
                command.push(operand);
            }
        }
        if commands.iter().any(Vec::is_empty) {
            return Err(self.wrong("an action with nothing in it, or nothing beside a bar"));
        }
        let line = self.line;
        Ok(Pipeline { line, commands })
    }

    fn word(&self, word: String) -> Result<Operand, TemplateError> {
        match word.as_str() {
            "true" => Ok(Operand::Flag(true)),
            "false" => Ok(Operand::Flag(false)),
            "if" | "else" | "end" | "range" | "with" => {
                Err(self.wrong(format!("`{word}` in the wrong place")))
            }
            _ if REFUSED.contains(&&*word) => {
                Err(self.wrong(format!("`{word}` is not rendered by keelblock")))
            }
            _ => Ok(Operand::Call(word)),
        }
    }
}
