//! What a reset destroys, and how much of what it keeps is compared. Pure data.

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Extent};

/// A volume whose content is destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Erase {
    /// Index into [`DiskPlan::partitions`](super::DiskPlan::partitions).
    pub partition: usize,
    /// What is lost, such as `LUKS2, 1 keyslot` or `xfs`.
    pub found: String,
    /// How.
    pub method: EraseMethod,
    /// Every byte in which key material may lie, in whole blocks: overwritten with a pattern that does not
    /// compress, made durable, and only then zeroed. Empty where nothing hints at keys.
    pub keys: Vec<Extent>,
    /// What reads as zeros afterwards, `keys` included.
    pub zero: Vec<Extent>,
}

impl Erase {
    /// How many bytes are zeroed.
    pub fn zeroed(&self) -> Bytes {
        Bytes::new(self.zero.iter().map(|extent| extent.len.get()).sum())
    }

    /// How many bytes are overwritten before they are zeroed.
    pub fn overwritten(&self) -> Bytes {
        Bytes::new(self.keys.iter().map(|extent| extent.len.get()).sum())
    }
}

/// How a volume is destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EraseMethod {
    /// It is sealed: headers and keyslots go, and with them the only way to read the payload.
    CryptoErase,
    /// It is plain, or nobody can tell: every byte is zeroed.
    Zero,
}

/// How much of what a plan keeps is compared before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
pub struct Proof {
    /// A range of at most this size is digested whole.
    pub whole_up_to: Bytes,
    /// Of a larger range this many samples are, evenly spaced, the first and the last at its ends.
    pub samples: u32,
    /// Size of a sample.
    pub sample: Bytes,
}

impl Default for Proof {
    fn default() -> Self {
        Self {
            whole_up_to: Bytes::mib(64),
            samples: 64,
            sample: Bytes::MIB,
        }
    }
}
