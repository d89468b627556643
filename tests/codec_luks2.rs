//! Properties of the LUKS2 codec: what is sealed is read and unlocked, what cannot be sealed is refused, no bytes make
//! reading panic, and payloads come back from encryption as they were.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that runs mkfs.xfs on an image file"
)]

use std::collections::BTreeMap;
use std::io;
use std::process::Command;

use keelblock::config::spec::Cipher;
use keelblock::entropy::SeededEntropy;
use keelblock::guid::Guid;
use keelblock::partitioner::luks2::{
    Argon2Cost, CopyState, KdfError, Limits, Luks2Error, SealParams, Sealed, SectorCipher, read,
    seal, unlock,
};
use keelblock::secret::Secret;
use keelblock::target::BlockSource;
use keelblock::units::{BlockSize, Bytes, Geometry};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert, proptest};
use serde_json::json;
use sha2::{Digest as _, Sha256};

#[derive(Debug)]
struct Disk(Vec<u8>);

impl Disk {
    fn with(sealed: &Sealed) -> Self {
        let mut disk = Self(vec![0; 17 << 20]);
        for (at, data) in sealed.groups().into_iter().flatten() {
            disk.0[at.to_usize()..at.to_usize() + data.len()].copy_from_slice(data);
        }
        disk
    }
}

impl BlockSource for Disk {
    fn geometry(&self) -> Geometry {
        Geometry {
            size: Bytes::from(self.0.len()),
            logical: BlockSize::B4096,
            physical: 4096,
        }
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let end = at.to_usize() + buf.len();
        let bytes = self.0.get(at.to_usize()..end);
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

fn params() -> SealParams {
    SealParams {
        uuid: Guid::LINUX_DATA,
        cipher: Cipher::AesXts,
        sector_size: 4096,
        data_offset: Bytes::mib(16),
        partition_size: Bytes::mib(17),
        kdf: Argon2Cost {
            time: 1,
            memory_kib: 64,
            lanes: 1,
        },
        digest_iterations: 1000,
        tokens: BTreeMap::new(),
    }
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

fn sealed(params: &SealParams, slots: &[u32]) -> Result<Sealed, Luks2Error> {
    let pass = secret("correct horse");
    let keys: Vec<_> = slots.iter().map(|slot| (*slot, &pass)).collect();
    seal(params, &keys, &mut SeededEntropy::new(3))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_reading_or_unlocking_panic(
        junk in vec(any::<u8>(), 1..64), at in any::<proptest::sample::Index>(), fix in any::<bool>(),
    ) {
        let mut disk = Disk::with(&sealed(&params(), &[0]).unwrap());
        let at = at.index(4096 + 1400);
        for copy in [0, 0x4000] {
            disk.0[copy + at..copy + at + junk.len()].copy_from_slice(&junk);
            if fix {
                disk.0[copy + 0x1C0..copy + 0x200].fill(0);
                let sum = Sha256::digest(&disk.0[copy..copy + 0x4000]);
                disk.0[copy + 0x1C0..copy + 0x1E0].copy_from_slice(&sum);
            }
        }
        let whole = disk.geometry().whole();
        let found = read(&disk, whole).unwrap();
        if let Some(header) = found.header() {
            let limits = Limits { memory: Bytes::mib(1), argon2_passes: 2, pbkdf2_iterations: 5000 };
            let _ = unlock(&disk, whole, header, 0, &secret("x"), &limits);
        } else {
            prop_assert!(found.secondary.header().is_none());
        }
    }

    #[test]
    fn every_sector_comes_back_and_no_two_are_encrypted_alike(
        first in 0..1u64 << 40, key in vec(any::<u8>(), 64), plain in any::<u8>(),
    ) {
        for cipher in [Cipher::AesXts, Cipher::XChaCha12Adiantum, Cipher::XChaCha20Adiantum] {
            for sector in [512, 1024, 2048, 4096] {
                let key = Secret::new(key[..cipher.key_len()].to_vec());
                let cipher = SectorCipher::new(cipher, &key, sector).unwrap();
                let at = Bytes::new(first * u64::from(sector));
                let sector = sector as usize;
                let mut buf = vec![plain; 9 * sector];
                cipher.encrypt(at, &mut buf);
                let mut seen: Vec<&[u8]> = buf.chunks(sector).collect();
                // One sector alone gives the same as in a run.
                let mut alone = vec![plain; sector];
                cipher.encrypt(Bytes::new(at.get() + 8 * sector as u64), &mut alone);
                prop_assert!(alone == seen[8]);
                seen.sort_unstable();
                seen.dedup();
                prop_assert!(seen.len() == 9);
                cipher.decrypt(at, &mut buf);
                prop_assert!(buf.iter().all(|b| *b == plain));
            }
        }
    }
}

#[test]
fn the_same_entropy_gives_the_same_bytes_and_every_area_is_where_cryptsetup_puts_it() {
    let one = sealed(&params(), &[5, 0]).unwrap();
    let two = sealed(&params(), &[5, 0]).unwrap();
    assert_eq!(one.groups(), two.groups());
    let places: Vec<u64> = one.keyslot_areas.iter().map(|(at, _)| at.get()).collect();
    // Two areas, then a zero block at each place further up where a secondary header could be.
    let stale = [0x10_0000, 0x20_0000, 0x40_0000];
    assert_eq!(places, [&[0x8000, 0x47000, 0x8_6000][..2], &stale].concat());
    let Disk(bytes) = Disk::with(&one);
    assert_ne!(bytes[0x8000..0x47000], bytes[0x47000..0x86000]);
    for (at, data) in one.groups().into_iter().flatten() {
        assert!(at.is_multiple_of(Bytes::new(4096)));
        assert!(Bytes::from(data.len()).is_multiple_of(Bytes::new(4096)));
    }
    // Each copy has a salt of its own.
    assert_ne!(bytes[104..168], bytes[0x4000 + 104..0x4000 + 168]);
}

#[test]
fn old_secondary_headers_do_not_survive_a_new_seal() {
    let mut disk = Disk(vec![0xAA; 17 << 20]);
    let old = sealed(&params(), &[0]).unwrap();
    for place in [0x8000, 0x1_0000, 0x8_0000, 0x10_0000, 0x40_0000] {
        disk.0[place..place + 0x4000].copy_from_slice(&old.secondary_header.1);
    }
    for (at, data) in old.groups().into_iter().flatten() {
        disk.0[at.to_usize()..at.to_usize() + data.len()].copy_from_slice(data);
    }
    // With both headers gone, nothing must be found.
    disk.0[..0x8000].fill(0);
    assert!(read(&disk, disk.geometry().whole()).unwrap().is_absent());
}

#[test]
fn a_crash_between_the_groups_leaves_nothing_or_the_whole_volume() {
    let sealed = sealed(&params(), &[0]).unwrap();
    let mut disk = Disk(vec![0; 17 << 20]);
    let whole = disk.geometry().whole();
    for (done, group) in sealed.groups().into_iter().enumerate() {
        let found = read(&disk, whole).unwrap();
        // Without the primary the volume is never valid at its start.
        assert_eq!(found.primary, CopyState::Absent, "after {done} groups");
        for (at, data) in group {
            disk.0[at.to_usize()..at.to_usize() + data.len()].copy_from_slice(data);
        }
    }
    let found = read(&disk, whole).unwrap();
    let key = unlock(
        &disk,
        whole,
        found.header().unwrap(),
        0,
        &secret("correct horse"),
        &Limits::default(),
    );
    assert_eq!(key.unwrap().expose(), sealed.volume_key.expose());
}

#[test]
fn what_cannot_be_sealed_is_refused() {
    let with = |change: fn(&mut SealParams)| {
        let mut params = params();
        change(&mut params);
        params
    };
    for (params, slots, words) in [
        (with(|p| p.sector_size = 1024), &[0][..], "512 or 4096"),
        (with(|p| p.digest_iterations = 999), &[0], "1000"),
        (params(), &[], "no passphrase"),
        (params(), &[1, 1], "same slot"),
        (params(), &[32], "not valid"),
        (with(|p| p.partition_size = Bytes::mib(16)), &[0], "no room"),
        (with(|p| p.partition_size = Bytes::mib(1)), &[0], "no room"),
        (
            with(|p| p.partition_size = Bytes::new((17 << 20) + 512)),
            &[0],
            "whole number",
        ),
        (
            with(|p| p.data_offset = Bytes::new((16 << 20) + 512)),
            &[0],
            "whole number",
        ),
        (
            with(|p| p.data_offset = Bytes::new(0x8000)),
            &[0],
            "not valid",
        ),
        (
            with(|p| p.data_offset = Bytes::new(0x8_0000)),
            &[0, 1, 2],
            "not valid",
        ),
        (
            with(|p| drop(p.tokens.insert(0, json!({"type": "x"})))),
            &[0],
            "not valid",
        ),
        (
            with(|p| drop(p.tokens.insert(0, json!("x".repeat(20_000))))),
            &[0],
            "not valid",
        ),
        (with(|p| p.kdf.lanes = 0), &[0], "keyslot 0"),
        (with(|p| p.kdf.memory_kib = 4), &[0], "keyslot 0"),
    ] {
        let error = sealed(&params, slots).unwrap_err().to_string();
        assert!(error.contains(words), "{error:?} does not say {words:?}");
    }
    let empty = Secret::default();
    let error = seal(&params(), &[(0, &empty)], &mut SeededEntropy::new(1)).unwrap_err();
    assert!(error.to_string().contains("empty"), "{error}");
}

#[test]
fn a_header_that_asks_for_too_much_memory_is_refused_by_name() {
    let sealed = sealed(&params(), &[0]).unwrap();
    let disk = Disk::with(&sealed);
    let limits = Limits {
        memory: Bytes::new(63 << 10),
        ..Limits::default()
    };
    let whole = disk.geometry().whole();
    let error = unlock(&disk, whole, &sealed.header, 0, &secret("x"), &limits).unwrap_err();
    assert!(matches!(
        error,
        Luks2Error::Kdf {
            slot: 0,
            source: KdfError::Memory { .. }
        }
    ));
}

#[test]
fn neither_errors_nor_debug_show_a_key() {
    let sealed = sealed(&params(), &[0]).unwrap();
    let key = format!("{:?}", sealed.volume_key.expose());
    let shown = format!("{:?}", (&sealed.volume_key, &sealed.header));
    assert!(!shown.contains(key.trim_matches(['[', ']'])));
    let cipher = SectorCipher::new(Cipher::AesXts, &sealed.volume_key, 512).unwrap();
    assert_eq!(format!("{cipher:?}"), "SectorCipher { sector: 512, .. }");
}

#[test]
fn a_filesystem_comes_back_from_every_cipher() {
    let dir = tempfile::tempdir().unwrap();
    let image = dir.path().join("xfs.img");
    std::fs::File::create(&image)
        .unwrap()
        .set_len(300 << 20)
        .unwrap();
    let status = Command::new("mkfs.xfs")
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .args(["-q", "-L", "STATE"])
        .arg(&image)
        .status()
        .unwrap_or_else(|e| panic!("mkfs.xfs does not start ({e}): install xfsprogs"));
    assert!(status.success());
    let mut plain = std::fs::read(&image).unwrap();
    plain.truncate(1 << 20);
    assert!(plain.starts_with(b"XFSB"));
    for cipher in [
        Cipher::AesXts,
        Cipher::XChaCha12Adiantum,
        Cipher::XChaCha20Adiantum,
    ] {
        let key = Secret::new(vec![9; cipher.key_len()]);
        let cipher = SectorCipher::new(cipher, &key, 4096).unwrap();
        let mut sealed = plain.clone();
        cipher.encrypt(Bytes::mib(3), &mut sealed);
        assert!(!sealed.starts_with(b"XFSB") && !sealed.chunks(4096).any(|s| s == [0; 4096]));
        cipher.decrypt(Bytes::mib(3), &mut sealed);
        assert!(sealed == plain);
    }
}
