//! What a change does to disks: where Talos is installed, and where volumes are.
//!
//! Spec: Talos 1.14.1 `cmd/installer/pkg/install/install.go` (an installation wipes the whole disk, an upgrade leaves the
//! partitions alone), `controllers/block/internal/volumes/{locate,grow,format}.go`, `controllers/block/user_disk_config.go`.

use super::risk::{Change, Risk};
use super::{Chosen, others, volumes};
use crate::config::spec::{DiskSelector, DiskType, Install, InstallTarget, Spec};
use crate::probe::inventory::Disk;
use crate::selector::selection::{Outcome, Role, Selection};
use crate::units::Bytes;

/// The changes from `before` to `after`.
pub(super) fn changes(chosen: Option<&Chosen<'_>>, before: &Spec, after: &Spec) -> Vec<Change> {
    let mut found = Vec::new();
    install(
        chosen,
        before.install.as_ref(),
        after.install.as_ref(),
        &mut found,
    );
    volumes::changes(chosen, before, after, &mut found);
    others::legacy(&before.legacy_disks, &after.legacy_disks, &mut found);
    found
}

/// Which disks a node that is new would get.
pub(super) fn of_new(chosen: Option<&Chosen<'_>>, spec: &Spec) -> Vec<Change> {
    let mut found = Vec::new();
    if let Some(install) = &spec.install {
        let (risk, effect) = match role(chosen, |it| it.after.as_ref(), "install") {
            None => (
                Risk::Remake,
                String::from("There is no recorded machine to choose a disk on."),
            ),
            Some(role) if role.outcome == Outcome::Selected => {
                let disk = shown(chosen, role);
                (
                    Risk::Remake,
                    format!(
                        "On the recorded machine that is {disk}. An installation wipes all of it."
                    ),
                )
            }
            Some(role) => (
                Risk::Refused,
                format!("On the recorded machine: {}.", role.reason),
            ),
        };
        let target = target(&install.target);
        found.push(Change::new(
            risk,
            "install disk",
            None,
            Some(target),
            effect,
        ));
    }
    volumes::of_new(chosen, spec, &mut found);
    found
}

/// The role `name` on the side that `of` picks.
pub(super) fn role<'c>(
    chosen: Option<&'c Chosen<'_>>,
    of: impl Fn(&'c Chosen<'_>) -> Option<&'c Selection>,
    name: &str,
) -> Option<&'c Role> {
    of(chosen?)?.role(name)
}

/// The disk of a role: path, model, size and what is on it.
pub(super) fn shown(chosen: Option<&Chosen<'_>>, role: &Role) -> String {
    let disks = chosen.map_or(&[][..], |chosen| &chosen.inventory.disks);
    let disk = disks
        .iter()
        .find(|disk| Some(&disk.id) == role.disk_id.as_ref());
    disk.map_or_else(|| role.disk.clone().unwrap_or_default(), words)
}

/// A disk in words.
pub(super) fn words(disk: &Disk) -> String {
    let talos = &disk.talos;
    let model = match talos.model.as_str() {
        "" => "no model",
        model => model,
    };
    let content = disk.content.word();
    let size = Bytes::new(talos.size);
    format!("{} ({model}, {size}, content: {content})", disk.path)
}

fn install(
    chosen: Option<&Chosen<'_>>,
    before: Option<&Install>,
    after: Option<&Install>,
    found: &mut Vec<Change>,
) {
    let (before, after) = match (before, after) {
        (None, None) => return,
        (Some(before), Some(after)) => (before, after),
        (before, after) => {
            let target = |it: Option<&Install>| it.map(|it| target(&it.target));
            let effect = "Only an installation reads it; a node that has its META partition is installed already.";
            found.push(Change::new(
                Risk::Remake,
                "install disk",
                target(before),
                target(after),
                effect,
            ));
            return;
        }
    };
    let targets = [target(&before.target), target(&after.target)];
    let roles = [
        role(chosen, |it| it.before.as_ref(), "install"),
        role(chosen, |it| it.after.as_ref(), "install"),
    ];
    let disk = |role: Option<&Role>| role.map(|it| (it.outcome, it.disk_id.clone()));
    if targets[0] != targets[1] || disk(roles[0]) != disk(roles[1]) {
        let (risk, effect) = moved(chosen, roles);
        let [old, new] = targets;
        found.push(Change::new(
            risk,
            "install disk",
            Some(old),
            Some(new),
            effect,
        ));
    }
    settings(before, after, found);
}

/// What an installation is told beside its disk.
fn settings(before: &Install, after: &Install, found: &mut Vec<Change>) {
    if before.wipe != after.wipe {
        let (risk, effect) = match after.wipe {
            true => (
                Risk::Wipes,
                "keelblock may now wipe foreign data on the install disk, if --wipe names it. Talos wipes the disk of an installation either way.",
            ),
            false => (
                Risk::Remake,
                "keelblock refuses an install disk with foreign data. Talos wipes the disk of an installation all the same.",
            ),
        };
        found.push(value(
            risk,
            "install wipe",
            &before.wipe,
            &after.wipe,
            effect,
        ));
    }
    if before.image != after.image {
        let image = |it: &Install| it.image.clone();
        let effect = "Talos, its extensions and kernel arguments change with `talosctl upgrade`, which leaves the partitions alone; applying the configuration changes nothing.";
        found.push(Change::new(
            Risk::Upgrade,
            "installer image",
            image(before),
            image(after),
            effect,
        ));
    }
    if before.legacy_bios != after.legacy_bios {
        let effect = "The installer reads it when it writes a partition table: at an installation.";
        found.push(value(
            Risk::Remake,
            "install legacyBIOSSupport",
            &before.legacy_bios,
            &after.legacy_bios,
            effect,
        ));
    }
}

/// What it means that the install disk is named otherwise.
fn moved(chosen: Option<&Chosen<'_>>, [before, after]: [Option<&Role>; 2]) -> (Risk, String) {
    const NEXT: &str = "An upgrade and applying the configuration leave Talos where it is; the next installation wipes the disk";
    let (Some(before), Some(after)) = (before, after) else {
        let effect = format!(
            "{NEXT} that it finds. Which one that is, only a recorded machine can tell (`keelblock snapshot`)."
        );
        return (Risk::Wipes, effect);
    };
    let [old, new] = [before, after].map(|role| match role.outcome {
        Outcome::Selected => Some(shown(chosen, role)),
        _ => None,
    });
    match (old, new) {
        (Some(_), Some(new)) if before.disk_id == after.disk_id => (
            Risk::None,
            format!("On the recorded machine that is the same disk: {new}."),
        ),
        (Some(old), Some(new)) => {
            let effect = format!(
                "{NEXT} {new} in the place of {old}. Two disks with Talos' partitions in one machine are ambiguous to Talos."
            );
            (Risk::Wipes, effect)
        }
        (None, Some(new)) => (
            Risk::Wipes,
            format!("{NEXT} {new}; before, none was chosen."),
        ),
        (Some(old), None) => {
            let effect = format!(
                "On the recorded machine no disk is chosen any more: {}. It was {old}.",
                after.reason
            );
            (Risk::Refused, effect)
        }
        (None, None) => (
            Risk::None,
            String::from("On the recorded machine no disk is chosen, before and after."),
        ),
    }
}

/// A change of a value that both sides have.
pub(super) fn value(
    risk: Risk,
    subject: &str,
    before: &impl ToString,
    after: &impl ToString,
    effect: &str,
) -> Change {
    let (before, after) = (before.to_string(), after.to_string());
    Change::new(risk, subject, Some(before), Some(after), effect)
}

/// How the install disk is named, in words.
fn target(target: &InstallTarget) -> String {
    match target {
        InstallTarget::Disk(path) => path.clone(),
        InstallTarget::Selector(selector) => matchers(selector),
        InstallTarget::Expression(expression) => expression.text().to_owned(),
        InstallTarget::Unnamed => String::from("no disk named"),
    }
}

fn matchers(selector: &DiskSelector) -> String {
    let kind = selector.disk_type.map(|kind| match kind {
        DiskType::Ssd => "ssd",
        DiskType::Hdd => "hdd",
        DiskType::Nvme => "nvme",
        DiskType::Sd => "sd",
    });
    let size = selector.size.as_ref().map(|size| &*size.text);
    let all = [
        ("size", size),
        ("type", kind),
        ("model", selector.model.as_deref()),
        ("serial", selector.serial.as_deref()),
        ("wwid", selector.wwid.as_deref()),
        ("uuid", selector.uuid.as_deref()),
        ("modalias", selector.modalias.as_deref()),
        ("busPath", selector.bus_path.as_deref()),
    ];
    let set = all
        .iter()
        .filter_map(|(key, value)| Some(format!("{key} {}", (*value)?)));
    let set: Vec<String> = set.collect();
    match set.is_empty() {
        true => String::from("any disk"),
        false => set.join(", "),
    }
}
