//! Whether a disk is as long as it says: media that tell a false capacity give the same bytes at several places.
//!
//! Looks at a few places only; a clean answer proves nothing, a hit means that writes to one place would show at another.

use std::io;

use super::View;

/// How much is compared: the start of a disk with any table in it is unlike every other place.
const SAMPLE: usize = 4096;
const BLOCK: usize = 512;
/// A disk below this has no room for a table and a copy of its start.
const SMALLEST: u64 = 8 << 20;

/// What is wrong with the ends of `view`, if they are read and give themselves away.
pub(super) fn folded(view: &View<'_>) -> io::Result<Option<String>> {
    let size = view.size();
    let Some(head) = view.head().get(..SAMPLE) else {
        return Ok(None);
    };
    // Zeros, erased flash and test patterns are alike everywhere.
    let (first, rest) = head.split_at(BLOCK);
    if size < SMALLEST || rest.chunks_exact(BLOCK).all(|block| block == first) {
        return Ok(None);
    }
    if view.head() == view.tail() {
        let at = size - view.tail().len() as u64;
        return Ok(Some(same(at)));
    }
    for part in [2, 4, 8, 16] {
        let at = size / part / SAMPLE as u64 * SAMPLE as u64;
        let sample = view.bytes(at, SAMPLE as u64)?;
        if sample.is_some_and(|sample| sample.as_ref() == head) {
            return Ok(Some(same(at)));
        }
    }
    Ok(None)
}

fn same(at: u64) -> String {
    format!(
        "it reads the same at byte 0 and at byte {at}: a medium that is smaller than it says, or a copy of the disk on itself"
    )
}
