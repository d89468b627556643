//! The rules that hold between the parts of a header. Judges; never reads.
//!
//! All rules that cryptsetup enforces, and those that it lets pass but that make a volume unusable or dangerous:
//! alignment of the data and of the areas, and areas that are too small for what they hold.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::units::{Bytes, Extent};

use super::header::Header;
use super::metadata::{CryptSegment, Digest, Keyslot, Metadata, Segment, SegmentSize};

const IDS: u32 = 32;
const MAX_KEYSLOTS_SIZE: Bytes = Bytes::mib(128);
/// No key is longer, so that a header cannot make anybody allocate without bound.
const MAX_KEY_SIZE: u32 = 512;
const BLOCK: Bytes = Bytes::new(4096);

/// A rule that a header breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// `json_size` is not the header's size less 4096.
    #[error("the JSON area is said to be {0} long, which it is not")]
    JsonSize(Bytes),
    /// Not a multiple of 4096, too big, or reaches into the data.
    #[error("a keyslots area of {0} is not possible")]
    KeyslotsSize(Bytes),
    /// Ids go from 0 to 31.
    #[error("id {id} of a {object} is not possible")]
    Id {
        /// Which kind of object.
        object: &'static str,
        /// The id.
        id: u32,
    },
    /// Reaches out of the keyslots area, or is not aligned.
    #[error("keyslot {0} has its area at an impossible place")]
    AreaPlace(u32),
    /// Smaller than the split key.
    #[error("keyslot {0} does not fit into its area")]
    AreaSize(u32),
    /// Two keyslots share bytes.
    #[error("keyslots {0} and {1} share bytes of their areas")]
    AreaOverlap(u32, u32),
    /// Zero, or beyond all reason.
    #[error("keyslot {0} has an impossible key size or number of stripes")]
    KeySize(u32),
    /// Each keyslot belongs to exactly one digest.
    #[error("keyslot {0} belongs to {1} digests, not to one")]
    KeyslotDigests(u32, usize),
    /// A digest or token names a keyslot or segment that is not there.
    #[error("{object} {id} names a {missing} that is not there")]
    Dangling {
        /// Which kind of object.
        object: &'static str,
        /// Its id.
        id: u32,
        /// What it names.
        missing: &'static str,
    },
    /// A token lacks `type` or `keyslots`, or has them in another shape.
    #[error("token {0} has no type, or no list of keyslots")]
    Token(u32),
    /// There must be at least one.
    #[error("there are no segments")]
    NoSegments,
    /// Not a multiple of 4096, or before the end of the keyslots area.
    #[error("segment {0} starts at an impossible place")]
    SegmentOffset(u32),
    /// Not a multiple of the sector size.
    #[error("segment {0} has a size that its sectors do not fill")]
    SegmentSize(u32),
    /// 512, 1024, 2048 or 4096.
    #[error("segment {id} has sectors of {size} bytes")]
    SectorSize {
        /// The segment.
        id: u32,
        /// What it says.
        size: u32,
    },
}

/// Checks a header that was decoded or is to be encoded.
pub(super) fn validate(header: &Header) -> Result<(), Violation> {
    let metadata = &header.metadata;
    ids(metadata)?;
    tokens(metadata)?;
    digests(metadata)?;
    segments(metadata)?;
    config(header)?;
    areas(header)
}

fn ids(metadata: &Metadata) -> Result<(), Violation> {
    let check = |object, id: Option<&u32>| match id {
        Some(&id) if id >= IDS => Err(Violation::Id { object, id }),
        _ => Ok(()),
    };
    check("keyslot", metadata.keyslots.keys().next_back())?;
    check("token", metadata.tokens.keys().next_back())?;
    check("segment", metadata.segments.keys().next_back())?;
    check("digest", metadata.digests.keys().next_back())
}

fn tokens(metadata: &Metadata) -> Result<(), Violation> {
    for (&id, token) in &metadata.tokens {
        if !token.get("type").is_some_and(Value::is_string) {
            return Err(Violation::Token(id));
        }
        let keyslots = token.get("keyslots").and_then(Value::as_array);
        for keyslot in keyslots.ok_or(Violation::Token(id))? {
            let keyslot = keyslot.as_str().ok_or(Violation::Token(id))?;
            let known = keyslot
                .parse()
                .is_ok_and(|id: u32| metadata.keyslots.contains_key(&id));
            if !known {
                return Err(Violation::Dangling {
                    object: "token",
                    id,
                    missing: "keyslot",
                });
            }
        }
    }
    Ok(())
}

fn digests(metadata: &Metadata) -> Result<(), Violation> {
    let digests: Vec<_> = metadata
        .digests
        .iter()
        .filter_map(|(id, digest)| match digest {
            Digest::Pbkdf2(digest) => Some((*id, digest)),
            Digest::Other => None,
        })
        .collect();
    for (id, digest) in &digests {
        let dangling = |missing| Violation::Dangling {
            object: "digest",
            id: *id,
            missing,
        };
        if !(digest.keyslots.iter()).all(|id| metadata.keyslots.contains_key(id)) {
            return Err(dangling("keyslot"));
        }
        if !(digest.segments.iter()).all(|id| metadata.segments.contains_key(id)) {
            return Err(dangling("segment"));
        }
    }
    for id in metadata.keyslots.keys() {
        let owners = digests
            .iter()
            .filter(|(_, digest)| digest.keyslots.contains(id))
            .count();
        if owners != 1 {
            return Err(Violation::KeyslotDigests(*id, owners));
        }
    }
    Ok(())
}

fn segments(metadata: &Metadata) -> Result<(), Violation> {
    if metadata.segments.is_empty() {
        return Err(Violation::NoSegments);
    }
    for (&id, segment) in crypt_segments(metadata) {
        if !matches!(segment.sector_size, 512 | 1024 | 2048 | 4096) {
            let size = segment.sector_size;
            return Err(Violation::SectorSize { id, size });
        }
        if !segment.offset.is_multiple_of(BLOCK) {
            return Err(Violation::SegmentOffset(id));
        }
        if let SegmentSize::Fixed(size) = segment.size
            && (size == Bytes::ZERO || !size.is_multiple_of(Bytes::new(segment.sector_size.into())))
        {
            return Err(Violation::SegmentSize(id));
        }
    }
    Ok(())
}

fn crypt_segments(metadata: &Metadata) -> impl Iterator<Item = (&u32, &CryptSegment)> {
    metadata
        .segments
        .iter()
        .filter_map(|(id, segment)| match segment {
            Segment::Crypt(segment) => Some((id, segment)),
            Segment::Other => None,
        })
}

/// Where keyslots may lie: behind both headers.
fn keyslots_area(header: &Header) -> Extent {
    let start = Bytes::new(2 * header.hdr_size.get());
    Extent::new(start, header.metadata.config.keyslots_size)
}

fn config(header: &Header) -> Result<(), Violation> {
    let config = &header.metadata.config;
    if Some(config.json_size) != header.hdr_size.checked_sub(BLOCK) {
        return Err(Violation::JsonSize(config.json_size));
    }
    let size = config.keyslots_size;
    if size > MAX_KEYSLOTS_SIZE || !size.is_multiple_of(BLOCK) {
        return Err(Violation::KeyslotsSize(size));
    }
    // A detached header has its data at 0 of another device.
    for (_, segment) in crypt_segments(&header.metadata) {
        if segment.offset != Bytes::ZERO && segment.offset < keyslots_area(header).end() {
            return Err(Violation::KeyslotsSize(size));
        }
    }
    Ok(())
}

fn areas(header: &Header) -> Result<(), Violation> {
    let bounds = keyslots_area(header);
    let mut taken: BTreeSet<(Bytes, Bytes, u32)> = BTreeSet::new();
    for (&id, keyslot) in &header.metadata.keyslots {
        let Keyslot::Luks2(keyslot) = keyslot else {
            continue;
        };
        let area = Extent::new(keyslot.area.offset, keyslot.area.size);
        let aligned = area.start.is_multiple_of(BLOCK) && area.len.is_multiple_of(BLOCK);
        if area.is_empty() || !aligned || !bounds.contains(area) {
            return Err(Violation::AreaPlace(id));
        }
        let sizes = [keyslot.key_size, keyslot.area.key_size];
        if keyslot.af.stripes == 0 || sizes.iter().any(|size| !(1..=MAX_KEY_SIZE).contains(size)) {
            return Err(Violation::KeySize(id));
        }
        let split = u64::from(keyslot.key_size) * u64::from(keyslot.af.stripes);
        if split.next_multiple_of(512) > area.len.get() {
            return Err(Violation::AreaSize(id));
        }
        taken.insert((area.start, area.end(), id));
    }
    for (before, after) in taken.iter().zip(taken.iter().skip(1)) {
        if after.0 < before.1 {
            return Err(Violation::AreaOverlap(before.2, after.2));
        }
    }
    Ok(())
}
