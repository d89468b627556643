//! Keeps secrets out of swap and core dumps.

use std::io;

use nix::sys::mman::{MlockAllFlags, mlockall};
use nix::sys::resource::{Resource, setrlimit};

/// Forbids core dumps of this process, and tracing by other processes of the same user.
///
/// # Errors
/// The kernel's; a caller that holds secrets should refuse to go on.
pub fn forbid_core_dumps() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// Locks all memory into RAM so that no secret reaches swap. Often not permitted without root.
///
/// # Errors
/// `EPERM` or `ENOMEM` where the limit is too low; callers may go on with a warning.
pub fn lock_memory() -> io::Result<()> {
    mlockall(MlockAllFlags::MCL_CURRENT)?;
    Ok(())
}
