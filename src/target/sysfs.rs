//! What sysfs says of one disk: whether it is still there, its request queue, its partitions.
//!
//! Never writes. Spec: `Documentation/ABI/stable/sysfs-block`; `start` and `size` count 512 bytes whatever the
//! logical block size is.

use std::io;

use crate::root::Root;
use crate::target::partitions::Slot;
use crate::units::{Bytes, Extent};

/// A disk by its device number.
#[derive(Clone, Debug)]
pub struct SysDisk {
    root: Root,
    dir: String,
}

/// A partition that the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelPartition {
    /// Number and place.
    pub slot: Slot,
    /// Its name below `/dev`.
    pub name: String,
    /// Major and minor number.
    pub device: (u64, u64),
}

impl SysDisk {
    /// The disk with this major and minor number.
    pub fn new(root: Root, (major, minor): (u64, u64)) -> Self {
        let dir = format!("/sys/dev/block/{major}:{minor}");
        Self { root, dir }
    }

    /// The disk sequence number; `None` if the disk is gone or the kernel older than 5.15.
    pub fn diskseq(&self) -> Option<u64> {
        self.text("diskseq").ok()??.parse().ok()
    }

    /// Whether the kernel still has it.
    ///
    /// # Errors
    /// The system's.
    pub fn exists(&self) -> io::Result<bool> {
        self.root.exists(&self.dir)
    }

    /// An attribute of its request queue, such as `write_cache`; `None` if there is none.
    pub fn queue(&self, attribute: &str) -> Option<String> {
        self.text(&format!("queue/{attribute}")).ok()?
    }

    /// Its partitions, by number.
    ///
    /// # Errors
    /// The system's, and [`io::ErrorKind::InvalidData`] for a partition without a place.
    pub fn partitions(&self) -> io::Result<Vec<KernelPartition>> {
        let names = self.root.read_dir(&self.dir)?;
        let names = names.ok_or(io::ErrorKind::NotFound)?;
        let mut found = Vec::new();
        for name in names {
            if let Some(number) = self.text(&format!("{name}/partition"))? {
                found.push(self.partition(&name, &number)?);
            }
        }
        found.sort_by_key(|partition| partition.slot.number);
        Ok(found)
    }

    fn partition(&self, name: &str, number: &str) -> io::Result<KernelPartition> {
        let sectors = |attribute: &str| -> io::Result<Bytes> {
            let text = self.text(&format!("{name}/{attribute}"))?;
            let number: u64 = parse(text.as_deref())?;
            let bytes = number.checked_mul(512).ok_or(io::ErrorKind::InvalidData)?;
            Ok(Bytes::new(bytes))
        };
        let extent = Extent::new(sectors("start")?, sectors("size")?);
        let device = self.text(&format!("{name}/dev"))?.unwrap_or_default();
        let (major, minor) = device.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        Ok(KernelPartition {
            slot: Slot {
                number: parse(Some(number))?,
                extent,
            },
            name: name.replace('!', "/"),
            device: (parse(Some(major))?, parse(Some(minor))?),
        })
    }

    fn text(&self, attribute: &str) -> io::Result<Option<String>> {
        let text = self
            .root
            .read_to_string(format!("{}/{attribute}", self.dir))?;
        Ok(text.map(|text| text.trim().to_owned()))
    }
}

fn parse<T: std::str::FromStr>(text: Option<&str>) -> io::Result<T> {
    let text = text.ok_or(io::ErrorKind::InvalidData)?;
    text.parse()
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the test makes a tree")]
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join("sys/dev/block/8:16").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn partitions_come_by_number_with_their_place_in_bytes() {
        let tree = tree(&[
            ("diskseq", "11\n"),
            ("queue/write_cache", "write back\n"),
            ("sdb10/partition", "10\n"),
            ("sdb10/start", "4096\n"),
            ("sdb10/size", "8\n"),
            ("sdb10/dev", "8:26\n"),
            ("sdb2/partition", "2\n"),
            ("sdb2/start", "2048\n"),
            ("sdb2/size", "2048\n"),
            ("sdb2/dev", "8:18\n"),
        ]);
        let disk = SysDisk::new(Root::at(tree.path()), (8, 16));
        let found = disk.partitions().unwrap();
        let second = Slot {
            number: 2,
            extent: Extent::new(Bytes::MIB, Bytes::MIB),
        };
        assert_eq!(found[0].slot, second);
        assert_eq!(
            (found[1].slot.number, found[1].name.as_str()),
            (10, "sdb10")
        );
        assert_eq!(found[1].device, (8, 26));
        assert_eq!(disk.diskseq(), Some(11));
        assert_eq!(disk.queue("write_cache").as_deref(), Some("write back"));
    }

    #[test]
    fn what_cannot_be_told_is_an_error_and_not_an_empty_disk() {
        let nowhere = tempfile::tempdir().unwrap();
        let gone = SysDisk::new(Root::at(nowhere.path()), (8, 16));
        assert!(!gone.exists().unwrap());
        assert_eq!(
            gone.partitions().unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        for size in ["", "x", "36028797018963968"] {
            let tree = tree(&[
                ("sdb1/partition", "1"),
                ("sdb1/start", "1"),
                ("sdb1/size", size),
                ("sdb1/dev", "8:17"),
            ]);
            let disk = SysDisk::new(Root::at(tree.path()), (8, 16));
            let error = disk.partitions().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{size}");
        }
    }
}
