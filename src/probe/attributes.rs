//! The plain text of sysfs attributes: of every disk, of what it hangs on, of network devices, and the sysctls of memory.
//!
//! Only names that are listed here are read, so nothing that a driver may put there later (keys, counters, files whose
//! reading does something) gets in. Formats: Documentation/ABI of the kernel; the text is kept as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::nodes::{Node, Nodes};
use super::reader::Reader;
use crate::root::Root;

/// More attributes than this are not kept; what is left out is said.
const MOST: usize = 65_536;

/// Longer texts are not kept.
const LONGEST: usize = 4096;

/// Of the block device itself.
const BLOCK: &[&str] = &[
    "dev",
    "size",
    "ro",
    "removable",
    "hidden",
    "diskseq",
    "ext_range",
    "alignment_offset",
    "discard_alignment",
    "events",
    "events_poll_msecs",
    "partscan",
    "nsid",
    "serial",
    "wwid",
    "eui",
    "nguid",
    "uuid",
    "dm/name",
    "dm/uuid",
    "md/level",
    "md/array_state",
    "md/metadata_version",
    "md/raid_disks",
    "md/uuid",
    "bdi/read_ahead_kb",
    "bdi/min_ratio",
    "bdi/max_ratio",
    "bdi/max_ratio_fine",
    "bdi/min_bytes",
    "bdi/max_bytes",
    "bdi/strict_limit",
    "bdi/stable_pages_required",
];

/// Of the request queue.
const QUEUE: &[&str] = &[
    "add_random",
    "async_depth",
    "chunk_sectors",
    "dax",
    "discard_granularity",
    "discard_max_bytes",
    "discard_max_hw_bytes",
    "discard_zeroes_data",
    "dma_alignment",
    "fua",
    "hw_sector_size",
    "io_poll",
    "io_poll_delay",
    "io_timeout",
    "iostats",
    "iostats_passthrough",
    "logical_block_size",
    "max_discard_segments",
    "max_hw_sectors_kb",
    "max_sectors_kb",
    "max_segment_size",
    "max_segments",
    "minimum_io_size",
    "nomerges",
    "nr_requests",
    "optimal_io_size",
    "physical_block_size",
    "read_ahead_kb",
    "rotational",
    "rq_affinity",
    "scheduler",
    "stable_writes",
    "virt_boundary_mask",
    "wbt_lat_usec",
    "write_cache",
    "write_same_max_bytes",
    "write_zeroes_max_bytes",
    "zoned",
];

/// Of the SCSI device, NVMe controller, card or virtio device.
const DEVICE: &[&str] = &[
    "vendor",
    "model",
    "rev",
    "type",
    "serial",
    "wwid",
    "scsi_level",
    "timeout",
    "eh_timeout",
    "queue_depth",
    "queue_type",
    "state",
    "modalias",
    "transport",
    "firmware_rev",
    "address",
    "cntlid",
    "queue_count",
    "subsysnqn",
    "name",
    "manfid",
    "oemid",
    "cid",
    "fwrev",
    "hwrev",
];

/// Of `scsi_disk/H:C:T:L`.
const SCSI_DISK: &[&str] = &[
    "FUA",
    "allow_restart",
    "app_tag_own",
    "cache_type",
    "manage_runtime_start_stop",
    "manage_shutdown",
    "manage_start_stop",
    "manage_system_start_stop",
    "max_medium_access_timeouts",
    "max_retries",
    "max_write_same_blocks",
    "protection_mode",
    "protection_type",
    "provisioning_mode",
    "thin_provisioning",
    "zeroing_mode",
];

/// Of the USB device above the disk.
const USB: &[&str] = &[
    "idVendor",
    "idProduct",
    "bcdDevice",
    "manufacturer",
    "product",
    "serial",
    "version",
    "speed",
    "rx_lanes",
    "tx_lanes",
    "bMaxPower",
    "bDeviceClass",
    "busnum",
    "devnum",
    "devpath",
    "removable",
    "ltm_capable",
    "quirks",
    "authorized",
    "avoid_reset_quirk",
    "power/control",
    "power/autosuspend_delay_ms",
    "power/persist",
    "power/runtime_status",
    "power/usb3_hardware_lpm_u1",
    "power/usb3_hardware_lpm_u2",
];

/// Of its interface.
const INTERFACE: &[&str] = &[
    "bInterfaceClass",
    "bInterfaceSubClass",
    "bInterfaceProtocol",
    "bAlternateSetting",
];

/// Of the PCI function above the disk.
const PCI: &[&str] = &[
    "vendor",
    "device",
    "class",
    "subsystem_vendor",
    "subsystem_device",
    "current_link_speed",
    "current_link_width",
];

const HOST: &[&str] = &["proc_name", "can_queue", "link_power_management_policy"];
const PARTITION: &[&str] = &["dev", "partition", "start", "size", "ro"];
const NETWORK: &[&str] = &["address", "type", "speed", "mtu", "operstate"];
const SYSCTLS: &[&str] = &[
    "dirty_background_bytes",
    "dirty_background_ratio",
    "dirty_bytes",
    "dirty_expire_centisecs",
    "dirty_ratio",
    "dirty_writeback_centisecs",
    "min_free_kbytes",
    "swappiness",
    "vfs_cache_pressure",
];

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Absolute path → text without the newline at its end; for `…/driver`, a link, the name that it points to.
    pub values: BTreeMap<String, String>,
    /// What is there and could not be read, in sentences.
    pub unread: Vec<String>,
}

/// Reads the attributes of every disk that has a size, of what it hangs on, and of the machine.
pub fn read(root: &Root) -> Attributes {
    let reader = Reader::new(root);
    let nodes = Nodes::read(&reader);
    let mut book = Book {
        reader: &reader,
        values: BTreeMap::new(),
        full: false,
    };
    for node in nodes.disks().filter(|node| !is_unused(node)) {
        book.disk(node, &nodes);
    }
    for name in reader.names("/sys/class/net") {
        let dir = Path::new("/sys/class/net").join(&name);
        book.list(&dir, NETWORK);
        book.driver(&dir.join("device"));
    }
    book.list(Path::new("/proc/sys/vm"), SYSCTLS);
    if book.full {
        reader.say(format!(
            "more than {MOST} attributes; the rest was left out"
        ));
    }
    Attributes {
        values: book.values,
        unread: reader.take_unread(),
    }
}

/// RAM disks, and virtual devices without a size: there are dozens, and nothing is behind them.
fn is_unused(node: &Node) -> bool {
    const RAM_DISKS: u64 = 1;
    let is_virtual = node.dir.starts_with("/sys/devices/virtual");
    node.number.0 == RAM_DISKS || (node.size == 0 && is_virtual)
}

struct Book<'a> {
    reader: &'a Reader<'a>,
    values: BTreeMap<String, String>,
    full: bool,
}

impl Book<'_> {
    fn disk(&mut self, node: &Node, nodes: &Nodes) {
        self.list(&node.dir, BLOCK);
        self.list(&node.dir.join("queue"), QUEUE);
        for part in nodes
            .of_disk(&node.name)
            .filter(|part| part.name != node.name)
        {
            self.list(&part.dir, PARTITION);
        }
        if let Some(device) = self.reader.link(node.dir.join("device")) {
            self.list(&device, DEVICE);
            for name in self.reader.names(device.join("scsi_disk")) {
                self.list(&device.join("scsi_disk").join(name), SCSI_DISK);
            }
        }
        for dir in above(&node.dir) {
            let name = dir.file_name().unwrap_or_default().to_string_lossy();
            let is_pci = self.reader.exists(dir.join("class"));
            let kind = if self.reader.exists(dir.join("idVendor")) {
                Some(USB)
            } else if self.reader.exists(dir.join("bInterfaceClass")) {
                Some(INTERFACE)
            } else {
                is_pci.then_some(PCI)
            };
            if let Some(names) = kind {
                self.list(&dir, names);
                self.driver(&dir);
            } else if let Some(number) = name.strip_prefix("host")
                && number.parse::<u32>().is_ok()
            {
                self.list(&Path::new("/sys/class/scsi_host").join(&*name), HOST);
            }
            if is_pci {
                // The bridges above say nothing about the disk.
                break;
            }
        }
    }

    fn list(&mut self, dir: &Path, names: &[&str]) {
        for name in names {
            let path = dir.join(name);
            if let Some(text) = self.reader.raw(&path) {
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                self.keep(&path, text);
            }
        }
    }

    fn driver(&mut self, dir: &Path) {
        let path = dir.join("driver");
        if let Some(name) = self.reader.link_name(&path) {
            self.keep(&path, name);
        }
    }

    fn keep(&mut self, path: &Path, text: String) {
        if self.values.len() >= MOST {
            self.full = true;
        } else if text.len() > LONGEST {
            self.reader
                .say(format!("{} is longer than {LONGEST} bytes", path.display()));
        } else {
            self.values
                .insert(path.to_string_lossy().into_owned(), text);
        }
    }
}

/// The directories above a device, nearest first.
fn above(dir: &Path) -> impl Iterator<Item = PathBuf> {
    dir.ancestors()
        .skip(1)
        .take_while(|dir| dir.starts_with("/sys/devices/") && !dir.ends_with("devices"))
        .map(Path::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}
