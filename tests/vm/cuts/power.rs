//! Where power goes, and what a disk with a volatile cache still has of the writes that were not flushed.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use nix::fcntl::{FallocateFlags, fallocate};

use super::log::Event;

/// SplitMix64: small, and the same everywhere for one seed.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but without, `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).expect("below a usize")
    }
}

/// What became of a write that was not durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Whole,
    Lost,
    /// Only the first or the last so many blocks of the disk.
    Head(u64),
    Tail(u64),
}

/// One power cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Events before this one had been issued.
    pub point: usize,
    /// By event; what is not named is whole.
    pub fates: Vec<(usize, Fate)>,
    /// Writes that were not durable.
    pub pending: usize,
}

impl Cut {
    /// Half of the cuts fall anywhere; for the other half every stretch between two flushes is as likely, since the
    /// short ones, with the partition tables, matter most.
    pub fn random(events: &[Event], block: u32, dice: &mut Dice) -> Self {
        let point = if dice.below(2) == 0 {
            1 + dice.below(events.len())
        } else {
            let flushes = events
                .iter()
                .enumerate()
                .filter(|(_, event)| **event == Event::Flush);
            let mut ends: Vec<usize> = flushes.map(|(index, _)| index).collect();
            ends.push(events.len());
            let chosen = dice.below(ends.len());
            let start = chosen.checked_sub(1).map_or(0, |before| ends[before] + 1);
            start + dice.below(ends[chosen] - start + 1)
        };
        let pending = pending(events, point);
        // All, none, or each by itself: the first two are what caches do most.
        let mood = dice.below(6);
        let mut fates = Vec::new();
        for index in &pending {
            let blocks = length(&events[*index]) / u64::from(block);
            let fate = match mood {
                0 => Fate::Lost,
                1 => Fate::Whole,
                _ => match dice.below(8) {
                    0..=2 => Fate::Whole,
                    3..=5 => Fate::Lost,
                    _ if blocks < 2 => Fate::Lost,
                    6 => Fate::Head(1 + dice.roll() % (blocks - 1)),
                    _ => Fate::Tail(1 + dice.roll() % (blocks - 1)),
                },
            };
            if fate != Fate::Whole {
                fates.push((*index, fate));
            }
        }
        let pending = pending.len();
        Self {
            point,
            fates,
            pending,
        }
    }

    /// Everything was written.
    pub fn none(events: &[Event]) -> Self {
        Self {
            point: events.len(),
            fates: Vec::new(),
            pending: 0,
        }
    }

    /// Does to an image what reached the disk.
    pub fn replay(&self, events: &[Event], log: &File, block: u32, image: &File) -> io::Result<()> {
        let mut buffer = Vec::new();
        for (index, event) in events[..self.point].iter().enumerate() {
            let fate = self.fates.iter().find(|(event, _)| *event == index);
            let fate = fate.map_or(Fate::Whole, |(_, fate)| *fate);
            let length = length(event);
            let (skip, count) = match fate {
                Fate::Whole => (0, length),
                Fate::Lost => continue,
                Fate::Head(blocks) => (0, blocks * u64::from(block)),
                Fate::Tail(blocks) => (
                    length - blocks * u64::from(block),
                    blocks * u64::from(block),
                ),
            };
            match event {
                Event::Write { at, data, .. } => {
                    buffer.resize(usize::try_from(count).map_err(io::Error::other)?, 0);
                    log.read_exact_at(&mut buffer, data + skip)?;
                    image.write_all_at(&buffer, at + skip)?;
                }
                Event::Discard { at, .. } => zero(image, at + skip, count)?,
                Event::Flush => {}
            }
        }
        Ok(())
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = self
            .fates
            .iter()
            .filter(|(_, fate)| *fate == Fate::Lost)
            .count();
        let torn = self.fates.len() - lost;
        let Self { point, pending, .. } = self;
        write!(
            f,
            "before event {point}, {pending} writes not flushed, {lost} lost, {torn} torn"
        )
    }
}

/// A discard may be as large as the disk, so no zeros are written.
fn zero(image: &File, at: u64, count: u64) -> io::Result<()> {
    let signed = |number: u64| i64::try_from(number).map_err(io::Error::other);
    let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    fallocate(image, hole, signed(at)?, signed(count)?).map_err(io::Error::from)
}

fn length(event: &Event) -> u64 {
    match event {
        Event::Write { length, .. } | Event::Discard { length, .. } => *length,
        Event::Flush => 0,
    }
}

/// The writes that were issued before `point` and that no flush made durable.
fn pending(events: &[Event], point: usize) -> Vec<usize> {
    let flush = events[..point]
        .iter()
        .rposition(|event| *event == Event::Flush);
    let after = flush.map_or(0, |flush| flush + 1);
    let volatile = |index: &usize| !matches!(events[*index], Event::Write { through: true, .. });
    (after..point).filter(volatile).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(at: u64, length: u64, data: u64) -> Event {
        Event::Write {
            at,
            length,
            data,
            through: false,
        }
    }

    #[test]
    fn only_writes_after_the_last_flush_can_be_lost() {
        let through = Event::Write {
            at: 0,
            length: 512,
            data: 0,
            through: true,
        };
        let events = [
            write(0, 512, 0),
            Event::Flush,
            write(0, 512, 0),
            through,
            write(0, 512, 0),
        ];
        assert_eq!(pending(&events, 1), [0]);
        assert_eq!(pending(&events, 2), [0; 0]);
        assert_eq!(pending(&events, 5), [2, 4]);
        let mut dice = Dice(1);
        for _ in 0..1000 {
            let cut = Cut::random(&events, 512, &mut dice);
            assert!(cut.point <= events.len());
            let may = pending(&events, cut.point);
            assert!(
                cut.fates.iter().all(|(index, _)| may.contains(index)),
                "{cut:?}"
            );
        }
    }

    #[test]
    fn every_point_and_every_fate_comes_up() {
        let mut events = vec![write(0, 4096, 0); 20];
        events.insert(10, Event::Flush);
        let mut dice = Dice(7);
        let cuts: Vec<Cut> = (0..2000)
            .map(|_| Cut::random(&events, 512, &mut dice))
            .collect();
        assert!((0..=events.len()).all(|point| cuts.iter().any(|cut| cut.point == point)));
        let fates = || cuts.iter().flat_map(|cut| &cut.fates);
        assert!(fates().any(|(_, fate)| matches!(fate, Fate::Head(7))));
        assert!(fates().any(|(_, fate)| matches!(fate, Fate::Tail(1))));
        assert!(fates().all(|(_, fate)| !matches!(fate, Fate::Head(0 | 8) | Fate::Tail(0 | 8))));
        assert!(
            cuts.iter()
                .any(|cut| cut.pending == 10 && cut.fates.is_empty())
        );
    }

    #[test]
    fn a_replay_writes_what_survived_and_nothing_else() {
        let (log, image) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        log.write_all_at(&[1; 2048], 0).unwrap();
        image.set_len(8192).unwrap();
        image.write_all_at(&[9; 512], 7680).unwrap();
        let discard = Event::Discard {
            at: 7680,
            length: 512,
        };
        let events = [
            write(0, 2048, 0),
            write(2048, 2048, 0),
            write(4096, 2048, 0),
            discard,
        ];
        let mut cut = Cut {
            point: 3,
            fates: vec![(0, Fate::Lost), (1, Fate::Tail(1)), (2, Fate::Head(3))],
            pending: 3,
        };
        cut.replay(&events, &log, 512, &image).unwrap();
        let read = || {
            let mut bytes = [0; 8192];
            image.read_exact_at(&mut bytes, 0).unwrap();
            bytes.chunks(512).map(|block| block[0]).collect::<Vec<_>>()
        };
        assert_eq!(read(), [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 9]);
        cut = Cut::none(&events);
        cut.replay(&events, &log, 512, &image).unwrap();
        assert_eq!(read(), [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
    }
}
