//! Where something stands in a file that may itself stand in a text of another file, as an inline patch does. Pure.

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Whether the lines below it are those of the text, each as far to the right; else only the first line is.
    pub is_block: bool,
}

impl Spot {
    /// Where line `line` and column `column` of the text, both from 1, stand in the file.
    pub fn at(self, line: u32, column: u32) -> (u32, u32) {
        if line > 1 && !self.is_block {
            return (self.line, self.column);
        }
        let further = |from: u32, by: u32| from.saturating_add(by.saturating_sub(1));
        (further(self.line, line), further(self.column, column))
    }
}

/// What stands at this line and column of a text, in the file that the text is in.
pub(super) fn moved(from: Spot, line: u32, column: u32, is_block: bool) -> Spot {
    let whole = from.is_block || line == 1;
    let (line, column) = from.at(line, column);
    Spot {
        line,
        column,
        is_block: is_block && whole,
    }
}
