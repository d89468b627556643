//! One disk: the properties that Talos' disk resource has, what else sysfs says, and what is on it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::content::inspect_source;
use super::inventory::{Content, Disk, TalosDisk, Usage, UsageKind};
use super::nodes::{Node, Nodes};
use super::reader::Reader;
use super::{transport, udev};
use crate::root::Device;
use crate::sys::block;
use crate::units::{BlockSize, Bytes, Geometry};

/// Talos' own constant for devices that do not say.
const DEFAULT_BLOCK: u64 = 512;

/// What holds for all disks.
pub(super) struct Surroundings<'a> {
    pub(super) nodes: &'a Nodes,
    pub(super) links: &'a BTreeMap<PathBuf, Vec<String>>,
    pub(super) udev_runs: bool,
}

/// A disk with everything but its uses, its identity and what speaks for it being the boot medium.
/// `None` where Talos has no disk: no medium, RAM disks, private layers of LVM.
pub(super) fn read(reader: &Reader<'_>, around: &Surroundings<'_>, node: &Node) -> Option<Disk> {
    const RAM_DISKS: u64 = 1;
    if node.number.0 == RAM_DISKS || is_private_lvm(&reader.text(node.dir.join("dm/uuid"))) {
        return None;
    }
    // sysfs is asked first: opening every unused loop device costs more than all the rest.
    if node.size == 0 {
        say_no_medium(reader, node);
        return None;
    }
    let device = open(reader, node);
    let mut talos = properties(reader, around, node);
    sizes(reader, node, device.as_ref(), &mut talos);
    let udev = udev::properties(reader, around.udev_runs, node.number);
    serial_from_udev(&mut talos, &udev);
    let vendor = reader.text(node.dir.join("device/vendor"));
    let physical = physical_size(reader, node, device.as_ref());
    let (content, fingerprint) = match device {
        Ok(device) => content(device, &talos, physical),
        Err(reason) => (Content::Unreadable { reason }, String::new()),
    };
    Some(Disk {
        path: node.path.clone(),
        id: String::new(),
        udev,
        usb: transport::usb_device(reader, node),
        // virtio and NVMe have a PCI number there.
        vendor: if vendor.starts_with("0x") {
            String::new()
        } else {
            vendor
        },
        removable: reader.text(node.dir.join("removable")) == "1",
        physical_sector_size: physical,
        diskseq: reader.number(node.dir.join("diskseq")),
        usage: Vec::new(),
        boot_medium: Vec::new(),
        boot_evidence: Vec::new(),
        content,
        fingerprint,
        unread: reader.take_unread(),
        talos,
    })
}

/// Card readers without a card and locked drives are worth a word, unused loop devices are not.
fn say_no_medium(reader: &Reader<'_>, node: &Node) {
    if !node.dir.starts_with("/sys/devices/virtual") {
        let locked = transport::usb_device(reader, node).is_some_and(|usb| usb.is_locked_t5());
        let hint = if locked {
            ": a Samsung T5 that is locked; unlock it on another machine first"
        } else {
            ""
        };
        reader.say(format!("{} has no medium{hint}", node.path));
    }
}

/// Opens the device node and makes sure that it is the device that sysfs describes.
fn open(reader: &Reader<'_>, node: &Node) -> Result<Device, String> {
    let device = reader.root.open_device(&node.path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            format!("no device node {}", node.path)
        } else {
            format!("opening {}: {error}", node.path)
        }
    })?;
    match device.number() {
        Some(number) if number != node.number => Err(format!(
            "{} is device {}:{}, not {}:{}",
            node.path, number.0, number.1, node.number.0, node.number.1
        )),
        None if reader.root.is_live() => Err(format!("{} is not a device node", node.path)),
        _ => Ok(device),
    }
}

fn content(device: Device, talos: &TalosDisk, physical: u32) -> (Content, String) {
    // Discs have blocks of 2048 bytes; an image on one was made for 512.
    let block = if talos.cdrom {
        DEFAULT_BLOCK
    } else {
        talos.sector_size
    };
    let logical = u32::try_from(block).unwrap_or(u32::MAX);
    match BlockSize::try_from(logical) {
        Ok(logical) => inspect_source(&device.into_reader(Geometry {
            size: Bytes::new(talos.size),
            logical,
            physical,
        })),
        Err(error) => {
            let reason = error.to_string();
            (Content::Unreadable { reason }, String::new())
        }
    }
}

/// Everything that comes from sysfs alone.
fn properties(reader: &Reader<'_>, around: &Surroundings<'_>, node: &Node) -> TalosDisk {
    let dir = &node.dir;
    let nvme = node.name.starts_with("nvme");
    let links = around.links.get(Path::new(&node.path));
    TalosDisk {
        readonly: reader.text(dir.join("ro")).starts_with('1'),
        model: reader.text(dir.join("device/model")),
        serial: reader.first_text(dir, &["serial", "device/serial"]),
        modalias: reader.first_text(dir, &["device/modalias", "device/device/modalias"]),
        wwid: reader.first_text(dir, &["wwid", "device/wwid"]),
        uuid: reader.first_text(dir, &["uuid", "device/uuid"]),
        bus_path: bus_path(dir),
        sub_system: reader
            .link(dir.join("subsystem"))
            .map(|path| path.to_string_lossy().into_owned())
            .unwrap_or_default(),
        transport: transport::transport(reader, node),
        rotational: reader.text(dir.join("queue/rotational")) == "1",
        dev_path: node.path.clone(),
        firmware_version: if nvme {
            reader.text(dir.join("device/firmware_rev"))
        } else {
            String::new()
        },
        secondary_disks: reader
            .names(dir.join("slaves"))
            .into_iter()
            .map(|name| match around.nodes.get(&name) {
                Some(node) => node.disk.clone(),
                None => name,
            })
            .collect(),
        symlinks: links.cloned().unwrap_or_default(),
        ..TalosDisk::default()
    }
}

/// `/sys/devices/pci…/0:0:0:0/block/sda` as `/pci…/0:0:0:0`.
fn bus_path(dir: &Path) -> String {
    let above = dir.ancestors().nth(2).unwrap_or(Path::new("/"));
    let path = above.strip_prefix("/sys/devices").unwrap_or(above);
    format!("/{}", path.display())
}

/// Sizes from the open device as Talos asks for them; from sysfs where it is not open, which is said.
fn sizes(
    reader: &Reader<'_>,
    node: &Node,
    device: Result<&Device, &String>,
    talos: &mut TalosDisk,
) {
    let open = device.ok().filter(|device| device.number().is_some());
    if let Some(device) = open {
        talos.cdrom = block::is_cdrom(device);
        let empty = talos.cdrom && block::cdrom_without_medium(device);
        talos.size = match block::size(device) {
            _ if empty => 0,
            Ok(size) => size.get(),
            Err(error) => {
                reader.say(format!("size of {}: {error}", node.path));
                node.size
            }
        };
        talos.sector_size = block::logical_block_size(device).map_or(DEFAULT_BLOCK, u64::from);
        let candidates = [
            block::io_opt(device),
            block::io_min(device),
            block::cache_block_size(device),
        ];
        talos.io_size = io_size(candidates.into_iter().flatten().map(u64::from));
    } else {
        if let Err(reason) = device {
            reader.say(format!("{reason}; sizes are taken from sysfs"));
        }
        let queue = |name: &str| reader.number(node.dir.join("queue").join(name));
        talos.cdrom = node.name.starts_with("sr");
        talos.size = node.size;
        talos.sector_size = queue("logical_block_size").unwrap_or(DEFAULT_BLOCK);
        let candidates = [queue("optimal_io_size"), queue("minimum_io_size")];
        talos.io_size = io_size(candidates.into_iter().flatten());
    }
    talos.pretty_size = pretty_size(talos.size);
}

fn io_size(mut candidates: impl Iterator<Item = u64>) -> u64 {
    candidates
        .find(|size| size.is_power_of_two())
        .unwrap_or(DEFAULT_BLOCK)
}

fn physical_size(reader: &Reader<'_>, node: &Node, device: Result<&Device, &String>) -> u32 {
    let open = device.ok().filter(|device| device.number().is_some());
    let asked = open.and_then(|device| block::physical_block_size(device).ok());
    asked.unwrap_or_else(|| {
        let size = reader.number(node.dir.join("queue/physical_block_size"));
        size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0)
    })
}

/// Talos asks `ata_id` and `scsi_id` for a serial that sysfs does not have; udev has asked them already.
fn serial_from_udev(talos: &mut TalosDisk, udev: &BTreeMap<String, String>) {
    if talos.serial.is_empty() && matches!(talos.transport.as_str(), "ata" | "scsi") {
        let serial = udev
            .get("ID_SERIAL")
            .or_else(|| udev.get("ID_SERIAL_SHORT"));
        talos.serial = serial.cloned().unwrap_or_default();
    }
}

/// `LVM-<uuid>-<layer>`: an inner layer of a logical volume.
fn is_private_lvm(uuid: &str) -> bool {
    uuid.strip_prefix("LVM-")
        .is_some_and(|rest| rest.contains('-'))
}

/// Whether somebody claims a disk that nothing else shows to be in use. Only on the machine itself, as root.
pub(super) fn claimed(reader: &Reader<'_>, disk: &Disk) -> Option<Usage> {
    if !reader.root.is_live() || !nix::unistd::geteuid().is_root() || !disk.usage.is_empty() {
        return None;
    }
    match reader.root.claim_device(&disk.path) {
        Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EBUSY as i32) => {
            Some(Usage {
                kind: UsageKind::Claimed,
                device: disk.path.clone(),
                by: "somebody who does not show".to_owned(),
            })
        }
        _ => None,
    }
}

/// A size in decimal units as Talos prints it: two digits, one after the point below ten.
fn pretty_size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut scale: u128 = 1;
    while unit + 1 < UNITS.len() && u128::from(bytes) >= scale * 1000 {
        scale *= 1000;
        unit += 1;
    }
    let tenths = (u128::from(bytes) * 10 + scale / 2) / scale;
    let mut text = String::new();
    let written = if tenths < 100 {
        write!(text, "{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        // Rounded a second time, half to even, as printing without decimals does.
        let (whole, rest) = (tenths / 10, tenths % 10);
        let up = rest > 5 || (rest == 5 && whole % 2 == 1);
        write!(text, "{} {}", whole + u128::from(up), UNITS[unit])
    };
    written.map_or_else(|_| String::new(), |()| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by `humanize.Bytes` of go-humanize 1.0.1.
    #[test]
    fn sizes_are_printed_as_talos_prints_them() {
        for (bytes, text) in [
            (0, "0 B"),
            (9, "9 B"),
            (10, "10 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_949, "9.9 kB"),
            (9_950, "10 kB"),
            (10_450, "10 kB"),
            (10_500, "10 kB"),
            (11_500, "12 kB"),
            (999_949, "1000 kB"),
            (104_857_600, "105 MB"),
            (121_332_826_112, "121 GB"),
            (251_000_193_024, "251 GB"),
            (1_000_204_886_016, "1.0 TB"),
            (2_000_398_934_016, "2.0 TB"),
            (30_765_219_840, "31 GB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(pretty_size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn the_first_io_size_that_is_a_power_of_two_counts() {
        for (candidates, size) in [
            (&[33_553_920, 512][..], 512),
            (&[0, 4096], 4096),
            (&[1 << 20, 512], 1 << 20),
            (&[], 512),
        ] {
            assert_eq!(io_size(candidates.iter().copied()), size);
        }
    }

    #[test]
    fn an_inner_layer_of_a_logical_volume_is_no_disk() {
        for (uuid, private) in [
            ("LVM-abc", false),
            ("LVM-abc-tdata", true),
            ("CRYPT-LUKS2-abc-luks2-STATE", false),
            ("", false),
        ] {
            assert_eq!(is_private_lvm(uuid), private, "{uuid}");
        }
    }

    #[test]
    fn the_bus_path_ends_before_the_block_directory() {
        let dir = "/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda";
        assert_eq!(
            bus_path(Path::new(dir)),
            "/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0"
        );
        let dir = "/sys/devices/pci0000:00/0000:02:00.0/nvme/nvme0/nvme0n1";
        assert_eq!(bus_path(Path::new(dir)), "/pci0000:00/0000:02:00.0/nvme");
    }
}
