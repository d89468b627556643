//! Disks: what the selector decides with the configuration, and what is wrong with them without one. Pure.

use super::{Check, Facts};
use crate::exit::Exit;
use crate::probe::META_OF_RUNNING_TALOS;
use crate::probe::inventory::{Content, Disk, Inventory};
use crate::selector::selection::{Outcome, Role};
use crate::selector::{self, Request};

const TOPIC: &str = "disks";

/// USB 2, in Mbit/s.
const HIGH_SPEED: u32 = 480;

pub(super) fn check(facts: &Facts<'_>, checks: &mut Vec<Check>) {
    for disk in &facts.inventory.disks {
        one(disk, checks);
    }
    let Some(spec) = facts.spec else {
        let real =
            |disk: &&Disk| disk.talos.size > 0 && !disk.talos.bus_path.starts_with("/virtual");
        let count = facts.inventory.disks.iter().filter(real).count();
        checks.push(match count {
            0 => Check::bad(
                TOPIC,
                Exit::NoDisk,
                "there is none",
                "no driver, no cable, or a disk that is still locked",
                "look at the kernel log for the controller, and at `keelblock probe`",
            ),
            count => Check::ok(TOPIC, format!("{count} with a medium")),
        });
        return;
    };
    let running = running(facts.inventory);
    let at_rest = running.map(|_| at_rest(facts.inventory));
    let inventory = at_rest.as_ref().unwrap_or(facts.inventory);
    let selection = selector::select(spec, inventory, &Request::default());
    for role in &selection.roles {
        checks.push(judged(role, running));
    }
    for clones in &selection.clones {
        let cause = "Talos and links in /dev tell such disks apart by chance";
        let fix = "select by the path on the bus, or take one of them out";
        checks.push(Check::warn(TOPIC, clones.text.clone(), cause, fix));
    }
    for ghost in &selection.ghosts {
        let found = format!("{}: {}", ghost.disk, ghost.what);
        let cause = "it is left from an earlier use and misleads whoever looks there";
        checks.push(Check::warn(
            TOPIC,
            found,
            cause,
            "`keelblock inspect DISK` says how to be rid of it",
        ));
    }
}

/// The disk that Talos runs from, if it does.
fn running(inventory: &Inventory) -> Option<&str> {
    let is_running = |disk: &&Disk| {
        let mut signs = disk.boot_medium.iter();
        signs.any(|sign| sign == META_OF_RUNNING_TALOS)
    };
    let disk = inventory.disks.iter().find(is_running)?;
    Some(&disk.path)
}

/// The machine as if it did not run: that a node uses its own disks is no fault of theirs.
fn at_rest(inventory: &Inventory) -> Inventory {
    let mut inventory = inventory.clone();
    for disk in &mut inventory.disks {
        let signs = &mut disk.boot_medium;
        if signs.iter().any(|sign| sign == META_OF_RUNNING_TALOS) {
            signs.clear();
            disk.boot_evidence.clear();
        }
        disk.usage.clear();
    }
    inventory
}

fn judged(role: &Role, running: Option<&str>) -> Check {
    let found = match &role.disk {
        Some(disk) => format!("{}: {disk}: {}", role.role, role.reason),
        None => format!("{}: {}", role.role, role.reason),
    };
    let cause = match role.source.as_str() {
        "" => "the rule is keelblock's own".to_owned(),
        source => format!("the rule stands at {source}"),
    };
    let fix = "`keelblock select -c NODE.yaml` shows every disk with every part of the rule";
    let is_system = matches!(role.role.as_str(), "install" | "STATE" | "EPHEMERAL");
    match (role.outcome, running) {
        (Outcome::Selected, Some(running))
            if is_system && role.disk.as_deref() != Some(running) =>
        {
            let found = format!("{found}; but Talos runs from {running}");
            let cause = "the rule is younger than the installation, or the machine started from another disk";
            Check::warn(TOPIC, found, cause, fix)
        }
        (Outcome::Selected, _) => Check::ok(TOPIC, found),
        (Outcome::None, _) => Check::bad(TOPIC, Exit::NoDisk, found, &cause, fix),
        (Outcome::Refused, _) => Check::bad(TOPIC, Exit::Refused, found, &cause, fix),
    }
}

fn one(disk: &Disk, checks: &mut Vec<Check>) {
    let path = &disk.path;
    if disk
        .usb
        .as_ref()
        .is_some_and(crate::probe::inventory::UsbDevice::is_locked_t5)
    {
        checks.push(Check::bad(
            TOPIC,
            Exit::Refused,
            format!("{path} is a T5 that is locked by its password"),
            "a locked T5 shows no medium, or none that can be written",
            "unlock it with the vendor's program on another machine, and take the password off",
        ));
        return;
    }
    if let Content::Unreadable { reason } = &disk.content
        && disk.talos.size > 0
        && !disk.talos.cdrom
    {
        checks.push(Check::warn(
            TOPIC,
            format!("{path} cannot be read: {reason}"),
            "what cannot be read is never taken for empty, so nothing is put on it",
            "run as root; if it stays, see the kernel log and change cable or disk",
        ));
    }
    if let Some(usb) = disk
        .usb
        .as_ref()
        .filter(|usb| (1..=HIGH_SPEED).contains(&usb.speed))
        && !disk.removable
    {
        checks.push(Check::warn(
            TOPIC,
            format!("{path} runs at {} Mbit/s", usb.speed),
            "USB 2: an old port or hub, or a cable without the wires of USB 3",
            "change cable or port",
        ));
    }
}
