//! How a volume is sealed, and with which keys.

use super::Location;
use crate::secret::Secret;

/// `encryption` of a volume, or `machine.systemDiskEncryption.*`.
#[derive(Debug)]
pub struct Encryption {
    /// Where it stands.
    pub at: Location,
    /// The old form under `machine.systemDiskEncryption`, or a document's; META's JSON differs.
    pub form: EncryptionForm,
    /// `provider` as written; `luks2`, or empty in the old form.
    pub provider: String,
    /// Cipher.
    pub cipher: Cipher,
    /// `cipher` as written, for META's JSON.
    pub cipher_text: String,
    /// `keySize` in bits; 0 if absent.
    pub key_size: u32,
    /// `blockSize` in bytes; 0 if absent.
    pub block_size: u64,
    /// `options`, such as `no_read_workqueue`; `None` if absent.
    pub options: Option<Vec<String>>,
    /// `allowDiscards`.
    pub allow_discards: Option<bool>,
    /// Keys in the order of the config; slots are unique.
    pub keys: Vec<Key>,
}

/// Which section an encryption comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptionForm {
    /// `machine.systemDiskEncryption`.
    Legacy,
    /// `encryption` of a volume document.
    Document,
}

/// The ciphers that Talos allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// `aes-xts-plain64`, 512-bit key; the default.
    AesXts,
    /// `xchacha12,aes-adiantum-plain64`, 256-bit key.
    XChaCha12Adiantum,
    /// `xchacha20,aes-adiantum-plain64`, 256-bit key.
    XChaCha20Adiantum,
}

impl Cipher {
    /// As LUKS2 and dm-crypt write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesXts => "aes-xts-plain64",
            Self::XChaCha12Adiantum => "xchacha12,aes-adiantum-plain64",
            Self::XChaCha20Adiantum => "xchacha20,aes-adiantum-plain64",
        }
    }

    /// Length of the volume key in bytes.
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesXts => 64,
            Self::XChaCha12Adiantum | Self::XChaCha20Adiantum => 32,
        }
    }
}

/// One key of an encryption.
#[derive(Debug)]
pub struct Key {
    /// Where it stands.
    pub at: Location,
    /// Config slot = LUKS keyslot = token id.
    pub slot: u32,
    /// Where the key comes from.
    pub source: KeySource,
    /// `lockToState`.
    pub lock_to_state: Option<bool>,
}

/// Where a key comes from.
#[derive(Debug)]
pub enum KeySource {
    /// `static.passphrase`.
    Static(Secret),
    /// `nodeID`: the machine's UUID followed by the volume id.
    NodeId,
    /// `kms.endpoint`. Cannot be made yet.
    Kms {
        /// The endpoint as written.
        endpoint: String,
    },
    /// `tpm`. Cannot be made yet.
    Tpm {
        /// `options.pcrs`; `None` if absent.
        pcrs: Option<Vec<u8>>,
        /// `checkSecurebootStatusOnEnroll`.
        check_secureboot: Option<bool>,
    },
}

impl KeySource {
    /// The word for tables and messages: `static`, `nodeID`, `kms`, `tpm`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Static(_) => "static",
            Self::NodeId => "nodeID",
            Self::Kms { .. } => "kms",
            Self::Tpm { .. } => "tpm",
        }
    }
}
