//! A disk as a strip of at most 80 columns, to scale but for parts that need room for their name.

use crate::cli::table::WIDTH;
use crate::picture::scale::shares;
use crate::picture::strip::{Mark, Segment, Strip};
use crate::printable::printable;
use crate::units::Bytes;

/// Everything that a strip tells a terminal: the colour of each mark, and the end of one.
pub const COLOURS: [&str; 5] = ["\x1b[2m", "\x1b[36m", "\x1b[34m", "\x1b[33m", "\x1b[0m"];

/// Parts of a strip, at most; more are drawn together.
const MOST: usize = 20;
/// Columns that a part gets to show its name, at most.
const NAME: usize = 12;

/// The signs of a strip, for below it.
pub const KEY: &str = "key: # created, sealed  - created  x lost  (blank) kept  . free";

/// A strip, and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The strip, of [`WIDTH`] columns.
    pub line: String,
    /// The parts that are wider than to scale.
    pub enlarged: Vec<String>,
}

/// The strip for a disk of `size` with these parts; free space is dotted.
pub fn strip(size: Bytes, parts: &[Segment], colour: bool) -> String {
    draw(&Strip::new(String::new(), size, parts.to_vec()), colour).line
}

/// The strip, and which parts of it are not to scale.
pub fn draw(strip: &Strip, colour: bool) -> Drawn {
    let folded = strip.folded(MOST);
    let columns = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let room = WIDTH - folded.segments.len() - 1;
    // Names shrink until all of them have room.
    let least = |most: usize| folded.segments.iter().map(move |part| least(part, most));
    let most = (2..=NAME)
        .rev()
        .find(|most| least(*most).sum::<usize>() <= room)
        .unwrap_or(2);
    let lengths = folded.segments.iter().map(|part| part.extent.len.get());
    let parts: Vec<(u64, u64)> = lengths.zip(least(most).map(columns)).collect();
    let mut drawn = Drawn {
        line: String::from("|"),
        enlarged: Vec::new(),
    };
    let mut left = room;
    for (part, share) in folded.segments.iter().zip(shares(&parts, columns(room))) {
        let width = usize::try_from(share.width).unwrap_or(0).min(left);
        left -= width;
        let text = cell(part, width);
        match look(part.mark).1 {
            Some(code) if colour => drawn.line.push_str(&format!("{code}{text}{}", COLOURS[4])),
            _ => drawn.line.push_str(&text),
        }
        drawn.line.push('|');
        if share.enlarged && part.mark != Mark::Free {
            drawn.enlarged.push(printable(&part.label).into_owned());
        }
    }
    drawn
}

/// Fill and colour of a mark.
const fn look(mark: Mark) -> (char, Option<&'static str>) {
    match mark {
        Mark::Kept => (' ', Some(COLOURS[0])),
        Mark::Made => ('-', Some(COLOURS[1])),
        Mark::Sealed => ('#', Some(COLOURS[2])),
        Mark::Lost => ('x', Some(COLOURS[3])),
        Mark::Free => ('.', None),
        Mark::Mixed => ('~', None),
    }
}

fn least(part: &Segment, most: usize) -> usize {
    match part.mark {
        Mark::Free => 2,
        _ => name(part).chars().count().clamp(2, most),
    }
}

fn name(part: &Segment) -> String {
    match part.parts {
        1 => printable(&part.label).into_owned(),
        count => format!("({count})"),
    }
}

fn cell(part: &Segment, width: usize) -> String {
    let (fill, _) = look(part.mark);
    let label: String = match part.mark {
        Mark::Free => String::new(),
        _ => name(part).chars().take(width).collect(),
    };
    let rest = width - label.chars().count();
    label + &fill.to_string().repeat(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Extent;

    fn part(label: &str, start: u64, len: u64) -> Segment {
        Segment {
            number: Some(1),
            label: label.into(),
            extent: Extent::new(Bytes::mib(start), Bytes::mib(len)),
            mark: Mark::Sealed,
            parts: 1,
        }
    }

    #[test]
    fn a_strip_is_80_columns_whatever_is_on_the_disk() {
        let talos = [
            part("EFI", 1, 2101),
            part("META", 2102, 1),
            part("STATE", 2103, 100),
            part("EPHEMERAL", 2203, 30000),
        ];
        for pieces in [&talos[..], &talos[..1], &[]] {
            let strip = strip(Bytes::mib(32768), pieces, false);
            assert_eq!(strip.chars().count(), WIDTH, "{strip}");
        }
        assert!(strip(Bytes::mib(32768), &talos, false).contains("|META|STATE|EPHEMERAL#"));
    }

    #[test]
    fn what_is_not_to_scale_is_said() {
        let disk = Strip::new(
            String::new(),
            Bytes::mib(8192),
            vec![
                part("META", 1, 1),
                part("half", 2, 4094),
                part("rest", 4096, 4096),
            ],
        );
        let drawn = draw(&disk, false);
        assert_eq!(drawn.enlarged, ["META"]);
        let widths: Vec<usize> = drawn
            .line
            .split('|')
            .map(|part| part.chars().count())
            .collect();
        // What rounding leaves over goes to the larger one.
        assert_eq!(widths[1..4], [4, 35, 37]);
    }

    #[test]
    fn a_disk_full_of_partitions_is_still_80_columns() {
        for count in [19, 20, 21, 26, 128] {
            for name in ["p", "u-data", "a-name-of-more-than-twelve"] {
                let many: Vec<Segment> = (0..count).map(|n| part(name, n * 20 + 1, 10)).collect();
                let strip = strip(Bytes::mib(count * 20 + 2), &many, false);
                assert_eq!(strip.chars().count(), WIDTH, "{strip}");
            }
        }
    }
}
