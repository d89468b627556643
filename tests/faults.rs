//! I/O errors: each operation of every example plan fails once.
//!
//! The error names the disk and the step, nothing is attempted after it, and a second run ends at the very same bytes
//! as an undisturbed one.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

mod support;

use std::error::Error as _;

use keelblock::apply::ApplyError;
use keelblock::apply::execute::StepError;
use keelblock::target::testing::{Faulty, Shared};
use support::lab::{CASES, Lab};

fn every_fault(case: &support::lab::Case) {
    let lab = Lab::new(case);
    let (done, events) = lab.record(&lab.plan);
    let mut step_names = std::collections::BTreeSet::new();
    for number in 0..events.len() as u64 {
        let shared = Shared::new(Faulty::new(lab.before.clone(), number));
        let error = lab.apply(shared.handle()).expect_err("the fault");
        let ApplyError::Step {
            disk,
            source: StepError::Io { name, source, .. },
        } = &error
        else {
            panic!("{}: operation {number}: {error:?}", case.name);
        };
        assert_eq!(
            source.raw_os_error(),
            Some(5),
            "{}: operation {number}: {source}",
            case.name
        );
        assert!(
            disk.contains("serial LAB") && name.contains("/dev/lab"),
            "{disk}: {name}"
        );
        assert!(error.source().is_some(), "the cause is told");
        step_names.insert(name.clone());
        let faulty = shared.into_inner().expect("the only handle");
        assert_eq!(
            faulty.attempted(),
            number + 1,
            "{}: something was attempted after {name}",
            case.name
        );

        let again = Shared::new(faulty.into_inner());
        lab.apply(again.handle())
            .unwrap_or_else(|error| panic!("{}: second run: {error:?}", case.name));
        let disk = again.into_inner().expect("the only handle");
        assert_eq!(
            disk.differences(&done, 3),
            [],
            "{}: after a fault at {name}",
            case.name
        );
    }
    assert!(step_names.len() > 8, "{}: {step_names:?}", case.name);
}

#[test]
fn a_fault_while_making_a_disk_stops_everything_and_the_next_run_converges() {
    for case in &CASES[..3] {
        every_fault(case);
    }
}

#[test]
fn a_fault_while_replacing_foreign_data_stops_everything_and_the_next_run_converges() {
    every_fault(&CASES[3]);
}

#[test]
fn a_fault_while_completing_a_disk_stops_everything_and_the_next_run_converges() {
    for case in &CASES[4..] {
        every_fault(case);
    }
}

#[test]
fn a_disk_that_changed_since_it_was_planned_is_not_written() {
    for case in CASES {
        let lab = Lab::new(case);
        let mut changed = lab.before.clone();
        changed.put(
            keelblock::units::Bytes::new(4096 * 40),
            b"somebody was here",
        );
        let shared = Shared::new(changed.clone());
        let error = lab.apply(shared.handle()).expect_err("a refusal");
        assert!(
            matches!(error, ApplyError::Refused { .. }),
            "{}: {error:?}",
            case.name
        );
        assert_eq!(
            shared.into_inner().expect("the only handle"),
            changed,
            "{}",
            case.name
        );
    }
}

#[test]
fn a_plan_that_was_edited_is_not_applied() {
    let lab = Lab::new(&CASES[0]);
    let mut plan = lab.plan.clone();
    plan.disks[0].partitions[0].size = keelblock::units::Bytes::mib(7);
    let shared = Shared::new(lab.before.clone());
    let error = lab
        .apply_plan(&plan, shared.handle())
        .expect_err("a refusal");
    assert!(matches!(error, ApplyError::Damaged(_)), "{error:?}");
    assert!(shared.into_inner().expect("the only handle").is_zero());
}
