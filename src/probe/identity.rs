//! Which disk it is: an identity that survives a reboot and another port, if the disk has one to give.
//!
//! In order of trust: the world-wide id, model and serial, the USB serial, udev's serial, and failing all
//! the place where it is plugged in. Ids that many disks share are passed over.

use std::collections::BTreeMap;

use super::inventory::Disk;

/// World-wide ids that are no identity: what Samsung's portable SSDs share, and what bridges make up.
const SHARED: [&str; 3] = ["5002538d00000000", "5000000000000001", "5000000000000000"];

/// The identity of a disk as far as it can give one by itself. `place` is its path below `/sys/devices`, which alone
/// tells virtual devices apart.
pub(super) fn identity(disk: &Disk, place: &str) -> String {
    let talos = &disk.talos;
    let udev = |key: &str| disk.udev.get(key).map_or("", String::as_str);
    let candidates = [
        is_unique(&talos.wwid).then(|| format!("wwid {}", talos.wwid)),
        is_serial(&talos.serial).then(|| format!("serial {} {}", talos.model, talos.serial)),
        disk.usb
            .as_ref()
            .filter(|usb| is_serial(&usb.serial))
            .map(|usb| format!("usb {}:{} {}", usb.vendor_id, usb.product_id, usb.serial)),
        is_serial(udev("ID_SERIAL")).then(|| format!("serial {}", udev("ID_SERIAL"))),
    ];
    let found = candidates.into_iter().flatten().next();
    let plugged_in = if talos.bus_path.starts_with("/virtual") {
        place
    } else {
        &talos.bus_path
    };
    one_line(&found.unwrap_or_else(|| format!("path {plugged_in}")))
}

/// Makes the identities of all disks differ, and says where they did not: first by the path on the bus, then, for
/// disks that share even that, by the whole path.
pub(super) fn make_unique(disks: &mut [Disk], places: &[String]) -> Vec<String> {
    let mut notes = Vec::new();
    for round in 0..2 {
        let mut owners: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, disk) in disks.iter().enumerate() {
            owners.entry(disk.id.clone()).or_default().push(index);
        }
        for (id, indices) in owners.into_iter().filter(|(_, indices)| indices.len() > 1) {
            if round == 0 {
                notes.push(shared(&id, disks, &indices));
            }
            for index in indices {
                let place = if round == 0 {
                    &disks[index].talos.bus_path
                } else {
                    &places[index]
                };
                disks[index].id = match id.split_once("path ") {
                    Some((before, _)) => format!("{before}path {place}"),
                    None => format!("{id} path {place}"),
                };
            }
        }
    }
    notes
}

fn shared(id: &str, disks: &[Disk], indices: &[usize]) -> String {
    let paths: Vec<&str> = indices
        .iter()
        .map(|index| disks[*index].path.as_str())
        .collect();
    format!(
        "{} have the same identity ({id}): they are told apart by where they are plugged in",
        paths.join(" and ")
    )
}

/// Whether a world-wide id is one disk's own: neither empty nor one that many disks are known to share.
pub fn is_unique(wwid: &str) -> bool {
    let lower = wwid.to_lowercase();
    let digits = lower.rsplit('.').next().unwrap_or_default();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    is_serial(digits) && !SHARED.contains(&digits)
}

/// Neither empty nor nothing but zeros, blanks and dashes.
pub fn is_serial(text: &str) -> bool {
    text.chars()
        .any(|c| !matches!(c, '0' | ' ' | '-' | '.' | '\u{FFFD}'))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::inventory::{Content, TalosDisk, UsbDevice};
    use super::*;

    fn disk(wwid: &str, serial: &str, usb: Option<&str>, udev: &str, bus_path: &str) -> Disk {
        Disk {
            path: "/dev/sda".to_owned(),
            id: String::new(),
            talos: TalosDisk {
                model: "Model X".to_owned(),
                wwid: wwid.to_owned(),
                serial: serial.to_owned(),
                bus_path: bus_path.to_owned(),
                ..TalosDisk::default()
            },
            udev: [("ID_SERIAL".to_owned(), udev.to_owned())].into(),
            usb: usb.map(|serial| UsbDevice {
                vendor_id: "04e8".to_owned(),
                product_id: "61f5".to_owned(),
                serial: serial.to_owned(),
                ..UsbDevice::default()
            }),
            vendor: String::new(),
            removable: false,
            physical_sector_size: 512,
            diskseq: None,
            usage: Vec::new(),
            boot_medium: Vec::new(),
            boot_evidence: Vec::new(),
            content: Content::Blank,
            fingerprint: String::new(),
            unread: Vec::new(),
        }
    }

    #[test]
    fn the_best_identity_that_the_disk_has_is_taken() {
        for (wwid, serial, usb, udev, id) in [
            (
                "naa.5002538e40a1b2c3",
                "S1",
                Some("U1"),
                "D1",
                "wwid naa.5002538e40a1b2c3",
            ),
            (
                "t10.ATA     APPLE SSD      S1  ",
                "",
                None,
                "",
                "wwid t10.ATA APPLE SSD S1",
            ),
            (
                "naa.5002538d00000000",
                "S1",
                Some("U1"),
                "D1",
                "serial Model X S1",
            ),
            (
                "naa.5000000000000001",
                "",
                Some("U1"),
                "D1",
                "usb 04e8:61f5 U1",
            ),
            (
                "eui.0000000000000000",
                "0000",
                Some("000"),
                "D1",
                "serial D1",
            ),
            ("", "", None, "", "path /pci0"),
        ] {
            assert_eq!(identity(&disk(wwid, serial, usb, udev, "/pci0"), "/x"), id);
        }
    }

    #[test]
    fn disks_with_the_same_identity_are_told_apart_by_their_place() {
        let mut disks = vec![
            disk("", "S1", None, "", "/pci0/a"),
            disk("", "S1", None, "", "/pci0/b"),
            disk("", "S2", None, "", "/pci0/c"),
            disk("", "", None, "", "/virtual"),
            disk("", "", None, "", "/pci0/d"),
            disk("", "", None, "", "/pci0/d"),
        ];
        let places = [
            "/a",
            "/b",
            "/c",
            "/virtual/block/loop0",
            "/pci0/d/sdd",
            "/pci0/d/sde",
        ];
        for (disk, place) in disks.iter_mut().zip(places) {
            disk.id = identity(disk, place);
        }
        let notes = make_unique(&mut disks, &places.map(str::to_owned));
        let ids: Vec<&str> = disks.iter().map(|d| d.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "serial Model X S1 path /pci0/a",
                "serial Model X S1 path /pci0/b",
                "serial Model X S2",
                "path /virtual/block/loop0",
                "path /pci0/d/sdd",
                "path /pci0/d/sde",
            ]
        );
        assert_eq!(notes.len(), 2, "{notes:?}");
    }
}
