//! What the node does when sealing stopped half way: at every write and every sync power goes or the disk fails.
//!
//! The disk is the one that the stock installer leaves. Whatever happens to it, Talos must never come to a STATE that
//! it can neither open nor pass by: it would wait for it forever. keelblock's own rules judge every cut, Talos' own
//! code those in which nothing or everything that was not synced is lost.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    missing_docs,
    reason = "a test program that writes images"
)]

mod support;
#[path = "support/talos.rs"]
mod talos;

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;

use keelblock::config::spec::Spec;
use keelblock::config::{self, Source};
use keelblock::inspect::facts::Facts;
use keelblock::inspect::trial::Trying;
use keelblock::inspect::{self, Report, Verdict};
use keelblock::installer::next_boot::NextBoot;
use keelblock::plan::{Op, Plan, TableStage};
use keelblock::probe;
use keelblock::target::BlockSource as _;
use keelblock::target::testing::{Crash, Event, Faulty, Memory, Shared, Survival};
use keelblock::units::Bytes;
use serde_json::Value;
use support::lab::{CASES, Case, Lab, UUID};
use talos::{Release, call};

/// A disk as the stock installer leaves it, and one as it does on a host up to Talos 1.7.
const LEFT_BY_INSTALLER: [usize; 2] = [4, 5];

struct Stopped {
    lab: Lab,
    spec: Spec,
}

impl Stopped {
    fn new(case: &Case) -> Self {
        let path = format!(
            "{}/examples/nodes/{}",
            env!("CARGO_MANIFEST_DIR"),
            case.config
        );
        let text = std::fs::read_to_string(path).expect("an example");
        let source = Source {
            name: case.config,
            text: &text,
        };
        let spec = config::parse(&[source]).expect("a valid example");
        Self {
            lab: Lab::new(case),
            spec,
        }
    }

    fn report(&self, disk: &Memory) -> Report {
        let (content, _) = probe::inspect_source(disk);
        let trying = Trying {
            spec: Some(&self.spec),
            uuid: Some(UUID),
            memory: Bytes::GIB,
        };
        let facts = Facts::read(disk, &content, Some(trying));
        inspect::inspect(
            "the disk",
            disk.geometry(),
            &content,
            &facts,
            Some(&self.spec),
        )
    }

    /// What the node does; an error if it stops, or starts without what belongs to it.
    fn judge(&self, disk: &Memory) -> Result<&'static str, String> {
        let report = self.report(disk);
        match NextBoot::of(&report) {
            NextBoot::Stops(at) => Err(at.join("; ")),
            NextBoot::NotInstalled => Ok("not installed"),
            NextBoot::Maintenance => Ok("maintenance"),
            NextBoot::Starts => {
                let ephemeral = report
                    .partitions
                    .iter()
                    .find(|part| part.name == "EPHEMERAL");
                match ephemeral.map(|part| part.talos) {
                    Some(Verdict::Adopt) => Ok("starts"),
                    other => Err(format!("STATE is there, and EPHEMERAL {other:?}")),
                }
            }
        }
    }

    /// Every disk that a cut can leave, each once, with where it came.
    fn cuts(&self, plan: &Plan) -> Vec<(String, Memory)> {
        let (_, events) = self.lab.record(plan);
        let crash = Crash::new(&events);
        let mut seen = HashSet::new();
        let mut disks = Vec::new();
        for point in 0..crash.points() {
            let pending = crash.pending(point).len();
            for (what, survival) in survivals(pending) {
                let disk = crash.image(&self.lab.before, point, |index, _| survival[index]);
                let place = format!("after {point} of {} operations, {what}", events.len());
                if seen.insert(disk.fingerprint()) {
                    disks.push((place, disk));
                }
            }
        }
        disks
    }

    fn violations(&self, plan: &Plan) -> (BTreeSet<&'static str>, Vec<String>) {
        let mut outcomes = BTreeSet::new();
        let mut violations = Vec::new();
        for (place, disk) in self.cuts(plan) {
            match self.judge(&disk) {
                Ok(outcome) => {
                    outcomes.insert(outcome);
                }
                Err(violation) => violations.push(format!("{place}: {violation}")),
            }
        }
        (outcomes, violations)
    }
}

/// The ways in which writes that were not synced can end: all lost, all there, each alone lost, kept or torn, and every
/// beginning and end.
fn survivals(pending: usize) -> Vec<(String, Vec<Survival>)> {
    let of = |test: &dyn Fn(usize) -> Survival| (0..pending).map(test).collect::<Vec<_>>();
    let whole = |yes: bool| if yes { Survival::Whole } else { Survival::Lost };
    let mut all = vec![
        (String::from("all lost"), of(&|_| Survival::Lost)),
        (String::from("all there"), of(&|_| Survival::Whole)),
    ];
    for one in 0..pending {
        all.push((format!("{one} lost"), of(&|index| whole(index != one))));
        all.push((format!("{one} alone"), of(&|index| whole(index == one))));
        all.push((format!("up to {one}"), of(&|index| whole(index < one))));
        all.push((format!("from {one}"), of(&|index| whole(index > one))));
        for half in [Survival::FirstHalf, Survival::SecondHalf] {
            let torn = |index: usize| if index == one { half } else { Survival::Whole };
            all.push((format!("{one} torn"), of(&torn)));
        }
    }
    all
}

#[test]
fn after_a_power_cut_talos_stops_nowhere() {
    for case in LEFT_BY_INSTALLER.map(|index| &CASES[index]) {
        let stopped = Stopped::new(case);
        let (outcomes, violations) = stopped.violations(&stopped.lab.plan);
        assert_eq!(violations, Vec::<String>::new(), "{}", case.name);
        assert_eq!(
            outcomes,
            BTreeSet::from(["maintenance", "starts"]),
            "{}: a cut leaves the one or the other",
            case.name
        );
    }
}

#[test]
fn after_an_error_of_the_disk_talos_stops_nowhere() {
    for case in LEFT_BY_INSTALLER.map(|index| &CASES[index]) {
        let stopped = Stopped::new(case);
        let (_, events) = stopped.lab.record(&stopped.lab.plan);
        for number in 0..events.len() as u64 {
            let shared = Shared::new(Faulty::new(stopped.lab.before.clone(), number));
            stopped.lab.apply(shared.handle()).expect_err("the fault");
            let disk = shared.into_inner().expect("the only handle").into_inner();
            let outcome = stopped.judge(&disk);
            assert!(
                outcome.is_ok(),
                "{}: operation {number}: {outcome:?}",
                case.name
            );
        }
    }
}

/// The table before what it names.
fn table_first(plan: &Plan) -> Plan {
    let is_table = |op: &Op| {
        matches!(
            op,
            Op::Table {
                stage: TableStage::Final,
                ..
            } | Op::ProtectiveMbr
        )
    };
    let mut plan = plan.clone();
    let (first, then): (Vec<_>, Vec<_>) = plan.steps.iter().cloned().partition(|s| is_table(&s.op));
    plan.steps = [first, then].concat();
    plan.sealed()
}

/// META's tag after the table.
fn meta_last(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let is_meta = |op: &Op| matches!(op, Op::Meta { .. });
    let (last, mut then): (Vec<_>, Vec<_>) =
        plan.steps.iter().cloned().partition(|s| is_meta(&s.op));
    let publish = then
        .iter()
        .rposition(|s| s.op == Op::Publish)
        .expect("a step");
    then.splice(publish..publish, last);
    plan.steps = then;
    plan.sealed()
}

#[test]
fn another_order_of_the_steps_would_be_noticed() {
    let stopped = Stopped::new(&CASES[LEFT_BY_INSTALLER[0]]);
    for (what, plan) in [
        ("the table first", table_first(&stopped.lab.plan)),
        ("META last", meta_last(&stopped.lab.plan)),
    ] {
        let noticed = stopped
            .cuts(&plan)
            .iter()
            .any(|(_, disk)| stopped.judge(disk).is_err());
        assert!(noticed, "{what}");
    }
}

/// The disk as a file, for programs that read files.
fn image(disk: &Memory) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let geometry = disk.geometry();
    let blank = Memory::new(geometry.size, geometry.logical);
    let handle: &File = file.as_file();
    handle.set_len(geometry.size.get()).expect("a sparse file");
    for extent in disk.differences(&blank, usize::MAX) {
        let bytes = disk.read_extent(extent).expect("memory");
        handle
            .write_all_at(&bytes, extent.start.get())
            .expect("room");
    }
    file
}

/// Talos' own prober and META reader: what it finds of STATE, and whether META opens it.
fn as_talos(disk: &Memory, block: &str) -> Result<&'static str, String> {
    let file = image(disk);
    let path = file.path().to_str().expect("a path of text");
    let probed = call(Release::V1_14, &["probe", path, block], b"").remove(0);
    let empty = Vec::new();
    let parts = probed["parts"].as_array().unwrap_or(&empty);
    let named = |name: &str| parts.iter().find(|part| part["partition_label"] == name);
    let Some(meta) = named("META") else {
        return Ok("not installed");
    };
    let at = meta["offset"].to_string();
    let tags = call(Release::V1_14, &["meta", path, &at], b"").remove(0);
    let opens = tags["state"] != Value::Null;
    match named("STATE").map(|part| part["name"].as_str().unwrap_or_default()) {
        None | Some("") => Ok("maintenance"),
        Some("luks") if opens => Ok("starts"),
        Some(other) => Err(format!(
            "STATE holds {other}, META opens it: {opens}; {tags}"
        )),
    }
}

#[test]
fn talos_own_code_finds_state_absent_empty_or_complete() {
    for case in LEFT_BY_INSTALLER.map(|index| &CASES[index]) {
        let stopped = Stopped::new(case);
        let (_, events) = stopped.lab.record(&stopped.lab.plan);
        let crash = Crash::new(&events);
        let block = case.block.get().to_string();
        let mut outcomes = BTreeSet::new();
        // Between two syncs nothing is durable but what the last one left, so points are tried from sync to sync.
        let syncs = |point: &usize| matches!(events.get(*point), None | Some(Event::Sync));
        for point in (0..crash.points()).filter(syncs) {
            for survival in [Survival::Lost, Survival::Whole, Survival::FirstHalf] {
                let disk = crash.image(&stopped.lab.before, point, |_, _| survival);
                let outcome = as_talos(&disk, &block);
                let place = format!("{}: {survival:?} at {point}", case.name);
                outcomes.insert(outcome.unwrap_or_else(|wrong| panic!("{place}: {wrong}")));
            }
        }
        assert!(outcomes.contains("maintenance"), "{outcomes:?}");
        assert!(outcomes.contains("starts"), "{outcomes:?}");
    }
}
