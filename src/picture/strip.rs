//! A disk as a row of parts that do not overlap, from its first byte to its last. Pure.

use crate::units::{Bytes, Extent};

/// What happens to a part of a disk. Each has a word, a sign and a fill: none is told by its colour alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Not a byte of it changes.
    Kept,
    /// Made, in plain.
    Made,
    /// Made and sealed.
    Sealed,
    /// Goes, with everything in it.
    Lost,
    /// Nothing is there.
    Free,
    /// Several of these.
    Mixed,
}

impl Mark {
    /// Those that a key explains.
    pub const KEY: [Self; 5] = [Self::Kept, Self::Made, Self::Sealed, Self::Lost, Self::Free];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Made => "created",
            Self::Sealed => "created, sealed",
            Self::Lost => "lost",
            Self::Free => "free",
            Self::Mixed => "several",
        }
    }

    /// The sign.
    pub const fn sign(self) -> char {
        match self {
            Self::Kept => '=',
            Self::Made => '+',
            Self::Sealed => '#',
            Self::Lost => '×',
            Self::Free => '·',
            Self::Mixed => '…',
        }
    }
}

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Entry number, where it has one.
    pub number: Option<u32>,
    /// What to write into it.
    pub label: String,
    /// Where it lies.
    pub extent: Extent,
    /// What happens to it.
    pub mark: Mark,
    /// How many it stands for.
    pub parts: usize,
}

impl Segment {
    fn free(extent: Extent) -> Self {
        Self {
            number: None,
            label: String::from("free"),
            extent,
            mark: Mark::Free,
            parts: 1,
        }
    }
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strip {
    /// Its state in words.
    pub state: String,
    /// Its parts, in order, without gap or overlap.
    pub segments: Vec<Segment>,
    /// Parts that lie in others, such as logical partitions in an extended one, or twice in the same place.
    pub covered: Vec<String>,
}

/// Gaps of less than this share of the disk are alignment, not free space.
const VISIBLE_GAP: u64 = 200;

impl Strip {
    /// The strip of a disk of `size` with these parts.
    pub fn new(state: String, size: Bytes, mut parts: Vec<Segment>) -> Self {
        let least = Bytes::new((size.get() / VISIBLE_GAP).max(2 << 20));
        parts.sort_by_key(|part| part.extent.start);
        let mut strip = Self {
            state,
            segments: Vec::new(),
            covered: Vec::new(),
        };
        let mut from = Bytes::ZERO;
        for mut part in parts {
            // A table may name places that the disk does not have, and the same place twice.
            let end = part.extent.end().min(size);
            if end <= from {
                strip.covered.push(part.label);
                continue;
            }
            let start = part.extent.start.max(from);
            let gap = Extent::between(from, start);
            if gap.len > least {
                strip.segments.push(Segment::free(gap));
            }
            part.extent = Extent::between(start, end);
            strip.segments.push(part);
            from = end;
        }
        let rest = Extent::between(from, size);
        if rest.len > least || strip.segments.is_empty() {
            strip.segments.push(Segment::free(rest));
        }
        strip
    }

    /// The same with at most `most` parts: the neighbours that are smallest together become one.
    pub fn folded(&self, most: usize) -> Self {
        let mut segments = self.segments.clone();
        while segments.len() > most.max(1) {
            let pair =
                |at: &usize| segments[*at].extent.len.get() + segments[at + 1].extent.len.get();
            let Some(at) = (0..segments.len() - 1).min_by_key(pair) else {
                break;
            };
            let next = segments.remove(at + 1);
            let first = &mut segments[at];
            first.parts += next.parts;
            first.extent = Extent::between(first.extent.start, next.extent.end());
            first.number = None;
            first.label = format!("{} parts", first.parts);
            if first.mark != next.mark {
                first.mark = Mark::Mixed;
            }
        }
        Self {
            segments,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(label: &str, start: u64, len: u64) -> Segment {
        Segment {
            number: Some(1),
            label: label.to_owned(),
            extent: Extent::new(Bytes::mib(start), Bytes::mib(len)),
            mark: Mark::Kept,
            parts: 1,
        }
    }

    #[test]
    fn parts_follow_each_other_whatever_a_table_says() {
        let parts = vec![
            part("beyond", 5000, 10),
            part("inner", 200, 100),
            part("outer", 100, 400),
            part("tail", 400, 800),
            part("same", 400, 800),
        ];
        let strip = Strip::new(String::new(), Bytes::mib(1000), parts);
        let labels: Vec<&str> = strip.segments.iter().map(|s| s.label.as_str()).collect();
        assert_eq!(labels, ["free", "outer", "tail"]);
        assert_eq!(strip.covered, ["inner", "same", "beyond"]);
        let ends: Vec<u64> = strip
            .segments
            .iter()
            .map(|s| s.extent.end().get() >> 20)
            .collect();
        assert_eq!(ends, [100, 500, 1000]);
    }

    #[test]
    fn a_disk_without_anything_is_free() {
        for size in [0, 1, 1 << 40] {
            let strip = Strip::new(String::new(), Bytes::new(size), Vec::new());
            assert_eq!(strip.segments.len(), 1);
            assert_eq!(strip.segments[0].mark, Mark::Free);
        }
    }

    #[test]
    fn many_parts_fold_into_as_many_as_there_is_room_for() {
        let many = (0..128).map(|n| part("p", n * 10, 10)).collect();
        let strip = Strip::new(String::new(), Bytes::mib(1280), many).folded(20);
        assert_eq!(strip.segments.len(), 20);
        assert_eq!(strip.segments.iter().map(|s| s.parts).sum::<usize>(), 128);
        assert!(
            strip
                .segments
                .iter()
                .all(|s| s.parts > 1 && s.mark == Mark::Kept)
        );
    }
}
