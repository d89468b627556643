//! KB4: encryption that locks a node out, or protects from nothing.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 8] = [
    &NODE_ID_ALONE,
    &LOCKED_STATE,
    &TPM_WITHOUT_SECUREBOOT,
    &SLOT_TWICE,
    &SLOT_GAP,
    &KMS_ENDPOINT,
    &NETWORK_ALONE,
    &OPTION,
];

/// KB401: the machine's UUID is the only key.
pub static NODE_ID_ALONE: Rule = rule(
    "KB401",
    Level::Risk,
    "the machine's UUID is the only key",
    [
        "The key is made of the SMBIOS UUID alone. Who has the machine has the key, and after a new mainboard or a firmware that tells another UUID nobody has it.",
        "Add a second slot: static, kms or tpm.",
        r#"# found
keys:
  - nodeID: {}
    slot: 0
# right
keys:
  - nodeID: {}
    slot: 0
  - slot: 1
    kms: {endpoint: "https://kms.example.org:4050"}"#,
    ],
);

/// KB402: STATE cannot be locked to itself.
pub static LOCKED_STATE: Rule = rule(
    "KB402",
    Level::Error,
    "STATE cannot be locked to itself",
    [
        "lockToState mixes in a salt that lies on STATE, so STATE would need itself to open. Talos refuses it.",
        "Remove lockToState from the keys of STATE.",
        r#"# found
kind: VolumeConfig
name: STATE
encryption:
  keys:
    - lockToState: true"#,
    ],
);

/// KB403: a TPM key without SecureBoot.
pub static TPM_WITHOUT_SECUREBOOT: Rule = rule(
    "KB403",
    Level::Risk,
    "a TPM key without SecureBoot",
    [
        "The key is bound to a signed measurement of the boot that only an image for SecureBoot makes. Without one the key cannot be sealed, and the volume is not provisioned.",
        "Set machineSpec.secureboot: true, or use another key.",
        r#"# found
keys: [{slot: 0, tpm: {}}]
# right, too
machineSpec:
  secureboot: true"#,
    ],
);

/// KB404: two keys share a slot.
pub static SLOT_TWICE: Rule = rule(
    "KB404",
    Level::Error,
    "two keys share a slot",
    [
        "A slot holds one key; a key without slot has slot 0. Talos refuses the configuration.",
        "Number the keys 0, 1, 2.",
        r#"# found
keys:
  - nodeID: {}
  - tpm: {}
# right
keys:
  - {nodeID: {}, slot: 0}
  - {tpm: {}, slot: 1}"#,
    ],
);

/// KB405: a slot is left out.
pub static SLOT_GAP: Rule = rule(
    "KB405",
    Level::Note,
    "a slot is left out",
    [
        "Talos removes every slot of the disk that the configuration does not have. A key in the gap, such as one for recovery, is gone after the next boot.",
        "List every key that has to stay.",
        r#"# found: slot 1 is removed at boot
keys:
  - {nodeID: {}, slot: 0}
  - {tpm: {}, slot: 2}"#,
    ],
);

/// KB406: an endpoint of a KMS that is not safe, or none.
pub static KMS_ENDPOINT: Rule = rule(
    "KB406",
    Level::Risk,
    "an endpoint of a KMS that is not safe, or none",
    [
        "Talos takes https (TLS, port 443 unless another one is written) and grpc (no TLS). Without a scheme it is grpc, and the key goes over the network in the clear; what cannot be dialled cannot give a key.",
        "Write https://HOST:PORT.",
        r#"# found
kms: {endpoint: "kms.example.org"}
# right
kms: {endpoint: "https://kms.example.org:4050"}"#,
    ],
);

/// KB407: without network the volume stays closed.
pub static NETWORK_ALONE: Rule = rule(
    "KB407",
    Level::Risk,
    "without network the volume stays closed",
    [
        "The only key comes from the network, at every boot. STATE holds the network settings of the node: for it, the network has to come up by DHCP or kernel arguments.",
        "Add a second slot that needs no network.",
        r#"# found
keys: [{slot: 0, kms: {endpoint: "https://kms:4050"}}]
# right
keys:
  - {slot: 0, kms: {endpoint: "https://kms:4050"}}
  - {slot: 1, nodeID: {}}"#,
    ],
);

/// KB408: an option that Talos cannot use.
pub static OPTION: Rule = rule(
    "KB408",
    Level::Risk,
    "an option that Talos cannot use",
    [
        "Talos hands options to cryptsetup by name and knows no_read_workqueue, no_write_workqueue and same_cpu_crypt. It opens only headers whose key derivation is argon2id or argon2i: one with pbkdf2 locks the node out.",
        "Remove the option.",
        r#"# found
options: [pbkdf2]
# right
options: [no_read_workqueue]"#,
    ],
);
