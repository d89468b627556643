//! Which disks there are right now, cheaply enough to ask several times a second: no device is opened.
//!
//! Virtual devices (loop, ram, device mapper) are left out: they come when somebody makes them, not late.

use crate::root::Root;

/// What is compared between two looks at a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Census {
    /// Name, disk sequence number and size of each disk, in the order of their names; what cannot be read is empty.
    disks: Vec<[String; 3]>,
    /// udev has not dealt with everything that it was told of.
    udev_is_busy: bool,
}

impl Census {
    /// Looks at the machine.
    pub fn take(root: &Root) -> Self {
        let names = root.read_dir("/sys/block").ok().flatten();
        let text = |path: String| {
            let text = root.read_to_string(path).ok().flatten();
            text.unwrap_or_default().trim().to_owned()
        };
        let disks = names.unwrap_or_default().into_iter().filter_map(|name| {
            let dir = format!("/sys/block/{name}");
            let place = root.device_dir(&dir).ok().flatten()?;
            if place.starts_with("/sys/devices/virtual") {
                return None;
            }
            let (diskseq, size) = (text(format!("{dir}/diskseq")), text(format!("{dir}/size")));
            Some([name, diskseq, size])
        });
        Self {
            disks: disks.collect(),
            // sd-device(3): the file is there while the queue is not empty.
            udev_is_busy: root.exists("/run/udev/queue").unwrap_or(false),
        }
    }

    /// Whether the machine has settled: the same was seen `before`, and udev has nothing left to do.
    pub fn is_settled_since(&self, before: &Self) -> bool {
        self == before && !self.udev_is_busy
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test makes a tree")]
    use super::*;
    use std::fs;
    use std::path::Path;

    fn disk(tree: &Path, place: &str, name: &str, diskseq: &str) {
        let dir = tree
            .join("sys/devices")
            .join(place)
            .join("block")
            .join(name);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("diskseq"), diskseq).unwrap();
        fs::write(dir.join("size"), "2048\n").unwrap();
        fs::create_dir_all(tree.join("sys/block")).unwrap();
        let link = tree.join("sys/block").join(name);
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(format!("/sys/devices/{place}/block/{name}"), link).unwrap();
    }

    #[test]
    fn a_machine_is_settled_when_no_disk_comes_and_udev_is_idle() {
        let tree = tempfile::tempdir().unwrap();
        let take = || Census::take(&Root::at(tree.path()));
        disk(tree.path(), "pci0000:00/ata1", "sda", "1\n");
        let first = take();
        assert!(take().is_settled_since(&first));
        disk(tree.path(), "virtual", "loop0", "7\n");
        assert!(
            take().is_settled_since(&first),
            "a loop device is nobody's late disk"
        );
        disk(tree.path(), "pci0000:00/usb2", "sdb", "2\n");
        assert!(!take().is_settled_since(&first), "another disk");
        let second = take();
        disk(tree.path(), "pci0000:00/usb2", "sdb", "3\n");
        assert!(
            !take().is_settled_since(&second),
            "another disk of the same name"
        );
        let third = take();
        fs::create_dir_all(tree.path().join("run/udev")).unwrap();
        fs::write(tree.path().join("run/udev/queue"), "").unwrap();
        let busy = take();
        assert!(!busy.is_settled_since(&third) && !take().is_settled_since(&busy));
    }
}
