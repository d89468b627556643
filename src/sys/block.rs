//! Block-device ioctls as safe functions: sizes, flags, claims on ranges, partitions of a running kernel.
//!
//! Owns the numbers (`linux/fs.h`, `linux/blkpg.h`, `linux/cdrom.h`) and the layouts that the kernel reads.
//! Never decides anything, never retries. Every function returns the kernel's error as it is.

#![expect(
    unsafe_code,
    reason = "ioctl has no safe form; each wrapper here is one"
)]

use std::ffi::{c_int, c_uint, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};

use crate::units::{Bytes, Extent};

mod raw {
    use std::ffi::{c_int, c_uint};

    use nix::{ioctl_none_bad, ioctl_read, ioctl_read_bad, ioctl_write_ptr_bad, request_code_none};

    ioctl_read!(blkgetsize64, 0x12, 114, u64);
    ioctl_read!(blkgetdiskseq, 0x12, 128, u64);
    // BLKBSZGET is _IOR(0x12, 112, size_t), and yet the kernel stores an int.
    ioctl_read_bad!(
        blkbszget,
        nix::request_code_read!(0x12, 112, size_of::<usize>()),
        c_int
    );
    ioctl_read_bad!(blkroget, request_code_none!(0x12, 94), c_int);
    ioctl_read_bad!(blkiomin, request_code_none!(0x12, 120), c_uint);
    ioctl_read_bad!(blkioopt, request_code_none!(0x12, 121), c_uint);
    ioctl_read_bad!(blksszget, request_code_none!(0x12, 104), c_int);
    ioctl_read_bad!(blkpbszget, request_code_none!(0x12, 123), c_uint);
    ioctl_none_bad!(blkrrpart, request_code_none!(0x12, 95));
    ioctl_none_bad!(blkflsbuf, request_code_none!(0x12, 97));
    ioctl_none_bad!(cdrom_get_capability, 0x5331);
    ioctl_none_bad!(cdrom_drive_status, 0x5326);
    ioctl_write_ptr_bad!(blkdiscard, request_code_none!(0x12, 119), [u64; 2]);
    ioctl_write_ptr_bad!(blkzeroout, request_code_none!(0x12, 127), [u64; 2]);
    ioctl_write_ptr_bad!(blkpg, request_code_none!(0x12, 105), super::BlkpgArg);
}

/// `struct blkpg_ioctl_arg`.
#[repr(C)]
#[derive(Debug)]
struct BlkpgArg {
    op: c_int,
    flags: c_int,
    datalen: c_int,
    data: *mut c_void,
}

/// `struct blkpg_partition`; offsets and lengths in bytes.
#[repr(C)]
#[derive(Debug)]
struct BlkpgPartition {
    start: i64,
    length: i64,
    pno: c_int,
    devname: [u8; 64],
    volname: [u8; 64],
}

const _: () = assert!(std::mem::offset_of!(BlkpgPartition, pno) == 16);
const _: () = assert!(std::mem::offset_of!(BlkpgPartition, volname) == 84);

const BLKPG_ADD_PARTITION: c_int = 1;
const BLKPG_DEL_PARTITION: c_int = 2;
const BLKPG_RESIZE_PARTITION: c_int = 3;

/// Size of the device in bytes (`BLKGETSIZE64`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn size(fd: impl AsFd) -> io::Result<Bytes> {
    let mut size = 0;
    // SAFETY: the kernel stores one u64, for which `size` has room, and keeps no pointer.
    unsafe { raw::blkgetsize64(fd.as_fd().as_raw_fd(), &raw mut size) }?;
    Ok(Bytes::new(size))
}

/// Logical block size in bytes (`BLKSSZGET`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn logical_block_size(fd: impl AsFd) -> io::Result<u32> {
    let mut size: c_int = 0;
    // SAFETY: the kernel stores one int, for which `size` has room, and keeps no pointer.
    unsafe { raw::blksszget(fd.as_fd().as_raw_fd(), &raw mut size) }?;
    unsigned(size)
}

/// Physical block size in bytes (`BLKPBSZGET`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn physical_block_size(fd: impl AsFd) -> io::Result<u32> {
    let mut size: c_uint = 0;
    // SAFETY: the kernel stores one unsigned int, for which `size` has room, and keeps no pointer.
    unsafe { raw::blkpbszget(fd.as_fd().as_raw_fd(), &raw mut size) }?;
    Ok(size)
}

/// Smallest I/O without a penalty in bytes (`BLKIOMIN`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn io_min(fd: impl AsFd) -> io::Result<u32> {
    let mut size: c_uint = 0;
    // SAFETY: the kernel stores one unsigned int, for which `size` has room, and keeps no pointer.
    unsafe { raw::blkiomin(fd.as_fd().as_raw_fd(), &raw mut size) }?;
    Ok(size)
}

/// I/O size that the device prefers in bytes, 0 if it says nothing (`BLKIOOPT`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn io_opt(fd: impl AsFd) -> io::Result<u32> {
    let mut size: c_uint = 0;
    // SAFETY: the kernel stores one unsigned int, for which `size` has room, and keeps no pointer.
    unsafe { raw::blkioopt(fd.as_fd().as_raw_fd(), &raw mut size) }?;
    Ok(size)
}

/// Block size of the kernel's cache for the device in bytes (`BLKBSZGET`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn cache_block_size(fd: impl AsFd) -> io::Result<u32> {
    let mut size: c_int = 0;
    // SAFETY: the kernel stores one int, for which `size` has room, and keeps no pointer.
    unsafe { raw::blkbszget(fd.as_fd().as_raw_fd(), &raw mut size) }?;
    unsigned(size)
}

/// Whether the device is write-protected (`BLKROGET`).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device.
pub fn read_only(fd: impl AsFd) -> io::Result<bool> {
    let mut flag: c_int = 0;
    // SAFETY: the kernel stores one int, for which `flag` has room, and keeps no pointer.
    unsafe { raw::blkroget(fd.as_fd().as_raw_fd(), &raw mut flag) }?;
    Ok(flag != 0)
}

/// Number of this disk instance, which grows with each plug (`BLKGETDISKSEQ`, Linux 5.15).
///
/// # Errors
/// `ENOTTY` where `fd` is no block device or the kernel is older.
pub fn diskseq(fd: impl AsFd) -> io::Result<u64> {
    let mut seq = 0;
    // SAFETY: the kernel stores one u64, for which `seq` has room, and keeps no pointer.
    unsafe { raw::blkgetdiskseq(fd.as_fd().as_raw_fd(), &raw mut seq) }?;
    Ok(seq)
}

/// Whether the device is a CD-ROM drive (`CDROM_GET_CAPABILITY` is known to it).
pub fn is_cdrom(fd: impl AsFd) -> bool {
    // SAFETY: this request takes no argument and returns flags.
    unsafe { raw::cdrom_get_capability(fd.as_fd().as_raw_fd()) }.is_ok()
}

/// Whether a CD-ROM drive says that it has no disc or an open tray (`CDROM_DRIVE_STATUS`).
pub fn cdrom_without_medium(fd: impl AsFd) -> bool {
    const NO_DISC: c_int = 1;
    const TRAY_OPEN: c_int = 2;
    // SAFETY: the missing argument means the current slot, and the request returns a status.
    let status = unsafe { raw::cdrom_drive_status(fd.as_fd().as_raw_fd()) };
    matches!(status, Ok(NO_DISC | TRAY_OPEN))
}

/// Makes the kernel read the partition table again (`BLKRRPART`).
///
/// # Errors
/// `EBUSY` while a partition is open, `EACCES` without the privilege, `EINVAL` on a partition.
pub fn reread_partitions(fd: impl AsFd) -> io::Result<()> {
    // SAFETY: this request takes no argument.
    unsafe { raw::blkrrpart(fd.as_fd().as_raw_fd()) }?;
    Ok(())
}

/// Writes back and drops what the kernel has cached of the device (`BLKFLSBUF`). No flush of the device itself.
///
/// # Errors
/// `EACCES` without the privilege.
pub fn drop_cache(fd: impl AsFd) -> io::Result<()> {
    // SAFETY: this request takes no argument.
    unsafe { raw::blkflsbuf(fd.as_fd().as_raw_fd()) }?;
    Ok(())
}

/// Tells the device that `extent` is not needed (`BLKDISCARD`); its content is undefined afterwards.
///
/// # Errors
/// `EOPNOTSUPP` where the device cannot, `EINVAL` for a range off the logical blocks, empty or past the end,
/// `EBADF` if not open for writing.
pub fn discard(fd: impl AsFd, extent: Extent) -> io::Result<()> {
    let range = [extent.start.get(), extent.len.get()];
    // SAFETY: the kernel reads two u64 from `range`, which outlives the call.
    unsafe { raw::blkdiscard(fd.as_fd().as_raw_fd(), &raw const range) }?;
    Ok(())
}

/// Makes `extent` read as zeros (`BLKZEROOUT`). Not durable before an fsync.
///
/// # Errors
/// `EINVAL` for a range off the logical blocks, empty or past the end, `EBADF` if not open for writing.
pub fn zero_out(fd: impl AsFd, extent: Extent) -> io::Result<()> {
    let range = [extent.start.get(), extent.len.get()];
    // SAFETY: the kernel reads two u64 from `range`, which outlives the call.
    unsafe { raw::blkzeroout(fd.as_fd().as_raw_fd(), &raw const range) }?;
    Ok(())
}

/// Adds partition `number` (from 1) at `extent` to the running kernel (`BLKPG`); the table is not touched.
///
/// # Errors
/// `EBUSY` where it overlaps another, `EINVAL` past the end or off the logical blocks.
pub fn add_partition(fd: impl AsFd, number: u32, extent: Extent) -> io::Result<()> {
    blkpg(fd, BLKPG_ADD_PARTITION, number, extent)
}

/// Removes partition `number` from the running kernel (`BLKPG`); the table is not touched.
///
/// # Errors
/// `ENXIO` where there is none, `EBUSY` while it is open.
pub fn remove_partition(fd: impl AsFd, number: u32) -> io::Result<()> {
    let nowhere = Extent::new(Bytes::ZERO, Bytes::ZERO);
    blkpg(fd, BLKPG_DEL_PARTITION, number, nowhere)
}

/// Gives partition `number` of the running kernel the length of `extent` (`BLKPG`), even while it is open; the
/// table is not touched.
///
/// # Errors
/// `ENXIO` where there is none, `EINVAL` where it starts elsewhere, `EBUSY` where it would overlap another.
pub fn resize_partition(fd: impl AsFd, number: u32, extent: Extent) -> io::Result<()> {
    blkpg(fd, BLKPG_RESIZE_PARTITION, number, extent)
}

fn blkpg(fd: impl AsFd, op: c_int, number: u32, extent: Extent) -> io::Result<()> {
    let mut partition = BlkpgPartition {
        start: signed(extent.start)?,
        length: signed(extent.len)?,
        pno: c_int::try_from(number).map_err(|_| io::ErrorKind::InvalidInput)?,
        devname: [0; 64],
        volname: [0; 64],
    };
    let arg = BlkpgArg {
        op,
        flags: 0,
        datalen: c_int::try_from(size_of::<BlkpgPartition>())
            .map_err(|_| io::ErrorKind::InvalidInput)?,
        data: (&raw mut partition).cast(),
    };
    // SAFETY: `arg` points at `partition`, whose length it carries; both outlive the call.
    unsafe { raw::blkpg(fd.as_fd().as_raw_fd(), &raw const arg) }?;
    Ok(())
}

fn unsigned(value: c_int) -> io::Result<u32> {
    u32::try_from(value).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn signed(bytes: Bytes) -> io::Result<i64> {
    i64::try_from(bytes.get()).map_err(|_| io::ErrorKind::InvalidInput.into())
}
