//! What the probe found, as plain data: the machine, its disks, and what is on them.
//!
//! Pure: no I/O. A snapshot of another machine is the same type, so every later stage works on either.
//! `disk` fields that Talos' own disk resource has carry Talos' names and values; what udev adds stands
//! apart under `udev`, because the two name the same disk differently.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::BootEvidence;
use super::nic::Nic;
use crate::guid::Guid;
use crate::units::{BlockSize, Bytes, Extent};

/// The name and version that an [`Inventory`] carries in its `schema` field.
pub const SCHEMA: &str = "keelblock/inventory/v1";

/// Everything the probe could find out about one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Inventory {
    /// [`SCHEMA`].
    pub schema: String,
    /// The machine itself.
    pub machine: Machine,
    /// Every disk, sorted by kernel name as a string (the order in which Talos looks at them).
    pub disks: Vec<Disk>,
    /// What could not be read, in sentences for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The machine that carries the disks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Machine {
    /// SMBIOS system UUID in lower case, as Talos' nodeID keys use it; `None` if it could not be read.
    pub uuid: Option<String>,
    /// SMBIOS vendor, such as `Apple Inc.`.
    #[serde(default)]
    pub vendor: String,
    /// SMBIOS product, such as `Macmini7,1`.
    #[serde(default)]
    pub product: String,
    /// Whether the machine booted through UEFI; `None` if it could not be told.
    #[serde(default)]
    pub uefi: Option<bool>,
    /// Memory in all.
    #[serde(default)]
    pub memory: Bytes,
    /// Memory that a process could have now.
    #[serde(default)]
    pub memory_available: Bytes,
    /// Logical CPUs.
    #[serde(default)]
    pub cpus: u32,
    /// Kernel release, such as `6.12.117`.
    #[serde(default)]
    pub kernel: String,
    /// Whether a running udevd was found.
    #[serde(default)]
    pub udev: bool,
    /// Network interfaces, sorted by name; `None` if they were not looked at, as in a recording of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nics: Option<Vec<Nic>>,
}

/// One whole disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Disk {
    /// Device node, such as `/dev/sda`. Never an identity: it changes between boots.
    pub path: String,
    /// Identity that survives a reboot: `wwid …`, `serial …`, `usb …` or, failing all, `path …`.
    pub id: String,
    /// The properties that Talos' disk resource has, with its names and values.
    #[serde(flatten)]
    pub talos: TalosDisk,
    /// `E:` properties of the udev database, another name space than `talos`; empty without udev.
    #[serde(default)]
    pub udev: BTreeMap<String, String>,
    /// The USB device that the disk hangs on, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usb: Option<UsbDevice>,
    /// SCSI vendor, such as `Samsung`; Talos' model does not have it.
    #[serde(default)]
    pub vendor: String,
    /// The medium can be taken out (a stick, a card reader). Not the same as external.
    #[serde(default)]
    pub removable: bool,
    /// Physical block size in bytes.
    #[serde(default)]
    pub physical_sector_size: u32,
    /// The kernel's number of this disk instance; grows with each plug.
    #[serde(default)]
    pub diskseq: Option<u64>,
    /// Who uses the disk or a part of it now.
    #[serde(default)]
    pub usage: Vec<Usage>,
    /// What says that this is the medium that the running system came from. Never empty for a disk that must not be
    /// chosen for it.
    #[serde(default)]
    pub boot_medium: Vec<String>,
    /// The same with grade and source, and the weak signs that do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boot_evidence: Vec<BootEvidence>,
    /// What is on it.
    pub content: Content,
    /// Digest of what is on it (table, signatures, first and last MiB), as 64 hexadecimal digits.
    /// Empty if the content could not be read. See [`crate::probe::inspect_source`].
    #[serde(default)]
    pub fingerprint: String,
    /// What could not be read about this disk, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

impl Disk {
    /// Whether `name` is its id, its path or a link to it: the ways in which an operator can name a disk.
    pub fn is_named(&self, name: &str) -> bool {
        self.id == name || self.path == name || self.talos.symlinks.iter().any(|link| link == name)
    }
}

/// Talos' disk resource (`Disks.block.talos.dev`), the `disk` of its CEL selectors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct TalosDisk {
    /// Bytes in all; 0 without a medium.
    pub size: u64,
    /// Preferred I/O size in bytes.
    pub io_size: u64,
    /// Logical block size in bytes.
    pub sector_size: u64,
    /// Write-protected.
    pub readonly: bool,
    /// A CD-ROM drive.
    pub cdrom: bool,
    /// Model as sysfs has it, trimmed; at most 16 characters behind SCSI.
    pub model: String,
    /// Serial as sysfs has it; empty for most USB disks.
    pub serial: String,
    /// Module alias.
    pub modalias: String,
    /// World-wide id, such as `naa.5002538e40a1b2c3`.
    pub wwid: String,
    /// NVMe namespace UUID.
    pub uuid: String,
    /// Path on the bus, such as `/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0`.
    pub bus_path: String,
    /// Resolved `subsystem` link, such as `/sys/class/block`.
    pub sub_system: String,
    /// `nvme`, `sata`, `usb`, `mmc`, `virtio`, …; empty if unknown.
    pub transport: String,
    /// Spins.
    pub rotational: bool,
    /// Device node.
    pub dev_path: String,
    /// The size for people, as Talos prints it (decimal units, such as `1.0 TB`).
    pub pretty_size: String,
    /// Firmware revision; NVMe only.
    pub firmware_version: String,
    /// Disks below this one (md, dm, multipath).
    pub secondary_disks: Vec<String>,
    /// Links below `/dev/disk` that point at it, sorted.
    pub symlinks: Vec<String>,
}

/// The USB device above a disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct UsbDevice {
    /// `idVendor`, four hexadecimal digits.
    pub vendor_id: String,
    /// `idProduct`, four hexadecimal digits.
    pub product_id: String,
    /// Manufacturer string.
    #[serde(default)]
    pub manufacturer: String,
    /// Product string.
    #[serde(default)]
    pub product: String,
    /// Serial number string of the USB device; not the one of the disk inside.
    #[serde(default)]
    pub serial: String,
    /// Link speed in Mbit/s.
    #[serde(default)]
    pub speed: u32,
    /// Driver of the interface: `uas` or `usb-storage`.
    #[serde(default)]
    pub driver: String,
}

impl UsbDevice {
    /// A Samsung T5 that is still locked presents itself under a product id of its own.
    pub fn is_locked_t5(&self) -> bool {
        self.vendor_id == "04e8" && self.product_id == "61f6"
    }
}

/// One use of a disk or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Usage {
    /// What kind of use.
    pub kind: UsageKind,
    /// The device that is used: the disk, a partition, or something stacked upon it.
    pub device: String,
    /// By what: a mount point, the holder's name, a backing file, a mapping's name.
    pub by: String,
}

/// How a device can be in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum UsageKind {
    /// A filesystem is mounted.
    Mount,
    /// Swap is on.
    Swap,
    /// A device-mapper device holds it.
    DeviceMapper,
    /// A software RAID holds it.
    Md,
    /// A loop device lies on it (takes no claim, so only this tells).
    Loop,
    /// Another kernel holder (bcache, …).
    Holder,
    /// An exclusive open failed: somebody claims it, and nothing else said who.
    Claimed,
}

/// What is on a disk. Only a proof of blankness makes it blank.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Content {
    /// Everything that was looked at is there and holds no table and no signature.
    Blank,
    /// A GPT with a Talos partition (META, STATE, EPHEMERAL, EFI, BOOT, `u-…`, `r-…`, `s-…`) and nothing foreign.
    Talos(Layout),
    /// Anything else that was recognised, or a table of which a copy is damaged.
    Foreign(Layout),
    /// It could not be told. Never treated as blank.
    Unreadable {
        /// Why, in words.
        reason: String,
    },
}

impl Content {
    /// Table and signatures, where there are any.
    pub fn layout(&self) -> Option<&Layout> {
        match self {
            Self::Talos(layout) | Self::Foreign(layout) => Some(layout),
            Self::Blank | Self::Unreadable { .. } => None,
        }
    }

    /// The word for tables and messages: `blank`, `talos`, `foreign`, `unreadable`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Talos(_) => "talos",
            Self::Foreign(_) => "foreign",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// Table, partitions and signatures of a disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Layout {
    /// The partition table, if one was recognised.
    #[serde(default)]
    pub table: Option<Table>,
    /// Partitions in the order of their entry number.
    #[serde(default)]
    pub partitions: Vec<Partition>,
    /// Signatures on the disk itself, outside every partition; the table's own included.
    #[serde(default)]
    pub signatures: Vec<Signature>,
    /// An apply of this plan id was interrupted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
}

/// A partition table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Table {
    /// `gpt`, `mbr` or `apm`.
    pub kind: String,
    /// GPT disk GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    /// Logical block size that the table was written for; another one than the disk's means a foreign bridge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_size: Option<BlockSize>,
    /// First byte that partitions may use (GPT).
    #[serde(default)]
    pub usable: Option<Extent>,
    /// What is wrong with it: a damaged copy, a backup that is not at the end, no protective MBR. Empty if sound.
    #[serde(default)]
    pub defects: Vec<String>,
}

/// One partition and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Partition {
    /// Entry number, from 1.
    pub number: u32,
    /// GPT name; empty for MBR.
    pub name: String,
    /// Where it lies on the disk.
    pub extent: Extent,
    /// GPT type GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_guid: Option<Guid>,
    /// MBR type code, such as 7; `None` for GPT and Apple maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mbr_type: Option<u8>,
    /// Unique partition GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    /// GPT attribute bits.
    #[serde(default)]
    pub attributes: u64,
    /// Signatures in it, outermost and strongest first. Offsets count from the start of the disk.
    #[serde(default)]
    pub signatures: Vec<Signature>,
    /// Why its content could not be read, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
}

impl Partition {
    /// An entry of which nothing is known but its number, name and place.
    pub fn new(number: u32, name: impl Into<String>, extent: Extent) -> Self {
        Self {
            number,
            name: name.into(),
            extent,
            type_guid: None,
            mbr_type: None,
            guid: None,
            attributes: 0,
            signatures: Vec::new(),
            unreadable: None,
        }
    }
}

/// A superblock or header that was recognised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Signature {
    /// What it is, in libblkid's words where it has one: `xfs`, `crypto_LUKS`, `gpt`, `zfs_member`, …
    pub kind: String,
    /// The name Talos' own probe has for it (`xfs`, `luks`, `gpt`, `talosmeta`, …); empty if it knows none.
    #[serde(default)]
    pub talos: String,
    /// Label or name inside, if any.
    #[serde(default)]
    pub label: String,
    /// UUID inside, if any.
    #[serde(default)]
    pub uuid: String,
    /// Version or variant, such as `2` for LUKS2 or `1.2` for md.
    #[serde(default)]
    pub version: String,
    /// First byte of its magic, from the start of the disk.
    pub offset: Bytes,
    /// The ranges that have to be zeroed to be rid of it, from the start of the disk, in whole logical blocks.
    /// None of them reaches into a partition that the signature does not lie in.
    #[serde(default)]
    pub extents: Vec<Extent>,
    /// A remark for people: siblings of a set, a damaged copy, a stale backup.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}
