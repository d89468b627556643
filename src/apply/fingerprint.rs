//! Fingerprints of what was handed to a disk: reading back compares with them, and nothing has to be encrypted again.
//!
//! Poly1305 (RFC 8439, 2.5) under a key that is drawn for one run and never leaves it. Two different chunks have the same
//! fingerprint with a chance below 2^-80 whatever they hold, since the key does not depend on them; and on processors without
//! instructions for SHA it costs a fraction of what SHA-256 does.

use std::fmt;

use poly1305::Poly1305;
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::units::{Bytes, Extent};

/// Takes the fingerprints of one run.
pub struct Fingerprint {
    keyed: Poly1305,
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprint").finish_non_exhaustive()
    }
}

/// A chunk as it was handed to a disk; 32 bytes for at most 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where on the disk.
    pub extent: Extent,
    fingerprint: [u8; 16],
}

impl Fingerprint {
    /// With a key of its own.
    ///
    /// # Errors
    /// [`EntropyError`].
    pub fn new(entropy: &mut dyn Entropy) -> Result<Self, EntropyError> {
        // The second half is what a cipher would add in the end; between two fingerprints of one run it makes no difference.
        let mut key = Zeroizing::new([0; 32]);
        entropy.fill(&mut key[..16])?;
        Ok(Self {
            keyed: Poly1305::new((&*key).into()),
        })
    }

    /// Of `bytes` at byte `at` of a disk.
    pub fn chunk(&self, at: Bytes, bytes: &[u8]) -> Chunk {
        let mut keyed = self.keyed.clone();
        keyed.update_padded(bytes);
        Chunk {
            extent: Extent::new(at, Bytes::from(bytes.len())),
            fingerprint: keyed.finalize().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn every_flipped_bit_and_every_other_place_shows() {
        let fingerprint = Fingerprint::new(&mut SeededEntropy::new(1)).unwrap();
        let mut bytes = vec![0; 4096];
        let whole = fingerprint.chunk(Bytes::ZERO, &bytes);
        for bit in 0..4096 * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(fingerprint.chunk(Bytes::ZERO, &bytes), whole, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(fingerprint.chunk(Bytes::ZERO, &bytes), whole);
        assert_ne!(fingerprint.chunk(Bytes::new(4096), &bytes), whole);
        assert_ne!(fingerprint.chunk(Bytes::ZERO, &bytes[..2048]), whole);
    }

    #[test]
    fn another_run_has_other_fingerprints() {
        let of = |seed| {
            Fingerprint::new(&mut SeededEntropy::new(seed))
                .unwrap()
                .chunk(Bytes::ZERO, &[7; 512])
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }
}
