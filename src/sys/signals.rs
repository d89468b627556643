//! Signals that would end the process in the middle of a write.

#![expect(unsafe_code, reason = "changing what a signal does has no safe form")]

use std::io;

use nix::sys::signal::{SigHandler, Signal, signal};

/// Makes a write beyond the file size limit fail with `EFBIG`, so that it is reported and the journal says where.
///
/// # Errors
/// The kernel's.
pub fn report_file_size_limit() -> io::Result<()> {
    // SAFETY: ignoring a signal installs no handler, so no code runs where it must not.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
    Ok(())
}
