//! Does what a [`Plan`] says to a disk, and puts every byte back. Writes nothing outside the plan's window.
//!
//! Decides nothing: what was seen goes to [`super::judge`]. Whatever happens, [`run`] ends with an attempt to restore
//! the window, piece by piece, and reads it back past the cache; what is not as it was is named.

use std::io;

use super::pattern::{classify, differences, fill};
use super::{Plan, Round, without};
use crate::target::unmap::Unmap;
use crate::target::{BlockSource as _, is_unplugged};
use crate::units::{Bytes, Extent};

/// What is read or written at once; in between a signal is noticed.
const PIECE: Bytes = Bytes::MIB;

/// What the disk held before.
#[derive(Clone, Debug)]
pub struct Before {
    /// The bytes of the window.
    pub window: Vec<u8>,
    outside: Vec<(Extent, Vec<u8>)>,
}

/// Why a test came to no verdict.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The disk failed.
    #[error("cannot {verb} {extent}")]
    Io {
        /// `read`, `write`, `unmap` or `sync`.
        verb: &'static str,
        /// What.
        extent: Extent,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped by a signal")]
    Stopped,
}

/// What was seen, and how the disk was left.
#[derive(Debug)]
pub struct Ran {
    /// What each round showed.
    pub rounds: Vec<Round>,
    /// What changed outside the window; it was not written.
    pub outside: Vec<Extent>,
    /// Why it ended early.
    pub trouble: Option<Trouble>,
    /// What of the window does not hold what it held before: a pattern of the test, zeros, or what nobody can tell.
    /// Empty if everything is as it was.
    pub unrestored: Vec<Extent>,
}

/// Reads what the test will touch or watch.
///
/// # Errors
/// The disk's; nothing was written.
pub fn save(medium: &mut dyn Unmap, plan: &Plan) -> Result<Before, Trouble> {
    let dropped = medium.drop_caches();
    dropped.map_err(|source| failed("read", plan.window, source))?;
    let window = read(medium, plan.window, false)?;
    let outside = plan.outside.iter().map(|place| {
        let bytes = medium.read_extent(*place);
        Ok((
            *place,
            bytes.map_err(|source| failed("read", *place, source))?,
        ))
    });
    Ok(Before {
        window,
        outside: outside.collect::<Result<_, Trouble>>()?,
    })
}

/// Tests, and restores. `stop` is asked before every piece whether to end early.
pub fn run(
    medium: &mut dyn Unmap,
    plan: &Plan,
    before: &Before,
    stop: &mut dyn FnMut() -> bool,
) -> Ran {
    let mut rounds = Vec::new();
    let mut trouble = None;
    for index in 0..plan.rounds.len() {
        match round(medium, plan, index, stop) {
            Ok(seen) => {
                let over = seen.reads.is_none() || is_bad(&seen);
                rounds.push(seen);
                // What was seen is enough, and one more round could only do harm.
                if over {
                    break;
                }
            }
            Err(error) => {
                trouble = Some(error);
                break;
            }
        }
    }
    let unrestored = restore(medium, plan, &before.window);
    let outside = changed_outside(medium, before, plan.block);
    let outside = outside.unwrap_or_else(|error| {
        trouble.get_or_insert(error);
        Vec::new()
    });
    Ran {
        rounds,
        outside,
        trouble,
        unrestored,
    }
}

fn is_bad(round: &Round) -> bool {
    !(round.not_kept.is_empty() && round.neighbours.is_empty() && round.unstable.is_empty())
}

fn round(
    medium: &mut dyn Unmap,
    plan: &Plan,
    index: usize,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Round, Trouble> {
    let (window, unmapped) = (plan.window, plan.rounds[index]);
    let mut written = vec![0; window.len.to_usize()];
    fill(
        &mut written,
        window.start,
        plan.seed.rotate_left(17).wrapping_add(index as u64),
    );
    write(medium, window, &written, stop)?;
    settle(medium, window)?;
    let first = read(medium, window, true)?;
    let mut seen = Round {
        unmapped,
        reads: None,
        not_kept: differences(&first, &written, window.start, plan.block),
        neighbours: Vec::new(),
        unstable: Vec::new(),
    };
    asked(stop)?;
    if !seen.not_kept.is_empty() {
        return Ok(seen);
    }
    match medium.unmap(unmapped) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(seen),
        Err(error) => return Err(failed("unmap", unmapped, error)),
    }
    settle(medium, window)?;
    let readings = [
        read(medium, window, false)?,
        read(medium, window, false)?,
        read(medium, window, true)?,
    ];
    asked(stop)?;
    let beside: Vec<Extent> = without(window, unmapped).collect();
    for reading in &readings {
        let differ = |place: Extent, other: &[u8]| {
            let (one, other) = (part(reading, window, place), part(other, window, place));
            differences(one, other, place.start, plan.block)
        };
        seen.unstable.extend(differ(unmapped, &readings[0]));
        let changed = beside.iter().flat_map(|place| differ(*place, &written));
        seen.neighbours.extend(changed);
    }
    seen.unstable = Extent::merged(seen.unstable);
    seen.neighbours = Extent::merged(seen.neighbours);
    let read = part(&readings[0], window, unmapped);
    let written = part(&written, window, unmapped);
    seen.reads = Some(classify(read, written, plan.block));
    Ok(seen)
}

/// The bytes of `place` in those of `window`.
fn part(bytes: &[u8], window: Extent, place: Extent) -> &[u8] {
    let from = place.start.saturating_sub(window.start).to_usize();
    &bytes[from..from + place.len.to_usize()]
}

/// Makes everything durable, and the next reads come from the medium.
fn settle(medium: &mut dyn Unmap, window: Extent) -> Result<(), Trouble> {
    let synced = medium.sync().and_then(|()| medium.drop_caches());
    synced.map_err(|source| failed("sync", window, source))
}

fn read(medium: &dyn Unmap, window: Extent, fresh: bool) -> Result<Vec<u8>, Trouble> {
    let mut bytes = vec![0; window.len.to_usize()];
    for (place, piece) in pieces(window).zip(bytes.chunks_mut(PIECE.to_usize())) {
        let done = match fresh {
            true => medium.read_fresh(place.start, piece),
            false => medium.read_exact_at(place.start, piece),
        };
        done.map_err(|source| failed("read", place, source))?;
    }
    Ok(bytes)
}

fn write(
    medium: &mut dyn Unmap,
    window: Extent,
    bytes: &[u8],
    stop: &mut dyn FnMut() -> bool,
) -> Result<(), Trouble> {
    for (place, piece) in pieces(window).zip(bytes.chunks(PIECE.to_usize())) {
        asked(stop)?;
        let done = medium.write_all_at(place.start, piece);
        done.map_err(|source| failed("write", place, source))?;
    }
    Ok(())
}

/// Puts back what was there, whatever fails in between, and reads it past the cache. What is not as it was comes back.
fn restore(medium: &mut dyn Unmap, plan: &Plan, before: &[u8]) -> Vec<Extent> {
    let window = plan.window;
    for (place, piece) in pieces(window).zip(before.chunks(PIECE.to_usize())) {
        if let Err(error) = medium.write_all_at(place.start, piece) {
            tracing::error!(%error, range = %place, "cannot restore");
            if is_unplugged(&error) {
                return vec![window];
            }
        }
    }
    if let Err(error) = settle(medium, window) {
        tracing::error!(%error, "cannot make sure that what was restored is durable");
        return vec![window];
    }
    let mut wrong = Vec::new();
    for (place, piece) in pieces(window).zip(before.chunks(PIECE.to_usize())) {
        let mut now = vec![0; piece.len()];
        match medium.read_fresh(place.start, &mut now) {
            // The list of differences may be cut; the piece is named whole.
            Ok(()) if now == piece => {}
            Ok(()) => wrong.push(place),
            Err(error) => {
                tracing::error!(%error, range = %place, "cannot read back what was restored");
                wrong.push(place);
            }
        }
    }
    Extent::merged(wrong)
}

fn changed_outside(
    medium: &mut dyn Unmap,
    before: &Before,
    block: Bytes,
) -> Result<Vec<Extent>, Trouble> {
    let mut changed = Vec::new();
    for (place, was) in &before.outside {
        let now = medium.read_extent(*place);
        let now = now.map_err(|source| failed("read", *place, source))?;
        changed.extend(differences(&now, was, place.start, block));
    }
    Ok(changed)
}

fn asked(stop: &mut dyn FnMut() -> bool) -> Result<(), Trouble> {
    if stop() {
        Err(Trouble::Stopped)
    } else {
        Ok(())
    }
}

fn pieces(window: Extent) -> impl Iterator<Item = Extent> {
    let count = window.len.get().div_ceil(PIECE.get());
    (0..count).map(move |index| {
        let start = Bytes::new(window.start.get() + index * PIECE.get());
        Extent::between(
            start,
            window.end().min(Bytes::new(start.get() + PIECE.get())),
        )
    })
}

fn failed(verb: &'static str, extent: Extent, source: io::Error) -> Trouble {
    Trouble::Io {
        verb,
        extent,
        source,
    }
}
