//! The probe: reads a machine, says what it found and what it could not read.
//!
//! [`probe`] reads sysfs, procfs, the udev database and the disks of a [`Root`] into an [`Inventory`];
//! [`inspect_source`] tells what is on one disk, image or buffer. Nothing here writes, and nothing guesses:
//! a disk whose content could not be told is [`inventory::Content::Unreadable`].

use inventory::{Disk, Inventory, SCHEMA};

use crate::root::Root;
use boot::Boot;
use disk::Surroundings;
use nodes::Nodes;
use reader::Reader;
use usage::InUse;

pub mod attributes;
mod boot;
pub mod census;
mod content;
mod disk;
pub mod evidence;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
pub(crate) mod identity;
pub mod inventory;
mod machine;
pub mod marker;
pub mod memory;
mod mounts;
pub mod nic;
mod nics;
mod nodes;
mod reader;
mod signature;
#[cfg(test)]
mod sparse;
mod transport;
pub mod udev;
mod usage;

pub use boot::META_OF_RUNNING_TALOS;
pub use content::{inspect_source, is_talos_name};
pub use mounts::Mount;

/// Every mount that can be seen, in whatever namespace, and in sentences what could not be read.
pub fn mounts(root: &Root) -> (Vec<Mount>, Vec<String>) {
    let reader = Reader::new(root);
    (mounts::mounts(&reader), reader.take_unread())
}

/// Everything that can be found out about the machine under `root`.
///
/// Never fails as a whole: what could not be read stands in [`Inventory::notes`] or in the disk's `unread`.
pub fn probe(root: &Root) -> Inventory {
    let reader = Reader::new(root);
    let machine = machine::machine(&reader);
    let nodes = Nodes::read(&reader);
    let links = udev::links(&reader);
    let in_use = InUse::read(&reader, &nodes);
    let boot = Boot::read(&reader, &machine, in_use.root_in_memory());
    let around = Surroundings {
        nodes: &nodes,
        links: &links,
        udev_runs: machine.udev,
    };
    let mut notes = reader.take_unread();
    let mut disks = Vec::new();
    let mut places = Vec::new();
    for node in nodes.disks() {
        let Some(mut disk) = disk::read(&reader, &around, node) else {
            notes.extend(reader.take_unread());
            continue;
        };
        let place = node.dir.strip_prefix("/sys/devices").unwrap_or(&node.dir);
        let place = format!("/{}", place.display());
        disk.id = identity::identity(&disk, &place);
        disk.usage = in_use.of(&reader, &nodes, &node.name);
        disk.usage.extend(disk::claimed(&reader, &disk));
        let mounts = in_use.own_mounts(&reader, &nodes, &node.name);
        disk.boot_evidence = boot.evidence(&disk, &mounts);
        disk.unread.extend(reader.take_unread());
        places.push(place);
        disks.push(disk);
    }
    notes.extend(identity::make_unique(&mut disks, &places));
    evidence::weigh(&mut disks);
    let real = |disk: &&Disk| !disk.talos.bus_path.starts_with("/virtual");
    if disks
        .iter()
        .filter(real)
        .all(|disk| disk.boot_medium.is_empty())
    {
        notes.push(
            "no boot medium was found: the system runs from memory, the network or a container"
                .to_owned(),
        );
    }
    Inventory {
        schema: SCHEMA.to_owned(),
        machine,
        disks,
        notes,
    }
}
