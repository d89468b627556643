//! Whether a disk is as long as it says: media that tell a false capacity give the same bytes at several places.
//!
//! Looks at a few places only; a clean answer proves nothing, a hit means that writes to one place would show at another.

use super::View;

/// How much is compared: the start of a disk with any table in it is unlike every other place.
const SAMPLE: usize = 4096;
const BLOCK: usize = 512;
/// A disk below this has no room for a table and a copy of its start.
const SMALLEST: u64 = 8 << 20;

/// What is wrong with the ends of `view`, if they are read and give themselves away.
///
/// A place that cannot be read says nothing about the length, and whoever needs it will say that it cannot.
pub(super) fn folded(view: &View<'_>) -> Option<String> {
    let size = view.size();
    let head = view.head().get(..SAMPLE)?;
    // Labels of Ceph have copies further on; a start that a table's boot sector marks has none.
    if head.get(510..512) != Some(b"\x55\xAA".as_slice()) {
        return None;
    }
    // Erased flash and test patterns are alike everywhere.
    let (first, rest) = head.split_at(BLOCK);
    if size < SMALLEST || rest.chunks_exact(BLOCK).all(|block| block == first) {
        return None;
    }
    if view.head() == view.tail() {
        let at = size - view.tail().len() as u64;
        return Some(same(at));
    }
    let mut places = [2, 4, 8, 16]
        .map(|part| size / part / SAMPLE as u64 * SAMPLE as u64)
        .into_iter();
    let folded = places.find(|at| {
        let sample = view.bytes(*at, SAMPLE as u64);
        sample
            .ok()
            .flatten()
            .is_some_and(|sample| sample.as_ref() == head)
    });
    folded.map(same)
}

fn same(at: u64) -> String {
    format!(
        "it reads the same at byte 0 and at byte {at}: a medium that is smaller than it says, or a copy of the disk on itself"
    )
}
