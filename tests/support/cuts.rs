//! The ways in which power can go during a recorded run.
#![allow(dead_code, reason = "each test file takes what it needs")]

use keelblock::target::testing::{Crash, Event, Survival};

/// One way in which power can go.
#[derive(Clone, Debug)]
pub struct Cut {
    /// After how many operations.
    pub point: usize,
    /// What became of each write that was not synced.
    pub survival: Vec<Survival>,
}

/// The ways that are tried at one point: nothing, everything, each write alone lost, alone kept, alone torn, and
/// every prefix and suffix of what is pending; all subsets where there are few.
pub fn cuts(events: &[Event], point: usize) -> Vec<Cut> {
    let pending = Crash::new(events).pending(point).len();
    let mut cuts = Vec::new();
    let mut push = |survival: Vec<Survival>| cuts.push(Cut { point, survival });
    let whole_if = |test: &dyn Fn(usize) -> bool| -> Vec<Survival> {
        (0..pending)
            .map(|index| {
                if test(index) {
                    Survival::Whole
                } else {
                    Survival::Lost
                }
            })
            .collect()
    };
    if pending <= 4 {
        for subset in 0..1usize << pending {
            push(whole_if(&|index| subset >> index & 1 == 1));
        }
    } else {
        push(whole_if(&|_| false));
        push(whole_if(&|_| true));
        for one in 0..pending {
            push(whole_if(&|index| index != one));
            push(whole_if(&|index| index == one));
            push(whole_if(&|index| index < one));
            push(whole_if(&|index| index > one));
        }
    }
    for torn in 0..pending {
        for half in [Survival::FirstHalf, Survival::SecondHalf] {
            let mut survival = whole_if(&|_| true);
            survival[torn] = half;
            push(survival);
        }
    }
    cuts
}

/// A cut for a failure message.
pub fn describe(events: &[Event], cut: &Cut) -> String {
    let crash = Crash::new(events);
    let event = |event: &Event| match event {
        Event::Write(at, bytes) => format!("write {} bytes at {}", bytes.len(), at.get()),
        Event::Zero(extent) => format!("zero {extent}"),
        other => format!("{other:?}"),
    };
    let lost: Vec<String> = crash
        .pending(cut.point)
        .iter()
        .zip(&cut.survival)
        .filter(|(_, survival)| **survival != Survival::Whole)
        .map(|(e, survival)| format!("{}: {survival:?}", event(e)))
        .collect();
    format!(
        "power cut after {} of {} operations; not whole: {lost:#?}",
        cut.point,
        events.len()
    )
}
