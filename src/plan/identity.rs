//! Which disk and which machine a plan is for: every fact that must be found again. Pure data.

use serde::{Deserialize, Serialize};

/// The machine that a plan is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct MachineBinding {
    /// SMBIOS UUID that nodeID keys derive from, where known.
    pub uuid: Option<String>,
    /// SMBIOS product, for people.
    pub product: String,
    /// The machine that has the disks; apply refuses on another. Absent where only images are written, for they can
    /// be made anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
}

/// A machine that has disks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Host {
    /// SMBIOS UUID; `None` if it could not be read, and then any will do.
    pub uuid: Option<String>,
    /// SMBIOS product.
    pub product: String,
}

/// What tells one disk from another, as far as the disk has it; empty where it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct DiskIdentity {
    /// World-wide id (NAA, EUI-64, T10).
    pub wwid: String,
    /// NVMe namespace UUID.
    pub uuid: String,
    /// Serial number.
    pub serial: String,
    /// Model.
    pub model: String,
    /// USB vendor, product and serial number: `04e8:61f5 S4…`.
    pub usb: String,
    /// `nvme`, `sata`, `usb`, …
    pub transport: String,
    /// Where it is plugged in.
    pub bus_path: String,
}

impl DiskIdentity {
    /// Name and value of every field.
    pub fn fields(&self) -> [(&'static str, &str); 7] {
        [
            ("wwid", &self.wwid),
            ("uuid", &self.uuid),
            ("serial", &self.serial),
            ("model", &self.model),
            ("usb", &self.usb),
            ("transport", &self.transport),
            ("bus_path", &self.bus_path),
        ]
    }
}

/// A partition that was there when planning, or a signature that fills a disk without a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct FoundPartition {
    /// Entry number, from 1; 0 for what has no entry.
    pub number: u32,
    /// GPT name; empty where there is none.
    pub name: String,
    /// First byte.
    pub start: crate::units::Bytes,
    /// Bytes in all.
    pub size: crate::units::Bytes,
    /// What is in it, in words, such as `ext4 "photos"` or `nothing`.
    pub holds: String,
}
