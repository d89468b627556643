//! KB1: what a file is, and whether Talos can decode it.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 15] = [
    &SYNTAX,
    &REPEATED,
    &LIMIT,
    &UNREADABLE,
    &UNKNOWN_KEY,
    &WRONG_TYPE,
    &UNKNOWN_KIND,
    &NEWER_KIND,
    &NO_DOCUMENT,
    &REFUSED,
    &DOUBTFUL,
    &DEPRECATED,
    &NOT_TALOS,
    &TEMPLATE,
    &ENCRYPTED,
];

/// KB101: the file is no YAML.
pub static SYNTAX: Rule = rule(
    "KB101",
    Level::Error,
    "the file is no YAML",
    [
        "Nothing of the file can be read behind the place. A tab where blanks must stand and a quote that is not closed are the usual reasons.",
        "Correct the line; indent with blanks.",
        r#"# found
machine:
	type: worker
# right
machine:
  type: worker"#,
    ],
);

/// KB102: a key stands there twice.
pub static REPEATED: Rule = rule(
    "KB102",
    Level::Error,
    "a key stands there twice",
    [
        "A mapping has every key once. Talos and talhelper refuse the file; readers that do not would take one of the two values.",
        "Put the two together, or remove one.",
        r#"# found
machine:
  sysctls: {vm.swappiness: "1"}
  sysctls: {vm.dirty_ratio: "5"}
# right
machine:
  sysctls: {vm.swappiness: "1", vm.dirty_ratio: "5"}"#,
    ],
);

/// KB103: the file is larger or deeper than any configuration.
pub static LIMIT: Rule = rule(
    "KB103",
    Level::Error,
    "the file is larger or deeper than any configuration",
    [
        "keelblock reads 4 MiB, 64 levels and 200,000 nodes of one file; aliases that multiply count as what they become.",
        "Name the right file, or split it.",
        r#"# found: a bomb
a: &a [x, x]
b: &b [*a, *a]
c: &c [*b, *b]  # and so on"#,
    ],
);

/// KB104: the file cannot be read.
pub static UNREADABLE: Rule = rule(
    "KB104",
    Level::Error,
    "the file cannot be read",
    [
        "It is not there, it may not be read, it is no text of UTF-8, or a link leads out of the repository. What cannot be read is not taken for right.",
        "Correct the path, the permissions or the encoding.",
        r#"# found
patches:
  - "@patches/no-such-file.yaml""#,
    ],
);

/// KB105: Talos does not have this key.
pub static UNKNOWN_KEY: Rule = rule(
    "KB105",
    Level::Error,
    "Talos does not have this key",
    [
        "Talos decodes strictly: one unknown key and the whole configuration is refused. Often the key belongs elsewhere, or is a document of its own.",
        "Correct the key, or move it to where Talos has it.",
        r#"# found
machine:
  userVolumes:
    - name: data
# right
apiVersion: v1alpha1
kind: UserVolumeConfig
name: data"#,
    ],
);

/// KB106: a value has the wrong type or form.
pub static WRONG_TYPE: Rule = rule(
    "KB106",
    Level::Error,
    "a value has the wrong type or form",
    [
        "A list stands where text must, a number where true or false must, or text does not have the form of an address, a size or a duration.",
        "Write the value in the form that the finding names.",
        r#"# found
machine:
  certSANs: mini01
# right
machine:
  certSANs: [mini01]"#,
    ],
);

/// KB107: Talos does not have this kind of document.
pub static UNKNOWN_KIND: Rule = rule(
    "KB107",
    Level::Error,
    "Talos does not have this kind of document",
    [
        "Every document but the old one says its kind, and Talos refuses those that it does not know.",
        "Correct the kind.",
        r#"# found
apiVersion: v1alpha1
kind: UserVolumesConfig
# right
apiVersion: v1alpha1
kind: UserVolumeConfig"#,
    ],
);

/// KB108: the kind is newer than this Talos.
pub static NEWER_KIND: Rule = rule(
    "KB108",
    Level::Error,
    "the kind is newer than this Talos",
    [
        "The configuration is for a release that does not have this kind of document yet, and refuses it.",
        "Use the section of `machine` that the release has, or upgrade Talos first.",
        r#"# found, with talosVersion: v1.13.9
apiVersion: v1alpha1
kind: SysctlConfig
params: {vm.swappiness: "1"}
# right there
machine:
  sysctls: {vm.swappiness: "1"}"#,
    ],
);

/// KB109: this is no document of Talos.
pub static NO_DOCUMENT: Rule = rule(
    "KB109",
    Level::Error,
    "this is no document of Talos",
    [
        "A document is a mapping with kind and apiVersion; the old one has machine or cluster instead. A patch may also be a list of operations.",
        "Add kind and apiVersion, or name another file.",
        r#"# found
kind: UserVolumeConfig
name: data
# right
apiVersion: v1alpha1
kind: UserVolumeConfig
name: data"#,
    ],
);

/// KB110: the configuration contradicts itself or lacks something.
pub static REFUSED: Rule = rule(
    "KB110",
    Level::Error,
    "the configuration contradicts itself or lacks something",
    [
        "Keys and types are right, but what they say together is refused: two places exclude each other, something required is missing, a value is not allowed.",
        "Do what the finding says.",
        r#"# found: no selector, no size
apiVersion: v1alpha1
kind: UserVolumeConfig
name: data
provisioning: {}"#,
    ],
);

/// KB111: accepted, but passed over.
pub static DOUBTFUL: Rule = rule(
    "KB111",
    Level::Warning,
    "accepted, but passed over",
    [
        "Talos takes the configuration, and does something else than what stands there.",
        "Remove or correct it, so that the file says what happens.",
        r#"# found: only static counts
keys:
  - slot: 0
    static: {passphrase: "..."}
    nodeID: {}"#,
    ],
);

/// KB112: Talos has a newer place for this.
pub static DEPRECATED: Rule = rule(
    "KB112",
    Level::Note,
    "Talos has a newer place for this",
    [
        "The key still works in this release. Talos names the document that takes its place, and will drop the key some day.",
        "Move it when the whole cluster runs a release that has the document.",
        r#"# found, with talosVersion: v1.14.0
machine:
  sysctls: {vm.swappiness: "1"}
# newer
apiVersion: v1alpha1
kind: SysctlConfig
params: {vm.swappiness: "1"}"#,
    ],
);

/// KB113: not a file that can be checked.
pub static NOT_TALOS: Rule = rule(
    "KB113",
    Level::Warning,
    "not a file that can be checked",
    [
        "It has neither documents of Talos nor the keys of talconfig.yaml, so nothing in it was looked at.",
        "Name a machine configuration, a patch, a talconfig.yaml, or a folder with them.",
        r#"# found
replicaCount: 2"#,
    ],
);

/// KB114: a template, checked only in part.
pub static TEMPLATE: Rule = rule(
    "KB114",
    Level::Note,
    "a template, checked only in part",
    [
        "talhelper renders it before Talos reads it. What it becomes is not known here, so only what is certain is said.",
        "Render the node and check the result, too.",
        r#"# found
machine:
  certSANs:
    - {{ .ClusterName }}.example.org"#,
    ],
);

/// KB115: encrypted, not checked.
pub static ENCRYPTED: Rule = rule(
    "KB115",
    Level::Note,
    "encrypted, not checked",
    [
        "The file has metadata of SOPS. keelblock does not decrypt it, so nothing in it was looked at.",
        "Decrypt it for the check, or check the rendered node.",
        r#"# found
machine: ENC[AES256_GCM,data:...]
sops:
  mac: ENC[...]"#,
    ],
);
