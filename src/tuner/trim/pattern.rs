//! Bytes of which no block is like another, and what became of them. Pure.

use super::Blocks;
use crate::units::{Bytes, Extent};

/// Ranges that are kept of a long list.
const FEW: usize = 16;

/// Fills `buf`, which starts at byte `at` of the disk, with what `seed` gives there. `at` is a multiple of 8.
pub fn fill(buf: &mut [u8], at: Bytes, seed: u64) {
    for (word, chunk) in (at.get() / 8..).zip(buf.chunks_mut(8)) {
        let bytes = mixed(word ^ seed).to_le_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}

/// The finaliser of SplitMix64: one to one, so that no two words of a pattern are equal.
const fn mixed(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// How the blocks of `read` compare with what was written there.
pub fn classify(read: &[u8], written: &[u8], block: Bytes) -> Blocks {
    let mut blocks = Blocks::default();
    let size = block.to_usize();
    for (read, written) in read.chunks(size).zip(written.chunks(size)) {
        let count = if read.iter().all(|byte| *byte == 0) {
            &mut blocks.zeros
        } else if read == written {
            &mut blocks.kept
        } else {
            &mut blocks.other
        };
        *count += 1;
    }
    blocks
}

/// Where two readings of a range that starts at byte `at` differ, in whole blocks; the first few ranges.
pub fn differences(one: &[u8], other: &[u8], at: Bytes, block: Bytes) -> Vec<Extent> {
    let size = block.to_usize();
    let pairs = one.chunks(size).zip(other.chunks(size)).enumerate();
    let place = |index: usize| Bytes::new(at.get() + index as u64 * block.get());
    let changed = pairs.filter(|(_, (one, other))| one != other);
    let mut found: Vec<Extent> = Vec::new();
    for (index, _) in changed {
        let start = place(index);
        if let Some(last) = found.last_mut().filter(|last| last.end() == start) {
            last.len = Bytes::new(last.len.get() + block.get());
        } else if found.len() < FEW {
            found.push(Extent::new(start, block));
        } else {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_block_is_like_another_and_a_place_has_one_pattern() {
        let mut whole = vec![0; 8192];
        fill(&mut whole, Bytes::mib(5), 7);
        let mut seen = std::collections::BTreeSet::new();
        assert!(whole.chunks(512).all(|block| seen.insert(block.to_vec())));
        let mut part = vec![0; 512];
        fill(&mut part, Bytes::new((5 << 20) + 1024), 7);
        assert_eq!(part, whole[1024..1536]);
        fill(&mut part, Bytes::new((5 << 20) + 1024), 8);
        assert_ne!(part, whole[1024..1536]);
    }

    #[test]
    fn blocks_are_zeros_kept_or_something_else() {
        let mut written = vec![0; 2048];
        fill(&mut written, Bytes::ZERO, 1);
        let mut read = written.clone();
        read[512..1024].fill(0);
        read[1030] ^= 1;
        let block = Bytes::new(512);
        let blocks = classify(&read, &written, block);
        assert_eq!((blocks.zeros, blocks.kept, blocks.other), (1, 2, 1));
        let at = Bytes::MIB;
        let wanted = [Extent::new(Bytes::new((1 << 20) + 512), Bytes::new(1024))];
        assert_eq!(differences(&read, &written, at, block), wanted);
    }

    #[test]
    fn a_long_list_of_differences_is_cut() {
        let (one, mut other) = (vec![0; 512 * 100], vec![0; 512 * 100]);
        for block in other.chunks_mut(1024) {
            block[0] = 1;
        }
        assert_eq!(
            differences(&one, &other, Bytes::ZERO, Bytes::new(512)).len(),
            FEW
        );
    }
}
