//! Power cuts during a reset: at every write and every sync, with what was not synced lost, reordered or torn.
//!
//! At each point the disk is as it was, or done, or recognisably unfinished; whoever reads either copy of the table
//! finds no STATE but one that is whole and that META opens; what is kept never changes; and a second run, with the
//! same plan or with none, ends where an uninterrupted one does.
#![allow(clippy::expect_used, missing_docs, reason = "a test program")]

mod support;

use std::collections::{BTreeSet, HashSet};

use keelblock::apply::receipt::Outcome;
use keelblock::partitioner::gpt::{self, Gpt};
use keelblock::partitioner::meta::{Meta, tag};
use keelblock::plan::{Action, Op, PartitionPlan, Plan, TableStage};
use keelblock::probe::marker::{self, MARKER_EXTENT};
use keelblock::target::BlockSource as _;
use keelblock::target::testing::{Crash, Event, Memory, Recorder, Shared, Survival};
use keelblock::units::{Bytes, Extent};
use support::cuts::{Cut, cuts, describe};
use support::lab::Lab;
use support::reset_lab::{self, RESETS, Reset};

/// What is wrong with a disk after a cut.
type Violation = String;

struct Rehearsal<'a> {
    lab: &'a Lab,
    plan: &'a Plan,
    reseal: bool,
    /// The disk before the run that is cut.
    before: Memory,
    done: Memory,
    events: Vec<Event>,
}

impl<'a> Rehearsal<'a> {
    fn new(lab: &'a Lab, plan: &'a Plan, reseal: bool) -> Self {
        let (done, events) = lab.record(plan);
        Self {
            lab,
            plan,
            reseal,
            before: lab.before.clone(),
            done,
            events,
        }
    }

    /// The run that goes on where another was cut.
    fn continued(&self, before: Memory) -> Self {
        let shared = Shared::new(Recorder::new(before.clone()));
        self.lab
            .apply_plan(self.plan, shared.handle())
            .expect("a second run");
        let (_, events) = shared.into_inner().expect("the only handle").into_parts();
        Self {
            before,
            done: self.done.clone(),
            events,
            ..*self
        }
    }

    fn image(&self, cut: &Cut) -> Memory {
        Crash::new(&self.events).image(&self.before, cut.point, |index, _| cut.survival[index])
    }

    fn check(&self, disk: &Memory) -> Result<(), Violation> {
        self.recognisable(disk)?;
        self.kept(disk)?;
        let found = gpt::read(disk).expect("memory");
        if found.table().is_none() {
            return Err(String::from("neither copy of the table can be read"));
        }
        for table in [found.primary.table(), found.backup.table()]
            .into_iter()
            .flatten()
        {
            self.nothing_hangs(disk, table)?;
        }
        Ok(())
    }

    /// As it was, done, or marked.
    fn recognisable(&self, disk: &Memory) -> Result<(), Violation> {
        let same = |other: &Memory| {
            let differences = disk.differences(other, usize::MAX);
            differences.iter().all(|d| MARKER_EXTENT.contains(*d))
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

    fn gone(&self) -> impl Iterator<Item = &PartitionPlan> {
        let disk = &self.plan.disks[0];
        disk.erase
            .iter()
            .map(|erase| &disk.partitions[erase.partition])
    }

    /// Every byte but those of the volumes, the table, the mark and META's copies is as before.
    fn kept(&self, disk: &Memory) -> Result<(), Violation> {
        let block = disk.geometry().logical.bytes();
        let meta = reset_lab::part(self.plan, "META").extent();
        let mut free: Vec<Extent> = self.gone().map(PartitionPlan::extent).collect();
        free.push(MARKER_EXTENT);
        free.push(Extent::new(meta.start, Bytes::new(512 << 10)));
        // Protective MBR, header and entries.
        free.push(Extent::new(
            Bytes::ZERO,
            Bytes::new(block.get() * 2 + 16384),
        ));
        let tail = Bytes::new(block.get() + 16384);
        free.push(Extent::new(disk.geometry().size.saturating_sub(tail), tail));
        let changed = disk.differences(&self.lab.before, usize::MAX);
        let page = |extent: &Extent| {
            let start = extent.start.align_down(Bytes::new(4096));
            Extent::between(
                start,
                extent.end().align_up(Bytes::new(4096)).expect("small"),
            )
        };
        if let Some(wrong) = changed
            .iter()
            .find(|d| !free.iter().any(|f| page(f).contains(**d)))
        {
            return Err(format!("{wrong} was to be kept and changed"));
        }
        let code = |disk: &Memory| {
            let code = Extent::new(Bytes::ZERO, Bytes::new(440));
            disk.read_extent(code).expect("memory")
        };
        if code(disk) != code(&self.lab.before) {
            return Err(String::from("the boot code changed"));
        }
        let bytes = disk.read_extent(meta).expect("memory");
        let tags = Meta::decode(&bytes).map_err(|error| format!("META: {error}"))?;
        if tags.get(0x0a).map(|value| value.expose()) != Some(b"a network platform") {
            return Err(String::from("META lost a tag that was to be kept"));
        }
        Ok(())
    }

    /// A table names every kept partition, and a volume only if Talos can open it.
    fn nothing_hangs(&self, disk: &Memory, table: &Gpt) -> Result<(), Violation> {
        let partitions = &self.plan.disks[0].partitions;
        for partition in partitions.iter().filter(|p| p.action == Action::Keep) {
            let entry = table.get(partition.number);
            if !entry.is_some_and(|e| e.guid == partition.guid && e.name.is(&partition.name)) {
                return Err(format!("a table names {} no more", partition.name));
            }
        }
        for partition in self.gone() {
            let named = table
                .partitions()
                .any(|(_, entry)| entry.name.is(&partition.name));
            if !named {
                continue;
            }
            let as_in = |other: &Memory| {
                let differences = disk.differences(other, usize::MAX);
                let whole = !differences.iter().any(|d| d.overlaps(partition.extent()));
                whole && (partition.name != "STATE" || tag9(disk) == tag9(other))
            };
            let done = || partition.is_made() && as_in(&self.done);
            if !(as_in(&self.lab.before) || done()) {
                return Err(format!(
                    "{} is named, and Talos hangs at it",
                    partition.name
                ));
            }
        }
        Ok(())
    }

    /// The same plan again.
    fn rerun(&self, disk: &Memory) -> Result<(), Violation> {
        let shared = Shared::new(disk.clone());
        self.lab
            .apply_plan(self.plan, shared.handle())
            .map_err(|error| format!("second run: {error:?}"))?;
        let ended = shared.into_inner().expect("the only handle");
        let differences = ended.differences(&self.done, 4);
        if !differences.is_empty() {
            return Err(format!("the second run ended elsewhere: {differences:?}"));
        }
        Ok(())
    }

    /// A reset that knows of no plan.
    fn rerun_without_plan(&self, disk: &Memory) -> Result<(), Violation> {
        let fresh = reset_lab::plan(self.lab, disk, false)
            .map_err(|error| format!("no second plan: {error:?}"))?;
        let shared = Shared::new(disk.clone());
        self.lab
            .apply_plan(&fresh, shared.handle())
            .map_err(|error| format!("second reset: {error:?}"))?;
        let ended = shared.into_inner().expect("the only handle");
        self.is_reset(&ended)
    }

    /// What a reset without sealing again leaves, whatever was before.
    fn is_reset(&self, disk: &Memory) -> Result<(), Violation> {
        let found = gpt::read(disk).expect("memory");
        let names: Vec<String> = found
            .table()
            .into_iter()
            .flat_map(|table| table.partitions())
            .map(|(_, entry)| entry.name.to_string())
            .collect();
        if !found.defects().is_empty() || names.iter().any(|n| n.contains("STATE")) {
            return Err(format!("not reset: {names:?}, {:?}", found.defects()));
        }
        if tag9(disk).is_some() {
            return Err(String::from("META still says how to open STATE"));
        }
        let mark = disk.read_extent(MARKER_EXTENT).expect("memory");
        if mark.iter().any(|byte| *byte != 0) {
            return Err(String::from("still marked"));
        }
        for partition in self.gone() {
            let head = Extent::new(partition.start, reset_lab::HEAD);
            let head = disk.read_extent(head).expect("memory");
            if head.iter().any(|byte| *byte != 0) {
                return Err(format!("keys of {} are left", partition.name));
            }
        }
        if !self.reseal && !disk.differences(&self.done, 1).is_empty() {
            return Err(String::from("another reset ends elsewhere"));
        }
        Ok(())
    }

    /// The first violation over all cuts, as the smallest cut that shows it.
    fn first_violation(&self, rerun: bool) -> Option<(Cut, Violation)> {
        let mut seen = HashSet::new();
        for point in 0..Crash::new(&self.events).points() {
            for cut in cuts(&self.events, point) {
                let disk = self.image(&cut);
                if !seen.insert(disk.fingerprint()) {
                    continue;
                }
                let mut result = self.check(&disk);
                // While filesystems are written there are hundreds of images at a point. To a second run they are
                // all alike, and to a reset without a plan even more so: every few of them are tried.
                let few = Crash::new(&self.events).pending(point).len() <= 4;
                if rerun && (few || seen.len() % 8 == 0) {
                    result = result.and_then(|()| self.rerun(&disk));
                }
                if rerun && (few || seen.len() % 32 == 0) {
                    result = result.and_then(|()| self.rerun_without_plan(&disk));
                }
                if let Err(violation) = result {
                    return Some((cut, violation));
                }
            }
        }
        None
    }
}

fn tag9(disk: &Memory) -> Option<Vec<u8>> {
    let found = gpt::read(disk).expect("memory");
    let table = found.table()?;
    let (_, entry) = table.partitions().find(|(_, e)| e.name.is("META"))?;
    let extent = entry.extent(disk.geometry().logical)?;
    let meta = Meta::decode(&disk.read_extent(extent).expect("memory")).ok()?;
    meta.get(tag::STATE_ENCRYPTION).map(|v| v.expose().to_vec())
}

fn holds(reset: &Reset) {
    let lab = reset_lab::new(reset);
    let rehearsal = Rehearsal::new(&lab, &lab.plan, reset.reseal);
    if let Some((cut, violation)) = rehearsal.first_violation(true) {
        let events = &rehearsal.events;
        panic!("{}: {violation}\n{}", reset.name, describe(events, &cut));
    }
}

#[test]
fn a_cut_while_a_sealed_node_is_reset_is_recognised_and_converges() {
    RESETS[..3].iter().for_each(holds);
}

#[test]
fn a_cut_while_a_plain_node_is_reset_is_recognised_and_converges() {
    RESETS[3..5].iter().for_each(holds);
}

#[test]
fn a_cut_while_a_node_is_sealed_again_is_recognised_and_converges() {
    RESETS[5..9].iter().for_each(holds);
}

#[test]
fn a_cut_while_a_damaged_table_is_reset_is_recognised_and_converges() {
    RESETS[9..].iter().for_each(holds);
}

/// A second cut, in the run that continues after a first one.
#[test]
fn a_second_cut_is_no_worse_than_the_first() {
    for reset in [&RESETS[0], &RESETS[9]] {
        let lab = reset_lab::new(reset);
        let first = Rehearsal::new(&lab, &lab.plan, reset.reseal);
        let mut seen = HashSet::new();
        for point in 0..Crash::new(&first.events).points() {
            let pending = Crash::new(&first.events).pending(point).len();
            for survival in [Survival::Lost, Survival::FirstHalf] {
                let cut = Cut {
                    point,
                    survival: vec![survival; pending],
                };
                let disk = first.image(&cut);
                if !seen.insert(disk.fingerprint()) {
                    continue;
                }
                let second = first.continued(disk);
                if let Some((again, violation)) = second.first_violation(false) {
                    panic!(
                        "{}: {violation}\nfirst {}\nthen {}",
                        reset.name,
                        describe(&first.events, &cut),
                        describe(&second.events, &again)
                    );
                }
            }
        }
    }
}

#[test]
fn a_reset_repeated_writes_nothing() {
    for reset in RESETS {
        let lab = reset_lab::new(reset);
        let (done, _) = lab.record(&lab.plan);
        let shared = Shared::new(done.clone());
        let receipt = lab.apply(shared.handle()).expect("a second run");
        let ended = (receipt.outcome, receipt.writes);
        assert_eq!(ended, (Outcome::Converged, 0), "{}", reset.name);
        if reset.reseal {
            continue;
        }
        let fresh = reset_lab::plan(&lab, &done, false).expect("a plan");
        assert_eq!(fresh.steps, [], "{}", reset.name);
        let shared = Shared::new(done);
        let receipt = lab
            .apply_plan(&fresh, shared.handle())
            .expect("a second reset");
        let ended = (receipt.outcome, receipt.writes);
        assert_eq!(ended, (Outcome::Converged, 0), "{}", reset.name);
    }
}

fn zeroes_or_looks(op: &Op) -> bool {
    matches!(
        op,
        Op::Zero { .. } | Op::DiscardVolume { .. } | Op::ReadBack
    )
}

/// Each step that the order rests on, taken out or moved, is noticed.
#[test]
fn a_wrong_order_is_noticed() {
    type Change = fn(&mut Plan);
    let changes: [(&str, Change); 5] = [
        ("no mark", |plan| plan.steps.retain(|s| s.op != Op::Mark)),
        ("keys before names", |plan| {
            let is_key = |op: &Op| matches!(op, Op::Overwrite { .. });
            let keys: Vec<_> = plan
                .steps
                .iter()
                .filter(|s| is_key(&s.op))
                .cloned()
                .collect();
            plan.steps.retain(|s| !is_key(&s.op));
            plan.steps.splice(2..2, keys);
        }),
        ("META before names", |plan| {
            let is_meta = |op: &Op| matches!(op, Op::Meta { .. });
            let meta: Vec<_> = plan
                .steps
                .iter()
                .filter(|s| is_meta(&s.op))
                .cloned()
                .collect();
            plan.steps.retain(|s| !is_meta(&s.op));
            plan.steps.splice(2..2, meta);
        }),
        ("names stay", |plan| {
            let erasing = |op: &Op| {
                matches!(
                    op,
                    Op::Table {
                        stage: TableStage::Erasing,
                        ..
                    }
                )
            };
            plan.steps.retain(|s| !erasing(&s.op));
        }),
        ("no zeros", |plan| {
            // On a disk that does not discard; in memory, what is discarded reads as zeros.
            plan.steps.retain(|s| !zeroes_or_looks(&s.op));
        }),
    ];
    for (name, change) in changes {
        let lab = reset_lab::new(&RESETS[0]);
        let mut plan = lab.plan.clone();
        change(&mut plan);
        let plan = plan.sealed();
        let rehearsal = Rehearsal::new(&lab, &plan, false);
        let ended = rehearsal.is_reset(&rehearsal.done);
        let noticed = rehearsal.first_violation(false).is_some() || ended.is_err();
        assert!(noticed, "{name}: nobody noticed");
    }
    let mut lab = reset_lab::new(&RESETS[9]);
    lab.plan.steps.retain(|s| s.op != Op::RestoreTable);
    let plan = lab.plan.clone().sealed();
    let rehearsal = Rehearsal::new(&lab, &plan, false);
    assert!(
        rehearsal.first_violation(false).is_some(),
        "the only sound copy of a table was torn, and nobody noticed"
    );
}

#[test]
fn leaving_out_a_sync_is_noticed() {
    // These only shorten the window of a cut: META's copies and a restored table sync themselves, and with that the
    // zeros before them; a primary table whose pieces arrive in any order is a damaged one for which the durable
    // backup stands in; a pattern is overwritten anyway; the protective MBR is not new; behind the last there is no
    // work.
    let spare = BTreeSet::from([
        "meta",
        "unmark",
        "protective-mbr",
        "PrimaryEntries Erasing",
        "PrimaryHeader Erasing",
        "zero",
        "PrimaryEntries Final",
        "PrimaryHeader Final",
        "overwrite",
    ]);
    let lab = reset_lab::new(&RESETS[0]);
    let mut unnoticed = BTreeSet::new();
    let mut count = 0;
    for (index, _) in lab
        .plan
        .steps
        .iter()
        .enumerate()
        .filter(|(_, s)| s.op == Op::Sync)
    {
        let mut plan = lab.plan.clone();
        plan.steps.remove(index);
        let plan = plan.sealed();
        count += 1;
        let rehearsal = Rehearsal::new(&lab, &plan, false);
        if rehearsal.first_violation(false).is_none() {
            unnoticed.insert(word(&lab.plan.steps[index - 1].op));
        }
    }
    let wrong: Vec<&String> = unnoticed
        .iter()
        .filter(|w| !spare.contains(w.as_str()))
        .collect();
    assert!(
        wrong.is_empty(),
        "nobody noticed a missing sync after {wrong:?}"
    );
    assert!(count >= 10, "{count}");
}

fn word(op: &Op) -> String {
    match op {
        Op::Table { piece, stage } => format!("{piece:?} {stage:?}"),
        op => serde_json::to_value(op).expect("JSON")["op"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    }
}
