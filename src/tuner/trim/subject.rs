//! Which drive a proof is about: the facts that stay when it is plugged in elsewhere. Reads through [`Root`].

use serde::{Deserialize, Serialize};

use crate::partitioner::binding;
use crate::plan::DiskIdentity;
use crate::probe::inventory::Disk;
use crate::root::Root;

/// A drive and its firmware, as far as they can be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Subject {
    /// The probe's id of it, such as `usb 04e8:61f5 1234568941AC`.
    pub id: String,
    /// Every fact that tells it from another.
    pub identity: DiskIdentity,
    /// Bytes in all.
    pub size: u64,
    /// Firmware revision: `device/rev` of SCSI, `device/firmware_rev` of NVMe; empty where there is none.
    pub firmware: String,
    /// The driver that commands go through: `uas`, `usb-storage`, or that of the block device, such as `sd`.
    pub driver: String,
}

/// The folder of a disk in sysfs, by its node.
pub(super) fn sysfs(disk: &Disk) -> String {
    let name = disk.path.trim_start_matches("/dev/").replace('/', "!");
    format!("/sys/class/block/{name}")
}

/// The text of a small file, trimmed; empty where there is none.
pub(super) fn text(root: &Root, path: &str) -> String {
    let text = root.read_to_string(path).ok().flatten().unwrap_or_default();
    text.trim().to_owned()
}

impl Subject {
    /// The drive that `disk` is.
    pub fn read(root: &Root, disk: &Disk) -> Self {
        let device = format!("{}/device", sysfs(disk));
        let named = ["rev", "firmware_rev"].map(|name| text(root, &format!("{device}/{name}")));
        let firmware = named.into_iter().find(|text| !text.is_empty());
        let usb = disk.usb.as_ref().map(|usb| usb.driver.clone());
        let driver = usb.filter(|driver| !driver.is_empty()).or_else(|| {
            let link = root.read_link(format!("{device}/driver")).ok().flatten()?;
            Some(link.file_name()?.to_string_lossy().into_owned())
        });
        Self {
            id: disk.id.clone(),
            identity: binding::identity(disk),
            size: disk.talos.size,
            firmware: firmware.unwrap_or_else(|| disk.talos.firmware_version.clone()),
            driver: driver.unwrap_or_default(),
        }
    }

    /// Whether the drive says who it is, rather than only where it is plugged in.
    pub fn is_known(&self) -> bool {
        !self.id.starts_with("path ") && !self.id.contains(" path ")
    }
}
