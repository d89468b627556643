//! What `--wipe` names: every name has to mean a disk that is there, and should mean the same one tomorrow.

use crate::cli::error::Failure;
use crate::exit::Exit;
use crate::probe::inventory::{Disk, Inventory};

/// Refuses a name that means no disk of `inventory`, and warns of one that may mean another disk after a reboot.
///
/// # Errors
/// Exit 3: a slip of the pen must not look like consent that was given.
pub fn check(inventory: &Inventory, wipe: &[String]) -> Result<(), Failure> {
    for name in wipe {
        let Some(disk) = inventory.disks.iter().find(|disk| disk.is_named(name)) else {
            return Err(nothing(inventory, name));
        };
        if is_passing(disk, name) {
            tracing::warn!(
                "--wipe {name}: the kernel may give that name to another disk at the next boot; name the disk itself: \
                 --wipe '{}'",
                disk.id
            );
        }
    }
    Ok(())
}

fn nothing(inventory: &Inventory, name: &str) -> Failure {
    let real = inventory.disks.iter();
    let real = real.filter(|disk| !disk.talos.bus_path.starts_with("/virtual"));
    let known: Vec<String> = real
        .map(|disk| format!("'{}' ({})", disk.id, disk.path))
        .collect();
    let message = format!("--wipe names {name}, and there is no such disk");
    Failure::new(Exit::NoDisk, message).hint(if known.is_empty() {
        String::from("the machine has no disk")
    } else {
        format!("the machine has {}", known.join(", "))
    })
}

/// A name of the kernel, or a number that it counts up with every plug.
fn is_passing(disk: &Disk, name: &str) -> bool {
    let kernel = disk.path == name && name.starts_with("/dev/") && disk.id != name;
    kernel || name.starts_with("/dev/disk/by-diskseq/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::context::image_disk;
    use crate::probe::inventory::Machine;

    fn inventory() -> Inventory {
        let mut disk = image_disk();
        disk.path = "/dev/sda".to_owned();
        disk.id = "wwid naa.1".to_owned();
        disk.talos.symlinks = vec!["/dev/disk/by-id/ata-X".to_owned()];
        Inventory {
            schema: String::new(),
            machine: Machine::default(),
            disks: vec![disk],
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_name_that_means_no_disk_is_an_error_that_lists_the_disks() {
        let wipe = ["wwid naa.1".to_owned(), "wwid naa.2".to_owned()];
        let failure = check(&inventory(), &wipe).unwrap_err();
        assert_eq!(failure.exit, Exit::NoDisk);
        assert!(failure.message.contains("wwid naa.2"), "{failure:?}");
        assert!(format!("{failure:?}").contains("'wwid naa.1' (/dev/sda)"));
        assert!(check(&inventory(), &wipe[..1]).is_ok());
    }

    #[test]
    fn only_names_that_change_are_warned_of() {
        let inventory = inventory();
        let disk = &inventory.disks[0];
        for (name, passing) in [
            ("/dev/sda", true),
            ("/dev/disk/by-diskseq/7", true),
            ("/dev/disk/by-id/ata-X", false),
            ("wwid naa.1", false),
        ] {
            assert_eq!(is_passing(disk, name), passing, "{name}");
        }
    }
}
