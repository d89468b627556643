//! Where random bytes come from: the kernel, or in tests a seed, so that runs can be compared byte by byte.

/// The kernel could not give random bytes.
#[derive(Debug, thiserror::Error)]
#[error("getting random bytes from the kernel")]
pub struct EntropyError(#[source] pub getrandom::Error);

/// A source of random bytes for keys and salts.
pub trait Entropy {
    /// Fills `buf`.
    ///
    /// # Errors
    /// [`EntropyError`] when the kernel's generator cannot be used.
    fn fill(&mut self, buf: &mut [u8]) -> Result<(), EntropyError>;
}

/// The kernel's generator; blocks until it is seeded.
#[derive(Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&mut self, buf: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(buf).map_err(EntropyError)
    }
}

/// The same bytes for the same seed. Never for real keys, so it exists in tests only.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug)]
pub struct SeededEntropy {
    state: [u8; 32],
}

#[cfg(any(test, feature = "testing"))]
impl SeededEntropy {
    /// Starts the sequence that belongs to `seed`.
    pub const fn new(seed: u8) -> Self {
        Self { state: [seed; 32] }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Entropy for SeededEntropy {
    fn fill(&mut self, buf: &mut [u8]) -> Result<(), EntropyError> {
        use sha2::{Digest as _, Sha256};
        for chunk in buf.chunks_mut(32) {
            self.state = Sha256::digest(self.state).into();
            chunk.copy_from_slice(&self.state[..chunk.len()]);
        }
        Ok(())
    }
}
