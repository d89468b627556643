//! A file as a block device, for as long as somebody has it open.
//!
//! Spec: loop(4), `linux/loop.h`. The device goes away with its last user, and keeps the file's lock until then.

#![expect(
    unsafe_code,
    reason = "ioctl has no safe form; each wrapper here is one"
)]
#![expect(
    clippy::disallowed_types,
    reason = "this module owns the control node and the nodes of loop devices"
)]

use std::ffi::c_int;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::PathBuf;

use crate::units::BlockSize;

mod raw {
    use nix::{ioctl_none_bad, ioctl_write_ptr_bad};

    ioctl_none_bad!(get_free, 0x4C82);
    ioctl_write_ptr_bad!(configure, 0x4C0A, super::Config);
}

/// `struct loop_config`, with the `struct loop_info64` inside it spelt out.
#[repr(C)]
#[derive(Debug)]
struct Config {
    fd: u32,
    block_size: u32,
    /// `lo_device`, `lo_inode`, `lo_rdevice`, `lo_offset`, `lo_sizelimit`.
    where_from: [u64; 5],
    /// `lo_number`, `lo_encrypt_type`, `lo_encrypt_key_size`, `lo_flags`.
    flags: [u32; 4],
    file_name: [u8; 64],
    /// `lo_crypt_name`, `lo_encrypt_key`: of old kernels.
    crypt: [u8; 96],
    /// `lo_init`, and what is reserved.
    rest: [u64; 10],
}

const _: () = assert!(size_of::<Config>() == 304);
const _: () = assert!(std::mem::offset_of!(Config, file_name) == 64);

const READ_ONLY: u32 = 1;
const AUTOCLEAR: u32 = 4;

/// A loop device that goes away with its last user.
#[derive(Debug)]
pub struct Loop {
    /// Its node.
    pub path: PathBuf,
    /// Keeps it alive until something else does.
    pub node: File,
}

/// Puts `file` onto a free loop device.
///
/// # Errors
/// The kernel's: `ENOENT` where it has no loop devices, `EINVAL` or `ENOTTY` before Linux 5.8.
pub fn attach(file: impl AsFd, block: BlockSize, read_only: bool) -> io::Result<Loop> {
    /// Somebody else may take the free one first.
    const ATTEMPTS: usize = 32;
    let control = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/loop-control")?;
    let config = Config {
        fd: u32::try_from(file.as_fd().as_raw_fd()).map_err(io::Error::other)?,
        block_size: block.get(),
        where_from: [0; 5],
        flags: [0, 0, 0, AUTOCLEAR | if read_only { READ_ONLY } else { 0 }],
        file_name: [0; 64],
        crypt: [0; 96],
        rest: [0; 10],
    };
    for _ in 0..ATTEMPTS {
        let number = free(&control)?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let node = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .open(&path)?;
        // SAFETY: the kernel reads one struct loop_config, and keeps the file, not the pointer.
        match unsafe { raw::configure(node.as_raw_fd(), &raw const config) } {
            Ok(_) => return Ok(Loop { path, node }),
            Err(nix::errno::Errno::EBUSY) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::ResourceBusy.into())
}

fn free(control: &File) -> io::Result<c_int> {
    // SAFETY: this request takes no argument and returns a number.
    Ok(unsafe { raw::get_free(control.as_raw_fd()) }?)
}
