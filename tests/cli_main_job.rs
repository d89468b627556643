//! The main job, end to end: the program lays out images, and everything that will ever read them judges them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that works on image files and runs the judges"
)]

#[path = "support/judges.rs"]
mod judges;

use std::fs;

use self::judges::{
    Image, Sealed, UUID, decrypt_with_openssl, judge_fat, judge_xfs,
};

/// Where keys come from.
#[derive(Clone, Copy, Debug)]
enum From {
    /// The machine's UUID, as the examples have it.
    Node,
    /// Passphrases in the slots 0, 1 and 7.
    Static,
}

/// One system disk.
#[derive(Clone, Copy, Debug)]
struct Case {
    config: &'static str,
    layout: &'static str,
    sector: u32,
    size: &'static str,
    keys: From,
    passes: &'static str,
}

const fn case(
    config: &'static str,
    layout: &'static str,
    sector: u32,
    size: &'static str,
    keys: From,
    passes: &'static str,
) -> Case {
    Case {
        config,
        layout,
        sector,
        size,
        keys,
        passes,
    }
}

const GRUB_512: Case = case("talos-1.10/mini01", "grub", 512, "4G", From::Node, "1");
const UKI_4096: Case = case("talos-1.10/mini02", "uki", 4096, "4G", From::Static, "2");
const UKI_512: Case = case("talos-1.14/mini03", "uki", 512, "5G", From::Static, "4");
const GRUB_4096: Case = case("talos-1.14/mini01", "grub", 4096, "5G", From::Node, "1");

/// An example, with its keys replaced where the case asks for it.
fn config(case: &Case, image: &Image) -> String {
    let path = format!(
        "{}/examples/nodes/{}.yaml",
        env!("CARGO_MANIFEST_DIR"),
        case.config
    );
    let text = fs::read_to_string(path).unwrap();
    let text = match case.keys {
        From::Node => text,
        From::Static => with_static_keys(&text),
    };
    image.file("config.yaml", text.as_bytes())
}

/// Three slots with passphrases in the place of each nodeID key. A passphrase is not the same for two volumes,
/// so the first of the two replacements is STATE's.
fn with_static_keys(text: &str) -> String {
    let old = text.find("- nodeID: {}").map_or(
        "    - slot: 0\n      nodeID: {}\n",
        |_| "        - nodeID: {}\n          slot: 0\n",
    );
    let indent = " ".repeat(old.len() - old.trim_start().len());
    let mut text = text.to_owned();
    for volume in ["STATE", "EPHEMERAL"] {
        let keys: String = [0, 1, 7]
            .map(|slot| {
                let passphrase = static_key(volume, slot);
                format!("{indent}- slot: {slot}\n{indent}  static:\n{indent}    passphrase: {passphrase:?}\n")
            })
            .concat();
        assert!(text.contains(old), "the example has changed");
        text = text.replacen(old, &keys, 1);
    }
    text
}

fn static_key(volume: &str, slot: u32) -> String {
    format!("pass <{slot}> & words für {volume}")
}

fn keys(case: &Case, volume: &str) -> Vec<(u32, String)> {
    match case.keys {
        From::Node => vec![(0, format!("{UUID}{volume}"))],
        From::Static => [0, 1, 7]
            .map(|slot| (slot, static_key(volume, slot)))
            .to_vec(),
    }
}

/// `keelblock COMMAND` on the image of `case`, with its configuration and cheap keys.
fn run(command: &str, case: &Case, image: &Image, config: &str, more: &[&str]) -> serde_json::Value {
    let state = image.beside("state");
    let sector = case.sector.to_string();
    let arguments = [
        command,
        "-c",
        config,
        "--image",
        &image.path,
        "--sector-size",
        &sector,
        "--uuid",
        UUID,
        "--layout",
        case.layout,
        "--kdf-memory",
        "32M",
        "--kdf-time",
        case.passes,
    ];
    let state: &[&str] = if command == "apply" {
        &["--state-dir", &state]
    } else {
        &[]
    };
    judges::json(&[&arguments[..], state, more].concat())
}

fn lay_out(case: &Case) -> (Image, String) {
    let image = Image::absent(case.sector);
    let config = config(case, &image);
    let receipt = run("apply", case, &image, &config, &["--size", case.size]);
    assert_eq!(receipt["outcome"], "applied");
    assert!(receipt["writes"].as_u64().unwrap() > 0);
    (image, config)
}

const MIB: u64 = 1 << 20;

/// What Talos' prober has to see: GPT name, signature, MiB (0 for the rest of the disk).
fn expected(case: &Case) -> Vec<(&'static str, &'static str, u64)> {
    let new = case.config.contains("1.14");
    let data = [
        ("META", "talosmeta", 1),
        ("STATE", "luks", 100),
        ("EPHEMERAL", "luks", 0),
    ];
    let boot = match case.layout {
        "uki" => vec![("EFI", "vfat", if new { 2101 } else { 1101 })],
        _ => vec![
            ("EFI", "vfat", 100),
            ("BIOS", "", 1),
            ("BOOT", "xfs", if new { 2000 } else { 1000 }),
        ],
    };
    [boot, data.to_vec()].concat()
}

fn judge_as_talos(case: &Case, image: &Image) {
    let (parts, located) = image.talos();
    let expected = expected(case);
    assert_eq!(parts.len(), expected.len(), "{parts:?}");
    for (part, (label, name, mib)) in parts.iter().zip(&expected) {
        assert_eq!((&*part.label, &*part.name), (*label, *name), "{parts:?}");
        assert_eq!(part.offset % MIB, 0, "{part:?}");
        if *mib == 0 {
            let end = fs::metadata(&image.path).unwrap().len();
            assert!(part.offset + part.size >= end - 2 * MIB, "{part:?}");
        } else {
            assert_eq!(part.size, mib * MIB, "{part:?}");
        }
    }
    for volume in ["META", "STATE", "EPHEMERAL"] {
        let at = located[volume].as_u64().and_then(|at| usize::try_from(at).ok());
        assert_eq!(at.map(|at| &*parts[at].label), Some(volume), "{located}");
    }
    assert_eq!(located["STATE at boot"], located["STATE"]);
    assert_eq!(located["u-longhorn-ssd"], -1);
}

fn judge_boot(image: &Image, layout: &str) {
    let efi = image.part("EFI");
    judge_fat(&image.copy_of(efi.offset, efi.size, "efi"), "EFI");
    if layout == "grub" {
        let boot = image.part("BOOT");
        judge_xfs(&image.copy_of(boot.offset, boot.size, "boot"), "BOOT");
    }
}

/// cryptsetup's own decryption of STATE, and OpenSSL's of every volume; the decrypted files.
fn judge_sealed(case: &Case, image: &Image) -> Vec<String> {
    let mut payloads = Vec::new();
    for volume in ["STATE", "EPHEMERAL"] {
        let part = image.part(volume);
        let keys = keys(case, volume);
        let head = Sealed {
            path: image.copy_of(part.offset, 17 * MIB, "head"),
            image,
        };
        head.judge(&keys);
        let (slot, passphrase) = keys.last().unwrap();
        let key = head.volume_key(*slot, passphrase);
        let dump = head.dump();
        let sector = if dump.contains("sector: 4096 [bytes]") { 4096 } else { 512 };
        assert!(dump.contains(&format!("sector: {sector} [bytes]")), "{dump}");
        let (start, size) = (part.offset + 16 * MIB, part.size - 16 * MIB);
        let payload = decrypt_with_openssl(image, &key, start, size, sector);
        judge_xfs(&payload, volume);
        let kept = image.beside(volume);
        fs::rename(payload, &kept).unwrap();
        payloads.push(kept);
        head.work_on(&keys);
    }
    let part = image.part("STATE");
    let state = Sealed {
        path: image.copy_of(part.offset, part.size, "whole"),
        image,
    };
    state.decrypt_with_cryptsetup(&keys(case, "STATE")[0].1);
    judge_xfs(&state.path, "STATE");
    payloads
}

/// Everything at once: other programs, Talos, keelblock itself, and a second run.
fn judge(case: &Case) {
    let (image, config) = lay_out(case);
    image.judge_table();
    judge_as_talos(case, &image);
    judge_boot(&image, case.layout);
    judge_sealed(case, &image);
    let before = image.whole_digest();
    let report = judges::json(&["inspect", &image.path, "-c", &config, "--uuid", UUID]);
    for part in report["partitions"].as_array().unwrap() {
        assert_eq!(part["talos"], "adopt", "{part}");
    }
    let again = run("apply", case, &image, &config, &[]);
    assert_eq!(again["outcome"], "converged");
    assert_eq!(again["writes"], 0);
    assert_eq!(image.whole_digest(), before);
}

#[test]
fn a_grub_disk_with_512_byte_sectors_satisfies_every_judge() {
    judge(&GRUB_512);
}

#[test]
fn a_uki_disk_with_4096_byte_sectors_satisfies_every_judge() {
    judge(&UKI_4096);
}

#[test]
fn a_uki_disk_with_512_byte_sectors_satisfies_every_judge() {
    judge(&UKI_512);
}

#[test]
fn a_grub_disk_with_4096_byte_sectors_satisfies_every_judge() {
    judge(&GRUB_4096);
}
