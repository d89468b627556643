//! All verdicts: of each disk as a whole, of each volume, and of what several disks have in common. Pure.

use std::collections::BTreeMap;

use super::contents::Agreement;
use super::next::{Line, Typed};
use super::volumes::{self, Around};
use super::{Examined, Finding, Seen, Severity, State};
use crate::config::spec::Spec;
use crate::inspect::Verdict;
use crate::inspect::facts::MetaFacts;
use crate::partitioner::adopt;
use crate::partitioner::reset::erasing;
use crate::repair::{Blocked, Refusal, Repair, Urgency};

/// All verdicts, in no order.
pub(super) fn all(disks: &[Examined], spec: Option<&Spec>, typed: &Typed) -> Vec<Finding> {
    let mut found = Vec::new();
    for disk in disks {
        match &disk.state {
            State::Closed(why) => found.push(Finding {
                severity: Severity::Unclear,
                disk: disk.place.path().to_owned(),
                volume: String::new(),
                what: String::from("it could not be looked at"),
                cause: why.clone(),
                next: Vec::new(),
            }),
            State::Open(seen) => found.extend(of_disk(Around {
                disk,
                seen,
                spec,
                typed,
            })),
        }
    }
    found.extend(doubles(disks));
    rescue_data(disks, typed, &mut found);
    found
}

fn of_disk(around: Around<'_>) -> Vec<Finding> {
    let (seen, path) = (around.seen, around.disk.place.path());
    let mut found = Vec::new();
    let finding = |severity, volume: &str, what: String, cause: String, next| Finding {
        severity,
        disk: path.to_owned(),
        volume: volume.to_owned(),
        what,
        cause,
        next,
    };
    if let Some(blocked) = &seen.diagnosis.blocked {
        found.push(unfinished(around, blocked));
    }
    let may_repair = seen.diagnosis.blocked.is_none();
    for repair in &seen.diagnosis.repairs {
        found.push(damaged(around, repair, may_repair));
    }
    for refusal in &seen.diagnosis.refusals {
        found.push(left_alone(around, refusal, may_repair));
    }
    if !found.iter().any(|finding| finding.volume.is_empty()) {
        let mut cause = adopt::in_words(&seen.content);
        for user in &around.disk.usage {
            cause.push_str(&format!("; in use: {user}"));
        }
        let what = match seen.content.word() {
            "talos" => String::from("a disk of Talos, every copy of its table good"),
            word => format!("{word}: nothing of Talos to rescue"),
        };
        found.push(finding(Severity::Ok, "", what, cause, Vec::new()));
    }
    let parts = &seen.inspection.partitions;
    found.extend(parts.iter().filter_map(|part| volumes::judge(around, part)));
    found.extend(meta(around));
    found
}

fn unfinished(around: Around<'_>, blocked: &Blocked) -> Finding {
    let place = &around.disk.place;
    let (severity, what, cause, next) = match blocked {
        Blocked::Unreadable(why) => (
            Severity::Unclear,
            String::from("it cannot be told what is on it"),
            why.clone(),
            Vec::new(),
        ),
        Blocked::Unfinished(plan) => {
            let parts = &around.seen.inspection.partitions;
            let half_gone = parts.iter().find(|part| erasing::is_name(&part.name));
            let run = half_gone.map_or_else(
                || String::from("an apply or a reset"),
                |part| format!("a reset of {}", erasing::old_name(&part.name)),
            );
            let plan = plan.as_ref().map(|plan| format!(" (plan {plan})"));
            let what = format!("{run} was interrupted here{}", plan.unwrap_or_default());
            let cause = "run the same again, which finishes it; nothing may be repaired before";
            let mut next = Vec::new();
            // What a reset has begun to destroy, an apply refuses.
            if half_gone.is_none() && !around.typed.config.is_empty() {
                next.push(Line::on("apply", place).as_typed(around.typed));
            }
            next.push(Line::on("reset", place));
            (Severity::Broken, what, cause.to_owned(), next)
        }
    };
    Finding {
        severity,
        disk: place.path().to_owned(),
        volume: String::new(),
        what,
        cause,
        next,
    }
}

fn damaged(around: Around<'_>, repair: &Repair, may_repair: bool) -> Finding {
    // Talos refuses a header whose copies contradict each other, good or not.
    let mut parts = around.seen.inspection.partitions.iter();
    let hangs = parts.any(|p| p.name == repair.volume && p.talos == Verdict::Hang);
    let severity = match repair.urgency {
        _ if hangs => Severity::Broken,
        Urgency::Broken => Severity::Broken,
        Urgency::LastCopy => Severity::Warning,
    };
    let next = may_repair.then(|| Line::on("repair", &around.disk.place));
    Finding {
        severity,
        disk: around.disk.place.path().to_owned(),
        volume: repair.volume.clone(),
        what: repair.what.clone(),
        cause: format!("it can be restored from {}", repair.from),
        next: next.into_iter().collect(),
    }
}

fn left_alone(around: Around<'_>, refusal: &Refusal, may_repair: bool) -> Finding {
    let place = &around.disk.place;
    let line =
        |side: &crate::repair::Side| Line::on("repair", place).with(&["--from", side.word()]);
    let choices = refusal.choices.iter().filter(|_| may_repair);
    Finding {
        severity: if refusal.choices.is_empty() {
            Severity::Broken
        } else {
            Severity::Unclear
        },
        disk: place.path().to_owned(),
        volume: refusal.volume.clone(),
        what: refusal.what.clone(),
        cause: refusal.why.clone(),
        next: choices.map(line).collect(),
    }
}

/// META against the configuration. Where STATE does not open for it, the verdict on STATE says so already.
fn meta(around: Around<'_>) -> Vec<Finding> {
    let seen = around.seen;
    let state = seen
        .inspection
        .partitions
        .iter()
        .find(|part| part.name == "STATE");
    let hangs = state.is_some_and(|part| part.talos == Verdict::Hang);
    let differs = |how: &str| {
        let consequence = match &seen.facts.meta {
            Some(MetaFacts::Sound { state: Some(_), .. }) => {
                "Talos opens STATE with META's keys, then gives STATE and META those of the configuration \
                 that lies in STATE"
            }
            _ => "Talos takes STATE as META says, then writes what the configuration in STATE says",
        };
        Finding {
            severity: if hangs {
                Severity::Broken
            } else {
                Severity::Warning
            },
            disk: around.disk.place.path().to_owned(),
            volume: String::from("META"),
            what: String::from("its tag 0x09 is not what the configuration would put there"),
            cause: format!("{how}; {consequence}"),
            next: Vec::new(),
        }
    };
    let of = |meta: &super::contents::MetaContents| match &meta.agreement {
        Agreement::Differs { how } => Some(differs(how)),
        Agreement::Same | Agreement::Unknown => None,
    };
    seen.meta.iter().filter_map(of).collect()
}

/// Names that partitions of more than one disk have, or two of one.
fn doubles(disks: &[Examined]) -> Vec<Finding> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for disk in disks {
        let parts = disk
            .seen()
            .into_iter()
            .flat_map(|seen| &seen.inspection.partitions);
        for part in parts.filter(|part| adopt::is_talos_name(&part.name)) {
            places
                .entry(&part.name)
                .or_default()
                .push(disk.place.path());
        }
    }
    // Every system disk has boot partitions; Talos finds those by the disk.
    let counts = |name: &str| !matches!(name, "EFI" | "BIOS" | "BOOT");
    let several = places
        .into_iter()
        .filter(|(name, at)| at.len() > 1 && counts(name));
    several
        .map(|(name, at)| Finding {
            severity: match name {
                "META" | "STATE" | "EPHEMERAL" => Severity::Broken,
                _ => Severity::Unclear,
            },
            disk: String::new(),
            volume: name.to_owned(),
            what: format!("{} partitions have this name: {}", at.len(), at.join(", ")),
            cause: String::from(
                "Talos takes the one that it lists first: unplug or wipe the disk that is not meant",
            ),
            next: Vec::new(),
        })
        .collect()
}

/// Where something is broken, volumes that do open can be saved from.
fn rescue_data(disks: &[Examined], typed: &Typed, found: &mut [Finding]) {
    let broken = found
        .iter()
        .any(|finding| finding.severity == Severity::Broken);
    if !broken || typed.config.is_empty() {
        return;
    }
    for finding in found.iter_mut().filter(|f| f.severity > Severity::Broken) {
        let disk = disks.iter().find(|disk| disk.place.path() == finding.disk);
        let Some((disk, seen)) = disk.and_then(|disk| Some((disk, disk.seen()?))) else {
            continue;
        };
        let part = seen
            .inspection
            .partitions
            .iter()
            .find(|p| p.name == finding.volume);
        if part.is_some_and(|part| opens(seen, part.number)) && finding.next.is_empty() {
            finding
                .next
                .push(volumes::unlock(&disk.place, &finding.volume, typed));
        }
    }
}

fn opens(seen: &Seen, number: u32) -> bool {
    let luks = seen.facts.luks.get(&number);
    luks.is_some_and(|luks| {
        let mut trials = luks.opens.values();
        trials.any(|trial| *trial == crate::inspect::trial::Trial::Opens)
    })
}
