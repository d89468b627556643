//! Who uses a disk: mounts, swap, and whatever the kernel has stacked upon it, followed to the top.
//!
//! A loop device takes no claim on what it lies on and shows in no `holders`, so it is sought from its own side.
//! An idle member of a set is not in use; only its signature tells of it.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{Usage, UsageKind};
use super::mounts::{self, Mount};
use super::nodes::{Node, Nodes};
use super::reader::Reader;

/// A node of Kubernetes binds one filesystem hundreds of times.
const MOST_MOUNTS_EACH: usize = 16;

/// Everything that is in use on the machine, by the kernel name of what is used.
#[derive(Debug, Default)]
pub(super) struct InUse {
    direct: BTreeMap<String, Vec<(Usage, Option<String>)>>,
    own_mounts: BTreeMap<String, Vec<OwnMount>>,
    /// No disk that the kernel knows carries `/`.
    root_in_memory: bool,
}

/// Where this process or the first one has mounted something of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct OwnMount {
    /// The mount point.
    pub(super) point: String,
    /// Node of what is mounted: the disk, a partition, or something stacked upon it.
    pub(super) device: String,
    /// The loop device with its file, where that is what is mounted.
    pub(super) through: Option<String>,
    /// The layer of an overlay at `point` that is meant.
    pub(super) layer: Option<String>,
    /// The first process sees it.
    pub(super) first: bool,
}

impl InUse {
    /// Reads it once for all disks.
    pub(super) fn read(reader: &Reader<'_>, nodes: &Nodes) -> Self {
        let mut in_use = Self::default();
        let mounts = mounts::mounts(reader);
        let pools = btrfs_devices(reader);
        for mount in &mounts {
            for name in mounted_devices(reader, nodes, &pools, mount) {
                in_use.add_mount(nodes, &name, mount);
            }
            in_use.add_layers(reader, nodes, &mounts, mount);
        }
        for path in mounts::swaps(reader) {
            if let Some(node) = nodes.at_path(reader, &path) {
                in_use.add(node, UsageKind::Swap, "swap".to_owned(), None);
            }
        }
        for node in nodes.disks() {
            in_use.add_loop(reader, nodes, node, &mounts);
            in_use.add_zram(reader, nodes, node);
        }
        let on_disk = nodes.disks().any(|disk| {
            let real = !disk.dir.starts_with("/sys/devices/virtual");
            let mut mounts = in_use.own_mounts(reader, nodes, &disk.name).into_iter();
            real && mounts.any(|mount| mount.point == "/")
        });
        in_use.root_in_memory = !on_disk;
        in_use
    }

    /// Whether the root filesystem came with the kernel or from the network: no disk carries it.
    pub(super) const fn root_in_memory(&self) -> bool {
        self.root_in_memory
    }

    fn add(&mut self, node: &Node, kind: UsageKind, by: String, top: Option<String>) {
        let usage = Usage {
            kind,
            device: node.path.clone(),
            by,
        };
        let uses = self.direct.entry(node.name.clone()).or_default();
        if !uses.iter().any(|(known, _)| *known == usage) {
            uses.push((usage, top));
        }
    }

    fn add_mount(&mut self, nodes: &Nodes, name: &str, mount: &Mount) {
        let Some(node) = nodes.get(name) else {
            return;
        };
        if mount.own {
            self.add_own(node, mount, None);
        }
        let known = self.direct.get(name).map_or(0, |uses| {
            uses.iter().filter(|u| u.0.kind == UsageKind::Mount).count()
        });
        if known < MOST_MOUNTS_EACH {
            self.add(node, UsageKind::Mount, mount.point.clone(), None);
        }
    }

    fn add_own(&mut self, node: &Node, mount: &Mount, layer: Option<String>) {
        let points = self.own_mounts.entry(node.name.clone()).or_default();
        points.push(OwnMount {
            point: mount.point.clone(),
            device: node.path.clone(),
            through: None,
            layer,
            first: mount.first,
        });
    }

    /// What an overlay at the root lies on: a live system has its files there.
    fn add_layers(&mut self, reader: &Reader<'_>, nodes: &Nodes, mounts: &[Mount], mount: &Mount) {
        if !mount.own || !matches!(mount.point.as_str(), "/" | "/usr") {
            return;
        }
        for layer in &mount.layers {
            if let Some(below) = device_of_file(reader, nodes, mounts, layer) {
                self.add_own(below, mount, Some(layer.clone()));
            }
        }
    }

    fn add_loop(&mut self, reader: &Reader<'_>, nodes: &Nodes, node: &Node, mounts: &[Mount]) {
        if node.size == 0 || !node.name.starts_with("loop") {
            return;
        }
        let file = reader.text(node.dir.join("loop/backing_file"));
        let file = file.strip_suffix(" (deleted)").unwrap_or(&file);
        if file.is_empty() {
            return;
        }
        let below = nodes
            .at_path(reader, file)
            .or_else(|| device_of_file(reader, nodes, mounts, file));
        // The file of a loop device that is mounted on / lay in the initramfs: it hides itself.
        if let Some(below) = below.filter(|below| below.name != node.name) {
            let by = format!("{} ({file})", node.path);
            self.add(below, UsageKind::Loop, by, Some(node.name.clone()));
        }
    }

    fn add_zram(&mut self, reader: &Reader<'_>, nodes: &Nodes, node: &Node) {
        if !node.name.starts_with("zram") {
            return;
        }
        let backing = reader.text(node.dir.join("backing_dev"));
        if let Some(below) = nodes.at_path(reader, &backing) {
            self.add(below, UsageKind::Holder, node.path.clone(), None);
        }
    }

    /// The uses of a disk, of its partitions, and of everything stacked upon them.
    pub(super) fn of(&self, reader: &Reader<'_>, nodes: &Nodes, disk: &str) -> Vec<Usage> {
        let mut usage = Vec::new();
        for name in self.stack(reader, nodes, disk) {
            let Some(node) = nodes.get(&name) else {
                continue;
            };
            for holder in reader.names(node.dir.join("holders")) {
                usage.push(held(reader, nodes, node, &holder));
            }
            let direct = self.direct.get(&name).into_iter().flatten();
            usage.extend(direct.map(|(usage, _)| usage.clone()));
        }
        usage
    }

    /// Where this process and the first one have mounted the disk or something stacked upon it.
    pub(super) fn own_mounts(
        &self,
        reader: &Reader<'_>,
        nodes: &Nodes,
        disk: &str,
    ) -> Vec<OwnMount> {
        let mut points: BTreeSet<OwnMount> = BTreeSet::new();
        for name in self.stack(reader, nodes, disk) {
            let through = self.backing(&name);
            for mount in self.own_mounts.get(&name).into_iter().flatten() {
                points.insert(OwnMount {
                    through: through.clone(),
                    ..mount.clone()
                });
            }
        }
        points.into_iter().collect()
    }

    /// `/dev/loop0 (/file)`, if `name` is a loop device whose file lies on a disk, or a partition of one.
    fn backing(&self, name: &str) -> Option<String> {
        let mut uses = self.direct.values().flatten();
        let (usage, _) = uses.find(|(_, top)| top.as_deref() == Some(name))?;
        Some(usage.by.clone())
    }

    /// The disk, its partitions, and the devices that lie on any of them, each once, lowest first.
    fn stack(&self, reader: &Reader<'_>, nodes: &Nodes, disk: &str) -> Vec<String> {
        let mut stack: Vec<String> = Vec::new();
        let mut todo: Vec<String> = nodes.of_disk(disk).map(|node| node.name.clone()).collect();
        todo.reverse();
        while let Some(name) = todo.pop() {
            if stack.contains(&name) {
                continue;
            }
            if let Some(node) = nodes.get(&name) {
                let mut above = reader.names(node.dir.join("holders"));
                let direct = self.direct.get(&name).into_iter().flatten();
                above.extend(direct.filter_map(|(_, top)| top.clone()));
                for top in above {
                    let parts = nodes.of_disk(&top).map(|node| node.name.clone());
                    todo.extend(parts.chain([top.clone()]));
                }
            }
            stack.push(name);
        }
        stack
    }
}

fn held(reader: &Reader<'_>, nodes: &Nodes, node: &Node, holder: &str) -> Usage {
    let kind = if holder.starts_with("dm-") {
        UsageKind::DeviceMapper
    } else if holder.starts_with("md") {
        UsageKind::Md
    } else {
        UsageKind::Holder
    };
    let name = nodes
        .get(holder)
        .map(|node| reader.text(node.dir.join("dm/name")))
        .unwrap_or_default();
    let by = if name.is_empty() {
        format!("/dev/{holder}")
    } else {
        format!("/dev/{holder} ({name})")
    };
    Usage {
        kind,
        device: node.path.clone(),
        by,
    }
}

/// Names of the devices of every btrfs that the kernel has open.
fn btrfs_devices(reader: &Reader<'_>) -> Vec<Vec<String>> {
    reader
        .names("/sys/fs/btrfs")
        .iter()
        .filter(|name| name.len() == 36)
        .map(|name| reader.names(format!("/sys/fs/btrfs/{name}/devices")))
        .collect()
}

/// A btrfs has an anonymous number and may lie on several devices; all others have their device's number.
fn mounted_devices(
    reader: &Reader<'_>,
    nodes: &Nodes,
    pools: &[Vec<String>],
    mount: &Mount,
) -> Vec<String> {
    let by_number = nodes.numbered(mount.number);
    let node = by_number.or_else(|| {
        let anonymous = mount.number.0 == 0 && mount.source.starts_with("/dev/");
        anonymous.then(|| nodes.at_path(reader, &mount.source))?
    });
    let Some(node) = node else {
        return Vec::new();
    };
    let pool = pools.iter().find(|devices| devices.contains(&node.name));
    pool.cloned().unwrap_or_else(|| vec![node.name.clone()])
}

/// The device of the innermost own mount that a file lies in.
fn device_of_file<'a>(
    reader: &Reader<'_>,
    nodes: &'a Nodes,
    mounts: &[Mount],
    file: &str,
) -> Option<&'a Node> {
    let inside = |point: &str| {
        point == "/"
            || file
                .strip_prefix(point)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mount = mounts
        .iter()
        .filter(|mount| mount.own && inside(&mount.point))
        .max_by_key(|mount| mount.point.len())?;
    nodes
        .numbered(mount.number)
        .or_else(|| nodes.at_path(reader, &mount.source))
}
