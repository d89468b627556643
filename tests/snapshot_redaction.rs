//! Redaction: nothing that identifies is left, what looked the same looks the same, and selection does not notice.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests read files of the repository"
)]

#[path = "support/machines.rs"]
mod machines;

use std::collections::BTreeSet;
use std::fs;

use keelblock::config::spec::Spec;
use keelblock::config::{self, Source};
use keelblock::probe::is_talos_name;
use keelblock::secret::Secret;
use keelblock::selector::selection::Selection;
use keelblock::selector::{Request, select};
use keelblock::snapshot::{Snapshot, load, redact};
use proptest::prelude::*;
use serde_json::Value;

use self::machines::repository;

const KEY: [u8; 32] = *b"not a key for real identifiers..";

/// What stands in the trees, written down by hand: the file, and everything in it that is one of a kind.
const IDENTIFYING: [(&str, &[&str]); 8] = [
    (
        "macmini-2012",
        &[
            "5b2e90d4-7c1a-5f36-8e4d-93a6c07f1b28",
            "S0TWNYAC900413",
            "8044a1c6e2",
            "1234568941AC",
            "S49WNV0MC04217F",
            "0x12345678",
            "780115a7",
            "HOLIDAY2019",
            "3E7BD429",
            "913E-7BD4",
            "53:12",
        ],
    ),
    (
        "macmini-2014-fusion",
        &[
            "S1K4NYCFA46727",
            "8043584d30",
            "a8a1b2c3d4",
            "77aa0000",
            "S49WNV0MC04217F",
        ],
    ),
    (
        "macmini-2014-two-t5",
        &[
            "1234567A666E",
            "S4B1NR0N917150Y",
            "1234568941AC",
            "S49WNV0MC04217F",
        ],
    ),
    (
        "macmini-2014-talos",
        &["9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c213", "S1K4NYCFA46727"],
    ),
    (
        "macmini-2018",
        &[
            "3d1c7a52-88e4-5b0f-9c61-7f20d4b6a9e8",
            "C02838200AAAAAAAA",
            "4330323833383230304141414141414141",
            "1234567DAFFD",
            "S4B0NS0R508926D",
            "02000515031521144721",
            "67EE-17E3",
            "2b9d107c-435e",
            "5f0c1a52",
            "1e0d4d9b-6c1f",
            "712e06d5-9a38",
        ],
    ),
    (
        "macmini-2018-no-udev",
        &["C02838200AAAAAAAA", "1234567DAFFD", "02000515031521144721"],
    ),
    (
        "server",
        &[
            "7c2d1f60-43b8",
            "S64FNE0R512903",
            "363446305251",
            "PHYF934201AB960CGN",
            "PHYF934201CD960CGN",
            "518a7c01",
            "b7d1e0a4-5c38",
            "b7d1e0a4:5c384f69",
            "store7:data",
            "4f0d92b6-e1a7",
            "9f7e21ab",
            "9f7e21a9",
            "ZC13RQJ70000C834F2LX",
            "53:a1",
            "203.0.113.21",
            "2001:db8:0:51::21",
            "5eff:fe00:53a1",
        ],
    ),
    (
        "virtual-machine",
        &[
            "e3a1d7c4-0b5f",
            "longhorn-node7-4f1c",
            "drive-scsi0-0-0-1",
            "QM00001",
            "53:b2",
        ],
    ),
];

fn example(name: &str) -> Snapshot {
    let path = repository().join(format!("examples/hardware/{name}.json"));
    load::parse(&fs::read_to_string(path).unwrap()).unwrap()
}

fn all_examples() -> Vec<(String, Snapshot)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(repository().join("examples/hardware")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let snapshot = example(&name);
            found.push((name, snapshot));
        }
    }
    assert!(found.len() >= 14);
    found
}

fn redacted(snapshot: &Snapshot, key: &[u8]) -> Snapshot {
    let (redacted, _) = redact::redact(snapshot, &Secret::new(key.to_vec())).unwrap();
    // What is written can be read.
    let text = serde_json::to_string(&redacted).unwrap();
    assert_eq!(load::parse(&text).unwrap(), redacted);
    redacted
}

/// Every key and string of the document, in lower case, one a line.
fn strings(snapshot: &Snapshot) -> String {
    fn collect(value: &Value, out: &mut String) {
        match value {
            Value::String(text) => {
                out.push_str(&text.to_lowercase());
                out.push('\n');
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, out)),
            Value::Object(map) => {
                for (key, value) in map {
                    out.push_str(&key.to_lowercase());
                    out.push('\n');
                    collect(value, out);
                }
            }
            other => {
                out.push_str(&other.to_string());
                out.push('\n');
            }
        }
    }
    let mut out = String::new();
    collect(&serde_json::to_value(snapshot).unwrap(), &mut out);
    out
}

#[test]
fn nothing_that_identifies_is_left_in_a_redacted_example() {
    for (name, identifying) in IDENTIFYING {
        let snapshot = example(name);
        let (before, after) = (strings(&snapshot), strings(&redacted(&snapshot, &KEY)));
        for text in identifying {
            let text = text.to_lowercase();
            if text != "3e7bd429" {
                assert!(before.contains(&text), "{name} never had {text}");
            }
            assert!(!after.contains(&text), "{name} still has {text}");
        }
    }
}

/// Not by a list, but by where they stand: whatever a field for identifiers holds.
#[test]
fn no_field_for_identifiers_keeps_its_value() {
    for (name, snapshot) in all_examples() {
        let after = strings(&redacted(&snapshot, &KEY));
        let mut wanted: Vec<String> = snapshot.inventory.machine.uuid.iter().cloned().collect();
        for disk in &snapshot.inventory.disks {
            wanted.push(disk.talos.serial.clone());
            wanted.push(disk.fingerprint.clone());
            wanted.extend(disk.usb.iter().map(|usb| usb.serial.clone()));
            let ids = [
                "ID_SERIAL",
                "ID_SERIAL_SHORT",
                "ID_FS_UUID",
                "DM_UUID",
                "MD_UUID",
                "SCSI_IDENT_SERIAL",
            ];
            wanted.extend(ids.iter().filter_map(|key| disk.udev.get(*key).cloned()));
            let Some(layout) = disk.content.layout() else {
                continue;
            };
            wanted.extend(
                layout
                    .table
                    .iter()
                    .filter_map(|t| Some(t.guid?.to_string())),
            );
            wanted.extend(
                layout
                    .partitions
                    .iter()
                    .filter_map(|p| Some(p.guid?.to_string())),
            );
            let inside = layout.partitions.iter().flat_map(|p| &p.signatures);
            wanted.extend(
                layout
                    .signatures
                    .iter()
                    .chain(inside)
                    .map(|s| s.uuid.clone()),
            );
        }
        wanted.retain(|text| text.len() >= 5);
        assert!(wanted.len() > 3, "{name}: {wanted:?}");
        for text in wanted {
            assert!(
                !after.contains(&text.to_lowercase()),
                "{name} still has {text}"
            );
        }
    }
}

fn configurations() -> Vec<Spec> {
    let mut found = Vec::new();
    for release in ["talos-1.10", "talos-1.14"] {
        for node in ["mini01", "mini02", "mini03"] {
            let name = format!("{release}/{node}");
            let path = repository().join(format!("examples/nodes/{name}.yaml"));
            let text = fs::read_to_string(path).unwrap();
            found.push(
                config::parse(&[Source {
                    name: &name,
                    text: &text,
                }])
                .unwrap(),
            );
        }
    }
    let selectors = [
        "disk: /dev/sda",
        "wipe: false",
        "diskSelector: {type: nvme}",
        "diskSelector: {type: ssd}",
        "diskSelector: {size: '>= 200GB'}",
        "diskSelector: {busPath: '/pci0000:00/0000:00:14.0/*'}",
    ];
    for selector in selectors {
        let text = format!(
            "version: v1alpha1\nmachine:\n  type: worker\n  install:\n    image: x:v1.10.5\n    {selector}\n\
             cluster:\n  clusterName: a\n  controlPlane:\n    endpoint: https://10.0.0.1:6443\n---\n\
             apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: a\nprovisioning:\n  diskSelector:\n    \
             match: disk.symlinks.exists(s, s.startsWith('/dev/disk/by-id/usb-Samsung_Portable_SSD_T5_')) && \
             !system_disk\n  minSize: 1GB\n---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: b\n\
             provisioning:\n  diskSelector:\n    match: disk.wwid.startsWith('naa.5002538')\n  minSize: 1GB\n"
        );
        let source = Source {
            name: selector,
            text: &text,
        };
        found.push(config::parse(&[source]).unwrap_or_else(|e| panic!("{selector}: {e}")));
    }
    found
}

/// Everything but the words, in which identifiers are quoted.
fn decisions(selection: &Selection) -> Vec<String> {
    let mut found = Vec::new();
    for role in &selection.roles {
        found.push(format!("{} {:?} {:?}", role.role, role.outcome, role.disk));
        for verdict in &role.verdicts {
            let checks: Vec<_> = verdict
                .checks
                .iter()
                .map(|c| (&c.check, c.kind, c.pass))
                .collect();
            found.push(format!(
                "{} {:?} {:?} {checks:?}",
                verdict.disk, verdict.verdict, verdict.score
            ));
        }
    }
    found
}

#[test]
fn selectors_that_name_no_identifier_select_the_same() {
    let mut selected = 0;
    for (name, snapshot) in all_examples() {
        let redacted = redacted(&snapshot, &KEY);
        for (number, spec) in configurations().iter().enumerate() {
            let before = select(spec, &snapshot.inventory, &Request::default());
            let after = select(spec, &redacted.inventory, &Request::default());
            assert_eq!(
                decisions(&before),
                decisions(&after),
                "{name}, configuration {number}"
            );
            selected += before
                .roles
                .iter()
                .filter(|role| role.disk.is_some())
                .count();
        }
    }
    assert!(selected > 100, "only {selected} roles had a disk");
}

#[test]
fn stand_ins_keep_their_shape_and_agree_in_every_place() {
    let before = example("server");
    let after = redacted(&before, &KEY);
    let disk = |path: &str| {
        after
            .inventory
            .disks
            .iter()
            .find(|d| d.path == path)
            .unwrap()
    };
    let (sda, sdc, sdd, dm) = (
        disk("/dev/sda"),
        disk("/dev/sdc"),
        disk("/dev/sdd"),
        disk("/dev/dm-0"),
    );
    assert!(
        sda.talos.wwid.starts_with("naa.55cd2e4") && sda.talos.wwid.len() == 20,
        "{}",
        sda.talos.wwid
    );
    let wwn = sda.talos.wwid.strip_prefix("naa.").unwrap();
    assert_eq!(sda.udev["ID_WWN"], format!("0x{wwn}"));
    assert!(
        sda.talos
            .symlinks
            .contains(&format!("/dev/disk/by-id/wwn-0x{wwn}"))
    );
    let serial = &sda.udev["ID_SERIAL_SHORT"];
    assert_eq!(
        sda.udev["ID_SERIAL"],
        format!("INTEL_SSDSC2KB960G8_{serial}")
    );
    assert_eq!(sdc.talos.wwid, sdd.talos.wwid, "two paths to one disk");
    let wwn = sdc.talos.wwid.strip_prefix("naa.").unwrap();
    assert_eq!(dm.udev["DM_UUID"], format!("mpath-3{wwn}"));
    let twins: BTreeSet<&String> = after.inventory.disks.iter().map(|disk| &disk.id).collect();
    assert_eq!(twins.len(), before.inventory.disks.len());
    assert!(
        sdc.id.contains(wwn) && sdc.id.contains(" path /pci0000:3a"),
        "{}",
        sdc.id
    );
    assert!(
        after.inventory.notes.iter().any(|note| note.contains(wwn)),
        "{:?}",
        after.inventory.notes
    );

    let nvme = disk("/dev/nvme0n1");
    assert!(nvme.talos.wwid.starts_with("eui."), "{}", nvme.talos.wwid);
    assert_eq!(nvme.talos.model, "SAMSUNG MZQL2960HCJR-00A07");
    for disk in &after.inventory.disks {
        assert!(disk.talos.symlinks.is_sorted(), "{:?}", disk.talos.symlinks);
    }
    assert!(after.redacted && !before.redacted);
}

#[test]
fn one_key_gives_the_same_stand_ins_and_another_key_others() {
    let (one, two) = (example("macmini-2014"), example("macmini-2014-two-t5"));
    let serial = |snapshot: &Snapshot| snapshot.inventory.disks[2].usb.clone().unwrap().serial;
    assert_eq!(serial(&redacted(&one, &KEY)), serial(&redacted(&two, &KEY)));
    assert_ne!(
        serial(&redacted(&one, &KEY)),
        serial(&redacted(&one, &[1; 32]))
    );
}

/// Identifiers as disks have them.
fn identifier() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Z0-9]{5,20}",
        "[a-z0-9]{5,20}",
        "[0-9]{5,18}",
        "[A-Za-z0-9_-]{3}[A-Z][0-9a-z]{4,12}",
        "[A-Z0-9]{4,8} [A-Z0-9]{4,8}",
        "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
        "[a-zäöü]{6,12}",
    ]
}

/// Puts identifiers into every field that may hold one, alone and inside of other texts.
fn planted(ids: &[String]) -> Snapshot {
    let mut snapshot = example("macmini-2018-uas");
    let id = |n: usize| ids[n].clone();
    snapshot.inventory.machine.uuid = Some(id(0));
    snapshot
        .inventory
        .notes
        .push(format!("something about {} ({})", id(0), id(1)));
    let disk = &mut snapshot.inventory.disks[1];
    let hex: String = id(1).bytes().map(|byte| format!("{byte:02x}")).collect();
    disk.talos.serial = id(1);
    disk.talos.wwid = format!("nvme.106b-{hex}-4150504c45-00000001");
    disk.talos.uuid = id(2);
    disk.id = format!("serial {} {}", disk.talos.model, id(1));
    disk.talos.symlinks = vec![
        format!(
            "/dev/disk/by-id/nvme-APPLE_SSD_AP0256M_{}_1",
            id(1).replace(' ', "_")
        ),
        format!("/dev/disk/by-uuid/{}", id(3)),
        format!("/dev/disk/by-label/{}", id(4).replace(' ', "\\x20")),
    ];
    disk.udev.insert(
        "ID_SERIAL".into(),
        format!("APPLE_SSD_AP0256M_{}", id(1).replace(' ', "_")),
    );
    disk.udev.insert("SOME_RULE".into(), id(5));
    disk.udev
        .insert("ID_FS_LABEL_ENC".into(), id(4).replace(' ', "\\x20"));
    disk.unread.push(format!("/sys/x/{}: no", id(5)));
    if let keelblock::probe::inventory::Content::Foreign(layout) = &mut disk.content {
        layout.partitions[0].name = id(6);
        layout.partitions[0].signatures[0].label = id(4);
        layout.partitions[0].signatures[0].uuid = id(3).to_uppercase();
    }
    let usb = &mut snapshot.inventory.disks[2];
    usb.usb.as_mut().unwrap().serial = id(7);
    usb.talos.wwid = format!("t10.Samsung Portable SSD T5     {}  ", id(7));
    snapshot
        .attributes
        .insert("/sys/devices/x/serial".into(), format!("{}  ", id(8)));
    snapshot
        .attributes
        .insert(format!("/sys/devices/{}/size", id(8)), id(7));
    snapshot
}

/// An identifier of `ids` that a redacted snapshot still has, and the form in which it has it.
fn left(ids: &[String], key: &[u8; 32]) -> Option<(String, String)> {
    let after = strings(&redacted(&planted(ids), key));
    ids.iter().find_map(|id| {
        let plain = id.to_lowercase();
        let hex: String = id.bytes().map(|byte| format!("{byte:02x}")).collect();
        let forms = [
            plain.replace(' ', "_"),
            plain.replace(' ', "\\x20"),
            hex,
            plain,
        ];
        let found = forms.into_iter().find(|form| after.contains(form));
        found.map(|form| (id.clone(), form))
    })
}

#[test]
fn a_label_of_hexadecimal_digits_in_both_cases_is_replaced() {
    let ids = [
        "B2VIF",
        "BX4EJG9E7J",
        "someone",
        "ZzIHt2l4",
        "tgöüäi",
        "51F9569 7W5V",
        "E--D7233a70348",
        "5e9e3dcb-de75-48e2-8bca-d69d7b6ab2ca",
        "7330445680559667",
    ];
    assert_eq!(left(&ids.map(str::to_owned), &KEY), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_identifier_of_five_characters_or_more_is_left_anywhere(
        ids in prop::collection::vec(identifier(), 9),
        key in prop::array::uniform32(any::<u8>()),
    ) {
        // One that is part of a size or a model by chance is none.
        let known = strings(&example("macmini-2018-uas"));
        prop_assume!(ids.iter().all(|id| !known.contains(&id.to_lowercase())));
        // The names of Talos' volumes stay: they are what a selection goes by.
        prop_assume!(ids.iter().all(|id| !is_talos_name(id)));
        let left = left(&ids, &key);
        prop_assert!(left.is_none(), "{left:?}");
    }
}
