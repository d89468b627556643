//! The names of kernel parameters and the files behind them. Pure: no I/O.
//!
//! Talos and sysctl.d(5) read a name alike: if its first separator is a dot, dots separate and slashes stand for dots;
//! if it is a slash, the name is a path already.

use super::disk::Disk;

/// A file below `/proc/sys` for the name of a sysctl; `None` if it leads elsewhere.
pub fn sysctl_path(name: &str) -> Option<String> {
    below("/proc/sys", name)
}

/// A file below `/sys` for a name of `machine.sysfs`; `None` if it leads elsewhere.
pub fn sysfs_path(name: &str) -> Option<String> {
    below("/sys", name)
}

fn below(root: &str, name: &str) -> Option<String> {
    let path: String = match name.find(['.', '/']) {
        Some(at) if name[at..].starts_with('.') => name.chars().map(swapped).collect(),
        _ => name.to_owned(),
    };
    let fits = path
        .split('/')
        .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'));
    fits.then(|| format!("{root}/{path}"))
}

/// A dot for a slash and the other way round; other characters stay.
pub(super) const fn swapped(c: char) -> char {
    match c {
        '.' => '/',
        '/' => '.',
        other => other,
    }
}

/// The file of a key of a profile that is one of the machine.
pub fn machine_path(key: &str) -> Option<String> {
    match key.strip_prefix("module/") {
        Some(rest) => {
            let (module, parameter) = rest.split_once('/')?;
            Some(format!("/sys/module/{module}/parameters/{parameter}"))
        }
        None => sysctl_path(key),
    }
}

/// The disk of `disks` that a path below `/sys` belongs to, and its key there. Paths name a disk by
/// `/sys/block/NAME`, `/sys/class/block/NAME`, or its place below `/sys/devices`.
pub fn of_disk(path: &str, disks: &[Disk]) -> Option<(usize, String)> {
    for prefix in ["/sys/block/", "/sys/class/block/"] {
        if let Some(rest) = path.strip_prefix(prefix) {
            let (name, key) = rest.split_once('/')?;
            let place = disks.iter().position(|disk| disk.name == name)?;
            return Some((place, key.to_owned()));
        }
    }
    let mut keys = disks.iter().enumerate();
    keys.find_map(|(place, disk)| Some((place, disk.key(path)?)))
}

/// The key of a profile that means the same file as `path`, which is no disk's.
pub fn machine_key(path: &str) -> String {
    if let Some(rest) = path.strip_prefix("/proc/sys/") {
        return rest.chars().map(swapped).collect();
    }
    let module = path.strip_prefix("/sys/module/");
    match module.and_then(|rest| rest.split_once("/parameters/")) {
        Some((module, parameter)) => format!("module/{module}/{parameter}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tuner::sysctl_file::dotted;

    #[test]
    fn the_first_separator_says_how_a_name_is_read() {
        let cases = [
            ("vm.dirty_bytes", Some("/proc/sys/vm/dirty_bytes")),
            ("vm/dirty_bytes", Some("/proc/sys/vm/dirty_bytes")),
            (
                "net.ipv4.conf.eth0/5.forwarding",
                Some("/proc/sys/net/ipv4/conf/eth0.5/forwarding"),
            ),
            (
                "net/ipv4/conf/eth0.5/forwarding",
                Some("/proc/sys/net/ipv4/conf/eth0.5/forwarding"),
            ),
            ("../../etc/passwd", None),
            ("vm...x", None),
            ("", None),
        ];
        for (name, path) in cases {
            assert_eq!(sysctl_path(name).as_deref(), path, "{name}");
        }
        assert_eq!(dotted("vm/dirty_bytes"), "vm.dirty_bytes");
        let path = sysfs_path("block.sda.queue.read_ahead_kb");
        assert_eq!(path.as_deref(), Some("/sys/block/sda/queue/read_ahead_kb"));
    }

    #[test]
    fn every_way_to_name_an_attribute_of_a_disk_is_the_same_key() {
        let dir = "/sys/devices/pci0/usb2/2-1/2-1:1.0/host2/target2:0:0/2:0:0:0/block/sdb";
        let scsi = "/sys/devices/pci0/usb2/2-1/2-1:1.0/host2/target2:0:0/2:0:0:0/scsi_disk/2:0:0:0";
        let disk = Disk {
            name: "sdb".to_owned(),
            dir: dir.to_owned(),
            scsi_disk: Some(scsi.to_owned()),
            usb_device: Some("/sys/devices/pci0/usb2/2-1".to_owned()),
            ..Disk::default()
        };
        let disks = [Disk::default(), disk];
        let cases = [
            ("/sys/block/sdb/queue/rotational", Some("queue/rotational")),
            ("/sys/class/block/sdb/bdi/max_ratio", Some("bdi/max_ratio")),
            (
                &*format!("{dir}/queue/rotational"),
                Some("queue/rotational"),
            ),
            (
                &*format!("{scsi}/provisioning_mode"),
                Some("scsi_disk/provisioning_mode"),
            ),
            (
                "/sys/devices/pci0/usb2/2-1/power/control",
                Some("usb/power/control"),
            ),
            ("/sys/block/sdz/queue/rotational", None),
        ];
        for (path, key) in cases {
            let found = of_disk(path, &disks[1..]).map(|found| found.1);
            assert_eq!(found.as_deref(), key, "{path}");
        }
        let quirks = "/sys/module/usb_storage/parameters/quirks";
        assert_eq!(machine_key(quirks), "module/usb_storage/quirks");
        assert_eq!(
            machine_path("module/usb_storage/quirks").as_deref(),
            Some(quirks)
        );
    }
}
