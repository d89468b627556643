//! What cryptsetup makes, in keelblock's eyes.

use std::fs::{self, File};

use keelblock::config::spec::Cipher;
use keelblock::partitioner::luks2::{CopyState, Limits, read, talos_header_check, unlock};
use keelblock::units::{Bytes, Extent};

use super::volume::{ARGON2, PBKDF2, SIZE, Volume, params, passphrase};

#[test]
fn volumes_of_cryptsetup_are_read_and_unlocked() {
    let argon2i = [&["--pbkdf", "argon2i"], &ARGON2[..]].concat();
    let sha512 = [&["--hash", "sha512"], &PBKDF2[..]].concat();
    let short_key = [&["--key-size", "256"], &ARGON2[..]].concat();
    let big_header = [
        &[
            "--luks2-metadata-size",
            "64k",
            "--luks2-keyslots-size",
            "1m",
        ],
        &ARGON2[..],
    ]
    .concat();
    let biggest = [&["--luks2-metadata-size", "4m"], &ARGON2[..]].concat();
    let small_sectors = [&["--sector-size", "512", "--label", "rescue"], &ARGON2[..]].concat();
    for (options, talos_takes_it) in [
        (&ARGON2[..], true),
        (&argon2i, true),
        (&PBKDF2, false),
        (&sha512, false),
        (&short_key, true),
        (&big_header, true),
        (&biggest, true),
        (&small_sectors, true),
    ] {
        let options = [&["--type", "luks2", "--cipher", "aes-xts-plain64"], options].concat();
        let volume = Volume::formatted(&options);
        let found = volume.found();
        let header = found
            .header()
            .unwrap_or_else(|| panic!("{options:?}: {found:?}"));
        assert!(
            matches!(found.secondary, CopyState::Valid(_)),
            "{options:?}"
        );
        let key = volume.unlock(0, &passphrase(0)).unwrap();
        assert!(!volume.unlocks(0, 1));
        let dumped = volume.dir.path().join("volume.key");
        let (dumped, pass) = (dumped.to_str().unwrap(), volume.key_file(0));
        let dump = [
            "luksDump",
            "--dump-volume-key",
            "--batch-mode",
            "--key-file",
            &pass,
            "--volume-key-file",
            dumped,
        ];
        volume.cryptsetup(&[&dump[..], &[volume.path()]].concat());
        assert_eq!(fs::read(dumped).unwrap(), key.expose(), "{options:?}");
        assert_eq!(
            talos_header_check(header).is_empty(),
            talos_takes_it,
            "{options:?}"
        );
        // With the primary gone, the secondary is found wherever it is.
        volume.put(0, &[0; 4096]);
        assert_eq!(volume.found().header(), Some(header), "{options:?}");
        assert!(volume.unlocks(0, 0), "{options:?}");
    }
}

#[test]
fn luks1_is_told_apart() {
    let options = [&["--type", "luks1"], &PBKDF2[2..]].concat();
    let volume = Volume::formatted(&options);
    let found = volume.found();
    assert!(found.is_luks1() && !found.is_absent());
    assert_eq!(found.header(), None);
}

#[test]
fn a_detached_header_is_named() {
    let volume = Volume::blank();
    let header = volume.dir.path().join("header.img");
    File::create(&header).unwrap().set_len(SIZE.get()).unwrap();
    let key = volume.key_file(0);
    let format = [
        "luksFormat",
        "--batch-mode",
        "--type",
        "luks2",
        "--key-file",
        &key,
        "--header",
        header.to_str().unwrap(),
    ];
    volume.cryptsetup(&[&format[..], &ARGON2, &[volume.path()]].concat());
    assert!(volume.found().is_absent());
    fs::copy(header, &volume.path).unwrap();
    let found = volume.found();
    let header = found.header().unwrap();
    assert!(header.is_detached());
    assert!(!talos_header_check(header).is_empty());
}

#[test]
fn a_volume_within_a_disk_is_read_at_its_place_only() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 512), &[0]);
    let bytes = fs::read(&volume.path).unwrap();
    let disk = Volume::blank();
    disk.put(3 << 20, &bytes);
    let at = Extent::new(Bytes::mib(3), SIZE);
    let found = read(&disk, at).unwrap();
    assert_eq!(found.header(), Some(&sealed.header));
    let key = unlock(
        &disk,
        at,
        &sealed.header,
        0,
        &passphrase(0),
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(key.expose(), sealed.volume_key.expose());
    // A partition that ends within the header does not let anybody read beyond it.
    let short = Extent::new(Bytes::mib(3), Bytes::new(8192));
    assert!(matches!(
        read(&disk, short).unwrap().primary,
        CopyState::Damaged(_)
    ));
}
