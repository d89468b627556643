//! A plan as a contract: equal inputs give the same bytes and the same id, any changed input another id, and a plan that
//! was changed, is over, or is for another machine or disk is refused with what differs.
#![allow(
    missing_docs,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test that runs the program on recorded machines and image files"
)]

#[path = "support/cli.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod cli;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use cli::{Bench, CHEAP, UUID, config};
use keelblock::plan::canonical::{self, CanonicalError};
use keelblock::plan::{Plan, Validity};
use serde_json::Value;

/// The configuration that everything is compared with.
fn base() -> String {
    config("    disk: /dev/sda\n    wipe: true")
        + "---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: data\nprovisioning:\n  diskSelector:\n    \
           match: disk.transport == 'usb'\n  minSize: 1GB\n  maxSize: 2GB\n"
}

/// The same in other words: other order, comments, quotes, flow style.
fn reworded() -> String {
    String::from(
        "# volumes first
apiVersion: \"v1alpha1\"
provisioning: {maxSize: 2GB, minSize: '1GB', diskSelector: {match: \"disk.transport == 'usb'\"}}

name: data   # the name
kind: UserVolumeConfig
---
cluster:
  controlPlane: {endpoint: 'https://10.0.0.1:6443'}
  clusterName: example
machine:
  systemDiskEncryption:
    ephemeral: {keys: [{slot: 0, nodeID: {}}], provider: luks2}
    state:
      keys:
        - slot: 0
          nodeID: {}
      provider: \"luks2\"
  install:
    image: ghcr.io/siderolabs/installer:v1.10.5
    wipe: true
    disk: '/dev/sda'
  type: controlplane
version: v1alpha1
",
    )
}

/// Plans for the recorded Mac mini and gives the plan's text.
fn plan(
    bench: &Bench,
    name: &str,
    config: &str,
    machine: impl FnOnce(&mut Value),
    more: &[&str],
) -> Plan {
    bench.write("node.yaml", config);
    bench.machine("machine.json", machine);
    let mut arguments = vec![
        "plan",
        "-c",
        "node.yaml",
        "--hardware",
        "machine.json",
        "-o",
        name,
    ];
    if !more.contains(&"--image") {
        arguments.extend(["--wipe", "/dev/sda"]);
    }
    let given = |option: &str| more.contains(&option);
    for pair in [
        ["--layout", "uki"],
        ["--kdf-memory", "32M"],
        ["--kdf-time", "1"],
        ["--kdf-lanes", "2"],
    ] {
        if !given(pair[0]) {
            arguments.extend(pair);
        }
    }
    arguments.extend(more);
    bench.run(&arguments).exits(0);
    canonical::parse(&fs::read_to_string(bench.path(name)).unwrap()).unwrap()
}

#[test]
fn equal_inputs_give_the_same_bytes() {
    let bench = Bench::new();
    let first = plan(&bench, "a", &base(), |_| (), &[]);
    let text = fs::read_to_string(bench.path("a")).unwrap();
    let again = |name: &str| fs::read_to_string(bench.path(name)).unwrap();
    plan(&bench, "b", &base(), |_| (), &[]);
    assert_eq!(text, again("b"), "the same again");
    plan(&bench, "c", &reworded(), |_| (), &[]);
    assert_eq!(text, again("c"), "the configuration in other words");
    plan(
        &bench,
        "d",
        &base(),
        |machine| machine["disks"].as_array_mut().unwrap().reverse(),
        &[],
    );
    assert_eq!(text, again("d"), "the disks in another order");
    let parts: Vec<String> = base().split("---\n").map(str::to_owned).collect();
    bench.write("one.yaml", &parts[0]);
    bench.write("two.yaml", &parts[1]);
    plan(&bench, "e", &parts[1], |_| (), &["-c", "one.yaml"]);
    assert_eq!(text, again("e"), "the configuration in two files");
    // What standard output has is the file.
    let printed = bench.run(&[
        "plan",
        "-c",
        "one.yaml",
        "-c",
        "two.yaml",
        "--hardware",
        "machine.json",
        "--wipe",
        "/dev/sda",
        "--layout",
        "uki",
        "--kdf-memory",
        "32M",
        "--kdf-time",
        "1",
        "--kdf-lanes",
        "2",
        "--format",
        "json",
    ]);
    assert_eq!(text, printed.exits(0).stdout);
    assert_eq!(canonical::file(&first), text, "read and written again");
}

#[test]
fn an_id_is_that_of_its_digest_and_anybody_can_reckon_it() {
    let bench = Bench::new();
    let plan = plan(&bench, "a", &base(), |_| (), &[]);
    let jq = "import hashlib,json,sys; p=json.load(open(sys.argv[1])); del p['id'],p['digest']; \
              print('sha256:'+hashlib.sha256(json.dumps(p,sort_keys=True,separators=(',',':'),\
              ensure_ascii=False).encode()).hexdigest())";
    let file = bench.path("a").display().to_string();
    assert_eq!(
        cli::tool("python3", "python3", &["-c", jq, &file]),
        plan.digest
    );
    assert_eq!(canonical::id(&plan.digest), plan.id);
    let groups: Vec<&str> = plan.id.split('-').collect();
    assert_eq!(
        groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
        [4, 4, 4, 4]
    );
    assert!(!plan.id.contains(['i', 'l', 'o', 'u']), "{}", plan.id);
}

/// Notes an id, which nothing before may have had.
fn another(seen: &mut BTreeMap<String, String>, what: &str, plan: &Plan) {
    let old = seen.insert(plan.id.clone(), what.to_owned());
    assert_eq!(old, None, "{what} does not change the id");
}

#[test]
fn any_changed_option_gives_another_id() {
    let bench = Bench::new();
    let mut seen = BTreeMap::new();
    another(
        &mut seen,
        "nothing",
        &plan(&bench, "p", &base(), |_| (), &[]),
    );
    for more in [
        &["--uuid", "9f3b6c1e-2d47-5a80-b1c6-0e7d5a94c214"][..],
        &["--seed", "1"],
        &["--seed", "2"],
        &["--talos", "1.9"],
        &["--layout", "grub"],
        &["--kdf-memory", "64M"],
        &["--kdf-time", "2"],
        &["--kdf-lanes", "1"],
        &["--no-ephemeral-filesystem"],
        &["--no-mark"],
        &["--expires", "2999-01-01T00:00:00Z"],
        &["--expires", "2999-01-01T00:00:01Z"],
        &["--image", "a.img", "--size", "8G"],
        &["--image", "a.img", "--size", "9G"],
        &["--image", "b.img", "--size", "8G"],
        &["--image", "a.img", "--size", "8G", "--sector-size", "4096"],
    ] {
        another(
            &mut seen,
            &more.join(" "),
            &plan(&bench, "p", &base(), |_| (), more),
        );
    }
}

#[test]
fn any_changed_value_of_the_configuration_gives_another_id() {
    let bench = Bench::new();
    let mut seen = BTreeMap::new();
    another(
        &mut seen,
        "nothing",
        &plan(&bench, "p", &base(), |_| (), &[]),
    );
    for (from, to) in [
        ("v1.10.5", "v1.9.5"),
        ("minSize: 1GB", "minSize: 1100MB"),
        ("maxSize: 2GB", "maxSize: 3GB"),
        ("name: data", "name: date"),
        ("slot: 0\n    ephemeral", "slot: 1\n    ephemeral"),
        (
            "ephemeral:\n      provider: luks2",
            "ephemeral:\n      provider: luks2\n      cipher: aes-xts-plain64\n      keySize: 256",
        ),
        (
            "ephemeral:\n      provider: luks2",
            "ephemeral:\n      provider: luks2\n      blockSize: 512",
        ),
        (
            "  maxSize: 2GB\n",
            "  maxSize: 2GB\nencryption:\n  provider: luks2\n  keys:\n    - slot: 0\n      nodeID: {}\n",
        ),
    ] {
        let changed = base().replacen(from, to, 1);
        assert_ne!(changed, base(), "{from} is not in the configuration");
        another(&mut seen, to, &plan(&bench, "p", &changed, |_| (), &[]));
    }
}

fn foreign() -> Value {
    let ext4 = serde_json::json!({"kind": "ext4", "offset": 1080});
    serde_json::json!({"kind": "foreign", "signatures": [ext4]})
}

#[test]
fn any_changed_fact_of_machine_or_disk_gives_another_id() {
    type Change = fn(&mut Value, &mut Value);
    let changes: [(&str, Change); 15] = [
        ("nothing", |_, _| ()),
        ("machine uuid", |machine, _| {
            machine["uuid"] = UUID.replace('9', "8").into()
        }),
        ("machine product", |machine, _| {
            machine["product"] = "Macmini9,9".into()
        }),
        ("id", |_, disk| {
            disk["id"] = "wwid naa.5002538043584d31".into()
        }),
        ("wwid", |_, disk| {
            disk["wwid"] = "naa.5002538043584d31".into()
        }),
        ("uuid", |_, disk| disk["uuid"] = "another".into()),
        ("serial", |_, disk| disk["serial"] = "another".into()),
        ("model", |_, disk| disk["model"] = "another".into()),
        ("bus path", |_, disk| {
            disk["bus_path"] = "/pci0000:00/elsewhere".into()
        }),
        ("size", |_, disk| disk["size"] = (200_u64 << 30).into()),
        ("sector size", |_, disk| disk["sector_size"] = 4096.into()),
        ("physical sector size", |_, disk| {
            disk["physical_sector_size"] = 8192.into()
        }),
        ("diskseq", |_, disk| disk["diskseq"] = 4711.into()),
        ("fingerprint", |_, disk| {
            disk["fingerprint"] = "0".repeat(64).into()
        }),
        ("content", |_, disk| disk["content"] = foreign()),
    ];
    let bench = Bench::new();
    let mut seen = BTreeMap::new();
    for (what, change) in changes {
        let change = |all: &mut Value| {
            let (mut machine, mut disks) = (all["machine"].take(), all["disks"].take());
            let disk = disks
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .find(|disk| disk["path"] == "/dev/sda");
            change(&mut machine, disk.unwrap());
            (all["machine"], all["disks"]) = (machine, disks);
        };
        another(&mut seen, what, &plan(&bench, "p", &base(), change, &[]));
    }
    // A fact of a disk that has no part in the plan changes nothing.
    let other = |all: &mut Value| {
        let disks = all["disks"].as_array_mut().unwrap();
        for disk in disks.iter_mut().filter(|disk| disk["path"] == "/dev/loop0") {
            disk["diskseq"] = 4711.into();
        }
    };
    let same = plan(&bench, "p", &base(), other, &[]);
    assert_eq!(seen.get(&same.id).map(String::as_str), Some("nothing"));
}

/// A plan for a blank image, without what makes it long.
fn small(bench: &Bench) -> String {
    bench.write("node.yaml", config("    disk: /dev/sda"));
    bench.blank("disk.img", 4 << 30);
    let mut arguments = vec![
        "plan",
        "-c",
        "node.yaml",
        "--image",
        "disk.img",
        "-o",
        "disk.plan",
        "--uuid",
        UUID,
    ];
    arguments.extend(CHEAP);
    bench.run(&arguments).exits(0);
    fs::read_to_string(bench.path("disk.plan")).unwrap()
}

#[test]
fn a_plan_with_any_byte_changed_taken_away_or_put_in_is_refused() {
    let text = small(&Bench::new());
    assert!(canonical::parse(&text).is_ok());
    // Every byte of the head, and of the rest every seventh: a plan has thousands.
    for at in (0..text.len()).filter(|at| *at < 700 || at % 7 == 0) {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let byte = text.as_bytes()[at];
        // Another digit stays a digit, another letter a letter: what could still be read.
        let changed = char::from(match byte {
            b'9' | b'z' | b'Z' => byte - 1,
            b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => byte + 1,
            b' ' => b'\t',
            _ => b' ',
        });
        assert!(
            canonical::parse(&format!("{before}{changed}{after}")).is_err(),
            "byte {at}"
        );
        if at % 3 == 0 {
            assert!(
                canonical::parse(&format!("{before}{after}")).is_err(),
                "without byte {at}"
            );
            assert!(
                canonical::parse(&format!("{before} {}", &text[at..])).is_err(),
                "a space at {at}"
            );
        }
    }
    assert!(canonical::parse(&format!("{text}\n")).is_err());
    assert!(canonical::parse(text.trim_end()).is_err());
}

#[test]
fn a_refusal_names_the_part_that_was_changed() {
    let text = small(&Bench::new());
    let plan = canonical::parse(&text).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let again = |value: &Value| serde_json::to_string_pretty(value).unwrap() + "\n";
    assert_eq!(again(&value), text, "the order of fields is kept");
    for (pointer, to, named) in [
        ("/machine/uuid", "0".into(), "machine"),
        ("/talos", "1.11".into(), "talos"),
        ("/cost/memory", 1.into(), "cost"),
        ("/proof/samples", 1.into(), "proof"),
        ("/steps/0/disk", 1.into(), "steps"),
        ("/remarks/0", "nothing".into(), "remarks"),
        ("/disks/0/path", "other.img".into(), "disks[0].path"),
        ("/disks/0/identity/model", "x".into(), "disks[0].identity"),
        (
            "/disks/0/geometry/physical",
            4096.into(),
            "disks[0].geometry",
        ),
        ("/disks/0/before/fingerprint", "x".into(), "disks[0].before"),
        (
            "/disks/0/partitions/2/name",
            "STORE".into(),
            "disks[0].partitions[2]",
        ),
        ("/checks/talos", "00000000".into(), "talos"),
        ("/id", "0000-0000-0000-0000".into(), "id"),
        ("/digest", "sha256:00".into(), "digest"),
    ] {
        let mut changed = value.clone();
        *changed.pointer_mut(pointer).unwrap() = to;
        match canonical::parse(&again(&changed)) {
            Err(CanonicalError::Changed(part)) => assert_eq!(part, named, "{pointer}"),
            other => panic!("{pointer}: {other:?}"),
        }
    }
    let spaced = text.replacen("  \"version\"", "   \"version\"", 1);
    let line = 1 + text
        .lines()
        .position(|line| line.starts_with("  \"version\""))
        .unwrap();
    match canonical::parse(&spaced) {
        Err(CanonicalError::Form(found)) => assert_eq!(found, line),
        other => panic!("{other:?}"),
    }
    assert_eq!(plan, canonical::parse(&canonical::file(&plan)).unwrap());
}

#[test]
fn a_field_that_no_plan_has_is_named() {
    let text = small(&Bench::new());
    let value: Value = serde_json::from_str(&text).unwrap();
    for pointer in [
        "",
        "/machine",
        "/disks/0",
        "/disks/0/partitions/1/content",
        "/steps/2",
        "/cost",
    ] {
        let mut changed = value.clone();
        changed.pointer_mut(pointer).unwrap()["surprise"] = true.into();
        match canonical::parse(&(serde_json::to_string_pretty(&changed).unwrap() + "\n")) {
            Err(CanonicalError::Unknown(field)) => assert!(field.ends_with("surprise"), "{field}"),
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

/// Writes a plan with another end, as if it had been made so.
fn ends(bench: &Bench, from: Option<&str>, until: &str) {
    let mut plan = canonical::parse(&fs::read_to_string(bench.path("disk.plan")).unwrap()).unwrap();
    plan.valid = Some(Validity {
        from: from.map(|from| from.parse().unwrap()),
        until: until.parse().unwrap(),
    });
    bench.write("disk.plan", canonical::file(&plan.sealed()));
}

const APPLY: [&str; 6] = [
    "apply",
    "disk.plan",
    "-c",
    "node.yaml",
    "--state-dir",
    "state",
];

#[test]
fn a_plan_that_is_over_is_refused_with_when_it_ended_and_the_way_out() {
    let bench = Bench::new();
    small(&bench);
    ends(&bench, None, "2025-06-01T12:00:00Z");
    bench.refuses(
        4,
        &APPLY,
        &[
            "the plan expired at 2025-06-01T12:00:00Z",
            "(now: 2",
            "--expired-ok",
            "keelblock plan",
        ],
    );
    ends(&bench, Some("2998-01-01T00:00:00Z"), "2999-01-01T00:00:00Z");
    let behind = [
        "clock of this machine is behind",
        "2998-01-01T00:00:00Z",
        "set the clock",
        "--expired-ok",
    ];
    bench.refuses(4, &APPLY, &behind);
    let anyway = [&APPLY[..], &["--expired-ok"]].concat();
    let done = bench.run(&anyway).exits(0);
    assert!(done.stderr.contains("applied all the same"), "{done:#?}");
}

#[test]
fn an_end_is_asked_for_as_a_time_or_a_moment() {
    let bench = Bench::new();
    small(&bench);
    let mut arguments = vec![
        "plan",
        "-c",
        "node.yaml",
        "--image",
        "disk.img",
        "-o",
        "disk.plan",
        "--uuid",
        UUID,
    ];
    arguments.extend(CHEAP);
    let with = |more: &[&'static str]| [&arguments[..], more].concat();
    let text = bench
        .run(&with(&["--expires", "2999-01-01T00:00:00Z"]))
        .exits(0)
        .stdout;
    assert!(text.contains("valid until 2999-01-01T00:00:00Z"), "{text}");
    bench.run(&with(&["--expires", "24h"])).exits(0);
    bench.run(&APPLY).exits(0);
    bench.refuses(
        2,
        &with(&["--expires", "2020-01-01T00:00:00Z"]),
        &["would have expired already"],
    );
    bench.refuses(
        2,
        &with(&["--expires", "soon"]),
        &["24h", "2026-12-01T08:00:00Z"],
    );
}

#[test]
fn pictures_are_drawn_of_new_and_of_stored_plans() {
    let bench = Bench::new();
    small(&bench);
    let show = [
        "plan",
        "--show",
        "disk.plan",
        "--picture",
        "a.svg",
        "--picture",
        "b.html",
    ];
    let shown = bench.run(&show).exits(0).stdout;
    let id = canonical::parse(&fs::read_to_string(bench.path("disk.plan")).unwrap())
        .unwrap()
        .id;
    for name in ["a.svg", "b.html"] {
        let drawn = fs::read_to_string(bench.path(name)).unwrap();
        for word in [
            id.as_str(),
            "EPHEMERAL",
            "STATE",
            "Before",
            "After",
            "100 MiB",
            "prefers-color-scheme",
        ] {
            assert!(drawn.contains(word), "{name} has no {word}");
        }
    }
    for word in [
        id.as_str(),
        "before\n|",
        "after\n|EFI",
        "wider than to scale: ",
        "key: ",
    ] {
        assert!(shown.contains(word), "no {word:?} in {shown}");
    }
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    bench.refuses(
        2,
        &["plan", "--show", "disk.plan", "--picture", "a.png"],
        &["a.png", ".svg or .html"],
    );
    bench.refuses(
        2,
        &["plan", "--show", "node.yaml"],
        &["node.yaml is not a plan"],
    );
    bench.refuses(2, &["plan"], &["--config"]);
}

/// Nothing that a browser or a terminal does with a plan needs a program beside it.
#[test]
fn an_svg_is_xml() {
    let bench = Bench::new();
    small(&bench);
    bench
        .run(&["plan", "--show", "disk.plan", "--picture", "a.svg"])
        .exits(0);
    let parse =
        "import sys,xml.dom.minidom as m; print(m.parse(sys.argv[1]).documentElement.tagName)";
    let output = Command::new("python3")
        .args(["-c", parse, "a.svg"])
        .current_dir(bench.folder())
        .output();
    let output = output.expect("python3 of Debian's package python3 is needed by this test");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "svg");
}
