//! LUKS2: bytes to types and back, sealing and unlocking in memory.
//!
//! Owns the header ([`Header`], [`Metadata`]), the keyslots ([`seal`], [`unlock`]) and the sector ciphers
//! ([`SectorCipher`]). Never writes, and never asks the kernel for anything.
//! Spec: LUKS2 On-Disk Format Specification 1.1.3; where it is silent, cryptsetup 2.6.
//!
//! Own code: no library formats LUKS2 from a static binary. libcryptsetup has no static build and is GPL, and the
//! crates in pure Rust only read, or write headers that cryptsetup refuses. The primitives are RustCrypto's;
//! cryptsetup judges the result.
//!
//! Writing a sealed volume: zero whatever header stood at the start, then keyslot areas, secondary header, primary
//! header, each step followed by a sync. Until the last one a power loss leaves no primary magic, so nothing takes the
//! partition for a volume that is complete.

mod af;
mod cipher;
mod header;
mod kdf;
mod metadata;
mod read;
pub mod restore;
mod seal;
mod talos;
mod unlock;
mod validate;

use std::io;

use crate::entropy::EntropyError;
use crate::units::{Bytes, Extent};

pub use cipher::{CipherError, SectorCipher};
pub use header::{Damage, Header};
pub use kdf::KdfError;
pub use metadata::{
    Af, Area, Config, CryptSegment, Digest, Kdf, Keyslot, Luks2Keyslot, Metadata, Pbkdf2Digest,
    Requirements, Segment, SegmentSize,
};
pub use read::{CopyState, Found, read};
pub use seal::{Argon2Cost, SealParams, Sealed, seal};
pub use talos::talos_header_check;
pub use unlock::{Limits, unlock};
pub use validate::Violation;

/// Why a volume could not be read, sealed or unlocked.
#[derive(Debug, thiserror::Error)]
pub enum Luks2Error {
    /// The device gave an error.
    #[error("reading {extent} of the disk for its LUKS2 header")]
    Io {
        /// What was to be read.
        extent: Extent,
        /// The device's error.
        #[source]
        source: io::Error,
    },
    /// No random bytes.
    #[error("making keys and salts")]
    Entropy(#[from] EntropyError),
    /// A key could not be derived from a passphrase.
    #[error("deriving the key of keyslot {slot}")]
    Kdf {
        /// The keyslot.
        slot: u32,
        /// Why.
        #[source]
        source: KdfError,
    },
    /// A cipher could not be set up.
    #[error("setting up the cipher of keyslot {slot}")]
    Cipher {
        /// The keyslot.
        slot: u32,
        /// Why.
        #[source]
        source: CipherError,
    },
    /// What was asked for cannot be sealed.
    #[error("cannot seal: {0}")]
    Params(&'static str),
    /// The header that would come out breaks a rule.
    #[error("the header to write is not valid")]
    Header(#[source] Damage),
    /// The header has no such keyslot, or it is not one that a passphrase opens.
    #[error("there is no keyslot {0} for a passphrase")]
    NoSuchKeyslot(u32),
    /// The header asks for features that are not supported, such as a reencryption under way.
    #[error("the header requires {}", .0.join(", "))]
    Requirements(Vec<String>),
    /// The keyslot uses something that is not supported.
    #[error("keyslot {slot} uses {what} {value:?}, which is not supported")]
    Unsupported {
        /// The keyslot.
        slot: u32,
        /// What kind of thing.
        what: &'static str,
        /// What the header says.
        value: String,
    },
    /// The passphrase does not open the keyslot, or the keyslot is damaged: the two cannot be told apart.
    #[error("the passphrase does not open keyslot {0}")]
    WrongPassphrase(u32),
}

impl Luks2Error {
    /// How much memory a key derivation asked for and did not get, if that is what went wrong.
    pub const fn lacks_memory(&self) -> Option<Bytes> {
        match self {
            Self::Kdf {
                source: KdfError::Allocate(wanted, _),
                ..
            } => Some(*wanted),
            _ => None,
        }
    }
}
