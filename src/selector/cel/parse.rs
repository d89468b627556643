//! From text to a syntax tree, with places; bounded before the parser sees it.
//!
//! The grammar is the `cel` crate's. Its parser and every walk over its tree recurse, so the text's
//! length and the number of its operators are bounded first, and the parser, which takes some
//! 140 KiB of stack a bracket when built without optimisation, gets a stack of its own.

use std::thread;

use cel::IdedExpr;
use cel::common::ast::SourceInfo;
use cel::parser::Parser;

use super::CelError;

/// Bytes that an expression may have.
pub(super) const MAX_LEN: usize = 4096;

/// Operators, calls and brackets that an expression may have; each may nest the tree once.
const MAX_OPERATORS: usize = 256;

/// Brackets within brackets.
const MAX_DEPTH: u16 = 32;

/// Stack of the parser in bytes: three times what [`MAX_DEPTH`] needs.
const STACK: usize = 16 << 20;

/// The tree and where its nodes stand.
pub(super) struct Parsed {
    pub root: IdedExpr,
    source: SourceInfo,
}

/// Parses `text`.
pub(super) fn parse(text: &str) -> Result<Parsed, CelError> {
    if text.len() > MAX_LEN {
        let message = format!("the expression is longer than {MAX_LEN} bytes");
        return Err(CelError::new(1, 1, message));
    }
    if operators(text) > MAX_OPERATORS {
        let message = format!("the expression has more than {MAX_OPERATORS} operators");
        return Err(CelError::new(1, 1, message));
    }
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || parse_bounded(text))
            .ok()
            .and_then(|parser| parser.join().ok())
            .unwrap_or_else(|| Err(CelError::new(1, 1, "the parser failed")))
    })
}

fn parse_bounded(text: &str) -> Result<Parsed, CelError> {
    let parser = Parser::new()
        .max_recursion_depth(MAX_DEPTH)
        .enable_ident_escape_syntax(true);
    let errors = match parser.parse_with_source_info(text) {
        Ok((root, source)) => return Ok(Parsed { root, source }),
        Err(errors) => errors.errors,
    };
    let Some(first) = errors.into_iter().next() else {
        return Err(CelError::new(1, 1, "syntax error"));
    };
    if first.msg.contains("Recursion limit") {
        let message = format!("the expression is nested more than {MAX_DEPTH} deep");
        return Err(CelError::new(1, 1, message));
    }
    let place = |n: isize| u32::try_from(n).unwrap_or(1).max(1);
    let message = first
        .msg
        .strip_prefix("Syntax error: ")
        .unwrap_or(&first.msg);
    Err(CelError::new(
        place(first.pos.0),
        place(first.pos.1),
        message,
    ))
}

impl Parsed {
    /// The word in front of the bracket at which a call stands.
    pub(super) fn word_before(&self, node: u64) -> &str {
        let offset = self.source.offset_for(node).map_or(0, |range| range.0);
        let before = self
            .source
            .source
            .get(..offset as usize)
            .unwrap_or("")
            .trim_end();
        before
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or("")
    }

    /// Line and column, from 1, where a node stands; a macro's parts stand where the macro does.
    pub(super) fn place(&self, node: u64) -> (u32, u32) {
        // The crate counts bytes, people count characters.
        let offset = self.source.offset_for(node).map_or(0, |range| range.0);
        let before = self.source.source.char_indices();
        let (mut line, mut column) = (1, 1);
        for (_, c) in before.take_while(|(at, _)| *at < offset as usize) {
            if c == '\n' {
                (line, column) = (line + 1, 1);
            } else {
                column += 1;
            }
        }
        (line, column)
    }
}

/// An upper bound for how deep the tree can be: bytes that may be or begin an operator.
fn operators(text: &str) -> usize {
    let signs = text.bytes().filter(|b| b"+-*/%<>=!?.&|([{".contains(b));
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| *w == "in");
    signs.count() + words.count()
}
