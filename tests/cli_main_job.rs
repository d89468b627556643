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
    Image, Loop, Sealed, UUID, decrypt_with_openssl, judge_fat, judge_xfs, tool, write_a_file,
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
fn run(
    command: &str,
    case: &Case,
    image: &Image,
    config: &str,
    more: &[&str],
) -> serde_json::Value {
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
        let at = located[volume]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok());
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
        let sector = if dump.contains("sector: 4096 [bytes]") {
            4096
        } else {
            512
        };
        assert!(
            dump.contains(&format!("sector: {sector} [bytes]")),
            "{dump}"
        );
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

/// A disk as the stock installer leaves it: GPT by sgdisk, FAT by mkfs.vfat, META by go-adv.
fn installed(case: &Case, with_state: bool) -> Image {
    let image = Image::blank(512, 4096 * MIB);
    let efi = image.beside("efi.fat");
    fs::File::create(&efi).unwrap().set_len(1101 * MIB).unwrap();
    tool("dosfstools", &["mkfs.vfat", "-F", "32", "-n", "EFI", &efi]);
    let mut table = vec![
        "sgdisk",
        "-n",
        "1:2048:+1101M",
        "-t",
        "1:ef00",
        "-c",
        "1:EFI",
    ];
    table.extend(["-n", "2:0:+1M", "-t", "2:8300", "-c", "2:META"]);
    if with_state {
        table.extend(["-n", "3:0:+100M", "-t", "3:8300", "-c", "3:STATE"]);
    }
    table.push(&image.path);
    tool("gdisk", &table);
    let efi_head = fs::read(&efi).unwrap();
    image.put(MIB, &efi_head[..32 << 20]);
    image.put(900 * MIB, &[0xcd; 8192]);
    let meta = image.beside("meta");
    judges::talos(&["meta", "write", &meta, "0x0a", "a network platform"]);
    image.put_file(1102 * MIB, &meta);
    assert_eq!((case.sector, case.layout), (512, "uki"));
    image
}

fn tags(image: &Image) -> serde_json::Value {
    let meta = image.part("META");
    let copy = image.copy_of(meta.offset, meta.size, "meta");
    serde_json::from_str(&judges::talos(&["meta", "read", &copy])).unwrap()
}

/// What the stock tools say about one entry of the table.
fn entry(image: &Image, number: u32) -> String {
    tool(
        "gdisk",
        &["sgdisk", &format!("--info={number}"), &image.path],
    )
}

fn complete(with_state: bool, keys_from: From) {
    let case = case("talos-1.10/mini03", "uki", 512, "4G", keys_from, "1");
    let image = installed(&case, with_state);
    let config = config(&case, &image);
    let (efi, entries) = (image.digest("EFI"), [1, 2].map(|n| entry(&image, n)));
    let guid = |image: &Image| {
        let printed = tool("gdisk", &["sgdisk", "-p", &image.path]);
        let line = printed
            .lines()
            .find(|line| line.contains("Disk identifier"));
        line.unwrap().to_owned()
    };
    let disk = guid(&image);
    let receipt = run("apply", &case, &image, &config, &[]);
    assert_eq!(receipt["outcome"], "applied");
    let kept: Vec<_> = receipt["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["partition"].clone())
        .collect();
    assert!(kept.contains(&"EFI".into()), "{receipt}");
    assert_eq!(image.digest("EFI"), efi);
    assert_eq!([1, 2].map(|n| entry(&image, n)), entries);
    assert_eq!(guid(&image), disk);
    let tags = tags(&image);
    assert_eq!(tags["0x0a"], "a network platform", "{tags}");
    let state: serde_json::Value = serde_json::from_str(tags["0x09"].as_str().unwrap()).unwrap();
    assert_eq!(state["EncryptionProvider"], "luks2", "{tags}");
    assert_eq!(tags.as_object().unwrap().len(), 2, "{tags}");
    image.judge_table();
    judge_as_talos(&case, &image);
    judge_sealed(&case, &image);
    let before = image.whole_digest();
    assert_eq!(run("apply", &case, &image, &config, &[])["writes"], 0);
    assert_eq!(image.whole_digest(), before);
}

#[test]
fn a_stock_install_is_completed_and_nothing_else_changes() {
    complete(false, From::Node);
}

#[test]
fn an_empty_state_entry_is_sealed_in_its_place() {
    complete(true, From::Static);
}

#[test]
fn a_user_volume_gets_its_own_disk() {
    let case = case("talos-1.10/mini01", "uki", 512, "3G", From::Node, "1");
    let image = Image::absent(512);
    let config = config(&case, &image);
    let role = ["--role", "u-longhorn-ssd"];
    run(
        "apply",
        &case,
        &image,
        &config,
        &[&role[..], &["--size", "3G"]].concat(),
    );
    image.judge_table();
    let (parts, located) = image.talos();
    assert_eq!(parts.len(), 1, "{parts:?}");
    assert_eq!(located["u-longhorn-ssd"], 0);
    assert_eq!(located["META"], -1);
    let part = image.part("u-longhorn-ssd");
    judge_xfs(&image.copy_of(part.offset, part.size, "volume"), "");
    assert_eq!(run("apply", &case, &image, &config, &role)["writes"], 0);
}

#[test]
fn ephemeral_with_a_selector_of_its_own_goes_to_the_data_disk_alone() {
    let case = case("talos-1.14/mini02", "uki", 512, "3G", From::Static, "1");
    let image = Image::absent(512);
    let path = config(&case, &image);
    let text = fs::read_to_string(&path).unwrap();
    let old = "name: EPHEMERAL\n";
    let new = "name: EPHEMERAL\nprovisioning:\n  diskSelector:\n    match: disk.model == \"Portable SSD T5\"\n";
    assert!(text.contains(old));
    let path = image.file("config.yaml", text.replacen(old, new, 1).as_bytes());
    run(
        "apply",
        &case,
        &image,
        &path,
        &["--role", "EPHEMERAL", "--size", "3G"],
    );
    let (parts, located) = image.talos();
    assert_eq!(
        (parts.len(), &located["EPHEMERAL"]),
        (1, &0.into()),
        "{parts:?}"
    );
    let system = Image::absent(512);
    let plan = run("plan", &case, &system, &path, &["--size", "5G"]);
    let names: Vec<_> = plan["disks"][0]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].clone())
        .collect();
    assert_eq!(names, ["EFI", "META", "STATE"]);
}

#[test]
fn the_disks_of_an_old_configuration_get_partitions_without_names_once() {
    let case = case("talos-1.10/mini02", "uki", 512, "3G", From::Node, "1");
    let image = Image::absent(512);
    let path = config(&case, &image);
    let text = fs::read_to_string(&path).unwrap();
    let disks = "machine:\n  disks:\n    - device: /dev/sdb\n      partitions:\n        - mountpoint: /var/mnt/a\n          size: 1GiB\n        - mountpoint: /var/mnt/b\n";
    let path = image.file(
        "config.yaml",
        text.replacen("machine:\n", disks, 1).as_bytes(),
    );
    let role = ["--role", "/dev/sdb"];
    run(
        "apply",
        &case,
        &image,
        &path,
        &[&role[..], &["--size", "3G"]].concat(),
    );
    image.judge_table();
    let (parts, _) = image.talos();
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert!(parts.iter().all(|part| part.label.is_empty()), "{parts:?}");
    assert_eq!(parts[0].size, 1 << 30);
    for (number, part) in parts.iter().enumerate() {
        judge_xfs(
            &image.copy_of(part.offset, part.size, &format!("{number}")),
            "",
        );
    }
    // They are found by their numbers: a second run has nothing to do.
    let before = image.whole_digest();
    let again = run("apply", &case, &image, &path, &role);
    assert_eq!(
        (&again["outcome"], &again["writes"]),
        (&"converged".into(), &0.into())
    );
    assert_eq!(image.whole_digest(), before);
}

#[test]
fn a_seed_repeats_a_plan_and_its_table_to_the_byte() {
    let case = case("talos-1.10/mini01", "uki", 512, "3G", From::Node, "1");
    let make = |seed: &str| {
        let image = Image::absent(512);
        let config = config(&case, &image);
        let more = ["--role", "u-longhorn-ssd", "--size", "3G", "--seed", seed];
        let receipt = run("apply", &case, &image, &config, &more);
        let whole = 3 << 30;
        let ends = [
            image.get(0, 34 * 512),
            image.get(whole - 33 * 512, 33 * 512),
        ];
        (receipt["plan"].clone(), ends)
    };
    let (one, two, other) = (make("5eed"), make("5eed"), make("5eee"));
    assert_eq!(one.1, two.1);
    assert_ne!(one.1, other.1);
    let image = Image::absent(512);
    let config = config(&case, &image);
    let plan = |seed| {
        run(
            "plan",
            &case,
            &image,
            &config,
            &["--size", "4G", "--seed", seed],
        )["id"]
            .clone()
    };
    assert_eq!(plan("5eed"), plan("5eed"));
    assert_ne!(plan("5eed"), plan("5eee"));
}

#[test]
fn a_stored_plan_is_applied_and_an_edited_one_is_refused() {
    let case = case("talos-1.10/mini01", "uki", 512, "3G", From::Node, "1");
    let image = Image::blank(512, 3 << 30);
    let config = config(&case, &image);
    let (file, edited) = (image.beside("p.json"), image.beside("edited.json"));
    let plan = run(
        "plan",
        &case,
        &image,
        &config,
        &["--role", "u-longhorn-ssd", "-o", &file],
    );
    let text = fs::read_to_string(&file).unwrap();
    let start = plan["disks"][0]["partitions"][0]["start"].to_string();
    let changed = text.replacen(
        &format!("\"start\": {start}"),
        &format!("\"start\": {start}0"),
        1,
    );
    assert_ne!(text, changed);
    fs::write(&edited, changed).unwrap();
    let state = image.beside("state");
    let before = image.whole_digest();
    let apply =
        |plan: &str| judges::keelblock(&["apply", plan, "-c", &config, "--state-dir", &state]);
    let refused = apply(&edited);
    assert_eq!(refused.status.code(), Some(4), "{}", judges::said(&refused));
    assert_eq!(image.whole_digest(), before);
    let done = apply(&file);
    assert_eq!(done.status.code(), Some(0), "{}", judges::said(&done));
    assert_eq!(image.part("u-longhorn-ssd").offset.to_string(), start);
}

#[test]
fn every_text_fits_80_columns() {
    let case = case("talos-1.10/mini01", "grub", 512, "4G", From::Static, "1");
    let image = Image::absent(512);
    config(&case, &image);
    let cheap = ["--kdf-memory", "32M", "--kdf-time", "1", "--uuid", UUID];
    let target = ["-c", "config.yaml", "--image", "d.img"];
    let sized = ["--size", "4G", "--layout", "grub"];
    let commands = [
        [&["plan"][..], &target, &sized, &cheap].concat(),
        [&["apply", "--state-dir", "s"][..], &target, &sized, &cheap].concat(),
        [&["apply", "--state-dir", "s"][..], &target, &cheap].concat(),
        vec!["inspect", "d.img", "-c", "config.yaml", "--uuid", UUID],
        vec!["inspect", "d.img"],
        vec!["select", "-c", "config.yaml"],
        vec!["probe"],
    ];
    for arguments in commands {
        let output = judges::keelblock_in(image.dir.path(), &arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{arguments:?}: {line}");
        }
        assert!(
            arguments[0] == "select" || !text.is_empty(),
            "{arguments:?}"
        );
    }
}

/// Loop devices and mounts need root.
#[test]
#[ignore = "needs root for loop devices and mounts"]
fn on_a_device_sgdisk_agrees_and_the_kernel_mounts_what_is_sealed() {
    for case in [UKI_4096, GRUB_512] {
        let (image, _) = lay_out(&case);
        let device = Loop::new(&image.path, case.sector);
        let verified = tool("gdisk", &["sgdisk", "--verify", &device.0]);
        assert!(verified.contains("No problems found"), "{verified}");
        let verified = tool("fdisk", &["sfdisk", "--verify", &device.0]);
        assert!(verified.contains("No errors detected"), "{verified}");
        let shown = tool("util-linux", &["blkid", "-p", &device.0]);
        assert!(shown.contains("PTTYPE=\"gpt\""), "{shown}");
        drop(device);
        for payload in judge_sealed(&case, &image) {
            write_a_file(&payload);
        }
    }
}
