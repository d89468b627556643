//! From a passphrase to the volume key.

use crate::secret::Secret;
use crate::target::BlockSource;
use crate::units::{Bytes, Extent};

use super::Luks2Error;
use super::af::{self, AfHash};
use super::cipher::{self, SectorCipher};
use super::header::Header;
use super::kdf::{self, KdfError};
use super::metadata::{Digest, Keyslot, Luks2Keyslot, Pbkdf2Digest};
use super::read::{read_extent, within};
use super::seal::{AREA_SECTOR, STRIPES};
use crate::config::spec::Cipher;

/// From the shortest hash that LUKS knows to the longest.
const DIGEST_LENGTHS: std::ops::RangeInclusive<usize> = 20..=64;

/// What a header, which anybody may have written, can make this process spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of Argon2.
    pub memory: Bytes,
    /// Passes of Argon2.
    pub argon2_passes: u32,
    /// Iterations of PBKDF2.
    pub pbkdf2_iterations: u32,
}

impl Default for Limits {
    /// What cryptsetup can make: 4 GiB; and more passes and iterations than any benchmark asks for.
    fn default() -> Self {
        Self {
            memory: Bytes::new(4 << 30),
            argon2_passes: 1 << 10,
            pbkdf2_iterations: 1 << 28,
        }
    }
}

/// The volume key of the partition `at`, from keyslot `slot`.
///
/// # Errors
/// [`Luks2Error::WrongPassphrase`] when the key that comes out is not the one of the digest; the other variants when
/// the keyslot cannot be tried at all, before or after the costly part.
pub fn unlock(
    source: &dyn BlockSource,
    at: Extent,
    header: &Header,
    slot: u32,
    passphrase: &Secret,
    limits: &Limits,
) -> Result<Secret, Luks2Error> {
    if !header.requirements().is_empty() {
        return Err(Luks2Error::Requirements(header.requirements().to_vec()));
    }
    let Some(Keyslot::Luks2(keyslot)) = header.metadata.keyslots.get(&slot) else {
        return Err(Luks2Error::NoSuchKeyslot(slot));
    };
    let (digest, area_cipher, hash) = supported(header, slot, keyslot)?;
    let stripes = keyslot.key_size as usize * keyslot.af.stripes as usize;
    let len = Bytes::from(stripes.next_multiple_of(4096)).min(keyslot.area.size);
    let extent = within(at, keyslot.area.offset, len).ok_or_else(|| Luks2Error::Io {
        extent: Extent::new(keyslot.area.offset, len),
        source: std::io::ErrorKind::UnexpectedEof.into(),
    })?;
    let mut area = Secret::new(read_extent(source, extent)?);
    let kdf_error = |source| Luks2Error::Kdf { slot, source };
    let key = kdf::derive(
        &keyslot.kdf,
        passphrase,
        keyslot.area.key_size as usize,
        limits,
    )
    .map_err(kdf_error)?;
    SectorCipher::new(area_cipher, &key, AREA_SECTOR)
        .map_err(|source| Luks2Error::Cipher { slot, source })?
        .decrypt(Bytes::ZERO, area.expose_mut());
    let volume_key = af::merge(&area.expose()[..stripes], keyslot.key_size as usize, hash);
    if is_key_of(digest, &volume_key, limits).map_err(kdf_error)? {
        Ok(volume_key)
    } else {
        Err(Luks2Error::WrongPassphrase(slot))
    }
}

/// Refuses by name what a keyslot may use but this code cannot.
fn supported<'a>(
    header: &'a Header,
    slot: u32,
    keyslot: &Luks2Keyslot,
) -> Result<(&'a Pbkdf2Digest, Cipher, AfHash), Luks2Error> {
    let unsupported = |what, value: &str| Luks2Error::Unsupported {
        slot,
        what,
        value: value.to_owned(),
    };
    let digest = header
        .metadata
        .digests
        .values()
        .find_map(|digest| match digest {
            Digest::Pbkdf2(digest) if digest.keyslots.contains(&slot) => Some(digest),
            Digest::Pbkdf2(_) | Digest::Other => None,
        })
        .ok_or_else(|| unsupported("digest", "of an unknown type"))?;
    for (what, value, wanted) in [
        ("an area of type", &keyslot.area.kind, "raw"),
        ("a splitter of type", &keyslot.af.kind, "luks1"),
    ] {
        if value != wanted {
            return Err(unsupported(what, value));
        }
    }
    // cryptsetup always takes 4000, whatever is written; another number would be read differently by both.
    if keyslot.af.stripes != STRIPES {
        return Err(unsupported("stripes", &keyslot.af.stripes.to_string()));
    }
    let cipher = cipher::by_name(&keyslot.area.encryption)
        .ok_or_else(|| unsupported("cipher", &keyslot.area.encryption))?;
    let hash = AfHash::from_name(&keyslot.af.hash)
        .ok_or_else(|| unsupported("splitter hash", &keyslot.af.hash))?;
    Ok((digest, cipher, hash))
}

/// Whether `key` is the one that the digest was made from.
pub(super) fn is_key_of(
    digest: &Pbkdf2Digest,
    key: &Secret,
    limits: &Limits,
) -> Result<bool, KdfError> {
    let (asked, limit) = (digest.iterations, limits.pbkdf2_iterations);
    if asked > limit {
        return Err(KdfError::Iterations { asked, limit });
    }
    let wanted = kdf::decode(&digest.digest)?;
    // A digest of few bytes would fit other keys too, one of none every key.
    if !DIGEST_LENGTHS.contains(&wanted.len()) {
        return Err(KdfError::DigestLength(wanted.len()));
    }
    let mut found = vec![0; wanted.len()];
    kdf::pbkdf2(
        &digest.hash,
        key,
        &kdf::decode(&digest.salt)?,
        asked,
        &mut found,
    )?;
    // Without an early exit, so that the time does not tell how many bytes fit.
    let differences = found
        .iter()
        .zip(&wanted)
        .fold(0, |all, (a, b)| all | (a ^ b));
    Ok(std::hint::black_box(differences) == 0)
}
