//! Identities that are not one disk's own: the same wwid or serial twice, and ids that are known to be shared.

use super::proof::{Warning, WarningKind};
use crate::probe::identity::{is_serial, is_unique};
use crate::probe::inventory::Disk;

/// Every wwid and serial that several of `disks` have, and every wwid that more disks have than are here.
pub(super) fn clones(disks: &[&Disk]) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (name, of) in [
        ("wwid", (|disk| &disk.talos.wwid) as fn(&Disk) -> &String),
        ("serial", |disk| &disk.talos.serial),
    ] {
        let mut owners: Vec<(&str, &str)> = disks.iter().map(|d| (&**of(d), &*d.path)).collect();
        // Stable: paths stay in Talos' order.
        owners.sort_by_key(|(id, _)| *id);
        for same in owners.chunk_by(|a, b| a.0 == b.0) {
            let id = same[0].0;
            let paths: Vec<&str> = same.iter().map(|(_, path)| *path).collect();
            warnings.extend(twice(name, id, &paths).or_else(|| {
                let shared = name == "wwid" && is_serial(id) && !is_unique(id);
                shared.then(|| shared_id(id, paths.first().copied().unwrap_or_default()))
            }));
        }
    }
    warnings
}

fn twice(name: &str, id: &str, paths: &[&str]) -> Option<Warning> {
    (is_serial(id) && paths.len() > 1).then(|| Warning {
        kind: WarningKind::Clones,
        text: format!(
            "{} have the same {name} {id:?}: clones, one bridge for several disks, or one disk by several paths; no \
             rule by {name} tells them apart",
            paths.join(" and ")
        ),
    })
}

/// Says that `id` is no identity.
pub(super) fn shared_id(id: &str, path: &str) -> Warning {
    Warning {
        kind: WarningKind::SharedId,
        text: format!(
            "the wwid {id:?} of {path} is not its own: other disks of its maker or bridge have the same"
        ),
    }
}
