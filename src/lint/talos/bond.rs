//! A bond of the old document. Pure.

use super::view::{Out, View};
use crate::config::bond::WORDS;

/// Settings that only some modes have; the number is the most that the others take.
const MODES: [(&str, i64, &[&str]); 8] = [
    ("lacpRate", 0, &["802.3ad"]),
    (
        "arpValidate",
        0,
        &["balance-rr", "active-backup", "balance-xor", "broadcast"],
    ),
    (
        "primary",
        0,
        &["active-backup", "balance-alb", "balance-tlb"],
    ),
    (
        "arpInterval",
        0,
        &["balance-rr", "active-backup", "balance-xor", "broadcast"],
    ),
    ("packetsPerSlave", 1, &["balance-rr"]),
    ("tlbDynamicLb", 0, &["balance-alb", "balance-tlb"]),
    ("adActorSysPrio", 0, &["802.3ad"]),
    ("adUserPortKey", 0, &["802.3ad"]),
];

/// Checks a bond; nothing if there is none.
pub(super) fn check(bond: &View<'_>, out: &mut Out<'_>) {
    if !bond.is_set() {
        return;
    }
    for (key, words) in WORDS {
        let value = bond.get(key);
        if !value.text().is_empty() && !words.contains(&value.text()) {
            out.refuse(&value, format!("one of {}", words.join(", ")));
        }
    }
    let mode = match bond.get("mode").text() {
        mode if WORDS[0].1.contains(&mode) => mode,
        // Talos goes on with the first one.
        _ => "balance-rr",
    };
    for (key, most, modes) in MODES {
        let value = bond.get(key);
        let used = !value.text().is_empty() || value.number() > most;
        if used && !modes.contains(&mode) {
            out.refuse(&value, format!("only with mode {}", modes.join(", ")));
        }
    }
    for key in ["arpIPTarget", "adActorSystem"] {
        let value = bond.get(key);
        let used = !value.is_empty() || !value.text().is_empty();
        out.refuse_if(used, &value, "Talos does not support it");
    }
    let monitor = bond.get("miimon").number();
    for key in ["updelay", "downdelay"] {
        let delay = bond.get(key);
        match (monitor, delay.number()) {
            (0, 0) => {}
            (0, _) => out.refuse(&delay, "it needs miimon"),
            (step, delayed) if delayed % step != 0 => {
                out.refuse(&delay, "not a multiple of miimon");
            }
            _ => {}
        }
    }
}
