//! What a change does to sealed volumes: slots that Talos adds, replaces or removes, and volumes that nothing opens.
//!
//! Spec: Talos 1.14.1 `internal/pkg/encryption/encryption.go`: a volume is opened with the first configured key that fits
//! its own slot, then the slots are made as configured, those that are not configured removed. Cipher, key and sector
//! size count when the volume is sealed. `controllers/block/volume_config.go`: the encryption of STATE goes to META as
//! soon as the configuration is applied, and STATE is opened with it at the next boot.

use std::collections::{BTreeMap, BTreeSet};

use super::disks::value;
use super::risk::{Change, Risk};
use crate::config::spec::{Encryption, Key, KeySource, Spec};

/// The changes from `before` to `after`, of the volumes that both have.
pub(super) fn changes(before: &Spec, after: &Spec) -> Vec<Change> {
    let mut found = Vec::new();
    let ids = |spec: &'_ Spec| -> BTreeSet<String> {
        let others = spec.volumes.iter().map(|volume| volume.id.clone());
        ["STATE", "EPHEMERAL"]
            .map(str::to_owned)
            .into_iter()
            .chain(others)
            .collect()
    };
    for id in ids(before).intersection(&ids(after)) {
        match (before.encryption_of(id), after.encryption_of(id)) {
            (None, None) => {}
            (Some(a), Some(b)) => resealed(id, a, b, &mut found),
            (a, b) => found.push(unlike(id, a, b)),
        }
    }
    found
}

/// Plain on one side, sealed on the other.
fn unlike(id: &str, before: Option<&Encryption>, after: Option<&Encryption>) -> Change {
    let words = |it: Option<&Encryption>| Some(it.map_or_else(|| String::from("plain"), sealed));
    let why = match after {
        Some(_) => "Talos does not seal a volume that has content",
        None => "Talos does not unseal a volume",
    };
    let then = match id {
        "STATE" => {
            "From the next boot on the node hangs before it has a configuration, until STATE is wiped and made anew."
        }
        "EPHEMERAL" => {
            "From the next boot on it is not mounted and the node does not come up, until EPHEMERAL is wiped and made anew."
        }
        _ => "From the next boot on it is not mounted, until it is wiped and made anew.",
    };
    let effect = format!("{why}. {then}");
    Change::new(
        Risk::LocksOut,
        format!("{id} encryption"),
        words(before),
        words(after),
        effect,
    )
}

/// Cipher and kinds of keys.
fn sealed(encryption: &Encryption) -> String {
    let slots: Vec<String> = encryption.keys.iter().map(slot).collect();
    format!("{}, {}", encryption.cipher.name(), slots.join(", "))
}

/// A key, but not what opens anything.
fn slot(key: &Key) -> String {
    let lock = match key.lock_to_state {
        Some(true) => " locked to STATE",
        _ => "",
    };
    let what = match &key.source {
        KeySource::Kms { endpoint } => format!("kms {endpoint}"),
        other => other.word().to_owned(),
    };
    format!("slot {} {what}{lock}", key.slot)
}

/// Whether a key of the new configuration opens what the old one sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// It does.
    Opens,
    /// If the other server knows the key of the first.
    Perhaps,
    /// It does not.
    Not,
}

fn fit(old: &Key, new: &Key) -> Fit {
    let lock = |key: &Key| key.lock_to_state == Some(true);
    if lock(old) != lock(new) {
        return Fit::Not;
    }
    match (&old.source, &new.source) {
        (KeySource::Static(a), KeySource::Static(b)) if a.expose() == b.expose() => Fit::Opens,
        (KeySource::Kms { endpoint: a }, KeySource::Kms { endpoint: b }) => {
            if a == b {
                Fit::Opens
            } else {
                Fit::Perhaps
            }
        }
        // What was sealed says itself to which registers.
        (KeySource::NodeId, KeySource::NodeId) | (KeySource::Tpm { .. }, KeySource::Tpm { .. }) => {
            Fit::Opens
        }
        _ => Fit::Not,
    }
}

fn resealed(id: &str, before: &Encryption, after: &Encryption, found: &mut Vec<Change>) {
    header(id, before, after, found);
    let map = |it: &'_ Encryption| -> BTreeMap<u32, usize> {
        let keys = it.keys.iter().enumerate();
        keys.map(|(index, key)| (key.slot, index)).collect()
    };
    let (old, new) = (map(before), map(after));
    let slots: BTreeSet<u32> = old.keys().chain(new.keys()).copied().collect();
    let mut best = Fit::Not;
    let mut changed = Vec::new();
    for number in slots {
        let (a, b) = (
            old.get(&number).map(|index| &before.keys[*index]),
            new.get(&number).map(|index| &after.keys[*index]),
        );
        let subject = format!("{id} key slot {number}");
        let effect = match (a, b) {
            (Some(a), Some(b)) => match fit(a, b) {
                Fit::Opens => {
                    best = Fit::Opens;
                    registers(&subject, a, b, found);
                    continue;
                }
                Fit::Perhaps => {
                    if best == Fit::Not {
                        best = Fit::Perhaps;
                    }
                    "At the next boot the slot is kept if the new server opens it, and replaced otherwise."
                }
                Fit::Not => "At the next boot the slot is wiped and the new key is put there.",
            },
            (None, _) => "At the next boot the key is added.",
            (_, None) => "At the next boot the slot is wiped: its key opens nothing any more.",
        };
        let (from, to) = (a.map(slot), b.map(slot));
        let (from, to) = match (&from, &to) {
            (Some(a), Some(b)) if a == b => (from, Some(format!("{b} (another one)"))),
            _ => (from, to),
        };
        changed.push(Change::new(Risk::Rekeys, subject, from, to, effect));
    }
    found.extend(locked(id, before, after, best));
    found.append(&mut changed);
}

/// No key of the new configuration opens what is there.
fn locked(id: &str, before: &Encryption, after: &Encryption, best: Fit) -> Option<Change> {
    let unless = match best {
        Fit::Opens => return None,
        Fit::Perhaps => ", unless the new server opens what the old one sealed",
        Fit::Not => "",
    };
    let then = match id {
        "STATE" => {
            "META has the new keys as soon as the configuration is applied, and the node hangs at the next boot"
        }
        "EPHEMERAL" => "The node does not come up after the next boot",
        _ => "It cannot be opened after the next boot",
    };
    let effect = format!(
        "No key stays in its slot, so that nothing opens the volume to take the new ones. {then}{unless}. Add the new key in a free slot first, reboot, then remove the old one."
    );
    let subject = format!("{id} keys");
    Some(Change::new(
        Risk::LocksOut,
        subject,
        Some(sealed(before)),
        Some(sealed(after)),
        effect,
    ))
}

fn registers(subject: &str, old: &Key, new: &Key, found: &mut Vec<Change>) {
    if let (KeySource::Tpm { pcrs: a, .. }, KeySource::Tpm { pcrs: b, .. }) =
        (&old.source, &new.source)
        && a != b
    {
        let list = |pcrs: &Option<Vec<u8>>| match pcrs {
            None => String::from("[7]"),
            Some(pcrs) => format!("{pcrs:?}"),
        };
        let effect = "A key that is sealed keeps the registers that it was sealed to.";
        found.push(value(
            Risk::Remake,
            &format!("{subject} PCRs"),
            &list(a),
            &list(b),
            effect,
        ));
    }
}

/// What the header of a volume holds that is there, and how it is opened.
fn header(id: &str, before: &Encryption, after: &Encryption, found: &mut Vec<Change>) {
    const HEADER: &str =
        "The header of a volume that is sealed keeps what it has; nothing is encrypted anew.";
    const OPENED: &str = "In effect when the volume is opened next, at the next boot.";
    let number = |it: u64| match it {
        0 => String::from("default"),
        it => it.to_string(),
    };
    let options = |it: &Encryption| it.options.clone().unwrap_or_default().join(", ");
    let flag = |it: &Encryption| it.allow_discards.unwrap_or(false).to_string();
    let all = [
        (
            Risk::Remake,
            "cipher",
            before.cipher.name().to_owned(),
            after.cipher.name().to_owned(),
            HEADER,
        ),
        (
            Risk::Remake,
            "keySize",
            number(before.key_size.into()),
            number(after.key_size.into()),
            HEADER,
        ),
        (
            Risk::Remake,
            "blockSize",
            number(before.block_size),
            number(after.block_size),
            HEADER,
        ),
        (
            Risk::Reboot,
            "options",
            format!("[{}]", options(before)),
            format!("[{}]", options(after)),
            OPENED,
        ),
        (
            Risk::Reboot,
            "allowDiscards",
            flag(before),
            flag(after),
            OPENED,
        ),
    ];
    for (risk, key, old, new, effect) in all {
        if old != new {
            found.push(value(risk, &format!("{id} {key}"), &old, &new, effect));
        }
    }
}
