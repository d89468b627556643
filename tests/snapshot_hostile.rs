//! Recorded machines from anywhere: cut off, contradictory, too big, of another version, or made to do harm.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests read files of the repository"
)]

#[path = "support/machines.rs"]
mod machines;

use std::error::Error as _;
use std::fs;

use keelblock::config::{self, Source};
use keelblock::selector::{Request, render, select};
use keelblock::snapshot::load::{self, LoadError};
use serde_json::{Value, json};

use self::machines::repository;

fn example(name: &str) -> String {
    fs::read_to_string(repository().join(format!("examples/hardware/{name}.json"))).unwrap()
}

/// The reasons of a refusal, all in one.
fn refusal(text: &str) -> String {
    let error = load::parse(text).expect_err("it is no machine");
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{error}: {cause}")
}

fn changed(name: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(&example(name)).unwrap();
    change(&mut value);
    value.to_string()
}

#[test]
fn every_format_that_was_ever_written_can_be_read() {
    let inventory = load::parse(&example("macmini-2018")).unwrap();
    let snapshot = load::parse(&example("macmini-2018-uas")).unwrap();
    assert_eq!(inventory.inventory, snapshot.inventory);
    assert!(inventory.attributes.is_empty());
    let sda =
        "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/host0/target0:0:0/0:0:0:0/block/sda";
    for (path, text) in [
        (format!("{sda}/queue/read_ahead_kb"), "65532"),
        (format!("{sda}/queue/optimal_io_size"), "33553920"),
        (
            "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/idProduct".into(),
            "61f5",
        ),
        (
            "/sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0/driver".into(),
            "uas",
        ),
        (
            sda.replace("block/sda", "scsi_disk/0:0:0:0/provisioning_mode"),
            "full",
        ),
    ] {
        let found = snapshot.attributes.get(&path);
        assert_eq!(found.map(String::as_str), Some(text), "{path}");
    }
    // Fields that a later release may add.
    let text = changed("macmini-2018-uas", |machine| {
        machine["more"] = json!({"x": 1});
        machine["inventory"]["disks"][0]["more"] = json!([1, 2]);
    });
    assert_eq!(load::parse(&text).unwrap(), snapshot);
}

#[test]
fn a_machine_that_is_cut_off_at_any_byte_is_refused() {
    let inventory = example("macmini-2014");
    let mut snapshot: Value = serde_json::from_str(&example("virtual-machine")).unwrap();
    snapshot["inventory"]["disks"]
        .as_array_mut()
        .unwrap()
        .truncate(2);
    let snapshot = serde_json::to_string(&snapshot).unwrap();
    for text in [inventory.trim_end(), &snapshot] {
        assert!(load::parse(text).is_ok());
        for end in 0..text.len() {
            assert!(load::parse(&text[..end]).is_err(), "byte {end}");
        }
    }
}

#[test]
fn a_newer_version_is_refused_with_a_sentence_that_names_both() {
    for (name, schema) in [
        ("macmini-2014", "keelblock/inventory/v2"),
        ("server", "keelblock/snapshot/v2"),
        ("server", "keelblock/snapshot/v184467440737095516160"),
    ] {
        let text = changed(name, |machine| machine["schema"] = schema.into());
        let error = load::parse(&text).unwrap_err();
        assert!(matches!(error, LoadError::Newer { .. }), "{error}");
        let said = error.to_string();
        assert!(
            said.contains(schema) && said.contains("newer") && said.contains("/v1"),
            "{said}"
        );
    }
    let text = changed("server", |machine| {
        machine["inventory"]["schema"] = "keelblock/inventory/v2".into();
    });
    assert!(refusal(&text).contains("keelblock/inventory/v2"));
    let text = changed("server", |machine| {
        machine["inventory"]["schema"] = json!("keelblock/plan/v1")
    });
    assert!(refusal(&text).contains("keelblock/plan/v1"));
}

#[track_caller]
fn all_refused(cases: &[(String, &str)]) {
    for (text, words) in cases {
        let said = refusal(text);
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// The server with a change to its first disk.
fn disk(change: impl FnOnce(&mut Value)) -> String {
    changed("server", |machine| {
        change(&mut machine["inventory"]["disks"][0])
    })
}

#[test]
fn what_is_no_json_without_surprises_is_refused() {
    let twice = |key: &str| {
        let key = format!("\"{key}\"");
        example("server").replacen(&key, &format!("{key}: \"/dev/x\", {key}"), 1)
    };
    let big = example("server").replacen("\"size\": ", "\"size\": 1e999, \"x\": ", 1);
    let deep = format!("{{\"schema\":{}", "[".repeat(1 << 20));
    all_refused(&[
        ("[]".into(), "no schema"),
        ("{}".into(), "no schema"),
        ("{\"schema\": 1}".into(), "no schema"),
        (
            "{\"schema\": \"keelblock/inventory/v1\"}".into(),
            "missing field",
        ),
        ("\u{feff}{}".into(), "expected value"),
        (deep, "recursion limit"),
        (twice("path"), "the key \"path\" twice"),
        (twice("model"), "the key \"model\" twice"),
        (twice("ID_BUS"), "the key \"ID_BUS\" twice"),
        (big, "out of range"),
    ]);
}

#[test]
fn what_no_machine_can_be_is_refused_and_named() {
    let path = |path: &str| disk(|disk| disk["path"] = path.into());
    all_refused(&[
        (path("/dev/../etc/passwd"), "/dev/../etc/passwd"),
        (path("../../etc/passwd"), "../../etc/passwd"),
        (path("/etc/passwd"), "/etc/passwd"),
        (path("/dev/sd\0a"), "\\0"),
        (path("/dev/\u{1b}[2J"), "\\u{1b}[2J"),
        (path("/dev/sda"), "two disks have the path"),
        (disk(|d| d["size"] = json!(-1)), "-1"),
        (disk(|d| d["size"] = json!(1.5)), "1.5"),
        (disk(|d| d["size"] = json!("1")), "\"1\""),
        (disk(|d| d["id"] = json!("  ")), "no identity"),
        (
            disk(|d| d["symlinks"] = json!(["/dev/disk/../../etc/x"])),
            "/dev/disk/../../etc/x",
        ),
        (
            disk(|d| d["model"] = "x".repeat(70_000).into()),
            "more than 65536 bytes",
        ),
        (
            disk(|d| d["content"] = json!({"kind": "nothing"})),
            "nothing",
        ),
        (
            disk(|d| {
                d["content"] = json!({"kind": "foreign", "partitions": [{"number": 1, "name": "",
                    "extent": {"start": u64::MAX, "len": 1}}]});
            }),
            "beyond 2^64",
        ),
        (
            changed("server", |m| {
                m["attributes"] = json!({"/sys/../etc/shadow": "x"})
            }),
            "/sys/../etc/shadow",
        ),
        (
            changed("server", |m| m["attributes"] = json!({"queue/x": "x"})),
            "queue/x",
        ),
    ]);
}

#[test]
fn two_disks_of_one_identity_and_thousands_of_disks_are_refused() {
    let same = changed("server", |machine| {
        let id = machine["inventory"]["disks"][1]["id"].clone();
        machine["inventory"]["disks"][0]["id"] = id;
    });
    let many = changed("macmini-2014", |machine| {
        let disk = machine["disks"][0].clone();
        let numbered = |n| {
            let mut disk = disk.clone();
            disk["path"] = format!("/dev/x{n}").into();
            disk["id"] = format!("path {n}").into();
            disk
        };
        machine["disks"] = (0..4097).map(numbered).collect();
    });
    all_refused(&[(same, "two disks have the identity"), (many, "4097 disks")]);
}

#[test]
fn whatever_the_numbers_are_selection_ends_and_says_so_in_plain_text() {
    let huge = u64::MAX;
    let nasty = "\u{1b}]0;x\u{7}\u{9b}31m\nSTATE: /dev/sda\r\u{202e}\0";
    let text = changed("macmini-2018-uas", |machine| {
        for disk in machine["inventory"]["disks"].as_array_mut().unwrap() {
            for key in ["size", "sector_size", "io_size", "diskseq"] {
                disk[key] = huge.into();
            }
            disk["physical_sector_size"] = u32::MAX.into();
            disk["model"] = format!("APPLE {nasty}").into();
            disk["serial"] = nasty.into();
            disk["bus_path"] = nasty.into();
            disk["usage"] = json!([{"kind": "mount", "device": nasty, "by": nasty}]);
            disk["content"] = json!({"kind": "foreign", "signatures": [{"kind": nasty, "label": nasty,
                "offset": huge, "extents": [{"start": huge, "len": 0}]}], "partitions": [{
                "number": u32::MAX, "name": nasty, "extent": {"start": 0, "len": huge}, "attributes": huge}]});
        }
    });
    let snapshot = load::parse(&text).unwrap();
    let node =
        fs::read_to_string(repository().join("examples/nodes/talos-1.10/mini01.yaml")).unwrap();
    let spec = config::parse(&[Source {
        name: "node",
        text: &node,
    }])
    .unwrap();
    let selection = select(&spec, &snapshot.inventory, &Request::default());
    let said = render(&selection, &snapshot.inventory);
    let obeyed = said.find(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}');
    assert_eq!(obeyed, None, "{said:?}");
    assert!(
        !said.contains("\nSTATE: /dev/sda"),
        "a label starts a line: {said}"
    );
}
