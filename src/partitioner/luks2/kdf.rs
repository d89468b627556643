//! From a passphrase to a key: Argon2 and PBKDF2, with limits on what a header may ask for.
//!
//! The memory of Argon2 is mapped here, once and as large as the header says, so that running out of it is an
//! error and not an abort, that it is wiped (the crate does not wipe what it allocates itself), and that it is fast.
//! Spec: RFC 9106 (version 0x13), RFC 8018.

use std::io;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Sha256, Sha512};

use crate::secret::Secret;
use crate::sys::memory::Matrix;
use crate::units::Bytes;

use super::metadata::{self, Kdf};
use super::unlock::Limits;

/// Why no key could be derived.
#[derive(Debug, thiserror::Error)]
pub enum KdfError {
    /// The header asks for more memory than allowed.
    #[error("argon2 with {asked} of memory is more than the {limit} allowed")]
    Memory {
        /// What the header asks for.
        asked: Bytes,
        /// The limit.
        limit: Bytes,
    },
    /// The header asks for more work than allowed.
    #[error("{asked} iterations are more than the {limit} allowed")]
    Iterations {
        /// What the header asks for.
        asked: u32,
        /// The limit.
        limit: u32,
    },
    /// The memory is not to be had.
    #[error("allocating {0} for argon2")]
    Allocate(Bytes, #[source] io::Error),
    /// Argon2 refuses the parameters.
    #[error("argon2 refuses its parameters: {0}")]
    Argon2(argon2::Error),
    /// Neither Argon2 nor PBKDF2.
    #[error("the key derivation function is not known")]
    Unknown,
    /// Only sha256 and sha512 are supported.
    #[error("pbkdf2 with {0:?} is not supported")]
    Hash(String),
    /// The digest of the key is not as long as a hash.
    #[error("a digest of {0} bytes proves nothing")]
    DigestLength(usize),
    /// PBKDF2 needs at least one iteration.
    #[error("pbkdf2 without iterations")]
    NoIterations,
    /// The salt is not base64.
    #[error("the salt is not base64")]
    Salt(#[source] base64::DecodeError),
}

/// Derives a key of `len` bytes.
pub(super) fn derive(
    kdf: &Kdf,
    passphrase: &Secret,
    len: usize,
    limits: &Limits,
) -> Result<Secret, KdfError> {
    match kdf {
        Kdf::Argon2id(cost) => argon2(Algorithm::Argon2id, cost, passphrase, len, limits),
        Kdf::Argon2i(cost) => argon2(Algorithm::Argon2i, cost, passphrase, len, limits),
        Kdf::Pbkdf2 {
            hash,
            iterations,
            salt,
        } => {
            let (asked, limit) = (*iterations, limits.pbkdf2_iterations);
            if asked > limit {
                return Err(KdfError::Iterations { asked, limit });
            }
            let mut key = Secret::new(vec![0; len]);
            pbkdf2(hash, passphrase, &decode(salt)?, asked, key.expose_mut())?;
            Ok(key)
        }
        Kdf::Other => Err(KdfError::Unknown),
    }
}

/// PBKDF2 with HMAC over the named hash.
pub(super) fn pbkdf2(
    hash: &str,
    passphrase: &Secret,
    salt: &[u8],
    iterations: u32,
    out: &mut [u8],
) -> Result<(), KdfError> {
    if iterations == 0 {
        return Err(KdfError::NoIterations);
    }
    match hash {
        "sha256" => pbkdf2::pbkdf2_hmac::<Sha256>(passphrase.expose(), salt, iterations, out),
        "sha512" => pbkdf2::pbkdf2_hmac::<Sha512>(passphrase.expose(), salt, iterations, out),
        other => return Err(KdfError::Hash(other.to_owned())),
    }
    Ok(())
}

/// Bytes of a base64 field.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, KdfError> {
    STANDARD.decode(text).map_err(KdfError::Salt)
}

/// A base64 field.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn argon2(
    algorithm: Algorithm,
    cost: &metadata::Argon2,
    passphrase: &Secret,
    len: usize,
    limits: &Limits,
) -> Result<Secret, KdfError> {
    let (asked, limit) = (Bytes::new(u64::from(cost.memory) << 10), limits.memory);
    if asked > limit {
        return Err(KdfError::Memory { asked, limit });
    }
    let (asked, limit) = (cost.time, limits.argon2_passes);
    if asked > limit {
        return Err(KdfError::Iterations { asked, limit });
    }
    let params =
        Params::new(cost.memory, cost.time, cost.cpus, Some(len)).map_err(KdfError::Argon2)?;
    let mut memory = matrix(params.block_count())?;
    let mut key = Secret::new(vec![0; len]);
    let salt = decode(&cost.salt)?;
    Argon2::new(algorithm, Version::V0x13, params)
        .hash_password_into_with_memory(
            passphrase.expose(),
            &salt,
            key.expose_mut(),
            memory.blocks(),
        )
        .map_err(KdfError::Argon2)?;
    Ok(key)
}

fn matrix(blocks: usize) -> Result<Matrix, KdfError> {
    let size = Bytes::from(blocks.saturating_mul(size_of::<Block>()));
    Matrix::map(blocks).map_err(|source| KdfError::Allocate(size, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106, section 5.3 has a secret and associated data, which LUKS2 has not; this is the reference
    /// implementation's own vector (`phc-winner-argon2`, `src/test.c`): Argon2id, t=2, m=64 KiB, p=1.
    #[test]
    fn argon2id_gives_the_reference_implementations_hash() {
        let kdf = Kdf::Argon2id(metadata::Argon2 {
            time: 2,
            memory: 256,
            cpus: 1,
            salt: encode(b"somesalt"),
        });
        let key = derive(
            &kdf,
            &Secret::new(b"password".to_vec()),
            32,
            &Limits::default(),
        )
        .unwrap();
        let hex: String = key.expose().iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(
            hex,
            "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"
        );
    }

    #[test]
    fn more_than_the_limits_is_refused_before_anything_is_allocated() {
        let argon2 = |memory, time| {
            Kdf::Argon2id(metadata::Argon2 {
                time,
                memory,
                cpus: 1,
                salt: encode(&[1; 32]),
            })
        };
        let pbkdf2 = Kdf::Pbkdf2 {
            hash: String::from("sha256"),
            iterations: u32::MAX,
            salt: encode(&[1; 32]),
        };
        let limits = Limits {
            memory: Bytes::mib(1),
            argon2_passes: 10,
            pbkdf2_iterations: 1000,
        };
        let pass = Secret::new(b"p".to_vec());
        for (kdf, word) in [
            (argon2(1025, 1), "memory"),
            (argon2(u32::MAX, 1), "memory"),
            (argon2(64, 11), "iterations"),
            (pbkdf2, "iterations"),
        ] {
            let error = derive(&kdf, &pass, 32, &limits).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(derive(&argon2(1024, 1), &pass, 32, &limits).is_ok());
    }

    #[test]
    fn memory_that_is_not_to_be_had_is_an_error() {
        let Err(error) = matrix(usize::MAX / 1024) else {
            panic!("allocated the whole address space");
        };
        assert!(matches!(error, KdfError::Allocate(..)));
    }
}
