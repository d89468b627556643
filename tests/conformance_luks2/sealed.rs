//! What keelblock seals, in the eyes of cryptsetup and blkid.

use std::collections::BTreeMap;
use std::fs;

use keelblock::config::spec::Cipher;
use keelblock::partitioner::luks2::{CopyState, Luks2Error, SealParams, talos_header_check};
use serde_json::{Value, json};

use super::volume::{ARGON2, Volume, params, passphrase, run, said};

#[test]
fn cryptsetup_opens_every_slot_with_its_passphrase_only_and_sees_the_same_volume_key() {
    for sector in [512, 4096] {
        let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, sector), &[7, 0, 31, 1]);
        volume.cryptsetup(&["isLuks", "--type", "luks2", volume.path()]);
        let dump = volume.cryptsetup(&["luksDump", volume.path()]);
        for wanted in [
            "Version:       \t2",
            "Metadata area: \t16384 [bytes]",
            "Keyslots area: \t16744448 [bytes]",
            &format!("UUID:          \t{}", sealed.header.uuid),
            "Label:         \t(no label)",
            "offset: 16777216 [bytes]",
            "cipher: aes-xts-plain64",
            &format!("sector: {sector} [bytes]"),
            "  31: luks2",
            "PBKDF:      argon2id",
        ] {
            assert!(dump.contains(wanted), "no {wanted:?} in {dump}");
        }
        for slot in [0, 1, 7, 31] {
            assert!(volume.opens(slot, slot), "slot {slot}");
            assert!(
                !volume.opens(slot, slot + 1),
                "slot {slot} with another passphrase"
            );
            let key = volume.unlock(slot, &passphrase(slot)).unwrap();
            assert_eq!(key.expose(), sealed.volume_key.expose());
            assert!(matches!(
                volume.unlock(slot, &passphrase(slot + 1)),
                Err(Luks2Error::WrongPassphrase(wrong)) if wrong == slot
            ));
        }
        let key = volume.dir.path().join("volume.key");
        let (key, pass) = (key.to_str().unwrap(), volume.key_file(31));
        let dump_key = [
            "luksDump",
            "--dump-volume-key",
            "--batch-mode",
            "--key-file",
            &pass,
            "--volume-key-file",
            key,
        ];
        volume.cryptsetup(&[&dump_key[..], &[volume.path()]].concat());
        assert_eq!(fs::read(key).unwrap(), sealed.volume_key.expose());
        assert_eq!(volume.found().header(), Some(&sealed.header));
        assert_eq!(volume.found().primary, volume.found().secondary);
        assert_eq!(talos_header_check(&sealed.header), Vec::<String>::new());
    }
}

#[test]
fn cryptsetup_accepts_the_headers_of_the_other_ciphers() {
    // Whether the kernel has Adiantum decides whether cryptsetup can open the slots; the header it can always judge.
    for cipher in [Cipher::XChaCha12Adiantum, Cipher::XChaCha20Adiantum] {
        let (volume, sealed) = Volume::sealed(&params(cipher, 4096), &[0, 1]);
        let dump = volume.cryptsetup(&["luksDump", volume.path()]);
        assert!(
            dump.contains(&format!("cipher: {}", cipher.name())),
            "{dump}"
        );
        assert!(
            dump.contains(&format!("Cipher:     {}", cipher.name())),
            "{dump}"
        );
        assert!(
            dump.contains("Cipher key: 256 bits") && dump.contains("Key:        256 bits"),
            "{dump}"
        );
        for slot in [0, 1] {
            let key = volume.unlock(slot, &passphrase(slot)).unwrap();
            assert_eq!(key.expose(), sealed.volume_key.expose());
            assert!(!volume.unlocks(slot, 9));
        }
        assert_eq!(talos_header_check(&sealed.header), Vec::<String>::new());
        // cryptsetup would give a new slot the same cipher.
        let (old, new) = (volume.key_file(0), volume.key_file(2));
        let add = [
            "luksAddKey",
            "--debug",
            "--batch-mode",
            "--key-file",
            &old,
            volume.path(),
            &new,
        ];
        let output = run("cryptsetup-bin", "cryptsetup", &add);
        assert!(
            output.status.success() || said(&output).contains(cipher.name()),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn blkid_knows_the_volume() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 512), &[0]);
    let said = said(&run(
        "util-linux",
        "blkid",
        &["--probe", "--output", "export", volume.path()],
    ));
    for wanted in [
        "TYPE=crypto_LUKS",
        "VERSION=2",
        &format!("UUID={}", sealed.header.uuid),
    ] {
        assert!(said.contains(wanted), "no {wanted} in {said}");
    }
}

#[test]
fn cryptsetup_can_add_change_and_kill_keys_of_a_sealed_volume() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 4096), &[0, 7]);
    let key = |slot| volume.key_file(slot);
    let (key0, key3, key4, key7) = (key(0), key(3), key(4), key(7));
    let path = volume.path();
    let batch = ["--batch-mode", "--key-file"];
    let add = [
        &["luksAddKey", "--key-slot", "3"],
        &batch[..],
        &[&key0],
        &ARGON2,
        &[path, &key3],
    ]
    .concat();
    volume.cryptsetup(&add);
    assert!(volume.opens(3, 3) && volume.unlocks(3, 3));
    let change = [
        &["luksChangeKey", "--key-slot", "3"],
        &batch[..],
        &[&key3],
        &ARGON2,
        &[path, &key4],
    ];
    volume.cryptsetup(&change.concat());
    assert!(volume.unlocks(3, 4) && !volume.unlocks(3, 3));
    volume.cryptsetup(&[&["luksKillSlot"], &batch[..], &[&key7, path, "0"]].concat());
    assert!(!volume.unlocks(0, 0) && volume.unlocks(7, 7) && volume.unlocks(3, 4));
    let found = volume.found();
    assert_eq!(
        found
            .header()
            .unwrap()
            .passphrase_slots()
            .collect::<Vec<_>>(),
        [3, 7]
    );
    assert!(found.header().unwrap().seqid > sealed.header.seqid);
    let volume_key = volume.unlock(7, &passphrase(7)).unwrap();
    assert_eq!(volume_key.expose(), sealed.volume_key.expose());
}

#[test]
fn cryptsetup_exports_the_tokens_and_imports_its_own() {
    let kms = json!({"UserData": {"sealedData": "c2VhbGVk"}, "type": "sideroKMS", "keyslots": []});
    let params = SealParams {
        tokens: BTreeMap::from([(1, kms.clone())]),
        ..params(Cipher::AesXts, 4096)
    };
    let (volume, _) = Volume::sealed(&params, &[0, 1]);
    let export = |id| volume.cryptsetup(&["token", "export", "--token-id", id, volume.path()]);
    assert_eq!(serde_json::from_str::<Value>(&export("1")).unwrap(), kms);
    let file = volume.file("token.json", kms.to_string().as_bytes());
    volume.cryptsetup(&[
        "token",
        "import",
        "--token-id",
        "0",
        "--json-file",
        &file,
        volume.path(),
    ]);
    let found = volume.found();
    let tokens = &found.header().unwrap().metadata.tokens;
    assert_eq!(tokens.get(&0), tokens.get(&1));
}

#[test]
fn a_header_backup_of_cryptsetup_brings_a_volume_back() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 512), &[0]);
    let backup = volume.dir.path().join("backup");
    let backup = ["--header-backup-file", backup.to_str().unwrap()];
    volume.cryptsetup(&[&["luksHeaderBackup"], &backup[..], &[volume.path()]].concat());
    volume.put(0, &vec![0; 1 << 20]);
    assert!(volume.found().is_absent());
    let restore = [
        &["luksHeaderRestore", "--batch-mode"],
        &backup[..],
        &[volume.path()],
    ]
    .concat();
    volume.cryptsetup(&restore);
    assert_eq!(volume.found().header(), Some(&sealed.header));
    assert!(volume.unlocks(0, 0));
}

#[test]
fn a_volume_with_one_damaged_header_opens_and_cryptsetup_repairs_it() {
    for damaged in [0x0, 0x1C0, 0x1050, 0x4000, 0x41C0, 0x5050] {
        let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 512), &[0]);
        volume.flip(damaged);
        let found = volume.found();
        let (broken, whole) = if damaged < 0x4000 {
            (&found.primary, &found.secondary)
        } else {
            (&found.secondary, &found.primary)
        };
        assert!(!matches!(broken, CopyState::Valid(_)), "{damaged:#x}");
        assert!(matches!(whole, CopyState::Valid(_)), "{damaged:#x}");
        assert_eq!(found.header(), Some(&sealed.header));
        assert!(volume.unlocks(0, 0));
        volume.cryptsetup(&["repair", "--batch-mode", "--type", "luks2", volume.path()]);
        assert!(volume.opens(0, 0), "{damaged:#x}");
        assert_eq!(
            volume.found().primary.header().map(|h| &h.metadata),
            Some(&sealed.header.metadata)
        );
    }
}

#[test]
fn a_volume_with_both_headers_damaged_is_refused_but_not_absent() {
    let (volume, _) = Volume::sealed(&params(Cipher::AesXts, 512), &[0]);
    volume.flip(0x1100);
    volume.flip(0x5100);
    let found = volume.found();
    assert_eq!(found.header(), None);
    assert!(!found.is_absent() && !found.is_luks1());
    assert!(matches!(found.primary, CopyState::Damaged(_)));
    assert!(matches!(found.secondary, CopyState::Damaged(_)));
    assert!(!volume.opens(0, 0));
}
