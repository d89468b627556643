//! Every block device that the kernel knows, disks and partitions, and where it lies in sysfs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reader::Reader;

/// One block device.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Kernel name, such as `nvme0n1p2`.
    pub(super) name: String,
    /// Directory below `/sys/devices`.
    pub(super) dir: PathBuf,
    /// Major and minor number.
    pub(super) number: (u64, u64),
    /// Node below `/dev`.
    pub(super) path: String,
    /// Name of the disk; its own name for a disk.
    pub(super) disk: String,
    /// Size in bytes, as sysfs has it.
    pub(super) size: u64,
}

/// All of them by name.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    by_name: BTreeMap<String, Node>,
    by_number: BTreeMap<(u64, u64), String>,
}

impl Nodes {
    /// Reads `/sys/block`. Devices without a number (hidden NVMe paths) are not devices to us.
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let mut nodes = Self::default();
        for name in reader.names("/sys/block") {
            let link = Path::new("/sys/block").join(&name);
            let dir = reader.link(&link).unwrap_or(link);
            let Some(disk) = read_node(reader, &name, &name, dir) else {
                continue;
            };
            if disk.size > 0 {
                nodes.add_partitions(reader, &disk);
            }
            nodes.add(disk);
        }
        nodes
    }

    fn add_partitions(&mut self, reader: &Reader<'_>, disk: &Node) {
        for name in reader.names(&disk.dir) {
            let dir = disk.dir.join(&name);
            if name.starts_with(&disk.name) && reader.exists(dir.join("partition")) {
                self.extend(read_node(reader, &name, &disk.name, dir));
            }
        }
    }

    fn extend(&mut self, node: Option<Node>) {
        if let Some(node) = node {
            self.add(node);
        }
    }

    fn add(&mut self, node: Node) {
        self.by_number.insert(node.number, node.name.clone());
        self.by_name.insert(node.name.clone(), node);
    }

    /// Disks in the order of their names as strings.
    pub(super) fn disks(&self) -> impl Iterator<Item = &Node> {
        self.by_name.values().filter(|node| node.disk == node.name)
    }

    /// The disk `name` and its partitions.
    pub(super) fn of_disk<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Node> {
        self.by_name.values().filter(move |node| node.disk == name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.by_name.get(name)
    }

    pub(super) fn numbered(&self, number: (u64, u64)) -> Option<&Node> {
        self.get(self.by_number.get(&number)?)
    }

    /// The device behind a path such as `/dev/sda1`, `/dev/mapper/x` or `/dev/disk/by-id/…`.
    pub(super) fn at_path(&self, reader: &Reader<'_>, path: &str) -> Option<&Node> {
        let mut path = PathBuf::from(path);
        // Links below /dev are one or two deep.
        for _ in 0..4 {
            let text = path.to_string_lossy();
            if let Some(node) = self.by_name.values().find(|node| node.path == text) {
                return Some(node);
            }
            path = reader.link(&path)?;
        }
        None
    }
}

fn read_node(reader: &Reader<'_>, name: &str, disk: &str, dir: PathBuf) -> Option<Node> {
    let number = reader.text(dir.join("dev"));
    let (major, minor) = number.split_once(':')?;
    // Names with a slash stand with an exclamation mark in sysfs.
    let path = format!("/dev/{}", name.replace('!', "/"));
    Some(Node {
        name: name.to_owned(),
        number: (major.parse().ok()?, minor.parse().ok()?),
        path,
        disk: disk.to_owned(),
        size: reader
            .number(dir.join("size"))
            .unwrap_or(0)
            .saturating_mul(512),
        dir,
    })
}
