//! One copy of the header: 4096 binary bytes and the JSON area. Owns both encodings and their checksum.
//!
//! Spec: LUKS2 On-Disk Format Specification 1.1.3, section 2.2. Numbers are big-endian.

use sha2::{Digest, Sha256, Sha512};

use crate::units::Bytes;

use super::metadata::{Keyslot, Metadata, Segment};
use super::validate::{Violation, validate};

/// Length of the binary part.
pub(super) const BINARY: usize = 4096;
/// Sizes that a header can have; a secondary stands right behind its primary, so also the places of secondaries.
pub(super) const SIZES: [Bytes; 9] = [
    Bytes::new(0x4000),
    Bytes::new(0x8000),
    Bytes::new(0x1_0000),
    Bytes::new(0x2_0000),
    Bytes::new(0x4_0000),
    Bytes::new(0x8_0000),
    Bytes::new(0x10_0000),
    Bytes::new(0x20_0000),
    Bytes::new(0x40_0000),
];
const PRIMARY: &[u8; 6] = b"LUKS\xba\xbe";
const SECONDARY: &[u8; 6] = b"SKUL\xba\xbe";
const CHECKSUM: std::ops::Range<usize> = 0x1C0..0x200;

/// Which copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    Primary,
    Secondary,
}

impl Copy {
    pub(super) const fn magic(self) -> &'static [u8; 6] {
        match self {
            Self::Primary => PRIMARY,
            Self::Secondary => SECONDARY,
        }
    }
}

/// A header without what differs between its copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Binary part and JSON area of one copy.
    pub hdr_size: Bytes,
    /// Counts the writes; the newest copy wins.
    pub seqid: u64,
    /// UUID, as it is written there.
    pub uuid: String,
    /// Label; empty on Talos' volumes.
    pub label: String,
    /// Subsystem; empty on Talos' volumes.
    pub subsystem: String,
    /// The JSON.
    pub metadata: Metadata,
}

/// Why a copy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// Not 16 KiB to 4 MiB in powers of two.
    #[error("header size {0} is not possible")]
    HeaderSize(u64),
    /// Reaches beyond the partition.
    #[error("the header does not fit into the partition")]
    Truncated,
    /// It says that it stands elsewhere.
    #[error("the header says that it is at byte {0}, which it is not")]
    Misplaced(u64),
    /// Only sha256 and sha512 are supported.
    #[error("checksum algorithm {0:?} is not supported")]
    ChecksumAlgorithm(String),
    /// The checksum does not fit.
    #[error("the checksum does not match")]
    Checksum,
    /// The JSON area is not text, then NULs to its end.
    #[error("the JSON area is not filled up with NULs")]
    Padding,
    /// The text is not the JSON that it should be.
    #[error("the metadata is not what it should be: {0}")]
    Metadata(String),
    /// Longer than the JSON area.
    #[error("the metadata of {0} bytes does not fit into the JSON area")]
    TooLong(usize),
    /// A rule is broken.
    #[error("the metadata breaks a rule: {0}")]
    Rule(Violation),
}

/// What the first bytes of a copy say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// No magic.
    Absent,
    /// LUKS, but another version.
    Version(u16),
    /// LUKS2, of this size.
    Sized(Bytes),
    /// LUKS2, of a size that is not possible.
    Damaged(Damage),
}

/// Looks at the binary part only.
pub(super) fn start(binary: &[u8], copy: Copy) -> Start {
    if !binary.starts_with(copy.magic()) || binary.len() < BINARY {
        return Start::Absent;
    }
    match u16::from_be_bytes([binary[6], binary[7]]) {
        2 => {}
        version => return Start::Version(version),
    }
    let size = Bytes::new(u64_at(binary, 8));
    if SIZES.contains(&size) {
        Start::Sized(size)
    } else {
        Start::Damaged(Damage::HeaderSize(size.get()))
    }
}

impl Header {
    /// Decodes a whole copy that stands at `at` of its partition.
    ///
    /// `bytes` is as long as [`start`] said.
    pub(super) fn decode(bytes: &[u8], at: Bytes) -> Result<Self, Damage> {
        if u64_at(bytes, 256) != at.get() {
            return Err(Damage::Misplaced(u64_at(bytes, 256)));
        }
        let algorithm = text_at(bytes, 72, 32);
        let (found, wanted) = (&bytes[CHECKSUM], checksum(bytes, &algorithm)?);
        if !found.starts_with(&wanted) {
            return Err(Damage::Checksum);
        }
        let area = &bytes[BINARY..];
        let end = area.iter().position(|b| *b == 0).ok_or(Damage::Padding)?;
        if area[end..].iter().any(|b| *b != 0) {
            return Err(Damage::Padding);
        }
        let metadata = serde_json::from_slice(&area[..end])
            .map_err(|error| Damage::Metadata(error.to_string()))?;
        let header = Self {
            hdr_size: Bytes::from(bytes.len()),
            seqid: u64_at(bytes, 16),
            uuid: text_at(bytes, 168, 40),
            label: text_at(bytes, 24, 48),
            subsystem: text_at(bytes, 208, 48),
            metadata,
        };
        validate(&header).map_err(Damage::Rule)?;
        Ok(header)
    }

    /// Encodes one copy, with a checksum by sha256. Each copy has a salt of its own.
    pub(super) fn encode(&self, copy: Copy, salt: &[u8; 64]) -> Result<Vec<u8>, Damage> {
        if !SIZES.contains(&self.hdr_size) {
            return Err(Damage::HeaderSize(self.hdr_size.get()));
        }
        validate(self).map_err(Damage::Rule)?;
        let json = serde_json::to_vec(&self.metadata)
            .map_err(|error| Damage::Metadata(error.to_string()))?;
        let mut bytes = vec![0; self.hdr_size.to_usize()];
        // At least one NUL ends the text.
        if json.len() >= bytes.len() - BINARY {
            return Err(Damage::TooLong(json.len()));
        }
        let at = match copy {
            Copy::Primary => 0,
            Copy::Secondary => self.hdr_size.get(),
        };
        let mut put = |at: usize, data: &[u8], max: usize| {
            let len = data.len().min(max);
            bytes[at..at + len].copy_from_slice(&data[..len]);
        };
        put(0, copy.magic(), 6);
        put(6, &2u16.to_be_bytes(), 2);
        put(8, &self.hdr_size.get().to_be_bytes(), 8);
        put(16, &self.seqid.to_be_bytes(), 8);
        put(24, self.label.as_bytes(), 47);
        put(72, b"sha256", 31);
        put(104, salt, 64);
        put(168, self.uuid.as_bytes(), 39);
        put(208, self.subsystem.as_bytes(), 47);
        put(256, &at.to_be_bytes(), 8);
        put(BINARY, &json, json.len());
        let sum = checksum(&bytes, "sha256")?;
        bytes[CHECKSUM.start..CHECKSUM.start + sum.len()].copy_from_slice(&sum);
        Ok(bytes)
    }

    /// What a program must support to touch the volume; empty for a volume that is not being changed.
    pub fn requirements(&self) -> &[String] {
        self.metadata
            .config
            .requirements
            .as_ref()
            .map_or(&[], |requirements| &requirements.mandatory)
    }

    /// Whether the data is on another device: a data segment at 0 would lie upon the header itself.
    pub fn is_detached(&self) -> bool {
        self.metadata
            .segments
            .values()
            .any(|segment| matches!(segment, Segment::Crypt(crypt) if crypt.offset == Bytes::ZERO))
    }

    /// The keyslots that a passphrase opens.
    pub fn passphrase_slots(&self) -> impl Iterator<Item = u32> {
        self.metadata
            .keyslots
            .iter()
            .filter_map(|(id, keyslot)| matches!(keyslot, Keyslot::Luks2(_)).then_some(*id))
    }
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(number)
}

pub(super) fn text_at(bytes: &[u8], at: usize, len: usize) -> String {
    let field = &bytes[at..at + len];
    let end = field.iter().position(|b| *b == 0).unwrap_or(len);
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// Over the whole copy, with the checksum field taken as zero.
pub(super) fn checksum(bytes: &[u8], algorithm: &str) -> Result<Vec<u8>, Damage> {
    fn over<H: Digest>(bytes: &[u8]) -> Vec<u8> {
        let mut hash = H::new();
        hash.update(&bytes[..CHECKSUM.start]);
        hash.update([0; 64]);
        hash.update(&bytes[CHECKSUM.end..]);
        hash.finalize().to_vec()
    }
    match algorithm {
        "sha256" => Ok(over::<Sha256>(bytes)),
        "sha512" => Ok(over::<Sha512>(bytes)),
        other => Err(Damage::ChecksumAlgorithm(other.to_owned())),
    }
}
