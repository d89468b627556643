//! What is known to everybody: names of models, of properties, of partitions. Pure, no I/O.

use std::collections::BTreeSet;

use crate::probe::inventory::Inventory;
use crate::probe::is_talos_name;

/// Properties of udev that say what kind of thing it is; a trailing `*` stands for any rest.
/// `ID_PATH` is not among them: the place of a SAS or iSCSI disk holds its address.
const PROPERTIES: [&str; 38] = [
    "CURRENT_TAGS",
    "DEVLINKS_PRIORITY",
    "DEVNAME",
    "DEVTYPE",
    "DISKSEQ",
    "ID_ATA*",
    "ID_BUS",
    "ID_CDROM*",
    "ID_DRIVE*",
    "ID_FS_BLOCKSIZE",
    "ID_FS_LASTBLOCK",
    "ID_FS_SIZE",
    "ID_FS_TYPE",
    "ID_FS_USAGE",
    "ID_FS_VERSION",
    "ID_INSTANCE",
    "ID_MODEL*",
    "ID_NSID",
    "ID_PART_ENTRY_DISK",
    "ID_PART_ENTRY_NUMBER",
    "ID_PART_ENTRY_SCHEME",
    "ID_PART_ENTRY_TYPE",
    "ID_PART_TABLE_TYPE",
    "ID_REVISION",
    "ID_SCSI",
    "ID_TYPE",
    "ID_USB_DRIVER",
    "ID_USB_INSTANCE",
    "ID_USB_INTERFACE*",
    "ID_USB_MODEL*",
    "ID_USB_REVISION",
    "ID_USB_TYPE",
    "ID_USB_VENDOR*",
    "ID_VENDOR*",
    "MAJOR",
    "MINOR",
    "SCSI_MODEL*",
    "SCSI_VENDOR*",
];

/// Attributes of sysfs that are names of models and kinds.
const ATTRIBUTES: [&str; 12] = [
    "model",
    "vendor",
    "product",
    "manufacturer",
    "modalias",
    "rev",
    "firmware_rev",
    "driver",
    "idVendor",
    "idProduct",
    "scheduler",
    "transport",
];

/// Names of partitions and filesystems that systems give by themselves, in lower case.
const LABELS: [&str; 12] = [
    "basic data partition",
    "boot",
    "container",
    "efi",
    "efi system",
    "efi system partition",
    "linux filesystem",
    "linux swap",
    "macintosh hd",
    "microsoft reserved partition",
    "primary",
    "recovery hd",
];

pub(super) fn is_public_property(key: &str) -> bool {
    PROPERTIES
        .iter()
        .any(|known| match known.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == *known,
        })
}

pub(super) fn is_public_attribute(name: &str) -> bool {
    ATTRIBUTES.contains(&name)
}

/// Labels that thousands of machines have: Talos' own, and what installers write.
pub(super) fn is_public_label(label: &str) -> bool {
    is_talos_name(label)
        || label.starts_with("TALOS_V")
        || LABELS.contains(&label.to_lowercase().as_str())
}

/// The models, vendors and products of one machine.
pub(super) struct PublicWords {
    /// Whole names in lower case, with blanks for underscores.
    names: Vec<String>,
    /// Their words.
    words: BTreeSet<String>,
}

impl PublicWords {
    pub(super) fn of(inventory: &Inventory) -> Self {
        let machine = &inventory.machine;
        let mut names = vec![&machine.vendor, &machine.product];
        for disk in &inventory.disks {
            names.extend([&disk.talos.model, &disk.vendor]);
            names.extend(
                disk.usb
                    .iter()
                    .flat_map(|usb| [&usb.manufacturer, &usb.product]),
            );
            let models = disk.udev.iter().filter(|(key, _)| {
                (key.contains("MODEL") || key.contains("VENDOR")) && is_public_property(key)
            });
            names.extend(models.map(|(_, value)| value));
        }
        let names: Vec<String> = names.into_iter().map(|name| normal(name)).collect();
        let words = names
            .iter()
            .flat_map(|name| name.split(is_between))
            .map(str::to_owned);
        Self {
            words: words.filter(|word| !word.is_empty()).collect(),
            names,
        }
    }

    /// Whether `text` is part of a name that everybody knows.
    pub(super) fn contain(&self, text: &str) -> bool {
        let text = normal(text);
        self.names.iter().any(|name| name.contains(&text))
    }

    /// `text` without the vendor and model at its start, and without the number of a LUN, namespace or partition at its
    /// end; nothing if that is all there is.
    pub(super) fn strip<'t>(&self, text: &'t str) -> &'t str {
        let mut rest = text.trim();
        while !rest.is_empty() {
            let end = rest.find([' ', '_']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let word = word.to_lowercase();
            let mut parts = word.split(is_between).filter(|part| !part.is_empty());
            if !parts.all(|part| self.words.contains(part)) {
                break;
            }
            rest = after.trim_start_matches([' ', '_']);
        }
        without_number(rest)
    }
}

/// `-part1`, `-0:0` and `_1` at the end.
fn without_number(text: &str) -> &str {
    const SHORTEST: usize = 5;
    let is_number = |tail: &str| {
        !tail.is_empty() && tail.len() <= 3 && tail.bytes().all(|b| b.is_ascii_digit())
    };
    let mut text = text;
    if let Some((head, tail)) = text.rsplit_once("-part")
        && is_number(tail)
    {
        text = head;
    }
    if let Some((head, tail)) = text.rsplit_once('-')
        && tail
            .split_once(':')
            .is_some_and(|(target, lun)| is_number(target) && is_number(lun))
    {
        text = head;
    }
    match text.rsplit_once('_') {
        Some((head, tail)) if is_number(tail) && head.len() >= SHORTEST => head,
        _ => text,
    }
}

fn normal(text: &str) -> String {
    text.trim().to_lowercase().replace('_', " ")
}

fn is_between(c: char) -> bool {
    !c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendor_model_and_numbers_are_stripped_from_a_serial() {
        let names = vec!["samsung portable ssd t5".to_owned(), "sandisk".to_owned()];
        let words = names
            .iter()
            .flat_map(|n| n.split(' '))
            .map(str::to_owned)
            .collect();
        let words = PublicWords { names, words };
        for (text, rest) in [
            ("Samsung_Portable_SSD_T5_S49WNV0MC04217F", "S49WNV0MC04217F"),
            ("Samsung_Portable_SSD_T5_1234568941AC-0:0", "1234568941AC"),
            ("SanDisk_Extreme_Pro_9_1", "Extreme_Pro_9"),
            ("S49WNV0MC04217F_1", "S49WNV0MC04217F"),
            ("S49WNV0MC04217F-part12", "S49WNV0MC04217F"),
            ("samsung T5", ""),
            ("A_1", "A_1"),
            ("", ""),
        ] {
            assert_eq!(words.strip(text), rest, "{text}");
        }
        assert!(words.contain("Portable_SSD"));
        assert!(!words.contain("S49WNV0MC04217F"));
    }

    #[test]
    fn properties_are_public_by_name_or_by_prefix() {
        for key in ["ID_BUS", "ID_MODEL_ENC", "ID_ATA_SATA", "ID_USB_INTERFACES"] {
            assert!(is_public_property(key), "{key}");
        }
        for key in [
            "ID_SERIAL",
            "ID_PATH",
            "ID_FS_UUID",
            "ID_BUSY",
            "SECRET",
            "ID_WWN",
        ] {
            assert!(!is_public_property(key), "{key}");
        }
    }
}
