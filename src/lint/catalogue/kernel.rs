//! KB6: kernel parameters and udev rules, as `keelblock tune lint` finds them.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 3] = [&HARMFUL, &NO_EFFECT, &REMARK];

/// KB601: the kernel or udev does not do what stands there.
pub static HARMFUL: Rule = rule(
    "KB601",
    Level::Risk,
    "the kernel or udev does not do what stands there",
    [
        "The finding names a code of `keelblock tune lint`, which checks kernel parameters, udev rules and kernel arguments against what the kernel and udev do.",
        "`keelblock tune lint --explain` with the code in brackets says more.",
        r#"# found: waits for an event that Talos does not trigger
ACTION=="change", KERNEL=="sd?", ATTR{queue/rotational}="0""#,
    ],
);

/// KB602: the setting has no effect, or another one.
pub static NO_EFFECT: Rule = rule(
    "KB602",
    Level::Warning,
    "the setting has no effect, or another one",
    [
        "The finding names a code of `keelblock tune lint`, which checks kernel parameters, udev rules and kernel arguments against what the kernel and udev do.",
        "`keelblock tune lint --explain` with the code in brackets says more.",
        r#"# found: nothing reads this property
KERNEL=="sd?", ENV{ID_SSD}="1""#,
    ],
);

/// KB603: a remark on tuning.
pub static REMARK: Rule = rule(
    "KB603",
    Level::Note,
    "a remark on tuning",
    [
        "The finding names a code of `keelblock tune lint`, which checks kernel parameters, udev rules and kernel arguments against what the kernel and udev do.",
        "`keelblock tune lint --explain` with the code in brackets says more.",
        r#"# found: a share of memory, which grows with the machine
machine:
  sysctls: {vm.dirty_ratio: "5"}"#,
    ],
);
