//! The tags, and their two identical copies of 256 KiB at the start of the partition.
//!
//! ```text
//! offset   size
//! 0x00000  4     magic 5A4B3C2D
//! 0x00004  …     records: tag (4), length (4), value; tag 0 ends them
//! 0x3FFDC  32    SHA-256 of the copy with this field zero
//! 0x3FFFC  4     magic A5B4C3D2
//! ```
//! All numbers are big-endian. The last 1024 bytes of the partition are `syslinux`'s.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::secret::Secret;
use crate::units::{Bytes, Extent};

use super::PARTITION_SIZE;
use super::syslinux;

const COPY: usize = 256 << 10;
const MAGIC_HEAD: [u8; 4] = 0x5A4B_3C2D_u32.to_be_bytes();
const MAGIC_TAIL: [u8; 4] = 0xA5B4_C3D2_u32.to_be_bytes();
const CHECKSUM: std::ops::Range<usize> = COPY - 36..COPY - 4;
/// What all records together may take.
const ROOM: usize = COPY - 40;

/// The tags of a META partition.
///
/// Tags of the old vector at the partition's end count only where the new one lacks them, as in Talos, and stay
/// there until they are set or removed.
#[derive(Debug, Default)]
pub struct Meta {
    tags: BTreeMap<u8, Secret>,
    legacy: BTreeMap<u8, Secret>,
}

/// Why a META partition cannot be read or changed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetaError {
    /// Not 1 MiB.
    #[error("a META partition is 1 MiB, not {0}")]
    Size(Bytes),
    /// Both copies are bad, and not for being empty.
    #[error("both copies are damaged: {first}; {second}")]
    Damaged {
        /// The copy at 0.
        first: AdvDamage,
        /// The copy at 256 KiB.
        second: AdvDamage,
    },
    /// Tag 0 ends the list.
    #[error("tag 0 cannot hold a value")]
    TagZero,
    /// More than one copy holds.
    #[error("the values take {0}, more than fits")]
    Full(Bytes),
}

/// What is wrong with a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvDamage {
    /// One of the magic numbers is not there.
    #[error("the magic is missing")]
    Magic,
    /// The checksum does not fit.
    #[error("the checksum does not match")]
    Checksum,
    /// A record reaches beyond the data.
    #[error("the value of tag {0} is cut off")]
    Truncated(u32),
    /// Tags are 8 bits; Talos would take another for one of these.
    #[error("tag {0} is not possible")]
    Tag(u32),
}

/// One of the two copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvCopy {
    /// It can be read.
    Sound,
    /// Nothing but zeros.
    Zero,
    /// It cannot be used.
    Damaged(AdvDamage),
}

/// Where the two copies lie in the partition.
pub const COPIES: [Extent; 2] = [
    Extent::new(Bytes::ZERO, Bytes::new(COPY as u64)),
    Extent::new(Bytes::new(COPY as u64), Bytes::new(COPY as u64)),
];

/// How the two copies are.
///
/// # Errors
/// [`MetaError::Size`] for anything but a whole partition.
pub fn copies(partition: &[u8]) -> Result<[AdvCopy; 2], MetaError> {
    check_size(partition)?;
    let state = |copy: &[u8]| match decode_copy(copy) {
        Ok(_) => AdvCopy::Sound,
        Err(_) if copy.iter().all(|byte| *byte == 0) => AdvCopy::Zero,
        Err(damage) => AdvCopy::Damaged(damage),
    };
    Ok([state(&partition[..COPY]), state(&partition[COPY..2 * COPY])])
}

impl Meta {
    /// Reads a whole partition. The second copy is looked at only if the first is bad, as Talos does.
    ///
    /// # Errors
    /// [`MetaError::Damaged`] when neither copy is good; copies that are all zero are an empty META.
    pub fn decode(partition: &[u8]) -> Result<Self, MetaError> {
        check_size(partition)?;
        let (first, second) = (&partition[..COPY], &partition[COPY..2 * COPY]);
        let legacy = syslinux::decode(&partition[partition.len() - syslinux::SIZE..]);
        if partition[..2 * COPY].iter().all(|b| *b == 0) {
            let tags = BTreeMap::new();
            return Ok(Self { tags, legacy });
        }
        let tags = decode_copy(first).or_else(|first| {
            decode_copy(second).map_err(|second| MetaError::Damaged { first, second })
        })?;
        Ok(Self { tags, legacy })
    }

    /// Whether both copies in a whole partition are the same, as every complete write leaves them.
    pub fn copies_agree(partition: &[u8]) -> bool {
        partition.get(..COPY) == partition.get(COPY..2 * COPY)
    }

    /// A whole partition, zero where nothing is said.
    ///
    /// # Errors
    /// As [`Self::encode_over`].
    pub fn encode(&self) -> Result<Secret, MetaError> {
        self.encode_over(&vec![0; PARTITION_SIZE.to_usize()])
    }

    /// A whole partition: both copies, with the tags in ascending order, and the old vector; all other bytes are those
    /// of `partition`. The old vector changes only if a tag was taken out of it.
    ///
    /// # Errors
    /// [`MetaError::Size`] if `partition` is not 1 MiB, [`MetaError::Full`] if the tags do not fit.
    pub fn encode_over(&self, partition: &[u8]) -> Result<Secret, MetaError> {
        check_size(partition)?;
        let mut out = Secret::new(partition.to_vec());
        let bytes = out.expose_mut();
        let (first, rest) = bytes.split_at_mut(COPY);
        self.encode_copy(first)?;
        rest[..COPY].copy_from_slice(first);
        let tail = &mut rest[PARTITION_SIZE.to_usize() - COPY - syslinux::SIZE..];
        if !same(&syslinux::decode(tail), &self.legacy) {
            syslinux::encode(&self.legacy, tail);
        }
        Ok(out)
    }

    /// The value of a tag.
    pub fn get(&self, tag: u8) -> Option<&Secret> {
        self.tags.get(&tag).or_else(|| self.legacy.get(&tag))
    }

    /// All tags, in ascending order.
    pub fn tags(&self) -> impl Iterator<Item = u8> {
        let mut tags: Vec<u8> = self
            .tags
            .keys()
            .chain(self.legacy.keys())
            .copied()
            .collect();
        tags.sort_unstable();
        tags.dedup();
        tags.into_iter()
    }

    /// Gives a tag a value.
    ///
    /// # Errors
    /// [`MetaError::TagZero`], and [`MetaError::Full`] when all values together do not fit; nothing changes then.
    pub fn set(&mut self, tag: u8, value: Secret) -> Result<(), MetaError> {
        if tag == 0 {
            return Err(MetaError::TagZero);
        }
        let old = self.tags.get(&tag).map_or(0, |old| old.len() + 8);
        check_room(self.used() - old + value.len() + 8)?;
        self.tags.insert(tag, value);
        self.legacy.remove(&tag);
        Ok(())
    }

    /// Takes a tag out of both vectors, and says whether it was there.
    pub fn remove(&mut self, tag: u8) -> bool {
        // Both, or the old value would come to light again.
        let found = [self.tags.remove(&tag), self.legacy.remove(&tag)];
        found.iter().any(Option::is_some)
    }

    fn used(&self) -> usize {
        self.tags.values().map(|value| value.len() + 8).sum()
    }

    fn encode_copy(&self, copy: &mut [u8]) -> Result<(), MetaError> {
        check_room(self.used())?;
        copy.fill(0);
        copy[..4].copy_from_slice(&MAGIC_HEAD);
        copy[COPY - 4..].copy_from_slice(&MAGIC_TAIL);
        let mut at = 4;
        for (tag, value) in &self.tags {
            let len = u32::try_from(value.len()).expect("checked to fit");
            copy[at..at + 4].copy_from_slice(&u32::from(*tag).to_be_bytes());
            copy[at + 4..at + 8].copy_from_slice(&len.to_be_bytes());
            copy[at + 8..at + 8 + value.len()].copy_from_slice(value.expose());
            at += 8 + value.len();
        }
        let checksum = Sha256::digest(&*copy);
        copy[CHECKSUM].copy_from_slice(&checksum);
        Ok(())
    }
}

fn check_size(partition: &[u8]) -> Result<(), MetaError> {
    let size = Bytes::from(partition.len());
    if size == PARTITION_SIZE {
        Ok(())
    } else {
        Err(MetaError::Size(size))
    }
}

fn check_room(used: usize) -> Result<(), MetaError> {
    if used > ROOM {
        return Err(MetaError::Full(Bytes::from(used)));
    }
    Ok(())
}

fn same(a: &BTreeMap<u8, Secret>, b: &BTreeMap<u8, Secret>) -> bool {
    let pairs = a.iter().zip(b);
    a.len() == b.len()
        && pairs
            .into_iter()
            .all(|(a, b)| a.0 == b.0 && a.1.expose() == b.1.expose())
}

fn decode_copy(copy: &[u8]) -> Result<BTreeMap<u8, Secret>, AdvDamage> {
    if !copy.starts_with(&MAGIC_HEAD) || !copy.ends_with(&MAGIC_TAIL) {
        return Err(AdvDamage::Magic);
    }
    let checksum = Sha256::new()
        .chain_update(&copy[..CHECKSUM.start])
        .chain_update([0; 32])
        .chain_update(&copy[CHECKSUM.end..])
        .finalize();
    if copy[CHECKSUM] != checksum[..] {
        return Err(AdvDamage::Checksum);
    }
    let mut tags = BTreeMap::new();
    let mut data = &copy[4..CHECKSUM.start];
    while let Some((head, rest)) = data.split_first_chunk::<8>() {
        let [a, b, c, d, e, f, g, h] = *head;
        let tag = u32::from_be_bytes([a, b, c, d]);
        if tag == 0 {
            break;
        }
        let short = u8::try_from(tag).map_err(|_| AdvDamage::Tag(tag))?;
        let (value, rest) = usize::try_from(u32::from_be_bytes([e, f, g, h]))
            .ok()
            .and_then(|len| rest.split_at_checked(len))
            .ok_or(AdvDamage::Truncated(tag))?;
        // A tag that comes twice has its last value, as in Talos.
        tags.insert(short, Secret::new(value.to_vec()));
        data = rest;
    }
    Ok(tags)
}
