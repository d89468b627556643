//! A disk as a strip of at most 80 columns. Every part gets room for its name, the rest is to scale.

use crate::cli::table::WIDTH;
use crate::printable::printable;
use crate::units::{Bytes, Extent};

/// One part of the strip.
#[derive(Clone, Debug)]
pub struct Piece {
    /// What to write into it.
    pub label: String,
    /// How it is drawn.
    pub shade: Shade,
    /// Where it lies.
    pub extent: Extent,
}

/// How a part is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shade {
    /// Stays as it is.
    Kept,
    /// Made, in plain.
    Made,
    /// Made and sealed.
    Sealed,
}

/// Everything that a strip tells a terminal: the colour of each shade, and the end of one.
pub const COLOURS: [&str; 4] = ["\x1b[2m", "\x1b[32m", "\x1b[36m", "\x1b[0m"];

impl Shade {
    const fn colour(self) -> &'static str {
        match self {
            Self::Kept => COLOURS[0],
            Self::Made => COLOURS[1],
            Self::Sealed => COLOURS[2],
        }
    }

    const fn fill(self) -> char {
        match self {
            Self::Kept => ' ',
            Self::Made => '-',
            Self::Sealed => '#',
        }
    }
}

/// The strip for a disk of `size` with `pieces` in the order of their start; free space is dotted.
pub fn strip(size: Bytes, pieces: &[Piece], colour: bool) -> String {
    let parts = with_gaps(size, pieces);
    let widths = widths(&parts);
    let mut line = String::from("|");
    for (part, width) in parts.iter().zip(widths) {
        let text = match part {
            Part::Free(_) => ".".repeat(width),
            Part::Piece(piece) => cell(piece, width),
        };
        match part {
            Part::Piece(piece) if colour => {
                line.push_str(&format!("{}{text}{}", piece.shade.colour(), COLOURS[3]))
            }
            _ => line.push_str(&text),
        }
        line.push('|');
    }
    line
}

enum Part<'a> {
    Free(Extent),
    Piece(&'a Piece),
}

/// Gaps of less than this share of the disk are alignment, not free space.
const VISIBLE_GAP: u64 = 200;

fn with_gaps(size: Bytes, pieces: &[Piece]) -> Vec<Part<'_>> {
    let least = Bytes::new((size.get() / VISIBLE_GAP).max(2 << 20));
    let mut parts = Vec::new();
    let mut from = Bytes::ZERO;
    for piece in pieces {
        let gap = Extent::between(from, piece.extent.start);
        if gap.len > least {
            parts.push(Part::Free(gap));
        }
        parts.push(Part::Piece(piece));
        from = from.max(piece.extent.end());
    }
    let rest = Extent::between(from, size);
    if rest.len > least || parts.is_empty() {
        parts.push(Part::Free(rest));
    }
    parts
}

fn least(part: &Part<'_>) -> usize {
    match part {
        Part::Free(_) => 3,
        Part::Piece(piece) => piece.label.chars().count().clamp(2, 12),
    }
}

fn len(part: &Part<'_>) -> u64 {
    match part {
        Part::Free(extent) => extent.len.get(),
        Part::Piece(piece) => piece.extent.len.get(),
    }
}

/// Everybody's least, and the rest to scale.
fn widths(parts: &[Part<'_>]) -> Vec<usize> {
    let bars = parts.len() + 1;
    let mut widths: Vec<usize> = parts.iter().map(least).collect();
    let room = WIDTH.saturating_sub(bars + widths.iter().sum::<usize>());
    let total: u128 = parts
        .iter()
        .map(|part| u128::from(len(part)))
        .sum::<u128>()
        .max(1);
    let mut given = 0;
    for (width, part) in widths.iter_mut().zip(parts) {
        let share = u128::from(len(part)) * room as u128 / total;
        let share = usize::try_from(share).unwrap_or(0);
        *width += share;
        given += share;
    }
    let largest = (0..parts.len()).max_by_key(|index| len(&parts[*index]));
    if let Some(largest) = largest {
        widths[largest] += room - given;
    }
    widths
}

fn cell(piece: &Piece, width: usize) -> String {
    let label: String = printable(&piece.label).chars().take(width).collect();
    let rest = width - label.chars().count();
    let fill = piece.shade.fill().to_string();
    format!("{label}{}", fill.repeat(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(label: &str, start: u64, len: u64) -> Piece {
        let extent = Extent::new(Bytes::mib(start), Bytes::mib(len));
        Piece {
            label: label.into(),
            shade: Shade::Sealed,
            extent,
        }
    }

    #[test]
    fn a_strip_is_80_columns_whatever_is_on_the_disk() {
        let talos = [
            piece("EFI", 1, 2101),
            piece("META", 2102, 1),
            piece("STATE", 2103, 100),
            piece("EPHEMERAL", 2203, 30000),
        ];
        for pieces in [&talos[..], &talos[..1], &[]] {
            let strip = strip(Bytes::mib(32768), pieces, false);
            assert_eq!(strip.chars().count(), WIDTH, "{strip}");
        }
        assert!(strip(Bytes::mib(32768), &talos, false).contains("|META|STATE|EPHEMERAL#"));
    }

    #[test]
    fn a_disk_full_of_partitions_still_makes_a_strip() {
        let many: Vec<Piece> = (0..128).map(|n| piece("u-data", n * 10 + 1, 10)).collect();
        assert!(strip(Bytes::mib(2000), &many, false).len() >= WIDTH);
    }
}
