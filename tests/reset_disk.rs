//! `reset` through the program, on images and loop devices: what it shows, what it refuses, what is left of the
//! disk for the programs that will read it, and that it can be laid out again.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "support/cli.rs"]
mod cli;

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use cli::{Bench, UUID, apply, contents, digest, root, tool};
use keelblock::partitioner::meta::{Meta, tag};

const MIB: u64 = 1 << 20;

/// The node of `cli::config` with a user volume on its system disk.
fn config() -> String {
    cli::config("    disk: /dev/sda")
        + "---
apiVersion: v1alpha1
kind: UserVolumeConfig
name: data
provisioning:
  diskSelector: {match: system_disk}
  minSize: 1100MiB
  maxSize: 1100MiB
filesystem: {type: xfs}
---
apiVersion: v1alpha1
kind: VolumeConfig
name: EPHEMERAL
provisioning:
  maxSize: 3GiB
"
}

/// A partition of an image.
#[derive(Clone, Debug)]
struct Place {
    name: String,
    start: u64,
    size: u64,
}

/// A node on an image, made by `apply` with a user volume.
fn node(layout: &str, sector: &str) -> (Bench, Vec<Place>) {
    node_of("6G", layout, sector)
}

/// The same on an image of `size`; what is kept and what is free is digested, so that less of it takes less time.
fn node_of(size: &str, layout: &str, sector: &str) -> (Bench, Vec<Place>) {
    let bench = Bench::new();
    bench.write("node.yaml", config());
    lay_out(&bench, layout, sector, &["--size", size]);
    let places = lay_out(&bench, layout, sector, &["--role", "u-data"]);
    (bench, places)
}

/// Runs `plan` and `apply` on the image.
fn lay_out(bench: &Bench, layout: &str, sector: &str, more: &[&str]) -> Vec<Place> {
    let fixed = [
        "-c",
        "node.yaml",
        "--image",
        "disk.img",
        "--sector-size",
        sector,
        "--layout",
        layout,
        "--uuid",
        UUID,
        "--kdf-memory",
        "32M",
        "--kdf-time",
        "1",
        "--no-ephemeral-filesystem",
    ];
    let plan = [
        &["--format", "json", "plan", "-o", "plan.json"][..],
        &fixed,
        more,
    ]
    .concat();
    let plan = bench.run(&plan).exits(0).json();
    let apply = [
        "apply",
        "plan.json",
        "-c",
        "node.yaml",
        "--state-dir",
        "state",
    ];
    bench.run(&apply).exits(0);
    places(&plan)
}

fn places(plan: &Value) -> Vec<Place> {
    let partitions = plan["disks"][0]["partitions"].as_array().unwrap();
    partitions
        .iter()
        .map(|p| Place {
            name: p["name"].as_str().unwrap().to_owned(),
            start: p["start"].as_u64().unwrap(),
            size: p["size"].as_u64().unwrap(),
        })
        .collect()
}

fn at<'a>(places: &'a [Place], name: &str) -> &'a Place {
    places.iter().find(|place| place.name == name).unwrap()
}

fn reset<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["reset", "--image", "disk.img"];
    [&fixed[..], more].concat()
}

fn confirmed<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let fixed = [
        "--confirm",
        "SAFE-RESET",
        "--state-dir",
        "state",
        "--uuid",
        UUID,
    ];
    [&reset(&fixed)[..], more].concat()
}

fn open(bench: &Bench) -> File {
    let image = bench.path("disk.img");
    File::options().read(true).write(true).open(image).unwrap()
}

fn read(bench: &Bench, at: u64, len: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(len).unwrap()];
    open(bench).read_exact_at(&mut bytes, at).unwrap();
    bytes
}

fn put(bench: &Bench, at: u64, bytes: &[u8]) {
    open(bench).write_all_at(bytes, at).unwrap();
}

/// Random bytes over `len` from `at`, always the same for the same place.
fn fill(bench: &Bench, at: u64, len: u64) {
    let file = open(bench);
    let mut state = at | 1;
    let mut block = vec![0; 1 << 20];
    for offset in (0..len).step_by(1 << 20) {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let count = usize::try_from((len - offset).min(1 << 20)).unwrap();
        file.write_all_at(&block[..count], at + offset).unwrap();
    }
}

fn sha256(bench: &Bench, place: &Place) -> String {
    let mut hash = Sha256::new();
    for offset in (0..place.size).step_by(1 << 20) {
        hash.update(read(
            bench,
            place.start + offset,
            (place.size - offset).min(MIB),
        ));
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn tags(bench: &Bench, places: &[Place]) -> Vec<(u8, Vec<u8>)> {
    let meta = at(places, "META");
    let meta = Meta::decode(&read(bench, meta.start, meta.size)).unwrap();
    meta.tags()
        .map(|tag| (tag, meta.get(tag).unwrap().expose().to_vec()))
        .collect()
}

/// A tag of the node's own in META, beside what opens STATE.
fn set_tag(bench: &Bench, places: &[Place]) {
    let place = at(places, "META");
    let bytes = read(bench, place.start, place.size);
    let mut meta = Meta::decode(&bytes).unwrap();
    meta.set(0x0a, String::from("a network platform").into())
        .unwrap();
    put(
        bench,
        place.start,
        meta.encode_over(&bytes).unwrap().expose(),
    );
}

/// cryptsetup's exit code for the node's key of a volume: 0 opens.
fn opens(bench: &Bench, place: &Place) -> i32 {
    let copy = bench.path("volume");
    let dd = format!(
        "dd if={} of={} bs=1M iflag=skip_bytes,count_bytes skip={} count={} conv=sparse status=none",
        bench.path("disk.img").display(),
        copy.display(),
        place.start,
        place.size.min(200 * MIB)
    );
    tool("coreutils", "bash", &["-c", &dd]);
    bench.write("key", format!("{UUID}{}", place.name));
    let status = Command::new("cryptsetup")
        .args(["--batch-mode", "open", "--test-passphrase", "--key-file"])
        .arg(bench.path("key"))
        .arg(&copy)
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .status()
        .unwrap_or_else(|error| {
            panic!("cryptsetup of Debian's package cryptsetup-bin is needed by this test: {error}")
        });
    status.code().unwrap()
}

#[test]
fn without_confirmation_nothing_is_written_and_everything_is_said() {
    let (bench, _) = node("grub", "512");
    let before = contents(bench.folder());
    let shown = bench.run(&reset(&[])).exits(0);
    for word in [
        "Nothing was written",
        "LOSE",
        "STATE",
        "EPHEMERAL",
        "keep",
        "u-data",
        "before",
        "after",
        "machine configuration",
        "32.0 MiB written",
        "reset --image disk.img --confirm SAFE-RESET",
    ] {
        assert!(shown.stdout.contains(word), "{word}: {shown:#?}");
    }
    let wide = shown.stdout.lines().find(|line| line.chars().count() > 80);
    let program = cli::program();
    let long = wide.is_some_and(|line| !line.contains(&*program.to_string_lossy()));
    assert!(!long, "{wide:?}");
    let plan = bench
        .run(&[&["--format", "json"][..], &reset(&[])].concat())
        .exits(0)
        .json();
    assert_eq!(plan["schema"], "keelblock/plan/v1");
    assert_eq!(plan["purpose"], "reset");
    let lost: Vec<&str> = plan["disks"][0]["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["action"] == "wipe")
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(lost, ["STATE", "EPHEMERAL"]);
    assert_eq!(plan["disks"][0]["erase"][0]["method"], "crypto-erase");
    assert_eq!(before, contents(bench.folder()));
}

#[test]
fn what_is_not_meant_is_refused() {
    let (bench, _) = node("uki", "512");
    bench.refuses(
        4,
        &reset(&["--confirm", "safe-reset"]),
        &["safe-reset", "SAFE-RESET"],
    );
    bench.refuses(4, &reset(&["--confirm", "yes"]), &["\"yes\""]);
    bench.refuses(2, &reset(&["--volumes", "META"]), &["META", "u-NAME"]);
    bench.refuses(2, &reset(&["--volumes", "u-"]), &["u-NAME"]);
    bench.refuses(3, &reset(&["--volumes", "u-other"]), &["u-other"]);
    bench.refuses(2, &reset(&["--reseal"]), &["--config"]);
    bench.machine("machine.json", |_| ());
    let recorded = ["--hardware", "machine.json", "reset"];
    bench.refuses(2, &recorded, &["recorded machine"]);
    bench.blank("blank.img", 1 << 30);
    bench.refuses(
        3,
        &["reset", "--image", "blank.img"],
        &["STATE", "EPHEMERAL"],
    );
    bench.refuses(5, &["reset", "--image", "none.img"], &["none.img"]);
    // A plan of a reset needs its word, too.
    bench.run(&reset(&["-o", "reset.json"])).exits(0);
    let plan = ["apply", "reset.json", "--state-dir", "state"];
    bench.refuses(4, &plan, &["not confirmed", "SAFE-RESET"]);
    let plan = [&plan[..], &["--confirm", "SAFE-RESET"]].concat();
    let done = bench.run(&plan).exits(0);
    assert!(
        done.stdout.contains("STATE") && done.stdout.contains("destroyed"),
        "{done:#?}"
    );
}

#[test]
fn every_other_byte_stays_and_the_receipt_proves_it() {
    // One layout with a GiB in every other partition, as far as it has one; the other with less.
    for (layout, sector, most) in [("grub", "512", 1 << 30), ("uki", "4096", 64 * MIB)] {
        let (bench, places) = node_of("9G", layout, sector);
        set_tag(&bench, &places);
        let kept: Vec<&Place> = places
            .iter()
            .filter(|place| !["META", "STATE", "EPHEMERAL"].contains(&place.name.as_str()))
            .collect();
        for place in &kept {
            fill(&bench, place.start, place.size.min(most));
        }
        put(&bench, 0, &[0xfa; 440]);
        let before: Vec<String> = kept.iter().map(|place| sha256(&bench, place)).collect();
        let meta = at(&places, "META").start;
        put(&bench, meta + 700_000, b"bytes of META that nobody uses");
        assert_eq!(opens(&bench, at(&places, "STATE")), 0);

        let json = [&["--format", "json"][..], &confirmed(&[])].concat();
        let receipt = bench.run(&json).exits(0).json();
        assert_eq!(receipt["outcome"], "applied");
        for (place, before) in kept.iter().zip(&before) {
            assert_eq!(sha256(&bench, place), *before, "{layout}: {}", place.name);
            let proof = receipt["kept"].as_array().unwrap();
            let proof = proof
                .iter()
                .find(|k| k["partition"] == place.name.as_str())
                .unwrap();
            assert_eq!(
                proof["digest"],
                format!("sha256:{before}"),
                "as sha256sum has it"
            );
        }
        assert_eq!(receipt["whole_up_to"], 4u64 << 30);
        assert!(receipt["unproven"][0].as_str().unwrap().contains("SSD"));
        assert_eq!(read(&bench, 0, 440), [0xfa; 440]);
        assert_eq!(
            tags(&bench, &places),
            [(0x0a, b"a network platform".to_vec())]
        );
        let unused = read(&bench, meta + 700_000, 30);
        assert_eq!(unused, b"bytes of META that nobody uses");

        for name in ["STATE", "EPHEMERAL"] {
            assert_ne!(opens(&bench, at(&places, name)), 0, "{name} opens");
            let head = read(&bench, at(&places, name).start, 16 * MIB);
            assert!(head.iter().all(|byte| *byte == 0), "{name}");
        }
        judge(&bench, sector);
        let again = bench.run(&confirmed(&[])).exits(0);
        assert!(
            again.stdout.contains("already reset, 0 writes"),
            "{again:#?}"
        );

        made_again(&bench, &places, &lay_out(&bench, layout, sector, &[]));
        for (place, before) in kept.iter().zip(&before) {
            assert_eq!(sha256(&bench, place), *before, "{layout}: {}", place.name);
        }
    }
}

/// Everything is in its old place, and META has its tag beside the one that opens STATE.
fn made_again(bench: &Bench, places: &[Place], made: &[Place]) {
    for (old, new) in places.iter().zip(made) {
        let (old, new) = (
            (&old.name, old.start, old.size),
            (&new.name, new.start, new.size),
        );
        assert_eq!(old, new);
    }
    assert_eq!(opens(bench, at(made, "STATE")), 0);
    let numbers: Vec<u8> = tags(bench, places).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [tag::STATE_ENCRYPTION, 0x0a]);
}

/// The partitioning tools and blkid find a sound table without the volumes.
fn judge(bench: &Bench, sector: &str) {
    let image = bench.path("disk.img").display().to_string();
    if sector == "512" {
        let table = tool("gdisk", "sgdisk", &["--verify", &image]);
        assert!(table.contains("No problems found"), "{table}");
        let table = tool("gdisk", "sgdisk", &["--print", &image]);
        assert!(
            !table.contains("STATE") && !table.contains("EPHEMERAL"),
            "{table}"
        );
        assert!(
            table.contains("u-data") && table.contains("META"),
            "{table}"
        );
        tool("fdisk", "sfdisk", &["--verify", &image]);
    }
    let table = tool(
        "fdisk",
        "fdisk",
        &["--sector-size", sector, "--list", &image],
    );
    assert!(table.contains("Disklabel type: gpt"), "{table}");
    if sector == "512" {
        let arguments = ["-p", "-s", "PTTYPE", "-o", "value", &image];
        assert_eq!(tool("util-linux", "blkid", &arguments), "gpt");
    }
}

#[test]
fn volumes_of_users_go_only_when_they_are_named() {
    let (bench, places) = node("uki", "512");
    let data = at(&places, "u-data").clone();
    put(&bench, data.start + 500 * MIB, b"a file of somebody");
    bench.run(&confirmed(&[])).exits(0);
    assert_eq!(
        read(&bench, data.start + 500 * MIB, 18),
        b"a file of somebody"
    );
    let done = bench.run(&confirmed(&["--volumes", "u-data"])).exits(0);
    assert!(
        done.stdout.contains("destroyed (xfs): reads as zeros"),
        "{done:#?}"
    );
    assert!(
        read(&bench, data.start + 500 * MIB, 18)
            .iter()
            .all(|byte| *byte == 0)
    );
    let image = bench.path("disk.img").display().to_string();
    let table = tool("gdisk", "sgdisk", &["--print", &image]);
    assert!(!table.contains("u-data"), "{table}");
}

#[test]
fn a_node_is_sealed_again_in_the_same_places() {
    let (bench, places) = node("grub", "512");
    set_tag(&bench, &places);
    let old = read(&bench, at(&places, "STATE").start, 16 * MIB);
    let kdf = [
        "--reseal",
        "-c",
        "node.yaml",
        "--kdf-memory",
        "32M",
        "--kdf-time",
        "1",
    ];
    bench.run(&confirmed(&kdf)).exits(0);
    for name in ["STATE", "EPHEMERAL"] {
        assert_eq!(opens(&bench, at(&places, name)), 0, "{name} does not open");
    }
    let new = read(&bench, at(&places, "STATE").start, 16 * MIB);
    let slot = 32768..32768 + 258_048;
    assert_ne!(old[slot.clone()], new[slot], "another volume key");
    let numbers: Vec<u8> = tags(&bench, &places).into_iter().map(|(n, _)| n).collect();
    assert_eq!(numbers, [tag::STATE_ENCRYPTION, 0x0a]);
    let report = bench
        .run(&["inspect", "disk.img", "-c", "node.yaml", "--uuid", UUID])
        .exits(0);
    assert!(!report.stdout.contains("problem:"), "{report:#?}");
    // A configuration that does not know a volume cannot seal it again.
    bench.write("other.yaml", cli::config("    disk: /dev/sda"));
    let other = ["--reseal", "-c", "other.yaml", "--volumes", "u-data"];
    bench.refuses(4, &reset(&other), &["u-data"]);
}

#[test]
fn a_node_that_does_not_boot_any_more_is_reset() {
    type Damage = fn(&Bench, &[Place]);
    let damages: [(&str, Damage, &str); 4] = [
        (
            "the primary table is gone",
            |bench, _| put(bench, 512, &[0; 512]),
            "primary table",
        ),
        (
            "the backup table is gone",
            |bench, _| {
                let size = open(bench).metadata().unwrap().len();
                put(bench, size - 512, &[0; 512]);
            },
            "backup table",
        ),
        (
            "STATE's first header copy is gone",
            |bench, places| {
                put(bench, at(places, "STATE").start, &[0; 16384]);
            },
            "one header copy damaged",
        ),
        (
            "nothing of STATE's header is left, and META is torn",
            |bench, places| {
                put(bench, at(places, "STATE").start, &[0x5a; 32768]);
                put(bench, at(places, "META").start + 20, &[0xff; 4]);
            },
            "all of it is zeroed",
        ),
    ];
    for (name, damage, word) in damages {
        let (bench, places) = node_of("6G", "grub", "512");
        set_tag(&bench, &places);
        damage(&bench, &places);
        let shown = bench.run(&reset(&[])).exits(0);
        let said = shown
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(said.contains(word), "{name}: {shown:#?}");
        bench.run(&confirmed(&[])).exits(0);
        judge(&bench, "512");
        assert_eq!(
            tags(&bench, &places),
            [(0x0a, b"a network platform".to_vec())],
            "{name}"
        );
        let again = bench.run(&confirmed(&[])).exits(0);
        assert!(again.stdout.contains("already reset"), "{name}: {again:#?}");
    }
}

#[test]
fn an_interrupted_reset_keeps_others_off_until_it_is_finished() {
    let (bench, places) = node("uki", "512");
    // What step 2 of a reset leaves: the volumes under a name that nobody looks for.
    let image = bench.path("disk.img").display().to_string();
    let number = |name: &str| places.iter().position(|p| p.name == name).unwrap() + 1;
    for name in ["STATE", "EPHEMERAL"] {
        let named = format!("--change-name={}:erasing {name}", number(name));
        let kind = format!(
            "--typecode={}:6B5A3E0C-9D17-4C42-8E61-52A7F0B4D933",
            number(name)
        );
        tool("gdisk", "sgdisk", &[&named, &kind, &image]);
    }
    let image_before = digest(&bench.path("disk.img"));
    let fixed = ["-c", "node.yaml", "--image", "disk.img"];
    bench.refuses(4, &apply(&fixed), &["reset", "interrupted", "SAFE-RESET"]);
    assert_eq!(digest(&bench.path("disk.img")), image_before);
    bench.run(&confirmed(&[])).exits(0);
    judge(&bench, "512");
    lay_out(&bench, "uki", "512", &[]);
}

#[test]
fn a_loop_device_is_reset_unless_something_uses_it() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, places) = node("grub", "512");
    let image = bench.path("disk.img").display().to_string();
    let device = tool("mount", "losetup", &["--find", "--show", &image]);
    let fixed = ["reset", "--disk", &device, "--state-dir", "state"];
    let confirmed = [&fixed[..], &["--confirm", "SAFE-RESET"]].concat();
    let boot = at(&places, "BOOT");
    let place = Bench::new();
    let folder = place.folder().display().to_string();
    let option = format!(
        "ro,loop,norecovery,offset={},sizelimit={}",
        boot.start, boot.size
    );
    tool("mount", "mount", &["-o", &option, &device, &folder]);
    bench.refuses(4, &confirmed, &[&device, "in use"]);
    tool("mount", "umount", &[&folder]);
    let shown = bench.run(&fixed).exits(0);
    assert!(
        shown.stdout.contains(&format!("reset --disk {device}")),
        "{shown:#?}"
    );
    let done = bench.run(&confirmed).exits(0);
    assert!(done.stdout.contains("destroyed"), "{done:#?}");
    tool("mount", "losetup", &["--detach", &device]);
    let read_only = tool(
        "mount",
        "losetup",
        &["--read-only", "--find", "--show", &image],
    );
    let confirmed = ["reset", "--disk", &read_only, "--confirm", "SAFE-RESET"];
    bench.refuses(4, &confirmed, &["write-protected"]);
    tool("mount", "losetup", &["--detach", &read_only]);
    judge(&bench, "512");
}
