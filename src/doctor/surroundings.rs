//! Clock, random numbers, TPM, memory, network and settings. Pure.

use super::identity::encryptions;
use super::{Check, Facts, Gathered};
use crate::config::render;
use crate::config::spec::KeySource;
use crate::exit::Exit;
use crate::fleet::finding::Level;
use crate::partitioner::kdf;
use crate::units::Bytes;

/// 2025-01-01: before that, no certificate of this software's nodes was valid.
const EARLIEST: u64 = 1_735_689_600;
/// 2100-01-01.
const LATEST: u64 = 4_102_444_800;
/// Seconds that two clocks may differ.
const APART: u64 = 120;
/// Local time differs by whole quarters of an hour, up to 14 hours.
const QUARTER: u64 = 900;
const MOST_OFFSET: u64 = 14 * 3600;

/// What the kernel says it has once its generator is ready (from 5.18 on; before, it counts to 4096).
const READY: u64 = 256;

pub(super) fn clock(here: &Gathered, checks: &mut Vec<Check>, not_looked_at: &mut Vec<String>) {
    const TOPIC: &str = "clock";
    let Some(now) = here.now else {
        not_looked_at.push("clock: a tree has none".to_owned());
        return;
    };
    if !(EARLIEST..LATEST).contains(&now) {
        checks.push(Check::bad(
            TOPIC,
            Exit::Refused,
            format!("it is {now} seconds after 1970, which is not now"),
            "certificates are not yet or no longer valid then, so etcd, the kubelet and talosctl refuse each other",
            "set it (`date -s`), replace the battery, and see that a time server can be reached",
        ));
        return;
    }
    let Some(rtc) = here.rtc else {
        not_looked_at.push("real-time clock: there is none".to_owned());
        checks.push(Check::ok(TOPIC, "the year is sane"));
        return;
    };
    let apart = now.abs_diff(rtc);
    let off = apart % QUARTER;
    let is_local = apart <= MOST_OFFSET && off.min(QUARTER - off) <= APART;
    checks.push(if apart <= APART {
        Check::ok(TOPIC, "it agrees with the real-time clock")
    } else if is_local {
        Check::warn(
            TOPIC,
            format!("the real-time clock differs by {apart} seconds"),
            "it seems to run in local time, which Talos takes for UTC until a time server answers",
            "`hwclock --systohc --utc`",
        )
    } else {
        Check::warn(
            TOPIC,
            format!("the real-time clock differs by {apart} seconds"),
            "an empty battery, or nobody ever set it; the machine starts with the wrong time",
            "`hwclock --systohc --utc`; replace the battery if it comes back",
        )
    });
}

pub(super) fn entropy(here: &Gathered, checks: &mut Vec<Check>, not_looked_at: &mut Vec<String>) {
    const TOPIC: &str = "random numbers";
    let is_logged = here
        .log
        .as_deref()
        .is_some_and(|log| log.contains("crng init done"));
    checks.push(match here.entropy {
        _ if is_logged => Check::ok(TOPIC, "the kernel's generator is ready"),
        Some(bits) if bits >= READY => Check::ok(TOPIC, "the kernel's generator is ready"),
        Some(bits) => Check::warn(
            TOPIC,
            format!("the kernel's generator claims {bits} bits"),
            "keys wait until it is ready, which takes long on a machine without a source",
            "wait; on a virtual machine add a virtio-rng device",
        ),
        None => {
            not_looked_at.push(format!("{TOPIC}: the kernel does not say"));
            return;
        }
    });
}

pub(super) fn tpm(facts: &Facts<'_>, checks: &mut Vec<Check>) {
    const TOPIC: &str = "TPM";
    let is_tpm = |source: &KeySource| matches!(source, KeySource::Tpm { .. });
    let wanted = facts.spec.is_some_and(|spec| {
        encryptions(spec).any(|encryption| encryption.keys.iter().any(|key| is_tpm(&key.source)))
    });
    let Some(here) = facts.here else {
        return;
    };
    checks.push(match (here.tpm, wanted) {
        (Some(2 | 0), true) => {
            Check::ok(TOPIC, "it is there, and the configuration has keys in it")
        }
        (Some(2 | 0), false) => {
            Check::ok(TOPIC, "it is there; no key of the configuration needs it")
        }
        (Some(version), true) => Check::bad(
            TOPIC,
            Exit::Refused,
            format!("it is a TPM {version}, and the configuration has keys in a TPM"),
            "Talos seals keys with TPM 2.0 only",
            "use nodeID, static or KMS keys, or switch the firmware to TPM 2.0",
        ),
        (None, true) => Check::bad(
            TOPIC,
            Exit::Refused,
            "there is none, and the configuration has keys in a TPM",
            "it is switched off in the firmware, or the machine has none",
            "switch it on in the firmware, or use nodeID, static or KMS keys",
        ),
        (_, false) => Check::ok(TOPIC, "none that could be used, and no key needs one"),
    });
}

pub(super) fn memory(facts: &Facts<'_>, checks: &mut Vec<Check>) {
    const TOPIC: &str = "memory";
    let machine = &facts.inventory.machine;
    let available = machine.memory_available;
    if machine.memory == Bytes::ZERO {
        checks.push(Check::warn(
            TOPIC,
            "it could not be told how much there is",
            "/proc/meminfo could not be read",
            "give plan --kdf-memory",
        ));
        return;
    }
    let measured = kdf::Measured {
        available,
        cpus: machine.cpus,
        // Speed decides about passes only, and is not looked at here.
        seconds_per_gib: 1.0,
    };
    checks.push(match kdf::cost(measured, kdf::Wished::default()) {
        Ok(_) => Check::ok(TOPIC, format!("{available} are free, enough to derive keys (Argon2)")),
        Err(error) => Check::bad(
            TOPIC,
            Exit::Refused,
            error.to_string(),
            "Argon2 fills memory on purpose, and a machine that runs out of it kills something else",
            "end what needs memory, or give plan a smaller --kdf-memory",
        ),
    });
}

/// Extensions are judged with the network; this says where they cannot be.
pub(super) fn extensions(facts: &Facts<'_>, not_looked_at: &mut Vec<String>) {
    let install = facts.spec.and_then(|spec| spec.install.as_ref());
    let image = install.and_then(|install| install.image.as_deref());
    let (Some(image), None) = (image, facts.extensions) else {
        return;
    };
    let of = match render::schematic_of(image) {
        Some(id) => format!("an image of schematic {}", &id[..12]),
        None => "the image".to_owned(),
    };
    not_looked_at.push(format!(
        "extensions: which ones {of} has cannot be told from its name; a talconfig.yaml with --node, and the running node, say it"
    ));
}

pub(super) fn network(facts: &Facts<'_>, checks: &mut Vec<Check>, not_looked_at: &mut Vec<String>) {
    const TOPIC: &str = "network";
    for finding in facts.network.unwrap_or_default() {
        let place = finding
            .at
            .as_ref()
            .map_or_else(String::new, |at| format!("{at}: "));
        let found = format!("{place}{} [{}]", finding.message, finding.code.word());
        let (cause, fix) = (finding.code.cause(), finding.hint.as_str());
        checks.push(match finding.level {
            Level::Error => Check::bad(TOPIC, Exit::Usage, found, cause, fix),
            Level::Warning | Level::Note => Check::warn(TOPIC, found, cause, fix),
        });
    }
    let Some(nics) = &facts.inventory.machine.nics else {
        not_looked_at.push("network interfaces: they were not recorded".to_owned());
        return;
    };
    let physical: Vec<_> = nics.iter().filter(|nic| nic.is_physical()).collect();
    let linked: Vec<&str> = physical
        .iter()
        .filter(|nic| nic.carrier == Some(true) || nic.operstate == "up")
        .map(|nic| nic.name.as_str())
        .collect();
    checks.push(if physical.is_empty() {
        Check::bad(
            TOPIC,
            Exit::Refused,
            "there is no network card",
            "no driver for it, or its firmware is missing",
            "look for it with lspci, and add the extension that has its driver",
        )
    } else if linked.is_empty() {
        Check::bad(
            TOPIC,
            Exit::Refused,
            "no network card has a link",
            "no cable, or a port at the other end that is off",
            "plug in a cable, or switch the port on",
        )
    } else {
        Check::ok(TOPIC, format!("linked: {}", linked.join(", ")))
    });
}

pub(super) fn tuning(facts: &Facts<'_>, checks: &mut Vec<Check>, not_looked_at: &mut Vec<String>) {
    const TOPIC: &str = "settings";
    let Some(report) = facts.tuning else {
        not_looked_at.push("settings of disks and memory: they were not recorded".to_owned());
        return;
    };
    let (mut drifted, mut unknown) = (0_usize, 0_usize);
    for setting in report.drift() {
        // A recording holds the attributes that its version knew.
        if facts.here.is_none() && setting.now.is_none() {
            unknown += 1;
            continue;
        }
        drifted += 1;
        let disk = setting.disk.as_deref().unwrap_or("the machine");
        let now = setting.now.as_deref().unwrap_or("nothing");
        let found = format!("{disk}: {} is {now}, not {}", setting.key, setting.wanted);
        let fix =
            "`keelblock tune` sets it, and `keelblock tune export` writes files that keep it set";
        checks.push(Check {
            exit: Exit::Drift,
            ..Check::warn(TOPIC, found, &setting.reason, fix)
        });
    }
    if unknown > 0 {
        not_looked_at.push(format!(
            "{unknown} settings that the recording does not hold"
        ));
    }
    if drifted == 0 {
        let found = match report.settings.len() - unknown {
            0 => "nothing is asked of any disk here".to_owned(),
            all => format!("{all} are as wanted"),
        };
        checks.push(Check::ok(TOPIC, found));
    }
}
