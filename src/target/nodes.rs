//! Device nodes of partitions that have just been published, with or without udev.
//!
//! On devtmpfs the kernel makes them, a moment later; anywhere else they are made here, from the numbers that sysfs
//! has. Only nodes of partitions that the kernel has are made, and only block device nodes are ever replaced.
#![expect(
    clippy::disallowed_methods,
    reason = "this module owns the nodes of new partitions"
)]

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::root::Root;
use crate::target::sysfs::KernelPartition;

const DEV: &str = "/dev";
/// How long the kernel may take to make a node: this often, and so long each time.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Returns when every partition has its node. What is missing then is told in the log: the disk itself is done.
pub fn settle(partitions: &[KernelPartition]) {
    if on_devtmpfs(&Root::live()) {
        wait(partitions);
        return;
    }
    for partition in partitions {
        let path = Path::new(DEV).join(&partition.name);
        if let Err(error) = make(&path, partition.device) {
            tracing::warn!(node = %path.display(), %error, "the node of a partition cannot be made");
        }
    }
}

fn wait(partitions: &[KernelPartition]) {
    let missing = || {
        let mut paths = partitions.iter().map(|p| (path_of(p), p.device));
        paths.find(|(path, device)| !is_node(path, *device))
    };
    for _ in 0..TRIES {
        if missing().is_none() {
            return;
        }
        sleep(PAUSE);
    }
    if let Some((path, _)) = missing() {
        tracing::warn!(node = %path.display(), "the kernel has not made the node of a partition");
    }
}

fn path_of(partition: &KernelPartition) -> PathBuf {
    Path::new(DEV).join(&partition.name)
}

/// Whether the topmost mount at /dev is one in which the kernel makes the nodes.
fn on_devtmpfs(root: &Root) -> bool {
    let text = root.read_to_string("/proc/self/mountinfo");
    text.ok().flatten().is_some_and(|text| {
        let kinds = text.lines().filter_map(|line| {
            let (front, back) = line.split_once(" - ")?;
            (front.split(' ').nth(4)? == DEV).then(|| back.split(' ').next())?
        });
        kinds.fold(None, |_, kind| Some(kind)) == Some("devtmpfs")
    })
}

fn is_node(path: &Path, (major, minor): (u64, u64)) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| {
        found.file_type().is_block_device() && found.rdev() == makedev(major, minor)
    })
}

/// Makes the node, or gives an outdated one its number.
fn make(path: &Path, device: (u64, u64)) -> io::Result<()> {
    if is_node(path, device) {
        return Ok(());
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_block_device() => fs::remove_file(path)?,
        Ok(_) => {
            let why = "something that is no block device has its name";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    mknod(path, SFlag::S_IFBLK, mode, makedev(device.0, device.1))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mounts(lines: &str) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir_all(tree.path().join("proc/self")).unwrap();
        fs::write(tree.path().join("proc/self/mountinfo"), lines).unwrap();
        tree
    }

    #[test]
    fn the_topmost_mount_at_dev_decides_who_makes_nodes() {
        let devtmpfs = "27 1 0:6 / /dev rw shared:1 - devtmpfs devtmpfs rw\n";
        let tmpfs = "29 1 0:9 / /dev rw - tmpfs tmpfs rw\n";
        let pts = "28 27 0:7 / /dev/pts rw - devpts devpts rw\n";
        for (lines, devtmpfs) in [
            (format!("{devtmpfs}{pts}"), true),
            (format!("{devtmpfs}{tmpfs}{pts}"), false),
            (tmpfs.to_owned(), false),
            (String::from("nonsense\n"), false),
        ] {
            let tree = with_mounts(&lines);
            assert_eq!(on_devtmpfs(&Root::at(tree.path())), devtmpfs, "{lines}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_a_node_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sdz1");
        fs::write(&path, "mine").unwrap();
        let error = make(&path, (8, 17)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }
}
