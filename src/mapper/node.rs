//! Names of mappings below `/dev/mapper`, where no udev makes them.
//!
//! A link to the kernel's own node, as udev makes it, so that udev finds its work done and takes the link away with the
//! mapping. Only where nothing makes the kernel's node, as on a static `/dev`, a node of our own.
#![expect(
    clippy::disallowed_methods,
    reason = "this module owns its links and nodes below /dev/mapper"
)]

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::kernel::Number;

const FOLDER: &str = "/dev/mapper";

/// Where a mapping is.
pub fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// Makes the name for the mapping with this number, if it is not there.
///
/// # Errors
/// The system's; [`io::ErrorKind::AlreadyExists`] if something else has the name.
pub fn make(name: &str, number: Number) -> io::Result<()> {
    let (path, target) = (path(name), target(number));
    if is_node(&path, number) {
        return Ok(());
    }
    // A link that leads nowhere is left from a mapping that is gone.
    let is_link = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_symlink());
    if is_link && !path.exists() {
        fs::remove_file(&path)?;
    }
    let made = if is_node(&Path::new(FOLDER).join(&target), number) {
        symlink(&target, &path)
    } else {
        let device = makedev(number.0, number.1);
        mknod(&path, SFlag::S_IFBLK, Mode::S_IRUSR | Mode::S_IWUSR, device).map_err(io::Error::from)
    };
    match made {
        // udev was first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_node(&path, number) => {
            Ok(())
        }
        made => made,
    }
}

/// Takes the name away, if it is that of the mapping with this number.
///
/// # Errors
/// The system's.
pub fn remove(name: &str, number: Number) -> io::Result<()> {
    let path = path(name);
    let link = fs::read_link(&path).is_ok_and(|found| found == target(number));
    if !link && !is_node(&path, number) {
        return Ok(());
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// As udev writes it.
fn target(number: Number) -> PathBuf {
    PathBuf::from(format!("../dm-{}", number.1))
}

/// Whether the path, links followed, is the block device with this number.
fn is_node(path: &Path, number: Number) -> bool {
    path.metadata().is_ok_and(|found| {
        found.file_type().is_block_device() && found.rdev() == makedev(number.0, number.1)
    })
}
