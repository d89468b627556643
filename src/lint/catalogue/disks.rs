//! KB3: which disk is meant.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 10] = [
    &GLOB_IN_PATH,
    &NEVER_TRUE,
    &CASE,
    &NOT_UNIQUE,
    &EXPRESSION,
    &EXACT_SIZE,
    &BROAD_TYPE,
    &UNSTABLE_NAME,
    &LITERAL,
    &NO_DISK,
];

/// KB301: a pattern in a device path matches nothing.
pub static GLOB_IN_PATH: Rule = rule(
    "KB301",
    Level::Risk,
    "a pattern in a device path matches nothing",
    [
        "Talos opens the path as it is written, or follows a link of that name; it never expands it. The disk is never found.",
        "Use a selector, or write the whole link below /dev/disk/by-id.",
        r#"# found
machine:
  disks:
    - device: /dev/disk/by-id/usb-Samsung_*
# right
kind: UserVolumeConfig
provisioning:
  diskSelector:
    match: glob("Samsung*", disk.model)"#,
    ],
);

/// KB302: no disk can ever match.
pub static NEVER_TRUE: Rule = rule(
    "KB302",
    Level::Risk,
    "no disk can ever match",
    [
        "The conditions contradict each other, or ask for a value that no disk has. The node waits for a disk that cannot come.",
        "Correct the condition.",
        r#"# found
match: disk.transport == "nvme" && disk.transport == "usb"
# right
match: disk.transport == "nvme""#,
    ],
);

/// KB303: upper and lower case count.
pub static CASE: Rule = rule(
    "KB303",
    Level::Note,
    "upper and lower case count",
    [
        "Talos compares letter by letter. A disk whose kernel name is written in other letters is not found, and nothing says why.",
        "Compare with the model in `keelblock probe` on that machine.",
        r#"# found: does not match "Apple SSD"
installDiskSelector: {model: "APPLE*"}"#,
    ],
);

/// KB304: any second disk of this kind would do as well.
pub static NOT_UNIQUE: Rule = rule(
    "KB304",
    Level::Risk,
    "any second disk of this kind would do as well",
    [
        "Talos takes the first disk that matches, in the order of kernel names, and installs over it. The model tells a product, not a disk.",
        "Add size, or better serial or wwid.",
        r#"# found
installDiskSelector: {model: "APPLE*"}
# right
installDiskSelector: {model: "APPLE*", size: "<= 300GB"}"#,
    ],
);

/// KB305: not a valid expression.
pub static EXPRESSION: Rule = rule(
    "KB305",
    Level::Error,
    "not a valid expression",
    [
        "Talos parses and type-checks it, and refuses the configuration. Sizes are unsigned: literals need a u or a unit.",
        "Correct it at the place that the finding names.",
        r#"# found
match: disk.size > 120
# right
match: disk.size > 120u * GB"#,
    ],
);

/// KB306: the size is compared to the byte.
pub static EXACT_SIZE: Rule = rule(
    "KB306",
    Level::Risk,
    "the size is compared to the byte",
    [
        "Without an operator a size means ==. No 1 TB disk has exactly 1,000,000,000,000 bytes.",
        "Write a bound: >= or <=.",
        r#"# found
installDiskSelector: {size: 1TB}
# right
installDiskSelector: {size: ">= 900GB"}"#,
    ],
);

/// KB307: every SSD matches, NVMe and USB too.
pub static BROAD_TYPE: Rule = rule(
    "KB307",
    Level::Risk,
    "every SSD matches, NVMe and USB too",
    [
        r#"type: ssd means "does not rotate". On a machine with several such disks Talos takes the first by name, which may hold data."#,
        "Name the model, the serial or the bus path.",
        r#"# found
installDiskSelector: {type: ssd}
# right
installDiskSelector: {busPath: "/pci0000:00/0000:00:1f.2/ata1/*"}"#,
    ],
);

/// KB308: the name may be another disk after a boot.
pub static UNSTABLE_NAME: Rule = rule(
    "KB308",
    Level::Risk,
    "the name may be another disk after a boot",
    [
        "Kernel names such as /dev/sda go by the order in which disks answer. With a USB disk plugged in, the order changes.",
        "Use /dev/disk/by-id, or a selector.",
        r#"# found
installDisk: /dev/sda
# right
installDisk: /dev/disk/by-id/ata-APPLE_SSD_SM0128F_S1K4NYBF800001"#,
    ],
);

/// KB309: only * is special here.
pub static LITERAL: Rule = rule(
    "KB309",
    Level::Risk,
    "only * is special here",
    [
        "Talos' patterns have no ?, no [a-z] and no escapes: they stand for themselves, so the pattern matches nothing.",
        "Use *, or an expression with matches().",
        r#"# found
installDiskSelector: {busPath: "*ata[12]*"}
# right
installDiskSelector: {busPath: "*ata1*"}"#,
    ],
);

/// KB310: no disk of the recorded machine matches.
pub static NO_DISK: Rule = rule(
    "KB310",
    Level::Risk,
    "no disk of the recorded machine matches",
    [
        "None of the disks in the recorded machines of --hardware meets the conditions.",
        "Compare with `keelblock select --hardware FILE`.",
        r#"# found, on a machine without such a disk
installDiskSelector: {model: "APPLE*"}"#,
    ],
);
