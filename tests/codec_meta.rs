//! Properties of the META codec: tags survive, damage to one copy does too, damage to both is refused, and the value for
//! STATE is byte for byte Talos' own.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use keelblock::config::spec::{Cipher, Encryption, EncryptionForm, Key, KeySource, Location};
use keelblock::partitioner::meta::{
    AdvDamage, Meta, MetaError, NO_STATE_ENCRYPTION, PARTITION_SIZE, state_encryption_json, tag,
};
use keelblock::secret::Secret;
use proptest::collection::{btree_map, vec};
use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert, prop_assert_eq, proptest};
use sha2::{Digest as _, Sha256};

const COPY: usize = 256 << 10;

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

fn values(meta: &Meta) -> Vec<(u8, Vec<u8>)> {
    meta.tags()
        .map(|tag| (tag, meta.get(tag).unwrap().expose().to_vec()))
        .collect()
}

fn sample() -> Meta {
    let mut meta = Meta::default();
    meta.set(
        tag::UUID_OVERRIDE,
        secret("12345678-1234-5678-1234-567812345678"),
    )
    .unwrap();
    meta
}

/// A partition with an old vector at its end that has tag 6 = `A` and tag 12 = `user`, as go-adv writes it.
fn with_legacy(meta: &Meta) -> Vec<u8> {
    let mut image = meta.encode().unwrap().expose().to_vec();
    let tail = image.len() - 1024;
    for copy in [tail, tail + 512] {
        let head = b"\xa5\x2f\x2d\x5a\xeb\xa0\x4f\x31\x06\x01A\x0c\x04user";
        image[copy..copy + head.len()].copy_from_slice(head);
        image[copy + 508..copy + 512].copy_from_slice(&0xDD28_BF64_u32.to_le_bytes());
    }
    image
}

proptest! {
    // Each case hashes megabytes.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_encoded_is_decoded(tags in btree_map(1..=255u8, vec(any::<u8>(), 0..300), 0..20)) {
        let mut meta = Meta::default();
        for (tag, value) in &tags {
            meta.set(*tag, Secret::new(value.clone())).unwrap();
        }
        let image = meta.encode().unwrap();
        prop_assert!(image.expose()[..COPY] == image.expose()[COPY..2 * COPY]);
        let read = Meta::decode(image.expose()).unwrap();
        prop_assert_eq!(values(&read), tags.into_iter().collect::<Vec<_>>());
        // The order of the tags is fixed, so the bytes are.
        prop_assert!(read.encode().unwrap().expose() == image.expose());
    }

    #[test]
    fn one_changed_byte_in_one_copy_is_survived_and_in_both_is_refused(
        a in any::<proptest::sample::Index>(), b in any::<proptest::sample::Index>(), flip in 1..=255u8,
    ) {
        let meta = sample();
        let image = meta.encode().unwrap();
        let (a, b) = (a.index(COPY), COPY + b.index(COPY));
        for places in [vec![a], vec![b], vec![a, b]] {
            let mut damaged = image.expose().to_vec();
            for place in &places {
                damaged[*place] ^= flip;
            }
            match Meta::decode(&damaged) {
                Ok(read) => prop_assert!(places.len() == 1 && values(&read) == values(&meta)),
                Err(error) => prop_assert!(places.len() == 2, "{}", error),
            }
        }
    }

    #[test]
    fn no_records_make_reading_panic(records in vec(any::<u8>(), 0..64), tail in vec(any::<u8>(), 500)) {
        let mut image = vec![0; PARTITION_SIZE.to_usize()];
        image[..4].copy_from_slice(&0x5A4B_3C2D_u32.to_be_bytes());
        image[4..4 + records.len()].copy_from_slice(&records);
        image[COPY - 4..COPY].copy_from_slice(&0xA5B4_C3D2_u32.to_be_bytes());
        let sum = Sha256::digest(&image[..COPY]);
        image[COPY - 36..COPY - 4].copy_from_slice(&sum);
        let at = image.len() - 1024;
        image[at..at + 4].copy_from_slice(&0x5A2D_2FA5_u32.to_le_bytes());
        image[at + 8..at + 508].copy_from_slice(&tail);
        let words = tail.chunks(4).map(|w| u32::from_le_bytes(w.try_into().unwrap()));
        let sum = words.fold(0xA304_1767_u32, u32::wrapping_sub);
        image[at + 4..at + 8].copy_from_slice(&sum.to_le_bytes());
        image[at + 508..at + 512].copy_from_slice(&0xDD28_BF64_u32.to_le_bytes());
        if let Ok(meta) = Meta::decode(&image) {
            prop_assert!(Meta::decode(meta.encode_over(&image).unwrap().expose()).is_ok());
        }
    }
}

#[test]
fn the_bytes_are_those_of_go_adv() {
    // SHA-256 of what go-adv v1.0.0 writes for one tag in a partition that is otherwise zero.
    let digest = Sha256::digest(sample().encode().unwrap().expose());
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        "e5a3c39e98379e2852369d5f27cc88caeb70f6cbdb74877cae18056ffe00a56d"
    );
}

#[test]
fn tags_of_the_old_vector_are_read_as_go_adv_writes_them() {
    // SHA-256 of what go-adv v1.0.0 writes for the same tags.
    let digest = Sha256::digest(with_legacy(&sample()));
    let hex: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(
        hex,
        "3cf2b0252e5b62df6c50ee5d6c33b7745d71410ca4c5f990ff4d500ee5c7769b"
    );
}

#[test]
fn a_partition_of_zeros_is_empty_and_one_of_anything_else_is_damaged() {
    let mut image = vec![0; PARTITION_SIZE.to_usize()];
    assert_eq!(Meta::decode(&image).unwrap().tags().count(), 0);
    image[COPY + 7] = 1;
    let damaged = MetaError::Damaged {
        first: AdvDamage::Magic,
        second: AdvDamage::Magic,
    };
    assert_eq!(Meta::decode(&image).unwrap_err(), damaged);
    assert!(matches!(Meta::decode(&image[1..]), Err(MetaError::Size(_))));
}

#[test]
fn old_tags_count_only_where_the_new_vector_lacks_them_and_go_when_removed() {
    let mut meta = sample();
    meta.set(12, secret("new")).unwrap();
    let image = with_legacy(&meta);
    let mut read = Meta::decode(&image).unwrap();
    assert_eq!(read.get(6).unwrap().expose(), b"A");
    assert_eq!(read.get(12).unwrap().expose(), b"new");
    assert_eq!(read.tags().collect::<Vec<_>>(), [6, 12, 15]);
    assert!(
        read.encode_over(&image).unwrap().expose() == image,
        "nothing changed, yet bytes do"
    );
    assert!(read.remove(12) && !read.remove(12));
    let image = read.encode_over(&image).unwrap();
    let again = Meta::decode(image.expose()).unwrap();
    assert_eq!(again.tags().collect::<Vec<_>>(), [6, 15]);
    assert!(
        !image.expose().windows(4).any(|w| w == b"user"),
        "the old value is still there"
    );
}

#[test]
fn changing_one_tag_leaves_all_other_bytes_of_the_partition() {
    let mut image = with_legacy(&sample());
    image[700_000..700_100].fill(0x77);
    let mut meta = Meta::decode(&image).unwrap();
    meta.set(
        tag::STATE_ENCRYPTION,
        Secret::new(NO_STATE_ENCRYPTION.to_vec()),
    )
    .unwrap();
    let changed = meta.encode_over(&image).unwrap();
    assert!(changed.expose()[2 * COPY..] == image[2 * COPY..]);
    let mut meta = Meta::decode(changed.expose()).unwrap();
    assert!(meta.remove(tag::STATE_ENCRYPTION));
    assert!(meta.encode_over(changed.expose()).unwrap().expose() == image);
}

#[test]
fn more_than_fits_is_refused_and_changes_nothing() {
    let mut meta = Meta::default();
    let room = COPY - 40;
    meta.set(1, Secret::new(vec![1; room - 8])).unwrap();
    assert!(Meta::decode(meta.encode().unwrap().expose()).is_ok());
    assert!(matches!(
        meta.set(2, Secret::default()),
        Err(MetaError::Full(_))
    ));
    // The old value of the same tag does not count.
    meta.set(1, Secret::new(vec![2; room - 8])).unwrap();
    assert!(matches!(
        meta.set(1, Secret::new(vec![2; room - 7])),
        Err(MetaError::Full(_))
    ));
    assert_eq!(meta.get(1).unwrap().len(), room - 8);
    assert_eq!(meta.set(0, Secret::default()), Err(MetaError::TagZero));
}

#[test]
fn debug_shows_no_value() {
    let mut meta = sample();
    meta.set(9, secret("hunter2")).unwrap();
    let shown = format!("{meta:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("1234"),
        "{shown}"
    );
}

fn key(slot: u32, source: KeySource, lock_to_state: Option<bool>) -> Key {
    Key {
        at: Location::default(),
        slot,
        source,
        lock_to_state,
    }
}

fn encryption(form: EncryptionForm, provider: &str, cipher: &str, keys: Vec<Key>) -> Encryption {
    Encryption {
        at: Location::default(),
        form,
        provider: provider.to_owned(),
        cipher: Cipher::AesXts,
        cipher_text: cipher.to_owned(),
        key_size: 0,
        block_size: 0,
        options: None,
        allow_discards: None,
        keys,
    }
}

fn kms(endpoint: &str) -> KeySource {
    KeySource::Kms {
        endpoint: endpoint.to_owned(),
    }
}

const fn tpm(pcrs: Option<Vec<u8>>, check_secureboot: Option<bool>) -> KeySource {
    KeySource::Tpm {
        pcrs,
        check_secureboot,
    }
}

#[test]
fn the_state_encryption_is_byte_for_byte_what_talos_writes() {
    let wanted: Vec<&str> = include_str!("fixtures/meta/state_encryption.jsonl")
        .lines()
        .collect();
    let two = || {
        let passphrase = KeySource::Static(secret("secret"));
        vec![key(0, passphrase, None), key(0, KeySource::NodeId, None)]
    };
    let weird = "a<b>&\"\\/ü\u{2028}\u{2029}\n\r\t\u{8}\u{c}\u{1}\u{7f}💾'";
    let every = Encryption {
        key_size: 256,
        block_size: 4096,
        options: Some(vec![
            "no_read_workqueue".into(),
            "no_write_workqueue".into(),
        ]),
        allow_discards: Some(true),
        ..encryption(
            EncryptionForm::Document,
            "luks2",
            "xchacha12,aes-adiantum-plain64",
            vec![
                key(3, KeySource::Static(secret(weird)), None),
                key(4, kms("https://kms?a=1&b=2"), Some(false)),
                key(5, tpm(None, None), None),
                key(6, tpm(Some(vec![0, 7]), Some(true)), Some(true)),
                key(7, tpm(Some(Vec::new()), None), None),
            ],
        )
    };
    let old = Encryption {
        key_size: 512,
        block_size: 512,
        options: Some(vec!["same_cpu_crypt".into()]),
        ..encryption(
            EncryptionForm::Legacy,
            "luks2",
            "",
            vec![
                key(1, kms("https://x"), None),
                key(2, tpm(None, Some(true)), None),
                key(3, tpm(None, None), None),
            ],
        )
    };
    let plain = "aes-xts-plain64";
    for (encryption, wanted) in [
        (
            encryption(EncryptionForm::Document, "luks2", plain, two()),
            wanted[0],
        ),
        (every, wanted[1]),
        (
            encryption(EncryptionForm::Legacy, "", plain, two()),
            wanted[2],
        ),
        (old, wanted[3]),
    ] {
        let json = state_encryption_json(&encryption);
        assert_eq!(std::str::from_utf8(json.expose()).unwrap(), wanted);
    }
}
