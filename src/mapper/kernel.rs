//! What the kernel has open: where a partition is, what holds a device. Reads only.

mod loops;
mod users;

use std::io;
use std::path::{Path, PathBuf};

use super::rules::Existing;
use crate::root::Root;
use crate::sys::dm::{Dm, DmError, Status};
use crate::units::{Bytes, Extent};

pub use self::loops::{LoopDevice, backing_file, loops_on};
pub use self::users::{mounts_of, users};

/// Major and minor number.
pub type Number = (u64, u64);

/// Sectors of sysfs, whatever the device's own are.
const SECTOR: u64 = 512;

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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "builds fixture trees")]
mod tests;
