//! What a disk may hold after the power went, given what was done to it.
//!
//! The model of a volatile write cache: everything before the last sync is durable; of what came after it
//! any subset may have reached the medium, in any order, and each write whole, torn at a sector, or not at all.

use super::{Event, Memory};
use crate::units::{Bytes, Extent};

/// Replays recorded events up to a point, and loses some of what was not synced.
#[derive(Clone, Debug)]
pub struct Crash<'a> {
    events: &'a [Event],
}

impl<'a> Crash<'a> {
    /// Over the events of one run.
    pub const fn new(events: &'a [Event]) -> Self {
        Self { events }
    }

    /// The number of points at which power can go: before the first event, and after each.
    pub const fn points(&self) -> usize {
        self.events.len() + 1
    }

    /// The events before `point` that no sync has made durable.
    pub fn pending(&self, point: usize) -> &'a [Event] {
        let done = &self.events[..point];
        let from = done
            .iter()
            .rposition(|event| *event == Event::Sync)
            .map_or(0, |at| at + 1);
        &done[from..]
    }

    /// The disk after power went at `point`: `before`, everything durable, and what `survives` says of each
    /// pending event (its index, and the event).
    pub fn image(
        &self,
        before: &Memory,
        point: usize,
        survives: impl Fn(usize, &Event) -> Survival,
    ) -> Memory {
        let mut disk = before.clone();
        let pending = self.pending(point).len();
        for event in &self.events[..point - pending] {
            apply(&mut disk, event, Survival::Whole);
        }
        for (index, event) in self.pending(point).iter().enumerate() {
            apply(&mut disk, event, survives(index, event));
        }
        disk
    }
}

/// How much of a write reached the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// All of it.
    Whole,
    /// Nothing of it.
    Lost,
    /// The first half of it, in whole sectors of 512 bytes.
    FirstHalf,
    /// The second half of it.
    SecondHalf,
}

fn apply(disk: &mut Memory, event: &Event, survival: Survival) {
    let extent = match event {
        Event::Write(at, bytes) => Extent::new(*at, Bytes::from(bytes.len())),
        Event::Zero(extent) | Event::Discard(extent) => *extent,
        Event::Sync | Event::Publish => return,
    };
    let half = Bytes::new(extent.len.get() / 2).align_down(Bytes::new(512));
    let part = match survival {
        Survival::Whole => extent,
        Survival::Lost => return,
        Survival::FirstHalf => Extent::new(extent.start, half),
        Survival::SecondHalf => {
            Extent::between(Bytes::new(extent.start.get() + half.get()), extent.end())
        }
    };
    match event {
        Event::Write(at, bytes) => {
            let from = usize::try_from(part.start.get() - at.get()).expect("inside the write");
            disk.put(part.start, &bytes[from..from + part.len.to_usize()]);
        }
        _ => disk.clear(part),
    }
}
