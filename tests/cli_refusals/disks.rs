//! Machines whose disks must not be chosen. The recorded Mac mini with one thing changed.

use serde_json::{Value, json};

use crate::cli::{Bench, config, tool};

const APPLE: &str = "    diskSelector:\n      model: APPLE*";

/// A bench with the machine changed and a selector.
fn bench(install: &str, change: impl FnOnce(&mut Vec<Value>)) -> Bench {
    let bench = Bench::new();
    bench.write("node.yaml", config(install));
    bench.machine("machine.json", |machine| {
        let Some(disks) = machine["disks"].as_array_mut() else {
            panic!("the machine has disks");
        };
        change(disks);
    });
    bench
}

/// `plan` refuses; `select` shows the same with the same exit code.
#[track_caller]
fn refuses(bench: &Bench, exit: i32, words: &[&str]) {
    let machine = ["-c", "node.yaml", "--hardware", "machine.json"];
    let with = |command: &'static str| [&[command][..], &machine].concat();
    bench.refuses(exit, &with("plan"), words);
    let shown = bench.run(&with("select")).exits(exit);
    // A command to be pasted is never wrapped; nothing else begins so far to the right.
    let command = |line: &&str| line.starts_with("      ");
    let wide = |line: &&str| line.chars().count() > 80 && !command(line);
    let wide = shown.stdout.lines().find(wide);
    assert_eq!(wide, None, "{shown:#?}");
    let mut json = with("select");
    json.extend(["--format", "json"]);
    let selection = bench.run(&json).exits(exit).json();
    let outcome = if exit == 3 { "none" } else { "refused" };
    assert_eq!(selection["roles"][0]["outcome"], outcome, "{selection:#}");
}

fn disk<'a>(disks: &'a mut [Value], path: &str) -> &'a mut Value {
    disks.iter_mut().find(|disk| disk["path"] == path).unwrap()
}

/// A second disk like the one at `path`, under another name and with another serial.
fn twin(disks: &mut Vec<Value>, path: &str, name: &str) {
    let mut twin = disk(disks, path).clone();
    twin["path"] = name.into();
    twin["dev_path"] = name.into();
    twin["id"] = format!("wwid naa.500253800000{}", name.len()).into();
    twin["wwid"] = "naa.5002538000000001".into();
    twin["symlinks"] = json!([]);
    twin["diskseq"] = 77.into();
    disks.push(twin);
}

/// A partition table with one partition that holds `kind`.
fn holds(kind: &str, type_guid: &str) -> Value {
    json!({
        "kind": "foreign",
        "table": {
            "kind": "gpt", "guid": "5f0c1a52-1111-4a6e-9d2f-000000000000", "block_size": 512,
            "usable": {"start": 17408, "len": 250_000_000_000_u64}, "defects": [],
        },
        "partitions": [{
            "number": 1, "name": "", "extent": {"start": 1_048_576, "len": 249_000_000_000_u64},
            "type_guid": type_guid, "guid": "5f0c1a52-1111-4a6e-9d2f-000000000001", "attributes": 0,
            "signatures": [{
                "kind": kind, "talos": "", "label": "", "uuid": "", "version": "", "offset": 1_048_608,
                "extents": [{"start": 1_048_576, "len": 4096}],
            }],
        }],
        "signatures": [],
    })
}

#[test]
fn a_selector_that_matches_nothing_names_the_near_misses() {
    let bench = bench("    diskSelector:\n      model: Apple*", |_| ());
    refuses(
        &bench,
        3,
        &[
            "install",
            "APPLE SSD SM0256",
            "/dev/sda",
            "keelblock select",
        ],
    );
}

#[test]
fn two_disks_that_match_are_both_named() {
    let bench = bench(APPLE, |disks| twin(disks, "/dev/sda", "/dev/sdx"));
    refuses(&bench, 4, &["install", "/dev/sda", "/dev/sdx"]);
}

type Change = fn(&mut Value);

#[test]
fn a_disk_that_must_not_be_used_is_refused_with_the_evidence() {
    let cases: [(&str, Change, &[&str]); 3] = [
        (
            "boot medium",
            |disk| disk["boot_medium"] = json!(["/boot is mounted from /dev/sda1"]),
            &["/dev/sda", "/boot is mounted from /dev/sda1"],
        ),
        (
            "mounted",
            |disk| {
                disk["usage"] =
                    json!([{"kind": "mount", "device": "/dev/sda2", "by": "/var/lib/data"}]);
            },
            &["/dev/sda2", "/var/lib/data"],
        ),
        (
            "unreadable",
            |disk| {
                disk["content"] =
                    json!({"kind": "unreadable", "reason": "reading byte 0: Input/output error"});
            },
            &["/dev/sda", "Input/output error"],
        ),
    ];
    for (name, change, words) in cases {
        eprintln!("{name}");
        let bench = bench(APPLE, |disks| change(disk(disks, "/dev/sda")));
        refuses(&bench, 4, words);
    }
}

/// Talos passes over it, so it does not count as a match.
#[test]
fn a_write_protected_disk_is_no_match_and_named_as_a_near_miss() {
    let bench = bench(APPLE, |disks| {
        disk(disks, "/dev/sda")["readonly"] = true.into();
    });
    refuses(&bench, 3, &["/dev/sda", "readonly"]);
}

#[test]
fn a_disk_that_is_too_small_is_refused_with_what_is_missing() {
    let bench = bench(APPLE, |disks| {
        disk(disks, "/dev/sda")["size"] = 1_000_000_512_u64.into();
    });
    let arguments = [
        "plan",
        "-c",
        "node.yaml",
        "--hardware",
        "machine.json",
        "--kdf-memory",
        "32M",
        "--kdf-time",
        "1",
    ];
    bench.refuses(4, &arguments, &["/dev/sda", "no room for", "larger disk"]);
}

#[test]
fn a_t5_that_is_locked_is_refused_although_it_matches() {
    let install = "    diskSelector:\n      model: Portable SSD*";
    let bench = bench(install, |disks| {
        disk(disks, "/dev/sdb")["usb"]["product_id"] = "61f6".into();
    });
    refuses(&bench, 4, &["/dev/sdb", "lock"]);
}

#[test]
fn half_of_a_fusion_drive_is_refused_with_its_other_half() {
    let both = "    diskSelector:\n      model: APPLE*";
    let flash = "    diskSelector:\n      model: APPLE SSD*";
    refuses(&fusion(both), 4, &["/dev/sda", "/dev/sdx"]);
    refuses(&fusion(flash), 4, &["/dev/sda", "/dev/sdx", "Fusion"]);
}

fn fusion(install: &str) -> Bench {
    bench(install, |disks| {
        twin(disks, "/dev/sda", "/dev/sdx");
        let container = holds("apfs", "7c3457ef-0000-11aa-aa11-00306543ecac");
        disk(disks, "/dev/sda")["content"] = container.clone();
        let other = disk(disks, "/dev/sdx");
        other["content"] = container;
        other["model"] = "APPLE HDD HTS541010A9E662".into();
        other["rotational"] = true.into();
    })
}

#[test]
fn two_equal_disks_without_a_rule_are_a_tie_and_not_a_toss() {
    let bench = bench("    wipe: false", |disks| {
        twin(disks, "/dev/sda", "/dev/sdx");
    });
    refuses(
        &bench,
        4,
        &["/dev/sda", "/dev/sdx", "tie", "machine.install"],
    );
}

#[test]
fn foreign_data_on_a_disk_needs_both_halves_of_the_consent() {
    let foreign = |disks: &mut Vec<Value>| {
        disk(disks, "/dev/sda")["content"] = holds("ext4", "0fc63daf-8483-4772-8e79-3d69d8477de4");
    };
    let id = "wwid naa.5002538043584d30";
    for (wipe, named) in [(false, false), (true, false), (false, true)] {
        let bench = bench(&format!("{APPLE}\n    wipe: {wipe}"), foreign);
        let mut arguments = vec!["plan", "-c", "node.yaml", "--hardware", "machine.json"];
        if named {
            arguments.extend(["--wipe", id]);
        }
        bench.refuses(4, &arguments, &["/dev/sda", "ext4", "wipe"]);
    }
    let bench = bench(&format!("{APPLE}\n    wipe: true"), foreign);
    let arguments = [
        "plan",
        "-c",
        "node.yaml",
        "--hardware",
        "machine.json",
        "--wipe",
        id,
        "--kdf-memory",
        "32M",
        "--kdf-time",
        "1",
    ];
    let plan = bench.run(&arguments).exits(0);
    assert!(plan.stdout.contains("lost: "), "{plan:#?}");
}

#[test]
fn foreign_data_in_an_image_needs_both_halves_of_the_consent_and_is_gone_then() {
    let bench = Bench::new();
    bench.blank("disk.img", 4 << 30);
    let image = bench.path("disk.img").display().to_string();
    let mkfs = [
        "-q",
        "-F",
        "-E",
        "nodiscard,lazy_itable_init=1",
        &image,
        "64M",
    ];
    tool("e2fsprogs", "mkfs.ext4", &mkfs);
    bench.write("keep.yaml", config("    wipe: false"));
    bench.write("wipe.yaml", config("    wipe: true"));
    let with = |config: &'static str| crate::cli::apply(&["-c", config, "--image", "disk.img"]);
    let words = ["disk.img", "ext4", "wipe: true", "--wipe disk.img"];
    bench.refuses(4, &with("keep.yaml"), &words);
    bench.refuses(4, &with("wipe.yaml"), &words);
    let consent = ["--wipe", "disk.img"];
    bench.refuses(4, &[&with("keep.yaml")[..], &consent].concat(), &words);
    bench
        .run(&[&with("wipe.yaml")[..], &consent].concat())
        .exits(0);
    let blkid = tool("util-linux", "blkid", &["-p", &image]);
    assert!(!blkid.contains("ext4"), "{blkid}");
}

#[test]
fn a_recorded_machine_is_not_mistaken_for_this_one() {
    let bench = bench(APPLE, |disks| {
        let disk = disk(disks, "/dev/sda");
        disk["path"] = "/dev/nosuchdisk".into();
    });
    let recorded = ["-c", "node.yaml", "--hardware", "machine.json"];
    let arguments = [&crate::cli::apply(&recorded)[..], &["--wait", "0"]].concat();
    bench.refuses(4, &arguments, &["another machine", "Macmini7,1"]);
}
