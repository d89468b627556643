//! What is lost when the stock installer takes a disk: it discards all of it before it lays it out. Pure.

use crate::partitioner::adopt::{self, Found};
use crate::probe::inventory::{Content, Layout, Partition};

/// What an installer makes, and makes again: nothing in there is anybody's.
const REMADE: [&str; 4] = ["EFI", "BIOS", "BOOT", "META"];

/// Names of the partitions of a Talos disk, or of an unfinished one of ours, that hold more than an installer makes.
///
/// Foreign disks are the selector's to judge; all of their partitions are named here.
pub fn lost(content: &Content) -> Vec<String> {
    let holds = |layout: &Layout, partition: &&Partition| {
        let remade = REMADE.contains(&partition.name.as_str());
        let known = adopt::is_talos_name(&partition.name);
        let empty = matches!(adopt::found(layout, partition.number), Found::Nothing);
        !(remade || (known && empty))
    };
    match content {
        Content::Blank | Content::Unreadable { .. } => Vec::new(),
        Content::Talos(layout) | Content::Foreign(layout) => layout
            .partitions
            .iter()
            .filter(|partition| holds(layout, partition))
            .map(|partition| match partition.name.as_str() {
                "" => format!("partition {}", partition.number),
                name => name.to_owned(),
            })
            .collect(),
    }
}

/// Whether the disk is one that an install left before anything was on it: its META speaks for nothing.
pub fn is_bare(content: &Content) -> bool {
    matches!(content, Content::Talos(_)) && lost(content).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::inventory::Signature;
    use crate::units::{Bytes, Extent};

    fn partition(number: u32, name: &str, kind: &str) -> Partition {
        let signature = Signature {
            kind: kind.to_owned(),
            talos: kind.to_owned(),
            label: String::new(),
            uuid: String::new(),
            version: String::new(),
            offset: Bytes::ZERO,
            extents: Vec::new(),
            note: String::new(),
        };
        Partition {
            signatures: if kind.is_empty() {
                Vec::new()
            } else {
                vec![signature]
            },
            ..Partition::new(
                number,
                name,
                Extent::new(Bytes::mib(u64::from(number)), Bytes::MIB),
            )
        }
    }

    fn talos(partitions: &[(&str, &str)]) -> Content {
        let partitions = (1..)
            .zip(partitions)
            .map(|(number, (name, kind))| partition(number, name, kind));
        Content::Talos(Layout {
            partitions: partitions.collect(),
            ..Layout::default()
        })
    }

    #[test]
    fn what_an_install_leaves_before_the_first_boot_is_nobodys() {
        for partitions in [
            &[("EFI", "vfat"), ("META", "talosmeta")][..],
            &[
                ("EFI", "vfat"),
                ("BIOS", ""),
                ("BOOT", "xfs"),
                ("META", ""),
                ("STATE", ""),
            ],
            &[
                ("EFI", "vfat"),
                ("META", ""),
                ("STATE", ""),
                ("EPHEMERAL", ""),
            ],
        ] {
            assert!(is_bare(&talos(partitions)), "{partitions:?}");
        }
        assert!(!is_bare(&Content::Blank));
        assert!(lost(&Content::Blank).is_empty());
    }

    #[test]
    fn whatever_holds_something_is_named() {
        for (partitions, wanted) in [
            (&[("META", ""), ("STATE", "luks")][..], &["STATE"][..]),
            (
                &[("META", ""), ("EPHEMERAL", "xfs"), ("u-data", "ext4")],
                &["EPHEMERAL", "u-data"],
            ),
            (
                &[("META", ""), ("", "ntfs"), ("scratch", "")],
                &["partition 2", "scratch"],
            ),
        ] {
            assert_eq!(lost(&talos(partitions)), wanted);
        }
        let mut unreadable = partition(3, "STATE", "");
        unreadable.unreadable = Some(String::from("an error"));
        let layout = Layout {
            partitions: vec![unreadable],
            ..Layout::default()
        };
        assert_eq!(
            lost(&Content::Talos(layout)),
            ["STATE"],
            "could not tell is not empty"
        );
    }
}
