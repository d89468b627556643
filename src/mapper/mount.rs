//! Mounts the filesystem of a mapping, and unmounts it.
//!
//! Whoever rescues a disk does not run what is on it: `nodev,nosuid,noexec`. Read-only means that the log is not
//! replayed either, for replaying writes; what only the log has is then not seen.
#![expect(
    clippy::disallowed_methods,
    reason = "this module owns mount points and the folders made for them"
)]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Why nothing was mounted or unmounted.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The folder is not one that can be mounted on.
    #[error("{path} cannot be mounted on: {why}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// The folder could not be made or looked at.
    #[error("cannot use the folder {path}")]
    Make {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The kernel refused to mount.
    #[error("cannot mount {device} ({kind}) at {path}")]
    Mount {
        /// What.
        device: PathBuf,
        /// Its filesystem.
        kind: &'static str,
        /// Where.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
    /// The kernel refused to unmount.
    #[error("cannot unmount {path}")]
    Unmount {
        /// Where.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
}

/// A filesystem of Talos' volumes, and what keeps its driver from writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// As mount(2) names it.
    pub name: &'static str,
    /// Options of a read-only mount.
    still: &'static str,
}

/// XFS, ext4 and btrfs. A copy of a mounted disk has its UUID, which XFS refuses unless told not to.
const KINDS: [Kind; 3] = [
    Kind {
        name: "xfs",
        still: "norecovery,nouuid",
    },
    Kind {
        name: "ext4",
        still: "noload",
    },
    Kind {
        name: "btrfs",
        still: "rescue=nologreplay",
    },
];

/// The filesystem with this name of a signature; `None` for what Talos does not mount.
pub fn kind(signature: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.name == signature)
}

/// The folder below which volumes are mounted, made if it is not there, with every link followed: as the kernel will name
/// it.
///
/// # Errors
/// [`MountError::Make`].
pub fn base(path: &Path) -> Result<PathBuf, MountError> {
    let made = fs::create_dir_all(path).and_then(|()| fs::canonicalize(path));
    made.map_err(|source| MountError::Make {
        path: path.to_owned(),
        source,
    })
}

/// Mounts; whether the folder was made for it.
///
/// # Errors
/// [`MountError`]; the folder is then as it was.
pub fn on(device: &Path, kind: Kind, path: &Path, read_only: bool) -> Result<bool, MountError> {
    let made = folder(path)?;
    let mut flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    flags.set(MsFlags::MS_RDONLY, read_only);
    let options = read_only.then_some(kind.still);
    match mount(Some(device), path, Some(kind.name), flags, options) {
        Ok(()) => {
            tracing::info!(path = %path.display(), read_only, "mounted");
            Ok(made)
        }
        Err(error) => {
            remove_folder(path, made);
            Err(MountError::Mount {
                device: device.to_owned(),
                kind: kind.name,
                path: path.to_owned(),
                source: error.into(),
            })
        }
    }
}

/// Makes the folder if it is not there; whether it was made.
fn folder(path: &Path) -> Result<bool, MountError> {
    let make = |source| MountError::Make {
        path: path.to_owned(),
        source,
    };
    let refuse = |why| MountError::Folder {
        path: path.to_owned(),
        why,
    };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path).map_err(make)?;
            Ok(true)
        }
        Err(error) => Err(make(error)),
        Ok(found) if !found.is_dir() => Err(refuse("it is no folder")),
        Ok(_) if fs::read_dir(path).map_err(make)?.next().is_some() => {
            Err(refuse("there is something in it"))
        }
        Ok(_) => Ok(false),
    }
}

/// Unmounts, and takes the folder away if it was made for the mount.
///
/// # Errors
/// [`MountError::Unmount`]; nothing changed then.
pub fn off(path: &Path, made: bool) -> Result<(), MountError> {
    match umount2(path, MntFlags::UMOUNT_NOFOLLOW) {
        // Not mounted (any more) is what is wanted.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {
            tracing::info!(path = %path.display(), "unmounted");
            remove_folder(path, made);
            Ok(())
        }
        Err(error) => Err(MountError::Unmount {
            path: path.to_owned(),
            source: error.into(),
        }),
    }
}

fn remove_folder(path: &Path, made: bool) {
    // Only an empty one goes; one that somebody has put something into stays.
    if made && let Err(error) = fs::remove_dir(path) {
        tracing::debug!(path = %path.display(), %error, "the folder stays");
    }
}
