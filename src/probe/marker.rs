//! The marker of an unfinished apply: 4 KiB at byte 983040 (0xF0000) of the disk.
//!
//! It lies in the last 64 KiB before the first aligned partition, where no table, no boot loader of Talos and no
//! filesystem that starts at 0 keeps anything. Layout, little-endian:
//!
//! | offset | bytes | value |
//! |---|---|---|
//! | 0 | 16 | [`MAGIC`] |
//! | 16 | 4 | version, 1 |
//! | 20 | 4 | length n of the plan id, at most 4040 |
//! | 24 | n | plan id, UTF-8 |
//! | 24 + n | 32 | SHA-256 of everything before |
//! | 56 + n | | zeros |
//!
//! Pure: bytes ⇄ plan id.

use sha2::{Digest as _, Sha256};

use crate::units::{Bytes, Extent};

/// Where the marker lies on a disk.
pub const MARKER_OFFSET: Bytes = Bytes::new(0xF_0000);

/// Length of the marker with its padding, in bytes.
pub const MARKER_LEN: usize = 4096;

/// The place of the marker.
pub const MARKER_EXTENT: Extent = Extent::new(MARKER_OFFSET, Bytes::new(MARKER_LEN as u64));

/// First bytes of a marker.
pub const MAGIC: [u8; 16] = *b"KEELBLOCK-APPLY\0";

const VERSION: u32 = 1;
const HEAD: usize = 24;
const DIGEST: usize = 32;

/// A plan id that does not fit into a marker.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a plan id of {0} bytes does not fit into a marker")]
pub struct PlanIdTooLong(pub usize);

/// The marker of `plan_id`.
///
/// # Errors
/// [`PlanIdTooLong`] above 4040 bytes.
pub fn encode(plan_id: &str) -> Result<[u8; MARKER_LEN], PlanIdTooLong> {
    let len = plan_id.len();
    let too_long = PlanIdTooLong(len);
    let end = HEAD + len;
    if end + DIGEST > MARKER_LEN {
        return Err(too_long);
    }
    let stored = u32::try_from(len).map_err(|_| too_long)?;
    let mut marker = [0; MARKER_LEN];
    marker[..16].copy_from_slice(&MAGIC);
    marker[16..20].copy_from_slice(&VERSION.to_le_bytes());
    marker[20..HEAD].copy_from_slice(&stored.to_le_bytes());
    marker[HEAD..end].copy_from_slice(plan_id.as_bytes());
    let digest = Sha256::digest(&marker[..end]);
    marker[end..end + DIGEST].copy_from_slice(&digest);
    Ok(marker)
}

/// The plan id in a marker; `None` if `bytes` are no marker, or not a whole one.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.get(..MARKER_LEN)?;
    if bytes[..16] != MAGIC || bytes[16..20] != VERSION.to_le_bytes() {
        return None;
    }
    let len = usize::try_from(u32::from_le_bytes(bytes[20..HEAD].try_into().ok()?)).ok()?;
    let end = HEAD.checked_add(len)?;
    let digest = bytes.get(end..end.checked_add(DIGEST)?)?;
    if digest != Sha256::digest(&bytes[..end]).as_slice() {
        return None;
    }
    if bytes[end + DIGEST..].iter().any(|byte| *byte != 0) {
        return None;
    }
    String::from_utf8(bytes[HEAD..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_gives_back_its_plan_id() {
        for id in ["", "p", "sha256:0123", &"x".repeat(4040)] {
            assert_eq!(decode(&encode(id).unwrap()).as_deref(), Some(id));
        }
        assert_eq!(encode(&"x".repeat(4041)), Err(PlanIdTooLong(4041)));
    }

    #[test]
    fn a_marker_with_any_byte_changed_is_none() {
        let good = encode("plan 7").unwrap();
        for at in 0..MARKER_LEN {
            let mut bad = good;
            bad[at] ^= 0x20;
            assert_eq!(decode(&bad), None, "byte {at}");
        }
        assert_eq!(decode(&good[..4095]), None);
    }

    #[test]
    fn the_marker_lies_at_the_documented_place() {
        let marker = encode("ab").unwrap();
        assert_eq!(MARKER_OFFSET.get(), 983_040);
        assert_eq!(marker[..26], *b"KEELBLOCK-APPLY\0\x01\0\0\0\x02\0\0\0ab");
    }
}
