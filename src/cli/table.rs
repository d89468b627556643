//! A plain column printer. Widths count characters; the last column takes what is left and wraps.

use crate::printable::printable;

/// Width of every text output.
pub const WIDTH: usize = 80;

/// Rows of cells under a header.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
}

impl Table {
    /// A table with these column titles; the columns in `right` are aligned to the right.
    pub fn new(header: &[&str], right: &[usize]) -> Self {
        Self {
            rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()],
            right: right.to_vec(),
        }
    }

    /// Adds a row. What a terminal would obey is escaped.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let shown = |cell: String| printable(&cell).into_owned();
        self.rows.push(cells.into_iter().map(shown).collect());
    }

    /// The lines, each ended, none wider than [`WIDTH`] unless a single word is.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            self.line(row, &widths, &mut out);
        }
        out
    }

    fn line(&self, row: &[String], widths: &[usize], out: &mut String) {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            if column + 1 == widths.len() {
                let indent = line.chars().count();
                line.push_str(&wrap(cell, WIDTH.saturating_sub(indent).max(20), indent));
                break;
            }
            let pad = " ".repeat(widths[column] - cell.chars().count());
            let right = self.right.contains(&column);
            line.push_str(&if right {
                format!("{pad}{cell}")
            } else {
                format!("{cell}{pad}")
            });
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// `text` in lines of at most `width` characters, the later ones indented. What a terminal would obey is escaped,
/// newlines too: a label must not start a line of its own.
pub fn wrap(text: &str, width: usize, indent: usize) -> String {
    let text = printable(text);
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        let fits = last.is_empty() || last.chars().count() + 1 + word.chars().count() <= width;
        if fits {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_the_last_one_wraps() {
        let mut table = Table::new(&["name", "size", "why"], &[1]);
        table.row([
            "STATE".into(),
            "100 MiB".into(),
            "word ".repeat(30).trim().to_owned(),
        ]);
        let text = table.render();
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert!(
            text.lines()
                .nth(1)
                .is_some_and(|line| line.starts_with("STATE  100 MiB  word")),
            "{text}"
        );
        assert!(
            text.lines()
                .nth(2)
                .is_some_and(|line| line.starts_with("                word")),
            "{text}"
        );
    }
}
