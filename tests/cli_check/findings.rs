//! What is found, where, and how the run ends.

use std::fs;

use serde_json::{Value, json};

use crate::cli::{Bench, MACMINI_2014};
use crate::{APPLE, add, codes, fleet, node, report, text};

#[test]
fn a_fleet_in_order_is_one_table_and_exit_0() {
    let bench = fleet();
    add(&bench, "fleet", "b");
    bench.write("fleet/renovate.json", "{}");
    bench.write("fleet/patch.yaml", "machine:\n  sysctls: {}\n");
    let ran = text(&bench, 0, &[]);
    assert!(ran.stdout.starts_with("NODE  STATE  DISK"), "{ran:#?}");
    assert!(ran.stdout.contains("\na     ok     /dev/sda"), "{ran:#?}");
    let last = "2 nodes: 2 ok; 0 errors, 0 warnings; 1 YAML file passed over; exit 0\n";
    assert!(ran.stdout.ends_with(last), "{ran:#?}");
    assert_eq!(ran.stderr, "");
    let found = report(&bench, 0, &[]);
    assert_eq!(found["nodes"][0]["hardware"], "fleet/snapshots/a.json");
    assert_eq!(found["nodes"][1]["roles"][0]["disk"], "/dev/sda");
    assert_eq!(found["findings"], json!([]));
    assert_eq!(text(&bench, 0, &["--quiet"]).stdout, last);
}

type Change = fn(&Bench);

/// One change to the fleet each, how the run ends then, and what is found.
const TROUBLE: [(Change, i32, &str); 9] = [
    (
        |bench| {
            bench.write(
                "fleet/clusterconfig/home-a.yaml",
                node("a", "    dsik: /dev/sda", ""),
            )
        },
        2,
        "configuration fleet/clusterconfig/home-a.yaml:5:5",
    ),
    (
        |bench| {
            bench.write(
                "fleet/snapshots/a.json",
                "{\n  \"schema\": \"keelblock/inventory/v1\",\n  x\n",
            )
        },
        2,
        "snapshot fleet/snapshots/a.json:3:3",
    ),
    (
        |bench| fs::remove_file(bench.path("fleet/snapshots/a.json")).unwrap(),
        0,
        "no-snapshot fleet/clusterconfig/home-a.yaml:1:1",
    ),
    (
        |bench| bench.write("fleet/snapshots/z.json", MACMINI_2014),
        0,
        "unused-snapshot fleet/snapshots/z.json:1:1",
    ),
    (
        |bench| bench.write("fleet/a.json", MACMINI_2014),
        2,
        "snapshot-unclear fleet/clusterconfig/home-a.yaml:1:1",
    ),
    (
        |bench| {
            let none = node("a", "    diskSelector:\n      model: NONE*", "");
            bench.write("fleet/clusterconfig/home-a.yaml", none);
        },
        3,
        "no-disk fleet/clusterconfig/home-a.yaml:5:5",
    ),
    (
        |bench| {
            let all = node("a", "    diskSelector:\n      size: '> 1GB'", "");
            bench.write("fleet/clusterconfig/home-a.yaml", all);
        },
        4,
        "ambiguous fleet/clusterconfig/home-a.yaml:5:5",
    ),
    (
        |bench| {
            bench.machine("fleet/snapshots/a.json", |machine| {
                machine["disks"][1]["boot_medium"] = json!(["it holds the running system"]);
            });
        },
        4,
        "refused fleet/clusterconfig/home-a.yaml:5:5",
    ),
    (
        |bench| bench.write("fleet/expect.yaml", "version: 1\nnodes: {b: }\n"),
        2,
        "unknown-node fleet/expect.yaml:2:9",
    ),
];

#[test]
fn every_kind_of_trouble_has_its_code_its_place_and_its_exit() {
    for (change, exit, wanted) in TROUBLE {
        let bench = fleet();
        change(&bench);
        let found = codes(&report(&bench, exit, &[]));
        // One finding, and no echoes of it.
        let code = wanted.split(' ').next().unwrap();
        let same = found.iter().filter(|line| line.starts_with(code));
        assert_eq!(same.collect::<Vec<_>>(), [wanted], "{found:?}");
        let ran = text(&bench, exit, &[]);
        assert!(ran.stdout.contains(&format!("[{code}]")), "{ran:#?}");
    }
}

#[test]
fn a_mistake_in_a_configuration_stands_below_its_line_with_a_caret() {
    let bench = fleet();
    let install = "    disk: /dev/sda\n    wipe: maybe";
    bench.write("fleet/clusterconfig/home-a.yaml", node("a", install, ""));
    let ran = text(&bench, 2, &[]);
    let caret = "   6 |     wipe: maybe\n     |           ^\n";
    assert!(ran.stdout.contains(caret), "{ran:#?}");
    // One bad node does not stop the others.
    add(&bench, "fleet", "b");
    let found = report(&bench, 2, &[]);
    assert_eq!(found["summary"]["states"], json!({"invalid": 1, "ok": 1}));
}

#[test]
fn the_rules_of_the_owner_hold_for_the_nodes_that_they_name() {
    let rule = |rules: &str| {
        let bench = fleet();
        bench.write("fleet/expect.yaml", format!("version: 1\n{rules}\n"));
        bench
    };
    for (rules, exit, wanted) in [
        ("never: [{size: '> 4TB'}]", 0, ""),
        ("never: [{size: '> 100GB'}]", 4, "never"),
        ("never: [{size: '> 100GB', nodes: b*}]", 0, ""),
        ("never: [{size: '> 100GB', roles: [u-*]}]", 0, ""),
        (
            "never: [{match: 'disk.size > 100u * GB && !disk.rotational'}]",
            4,
            "never",
        ),
        // What has no value is not allowed, either.
        ("never: [{match: 'disk.symlinks[99] == \"\"'}]", 4, "never"),
        ("require: [{slots: 1, keys: [nodeID]}]", 0, ""),
        ("require: [{slots: 2}]", 4, "require"),
        ("require: [{keys: [static]}]", 4, "require"),
        ("require: [{volumes: [u-data], slots: 1}]", 4, "require"),
        ("require: [{minDisks: 40}]", 4, "require"),
        ("require: [{maxDisks: 1}]", 4, "require"),
        ("require: [{wipe: true}]", 4, "require"),
        ("require: [{wipe: false, snapshot: true}]", 0, ""),
        ("nodes: {a: {disks: {install: {model: APPLE*}}}}", 0, ""),
        (
            "nodes: {a: {disks: {install: {model: Portable*}}}}",
            4,
            "unexpected-disk",
        ),
        (
            "nodes: {a: {disks: {u-none: {model: A*}}}}",
            4,
            "unexpected-disk",
        ),
        (
            "nodes: {a: {uuid: 00000000-0000-0000-0000-000000000001}}",
            2,
            "snapshot",
        ),
    ] {
        let bench = rule(rules);
        let found = codes(&report(&bench, exit, &[]));
        assert_eq!(found.is_empty(), wanted.is_empty(), "{rules}: {found:?}");
        assert!(
            found.iter().all(|line| line.starts_with(wanted)),
            "{rules}: {found:?}"
        );
    }
    // Both volumes lack a slot, each at its own place, and the rule is named.
    let bench = rule("require: [{name: both slots, slots: 2}]");
    let found = report(&bench, 4, &[]);
    assert_eq!(found["findings"].as_array().unwrap().len(), 2);
    assert_eq!(found["findings"][0]["rule"], "fleet/expect.yaml:2:11");
    assert!(
        found["findings"][0]["message"]
            .as_str()
            .unwrap()
            .contains("\"both slots\"")
    );
}

#[test]
fn what_changed_since_the_base_is_told_by_node() {
    let bench = fleet();
    for name in ["b", "c"] {
        add(&bench, "fleet", name);
    }
    for folder in ["base", "base/clusterconfig", "base/snapshots"] {
        fs::create_dir(bench.path(folder)).unwrap();
    }
    for name in ["a", "b", "gone"] {
        add(&bench, "base", name);
    }
    // The disk of `a` is another one, and has another name besides; that of `b` has another name only.
    bench.machine("fleet/snapshots/a.json", |machine| {
        machine["disks"][1]["id"] = json!("wwid naa.5002538000000001");
        machine["disks"][1]["wwid"] = json!("naa.5002538000000001");
    });
    let found = report(&bench, 6, &["--base", "base"]);
    let lines: Vec<(&str, &str)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["code"].as_str().unwrap(), f["node"].as_str().unwrap()))
        .collect();
    assert_eq!(
        lines,
        [("changed", "a"), ("added", "c"), ("removed", "gone")]
    );
    let changes: Vec<&Value> = found["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["changes"])
        .collect();
    let disk = "install disk: wwid naa.5002538043584d30 → wwid naa.5002538000000001";
    assert!(
        changes[0].as_array().unwrap().contains(&json!(disk)),
        "{changes:?}"
    );
    assert_eq!((changes[1], changes[2]), (&json!([]), &Value::Null));
    // With the same folder, nothing has changed.
    report(&bench, 0, &["--base", "fleet"]);
    // A key that comes or goes is a change.
    let config = node("b", APPLE, "").replace("nodeID: {}", "tpm: {}");
    bench.write("fleet/clusterconfig/home-b.yaml", config);
    let found = report(&bench, 6, &["--base", "base"]);
    let keys = "STATE keys: aes-xts-plain64, slot 0 nodeID → aes-xts-plain64, slot 0 tpm";
    let changes = found["nodes"][1]["changes"].as_array().unwrap();
    assert!(changes.contains(&json!(keys)), "{changes:?}");
}

#[test]
fn several_files_are_one_node_where_the_owner_says_so() {
    let bench = fleet();
    bench.write("fleet/machine.json", MACMINI_2014);
    let patch = "apiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  diskSelector:\n    match: \
                 glob('Portable*', disk.model)\n  minSize: 1GB\n";
    bench.write("fleet/volumes.yaml", patch);
    let expect = "version: 1\nnodes:\n  a:\n    config: [clusterconfig/home-a.yaml, volumes.yaml]\n    hardware: machine.json\n";
    bench.write("fleet/expect.yaml", expect);
    let found = report(&bench, 0, &[]);
    let node = &found["nodes"][0];
    assert_eq!(node["hardware"], "fleet/machine.json");
    assert_eq!(node["config"].as_array().unwrap().len(), 2);
    let roles = node["roles"].as_array().unwrap();
    assert!(
        roles.iter().any(|role| role["role"] == "u-data"),
        "{roles:?}"
    );
}
