//! The commands that clear a ghost, for one disk by a name that stays. Pure: they are text.

use super::Ghost;
use crate::probe::identity::is_unique;
use crate::probe::inventory::{Disk, Partition, Signature};
use crate::units::Extent;

/// A disk as commands name it.
pub(super) struct Device {
    /// A link below `/dev/disk/by-id`, or the kernel's name.
    path: String,
    /// What the disk has to be, where only the kernel's name is known.
    caution: Option<String>,
}

impl Device {
    pub(super) fn of(disk: &Disk) -> Self {
        let own = is_unique(&disk.talos.wwid);
        let mut links: Vec<&String> = disk.talos.symlinks.iter().collect();
        links.retain(|link| {
            let name = link.strip_prefix("/dev/disk/by-id/");
            let plain = link
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/-_.:+".contains(&b));
            plain && name.is_some_and(|name| own || !name.starts_with("wwn-"))
        });
        match links.iter().min_by_key(|link| (link.len(), **link)) {
            Some(link) => Self {
                path: (*link).clone(),
                caution: None,
            },
            None => Self {
                path: disk.path.clone(),
                caution: Some(format!("if {} is still the disk {}", disk.path, disk.id)),
            },
        }
    }

    /// The node of a partition.
    fn part(&self, number: u32) -> String {
        let path = &self.path;
        if self.caution.is_none() {
            format!("{path}-part{number}")
        } else if path.ends_with(|c: char| c.is_ascii_digit()) {
            format!("{path}p{number}")
        } else {
            format!("{path}{number}")
        }
    }

    /// The node of `partition`, or of the disk.
    pub(super) fn node(&self, partition: Option<&Partition>) -> String {
        partition.map_or_else(
            || self.path.clone(),
            |partition| self.part(partition.number),
        )
    }

    /// Erases the magics of these kinds, after wipefs has kept them in a file.
    pub(super) fn wipefs(&self, partition: Option<&Partition>, kinds: &str) -> String {
        // Without it wipefs passes over a table in a partition.
        let force = if partition.is_some() && kinds.contains("gpt") {
            "--force "
        } else {
            ""
        };
        let node = self.node(partition);
        format!("wipefs --backup --all {force}--types {kinds} {node}")
    }

    /// Another name for a partition, under which Talos passes it by, and its data stays.
    pub(super) fn rename(&self, partition: &Partition) -> Vec<String> {
        let (number, name) = (partition.number, &partition.name);
        let path = &self.path;
        vec![
            format!("sgdisk --change-name={number}:old-{name} {path}"),
            format!("sgdisk --delete={number} {path}"),
        ]
    }

    /// Zeroes every range of `signature`, one command after the other.
    pub(super) fn zero(&self, signature: &Signature) -> String {
        let zero = |extent: &Extent| {
            let (start, len) = (extent.start.get(), extent.len.get());
            format!(
                "dd if=/dev/zero of={} bs={} count=1 seek={start} oflag=seek_bytes conv=notrunc,fsync",
                self.path, len
            )
        };
        let all: Vec<String> = signature.extents.iter().map(zero).collect();
        all.join(" && ")
    }

    /// `ghost` with a caution behind every command, if the disk has no name that stays.
    pub(super) fn ghost(&self, mut ghost: Ghost) -> Ghost {
        if let Some(caution) = &self.caution {
            for command in ghost.cleanup.iter_mut().filter(|c| c.contains(&self.path)) {
                if !command.starts_with("unplug") {
                    *command = format!("{command}  # {caution}");
                }
            }
        }
        ghost
    }
}
