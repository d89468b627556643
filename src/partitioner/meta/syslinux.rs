//! The old vector, from when Talos shared it with syslinux: two copies of 512 bytes at the end of the partition.
//!
//! ```text
//! offset  size
//! 0       4     magic 5A2D2FA5
//! 4       4     A3041767 less the sum of the 32-bit words from 8 to 504
//! 8       …     records: tag (1), length (1), value; tag 0 ends them
//! 508     4     magic DD28BF64
//! ```
//! All numbers are little-endian. Talos still reads tags from here that the new vector lacks, and never adds any.

use std::collections::BTreeMap;

use crate::secret::Secret;

/// Both copies.
pub(super) const SIZE: usize = 2 * COPY;
const COPY: usize = 512;
const MAGIC_HEAD: [u8; 4] = 0x5A2D_2FA5_u32.to_le_bytes();
const MAGIC_TAIL: [u8; 4] = 0xDD28_BF64_u32.to_le_bytes();
const MAGIC_SUM: u32 = 0xA304_1767;

/// The tags of the first copy that is whole; none where neither is, which is the usual case.
pub(super) fn decode(both: &[u8]) -> BTreeMap<u8, Secret> {
    both.chunks_exact(COPY)
        .find(|copy| is_whole(copy))
        .map(records)
        .unwrap_or_default()
}

/// Both copies, with only `tags`. They came from here, so they fit.
pub(super) fn encode(tags: &BTreeMap<u8, Secret>, both: &mut [u8]) {
    both.fill(0);
    let (first, second) = both.split_at_mut(COPY);
    first[..4].copy_from_slice(&MAGIC_HEAD);
    first[COPY - 4..].copy_from_slice(&MAGIC_TAIL);
    let mut at = 8;
    for (tag, value) in tags {
        first[at] = *tag;
        first[at + 1] = u8::try_from(value.len()).expect("a length of one byte when it was read");
        first[at + 2..at + 2 + value.len()].copy_from_slice(value.expose());
        at += 2 + value.len();
    }
    let sum = checksum(first);
    first[4..8].copy_from_slice(&sum.to_le_bytes());
    second.copy_from_slice(first);
}

fn is_whole(copy: &[u8]) -> bool {
    copy.starts_with(&MAGIC_HEAD)
        && copy.ends_with(&MAGIC_TAIL)
        && copy[4..8] == checksum(copy).to_le_bytes()
}

fn checksum(copy: &[u8]) -> u32 {
    copy[8..COPY - 4]
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .fold(MAGIC_SUM, u32::wrapping_sub)
}

fn records(copy: &[u8]) -> BTreeMap<u8, Secret> {
    let mut tags = BTreeMap::new();
    let mut data = &copy[8..COPY - 4];
    while let [tag, len, rest @ ..] = data
        && *tag != 0
    {
        let Some((value, rest)) = rest.split_at_checked(usize::from(*len)) else {
            break;
        };
        // The first of several counts here.
        tags.entry(*tag)
            .or_insert_with(|| Secret::new(value.to_vec()));
        data = rest;
    }
    tags
}
