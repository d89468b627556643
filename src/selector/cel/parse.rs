//! From text to a syntax tree, with places; bounded before the parser sees it.
//!
//! The grammar is the `cel` crate's. Its parser and every walk over its tree recurse, so the text's
//! length and the number of its operators are bounded first, and the parser, which takes some
//! 140 KiB of stack a bracket when built without optimisation, only runs on a thread with a stack for it. A
//! thread costs more than most expressions, so whoever reads a document of them has all parsed on one ([`deep`]).

use std::cell::Cell;
use std::panic::resume_unwind;
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

/// Stack in bytes of a thread that parses expressions among other work, which may take a third of it.
pub(crate) const DEEP: usize = STACK + (8 << 20);

thread_local! {
    /// Whether this thread has a stack of [`DEEP`] bytes, [`STACK`] of them left wherever an expression is parsed.
    static IS_DEEP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` on one thread with stack enough for every expression in it; here, if this thread has that. If no
/// thread can be had, `work` runs here, and each expression asks for its own again.
pub(crate) fn deep<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if IS_DEEP.get() {
        return work();
    }
    let mut work = Some(work);
    let slot = &mut work;
    let done = thread::scope(|scope| {
        let thread = thread::Builder::new()
            .stack_size(DEEP)
            .spawn_scoped(scope, || slot.take().map(on_deep_stack));
        match thread.ok()?.join() {
            Ok(done) => done,
            // The panic hook has told about it.
            Err(panic) => resume_unwind(panic),
        }
    });
    match (done, work) {
        (Some(done), _) => done,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("a thread that took the work has done it"),
    }
}

/// Runs `work` on this thread, whose owner gave it a stack of [`DEEP`] bytes and begins with this.
pub(crate) fn on_deep_stack<T>(work: impl FnOnce() -> T) -> T {
    IS_DEEP.set(true);
    let done = work();
    IS_DEEP.set(false);
    done
}

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
    if IS_DEEP.get() {
        return parse_bounded(text);
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

/// What parsing `text` costs, counted in words and signs, which the parser takes some ten microseconds for. What
/// stands in quotation marks counts like everything else, for only the parser knows what does.
pub(crate) fn cost(text: &str) -> usize {
    /// Of a parser, whatever it parses.
    const START: usize = 8;
    let mut cost = START;
    let mut in_word = false;
    for c in text.chars() {
        let word = c.is_alphanumeric() || c == '_';
        cost += usize::from(!c.is_whitespace() && (!word || !in_word));
        in_word = word;
    }
    cost
}

/// An upper bound for how deep the tree can be: bytes that may be or begin an operator.
fn operators(text: &str) -> usize {
    let signs = text.bytes().filter(|b| b"+-*/%<>=!?.&|([{".contains(b));
    let words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| *w == "in");
    signs.count() + words.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_deep_stays_on_one_thread() {
        let here = thread::current().id();
        let (outer, inner) = deep(|| {
            let inner = deep(|| thread::current().id());
            (thread::current().id(), inner)
        });
        assert_ne!(outer, here);
        assert_eq!(outer, inner);
        assert!(!IS_DEEP.get());
    }

    #[test]
    fn the_deepest_text_fits_into_the_stack_on_every_thread() {
        let text = format!("{}true{}", "(".repeat(30), ")".repeat(30));
        let parses = || parse(&text).is_ok();
        let small = |work: &(dyn Fn() -> bool + Sync)| {
            thread::scope(|scope| {
                let thread = thread::Builder::new().stack_size(128 << 10);
                let thread = thread.spawn_scoped(scope, work).unwrap();
                thread.join().unwrap()
            })
        };
        assert!(small(&parses));
        assert!(small(&|| deep(parses)));
    }

    #[test]
    fn the_cost_counts_words_and_signs_wherever_they_stand() {
        for (text, cost) in [
            ("", 8),
            ("disk.size > 1u", 13),
            ("  a_1  \n", 9),
            ("\"'", 10),
            ("r'\\' [1,1]'", 18),
        ] {
            assert_eq!(super::cost(text), cost, "{text}");
        }
    }
}
