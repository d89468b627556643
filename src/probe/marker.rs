//! The mark that an apply leaves while it is unfinished. Pure.
//!
//! 4 KiB at byte 983040 (within the first MiB, which no Talos partition covers): magic, version (u32 LE),
//! length of the plan id (u32 LE), the id, SHA-256 over all before it, zeros.

use sha2::{Digest as _, Sha256};

use crate::units::{Bytes, Extent};

/// Where the mark lies.
pub const MARKER_EXTENT: Extent = Extent::new(Bytes::new(983_040), Bytes::new(4096));

const MAGIC: &[u8; 16] = b"KEELBLOCK-APPLY\0";
const VERSION: u32 = 1;
const HEAD: usize = 24;

/// The mark of an unfinished apply of the plan `id`; an id is at most 256 bytes long.
pub fn encode(id: &str) -> Vec<u8> {
    let id = &id.as_bytes()[..id.len().min(256)];
    let mut mark = Vec::with_capacity(MARKER_EXTENT.len.to_usize());
    mark.extend_from_slice(MAGIC);
    mark.extend_from_slice(&VERSION.to_le_bytes());
    mark.extend_from_slice(&u32::try_from(id.len()).unwrap_or(0).to_le_bytes());
    mark.extend_from_slice(id);
    let digest = Sha256::digest(&mark);
    mark.extend_from_slice(&digest);
    mark.resize(MARKER_EXTENT.len.to_usize(), 0);
    mark
}

/// The plan id of a whole mark; `None` for anything else.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..HEAD)?;
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    if &head[..16] != MAGIC || number(16)? != VERSION {
        return None;
    }
    let end = HEAD
        + usize::try_from(number(20)?)
            .ok()
            .filter(|len| *len <= 256)?;
    let digest = bytes.get(end..end + 32)?;
    if Sha256::digest(&bytes[..end])[..] != *digest {
        return None;
    }
    String::from_utf8(bytes[HEAD..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_its_plan() {
        assert_eq!(
            decode(&encode("1f2e-3d4c-5b6a-7988")).as_deref(),
            Some("1f2e-3d4c-5b6a-7988")
        );
    }

    #[test]
    fn a_mark_with_any_byte_changed_or_cut_off_is_none() {
        let mark = encode("1f2e");
        for at in 0..HEAD + 4 + 32 {
            let mut damaged = mark.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {at}");
            assert_eq!(decode(&mark[..at]), None, "cut at {at}");
        }
        assert_eq!(decode(&[0; 4096]), None);
    }
}
