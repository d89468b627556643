//! What the kernel says about a disk and its parents, as far as rules ask for it.
//!
//! Owns which attribute belongs to which device of the chain, and the words that can occur. Pure data; what is not
//! listed could be anything.

/// The devices of a disk's chain. A set of them is a sum.
pub(super) type Chain = u16;

pub(super) const BLOCK: Chain = 1;
pub(super) const SCSI_DEVICE: Chain = 2;
pub(super) const USB_INTERFACE: Chain = 4;
pub(super) const USB_DEVICE: Chain = 8;
pub(super) const NVME: Chain = 16;
pub(super) const PCI: Chain = 32;
pub(super) const OTHER: Chain = 64;
/// Any of them.
pub(super) const ANY: Chain = 127;

/// Attributes and whose they are.
const ATTRIBUTES: [(&str, Chain); 55] = [
    ("idVendor", USB_DEVICE),
    ("idProduct", USB_DEVICE),
    ("bcdDevice", USB_DEVICE),
    ("manufacturer", USB_DEVICE),
    ("product", USB_DEVICE),
    ("speed", USB_DEVICE | OTHER),
    ("version", USB_DEVICE | OTHER),
    ("busnum", USB_DEVICE),
    ("devnum", USB_DEVICE),
    ("devpath", USB_DEVICE),
    ("bMaxPower", USB_DEVICE),
    ("bDeviceClass", USB_DEVICE),
    ("bDeviceSubClass", USB_DEVICE),
    ("bDeviceProtocol", USB_DEVICE),
    ("bNumConfigurations", USB_DEVICE),
    ("bNumInterfaces", USB_DEVICE),
    ("bConfigurationValue", USB_DEVICE),
    ("configuration", USB_DEVICE),
    ("maxchild", USB_DEVICE),
    ("urbnum", USB_DEVICE),
    ("ltm_capable", USB_DEVICE),
    ("avoid_reset_quirk", USB_DEVICE),
    ("rx_lanes", USB_DEVICE),
    ("tx_lanes", USB_DEVICE),
    ("bInterfaceNumber", USB_INTERFACE),
    ("bInterfaceClass", USB_INTERFACE),
    ("bInterfaceSubClass", USB_INTERFACE),
    ("bInterfaceProtocol", USB_INTERFACE),
    ("bAlternateSetting", USB_INTERFACE),
    ("bNumEndpoints", USB_INTERFACE),
    ("supports_autosuspend", USB_INTERFACE),
    ("scsi_level", SCSI_DEVICE),
    ("rev", SCSI_DEVICE),
    ("queue_depth", SCSI_DEVICE),
    ("queue_type", SCSI_DEVICE),
    ("iocounterbits", SCSI_DEVICE),
    ("device_blocked", SCSI_DEVICE),
    ("firmware_rev", NVME),
    ("cntlid", NVME),
    ("subsysnqn", NVME),
    ("subsystem_vendor", PCI),
    ("subsystem_device", PCI),
    ("class", PCI),
    ("model", SCSI_DEVICE | NVME),
    ("vendor", SCSI_DEVICE | PCI | OTHER),
    ("serial", USB_DEVICE | NVME | SCSI_DEVICE | OTHER),
    ("timeout", SCSI_DEVICE),
    ("removable", BLOCK | USB_DEVICE | PCI),
    ("size", BLOCK),
    ("ro", BLOCK),
    ("range", BLOCK),
    ("ext_range", BLOCK),
    ("diskseq", BLOCK),
    ("hidden", BLOCK),
    ("partition", BLOCK),
];

/// Attributes of a block device that another device of the chain could have as well.
const ALSO_BLOCK: [&str; 5] = ["uevent", "dev", "serial", "wwid", "stat"];

/// Actions of a uevent.
pub(super) const ACTIONS: [&str; 8] = [
    "add", "remove", "change", "move", "online", "offline", "bind", "unbind",
];

/// Subsystems that a rule for disks may name.
const SUBSYSTEMS: [(&str, Chain); 12] = [
    ("block", BLOCK),
    ("scsi", SCSI_DEVICE | OTHER),
    ("usb", USB_DEVICE | USB_INTERFACE),
    ("nvme", NVME),
    ("pci", PCI),
    ("scsi_disk", OTHER),
    ("scsi_device", OTHER),
    ("scsi_host", OTHER),
    ("bdi", OTHER),
    ("mmc", OTHER),
    ("virtio", OTHER),
    ("ata_port", OTHER),
];

/// Drivers that a rule for disks may name.
const DRIVERS: [(&str, Chain); 7] = [
    ("uas", USB_INTERFACE),
    ("usb-storage", USB_INTERFACE),
    ("usb", USB_DEVICE),
    ("sd", SCSI_DEVICE),
    ("nvme", NVME | PCI),
    ("ahci", PCI),
    ("xhci_hcd", PCI),
];

/// Disks as the kernel names them.
pub(super) const DISKS: [&str; 8] = [
    "sda", "sdb", "sdz", "sdaa", "nvme0n1", "mmcblk0", "vda", "sdc",
];

/// Partitions as the kernel names them.
pub(super) const PARTITIONS: [&str; 10] = [
    "sda1",
    "sda2",
    "sdb1",
    "sdc1",
    "sdaa1",
    "sda10",
    "nvme0n1p1",
    "mmcblk0p1",
    "vda1",
    "sdz9",
];

/// Which devices have the attribute; [`ANY`] if it is not listed.
pub(super) fn owners_of_attribute(name: &str) -> Chain {
    if name.starts_with("queue/") || name.starts_with("bdi/") {
        return BLOCK;
    }
    let found = ATTRIBUTES.iter().find(|(attribute, _)| *attribute == name);
    found.map_or(ANY, |(_, owners)| *owners)
}

/// Which devices have the attribute with this value.
pub(super) fn owners_of_value(name: &str, value: &str) -> Chain {
    match name {
        // The flag of a disk, and the place of a port.
        "removable" if matches!(value, "0" | "1") => BLOCK,
        "removable" => USB_DEVICE | PCI,
        "vendor" if value.starts_with("0x") => PCI | OTHER,
        _ => owners_of_attribute(name),
    }
}

/// Which devices are of the subsystem.
pub(super) fn owners_of_subsystem(name: &str) -> Chain {
    let found = SUBSYSTEMS.iter().find(|(subsystem, _)| *subsystem == name);
    found.map_or(ANY, |(_, owners)| *owners)
}

/// Which devices are bound to the driver.
pub(super) fn owners_of_driver(name: &str) -> Chain {
    let found = DRIVERS.iter().find(|(driver, _)| *driver == name);
    found.map_or(ANY, |(_, owners)| *owners)
}

/// The subsystem of this name in another case or spelling.
pub(super) fn respelled_subsystem(name: &str) -> Option<&'static str> {
    respelled(name, SUBSYSTEMS.iter().map(|(subsystem, _)| *subsystem))
}

/// The driver of this name in another case or spelling.
pub(super) fn respelled_driver(name: &str) -> Option<&'static str> {
    respelled(name, DRIVERS.iter().map(|(driver, _)| *driver))
}

/// The attribute of this name in another case.
pub(super) fn respelled_attribute(name: &str) -> Option<&'static str> {
    let knobs = crate::tuner::knobs::all().map(|knob| knob.key);
    let names = ATTRIBUTES.iter().map(|(attribute, _)| *attribute);
    respelled(
        name,
        names.chain(knobs.filter(|key| key.starts_with("queue/"))),
    )
}

/// The one of `known` that differs from `name` in case, or in `_` for `-`, alone.
fn respelled(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let wanted = plain(name);
    let mut close = None;
    for candidate in known {
        if candidate == name {
            return None;
        }
        if plain(candidate) == wanted {
            close = Some(candidate);
        }
    }
    close
}

/// Whether a block device lacks the attribute, while one of its parents has it.
pub(super) fn is_of_parents(name: &str) -> bool {
    let owners = owners_of_attribute(name);
    owners != ANY && owners & BLOCK == 0 && !ALSO_BLOCK.contains(&name)
}
