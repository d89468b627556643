//! The kernel's log buffer, by syslog(2). Reads what is there and never clears it.

#![expect(
    unsafe_code,
    reason = "reading the log has no safe form but a device that blocks"
)]

use std::ffi::c_long;
use std::io;

use nix::libc;

/// `SYSLOG_ACTION_READ_ALL`: all messages, which stay.
const READ_ALL: c_long = 3;

/// Longer logs are cut at their beginning, by the kernel.
const MOST: usize = 1 << 20;

/// The messages, each on a line that begins with `<level>[seconds]`.
///
/// # Errors
/// `EPERM` without the privilege where `kernel.dmesg_restrict` is set.
pub fn read() -> io::Result<String> {
    let mut buffer = vec![0_u8; MOST];
    let len = c_long::try_from(MOST).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `len` bytes into the buffer, which has as many and outlives the call.
    let count = unsafe { libc::syscall(libc::SYS_syslog, READ_ALL, buffer.as_mut_ptr(), len) };
    let Ok(count) = usize::try_from(count) else {
        return Err(io::Error::last_os_error());
    };
    buffer.truncate(count);
    Ok(String::from_utf8_lossy(&buffer).into_owned())
}
