//! The anti-forensic splitter: spreads a key over many stripes, so that losing any part of them loses the key.
//! Knows nothing of ciphers.
//!
//! Spec: LUKS1 On-Disk Format Specification 1.2.3, section 2.4, with a 32-bit big-endian counter.

use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::secret::Secret;

/// A hash that diffuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfHash {
    Sha256,
    Sha512,
}

impl AfHash {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn diffuse(self, block: &mut [u8]) {
        match self {
            Self::Sha256 => diffuse::<Sha256>(block),
            Self::Sha512 => diffuse::<Sha512>(block),
        }
    }
}

/// Splits `key` into `stripes` of its own length, of which all but the last are random.
pub(super) fn split(
    key: &Secret,
    stripes: usize,
    hash: AfHash,
    entropy: &mut dyn Entropy,
) -> Result<Secret, EntropyError> {
    let len = key.len();
    let mut out = Secret::new(vec![0; len * stripes]);
    let (random, last) = out.expose_mut().split_at_mut(len * (stripes - 1));
    entropy.fill(random)?;
    let mut mixed = Zeroizing::new(vec![0; len]);
    for stripe in random.chunks_exact(len) {
        xor(&mut mixed, stripe);
        hash.diffuse(&mut mixed);
    }
    last.copy_from_slice(key.expose());
    xor(last, &mixed);
    Ok(out)
}

/// Puts a key of `len` bytes together again; `stripes` holds whole stripes.
pub(super) fn merge(stripes: &[u8], len: usize, hash: AfHash) -> Secret {
    let mut key = Secret::new(vec![0; len]);
    let mut rest = stripes.chunks_exact(len).peekable();
    while let Some(stripe) = rest.next() {
        xor(key.expose_mut(), stripe);
        if rest.peek().is_some() {
            hash.diffuse(key.expose_mut());
        }
    }
    key
}

fn xor(into: &mut [u8], other: &[u8]) {
    for (a, b) in into.iter_mut().zip(other) {
        *a ^= b;
    }
}

fn diffuse<H: Digest>(block: &mut [u8]) {
    for (counter, chunk) in (0u32..).zip(block.chunks_mut(<H as Digest>::output_size())) {
        let hash = H::new()
            .chain_update(counter.to_be_bytes())
            .chain_update(&*chunk)
            .finalize();
        let len = chunk.len();
        chunk.copy_from_slice(&hash[..len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn what_is_split_can_be_merged_with_the_same_hash_only() {
        for len in [16, 32, 64, 100] {
            let key = Secret::new((0..len).collect());
            let split = split(&key, 40, AfHash::Sha256, &mut SeededEntropy::new(1)).unwrap();
            let merged = |hash| merge(split.expose(), usize::from(len), hash);
            assert_eq!(merged(AfHash::Sha256).expose(), key.expose());
            assert_ne!(merged(AfHash::Sha512).expose(), key.expose());
        }
    }

    #[test]
    fn one_changed_bit_anywhere_changes_the_whole_key() {
        let key = Secret::new(vec![7; 32]);
        let mut split = split(&key, 40, AfHash::Sha256, &mut SeededEntropy::new(1)).unwrap();
        split.expose_mut()[5] ^= 1;
        let merged = merge(split.expose(), 32, AfHash::Sha256);
        let same = merged
            .expose()
            .iter()
            .zip(key.expose())
            .filter(|(a, b)| a == b);
        assert!(same.count() < 8);
    }
}
