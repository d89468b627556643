//! KB5: volumes and their sizes.

use super::rule;
use crate::lint::rule::{Level, Rule};

/// The family.
pub(in crate::lint) static ALL: [&Rule; 3] = [&UNUSED_SPACE, &MIN_ABOVE_MAX, &TOO_LARGE];

/// KB501: the rest of the disk stays unused.
pub static UNUSED_SPACE: Rule = rule(
    "KB501",
    Level::Warning,
    "the rest of the disk stays unused",
    [
        "Talos makes the partition as large as maxSize and no larger. A disk that is sold with this size has a little more, which nothing uses.",
        "Leave maxSize out with minSize and grow: true, or write 100%.",
        r#"# found
provisioning: {maxSize: 1TB}
# right
provisioning: {minSize: 100GiB, maxSize: 100%}"#,
    ],
);

/// KB502: minSize is larger than maxSize.
pub static MIN_ABOVE_MAX: Rule = rule(
    "KB502",
    Level::Error,
    "minSize is larger than maxSize",
    [
        "No partition has both. Talos refuses the configuration.",
        "Exchange the two.",
        r#"# found
provisioning: {minSize: 100GiB, maxSize: 50GiB}"#,
    ],
);

/// KB503: larger than any disk of the recorded machine.
pub static TOO_LARGE: Rule = rule(
    "KB503",
    Level::Risk,
    "larger than any disk of the recorded machine",
    [
        "minSize is more than the largest disk has that matches, so the volume is never made.",
        "Lower minSize, or correct the selector.",
        r#"# found, on a machine with a 500 GB disk
provisioning: {minSize: 900GB}"#,
    ],
);
