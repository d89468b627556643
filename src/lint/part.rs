//! A text of YAML within a file, which may be the whole file or a patch inside of talconfig.yaml, and its places.
//!
//! Pure. Says where lines may hold a secret, so that nothing of them is quoted.

use std::cell::OnceCell;
use std::rc::Rc;

use zeroize::Zeroizing;

use crate::config::Spot;
use crate::config::node::{Node, Place, Value};
use crate::config::spec::Location;
use crate::config::taint::{Taint, lines};
use crate::config::tuning_items::{Inside, scalar};
use crate::config::yaml::{self, Fault};

/// The start of a file.
const START: Spot = Spot {
    line: 1,
    column: 1,
    is_block: true,
};

/// A text of YAML. Has no `Debug`: it may hold keys.
pub(super) struct Part<'f> {
    /// The file as findings name it.
    pub file: &'f str,
    text: Zeroizing<String>,
    from: Spot,
    /// Its documents, as far as they could be read.
    pub documents: Vec<Rc<Node>>,
    /// Why no more could be read.
    pub fault: Option<Fault>,
    taint: OnceCell<Taint>,
}

impl<'f> Part<'f> {
    /// A whole file.
    pub fn whole(file: &'f str, text: &str) -> Self {
        Self::new(file, Zeroizing::new(text.to_owned()), START)
    }

    /// The text of a scalar of this part, read as YAML; `None` if it is no scalar.
    pub fn inside(&self, node: &Node) -> Option<Self> {
        let (text, from) = self.scalar(node)?;
        Some(Self::new(self.file, Zeroizing::new(text), from))
    }

    fn new(file: &'f str, text: Zeroizing<String>, from: Spot) -> Self {
        let stream = yaml::read(&text, 0);
        Self {
            file,
            text,
            from,
            documents: stream.documents,
            fault: stream.fault,
            taint: OnceCell::new(),
        }
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a scalar, and where it begins in the file.
    pub fn scalar(&self, node: &Node) -> Option<(String, Spot)> {
        let inside = Inside {
            text: &self.text,
            from: self.from,
        };
        scalar(node, inside)
    }

    /// A place of this part in its file.
    pub fn at(&self, place: Place) -> Location {
        self.line_at(place.line, place.column)
    }

    /// A line and column of this part in its file.
    pub fn line_at(&self, line: u32, column: u32) -> Location {
        self.spot(self.from, line.max(1), column.max(1))
    }

    /// The same within a text that begins at `spot`.
    pub fn spot(&self, spot: Spot, line: u32, column: u32) -> Location {
        let (line, column) = spot.at(line, column);
        Location {
            file: self.file.to_owned(),
            line,
            column,
        }
    }

    /// Whether a line of this part may hold a secret.
    pub fn is_tainted(&self, line: u32) -> bool {
        let taint = self.taint.get_or_init(|| Taint::of(&self.text));
        taint.holds(line, line)
    }

    /// Whether a template or a variable stands on the line, so that its value is not known.
    pub fn is_open(&self, line: u32) -> bool {
        let index = usize::try_from(line).unwrap_or(0).saturating_sub(1);
        let line = lines(&self.text).nth(index).unwrap_or_default();
        line.contains("{{") || line.contains('$')
    }

    /// The text of a scalar for a message: `None` where a secret, a template or a variable may stand.
    pub fn quote(&self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Scalar(scalar) if !self.is_tainted(node.place.line) => {
                let known = !scalar.text.contains("{{") && !scalar.text.contains('$');
                let shown: String = scalar.text.chars().take(80).collect();
                (known && !scalar.text.contains('\n')).then_some(shown)
            }
            _ => None,
        }
    }
}

/// The value below `node` at these keys.
pub(super) fn below<'n>(node: &'n Node, keys: &[&str]) -> Option<&'n Rc<Node>> {
    let (first, rest) = keys.split_first()?;
    let entry = &node.get(first)?.value;
    if rest.is_empty() {
        return (!entry.is_null()).then_some(entry);
    }
    below(entry, rest)
}

/// The items of a list; none of anything else.
pub(super) fn items(node: Option<&Rc<Node>>) -> &[Rc<Node>] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The text of a scalar.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
        _ => None,
    }
}
