//! Which disks a reset is about, by the names in their tables. Pure.
//!
//! Talos goes by names wherever they are, so a name that two disks carry cannot be resolved by guessing: one of the
//! disks is a ghost, a former system disk that was left plugged in.

use super::erasing;
use crate::probe::inventory::{Content, Disk, Inventory, Layout, Partition};
use crate::selector::forbids_writing;

/// Why no disk was chosen.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// Nothing carries a name of Talos' system.
    #[error("no disk carries {}", .0.join(" or "))]
    Nothing(Vec<String>),
    /// Two disks carry the same name.
    #[error("{name} is on {}", .disks.join(" and on "))]
    Ambiguous {
        /// The partition name.
        name: String,
        /// The disks, for people.
        disks: Vec<String>,
    },
    /// A volume that was named is nowhere.
    #[error("no disk carries {0}")]
    NoVolume(String),
    /// A partition of that name alone proves nothing.
    #[error(
        "{disk} has a partition {name}, but no META beside it: it may belong to another system"
    )]
    NotTalos {
        /// The disk, for people.
        disk: String,
        /// The partition.
        name: String,
    },
    /// Something speaks against writing to the disk.
    #[error("refusing to write {disk}")]
    Forbidden {
        /// The disk, for people.
        disk: String,
        /// What, one line each.
        against: Vec<String>,
    },
    /// Disks of which nobody can tell whether they carry the names.
    #[error("it cannot be told what {disk} carries: {reason}")]
    Unreadable {
        /// The disk, for people.
        disk: String,
        /// Why.
        reason: String,
    },
}

/// The names that go: STATE and EPHEMERAL, and the volumes that were named.
pub fn goes(partition: &Partition, volumes: &[String]) -> bool {
    let named = matches!(partition.name.as_str(), "STATE" | "EPHEMERAL")
        || volumes.contains(&partition.name);
    named || erasing::is_erasing(partition)
}

/// The disks of `inventory` to reset; with `only`, that one and no other.
///
/// # Errors
/// [`ChooseError`].
pub fn choose<'a>(
    inventory: &'a Inventory,
    only: Option<&Disk>,
    volumes: &[String],
) -> Result<Vec<&'a Disk>, ChooseError> {
    let considered = |disk: &&Disk| only.is_none_or(|only| only.id == disk.id);
    // A loop device shows what some other disk or file holds; Talos passes over it, too.
    let real = |disk: &&Disk| only.is_some() || !disk.path.starts_with("/dev/loop");
    let disks: Vec<&Disk> = inventory
        .disks
        .iter()
        .filter(considered)
        .filter(real)
        .collect();
    // A drive without a medium carries nothing; anything else that cannot be read might.
    for disk in disks.iter().filter(|disk| disk.talos.size > 0) {
        if let Content::Unreadable { reason } = &disk.content {
            return Err(unreadable(disk, reason));
        }
    }
    unambiguous(&disks, volumes)?;
    let mut chosen: Vec<&Disk> = disks
        .iter()
        .copied()
        .filter(|disk| partitions(disk).any(|p| goes(p, volumes)))
        .collect();
    if let Some(missing) = volumes.iter().find(|name| !anywhere(&chosen, name)) {
        return Err(ChooseError::NoVolume(missing.clone()));
    }
    if !anywhere(&chosen, "STATE") {
        // META may still say how to open a STATE that is gone.
        let system = disks.iter().copied().find(|disk| is_system(disk));
        if let Some(system) = system.filter(|system| chosen.iter().all(|c| c.id != system.id)) {
            chosen.insert(0, system);
        }
    }
    if chosen.is_empty() {
        let names = ["STATE", "EPHEMERAL", "META"];
        return Err(ChooseError::Nothing(names.map(str::to_owned).to_vec()));
    }
    let known = disks.iter().any(|disk| is_system(disk));
    for disk in &chosen {
        allowed(disk, known, only.is_some())?;
    }
    chosen.sort_by_key(|disk| !is_system(disk));
    Ok(chosen)
}

fn unreadable(disk: &Disk, reason: &str) -> ChooseError {
    ChooseError::Unreadable {
        disk: disk.path.clone(),
        reason: reason.to_owned(),
    }
}

fn partitions(disk: &Disk) -> impl Iterator<Item = &Partition> {
    let layout: Option<&Layout> = disk.content.layout();
    layout.into_iter().flat_map(|layout| &layout.partitions)
}

fn carries(disk: &Disk, name: &str) -> bool {
    partitions(disk).any(|p| p.name == name)
}

fn anywhere(disks: &[&Disk], name: &str) -> bool {
    disks.iter().any(|disk| carries(disk, name))
}

/// Whether Talos' installer was here: META with its size.
fn is_system(disk: &Disk) -> bool {
    partitions(disk)
        .any(|p| p.name == "META" && p.extent.len == crate::partitioner::meta::PARTITION_SIZE)
}

fn unambiguous(disks: &[&Disk], volumes: &[String]) -> Result<(), ChooseError> {
    let names = ["STATE", "EPHEMERAL", "META"].into_iter();
    for name in names.chain(volumes.iter().map(String::as_str)) {
        let holders: Vec<String> = disks
            .iter()
            .filter(|disk| carries(disk, name))
            .map(|disk| format!("{} ({})", disk.id, disk.path))
            .collect();
        if holders.len() > 1 {
            return Err(ChooseError::Ambiguous {
                name: name.to_owned(),
                disks: holders,
            });
        }
    }
    Ok(())
}

/// Whether the disk may be written, and is Talos' at all.
fn allowed(disk: &Disk, system_known: bool, named: bool) -> Result<(), ChooseError> {
    let against = forbids_writing(disk);
    if !against.is_empty() {
        return Err(ChooseError::Forbidden {
            disk: format!("{} ({})", disk.id, disk.path),
            against,
        });
    }
    // Other systems have a partition STATE, too (ChromeOS keeps its users' files there).
    let state = carries(disk, "STATE") && !is_system(disk);
    let stray = !system_known && !named && !is_system(disk);
    if state || stray {
        return Err(ChooseError::NotTalos {
            disk: format!("{} ({})", disk.id, disk.path),
            name: if state { "STATE" } else { "EPHEMERAL" }.to_owned(),
        });
    }
    Ok(())
}
