//! What Talos will do with these disks at its next boot, in one line. Pure; the rules are those of `inspect`.

use super::{Examined, Seen};
use crate::inspect::{Part, Verdict};
use crate::repair::{Blocked, Structure, Urgency};

/// The order in which Talos comes across them.
const ORDER: [&str; 5] = ["EFI", "BOOT", "META", "STATE", "EPHEMERAL"];

/// One line.
pub fn predict(disks: &[Examined]) -> String {
    let seen: Vec<(&str, &Seen)> = disks
        .iter()
        .filter_map(|disk| Some((disk.place.path(), disk.seen()?)))
        .collect();
    if let Some((path, _)) = seen.iter().find(|(_, seen)| is_unfinished(seen)) {
        return format!("an apply or a reset was interrupted on {path}: finish it before booting");
    }
    let metas: Vec<&(&str, &Seen)> = seen
        .iter()
        .filter(|(_, seen)| parts(seen).any(|part| part.name == "META"))
        .collect();
    match metas.as_slice() {
        [] => return nothing_installed(disks, &seen),
        [(path, seen)] if is_invisible(seen) => {
            return format!(
                "Talos does not find its system disk: the kernel sees no partitions on {path} until \
                 its partition table is repaired"
            );
        }
        [_] => {}
        several => {
            let paths: Vec<&str> = several.iter().map(|(path, _)| *path).collect();
            return format!(
                "it depends on the order of the disks which one is the system disk: {} have META",
                paths.join(" and ")
            );
        }
    }
    if let Some((path, part)) = first_stop(&seen) {
        return stops(path, part);
    }
    let state = seen
        .iter()
        .find_map(|(_, seen)| parts(seen).find(|p| p.name == "STATE"));
    match state {
        None => String::from(
            "Talos starts and goes to maintenance mode: there is no STATE to take a configuration \
             from, unless the boot medium or the platform gives one",
        ),
        Some(state) if state.talos == Verdict::Format => String::from(
            "Talos starts and goes to maintenance mode: STATE is empty and holds no configuration",
        ),
        Some(_) => comes_up(&seen),
    }
}

fn parts(seen: &Seen) -> impl Iterator<Item = &Part> {
    seen.inspection.partitions.iter()
}

/// Whether an apply or a reset was interrupted here.
fn is_unfinished(seen: &Seen) -> bool {
    matches!(seen.diagnosis.blocked, Some(Blocked::Unfinished(_)))
}

/// Whether the kernel takes no partitions from the table as it is.
pub(super) fn is_invisible(seen: &Seen) -> bool {
    let mut repairs = seen.diagnosis.repairs.iter();
    repairs.any(|r| r.structure == Structure::Gpt && r.urgency == Urgency::Broken)
}

fn nothing_installed(disks: &[Examined], seen: &[(&str, &Seen)]) -> String {
    if seen.len() < disks.len() || disks.is_empty() {
        return String::from("it cannot be told: no disk that could be read has META");
    }
    let lost = seen.iter().any(|(_, seen)| {
        let refusals = &seen.diagnosis.refusals;
        refusals
            .iter()
            .any(|refusal| refusal.structure == Structure::Gpt)
    });
    if lost {
        return String::from(
            "Talos finds no META, so it takes itself for not installed: maintenance mode, and an \
             installer WIPES the disk that it picks",
        );
    }
    String::from(
        "Talos is not installed on any of these disks: maintenance mode, until an installer wipes \
         the disk that it picks",
    )
}

/// The first thing at which Talos stops, in the order in which it comes across them.
fn first_stop<'a>(seen: &[(&'a str, &'a Seen)]) -> Option<(&'a str, &'a Part)> {
    let place = |part: &Part| {
        let known = ORDER.iter().position(|name| *name == part.name);
        known.unwrap_or(ORDER.len())
    };
    seen.iter()
        .flat_map(|(path, seen)| parts(seen).map(move |part| (*path, part)))
        .filter(|(_, part)| part.talos == Verdict::Hang)
        .min_by_key(|(_, part)| place(part))
}

fn stops(path: &str, part: &Part) -> String {
    let why = &part.why;
    match part.name.as_str() {
        "EFI" | "BOOT" => format!(
            "the firmware or boot loader stops at {path}: {}: {why}",
            part.name
        ),
        "META" => format!("Talos starts as if META on {path} were empty: {why}"),
        "STATE" => {
            format!("Talos HANGS at STATE on {path} and never gets to maintenance mode: {why}")
        }
        name => format!("Talos starts and stops at {name} on {path}: {why}"),
    }
}

fn comes_up(seen: &[(&str, &Seen)]) -> String {
    let untried = seen
        .iter()
        .flat_map(|(_, seen)| parts(seen))
        .any(|part| part.why.contains("not tried"));
    let text = "Talos adopts what is there and comes up";
    if untried {
        return format!("{text}, if the keys open the sealed volumes, which was not tried");
    }
    text.to_owned()
}
