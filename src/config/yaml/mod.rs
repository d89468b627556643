//! YAML text to [`Node`] trees: the only module that touches the YAML library, but for [`super::talconfig`]'s reencoder,
//! which needs its events.
//!
//! Takes the library's event parser, not its serde half. Composing here keeps the text of every scalar,
//! the place of every key, Go's meaning of scalars ([`super::scalar`]), and errors that never quote
//! the file. Aliases share their node, so an alias bomb costs nothing until it is walked; budgets
//! bound size, nodes, depth and the cost of a walk.
//! Spec: <https://yaml.org/spec/1.2.2/>, merge keys as in <https://yaml.org/type/merge.html>.

mod compose;
mod fault;
mod mapping;

use std::rc::Rc;

use compose::Composer;
use fault::limit;
pub(crate) use fault::{Fault, FaultKind};

use super::node::{Node, Place};

/// Longest file, in bytes.
pub(super) const MAX_BYTES: usize = 4 << 20;

/// The documents of one file, and what stopped the reading if anything did.
pub(crate) struct Stream {
    /// Documents in order; an empty one is a null node.
    pub documents: Vec<Rc<Node>>,
    /// The first error.
    pub fault: Option<Fault>,
}

/// Reads all documents of `text`, which is the source number `source`.
pub(crate) fn read(text: &str, source: usize) -> Stream {
    let mut stream = Stream {
        documents: Vec::new(),
        fault: check_text(text, source).err().map(|fault| *fault),
    };
    if stream.fault.is_some() {
        return stream;
    }
    let mut composer = Composer::new(text, source);
    loop {
        match composer.document() {
            Ok(Some(document)) => stream.documents.push(document),
            Ok(None) => return stream,
            Err(fault) => {
                stream.fault = Some(*fault);
                return stream;
            }
        }
    }
}

/// Size and characters: what libyaml calls printable, and nothing of a binary file.
fn check_text(text: &str, source: usize) -> fault::Composed<()> {
    if text.len() > MAX_BYTES {
        let at = Place {
            source,
            line: 1,
            column: 1,
            ..Place::default()
        };
        let message = format!("the file has {} bytes", text.len());
        return Err(limit(at, &message, "at most 4 MiB"));
    }
    // The one byte of U+0000 to U+001F and U+007F, and the first of two of U+0080 to U+009F.
    let may_be = |byte: u8| {
        byte < b' ' && !matches!(byte, b'\n' | b'\t' | b'\r') || matches!(byte, 0x7f | 0xc2)
    };
    if !text.bytes().any(may_be) {
        return Ok(());
    }
    let (mut line, mut column) = (1, 0);
    for (start, c) in text.char_indices() {
        column += 1;
        match c {
            '\n' => (line, column) = (line + 1, 0),
            '\t' | '\r' | '\u{85}' => {}
            c if c.is_control() => {
                let at = Place {
                    source,
                    line,
                    column,
                    start,
                    end: start + c.len_utf8(),
                };
                return Err(fault::control(at, c));
            }
            _ => {}
        }
    }
    Ok(())
}
