//! The JSON metadata of a header, as types. Owns the shape of each object; the rules between them are `validate`'s.
//!
//! Spec: LUKS2 On-Disk Format Specification 1.1.3, chapter 3. Every 64-bit number is a string of decimal digits, and
//! so is every id; members that are not known are ignored when read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::units::Bytes;

/// The five mandatory objects. Ids are numbers here and strings in the JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Keyslots by id, 0 to 31.
    pub keyslots: BTreeMap<u32, Keyslot>,
    /// Tokens by id, 0 to 31, as they stand.
    pub tokens: BTreeMap<u32, Value>,
    /// Segments by id.
    pub segments: BTreeMap<u32, Segment>,
    /// Digests by id.
    pub digests: BTreeMap<u32, Digest>,
    /// Sizes, flags and requirements.
    pub config: Config,
}

/// A keyslot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Keyslot {
    /// Opened by a passphrase.
    #[serde(rename = "luks2")]
    Luks2(Luks2Keyslot),
    /// Any other type, such as `reencrypt`.
    #[serde(other)]
    Other,
}

/// A keyslot that a passphrase opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Luks2Keyslot {
    /// Bytes of the key that it holds.
    pub key_size: u32,
    /// How the key is spread.
    pub af: Af,
    /// Where, and how it is encrypted.
    pub area: Area,
    /// How the area's key comes from the passphrase.
    pub kdf: Kdf,
    /// 0 ignore, 1 normal, 2 prefer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
}

/// The anti-forensic splitter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Af {
    /// `luks1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many times the key's size the split key takes.
    pub stripes: u32,
    /// Hash that diffuses.
    pub hash: String,
}

/// The area of a keyslot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// `raw`.
    #[serde(rename = "type")]
    pub kind: String,
    /// From the start of the device.
    #[serde(with = "text")]
    pub offset: Bytes,
    /// Length; at least the split key.
    #[serde(with = "text")]
    pub size: Bytes,
    /// Cipher, as dm-crypt names it.
    pub encryption: String,
    /// Bytes of the area's key.
    pub key_size: u32,
}

/// A key derivation function with its cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Kdf {
    /// The default.
    Argon2id(Argon2),
    /// The default of old versions.
    Argon2i(Argon2),
    /// As in LUKS1.
    Pbkdf2 {
        /// Hash for the HMAC.
        hash: String,
        /// Iterations.
        iterations: u32,
        /// Salt, base64.
        salt: String,
    },
    /// Any other, which nobody can open.
    #[serde(other)]
    Other,
}

/// Cost and salt of Argon2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argon2 {
    /// Passes.
    pub time: u32,
    /// Memory in KiB.
    pub memory: u32,
    /// Lanes.
    pub cpus: u32,
    /// Salt, base64.
    pub salt: String,
}

/// A part of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Segment {
    /// Encrypted data.
    #[serde(rename = "crypt")]
    Crypt(CryptSegment),
    /// Any other type, such as `linear` during a reencryption.
    #[serde(other)]
    Other,
}

/// Encrypted data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CryptSegment {
    /// From the start of the device; 0 in a detached header.
    #[serde(with = "text")]
    pub offset: Bytes,
    /// Length.
    pub size: SegmentSize,
    /// Added to the sector number that makes the IV.
    #[serde(with = "text")]
    pub iv_tweak: u64,
    /// Cipher, as dm-crypt names it.
    pub encryption: String,
    /// Bytes that are encrypted at once.
    pub sector_size: u32,
    /// Authenticated encryption, which is not supported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrity: Option<Value>,
    /// Marks, such as `backup-previous` during a reencryption.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// `"dynamic"` or a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SegmentSize {
    /// Up to the end of the device.
    Dynamic,
    /// Exactly this much.
    Fixed(Bytes),
}

/// Tells whether a key is the right one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Digest {
    /// The only type there is.
    #[serde(rename = "pbkdf2")]
    Pbkdf2(Pbkdf2Digest),
    /// Any other type.
    #[serde(other)]
    Other,
}

/// A digest by PBKDF2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pbkdf2Digest {
    /// Keyslots that hold its key.
    #[serde(with = "text_list")]
    pub keyslots: Vec<u32>,
    /// Segments that its key encrypts.
    #[serde(with = "text_list")]
    pub segments: Vec<u32>,
    /// Hash for the HMAC.
    pub hash: String,
    /// Iterations.
    pub iterations: u32,
    /// Salt, base64.
    pub salt: String,
    /// The digest, base64.
    pub digest: String,
}

/// Sizes, flags and requirements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Length of the JSON area: the header's size less 4096.
    #[serde(with = "text")]
    pub json_size: Bytes,
    /// Length of the area for keyslots, right behind both headers.
    #[serde(with = "text")]
    pub keyslots_size: Bytes,
    /// Such as `allow-discards`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<Vec<String>>,
    /// What a program must support to touch the volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirements: Option<Requirements>,
}

/// What a program must support.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// Names, such as `online-reencrypt`.
    #[serde(default)]
    pub mandatory: Vec<String>,
}

/// A 64-bit number as a string.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a decimal number of 64 bits")]
pub struct NotANumber(String);

fn parse_u64(text: &str) -> Result<u64, NotANumber> {
    let number = || NotANumber(text.to_owned());
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(number());
    }
    text.parse().map_err(|_| number())
}

impl TryFrom<String> for SegmentSize {
    type Error = NotANumber;

    fn try_from(text: String) -> Result<Self, NotANumber> {
        match text.as_str() {
            "dynamic" => Ok(Self::Dynamic),
            number => parse_u64(number).map(|bytes| Self::Fixed(Bytes::new(bytes))),
        }
    }
}

impl From<SegmentSize> for String {
    fn from(size: SegmentSize) -> Self {
        match size {
            SegmentSize::Dynamic => Self::from("dynamic"),
            SegmentSize::Fixed(bytes) => bytes.get().to_string(),
        }
    }
}

/// Numbers that the JSON has as strings.
trait Decimal: Copy {
    fn from_u64(number: u64) -> Self;
    fn to_u64(self) -> u64;
}

impl Decimal for u64 {
    fn from_u64(number: u64) -> Self {
        number
    }
    fn to_u64(self) -> u64 {
        self
    }
}

impl Decimal for Bytes {
    fn from_u64(number: u64) -> Self {
        Self::new(number)
    }
    fn to_u64(self) -> u64 {
        self.get()
    }
}

mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::{Decimal, parse_u64};

    pub(super) fn serialize<T: Decimal, S: Serializer>(
        number: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(&number.to_u64())
    }

    pub(super) fn deserialize<'de, T: Decimal, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(from)?;
        parse_u64(&text).map(T::from_u64).map_err(D::Error::custom)
    }
}

mod text_list {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::parse_u64;

    pub(super) fn serialize<S: Serializer>(ids: &[u32], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(ids.iter().map(u32::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
        let id = |text: &String| {
            let number = parse_u64(text).map_err(D::Error::custom)?;
            u32::try_from(number).map_err(D::Error::custom)
        };
        Vec::<String>::deserialize(from)?.iter().map(id).collect()
    }
}
