//! The verdict on one volume: what Talos does with it, which keys open it, and what to type next. Pure.

use std::collections::BTreeMap;

use super::next::{Line, Place, Typed};
use super::{Examined, Finding, Seen, Severity};
use crate::config::spec::Spec;
use crate::inspect::facts::{Luks, MetaFacts};
use crate::inspect::trial::Trial;
use crate::inspect::{Part, Verdict};

/// What a verdict depends on besides the volume.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) disk: &'a Examined,
    pub(super) seen: &'a Seen,
    pub(super) spec: Option<&'a Spec>,
    pub(super) typed: &'a Typed,
}

/// The verdict on a partition; `None` for one that is none of Talos'.
pub(super) fn judge(around: Around<'_>, part: &Part) -> Option<Finding> {
    let luks = around.seen.facts.luks.get(&part.number);
    let mut causes = vec![part.why.clone()];
    let (mut severity, what) = match part.talos {
        Verdict::Ignore => return None,
        Verdict::Adopt => (Severity::Ok, "Talos adopts it"),
        Verdict::Hang => (Severity::Broken, "Talos stops at it"),
        Verdict::Wipe => (
            Severity::Warning,
            "an installer wipes it with the whole disk",
        ),
        Verdict::Format if part.found == "nothing" => (Severity::Ok, "Talos formats it"),
        Verdict::Format => (
            Severity::Broken,
            "Talos formats it, and what is in it is lost",
        ),
    };
    if part.talos == Verdict::Format && part.found == "nothing" && is_to_be_sealed(around, part) {
        severity = Severity::Warning;
        causes.push(String::from(
            "it is to be sealed and has no LUKS header: if it held anything, both copies of the \
             header are gone, and a backup of the header has to come back before Talos boots",
        ));
    }
    if let Some(luks) = luks {
        let (worse, words) = slots(luks, part);
        severity = severity.min(worse);
        causes.extend(words);
    }
    if part.talos == Verdict::Adopt && part.why.contains("not tried") {
        severity = severity.min(Severity::Unclear);
    }
    Some(Finding {
        severity,
        disk: around.disk.place.path().to_owned(),
        volume: part.name.clone(),
        what: what.to_owned(),
        cause: causes.join("; "),
        next: next(around, part, luks),
    })
}

/// Opens this volume alone: unlock opens all that it is asked for or none.
pub(super) fn unlock(place: &Place, volume: &str, typed: &Typed) -> Line {
    Line::on("unlock", place).as_typed(typed).with(&[volume])
}

fn is_to_be_sealed(around: Around<'_>, part: &Part) -> bool {
    let by_config = around
        .spec
        .is_some_and(|spec| spec.encryption_of(&part.name).is_some());
    let by_meta = part.name == "STATE"
        && matches!(
            &around.seen.facts.meta,
            Some(MetaFacts::Sound { state: Some(_), .. })
        );
    by_config || by_meta
}

/// What is said of each slot, and how bad that is.
fn slots(luks: &Luks, part: &Part) -> (Severity, Vec<String>) {
    let mut severity = Severity::Ok;
    let mut words = Vec::new();
    let both = [
        (&luks.opens, "the configuration"),
        (&luks.meta_opens, "META"),
    ];
    for (trials, whose) in both {
        if whose == "META" && *trials == luks.opens {
            continue;
        }
        for (slot, trial) in trials {
            let (worse, said) = slot_in_words(*slot, trial, whose);
            severity = severity.min(worse);
            words.extend(said);
        }
    }
    let extra = luks.beyond(&luks.opens);
    if !luks.opens.is_empty() && !extra.is_empty() && !part.why.contains("will remove") {
        severity = severity.min(Severity::Warning);
        words.push(format!(
            "Talos will remove slot {}, which the configuration does not have",
            extra.join(", ")
        ));
    }
    if part.why.contains("will remove") {
        severity = severity.min(Severity::Warning);
    }
    words.extend(
        luks.refused
            .iter()
            .skip(1)
            .map(|why| format!("Talos also refuses: {why}")),
    );
    (severity, words)
}

fn slot_in_words(slot: u32, trial: &Trial, whose: &str) -> (Severity, Option<String>) {
    match trial {
        Trial::Opens => (Severity::Ok, None),
        Trial::WrongKey => (
            Severity::Warning,
            Some(format!(
                "the key of {whose} does not open slot {slot}: Talos removes the slot and makes it anew, \
                 if another slot opens"
            )),
        ),
        Trial::NoSuchSlot => (
            Severity::Warning,
            Some(format!(
                "slot {slot} of {whose} is not there: Talos adds it, if another slot opens"
            )),
        ),
        Trial::Untried(why) => (
            Severity::Unclear,
            Some(format!("slot {slot} of {whose} was not tried: {why}")),
        ),
    }
}

fn next(around: Around<'_>, part: &Part, luks: Option<&Luks>) -> Vec<Line> {
    let mut lines = Vec::new();
    if part.talos != Verdict::Hang {
        return lines;
    }
    let place = &around.disk.place;
    let diagnosis = &around.seen.diagnosis;
    let mut repairs = diagnosis.repairs.iter();
    if diagnosis.blocked.is_none() && repairs.any(|repair| repair.volume == part.name) {
        lines.push(Line::on("repair", place));
        return lines;
    }
    let opens = |trials: &BTreeMap<u32, Trial>| trials.values().any(|t| *t == Trial::Opens);
    let by_config = luks.is_some_and(|luks| opens(&luks.opens));
    // Only META stands in the way: an apply writes the configuration's keys there.
    let meta_is_wrong = part.name == "STATE" && by_config;
    if meta_is_wrong && luks.is_some_and(|luks| luks.refused.is_empty()) {
        lines.push(Line::on("apply", place).as_typed(around.typed));
    }
    if by_config {
        lines.push(unlock(place, &part.name, around.typed));
    }
    if matches!(part.name.as_str(), "STATE" | "EPHEMERAL") && !by_config {
        // Without --confirm it only shows what would be lost.
        lines.push(Line::on("reset", place));
    }
    lines
}
