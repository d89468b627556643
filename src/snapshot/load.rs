//! Reads what was recorded: snapshots and plain inventories, of this version and of older ones.
//!
//! The file comes from anywhere, so it is bounded ([`MOST_BYTES`], and the limits of the first look), and what it says is
//! checked as far as later stages rely on it: names of devices stay below `/dev`, no two disks share a name or an identity.
//! Pure; the caller reads the file.

use std::collections::BTreeSet;

use super::{SCHEMA, Snapshot, strict};
use crate::probe::attributes::Attributes;
use crate::probe::inventory::{self, Disk, Inventory};
use crate::probe::nic::Nic;

/// No recorded machine is larger.
pub const MOST_BYTES: u64 = 64 << 20;

/// No machine has more disks.
const MOST_DISKS: usize = 4096;

/// The probe records no more interfaces.
const MOST_NICS: usize = 4096;

/// A text that is no recorded machine, or none that this version can read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Not JSON, or JSON that this program does not accept from elsewhere.
    #[error("it is not one JSON document without surprises")]
    Json(#[source] serde_json::Error),
    /// JSON without `"schema": "keelblock/…/v…"`.
    #[error("it has no schema; a recorded machine starts with \"schema\": {SCHEMA:?}")]
    NoSchema,
    /// Some other document.
    #[error("its schema is {0:?}, which is no recorded machine")]
    OtherSchema(String),
    /// Written by a later version.
    #[error("its schema is {found:?}, made by a newer keelblock; this one reads up to {known}")]
    Newer {
        /// What it says.
        found: String,
        /// The newest that is known.
        known: &'static str,
    },
    /// The schema is known, and the document does not keep to it.
    #[error("it does not keep to its schema {schema}")]
    Shape {
        /// What it says.
        schema: &'static str,
        /// Where it does not.
        #[source]
        source: serde_json::Error,
    },
    /// A value that no machine can have.
    #[error("{0}")]
    Impossible(String),
}

/// Reads a recorded machine. A plain inventory becomes a snapshot without attributes.
///
/// # Errors
/// [`LoadError`].
pub fn parse(text: &str) -> Result<Snapshot, LoadError> {
    let schema = strict::schema(text).map_err(LoadError::Json)?;
    let schema = schema.ok_or(LoadError::NoSchema)?;
    let snapshot = match known(&schema)? {
        SCHEMA => shape::<Snapshot>(text, SCHEMA)?,
        schema => Snapshot::new(shape::<Inventory>(text, schema)?, Attributes::default()),
    };
    // The inventory inside of a snapshot has a version of its own.
    if known(&snapshot.inventory.schema)? != inventory::SCHEMA {
        return Err(LoadError::OtherSchema(snapshot.inventory.schema));
    }
    check(&snapshot).map_err(LoadError::Impossible)?;
    Ok(snapshot)
}

fn shape<'a, T: serde::Deserialize<'a>>(
    text: &'a str,
    schema: &'static str,
) -> Result<T, LoadError> {
    serde_json::from_str(text).map_err(|source| LoadError::Shape { schema, source })
}

/// The schema as a constant, if this version reads it.
fn known(found: &str) -> Result<&'static str, LoadError> {
    for known in [SCHEMA, inventory::SCHEMA] {
        if found == known {
            return Ok(known);
        }
        let (family, ours) = known
            .rsplit_once('v')
            .expect("every schema ends in v<number>");
        let Some(version) = found.strip_prefix(family).and_then(|v| v.strip_prefix('v')) else {
            continue;
        };
        let is_number = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
        // Compared as text, so that no number is too large.
        if is_number && !version.starts_with('0') && (version.len(), version) > (ours.len(), ours) {
            return Err(LoadError::Newer {
                found: found.to_owned(),
                known,
            });
        }
    }
    Err(LoadError::OtherSchema(found.to_owned()))
}

fn check(snapshot: &Snapshot) -> Result<(), String> {
    let disks = &snapshot.inventory.disks;
    if disks.len() > MOST_DISKS {
        return Err(format!(
            "it has {} disks; {MOST_DISKS} are the most",
            disks.len()
        ));
    }
    check_nics(
        snapshot
            .inventory
            .machine
            .nics
            .as_deref()
            .unwrap_or_default(),
    )?;
    let (mut paths, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for disk in disks {
        check_disk(disk)?;
        if !paths.insert(&disk.path) {
            return Err(format!("two disks have the path {:?}", disk.path));
        }
        if !ids.insert(&disk.id) {
            return Err(format!("two disks have the identity {:?}", disk.id));
        }
    }
    let outside = |path: &&String| !is_below(path, &["/sys/", "/proc/sys/"]);
    match snapshot.attributes.keys().find(outside) {
        Some(path) => Err(format!("{path:?} is no path of an attribute below /sys")),
        None => Ok(()),
    }
}

fn check_nics(nics: &[Nic]) -> Result<(), String> {
    if nics.len() > MOST_NICS {
        let count = nics.len();
        return Err(format!(
            "it has {count} network interfaces; {MOST_NICS} are the most"
        ));
    }
    let mut names = BTreeSet::new();
    for Nic { name, .. } in nics {
        // The kernel's own rule, which has a length as well; names of links on other systems are longer.
        let is_name = !name.is_empty() && !matches!(name.as_str(), "." | "..");
        if !is_name || name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) {
            return Err(format!("{name:?} is no name of a network interface"));
        }
        if !names.insert(name) {
            return Err(format!("two network interfaces have the name {name:?}"));
        }
    }
    Ok(())
}

fn check_disk(disk: &Disk) -> Result<(), String> {
    let path = &disk.path;
    if !is_below(path, &["/dev/"]) {
        return Err(format!("{path:?} is no path of a disk below /dev"));
    }
    if let Some(link) = disk
        .talos
        .symlinks
        .iter()
        .find(|l| !is_below(l, &["/dev/"]))
    {
        return Err(format!(
            "{path} has the link {link:?}, which is not below /dev"
        ));
    }
    if disk.id.trim().is_empty() {
        return Err(format!("{path} has no identity"));
    }
    let layout = disk.content.layout();
    let partitions = layout.into_iter().flat_map(|layout| &layout.partitions);
    for partition in partitions {
        let extent = partition.extent;
        if extent.start.checked_add(extent.len).is_none() {
            let number = partition.number;
            return Err(format!(
                "partition {number} of {path} ends beyond 2^64 bytes"
            ));
        }
    }
    Ok(())
}

/// An absolute path below one of `roots` that says what it means: no `.` or `..`, no control characters.
fn is_below(path: &str, roots: &[&str]) -> bool {
    let Some(rest) = roots.iter().find_map(|root| path.strip_prefix(root)) else {
        return false;
    };
    path.len() <= 4096
        && !path.contains(char::is_control)
        && rest.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_newer_or_no_version() {
        assert_eq!(known(SCHEMA).unwrap(), SCHEMA);
        assert_eq!(known(inventory::SCHEMA).unwrap(), inventory::SCHEMA);
        for newer in [
            "keelblock/snapshot/v2",
            "keelblock/inventory/v10",
            "keelblock/snapshot/v99999999999999999999999",
        ] {
            assert!(
                matches!(known(newer), Err(LoadError::Newer { .. })),
                "{newer}"
            );
        }
        for other in [
            "",
            "keelblock/snapshot/v0",
            "keelblock/snapshot/v01",
            "keelblock/snapshot/v",
            "keelblock/plan/v1",
            "x/snapshot/v1",
            "keelblock/snapshot/v1 ",
        ] {
            assert!(
                matches!(known(other), Err(LoadError::OtherSchema(_))),
                "{other}"
            );
        }
    }

    #[test]
    fn interfaces_have_names_of_their_own_that_the_kernel_would_take() {
        let nics = |names: &[&str]| -> Vec<Nic> {
            let nic = |name: &&str| Nic {
                name: (*name).to_owned(),
                ..Nic::default()
            };
            names.iter().map(nic).collect()
        };
        assert_eq!(check_nics(&nics(&["lo", "enp3s0f0", "eth0.5"])), Ok(()));
        for names in [
            &["eth0", "eth0"][..],
            &[""],
            &["."],
            &["../eth0"],
            &["a b"],
            &["a\u{1b}"],
        ] {
            assert!(check_nics(&nics(names)).is_err(), "{names:?}");
        }
        assert!(check_nics(&vec![Nic::default(); MOST_NICS + 1]).is_err());
    }

    #[test]
    fn a_path_says_what_it_means() {
        for path in ["/dev/sda", "/dev/disk/by-id/a b", "/dev/..a"] {
            assert!(is_below(path, &["/dev/"]), "{path}");
        }
        for path in [
            "sda",
            "/dev",
            "/dev/",
            "/dev/../etc/passwd",
            "/dev/./sda",
            "/dev//sda",
            "/devil/sda",
            "/dev/a\u{1b}",
            "/dev/a\0b",
        ] {
            assert!(!is_below(path, &["/dev/"]), "{path:?}");
        }
    }
}
