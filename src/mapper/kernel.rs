//! What the kernel has open: where a partition is, what holds a device, who uses a mapping. Reads only.

use std::io;
use std::path::{Path, PathBuf};

use super::rules::Existing;
use crate::probe::{self, Mount};
use crate::root::Root;
use crate::sys::dm::{Dm, DmError, Status};
use crate::units::{Bytes, Extent};

/// Major and minor number.
pub type Number = (u64, u64);

/// Sectors of sysfs, whatever the device's own are.
const SECTOR: u64 = 512;

/// No more uses of one mapping are named.
const MOST_USERS: usize = 8;

/// Why it could not be told.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// Something in sysfs or procfs could not be read.
    #[error("cannot read {path}")]
    Read {
        /// What.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The kernel knows another table than the disk has.
    #[error("the kernel's partition {number} of {disk} is not the one of its partition table")]
    Stale {
        /// The disk.
        disk: String,
        /// The partition's number.
        number: u32,
    },
    /// The device mapper gave no answer.
    #[error(transparent)]
    Mapper(#[from] DmError),
}

/// A device, and where on it a partition begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The device that the table names.
    pub number: Number,
    /// Its node.
    pub path: String,
    /// Where the partition begins on it.
    pub start: Bytes,
    /// Whether other volumes lie on the same device.
    pub shared: bool,
}

fn sysfs(number: Number) -> PathBuf {
    PathBuf::from(format!("/sys/dev/block/{}:{}", number.0, number.1))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> KernelError + '_ {
    |source| KernelError::Read {
        path: path.to_owned(),
        source,
    }
}

/// The text of an attribute without blanks around it; empty if it is not there.
fn text(root: &Root, path: &Path) -> Result<String, KernelError> {
    let text = root.read_to_string(path).map_err(failed(path))?;
    Ok(text.unwrap_or_default().trim().to_owned())
}

/// Where partition `number` at `extent` of the disk is: its own device if the kernel has one, else a part of the disk.
///
/// # Errors
/// [`KernelError::Stale`] if the kernel has partitions of the disk, but not this one at this place.
pub fn partition(
    root: &Root,
    disk: &str,
    disk_number: Number,
    number: u32,
    extent: Extent,
) -> Result<Place, KernelError> {
    let dir = sysfs(disk_number);
    let names = root.read_dir(&dir).map_err(failed(&dir))?;
    let mut has_partitions = false;
    for name in names.unwrap_or_default() {
        let at = dir.join(&name);
        let found = text(root, &at.join("partition"))?;
        if found.is_empty() {
            continue;
        }
        has_partitions = true;
        let bytes = |attribute: &str| {
            let sectors = text(root, &at.join(attribute))?.parse::<u64>().ok();
            Ok::<_, KernelError>(sectors.and_then(|sectors| sectors.checked_mul(SECTOR)))
        };
        if found.parse() != Ok(number) {
            continue;
        }
        let same =
            bytes("start")? == Some(extent.start.get()) && bytes("size")? == Some(extent.len.get());
        return match parse_number(&text(root, &at.join("dev"))?) {
            Some(number) if same => Ok(Place {
                number,
                path: format!("/dev/{}", name.replace('!', "/")),
                start: Bytes::ZERO,
                shared: false,
            }),
            _ => Err(stale(disk, number)),
        };
    }
    if has_partitions {
        return Err(stale(disk, number));
    }
    Ok(Place {
        number: disk_number,
        path: disk.to_owned(),
        start: extent.start,
        shared: true,
    })
}

fn stale(disk: &str, number: u32) -> KernelError {
    KernelError::Stale {
        disk: disk.to_owned(),
        number,
    }
}

fn parse_number(text: &str) -> Option<Number> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What is stacked upon a device.
///
/// # Errors
/// [`KernelError::Read`].
pub fn holders(root: &Root, number: Number) -> Result<Vec<Existing>, KernelError> {
    let dir = sysfs(number).join("holders");
    let names = root.read_dir(&dir).map_err(failed(&dir))?;
    let existing = |device: String| {
        let dm = Path::new("/sys/block").join(&device).join("dm");
        Ok(Existing {
            name: text(root, &dm.join("name"))?,
            uuid: text(root, &dm.join("uuid"))?,
            device,
        })
    };
    names
        .unwrap_or_default()
        .into_iter()
        .map(existing)
        .collect()
}

/// A loop device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopDevice {
    /// Its node.
    pub path: String,
    /// Its number.
    pub number: Number,
    /// Whether it takes no writes.
    pub read_only: bool,
}

/// The loop devices that lie on the file `image` (canonical).
///
/// # Errors
/// [`KernelError::Read`].
pub fn loops_on(root: &Root, image: &Path) -> Result<Vec<LoopDevice>, KernelError> {
    let dir = Path::new("/sys/block");
    let names = root.read_dir(dir).map_err(failed(dir))?;
    let mut loops = Vec::new();
    for name in names.unwrap_or_default() {
        let at = dir.join(&name);
        let file = root.read_to_string(at.join("loop/backing_file"));
        let file = file.map_err(failed(&at))?.unwrap_or_default();
        if file.trim_end_matches('\n') != image.to_string_lossy() {
            continue;
        }
        if let Some(number) = parse_number(&text(root, &at.join("dev"))?) {
            loops.push(LoopDevice {
                path: format!("/dev/{name}"),
                number,
                read_only: text(root, &at.join("ro"))? == "1",
            });
        }
    }
    Ok(loops)
}

/// The file below a loop device; `None` for other devices.
///
/// # Errors
/// [`KernelError::Read`].
pub fn backing_file(root: &Root, number: Number) -> Result<Option<String>, KernelError> {
    let file = text(root, &sysfs(number).join("loop/backing_file"))?;
    Ok(Some(file).filter(|file| !file.is_empty()))
}

/// Path of the node that the kernel gives a device, such as `/dev/sda5`.
///
/// # Errors
/// [`KernelError::Read`].
pub fn node(root: &Root, number: Number) -> Result<String, KernelError> {
    let events = text(root, &sysfs(number).join("uevent"))?;
    let name = events
        .lines()
        .find_map(|line| line.strip_prefix("DEVNAME="));
    Ok(match name {
        Some(name) => format!("/dev/{name}"),
        None => format!("{}:{}", number.0, number.1),
    })
}

/// State of every mapping that the kernel has.
///
/// # Errors
/// [`KernelError::Mapper`].
pub fn mappings(dm: &Dm) -> Result<Vec<Status>, KernelError> {
    let mut all = Vec::new();
    for name in dm.names()? {
        // One that went away in the meantime is no longer there.
        all.extend(dm.status(&name)?);
    }
    Ok(all)
}

/// As the rules see it.
pub fn existing(status: &Status) -> Existing {
    Existing {
        name: status.name.clone(),
        uuid: status.uuid.clone(),
        device: format!("dm-{}", status.number.1),
    }
}

/// Where a device is mounted, in whatever namespace.
pub fn mounts_of(root: &Root, number: Number) -> Vec<Mount> {
    let (mounts, unread) = probe::mounts(root);
    for sentence in unread {
        tracing::debug!("{sentence}");
    }
    mounts
        .into_iter()
        .filter(|mount| mount.number == number)
        .collect()
}

/// Who uses the mapping, but for the mount at `own`: mounts, what is stacked upon it, swap, processes.
///
/// # Errors
/// [`KernelError::Read`].
pub fn users(root: &Root, status: &Status, own: Option<&str>) -> Result<Vec<String>, KernelError> {
    let mut users = Vec::new();
    for mount in mounts_of(root, status.number) {
        if !(mount.own && Some(mount.point.as_str()) == own) {
            users.push(format!("mounted at {}", mount.point));
        }
    }
    for holder in holders(root, status.number)? {
        users.push(
            format!("/dev/{} {}", holder.device, holder.name)
                .trim_end()
                .to_owned(),
        );
    }
    let nodes = [
        format!("/dev/dm-{}", status.number.1),
        format!("/dev/mapper/{}", status.name),
    ];
    let swaps = root
        .read_to_string("/proc/swaps")
        .ok()
        .flatten()
        .unwrap_or_default();
    let is_node = |line: &str| {
        nodes
            .iter()
            .any(|node| line.split(' ').next() == Some(node))
    };
    users.extend(swaps.lines().any(is_node).then(|| String::from("swap")));
    users.extend(processes(root, &nodes, own));
    users.truncate(MOST_USERS);
    Ok(users)
}

/// Processes that have one of the nodes open, or something below the mount point. A process that ends meanwhile is none.
fn processes(root: &Root, nodes: &[String], mount: Option<&str>) -> Vec<String> {
    let uses = |link: &Path| {
        let inside = mount.is_some_and(|mount| link.starts_with(mount));
        inside || nodes.iter().any(|node| link == Path::new(node))
    };
    let own = std::process::id().to_string();
    let all = root.read_dir("/proc").ok().flatten().unwrap_or_default();
    let is_process = |name: &String| name.bytes().all(|b| b.is_ascii_digit()) && *name != own;
    let mut found = Vec::new();
    for process in all.into_iter().filter(is_process) {
        let dir = Path::new("/proc").join(&process);
        let fds = root
            .read_dir(dir.join("fd"))
            .ok()
            .flatten()
            .unwrap_or_default();
        let mut links = ["cwd", "root", "exe"].map(|name| dir.join(name)).to_vec();
        links.extend(fds.into_iter().map(|fd| dir.join("fd").join(fd)));
        let mut targets = links
            .iter()
            .filter_map(|link| root.read_link(link).ok().flatten());
        if targets.any(|target| uses(&target)) {
            let name = root
                .read_to_string(dir.join("comm"))
                .ok()
                .flatten()
                .unwrap_or_default();
            found.push(format!("process {process} ({})", name.trim()));
        }
    }
    found
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "builds fixture trees")]
mod tests {
    use super::*;
    use std::fs;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, body) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        let root = Root::at(dir.path());
        (dir, root)
    }

    const DISK: Number = (8, 0);

    fn with_partitions() -> (tempfile::TempDir, Root) {
        tree(&[
            ("sys/dev/block/8:0/size", "62914560\n"),
            ("sys/dev/block/8:0/sda5/partition", "5\n"),
            ("sys/dev/block/8:0/sda5/start", "4300800\n"),
            ("sys/dev/block/8:0/sda5/size", "204800\n"),
            ("sys/dev/block/8:0/sda5/dev", "8:5\n"),
            ("sys/dev/block/8:5/holders/dm-0/x", ""),
            ("sys/block/dm-0/dm/name", "luks2-STATE\n"),
            ("sys/block/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n"),
        ])
    }

    fn extent(start: u64, len: u64) -> Extent {
        Extent::new(Bytes::new(start * 512), Bytes::new(len * 512))
    }

    #[test]
    fn a_partition_is_found_by_its_number_where_the_table_says() {
        let (_dir, root) = with_partitions();
        let place = partition(&root, "/dev/sda", DISK, 5, extent(4_300_800, 204_800)).unwrap();
        assert_eq!((place.number, place.path.as_str()), ((8, 5), "/dev/sda5"));
        assert!(!place.shared);
        let holders = holders(&root, place.number).unwrap();
        assert_eq!(holders.len(), 1);
        assert_eq!(holders[0].name, "luks2-STATE");
    }

    #[test]
    fn a_kernel_that_knows_another_table_is_not_believed() {
        let (_dir, root) = with_partitions();
        for (number, start, len) in [
            (5, 4_300_800, 204_801),
            (5, 2048, 204_800),
            (6, 4_300_800, 204_800),
        ] {
            let got = partition(&root, "/dev/sda", DISK, number, extent(start, len));
            assert!(matches!(got, Err(KernelError::Stale { .. })), "{got:?}");
        }
    }

    #[test]
    fn a_disk_without_partitions_in_the_kernel_is_used_as_a_whole() {
        let (_dir, root) = tree(&[("sys/dev/block/7:0/size", "62914560\n")]);
        let place = partition(&root, "/dev/loop0", (7, 0), 5, extent(2048, 4096)).unwrap();
        assert_eq!(place.start, Bytes::mib(1));
        assert!(place.shared);
    }

    #[test]
    fn loop_devices_are_found_by_their_file() {
        let (_dir, root) = tree(&[
            ("sys/block/loop0/loop/backing_file", "/img/a b.raw\n"),
            ("sys/block/loop0/dev", "7:0\n"),
            ("sys/block/loop0/ro", "1\n"),
            ("sys/block/loop1/loop/backing_file", "/img/other\n"),
            ("sys/block/loop1/dev", "7:1\n"),
            ("sys/block/sda/dev", "8:0\n"),
        ]);
        let loops = loops_on(&root, Path::new("/img/a b.raw")).unwrap();
        assert_eq!(loops.len(), 1);
        assert_eq!((loops[0].number, loops[0].read_only), ((7, 0), true));
    }

    #[test]
    fn everybody_who_uses_a_mapping_is_named() {
        let (dir, root) = tree(&[
            (
                "proc/1/mountinfo",
                "30 1 254:0 / /mnt/r/STATE ro - xfs /dev/mapper/x ro\n31 1 254:0 / /other ro - xfs x ro\n",
            ),
            ("proc/swaps", "Filename Type\n/dev/dm-0 partition 1\n"),
            ("proc/77/comm", "vi\n"),
            ("proc/77/fd/x", ""),
            ("sys/dev/block/254:0/holders/dm-3/x", ""),
            ("sys/block/dm-3/dm/name", "vg-lv\n"),
        ]);
        std::os::unix::fs::symlink("/mnt/r/STATE/config.yaml", dir.path().join("proc/77/fd/5"))
            .unwrap();
        let status = Status {
            name: String::from("keelblock-STATE"),
            uuid: String::new(),
            number: (254, 0),
            open_count: 1,
            read_only: true,
            live: true,
        };
        let found = users(&root, &status, Some("/mnt/r/STATE")).unwrap();
        let want = [
            "mounted at /other",
            "/dev/dm-3 vg-lv",
            "swap",
            "process 77 (vi)",
        ];
        assert_eq!(found, want);
    }
}
