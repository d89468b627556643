//! The partition that the firmware and the boot loader say they started from. Reads variables, never writes one.
//!
//! Formats: UEFI specification 2.10, chapters 3.1.3 (load options) and 10.3 (device paths); the Boot Loader Interface for
//! LoaderDevicePartUUID. A file of efivarfs has four bytes of attributes before the value.
//! A Mac with a T2 is left alone: its firmware has faulted when the kernel asked it for variables.

use crate::guid::Guid;
use crate::probe::inventory::{Disk, Machine};
use crate::probe::reader::Reader;
use crate::probe::signature::fields::{field, le16, le32, utf16};

use super::{partitions, signatures};

const VARIABLES: &str = "/sys/firmware/efi/efivars";
const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const LOADER: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const ATTRIBUTES: usize = 4;

/// Macs with a T2, by the start of their product name.
const T2: [&str; 8] = [
    "iMac20,",
    "iMacPro1,",
    "MacBookAir8,",
    "MacBookAir9,",
    "MacBookPro15,",
    "MacBookPro16,",
    "Macmini8,",
    "MacPro7,",
];

/// A partition that a variable names, and the variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Started {
    partition: Named,
    /// Name of the variable that says so.
    by: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Gpt(Guid),
    /// The MBR's disk id.
    Mbr(u32),
}

/// What the firmware of `machine` says; nothing where there is none, or none that may be asked.
pub(super) fn read(reader: &Reader<'_>, machine: &Machine) -> Vec<Started> {
    if !reader.exists(VARIABLES) {
        return Vec::new();
    }
    if T2.iter().any(|model| machine.product.starts_with(model)) {
        reader.say("EFI variables are not asked for: a Mac with a T2 may fault at that".to_owned());
        return Vec::new();
    }
    let mut started = Vec::new();
    let loader = variable(reader, "LoaderDevicePartUUID", LOADER);
    started.extend(loader.and_then(|value| {
        Some(Started {
            partition: Named::Gpt(utf16(&value).parse().ok()?),
            by: "LoaderDevicePartUUID".to_owned(),
        })
    }));
    let current = variable(reader, "BootCurrent", GLOBAL).filter(|value| value.len() >= 2);
    started.extend(current.and_then(|value| {
        let name = format!("Boot{:04X}", le16(&value, 0));
        let option = variable(reader, &name, GLOBAL)?;
        Some(Started {
            partition: hard_drive(&option)?,
            by: format!("BootCurrent, which is {name},"),
        })
    }));
    started
}

fn variable(reader: &Reader<'_>, name: &str, vendor: &str) -> Option<Vec<u8>> {
    let bytes = reader.bytes(format!("{VARIABLES}/{name}-{vendor}"))?;
    Some(bytes.get(ATTRIBUTES..)?.to_vec())
}

/// The hard drive node in the device path of a load option; a network card or a whole USB stick has none.
fn hard_drive(option: &[u8]) -> Option<Named> {
    const MEDIA: u8 = 4;
    const HARD_DRIVE: u8 = 1;
    const END: u8 = 0x7F;
    let description = option.get(6..)?;
    let words = description
        .chunks_exact(2)
        .position(|word| word == [0, 0])?;
    let path = description.get((words + 1) * 2..)?;
    let mut rest = path.get(..usize::from(le16(option, 4)))?;
    // Every node is at least four bytes long, so this ends.
    loop {
        let len = usize::from(le16(rest, 2));
        let node = rest.get(..len).filter(|node| node.len() >= 4)?;
        match (node[0], node[1]) {
            (END, _) => return None,
            (MEDIA, HARD_DRIVE) if len >= 42 => return drive(node),
            _ => rest = rest.get(len..)?,
        }
    }
}

fn drive(node: &[u8]) -> Option<Named> {
    match node[41] {
        1 => Some(Named::Mbr(le32(node, 24))),
        2 => Some(Named::Gpt(Guid::from_gpt_bytes(
            field(node, 24, 16).try_into().ok()?,
        ))),
        _ => None,
    }
}

impl Started {
    /// A sentence, if the partition lies on `disk`.
    pub(super) fn from(&self, disk: &Disk) -> Option<String> {
        let found = match self.partition {
            Named::Gpt(guid) => {
                let mut all = partitions(&disk.content);
                let partition = all.find(|partition| partition.guid == Some(guid))?;
                format!("partition {}", partition.number)
            }
            Named::Mbr(id) => {
                let id = format!("{id:08x}");
                let mut tables = signatures(&disk.content);
                tables.find(|s| s.kind == "dos" && s.uuid == id)?;
                format!("a partition of the MBR {id}")
            }
        };
        Some(format!("the firmware's {} names {found}", self.by))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A load option with this device path, laid out as the specification has it.
    fn option(nodes: &[&[u8]]) -> Vec<u8> {
        let path: Vec<u8> = nodes.concat();
        let len = u16::try_from(path.len()).unwrap();
        let mut bytes = vec![1, 0, 0, 0];
        bytes.extend(len.to_le_bytes());
        bytes.extend("Talos".encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend([0, 0]);
        bytes.extend(path);
        bytes.extend(b"rest of the option");
        bytes
    }

    fn hd(kind: u8, signature: &[u8; 16]) -> Vec<u8> {
        let mut node = vec![4, 1, 42, 0];
        node.extend([0; 20]);
        node.extend(signature);
        node.extend([2, kind]);
        node
    }

    const PCI: &[u8] = &[1, 1, 6, 0, 0, 0x1F];
    const END: &[u8] = &[0x7F, 0xFF, 4, 0];

    #[test]
    fn the_partition_of_a_load_option_is_found_and_nothing_else() {
        let guid: Guid = "c5a1d2e3-1111-4222-8333-444455556666".parse().unwrap();
        let gpt = hd(2, &guid.to_gpt_bytes());
        let mbr = hd(
            1,
            &[0xD4, 0xC3, 0xB2, 0xA1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        );
        for (nodes, found) in [
            (&[PCI, &gpt, END][..], Some(Named::Gpt(guid))),
            (&[PCI, &mbr, END], Some(Named::Mbr(0xA1B2_C3D4))),
            (&[PCI, END, &gpt], None),
            (&[PCI, END], None),
            (&[PCI], None),
            (&[&[1, 1, 0, 0], &gpt], None),
            (&[&[1, 1, 200, 0], &gpt], None),
        ] {
            assert_eq!(hard_drive(&option(nodes)), found, "{nodes:?}");
        }
    }

    #[test]
    fn a_load_option_that_is_cut_off_names_nothing() {
        let whole = option(&[PCI, &hd(2, &[7; 16]), END]);
        let path = 6 + 12 + PCI.len() + 42;
        for len in 0..path {
            assert_eq!(hard_drive(&whole[..len]), None, "{len}");
        }
    }
}
