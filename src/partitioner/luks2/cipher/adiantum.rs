//! Adiantum: a wide-block cipher for machines without AES instructions; every bit of a sector depends on all others.
//!
//! Own code, because no kept-up crate has it; AES, XChaCha and Poly1305 are RustCrypto's, only NH and the frame are here.
//! Spec: Crowley and Biggers, "Adiantum: length-preserving encryption for entry-level processors" (2018), and Linux'
//! `crypto/adiantum.c`.

use aes::Aes256;
use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{XChaCha12, XChaCha20};
use poly1305::Poly1305;
use poly1305::universal_hash::UniversalHash as _;
use zeroize::Zeroizing;

/// The last 16 bytes of a sector go through AES, the rest through the stream cipher.
const BLOCK: usize = 16;
/// NH takes this much of the message at once.
const NH_MESSAGE: usize = 1024;
/// It adds up four times, each time with the key moved on by four words.
const NH_PASSES: usize = 4;
const NH_KEY_WORDS: usize = (NH_MESSAGE + 16 * (NH_PASSES - 1)) / 4;

/// Rounds of the stream cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounds {
    Twelve,
    Twenty,
}

/// Adiantum with the keys that derive from its 32 bytes.
pub(super) struct Adiantum {
    rounds: Rounds,
    stream: Zeroizing<[u8; 32]>,
    aes: Aes256,
    /// Keys of the two Poly1305, for the tweak and for the message; the half that would be added at the end is zero.
    poly_tweak: Zeroizing<[u8; 32]>,
    poly_message: Zeroizing<[u8; 32]>,
    nh: Zeroizing<[u32; NH_KEY_WORDS]>,
}

impl Adiantum {
    /// `None` unless the key has 32 bytes.
    pub(super) fn new(rounds: Rounds, key: &[u8]) -> Option<Self> {
        let stream = Zeroizing::new(<[u8; 32]>::try_from(key).ok()?);
        let mut derived = Zeroizing::new([0; 32 + 16 + 16 + 4 * NH_KEY_WORDS]);
        let mut nonce = [0; 24];
        nonce[0] = 1;
        apply_stream(rounds, &stream, &nonce, &mut derived[..]);
        let half = |at: usize| {
            let mut key = Zeroizing::new([0; 32]);
            key[..16].copy_from_slice(&derived[at..at + 16]);
            key
        };
        let mut nh = Zeroizing::new([0; NH_KEY_WORDS]);
        for (word, bytes) in nh.iter_mut().zip(derived[64..].chunks_exact(4)) {
            *word = word_of(bytes);
        }
        Some(Self {
            rounds,
            aes: Aes256::new_from_slice(&derived[..32]).ok()?,
            poly_tweak: half(32),
            poly_message: half(48),
            nh,
            stream,
        })
    }

    /// Encrypts one sector of at least 16 bytes.
    pub(super) fn encrypt(&self, iv: &[u8; 32], sector: &mut [u8]) {
        let (left, right) = sector.split_at_mut(sector.len() - BLOCK);
        let tweak = self.hash_tweak(iv, left.len());
        let sum = number(right)
            .wrapping_add(tweak)
            .wrapping_add(self.hash_message(left));
        let mut middle = sum.to_le_bytes().into();
        self.aes.encrypt_block(&mut middle);
        let middle = <[u8; BLOCK]>::from(middle);
        self.xor_stream(&middle, left);
        let rest = u128::from_le_bytes(middle)
            .wrapping_sub(tweak)
            .wrapping_sub(self.hash_message(left));
        right.copy_from_slice(&rest.to_le_bytes());
    }

    /// Decrypts one sector of at least 16 bytes.
    pub(super) fn decrypt(&self, iv: &[u8; 32], sector: &mut [u8]) {
        let (left, right) = sector.split_at_mut(sector.len() - BLOCK);
        let tweak = self.hash_tweak(iv, left.len());
        let sum = number(right)
            .wrapping_add(tweak)
            .wrapping_add(self.hash_message(left));
        let middle = sum.to_le_bytes();
        self.xor_stream(&middle, left);
        let mut block = middle.into();
        self.aes.decrypt_block(&mut block);
        let rest = u128::from_le_bytes(block.into())
            .wrapping_sub(tweak)
            .wrapping_sub(self.hash_message(left));
        right.copy_from_slice(&rest.to_le_bytes());
    }

    fn xor_stream(&self, middle: &[u8; BLOCK], left: &mut [u8]) {
        let mut nonce = [0; 24];
        nonce[..BLOCK].copy_from_slice(middle);
        nonce[BLOCK] = 1;
        apply_stream(self.rounds, &self.stream, &nonce, left);
    }

    /// Poly1305 over the message's length in bits and the tweak.
    fn hash_tweak(&self, iv: &[u8; 32], len: usize) -> u128 {
        let mut input = [0; 48];
        input[..16].copy_from_slice(&(8 * len as u128).to_le_bytes());
        input[16..].copy_from_slice(iv);
        poly(&self.poly_tweak, &input)
    }

    /// Poly1305 over the NH hashes of the message's pieces.
    fn hash_message(&self, message: &[u8]) -> u128 {
        let mut hashes = [0; 32 * (4096usize.div_ceil(NH_MESSAGE))];
        let mut used = 0;
        for (piece, hash) in message.chunks(NH_MESSAGE).zip(hashes.chunks_exact_mut(32)) {
            for (sum, bytes) in self.nh_hash(piece).iter().zip(hash.chunks_exact_mut(8)) {
                bytes.copy_from_slice(&sum.to_le_bytes());
            }
            used += 32;
        }
        poly(&self.poly_message, &hashes[..used])
    }

    /// NH with four passes over up to 1024 bytes, a multiple of 16.
    fn nh_hash(&self, piece: &[u8]) -> [u64; NH_PASSES] {
        let mut sums = [0u64; NH_PASSES];
        for (unit, bytes) in piece.chunks_exact(16).enumerate() {
            let mut words = [0; 4];
            for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
                *word = word_of(bytes);
            }
            let keys = &self.nh[4 * unit..4 * unit + 4 * NH_PASSES];
            for (sum, key) in sums.iter_mut().zip(keys.chunks_exact(4)) {
                let with = |n: usize| u64::from(words[n].wrapping_add(key[n]));
                let products = (with(0) * with(2)).wrapping_add(with(1) * with(3));
                *sum = sum.wrapping_add(products);
            }
        }
        sums
    }
}

fn number(block: &[u8]) -> u128 {
    let mut bytes = [0; BLOCK];
    bytes.copy_from_slice(block);
    u128::from_le_bytes(bytes)
}

fn word_of(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn poly(key: &[u8; 32], input: &[u8]) -> u128 {
    let mut hash = <Poly1305 as poly1305::universal_hash::KeyInit>::new(key.into());
    hash.update_padded(input);
    u128::from_le_bytes(hash.finalize().into())
}

fn apply_stream(rounds: Rounds, key: &[u8; 32], nonce: &[u8; 24], buf: &mut [u8]) {
    match rounds {
        Rounds::Twelve => XChaCha12::new(key.into(), nonce.into()).apply_keystream(buf),
        Rounds::Twenty => XChaCha20::new(key.into(), nonce.into()).apply_keystream(buf),
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        assert_eq!(text.len(), 2 * N);
        std::array::from_fn(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
    }

    /// The first and the third vector of `adiantum_xchacha12_aes_tv_template` in Linux' `crypto/testmgr.h`.
    #[test]
    fn the_vectors_of_the_kernel_hold() {
        let short = Adiantum::new(
            Rounds::Twelve,
            &hex::<32>("9eebb2493c1cf5f46a99c2c4dfb1f4dd752057ea2c4fcdb2a53d7b491eabfd0f"),
        )
        .unwrap();
        let iv = hex("df63d4abd249f3d8338137607dfa7308d8496d80e82f6254eb0ea9395b457f8a");
        let mut sector = hex::<16>("67c9f23084418e43fbf3b33e79367fe8");
        short.encrypt(&iv, &mut sector);
        assert_eq!(sector, hex("6d32861867860f3f967c9d280d53ec9f"));
        short.decrypt(&iv, &mut sector);
        assert_eq!(sector, hex("67c9f23084418e43fbf3b33e79367fe8"));

        // 128 bytes.
        let long = Adiantum::new(
            Rounds::Twelve,
            &hex::<32>("a52824341a3cd8f705918fee851f357f803dfc9b94f6fc9e190900a904314f11"),
        )
        .unwrap();
        let iv = hex("a1ba4995ff346db8cd875d5efdea85db8a7b5eb25d57dd62aca98c41429475b7");
        let mut sector = hex::<128>(concat!(
            "69b4e88c37e86782f1ec5d04e5149113dff2871b69811d71709e9c3bde497011",
            "a0a3db0d544f6669d7db80a7709268ce81042cc6abaee56015e96fefaa8fa7a7",
            "638ff2f077f1a8eae1b71f9eab9e4b3f07875b6fcda8afb9fa700b52b8a8a79e",
            "075fa60eb39b791379c33e8d1c2c68c8511d3c7b7d79772a5665c5542328b003"
        ));
        long.encrypt(&iv, &mut sector);
        assert_eq!(
            sector,
            hex(concat!(
                "9e16abed4ba7425ac6fb4e76ffbe03a00fe3adbae4982b0e2148a0b865482748",
                "845454b29a947be64b29e9cf0591801a3af34196851d9f74515663fa7c288549",
                "f72ff9f21846f53380a33cceb25793f5aebda9f57b30c49366e0307716e4a031",
                "ba70bc6813f5b09ac1fc7efe55805c4874a6aaa3acdcc2f58dde34867860758d"
            ))
        );
    }

    /// Rounds, sector size, number of the unit, SHA-256 of the encrypted sector.
    const SECTORS: [(Rounds, u64, u64, &str); 8] = [
        (
            Rounds::Twelve,
            512,
            0,
            "316247b87efbe7ef0b193fb56e254e42ab5d717dbb5b6a4d3b8c13cdc88bfba4",
        ),
        (
            Rounds::Twelve,
            512,
            0x12_3456_789a,
            "10077e274a32bd3dc822340562c9c7988879eff4fb173490a808170372971345",
        ),
        (
            Rounds::Twelve,
            4096,
            0,
            "b417f811119d5c13947fc398ebb89ba05473cbace2686a97f3de311ecf057972",
        ),
        (
            Rounds::Twelve,
            4096,
            0x12_3456_789a,
            "39d5a0c7fb5415e552bcc83845227dfa324d842a76698735798676758ff014a6",
        ),
        (
            Rounds::Twenty,
            512,
            0,
            "9e21d89a4f2da6d21bf95665dde8094134af1539bed5473dc10b649b3f1a3c88",
        ),
        (
            Rounds::Twenty,
            512,
            0x12_3456_789a,
            "84501132a78119dbaeca942d8cd145ea22605e53865afdb9c544cd03730fd562",
        ),
        (
            Rounds::Twenty,
            4096,
            0,
            "ab4fdb62fc3b985c9cfda3ba39c94fadd4f512a952adae3c7e98127d4a2a3b4f",
        ),
        (
            Rounds::Twenty,
            4096,
            0x12_3456_789a,
            "bea90c04442e6244c40cbf16e863d267d284bea88a23f9b8537a10ac53ac08a6",
        ),
    ];

    /// Digests of sectors that a second implementation encrypted, in Python on plain integers, which itself reproduces
    /// Google's vectors for both numbers of rounds.
    #[test]
    fn whole_sectors_are_what_a_second_implementation_makes_of_them() {
        let key: [u8; 32] = std::array::from_fn(|n| u8::try_from(n).unwrap());
        for (rounds, size, unit, digest) in SECTORS {
            let plain: Vec<u8> = (0..size)
                .map(|i| (i * 7 + i / 256).to_le_bytes()[0])
                .collect();
            let mut sector = plain.clone();
            let cipher = Adiantum::new(rounds, &key).unwrap();
            let iv = super::super::iv(unit);
            cipher.encrypt(&iv, &mut sector);
            assert_eq!(
                Sha256::digest(&sector)[..],
                hex::<32>(digest),
                "{rounds:?} {size} {unit}"
            );
            cipher.decrypt(&iv, &mut sector);
            assert!(sector == plain);
        }
    }
}
