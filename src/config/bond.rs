//! What the options of a bond may say, in talconfig.yaml and in configurations alike. Pure data.
//!
//! Spec: Talos' `nethelpers`, the enumerations of bonds.

/// The words that an option may have, if it is there; of `mode`, the first one counts if nothing does.
pub(crate) const WORDS: [(&str, &[&str]); 8] = [
    (
        "mode",
        &[
            "balance-rr",
            "active-backup",
            "balance-xor",
            "broadcast",
            "802.3ad",
            "balance-tlb",
            "balance-alb",
        ],
    ),
    (
        "xmitHashPolicy",
        &["layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"],
    ),
    ("lacpRate", &["slow", "fast"]),
    (
        "arpValidate",
        &[
            "none",
            "active",
            "backup",
            "all",
            "filter",
            "filter-active",
            "filter-backup",
        ],
    ),
    ("arpAllTargets", &["any", "all"]),
    ("primaryReselect", &["always", "better", "failure"]),
    ("failOverMac", &["none", "active", "follow"]),
    ("adSelect", &["stable", "bandwidth", "count"]),
];
