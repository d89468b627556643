//! What a plan is bound to: the facts that tell a disk from another, and what was on it. Pure.

use crate::partitioner::adopt;
use crate::plan::{DiskIdentity, Precondition};
use crate::probe::inventory::{Disk, UsbDevice};

/// What must hold when its plan is applied.
pub fn before(disk: &Disk) -> Precondition {
    let layout = disk.content.layout();
    Precondition {
        fingerprint: disk.fingerprint.clone(),
        content: adopt::in_words(&disk.content),
        diskseq: disk.diskseq,
        unfinished: layout.and_then(|layout| layout.unfinished.clone()),
        partitions: layout.map_or_else(Vec::new, |layout| adopt::seen(layout, disk.talos.size)),
    }
}

/// Every fact that tells `disk` from another.
pub fn identity(disk: &Disk) -> DiskIdentity {
    let usb_id = |usb: &UsbDevice| format!("{}:{} {}", usb.vendor_id, usb.product_id, usb.serial);
    let usb = disk.usb.as_ref().map(usb_id);
    DiskIdentity {
        wwid: disk.talos.wwid.clone(),
        uuid: disk.talos.uuid.clone(),
        serial: disk.talos.serial.clone(),
        model: disk.talos.model.clone(),
        usb: usb.unwrap_or_default().trim_end().to_owned(),
        transport: disk.talos.transport.clone(),
        bus_path: disk.talos.bus_path.clone(),
    }
}
