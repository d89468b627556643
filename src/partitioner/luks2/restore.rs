//! One copy of the header from the other, byte for byte where that can be told. Never writes.
//!
//! The copies differ in magic, place, salt and checksum; all else is the same. The salt only makes the copies look
//! different, so the one that still stands in a damaged copy is as good as any, and with it the bytes are those from
//! before the damage.

use sha2::{Digest as _, Sha512};

use crate::hex;
use crate::units::Bytes;

use super::header::{BINARY, Copy, Damage, Start, checksum, start, text_at, u64_at};

const MAGIC: std::ops::Range<usize> = 0..6;
const SALT: std::ops::Range<usize> = 104..168;
const UUID: std::ops::Range<usize> = 168..208;
const PLACE: std::ops::Range<usize> = 256..264;
const CHECKSUM: std::ops::Range<usize> = 0x1C0..0x200;

/// Which copy of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// At the start.
    Primary,
    /// Behind the first.
    Secondary,
}

impl Which {
    const fn copy(self) -> Copy {
        match self {
            Self::Primary => Copy::Primary,
            Self::Secondary => Copy::Secondary,
        }
    }
}

/// `good`, a whole copy, as the other copy `which`; `stale` is what stands in its place now.
///
/// # Errors
/// [`Damage::ChecksumAlgorithm`] for one that is not known, which a good copy never has.
pub fn other_copy(good: &[u8], which: Which, stale: &[u8]) -> Result<Vec<u8>, Damage> {
    let mut bytes = good.to_vec();
    let at = match which {
        Which::Primary => 0,
        Which::Secondary => bytes.len() as u64,
    };
    bytes[MAGIC].copy_from_slice(which.copy().magic());
    bytes[PLACE].copy_from_slice(&at.to_be_bytes());
    let salt = salt(good, which, stale);
    bytes[SALT].copy_from_slice(&salt);
    bytes[CHECKSUM].fill(0);
    let sum = checksum(&bytes, &text_at(&bytes, 72, 32))?;
    bytes[CHECKSUM.start..CHECKSUM.start + sum.len()].copy_from_slice(&sum);
    Ok(bytes)
}

/// The salt that stands there, or one that follows from the good copy, so that repairing twice gives the same bytes.
fn salt(good: &[u8], which: Which, stale: &[u8]) -> Vec<u8> {
    let is_left = stale.starts_with(which.copy().magic()) || stale.get(UUID) == Some(&good[UUID]);
    let own = stale
        .get(SALT)
        .filter(|salt| is_left && *salt != &good[SALT] && salt.iter().any(|byte| *byte != 0));
    match own {
        Some(salt) => salt.to_vec(),
        None => Sha512::digest(&good[SALT]).to_vec(),
    }
}

/// Whether two whole copies say the same: all but magic, place, salt and checksum.
pub fn same_content(a: &[u8], b: &[u8]) -> bool {
    let masked = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        for range in [MAGIC, SALT, PLACE, CHECKSUM] {
            bytes[range].fill(0);
        }
        bytes
    };
    a.len() == b.len() && a.len() >= BINARY && masked(a) == masked(b)
}

/// Whether a copy that was not accepted is damaged beyond doubt. One whose checksum fits, or cannot be computed, may be
/// a header that is only not understood here.
pub fn is_surely_damaged(damage: &Damage) -> bool {
    match damage {
        Damage::HeaderSize(_)
        | Damage::Truncated
        | Damage::Misplaced(_)
        | Damage::Checksum
        | Damage::TooLong(_) => true,
        // cryptsetup knows more hashes than this code; a name of other characters is none of them.
        Damage::ChecksumAlgorithm(name) => {
            let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            name.is_empty() || !name.chars().all(letter)
        }
        Damage::Padding | Damage::Metadata(_) | Damage::Rule(_) => false,
    }
}

/// Whether a whole copy says that it is this one, and as long as it is.
pub fn is_whole(bytes: &[u8], which: Which) -> bool {
    let place = match which {
        Which::Primary => 0,
        Which::Secondary => bytes.len() as u64,
    };
    let sized = start(bytes, which.copy()) == Start::Sized(Bytes::from(bytes.len()));
    sized && u64_at(bytes, 256) == place
}

/// The fields of a copy in words, by name and whatever they hold; the JSON only by its length and digest.
pub fn header_fields(bytes: &[u8]) -> Vec<(&'static str, String)> {
    if bytes.len() < BINARY {
        return vec![("magic", String::from("none"))];
    }
    let magic = match &bytes[MAGIC] {
        b"LUKS\xba\xbe" => "first copy",
        b"SKUL\xba\xbe" => "second copy",
        _ => "none",
    };
    let version = u16::from_be_bytes([bytes[6], bytes[7]]);
    let json = &bytes[BINARY..];
    let length = json.iter().position(|b| *b == 0).unwrap_or(json.len());
    vec![
        ("magic", magic.to_owned()),
        ("version", version.to_string()),
        ("header size", u64_at(bytes, 8).to_string()),
        ("sequence id", u64_at(bytes, 16).to_string()),
        ("label", printable(&text_at(bytes, 24, 48))),
        ("checksum algorithm", printable(&text_at(bytes, 72, 32))),
        ("UUID", printable(&text_at(bytes, 168, 40))),
        ("subsystem", printable(&text_at(bytes, 208, 48))),
        ("place", u64_at(bytes, 256).to_string()),
        (
            "checksum",
            hex::lower(&bytes[CHECKSUM.start..CHECKSUM.start + 8]),
        ),
        (
            "metadata",
            format!(
                "{length} bytes, sha512 {}",
                hex::lower(&Sha512::digest(json)[..8])
            ),
        ),
    ]
}

fn printable(text: &str) -> String {
    text.escape_debug().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_hash_that_is_not_known_here_is_no_proof_of_damage() {
        for (name, sure) in [
            ("sha3-256", false),
            ("whirlpool", false),
            ("sha2\u{1}6", true),
            ("", true),
        ] {
            assert_eq!(
                is_surely_damaged(&Damage::ChecksumAlgorithm(name.to_owned())),
                sure,
                "{name:?}"
            );
        }
    }
}
