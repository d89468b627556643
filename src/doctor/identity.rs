//! The machine's UUID, which nodeID keys are made of. Pure.

use super::{Check, Facts};
use crate::config::spec::{Encryption, KeySource, Spec};
use crate::exit::Exit;
use crate::keys;

const TOPIC: &str = "machine UUID";

/// What firmware has where nobody wrote a UUID: the same on thousands of boards.
const DEFAULTS: [&str; 6] = [
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    "12345678-1234-5678-90ab-cddeefaabbcc",
    "12345678-1234-1234-1234-123456789abc",
    "03020100-0504-0706-0809-0a0b0c0d0e0f",
    "00112233-4455-6677-8899-aabbccddeeff",
];

pub(super) fn uuid(facts: &Facts<'_>, checks: &mut Vec<Check>) {
    let needed = facts.spec.is_some_and(|spec| {
        let has_key = |key: &KeySource| matches!(key, KeySource::NodeId);
        encryptions(spec).any(|encryption| encryption.keys.iter().any(|key| has_key(&key.source)))
    });
    let add = |found: String, cause: &str, fix: &str| match needed {
        true => Check::bad(TOPIC, Exit::Refused, found, cause, fix),
        false => Check::warn(TOPIC, found, cause, fix),
    };
    let Some(uuid) = facts.inventory.machine.uuid.as_deref() else {
        checks.push(add(
            "it could not be read".to_owned(),
            "the firmware has none, or it takes root to read it",
            "run as root; where the firmware has none, use static, KMS or TPM keys instead of nodeID",
        ));
        return;
    };
    let uuid = uuid.to_ascii_lowercase();
    if !keys::is_node_id(&uuid) {
        checks.push(add(
            format!("{uuid} is nearly one digit only"),
            "Talos makes no nodeID key of it: anybody could guess it",
            "have the vendor's tool write one, or use static, KMS or TPM keys instead of nodeID",
        ));
    } else if DEFAULTS.contains(&uuid.as_str()) {
        checks.push(add(
            format!("{uuid} is what the firmware has on every board"),
            "a nodeID key made of it opens the volumes of every such machine",
            "have the vendor's tool write one, or use static, KMS or TPM keys instead of nodeID",
        ));
    } else {
        checks.push(Check::ok(TOPIC, format!("{uuid} is this machine's own")));
    }
}

/// Every encryption of a configuration.
pub(super) fn encryptions(spec: &Spec) -> impl Iterator<Item = &Encryption> {
    let system = [&spec.state.encryption, &spec.ephemeral.encryption];
    let volumes = spec.volumes.iter().map(|volume| &volume.encryption);
    system.into_iter().chain(volumes).filter_map(Option::as_ref)
}
