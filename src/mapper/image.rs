//! An image file as a block device, for as long as a mapping lies on it.
#![expect(
    clippy::disallowed_types,
    reason = "this module opens the image that a loop device takes over"
)]

use std::fs::{OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::sys::loopback::{self, Loop};
use crate::units::BlockSize;

/// Why an image is on no loop device.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// It could not be opened.
    #[error("cannot open {path}")]
    Open {
        /// The image.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another run writes to it.
    #[error("{0} is locked by another run")]
    Locked(PathBuf),
    /// The kernel gave no loop device.
    #[error("cannot put {path} onto a loop device")]
    Attach {
        /// The image.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: io::Error,
    },
}

/// Puts the image onto a loop device.
///
/// The shared lock belongs to the open file, which the loop device keeps: so long as it is there, nothing of keelblock
/// writes to the image.
///
/// # Errors
/// [`LoopError`].
pub fn attach(path: &Path, block: BlockSize, read_only: bool) -> Result<Loop, LoopError> {
    let open = |source| LoopError::Open {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .read(true)
        .write(!read_only)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open(path)
        .map_err(open)?;
    // Not nix's lock, which takes itself away when dropped.
    file.try_lock_shared().map_err(|error| match error {
        TryLockError::WouldBlock => LoopError::Locked(path.to_owned()),
        TryLockError::Error(source) => open(source),
    })?;
    loopback::attach(&file, block, read_only).map_err(|source| LoopError::Attach {
        path: path.to_owned(),
        source,
    })
}
