//! The ciphers that encrypt sectors, for data and for keyslot areas. Owns the choice and the numbering of sectors; the
//! ciphers themselves are in their files.
//!
//! Spec: dm-crypt's `plain64`: the IV is the sector's number, counted in units of 512 bytes whatever the sector size,
//! little-endian, then zeros.

mod adiantum;
mod xts;

use std::fmt;

use crate::config::spec::Cipher;
use crate::secret::Secret;
use crate::units::Bytes;

use adiantum::Adiantum;
use xts::Xts;

/// Why a cipher could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CipherError {
    /// The key does not fit the cipher.
    #[error("{cipher} takes no key of {len} bytes")]
    KeyLength {
        /// The cipher.
        cipher: &'static str,
        /// Length of the key.
        len: usize,
    },
    /// Sectors are 512, 1024, 2048 or 4096 bytes.
    #[error("sectors of {0} bytes are not possible")]
    SectorSize(u32),
}

/// The cipher that LUKS2 and dm-crypt call `name`, if it is supported.
pub(super) fn by_name(name: &str) -> Option<Cipher> {
    [
        Cipher::AesXts,
        Cipher::XChaCha12Adiantum,
        Cipher::XChaCha20Adiantum,
    ]
    .into_iter()
    .find(|cipher| cipher.name() == name)
}

/// Encrypts and decrypts whole sectors in place.
pub struct SectorCipher {
    kind: Kind,
    sector: usize,
}

enum Kind {
    Xts(Xts),
    Adiantum(Box<Adiantum>),
}

impl SectorCipher {
    /// A cipher for sectors of `sector_size` bytes.
    ///
    /// # Errors
    /// A key of another length than [`Cipher::key_len`] (`aes-xts-plain64` also takes 32 bytes, which is AES-128), or
    /// sectors of another size than 512, 1024, 2048 or 4096 bytes.
    pub fn new(cipher: Cipher, key: &Secret, sector_size: u32) -> Result<Self, CipherError> {
        if !matches!(sector_size, 512 | 1024 | 2048 | 4096) {
            return Err(CipherError::SectorSize(sector_size));
        }
        let kind = match cipher {
            Cipher::AesXts => Xts::new(key.expose()).map(Kind::Xts),
            Cipher::XChaCha12Adiantum => Adiantum::new(adiantum::Rounds::Twelve, key.expose())
                .map(|cipher| Kind::Adiantum(Box::new(cipher))),
            Cipher::XChaCha20Adiantum => Adiantum::new(adiantum::Rounds::Twenty, key.expose())
                .map(|cipher| Kind::Adiantum(Box::new(cipher))),
        };
        let kind = kind.ok_or(CipherError::KeyLength {
            cipher: cipher.name(),
            len: key.len(),
        })?;
        Ok(Self {
            kind,
            sector: sector_size as usize,
        })
    }

    /// Encrypts sectors of which the first starts at `first_byte` of the segment.
    ///
    /// # Panics
    /// If `first_byte` or the length is not a multiple of the sector size.
    pub fn encrypt(&self, first_byte: Bytes, buf: &mut [u8]) {
        let first = self.first_unit(first_byte, buf);
        match &self.kind {
            Kind::Xts(xts) => xts.encrypt(first, self.sector, buf),
            Kind::Adiantum(adiantum) => {
                self.each(first, buf, |unit, sector| {
                    adiantum.encrypt(&iv(unit), sector)
                });
            }
        }
    }

    /// Decrypts sectors of which the first starts at `first_byte` of the segment.
    ///
    /// # Panics
    /// If `first_byte` or the length is not a multiple of the sector size.
    pub fn decrypt(&self, first_byte: Bytes, buf: &mut [u8]) {
        let first = self.first_unit(first_byte, buf);
        match &self.kind {
            Kind::Xts(xts) => xts.decrypt(first, self.sector, buf),
            Kind::Adiantum(adiantum) => {
                self.each(first, buf, |unit, sector| {
                    adiantum.decrypt(&iv(unit), sector)
                });
            }
        }
    }

    fn first_unit(&self, first_byte: Bytes, buf: &[u8]) -> u64 {
        let sector = Bytes::from(self.sector);
        assert!(
            first_byte.is_multiple_of(sector) && buf.len().is_multiple_of(self.sector),
            "only whole sectors can be encrypted"
        );
        first_byte.get() / 512
    }

    fn each(&self, first: u64, buf: &mut [u8], mut work: impl FnMut(u64, &mut [u8])) {
        let units = self.sector as u64 / 512;
        for (index, sector) in (0u64..).zip(buf.chunks_exact_mut(self.sector)) {
            work(first.wrapping_add(index * units), sector);
        }
    }
}

/// `plain64`, for ciphers with an IV of 32 bytes.
fn iv(unit: u64) -> [u8; 32] {
    let mut iv = [0; 32];
    iv[..8].copy_from_slice(&unit.to_le_bytes());
    iv
}

impl fmt::Debug for SectorCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SectorCipher")
            .field("sector", &self.sector)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// Digests of three sectors that OpenSSL 3 encrypted with AES-256-XTS and AES-128-XTS.
    #[test]
    fn aes_xts_sectors_are_numbered_in_units_of_512_bytes() {
        for (key_len, sector, digest) in [
            (
                64,
                512,
                "4b90e69cabd9e518bbb9f9615df83005c3bc9a14ce6f760bc4bf82dad977959e",
            ),
            (
                64,
                4096,
                "75bf871c75a25dcbee15d755f6dd8777de447b07c109ad2db001a13c1c9bca9a",
            ),
            (
                32,
                512,
                "8f6006b12fe0896d665a1d6c47df62ffeef4e7e92d742f2a60a6deb16aab25a8",
            ),
            (
                32,
                4096,
                "392429323fe42a72aff8a768ab83692b1bc15cc2cf1ade628ac12138d62bd4a4",
            ),
        ] {
            let plain: Vec<u8> = (0..3u64)
                .flat_map(|n| (0..sector).map(move |i| (i * 7 + i / 256 + n).to_le_bytes()[0]))
                .collect();
            let key = Secret::new((0..key_len).collect());
            let cipher =
                SectorCipher::new(Cipher::AesXts, &key, u32::try_from(sector).unwrap()).unwrap();
            let at = Bytes::new(0x12_3456_7898 * 512);
            let mut buf = plain.clone();
            cipher.encrypt(at, &mut buf);
            let found: String = Sha256::digest(&buf)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(found, digest, "{key_len} {sector}");
            cipher.decrypt(at, &mut buf);
            assert!(buf == plain);
        }
    }

    #[test]
    fn a_key_or_sector_that_does_not_fit_is_refused() {
        let key = |len| Secret::new(vec![1; len]);
        for (cipher, len) in [
            (Cipher::AesXts, 0),
            (Cipher::AesXts, 63),
            (Cipher::AesXts, 48),
            (Cipher::XChaCha12Adiantum, 64),
            (Cipher::XChaCha20Adiantum, 31),
        ] {
            assert!(
                SectorCipher::new(cipher, &key(len), 512).is_err(),
                "{cipher:?} {len}"
            );
        }
        for sector in [0, 16, 520, 8192] {
            assert!(SectorCipher::new(Cipher::AesXts, &key(64), sector).is_err());
        }
    }
}
