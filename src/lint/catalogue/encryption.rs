//! KB4: encryption that locks a node out, or protects from nothing.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 13] = [
    &NODE_ID_ALONE,
    &LOCKED_STATE,
    &TPM_WITHOUT_SECUREBOOT,
    &SLOT_TWICE,
    &SLOT_GAP,
    &KMS_ENDPOINT,
    &NETWORK_ALONE,
    &OPTION,
    &STATE_IN_META,
    &TWO_SOURCES,
    &OPEN_LOCK,
    &PATCHES_CLASH,
    &PATCHES_ADD_UP,
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

/// KB409: what opens STATE stands in META, in the clear.
pub static STATE_IN_META: Rule = rule(
    "KB409",
    Level::Risk,
    "the passphrase of STATE lies beside it in the clear",
    [
        "Talos opens STATE before it can read the configuration, which lies on STATE. So it copies the keys of STATE into META, tag 9, on the same disk and in the clear: who has the disk has the passphrase. Whenever the keys in the configuration change, META gets the new ones at once while the disk has the old ones until the next boot, which then finds no key that fits if none of them was kept.",
        "Use tpm or kms for STATE; change the keys of STATE one at a time, and boot in between.",
        r#"# found
systemDiskEncryption:
  state:
    keys: [{slot: 0, static: {passphrase: "..."}}]
# right
systemDiskEncryption:
  state:
    keys: [{slot: 0, tpm: {}}]"#,
    ],
);

/// KB410: one key says two things.
pub static TWO_SOURCES: Rule = rule(
    "KB410",
    Level::Warning,
    "one key names two sources",
    [
        "A slot holds one key. Of several sources in one entry Talos takes the first of static, nodeID, kms and tpm, and passes over the others without a word.",
        "Give each source an entry and a slot of its own, or remove one.",
        r#"# found: there is no key in the TPM
keys:
  - {slot: 0, nodeID: {}, tpm: {}}
# right
keys:
  - {slot: 0, nodeID: {}}
  - {slot: 1, tpm: {}}"#,
    ],
);

/// KB411: a lock whose key anybody can read.
pub static OPEN_LOCK: Rule = rule(
    "KB411",
    Level::Risk,
    "locked to a STATE that is open",
    [
        "lockToState mixes in a salt that lies on STATE. STATE is not encrypted here: who has the disk reads the salt, and the lock keeps nobody out. What is left of it is that resetting STATE makes the volume unreadable.",
        "Encrypt STATE with a key that does not lie on the disk, or remove lockToState.",
        r#"# found, without a VolumeConfig for STATE
kind: VolumeConfig
name: EPHEMERAL
encryption:
  provider: luks2
  keys: [{slot: 0, nodeID: {}, lockToState: true}]"#,
    ],
);

/// KB412: the keys of several patches do not fit together.
pub static PATCHES_CLASH: Rule = rule(
    "KB412",
    Level::Error,
    "two patches use one slot of a volume",
    [
        "Patches do not replace a list of keys, nor do they merge it by its slots: Talos puts the keys of the later patch behind those of the earlier one. A slot is then there twice, and Talos refuses the configuration.",
        "Write the keys of a volume in one place, or give each another slot.",
        r#"# found: in a patch of the group
state: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}
# and in one of the node
state: {provider: luks2, keys: [{slot: 0, tpm: {}}]}"#,
    ],
);

/// KB413: the keys of several patches add up.
pub static PATCHES_ADD_UP: Rule = rule(
    "KB413",
    Level::Note,
    "the keys of several patches add up",
    [
        "Patches do not replace a list of keys: those of each patch stay, and every one of them opens the volume. A weak key of a group stays beside the strong one of a node.",
        "Write the keys of a volume in one place if only the later ones are meant.",
        r#"# found: in a patch of the group
state: {provider: luks2, keys: [{slot: 0, nodeID: {}}]}
# and in one of the node: now both keys open STATE
state: {provider: luks2, keys: [{slot: 1, tpm: {}}]}"#,
    ],
);
