//! Whether a drive's TRIM does what it says: what is tried, and what follows from what was seen.
//!
//! Pure: no I/O; [`run`] has that, behind [`crate::target::unmap::Unmap`]. A discard is a hint, so a drive may ignore
//! it; what it must not do is to lose a byte beside the range, or to return now this and now that.
//!
//! # What is tried
//! The window is a range that no partition covers. In its middle lies the target, on both sides a guard at least as
//! long as the drive's granularity. Twice the whole window gets a pattern that no block shares with another, and a
//! part of it is unmapped: first the target, on the granularity, then a piece of it that is off the granularity on
//! both ends. Each time the window is read three times: from a dropped cache, again, and through a new descriptor
//! past the cache. In the end every byte gets back what it was.

mod pattern;
pub mod proof;
pub mod provisioning;
pub mod range;
pub mod run;
pub mod subject;

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Extent, Geometry};

/// The longest window: all of it is held in memory, three times at most.
pub const LONGEST: Bytes = Bytes::mib(64);

/// The longest granularity that is believed. Bridges make numbers up, and the window is four times as long.
const COARSEST: Bytes = Bytes::mib(8);

/// How much outside the window is looked at, on either side and at both ends of the disk. Never written.
const BESIDE: Bytes = Bytes::MIB;

/// What is done, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Nothing outside it is ever written.
    pub window: Extent,
    /// What is unmapped: on the granularity, then off it.
    pub rounds: [Extent; 2],
    /// What lies around the window and at the ends of the disk, and has to stay as it is.
    pub outside: Vec<Extent>,
    /// The logical block.
    pub block: Bytes,
    /// What the patterns derive from; another one each time, so that what an earlier test left is not taken for new.
    pub seed: u64,
}

/// Why a window will not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// It does not lie on whole MiB.
    #[error("the range does not begin and end on whole MiB")]
    Unaligned,
    /// Too short for a guard on both sides.
    #[error("the range of {found} is too short: the test needs {least} here")]
    Short {
        /// Its length.
        found: Bytes,
        /// The least.
        least: Bytes,
    },
    /// Too long to be held in memory.
    #[error("the range of {found} is too long: the test takes {LONGEST} at most")]
    Long {
        /// Its length.
        found: Bytes,
    },
    /// It is not on the disk.
    #[error("the range ends beyond the disk")]
    Beyond,
    /// The drive counts in units that no test of this size can show.
    #[error("the drive says that it unmaps in units of {0}, which is too coarse to be tested")]
    Coarse(Bytes),
}

/// The length of a guard: the granularity, in whole MiB.
fn guard(granularity: Bytes) -> Result<Bytes, PlanError> {
    let guard = granularity.max(Bytes::MIB).align_up(Bytes::MIB);
    guard
        .filter(|guard| *guard <= COARSEST)
        .ok_or(PlanError::Coarse(granularity))
}

/// The shortest window for a drive of this granularity: two guards, and as much between them.
///
/// # Errors
/// [`PlanError::Coarse`].
pub fn least(granularity: Bytes) -> Result<Bytes, PlanError> {
    Ok(Bytes::new(guard(granularity)?.get() * 4))
}

impl Plan {
    /// The test of `window` on a disk of `geometry` whose granularity is `granularity` bytes (0: it does not say).
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(
        window: Extent,
        geometry: Geometry,
        granularity: Bytes,
        seed: u64,
    ) -> Result<Self, PlanError> {
        let (guard, least) = (guard(granularity)?, least(granularity)?);
        let found = window.len;
        if !window.start.is_multiple_of(Bytes::MIB) || !found.is_multiple_of(Bytes::MIB) {
            return Err(PlanError::Unaligned);
        }
        if found < least {
            return Err(PlanError::Short { found, least });
        }
        if found > LONGEST {
            return Err(PlanError::Long { found });
        }
        if !geometry.whole().contains(window) {
            return Err(PlanError::Beyond);
        }
        let block = geometry.logical.bytes();
        let unit = granularity.max(block);
        let start = Bytes::new(window.start.get() + guard.get());
        let start = start.align_up(unit).ok_or(PlanError::Beyond)?;
        let end = window.end().saturating_sub(guard).align_down(unit);
        let target = Extent::between(start, end);
        if target.len < guard {
            return Err(PlanError::Short { found, least });
        }
        Ok(Self {
            window,
            rounds: [target, off_granularity(target, block)],
            outside: outside(window, geometry),
            block,
            seed,
        })
    }
}

/// Half of `target`, one block beyond a unit's start to one block beyond another's.
fn off_granularity(target: Extent, block: Bytes) -> Extent {
    let half = Bytes::new(target.len.get() / 2).align_down(block);
    let start = Bytes::new(target.start.get() + block.get());
    Extent::new(start, half)
}

fn outside(window: Extent, geometry: Geometry) -> Vec<Extent> {
    let whole = geometry.whole();
    let before = Extent::between(window.start.saturating_sub(BESIDE), window.start);
    let after = Extent::new(window.end(), BESIDE);
    let first = Extent::new(Bytes::ZERO, BESIDE);
    let last = Extent::between(whole.end().saturating_sub(BESIDE), whole.end());
    let places = [first, before, after, last].into_iter();
    let on_disk = places.filter_map(|place| place.intersection(whole));
    let merged = Extent::merged(on_disk.collect());
    merged
        .into_iter()
        .flat_map(|place| without(place, window))
        .collect()
}

/// What of `place` does not lie in `hole`.
fn without(place: Extent, hole: Extent) -> impl Iterator<Item = Extent> {
    let before = Extent::between(place.start, place.end().min(hole.start));
    let after = Extent::between(place.start.max(hole.end()), place.end());
    [before, after].into_iter().filter(|rest| !rest.is_empty())
}

/// How the blocks of an unmapped range read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Blocks {
    /// As zeros.
    pub zeros: u64,
    /// As they were written before they were unmapped.
    pub kept: u64,
    /// As neither.
    pub other: u64,
}

/// What one round showed. Of the ranges only the first few are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Round {
    /// What was to be unmapped.
    pub unmapped: Extent,
    /// How it read then; absent if the drive refused, or was not asked because it does not keep what is written.
    pub reads: Option<Blocks>,
    /// What did not read back as it was written, before anything was unmapped.
    pub not_kept: Vec<Extent>,
    /// What beside it is not what was written.
    pub neighbours: Vec<Extent>,
    /// What read as one thing and then as another.
    pub unstable: Vec<Extent>,
}

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What is unmapped is forgotten, reads the same every time, and nothing else changed.
    Pass,
    /// The command is accepted, and nothing changes.
    Ineffective,
    /// There is no such command.
    Unsupported,
    /// Something else changed, or what is read cannot be relied on.
    Dangerous,
}

impl Verdict {
    /// The word that stands in the report.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Ineffective => "ineffective",
            Self::Unsupported => "unsupported",
            Self::Dangerous => "dangerous",
        }
    }
}

/// What follows from the rounds, and from what changed outside the window.
pub fn judge(rounds: &[Round], outside: &[Extent]) -> Verdict {
    let bad = |round: &Round| {
        !(round.not_kept.is_empty() && round.neighbours.is_empty() && round.unstable.is_empty())
    };
    if !outside.is_empty() || rounds.iter().any(bad) {
        return Verdict::Dangerous;
    }
    let mut reads = rounds.iter().filter_map(|round| round.reads).peekable();
    if reads.peek().is_none() {
        return Verdict::Unsupported;
    }
    match reads.any(|blocks| blocks.zeros + blocks.other > 0) {
        true => Verdict::Pass,
        false => Verdict::Ineffective,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::BlockSize;

    const DISK: Geometry = Geometry {
        size: Bytes::mib(100),
        logical: BlockSize::B512,
        physical: 512,
    };

    fn at(start: u64, len: u64) -> Extent {
        Extent::new(Bytes::mib(start), Bytes::mib(len))
    }

    #[test]
    fn the_target_lies_between_guards_and_the_second_one_off_the_granularity() {
        let granularity = Bytes::new(4096);
        let plan = Plan::new(at(10, 16), DISK, granularity, 1).unwrap();
        assert_eq!(plan.rounds[0], at(11, 14));
        let off = plan.rounds[1];
        assert!(plan.rounds[0].contains(off));
        assert!(!off.start.is_multiple_of(granularity) && !off.end().is_multiple_of(granularity));
        assert_eq!(plan.outside, [at(0, 1), at(9, 1), at(26, 1), at(99, 1)]);
    }

    #[test]
    fn a_granularity_that_is_no_part_of_a_mib_still_bounds_the_target() {
        let granularity = Bytes::new(3 << 20);
        let plan = Plan::new(at(10, 20), DISK, granularity, 1).unwrap();
        let target = plan.rounds[0];
        assert!(
            target.start.is_multiple_of(granularity) && target.end().is_multiple_of(granularity)
        );
        assert!(target.start >= Bytes::mib(13) && target.end() <= Bytes::mib(27));
    }

    #[test]
    fn what_lies_around_the_window_never_reaches_into_it() {
        for window in [at(0, 4), at(1, 4), at(96, 4), at(40, 60), at(0, 64)] {
            let plan = Plan::new(window, DISK, Bytes::new(512), 1).unwrap();
            assert!(
                plan.outside.iter().all(|place| !place.overlaps(window)),
                "{window}"
            );
            assert!(
                plan.outside
                    .iter()
                    .all(|place| DISK.whole().contains(*place))
            );
        }
    }

    #[test]
    fn windows_that_will_not_do_say_why() {
        let short = |found, least| PlanError::Short {
            found: Bytes::mib(found),
            least: Bytes::mib(least),
        };
        for (window, granularity, why) in [
            (at(1, 3), Bytes::ZERO, short(3, 4)),
            (at(1, 15), Bytes::mib(4), short(15, 16)),
            (
                at(1, 65),
                Bytes::ZERO,
                PlanError::Long {
                    found: Bytes::mib(65),
                },
            ),
            (at(97, 4), Bytes::ZERO, PlanError::Beyond),
            (at(1, 4), Bytes::mib(9), PlanError::Coarse(Bytes::mib(9))),
            (
                Extent::new(Bytes::new(512), Bytes::mib(4)),
                Bytes::ZERO,
                PlanError::Unaligned,
            ),
        ] {
            assert_eq!(Plan::new(window, DISK, granularity, 1), Err(why));
        }
        let huge = Bytes::new(u64::MAX);
        assert_eq!(
            Plan::new(at(1, 4), DISK, huge, 1),
            Err(PlanError::Coarse(huge))
        );
    }

    #[test]
    fn one_changed_neighbour_outweighs_everything_else() {
        let round = |zeros, kept| Round {
            unmapped: at(1, 1),
            reads: Some(Blocks {
                zeros,
                kept,
                other: 0,
            }),
            not_kept: Vec::new(),
            neighbours: Vec::new(),
            unstable: Vec::new(),
        };
        let none: &[Extent] = &[];
        assert_eq!(judge(&[round(2, 0), round(0, 2)], none), Verdict::Pass);
        assert_eq!(
            judge(&[round(0, 2), round(0, 2)], none),
            Verdict::Ineffective
        );
        assert_eq!(judge(&[], none), Verdict::Unsupported);
        assert_eq!(judge(&[round(2, 0)], &[at(0, 1)]), Verdict::Dangerous);
        for change in [
            |round: &mut Round| round.neighbours.push(at(0, 1)),
            |round: &mut Round| round.unstable.push(at(0, 1)),
            |round: &mut Round| round.not_kept.push(at(0, 1)),
        ] {
            let mut bad = round(2, 0);
            change(&mut bad);
            assert_eq!(judge(&[round(2, 0), bad], none), Verdict::Dangerous);
        }
    }
}
