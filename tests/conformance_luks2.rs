//! cryptsetup and blkid judge the volumes that keelblock seals, and keelblock reads and unlocks those that
//! cryptsetup makes. Everything happens in image files, without root and without device-mapper.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that works on image files and runs the judges"
)]

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use keelblock::config::spec::Cipher;
use keelblock::entropy::SeededEntropy;
use keelblock::guid::Seed;
use keelblock::partitioner::luks2::{
    Argon2Cost, CopyState, Found, Limits, Luks2Error, SealParams, Sealed, read, seal,
    talos_header_check, unlock,
};
use keelblock::secret::Secret;
use keelblock::target::BlockSource;
use keelblock::units::{BlockSize, Bytes, Extent, Geometry};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};
use tempfile::TempDir;

const SIZE: Bytes = Bytes::mib(20);

/// An image file that is one partition, removed with its directory.
#[derive(Debug)]
struct Volume {
    path: PathBuf,
    dir: TempDir,
}

impl Volume {
    fn blank() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("volume.img");
        File::create(&path).unwrap().set_len(SIZE.get()).unwrap();
        Self { path, dir }
    }

    fn sealed(params: &SealParams, slots: &[u32]) -> (Self, Sealed) {
        let volume = Self::blank();
        let keys: Vec<_> = slots
            .iter()
            .map(|slot| (*slot, passphrase(*slot)))
            .collect();
        let keys: Vec<_> = keys.iter().map(|(slot, key)| (*slot, key)).collect();
        let sealed = seal(params, &keys, &mut SeededEntropy::new(7)).unwrap();
        for (at, data) in sealed.groups().into_iter().flatten() {
            volume.put(at.get(), data);
        }
        (volume, sealed)
    }

    /// A volume that cryptsetup makes, with the passphrase of slot 0.
    fn formatted(options: &[&str]) -> Self {
        let volume = Self::blank();
        let key = volume.key_file(0);
        let args = [
            &["luksFormat", "--batch-mode", "--key-file", &key],
            options,
            &[volume.path()],
        ];
        volume.cryptsetup(&args.concat());
        volume
    }

    fn put(&self, at: u64, data: &[u8]) {
        let file = OpenOptions::new().write(true).open(&self.path).unwrap();
        file.write_all_at(data, at).unwrap();
    }

    fn flip(&self, at: u64) {
        let mut byte = [0];
        File::open(&self.path)
            .unwrap()
            .read_exact_at(&mut byte, at)
            .unwrap();
        self.put(at, &[byte[0] ^ 1]);
    }

    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn key_file(&self, slot: u32) -> String {
        self.file(&format!("key{slot}"), passphrase(slot).expose())
    }

    fn cryptsetup(&self, args: &[&str]) -> String {
        let output = run("cryptsetup-bin", "cryptsetup", args);
        let said = said(&output);
        assert!(
            output.status.success(),
            "cryptsetup {args:?} failed: {said}"
        );
        said
    }

    /// Whether cryptsetup opens `slot` with the passphrase of `key`.
    fn opens(&self, slot: u32, key: u32) -> bool {
        let (slot, key) = (slot.to_string(), self.key_file(key));
        let args = [
            "open",
            "--test-passphrase",
            "--key-slot",
            &slot,
            "--key-file",
            &key,
            self.path(),
        ];
        run("cryptsetup-bin", "cryptsetup", &args).status.success()
    }

    /// Whether cryptsetup takes the header.
    fn is_valid(&self) -> bool {
        let args = ["luksDump", self.path()];
        run("cryptsetup-bin", "cryptsetup", &args).status.success()
    }

    fn found(&self) -> Found {
        read(self, self.geometry().whole()).unwrap()
    }

    fn unlock(&self, slot: u32, key: &Secret) -> Result<Secret, Luks2Error> {
        let found = self.found();
        let header = found.header().ok_or(Luks2Error::NoSuchKeyslot(slot))?;
        unlock(
            self,
            self.geometry().whole(),
            header,
            slot,
            key,
            &Limits::default(),
        )
    }

    fn unlocks(&self, slot: u32, key: u32) -> bool {
        self.unlock(slot, &passphrase(key)).is_ok()
    }
}

impl BlockSource for Volume {
    fn geometry(&self) -> Geometry {
        Geometry {
            size: Bytes::new(fs::metadata(&self.path).unwrap().len()),
            logical: BlockSize::B4096,
            physical: 4096,
        }
    }

    fn read_exact_at(&self, at: Bytes, buf: &mut [u8]) -> io::Result<()> {
        let block = Bytes::new(4096);
        assert!(at.is_multiple_of(block) && Bytes::from(buf.len()).is_multiple_of(block));
        File::open(&self.path)?.read_exact_at(buf, at.get())
    }
}

fn run(package: &str, tool: &str, args: &[&str]) -> Output {
    Command::new(tool)
        .args(args)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|e| panic!("{tool} does not start ({e}): install {package}"))
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|s| String::from_utf8_lossy(s))
        .concat()
}

fn passphrase(slot: u32) -> Secret {
    Secret::from(format!("passphrase {slot}\nwith a second line"))
}

fn params(cipher: Cipher, sector_size: u32) -> SealParams {
    SealParams {
        uuid: "2a".parse::<Seed>().unwrap().guid("disk", "luks STATE"),
        cipher,
        sector_size,
        data_offset: Bytes::mib(16),
        partition_size: SIZE,
        kdf: Argon2Cost {
            time: 4,
            memory_kib: 256,
            lanes: 2,
        },
        digest_iterations: 1000,
        tokens: BTreeMap::new(),
    }
}

const ARGON2: [&str; 6] = [
    "--pbkdf-force-iterations",
    "4",
    "--pbkdf-memory",
    "64",
    "--pbkdf-parallel",
    "1",
];
const PBKDF2: [&str; 4] = ["--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"];

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

/// Puts other metadata into both copies, with the checksum made to fit.
fn rewrite(image: &mut [u8], text: &[u8], pad: u8, sha512: bool) {
    for at in [0, 0x4000] {
        let copy = &mut image[at..at + 0x4000];
        copy[4096..].fill(pad);
        copy[4096..4096 + text.len()].copy_from_slice(text);
        copy[0x1C0..0x200].fill(0);
        if sha512 {
            copy[72..78].copy_from_slice(b"sha512");
            let sum = Sha512::digest(&*copy);
            copy[0x1C0..0x200].copy_from_slice(&sum);
        } else {
            let sum = Sha256::digest(&*copy);
            copy[0x1C0..0x1E0].copy_from_slice(&sum);
        }
    }
}

/// How keelblock's verdict on a header differs from cryptsetup's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Not at all.
    Same,
    /// keelblock refuses the header, cryptsetup does not: the volume would be unusable or dangerous.
    HeaderRefused,
    /// Both take the header; cryptsetup opens the slot, although the header asks for something else than it does.
    NotOpened,
}

/// Places in the metadata, with what is put there; `null` takes the member out.
fn mutations() -> Vec<(&'static str, Value, Verdict)> {
    use Verdict::{HeaderRefused, NotOpened, Same};
    let absent = Value::Null;
    vec![
        ("/keyslots/0/area/offset", json!(32768), Same),
        ("/keyslots/0/area/size", json!(258048), Same),
        ("/keyslots/0/area/size", json!("256000"), HeaderRefused),
        ("/keyslots/0/area/size", json!("253952"), HeaderRefused),
        ("/keyslots/0/area/offset", json!("16384"), Same),
        ("/keyslots/0/area/offset", json!("33280"), HeaderRefused),
        ("/keyslots/0/area/offset", json!("36864"), Same),
        ("/keyslots/0/area/offset", json!("16776704"), Same),
        ("/keyslots/0/area/offset", json!("-1"), Same),
        ("/keyslots/0/area/encryption", absent.clone(), Same),
        ("/keyslots/0/area/key_size", json!("64"), Same),
        ("/keyslots/0/key_size", absent.clone(), Same),
        ("/keyslots/0/key_size", json!(32), Same),
        ("/keyslots/0/af/stripes", json!(100), NotOpened),
        ("/keyslots/0/af/stripes", json!("4000"), Same),
        ("/keyslots/0/af/hash", absent.clone(), Same),
        ("/keyslots/0/kdf/type", json!("scrypt"), Same),
        ("/keyslots/0/kdf/memory", json!("256"), Same),
        ("/keyslots/0/kdf/memory", json!(512), Same),
        ("/keyslots/0/kdf/cpus", json!(3), Same),
        ("/keyslots/0/kdf/salt", absent.clone(), Same),
        ("/keyslots/0/type", json!("luks3"), Same),
        ("/keyslots/0/priority", json!(2), Same),
        ("/keyslots/0/unknown", json!("x"), Same),
        ("/keyslots/40", json!({"type": "x"}), Same),
        ("/segments/0/offset", json!(16777216), Same),
        ("/segments/0/offset", json!("16777728"), HeaderRefused),
        ("/segments/0/offset", json!("0"), Same),
        ("/segments/0/sector_size", json!("4096"), Same),
        ("/segments/0/sector_size", json!(520), Same),
        ("/segments/0/sector_size", json!(8192), HeaderRefused),
        ("/segments/0/iv_tweak", json!(0), Same),
        ("/segments/0/iv_tweak", absent.clone(), Same),
        ("/segments/0/size", json!("4194304"), Same),
        ("/segments/0/size", json!("1000"), Same),
        ("/segments/0/size", json!("all"), Same),
        ("/segments/0/encryption", absent.clone(), Same),
        ("/segments/0", absent.clone(), Same),
        ("/segments", absent.clone(), Same),
        ("/digests/0/keyslots", json!([]), Same),
        ("/digests/0/keyslots", json!([0]), Same),
        ("/digests/0/keyslots", json!(["0", "9"]), Same),
        ("/digests/0/segments", json!(["1"]), Same),
        ("/digests/0/iterations", json!(100), Same),
        ("/digests/0/digest", absent.clone(), HeaderRefused),
        ("/digests/0/digest", json!("AAAA"), NotOpened),
        ("/digests/0", absent.clone(), Same),
        ("/tokens", absent.clone(), Same),
        ("/tokens/0", json!({"type": "x", "keyslots": [0]}), Same),
        ("/tokens/0", json!({"type": "x"}), Same),
        ("/tokens/0", json!({"keyslots": []}), Same),
        ("/tokens/0", json!({"type": "x", "keyslots": ["7"]}), Same),
        (
            "/tokens/0",
            json!({"type": "x", "keyslots": ["0"], "a": {"b": [1, {"c": null}]}}),
            Same,
        ),
        (
            "/tokens/32",
            json!({"type": "x", "keyslots": []}),
            HeaderRefused,
        ),
        ("/config", absent.clone(), Same),
        ("/config/json_size", json!("16384"), Same),
        ("/config/json_size", json!(12288), Same),
        ("/config/keyslots_size", json!("16744000"), Same),
        ("/config/keyslots_size", json!("16748544"), Same),
        ("/config/keyslots_size", json!("258048"), Same),
        ("/config/keyslots_size", json!("4096"), Same),
        ("/config/flags", json!(["allow-discards"]), Same),
        ("/config/flags", json!("allow-discards"), Same),
        (
            "/config/requirements",
            json!({"mandatory": ["time-travel"]}),
            NotOpened,
        ),
        ("/config/requirements", json!({"mandatory": "x"}), Same),
        ("/unknown", json!({}), Same),
    ]
}

fn set(root: &mut Value, pointer: &str, value: Value) {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = root.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => assert!(parent.remove(member).is_some(), "{pointer}"),
        value => drop(parent.insert(member.to_owned(), value)),
    }
}

#[test]
fn keelblock_and_cryptsetup_agree_on_which_metadata_is_valid() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 4096), &[0]);
    let image = fs::read(&volume.path).unwrap();
    let metadata = serde_json::to_value(&sealed.header.metadata).unwrap();
    let (mut opened, mut refused) = (0, 0);
    for (pointer, value, verdict) in mutations() {
        let mut changed = metadata.clone();
        set(&mut changed, pointer, value.clone());
        let mut bytes = image.clone();
        rewrite(&mut bytes, changed.to_string().as_bytes(), 0, false);
        volume.put(0, &bytes);
        let valid = volume.found().header().is_some();
        let what = format!("{pointer} = {value}: {:?}", volume.found());
        assert_eq!(
            volume.is_valid() && verdict != Verdict::HeaderRefused,
            valid,
            "{what}"
        );
        assert_eq!(
            volume.is_valid(),
            valid || verdict == Verdict::HeaderRefused,
            "{what}"
        );
        let opens = volume.unlocks(0, 0);
        match verdict {
            Verdict::Same => assert_eq!(volume.opens(0, 0), opens, "{what}"),
            Verdict::HeaderRefused => assert!(!opens, "{what}"),
            Verdict::NotOpened => assert!(volume.opens(0, 0) && !opens, "{what}"),
        }
        *(if opens { &mut opened } else { &mut refused }) += 1;
    }
    assert!(
        opened >= 8 && refused >= 40,
        "{opened} opened, {refused} refused"
    );
}

#[test]
fn keelblock_and_cryptsetup_agree_on_which_headers_are_valid() {
    let (volume, sealed) = Volume::sealed(&params(Cipher::AesXts, 4096), &[0]);
    let image = fs::read(&volume.path).unwrap();
    let json = serde_json::to_string(&sealed.header.metadata).unwrap();
    let pretty = serde_json::to_string_pretty(&sealed.header.metadata).unwrap();
    type Change<'a> = Box<dyn Fn(&mut [u8]) + 'a>;
    let text = |text: Vec<u8>, pad, sha512| -> Change<'_> {
        Box::new(move |b: &mut [u8]| rewrite(b, &text, pad, sha512))
    };
    let field = |at: usize, value: Vec<u8>| -> Change<'_> {
        let json = json.as_bytes();
        Box::new(move |b: &mut [u8]| {
            for copy in [0, 0x4000] {
                b[copy + at..copy + at + value.len()].copy_from_slice(&value);
            }
            rewrite(b, json, 0, false);
        })
    };
    let cases: Vec<(&str, Change<'_>, bool)> = vec![
        ("unchanged", Box::new(|_: &mut [u8]| {}), true),
        ("the same again", text(json.clone().into(), 0, false), true),
        ("pretty", text(pretty.into(), 0, false), true),
        ("sha512", text(json.clone().into(), 0, true), true),
        (
            "padded with blanks",
            text(json.clone().into(), b' ', false),
            false,
        ),
        (
            "padded with ones",
            text(json.clone().into(), 0xFF, false),
            false,
        ),
        (
            "junk behind the text",
            text(format!("{json}\0junk").into(), 0, false),
            false,
        ),
        ("no JSON", text(b"{".to_vec(), 0, false), false),
        ("no text", text(Vec::new(), 0, false), false),
        (
            "size of its text",
            field(8, 5026u64.to_be_bytes().into()),
            false,
        ),
        ("size 12288", field(8, 12288u64.to_be_bytes().into()), false),
        ("size 32768", field(8, 32768u64.to_be_bytes().into()), false),
        ("version 3", field(6, vec![0, 3]), false),
        ("no UUID", field(168, vec![0; 40]), true),
        ("both copies at 0", field(256, vec![0; 8]), true),
        (
            "primary zeroed",
            Box::new(|b: &mut [u8]| b[..0x4000].fill(0)),
            true,
        ),
        (
            "secondary zeroed",
            Box::new(|b: &mut [u8]| b[0x4000..0x8000].fill(0)),
            true,
        ),
        (
            "both zeroed",
            Box::new(|b: &mut [u8]| b[..0x8000].fill(0)),
            false,
        ),
        (
            "primary magic of the secondary",
            Box::new(|b: &mut [u8]| b.copy_within(0x4000..0x4006, 0)),
            true,
        ),
    ];
    for (name, change, opens) in cases {
        let mut bytes = image.clone();
        change(&mut bytes);
        volume.put(0, &bytes);
        let ours = volume.unlocks(0, 0);
        assert_eq!((ours, volume.opens(0, 0)), (opens, opens), "{name}");
    }
}
