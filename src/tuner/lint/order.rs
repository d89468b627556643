//! Writes that undo each other, or that are there twice.
//!
//! Pure. Looks at pairs of writes of one knob or of two that have to do with each other; two rules for disks that
//! cannot be the same one are no pair.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::config::ParameterKind;
use crate::config::spec::Location;
use crate::tuner::knobs::{self, Knob};
use crate::tuner::rules::{Key, Operator, Token, is_glob, matches};

use super::code::Code;
use super::device::{DISKS, PARTITIONS};
use super::finding::{Finding, Sink};
use super::source::{Origin, Parameter, RuleSet};
use super::subject::Subject;
use super::writes::key_of;

/// Most earlier writes of one knob that a later one is compared with.
const MOST_EARLIER: usize = 64;

/// The writes so far, by what they write.
type Earlier<'r> = HashMap<&'static str, Vec<Write<'r>>>;

/// One write of a rule, in the order in which udev does them.
struct Write<'r> {
    knob: &'static Knob,
    set: usize,
    subject: &'r Subject<'r>,
    value: &'r str,
    at: Location,
}

/// Which rule sets were compared, the earlier one first, and the first time that they were: many nodes have the same two.
#[derive(Default)]
pub(super) struct Pairs {
    first: RefCell<HashMap<(usize, usize), usize>>,
    time: usize,
}

impl Pairs {
    /// Whether these are compared for the first time.
    fn is_new(&self, earlier: &Write<'_>, later: &Write<'_>) -> bool {
        let mut first = self.first.borrow_mut();
        let first = first.entry((earlier.set, later.set));
        *first.or_insert(self.time) == self.time
    }
}

/// A rule set with its number.
type NumberedSet<'r> = (usize, &'r (&'r RuleSet, Vec<Subject<'r>>));

/// Checks the order of all writes of all rule sets, which udev works through one after the other.
pub(super) fn check_rules(sets: &[NumberedSet<'_>], compared: &mut Pairs, sink: &mut Sink) {
    compared.time += 1;
    let mut earlier: Earlier<'_> = HashMap::new();
    for (number, (set, subjects)) in sets {
        for subject in subjects {
            for (token, attribute) in subject.rule.writes() {
                let key = key_of(subject, attribute);
                let Some(knob) = key.and_then(|key| knobs::by_key(&key)) else {
                    continue;
                };
                let write = Write {
                    knob,
                    set: *number,
                    subject,
                    value: &token.value,
                    at: set.location(token.at),
                };
                undone(&write, &earlier, compared, sink);
                repeated(&write, &earlier, compared, sink);
                let same = earlier.entry(knob.key).or_default();
                if same.len() < MOST_EARLIER {
                    same.push(write);
                }
            }
        }
    }
}

/// Earlier writes that this one sets back.
fn undone(write: &Write<'_>, earlier: &Earlier<'_>, compared: &Pairs, sink: &mut Sink) {
    let before = |key: &str| {
        let all = earlier.get(key).map_or(&[][..], Vec::as_slice).iter();
        all.filter(|it| compared.is_new(it, write))
    };
    if write.knob.raises_read_ahead {
        let wrong = before("queue/read_ahead_kb").chain(before("bdi/read_ahead_kb"));
        for it in wrong.filter(|it| may_be_one_disk(it.subject, write.subject)) {
            let message = format!(
                "the write to {} at {} makes the kernel raise read-ahead again",
                write.knob.key, write.at
            );
            let finding = Finding::new(Code::ReadAheadUndone, it.at.clone(), message);
            sink.add(
                finding
                    .also(write.at.clone())
                    .hint("move read_ahead_kb behind it, to the very end"),
            );
        }
    }
    for reset in write.knob.resets {
        for it in before(reset).filter(|it| may_be_one_disk(it.subject, write.subject)) {
            let message = format!(
                "the change of {} at {} sets {reset} back",
                write.knob.key, write.at
            );
            let finding = Finding::new(Code::UndoneByScheduler, it.at.clone(), message);
            sink.add(
                finding
                    .also(write.at.clone())
                    .hint("write the scheduler first"),
            );
        }
    }
}

/// An earlier write of the same knob that this one replaces on every disk.
fn repeated(write: &Write<'_>, earlier: &Earlier<'_>, compared: &Pairs, sink: &mut Sink) {
    let same = earlier.get(write.knob.key).map_or(&[][..], Vec::as_slice);
    for it in same.iter().filter(|it| compared.is_new(it, write)) {
        let jumps = it.set == write.set && it.subject.section != write.subject.section;
        let across = it.set != write.set && (it.subject.section != 0 || write.subject.section != 0);
        if jumps || across || !is_covered(it.subject, write.subject) {
            continue;
        }
        let same = it.value == write.value;
        let (code, message) = if same {
            let message = format!(
                "{} is set to the same value again at {}",
                write.knob.key, write.at
            );
            (Code::Duplicate, message)
        } else {
            let message = format!(
                "{} is set to {:?} at {}",
                write.knob.key,
                super::conditions::short(write.value),
                write.at
            );
            (Code::Shadowed, message)
        };
        let finding = Finding::new(code, it.at.clone(), message);
        sink.add(finding.also(write.at.clone()).hint("keep one of both"));
    }
}

/// Whether every disk of `first` is one of `second`.
fn is_covered(first: &Subject<'_>, second: &Subject<'_>) -> bool {
    let has = |wanted: &Token| {
        let same = |token: &Token| {
            token.key == wanted.key
                && token.attribute == wanted.attribute
                && token.operator == wanted.operator
                && token.value == wanted.value
        };
        first.conditions().any(same)
    };
    second.conditions().all(has)
}

/// Whether the order of both rules is that of their writes on some disk: one event, and no condition of one that
/// contradicts one of the other.
fn may_be_one_disk(first: &Subject<'_>, second: &Subject<'_>) -> bool {
    let event = |it: &Subject<'_>| it.subsystem().unwrap_or("block").to_owned();
    let both = second.attachments();
    let hang_alike = first.attachments().iter().any(|it| both.contains(it));
    event(first) == event(second)
        && hang_alike
        && first
            .conditions()
            .all(|one| !second.conditions().any(|two| exclude(one, two)))
}

/// Whether no disk is both.
fn exclude(one: &Token, two: &Token) -> bool {
    let comparable = one.key == two.key
        && one.attribute == two.attribute
        && one.operator == Operator::Match
        && two.operator == Operator::Match
        // Of these a chain has several.
        && !matches!(one.key, Key::Subsystems | Key::Kernels | Key::Tags);
    if !comparable {
        return false;
    }
    if is_glob(&one.value) || is_glob(&two.value) {
        let both =
            |name: &&str| matches(&one.value, name, false) && matches(&two.value, name, false);
        let names = || DISKS.iter().chain(&PARTITIONS);
        let known = |it: &Token| names().any(|name| matches(&it.value, name, false));
        return one.key == Key::Kernel && known(one) && known(two) && !names().any(both);
    }
    let mut texts = one.alternatives();
    !texts.any(|text| two.alternatives().any(|other| other == text))
}

/// Checks parameters against each other, in the order in which they take effect.
pub(super) fn check_parameters(parameters: &[&Parameter], sink: &mut Sink) {
    let mut earlier: HashMap<(ParameterKindKey, &str), &Parameter> = HashMap::new();
    let mut told: Vec<&str> = Vec::new();
    for it in parameters {
        let kind = ParameterKindKey::of(it.kind);
        if let Some(before) = earlier.insert((kind, &it.key), it) {
            repeated_parameter(before, it, sink);
        }
        let knob = knobs::by_key(&it.key).filter(|_| it.kind == ParameterKind::Sysctl);
        let other = knob.and_then(|knob| knob.zeroes);
        let Some(before) = other.and_then(|other| earlier.get(&(kind, other))) else {
            continue;
        };
        if told.contains(&it.key.as_str()) {
            continue;
        }
        told.push(&it.key);
        let message = format!(
            "{} at {} is zeroed by this: they are two forms of one limit",
            before.key, before.at
        );
        let finding = Finding::new(Code::BothLimits, it.at.clone(), message);
        sink.add(
            finding
                .also(before.at.clone())
                .hint("keep one form, best the one in bytes"),
        );
    }
}

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum ParameterKindKey {
    Sysctl,
    Sysfs,
}

impl ParameterKindKey {
    const fn of(kind: ParameterKind) -> Self {
        match kind {
            ParameterKind::Sysctl => Self::Sysctl,
            ParameterKind::Sysfs => Self::Sysfs,
        }
    }
}

fn repeated_parameter(before: &Parameter, after: &Parameter, sink: &mut Sink) {
    let wins = match (before.origin, after.origin) {
        (Origin::Machine, Origin::Document) => ", in a document, which wins over `machine`",
        _ => "",
    };
    let (code, message) = if before.value == after.value {
        let message = format!(
            "{} is set to the same value again at {}{wins}",
            before.key, after.at
        );
        (Code::Duplicate, message)
    } else {
        let value = super::conditions::short(&after.value);
        let message = format!("{} is set to {value:?} at {}{wins}", before.key, after.at);
        (Code::Shadowed, message)
    };
    let finding = Finding::new(code, before.at.clone(), message);
    sink.add(finding.also(after.at.clone()).hint("keep one of both"));
}
