//! Ghosts: what lies on other disks than the system disk and would mislead Talos or a later system.
//!
//! Owns: which findings are ghosts, what Talos makes of each, and the command that clears it. Pure: nothing is run.
//! A name that Talos goes by (META, STATE, EPHEMERAL) on another disk than the chosen one refuses the role, for Talos takes
//! the first that it finds on any disk; everything else is a warning.

mod cleanup;
mod member;
mod table;

use serde::{Deserialize, Serialize};

use self::cleanup::Device;
use super::guard::carries;
use super::score::installed;
use super::selection::Role;
use crate::probe::evidence;
use crate::probe::inventory::{Disk, Inventory, Layout, Partition};
use crate::units::Bytes;

/// Names that Talos looks for on every disk, and the role whose disk should have them.
const LABELS: [(&str, &str); 3] = [
    ("META", "install"),
    ("STATE", "STATE"),
    ("EPHEMERAL", "EPHEMERAL"),
];

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Ghost {
    /// Path of the disk.
    pub disk: String,
    /// [`Disk::id`].
    pub id: String,
    /// What kind of leftover.
    pub kind: GhostKind,
    /// What it is, in words.
    pub what: String,
    /// Its first byte, from the start of the disk.
    pub offset: Bytes,
    /// What Talos does about it.
    pub talos: String,
    /// It refuses a role, because Talos could take it for what was chosen.
    pub refuses: bool,
    /// Shell commands of which each clears it, the mildest first. Never run by this program.
    pub cleanup: Vec<String>,
}

/// What kind of leftover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GhostKind {
    /// A partition with a name that Talos goes by.
    Label,
    /// A copy of a GPT without its other half, or one that differs from it.
    StaleTable,
    /// A partition table where none is looked for: in a partition, or below another one.
    NestedTable,
    /// A member of a software or firmware RAID.
    Raid,
    /// A physical volume of LVM.
    Lvm,
    /// A device of a ZFS pool.
    Zfs,
    /// A BlueStore device of Ceph.
    Ceph,
    /// `CoreStorage`: `FileVault`, or half of a Fusion drive.
    CoreStorage,
    /// An APFS container.
    Apfs,
    /// A bcache device.
    Bcache,
    /// A member of something else: DRBD, Stratis, VDO, Oracle ASM, device-mapper metadata.
    Member,
}

/// The ghosts of a machine, by path of the disk and place on it; the order of the inventory does not matter.
///
/// `roles` are what was decided; without any, the only disk that carries META is the system disk.
pub fn ghosts(inventory: &Inventory, roles: &[Role]) -> Vec<Ghost> {
    let disks: Vec<&Disk> = inventory.disks.iter().collect();
    let view = Machine {
        disks: &disks,
        roles,
        installed: installed(&disks),
    };
    let mut ghosts: Vec<Ghost> = Vec::new();
    for disk in &inventory.disks {
        let Some(layout) = disk.content.layout() else {
            continue;
        };
        ghosts.extend(view.labels(disk, layout));
        if view.is_left_over(disk) {
            ghosts.extend(table::ghosts(disk, layout));
            ghosts.extend(member::ghosts(disk, layout, &inventory.disks));
        }
    }
    ghosts.sort_by(|a, b| (&a.disk, a.offset, &a.what).cmp(&(&b.disk, b.offset, &b.what)));
    ghosts
}

struct Machine<'a> {
    disks: &'a [&'a Disk],
    roles: &'a [Role],
    /// Path of the only disk that carries META.
    installed: Option<String>,
}

impl Machine<'_> {
    /// Path of the disk that should carry `label`.
    fn home(&self, role: &str) -> Option<&str> {
        let find = |role: &str| self.roles.iter().find(|found| found.role == role);
        let chosen = |role: &str| find(role).and_then(|role| role.disk.as_deref());
        match (find(role), find("install")) {
            (Some(_), _) => chosen(role),
            (None, Some(_)) => chosen("install"),
            (None, None) => self.installed.as_deref(),
        }
    }

    /// Partitions that Talos could take for those of the chosen disk. Without one, a name is only told if it stands twice.
    fn labels(&self, disk: &Disk, layout: &Layout) -> Vec<Ghost> {
        let mut ghosts = Vec::new();
        for (label, role) in LABELS {
            let home = self.home(role);
            let elsewhere = match home {
                Some(path) => path != disk.path,
                None => self.disks.iter().filter(|d| carries(d, label)).count() > 1,
            };
            if !elsewhere || !carries(disk, label) {
                continue;
            }
            let refuses = self.roles.iter().any(|found| found.role == role);
            let named = layout.partitions.iter().filter(|p| p.name == label);
            ghosts.extend(named.map(|partition| self::label(disk, layout, partition, refuses)));
        }
        ghosts
    }

    /// A disk that no role took and nobody uses, so that what lies on it is of no use here.
    fn is_left_over(&self, disk: &Disk) -> bool {
        let taken = |role: &Role| role.disk.as_ref() == Some(&disk.path);
        let system = self.roles.is_empty() && self.installed.as_ref() == Some(&disk.path);
        let real = !disk.talos.bus_path.starts_with("/virtual");
        let idle = disk.usage.is_empty() && evidence::against(disk).is_empty();
        real && idle && !system && !self.roles.iter().any(taken)
    }
}

fn label(disk: &Disk, layout: &Layout, partition: &Partition, refuses: bool) -> Ghost {
    let device = Device::of(disk);
    let holds = partition
        .signatures
        .first()
        .map_or("nothing known", |s| &s.kind);
    let talos = match partition.name.as_str() {
        "META" => {
            "Talos takes the disk of the first META it finds for its system disk, whatever its size; with two of them it may \
             be this one"
        }
        "STATE" => {
            "Talos opens the first STATE it finds on any disk, and with it the machine configuration of an older installation"
        }
        _ => {
            "Talos adopts the first EPHEMERAL it finds on any disk, and makes none on the disk that the configuration selects"
        }
    };
    let cleanup = if !evidence::against(disk).is_empty() {
        vec![format!(
            "unplug {}: the running system came from it",
            disk.path
        )]
    } else if table::is_remnant(layout) {
        table::remnant(&device)
    } else {
        device.rename(partition)
    };
    device.ghost(Ghost {
        disk: disk.path.clone(),
        id: disk.id.clone(),
        kind: GhostKind::Label,
        what: format!(
            "partition {} named {}, which holds {holds}",
            partition.number, partition.name
        ),
        offset: partition.extent.start,
        talos: talos.to_owned(),
        refuses,
        cleanup,
    })
}
