//! Power cuts: at every write and every sync of every example plan, with what was not synced lost, reordered or torn.
//!
//! At each point the disk must be as it was, or done, or recognisably unfinished; no table that a reader accepts may name
//! a partition that is not complete; what the plan keeps never changes; and a second run ends at the very same bytes as
//! an uninterrupted one.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

mod support;

use std::collections::{BTreeSet, HashSet};

use keelblock::apply::receipt::Outcome;
use keelblock::partitioner::gpt::{self, Gpt};
use keelblock::partitioner::meta::Meta;
use keelblock::plan::{Action, ContentPlan, Op, PartitionPlan, Plan, Step};
use keelblock::probe::marker::{self, MARKER_EXTENT};
use keelblock::target::BlockSource as _;
use keelblock::target::testing::{Crash, Event, Memory, Shared, Survival};
use keelblock::units::{Bytes, Extent};
use support::cuts::{Cut, cuts, describe};
use support::lab::{CASES, Case, EMPTY_META, Lab};

/// What is wrong with a disk after a cut.
type Violation = String;

struct Rehearsal<'a> {
    lab: &'a Lab,
    plan: &'a Plan,
    done: Memory,
    events: Vec<Event>,
}

impl<'a> Rehearsal<'a> {
    fn new(lab: &'a Lab, plan: &'a Plan) -> Self {
        let (done, events) = lab.record(plan);
        Self {
            lab,
            plan,
            done,
            events,
        }
    }

    fn image(&self, cut: &Cut) -> Memory {
        Crash::new(&self.events).image(&self.lab.before, cut.point, |index, _| cut.survival[index])
    }

    fn check(&self, cut: &Cut) -> Result<(), Violation> {
        let disk = self.image(cut);
        self.recognisable(&disk)?;
        self.kept(&disk)?;
        self.named_is_complete(&disk)?;
        self.no_resurrection(&disk)
    }

    /// As it was, done, or marked.
    fn recognisable(&self, disk: &Memory) -> Result<(), Violation> {
        let same = |other: &Memory| {
            outside_mark(&disk.differences(other, usize::MAX))
                .next()
                .is_none()
        };
        if same(&self.lab.before) || same(&self.done) {
            return Ok(());
        }
        let mark = disk.read_extent(MARKER_EXTENT).expect("memory");
        match marker::decode(&mark) {
            Some(id) if id == self.plan.id => Ok(()),
            _ => Err(String::from("changed, not done, and not marked")),
        }
    }

    /// Kept partitions are as before; META has a whole copy if it had one.
    fn kept(&self, disk: &Memory) -> Result<(), Violation> {
        let differences = disk.differences(&self.lab.before, usize::MAX);
        for partition in self.plan.disks[0]
            .partitions
            .iter()
            .filter(|p| p.action == Action::Keep)
        {
            if matches!(partition.content, ContentPlan::Meta { .. }) {
                let bytes = disk.read_extent(partition.extent()).expect("memory");
                let before = self.lab.before.read_extent(partition.extent());
                let before = Meta::decode(&before.expect("memory")).expect("sound before");
                // A META that held nothing has no whole copy while its first one is written.
                if before.tags().next().is_none() {
                    continue;
                }
                let meta = Meta::decode(&bytes).map_err(|error| format!("META: {error}"))?;
                if meta.get(0x0a).is_none() {
                    return Err(String::from("META lost a tag that was to be kept"));
                }
            } else if differences.iter().any(|d| d.overlaps(partition.extent())) {
                return Err(format!("{} was to be kept and changed", partition.name));
            }
        }
        Ok(())
    }

    /// Whatever table a reader accepts, primary or backup: what it names is there.
    fn named_is_complete(&self, disk: &Memory) -> Result<(), Violation> {
        let found = gpt::read(disk).expect("memory");
        let kept = |p: &&PartitionPlan| p.action == Action::Keep;
        for partition in self.plan.disks[0].partitions.iter().filter(kept) {
            let named = |table: &Gpt| {
                table
                    .get(partition.number)
                    .is_some_and(|entry| entry.guid == partition.guid)
            };
            if !found.table().is_some_and(named) {
                return Err(format!("no table names {} any more", partition.name));
            }
        }
        for table in [found.primary.table(), found.backup.table()]
            .into_iter()
            .flatten()
        {
            // A backup that disagrees with a sound primary is nobody's table.
            let counts = found.table() == Some(table);
            if counts {
                self.complete(disk, table)?;
            }
        }
        Ok(())
    }

    fn complete(&self, disk: &Memory, table: &Gpt) -> Result<(), Violation> {
        let to_done = disk.differences(&self.done, usize::MAX);
        let to_before = disk.differences(&self.lab.before, usize::MAX);
        let wiped: Vec<Extent> = self.plan.disks[0]
            .wipe
            .iter()
            .flat_map(|wipe| wipe.extents.clone())
            .collect();
        // An empty partition that was there before may still be empty.
        let untouched = |p: &PartitionPlan| !to_before.iter().any(|d| d.overlaps(p.extent()));
        for (number, entry) in table.partitions() {
            let made = |p: &&PartitionPlan| {
                p.number == number && p.guid == entry.guid && p.action != Action::Keep
            };
            match self.plan.disks[0].partitions.iter().find(made) {
                Some(partition) if partition.action == Action::Seal && untouched(partition) => {}
                Some(partition) if to_done.iter().any(|d| d.overlaps(partition.extent())) => {
                    return Err(format!("{} is named and not complete", partition.name));
                }
                Some(_) => {}
                None => {
                    let extent = entry
                        .extent(disk.geometry().logical)
                        .expect("a sound entry");
                    let wiped = |d: &Extent| wiped.iter().any(|w| w.overlaps(*d));
                    let kept_meta = entry.name.is("META");
                    let changed = to_before.iter().any(|d| d.overlaps(extent) && !wiped(d));
                    if changed && !kept_meta {
                        return Err(format!(
                            "the old partition {number} is still named, and was overwritten"
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    /// Once no reader sees the old table, no signature of its partitions is left that a later table could revive.
    fn no_resurrection(&self, disk: &Memory) -> Result<(), Violation> {
        let before = gpt::read(&self.lab.before).expect("memory");
        let Some(old) = before.table().filter(|_| self.plan.disks[0].fresh) else {
            return Ok(());
        };
        let now = gpt::read(disk).expect("memory");
        if now
            .table()
            .is_some_and(|table| table.disk_guid() == old.disk_guid())
        {
            return Ok(());
        }
        for wipe in self.plan.disks[0].wipe.iter().filter(|wipe| !wipe.table) {
            for extent in &wipe.extents {
                let overwritten = outside_mark(&disk.differences(&self.lab.before, usize::MAX))
                    .any(|d| d.overlaps(*extent));
                if !overwritten {
                    return Err(format!(
                        "the old table is gone, and {} is still there",
                        wipe.why
                    ));
                }
            }
        }
        Ok(())
    }

    fn rerun(&self, cut: &Cut) -> Result<(), Violation> {
        let shared = Shared::new(self.image(cut));
        let receipt = self
            .lab
            .apply_plan(self.plan, shared.handle())
            .map_err(|error| format!("second run: {error:?}"))?;
        let disk = shared.into_inner().expect("the only handle");
        let differences = disk.differences(&self.done, 4);
        if !differences.is_empty() {
            return Err(format!(
                "the second run ({:?}) ended elsewhere: {differences:?}",
                receipt.outcome
            ));
        }
        Ok(())
    }

    /// The first violation over all cuts, as the smallest cut that shows it.
    fn first_violation(&self, rerun: bool) -> Option<(Cut, Violation)> {
        let mut seen = HashSet::new();
        for point in 0..Crash::new(&self.events).points() {
            for cut in cuts(&self.events, point) {
                // Losing a write of zeros to a blank disk changes nothing: the same image need not be tried again.
                if rerun && !seen.insert(self.image(&cut).fingerprint()) {
                    continue;
                }
                // While filesystems are written there are hundreds of images at a point, and to a second run they are
                // all alike: every few of them are tried.
                let few = Crash::new(&self.events).pending(point).len() <= 4;
                let rerun = rerun && (few || seen.len() % 4 == 0);
                let violation = self
                    .check(&cut)
                    .and_then(|()| if rerun { self.rerun(&cut) } else { Ok(()) });
                if let Err(violation) = violation {
                    return Some(self.shrink(cut, violation, rerun));
                }
            }
        }
        None
    }

    /// Lets as many writes as possible survive whole while the violation stays.
    fn shrink(&self, mut cut: Cut, mut violation: Violation, rerun: bool) -> (Cut, Violation) {
        for index in 0..cut.survival.len() {
            let mut smaller = cut.clone();
            smaller.survival[index] = Survival::Whole;
            let result = self
                .check(&smaller)
                .and_then(|()| if rerun { self.rerun(&smaller) } else { Ok(()) });
            if let Err(still) = result {
                (cut, violation) = (smaller, still);
            }
        }
        (cut, violation)
    }
}

fn outside_mark(extents: &[Extent]) -> impl Iterator<Item = &Extent> {
    extents
        .iter()
        .filter(|extent| !MARKER_EXTENT.contains(**extent))
}

fn holds(case: &Case) {
    let lab = Lab::new(case);
    let rehearsal = Rehearsal::new(&lab, &lab.plan);
    if let Some((cut, violation)) = rehearsal.first_violation(true) {
        panic!(
            "{}: {violation}\n{}",
            case.name,
            describe(&rehearsal.events, &cut)
        );
    }
}

#[test]
fn a_cut_while_making_a_uki_disk_is_recognised_and_converges() {
    holds(&CASES[0]);
}

#[test]
fn a_cut_while_making_a_grub_disk_is_recognised_and_converges() {
    holds(&CASES[1]);
}

#[test]
fn a_cut_while_making_a_4096_byte_disk_is_recognised_and_converges() {
    holds(&CASES[2]);
}

#[test]
fn a_cut_while_replacing_foreign_data_is_recognised_and_converges() {
    holds(&CASES[3]);
}

#[test]
fn a_cut_while_completing_an_installed_disk_is_recognised_and_converges() {
    holds(&CASES[4]);
}

#[test]
fn a_cut_while_sealing_an_empty_state_in_place_is_recognised_and_converges() {
    holds(&CASES[5]);
}

#[test]
fn a_cut_while_writing_an_empty_meta_is_recognised_and_converges() {
    holds(&EMPTY_META);
}

#[test]
fn a_cut_while_making_a_data_disk_is_recognised_and_converges() {
    holds(&CASES[6]);
}

#[test]
fn an_uninterrupted_run_repeated_writes_nothing() {
    for case in CASES {
        let lab = Lab::new(case);
        let (done, _) = lab.record(&lab.plan);
        let shared = Shared::new(done);
        let receipt = lab.apply(shared.handle()).expect("a second run");
        assert_eq!(
            (receipt.outcome, receipt.writes),
            (Outcome::Converged, 0),
            "{}",
            case.name
        );
    }
}

/// The plan without its `skip`-th sync.
fn without_sync(plan: &Plan, skip: usize) -> Plan {
    let mut seen = 0;
    let keep = |step: &Step| {
        let is_sync = step.op == Op::Sync;
        seen += usize::from(is_sync);
        !(is_sync && seen == skip + 1)
    };
    let mut keep = keep;
    let mut plan = plan.clone();
    plan.steps.retain(|step| keep(step));
    plan.sealed()
}

/// What stands right before each sync of a plan, in words.
fn syncs(plan: &Plan) -> Vec<String> {
    let word = |op: &Op| {
        serde_json::to_value(op).expect("JSON")["op"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut last = String::new();
    let mut syncs = Vec::new();
    for step in &plan.steps {
        match &step.op {
            Op::Sync => syncs.push(last.clone()),
            Op::Table { piece, stage } => last = format!("{piece:?} {stage:?}"),
            op => last = word(op),
        }
    }
    syncs
}

#[test]
fn leaving_out_a_sync_is_noticed() {
    // Syncs that only shorten the window of a cut, because another one stands behind them before anything relies on
    // them: META's copies sync themselves; a primary table whose pieces arrive in any order is a damaged one, for which
    // the durable backup stands in; the last sync is behind the work.
    let spare = BTreeSet::from([
        "meta",
        "PrimaryEntries Final",
        "PrimaryEntries Without",
        "PrimaryHeader Final",
        "PrimaryHeader Without",
        "unmark",
    ]);
    let mut all = BTreeSet::new();
    let mut noticed = BTreeSet::new();
    for case in &CASES[3..] {
        let lab = Lab::new(case);
        for (index, after) in syncs(&lab.plan).into_iter().enumerate() {
            let plan = without_sync(&lab.plan, index);
            if Rehearsal::new(&lab, &plan).first_violation(false).is_some() {
                noticed.insert(after.clone());
            }
            all.insert(after);
        }
    }
    let unnoticed: Vec<&String> = all
        .difference(&noticed)
        .filter(|after| !spare.contains(after.as_str()))
        .collect();
    assert!(
        unnoticed.is_empty(),
        "nobody noticed a missing sync after {unnoticed:?}; noticed: {noticed:?}"
    );
    assert!(noticed.len() >= 5, "{noticed:?}");
}

#[test]
fn the_model_can_lose_tear_and_reorder() {
    let before = Memory::new(Bytes::MIB, keelblock::units::BlockSize::B512);
    let events = [
        Event::Write(Bytes::ZERO, vec![1; 1024]),
        Event::Sync,
        Event::Write(Bytes::ZERO, vec![2; 1024]),
        Event::Write(Bytes::new(4096), vec![3; 512]),
    ];
    let crash = Crash::new(&events);
    let at = |disk: &Memory, at: u64| {
        disk.read_extent(Extent::new(Bytes::new(at), Bytes::new(1)))
            .expect("memory")[0]
    };
    let lost = crash.image(&before, 4, |_, _| Survival::Lost);
    assert_eq!((at(&lost, 0), at(&lost, 4096)), (1, 0));
    let reordered = crash.image(&before, 4, |index, _| {
        if index == 1 {
            Survival::Whole
        } else {
            Survival::Lost
        }
    });
    assert_eq!((at(&reordered, 0), at(&reordered, 4096)), (1, 3));
    let torn = crash.image(&before, 4, |_, _| Survival::FirstHalf);
    assert_eq!((at(&torn, 0), at(&torn, 512)), (2, 1));
}
