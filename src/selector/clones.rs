//! Identities that are not one disk's own: the same wwid or serial twice, and ids that are known to be shared.

use std::collections::BTreeMap;

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
        let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for disk in disks {
            owners.entry(of(disk)).or_default().push(&disk.path);
        }
        for (id, paths) in owners {
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
