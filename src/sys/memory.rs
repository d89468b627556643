//! Keeps secrets out of swap and core dumps, and gets the memory that key derivation fills.

#![expect(
    unsafe_code,
    reason = "mapping memory has no safe form; each wrapper here is one"
)]

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::thread;

use argon2::Block;
use nix::sys::mman::{
    MapFlags, MlockAllFlags, MmapAdvise, ProtFlags, madvise, mlock, mlockall, mmap_anonymous,
    munmap,
};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use zeroize::Zeroize as _;

/// Forbids core dumps of this process, and tracing by other processes of the same user.
///
/// # Errors
/// The kernel's; a caller that holds secrets should refuse to go on.
pub fn forbid_core_dumps() -> io::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// The same for a process that starts another one and has to give it back the limit, for which a lowered hard limit
/// would take a privilege.
///
/// # Errors
/// As [`forbid_core_dumps`]'.
pub fn forbid_own_core_dumps() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard)?;
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

/// `MCL_ONFAULT` of `linux/mman.h`, from Linux 4.4 on: a page is locked when it is first used.
const ON_FAULT: i32 = 4;

/// Locks all memory into RAM so that no secret reaches swap. Often not permitted without root.
///
/// Only pages that are used: most of the program itself never is.
///
/// # Errors
/// `EPERM` or `ENOMEM` where the limit is too low; callers may go on with a warning.
pub fn lock_memory() -> io::Result<()> {
    let used = MlockAllFlags::MCL_CURRENT | MlockAllFlags::from_bits_retain(ON_FAULT);
    match mlockall(used) {
        Err(nix::errno::Errno::EINVAL) => mlockall(MlockAllFlags::MCL_CURRENT)?,
        result => result?,
    }
    Ok(())
}

/// Locks the pages of `bytes` into RAM. They stay so: this process is short, and pages have other tenants.
///
/// # Errors
/// `EPERM` or `ENOMEM` where the limit is too low.
pub fn keep_in_ram(bytes: &[u8]) -> io::Result<()> {
    let Some(start) = NonNull::new(bytes.as_ptr().cast_mut().cast::<c_void>()) else {
        return Ok(());
    };
    // SAFETY: the range is that of a slice that is alive, and locking changes nothing in it.
    unsafe { mlock(start, bytes.len()) }?;
    Ok(())
}

/// The matrix of Argon2: zeros from the kernel, in huge pages where it has them, wiped before it goes back.
///
/// The allocator would hand out small pages, of which a matrix of 1 GiB touches 262144 in random order: faulting them
/// in and missing them in the TLB costs a third of the derivation.
#[derive(Debug)]
pub struct Matrix {
    start: NonNull<Block>,
    blocks: usize,
}

impl Matrix {
    /// A matrix of so many blocks of 1 KiB.
    ///
    /// # Errors
    /// The kernel's: `ENOMEM` where there is no room; [`io::ErrorKind::InvalidInput`] for none or for more than can
    /// be addressed.
    pub fn map(blocks: usize) -> io::Result<Self> {
        let length = blocks
            .checked_mul(size_of::<Block>())
            .filter(|length| isize::try_from(*length).is_ok())
            .and_then(NonZeroUsize::new)
            .ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new private mapping at a place of the kernel's choice touches no memory of this process.
        let start = unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_PRIVATE) }?;
        for advice in [MmapAdvise::MADV_HUGEPAGE, MmapAdvise::MADV_DONTDUMP] {
            // SAFETY: the range is the mapping made above, and neither advice changes what it holds.
            // A kernel without huge pages refuses the first; small ones do too.
            unsafe { madvise(start, length.get(), advice) }.ok();
        }
        let start = start.cast();
        Ok(Self { start, blocks })
    }

    /// The blocks, zero until somebody writes them.
    pub fn blocks(&mut self) -> &mut [Block] {
        // SAFETY: the mapping has that many blocks, begins at a page, which is more than a block's alignment, lives
        // as long as `self`, and is borrowed from it. A block is an array of integers, so zeros are one.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.blocks) }
    }
}

impl Drop for Matrix {
    fn drop(&mut self) {
        wipe(self.blocks());
        let length = self.blocks * size_of::<Block>();
        // SAFETY: nothing borrows the mapping any more, and this is all of it.
        unsafe { munmap(self.start.cast::<c_void>(), length) }.ok();
    }
}

/// Below this a second thread costs more than it saves.
const WIPED_ALONE: usize = 1 << 14;

/// Two halves at once: a single core does not fill the memory's bandwidth.
fn wipe(blocks: &mut [Block]) {
    let wipe = |blocks: &mut [Block]| blocks.iter_mut().for_each(|block| block.zeroize());
    if blocks.len() < WIPED_ALONE {
        return wipe(blocks);
    }
    let (left, right) = blocks.split_at_mut(blocks.len() / 2);
    thread::scope(|scope| {
        let other = thread::Builder::new().spawn_scoped(scope, || wipe(left));
        wipe(right);
        other.map(drop)
    })
    .unwrap_or_else(|_| wipe(blocks));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_is_zero_and_can_be_written_to_its_end() {
        let mut matrix = Matrix::map(5000).unwrap();
        assert_eq!(matrix.blocks().len(), 5000);
        let zero = |block: &Block| block.as_ref().iter().all(|word| *word == 0);
        assert!(matrix.blocks().iter().all(zero));
        matrix.blocks()[4999].as_mut().fill(7);
        assert_eq!(matrix.blocks()[4999].as_ref()[127], 7);
    }

    #[test]
    fn a_matrix_that_cannot_be_had_is_an_error() {
        for blocks in [0, usize::MAX / 1024, usize::MAX] {
            assert!(Matrix::map(blocks).is_err(), "{blocks}");
        }
    }

    #[test]
    fn wiping_leaves_nothing_whatever_the_size() {
        for len in [1, 100, WIPED_ALONE - 1, WIPED_ALONE, WIPED_ALONE + 1] {
            let mut matrix = Matrix::map(len).unwrap();
            matrix.blocks().iter_mut().for_each(|b| b.as_mut().fill(9));
            wipe(matrix.blocks());
            let left = matrix.blocks().iter().flat_map(|b| b.as_ref());
            assert_eq!(left.filter(|word| **word != 0).count(), 0, "{len}");
        }
    }
}
