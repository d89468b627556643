//! How a disk is attached: Talos' `transport`, and the USB device above it.
//!
//! The rules are Talos' own, in its order, so that a selector means the same here and there. UAS shows itself
//! by the driver of the USB interface alone: its SCSI host is named `(null)`.

use std::path::Path;

use super::inventory::UsbDevice;
use super::nodes::Node;
use super::reader::Reader;

/// `nvme`, `virtio`, `sata`, `usb`, …; empty if nothing tells.
pub(super) fn transport(reader: &Reader<'_>, node: &Node) -> String {
    const BY_NAME: [(&str, &str); 5] = [
        ("nvme", "nvme"),
        ("vd", "virtio"),
        ("xvd", "xenblk"),
        ("mmcblk", "mmc"),
        ("dm-", "dm"),
    ];
    let by_name = BY_NAME
        .iter()
        .find(|(prefix, _)| node.name.starts_with(prefix));
    match by_name {
        Some((_, transport)) => (*transport).to_owned(),
        None => scsi_transport(reader, node).unwrap_or_default(),
    }
}

fn scsi_transport(reader: &Reader<'_>, node: &Node) -> Option<String> {
    let address = reader.link_name(node.dir.join("device"))?;
    let (host, _) = address.split_once(':')?;
    let host: u32 = host.parse().ok()?;
    let is_host = |kind: &str| reader.exists(format!("/sys/class/{kind}_host/host{host}"));
    let attribute =
        |name: &str| reader.exists(Path::new("/sys/bus/scsi/devices").join(&address).join(name));
    let transport = if is_host("spi") {
        "spi"
    } else if is_host("fc") {
        "fc"
    } else if is_host("sas") || attribute("sas_device") {
        "sas"
    } else if attribute("ieee1394_id") {
        "ibp"
    } else if is_host("iscsi") {
        "iscsi"
    } else if node.dir.to_string_lossy().contains("usb") {
        "usb"
    } else {
        return Some(by_host_name(
            &reader.text(format!("/sys/class/scsi_host/host{host}/proc_name")),
        ));
    };
    Some(transport.to_owned())
}

fn by_host_name(name: &str) -> String {
    match name {
        "ahci" | "sata" => "sata",
        "virtio_scsi" => "virtio",
        name if name.contains("ata") => "ata",
        name => name,
    }
    .to_owned()
}

/// The nearest USB device above the disk (hubs further up are USB devices too).
pub(super) fn usb_device(reader: &Reader<'_>, node: &Node) -> Option<UsbDevice> {
    if !node.dir.to_string_lossy().contains("/usb") {
        return None;
    }
    let mut below: &Path = &node.dir;
    for dir in node.dir.ancestors().skip(1) {
        let vendor_id = reader.text(dir.join("idVendor"));
        if !vendor_id.is_empty() {
            return Some(UsbDevice {
                vendor_id,
                product_id: reader.text(dir.join("idProduct")),
                manufacturer: reader.text(dir.join("manufacturer")),
                product: reader.text(dir.join("product")),
                serial: reader.text(dir.join("serial")),
                speed: speed(&reader.text(dir.join("speed"))),
                driver: reader.link_name(below.join("driver")).unwrap_or_default(),
            });
        }
        if dir.ends_with("devices") {
            break;
        }
        below = dir;
    }
    None
}

/// Mbit/s; low speed is `1.5` and counts as 1.
fn speed(text: &str) -> u32 {
    text.split('.')
        .next()
        .and_then(|whole| whole.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_host_driver_is_the_last_resort() {
        for (name, transport) in [
            ("ahci", "sata"),
            ("ata_piix", "ata"),
            ("virtio_scsi", "virtio"),
            ("megaraid_sas", "megaraid_sas"),
            ("", ""),
        ] {
            assert_eq!(by_host_name(name), transport);
        }
    }

    #[test]
    fn a_speed_is_a_whole_number_of_megabits() {
        for (text, mbit) in [("5000", 5000), ("1.5", 1), ("", 0), ("unknown", 0)] {
            assert_eq!(speed(text), mbit);
        }
    }
}
