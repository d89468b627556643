//! A disk as the tuner knows it: what profiles are chosen by, and where its attributes lie.
//!
//! Read from sysfs alone, without opening a device: `--check` looks at every disk, and the follower at a disk within
//! moments of its arrival.

use serde::Serialize;

use super::machine::Machine;

/// One disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Disk {
    /// Kernel name, such as `sda`.
    pub name: String,
    /// The kernel's number of this disk instance; grows with each plug. Empty on old kernels.
    pub diskseq: String,
    /// Model as sysfs has it, trimmed.
    pub model: String,
    /// Firmware revision as sysfs has it, trimmed.
    pub revision: String,
    /// World-wide id; empty without one.
    pub wwid: String,
    /// Serial number of the USB device above it, or of the disk itself; empty without one.
    pub serial: String,
    /// The driver that decides about the attributes: `uas`, `usb-storage`, `ahci`, `nvme`, …; empty if unknown.
    pub driver: String,
    /// `idVendor:idProduct` of the USB device above it; empty if there is none.
    pub usb: String,
    /// Spins, as the kernel has it.
    pub rotational: bool,
    /// The medium can be taken out.
    pub removable: bool,
    /// `queue/optimal_io_size`, in bytes.
    pub optimal_io_size: u64,
    /// Directory of the block device, below `/sys/devices`.
    #[serde(skip)]
    pub dir: String,
    /// Directory of the device that the block device belongs to: SCSI device, NVMe controller, …
    #[serde(skip)]
    pub device: String,
    /// Directory of `scsi_disk/H:C:T:L`, if it is a SCSI disk.
    #[serde(skip)]
    pub scsi_disk: Option<String>,
    /// Directory of the nearest USB device above it.
    #[serde(skip)]
    pub usb_device: Option<String>,
}

impl Disk {
    /// Device node.
    pub fn path(&self) -> String {
        format!("/dev/{}", self.name.replace('!', "/"))
    }

    /// What stays when it is plugged in again; failing all, its place.
    pub fn id(&self) -> String {
        match (&*self.usb, &*self.wwid, &*self.serial) {
            ("", "", "") => format!("path {}", self.dir.trim_start_matches("/sys/devices/")),
            ("", "", serial) => format!("serial {serial}"),
            ("", wwid, _) => format!("wwid {wwid}"),
            (usb, _, "") => format!(
                "usb {usb} path {}",
                self.dir.trim_start_matches("/sys/devices/")
            ),
            (usb, _, serial) => format!("usb {usb} {serial}"),
        }
    }

    /// Whether it hangs on USB.
    pub const fn is_usb(&self) -> bool {
        !self.usb.is_empty()
    }

    /// Where the setting `key` of this disk lies: `queue/…` and `bdi/…` below the block device, `device/…`,
    /// `scsi_disk/…` and `usb/…` below those above it. `None` if it has no such device.
    pub fn attribute(&self, key: &str) -> Option<String> {
        let below = |dir: &Option<String>, rest| dir.as_ref().map(|dir| format!("{dir}/{rest}"));
        if let Some(rest) = key.strip_prefix("scsi_disk/") {
            return below(&self.scsi_disk, rest);
        }
        if let Some(rest) = key.strip_prefix("usb/") {
            return below(&self.usb_device, rest);
        }
        if let Some(rest) = key.strip_prefix("device/") {
            return Some(format!("{}/{rest}", self.device));
        }
        Some(format!("{}/{key}", self.dir))
    }

    /// The key by which [`Self::attribute`] finds `path`, which may lie below this disk.
    pub fn key(&self, path: &str) -> Option<String> {
        let below = |dir: &str, prefix: &str| {
            let rest = path.strip_prefix(dir)?.strip_prefix('/')?;
            Some(format!("{prefix}{rest}"))
        };
        let scsi = self.scsi_disk.as_deref();
        let usb = self.usb_device.as_deref();
        below(&self.dir, "")
            .or_else(|| below(scsi?, "scsi_disk/"))
            // What lies deeper belongs to a device below.
            .or_else(|| below(&self.device, "device/").filter(|key| key.matches('/').count() == 1))
            .or_else(|| below(usb?, "usb/").filter(|key| key.matches('/').count() <= 2))
    }
}

/// Every disk of `machine` that has a medium and hangs on something: no loop device, no mapping.
pub fn disks(machine: &dyn Machine) -> Vec<Disk> {
    let disks = machine.disks().into_iter();
    disks
        .filter(|(_, dir)| !dir.starts_with("/sys/devices/virtual"))
        .map(|(name, dir)| disk(machine, name, dir))
        .collect()
}

fn disk(machine: &dyn Machine, name: String, dir: String) -> Disk {
    let text = |path: &str| {
        let text = machine.text(path).ok().flatten().unwrap_or_default();
        let blank = |c: char| c.is_whitespace() || c == '\0';
        text.trim_matches(blank).to_owned()
    };
    let below = |attribute: &str| text(&format!("{dir}/{attribute}"));
    // The link is not asked, because a recorded machine has none: the device holds the directory of block devices, or,
    // with NVMe, the block device itself.
    let device = dir.rsplit_once('/').map_or("", |(above, _)| above);
    let device = device.strip_suffix("/block").unwrap_or(device).to_owned();
    let of_device = |attribute: &str| text(&format!("{device}/{attribute}"));
    let scsi = format!("{device}/scsi_disk");
    let scsi_disk = machine.names(&scsi).into_iter().next();
    let (usb_device, driver) = above(machine, &dir);
    let of_usb = |name: &str| {
        let usb = usb_device.as_ref();
        usb.map_or_else(String::new, |usb| text(&format!("{usb}/{name}")))
    };
    let usb = match (of_usb("idVendor"), of_usb("idProduct")) {
        (vendor, product) if !vendor.is_empty() => format!("{vendor}:{product}"),
        _ => String::new(),
    };
    let serial = match of_usb("serial") {
        none if none.is_empty() => of_device("serial"),
        serial => serial,
    };
    Disk {
        diskseq: below("diskseq"),
        model: of_device("model"),
        revision: match of_device("rev") {
            none if none.is_empty() => of_device("firmware_rev"),
            revision => revision,
        },
        wwid: match below("wwid") {
            none if none.is_empty() => of_device("wwid"),
            wwid => wwid,
        },
        serial,
        driver,
        usb,
        rotational: below("queue/rotational") == "1",
        removable: below("removable") == "1",
        optimal_io_size: below("queue/optimal_io_size").parse().unwrap_or(0),
        scsi_disk: scsi_disk.map(|name| format!("{scsi}/{name}")),
        usb_device,
        device,
        name,
        dir,
    }
}

/// The nearest USB device above a disk, and the driver that counts: that of the USB interface, else that of the
/// controller on PCI.
fn above(machine: &dyn Machine, dir: &str) -> (Option<String>, String) {
    let mut below = dir;
    while let Some((dir, _)) = below.rsplit_once('/') {
        let name = dir.rsplit_once('/').map_or(dir, |(_, name)| name);
        let has = |attribute: &str| {
            let text = machine.text(&format!("{dir}/{attribute}")).ok().flatten();
            text.is_some_and(|text| !text.trim().is_empty())
        };
        if names_usb_device(name) && has("idVendor") {
            let driver = machine.driver(below).unwrap_or_default();
            return (Some(dir.to_owned()), driver);
        }
        if names_pci_device(name) && has("class") && has("device") && has("vendor") {
            return (None, machine.driver(dir).unwrap_or_default());
        }
        if dir.ends_with("/devices") {
            break;
        }
        below = dir;
    }
    (None, String::new())
}

/// Whether the kernel gives such names to USB devices: `2-1.4`, `usb2`. Interfaces are called `2-1.4:1.0`.
fn names_usb_device(name: &str) -> bool {
    (name.contains('-') || name.starts_with("usb")) && !name.contains(':')
}

/// Whether the kernel gives such names to devices on PCI: `0000:00:14.0`.
fn names_pci_device(name: &str) -> bool {
    name.matches(':').count() == 2 && name.contains('.') && !name.contains('-')
}
