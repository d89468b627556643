//! `doctor` as a person or a script meets it: on recorded machines, on trees, and on the machine that the tests run on.
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
#[path = "support/machines.rs"]
mod machines;

use std::fs;

use serde_json::Value;

use self::cli::{Bench, Ran};
use self::machines::{expanded, repository};

/// The states of all checks about a topic.
fn states(report: &Value, topic: &str) -> Vec<String> {
    let checks = report["checks"].as_array().unwrap();
    let about = checks.iter().filter(|check| check["topic"] == topic);
    about
        .map(|check| check["state"].as_str().unwrap().to_owned())
        .collect()
}

fn bench() -> Bench {
    let bench = Bench::new();
    for (from, to) in [
        ("examples/hardware/macmini-2014.json", "mini.json"),
        ("examples/nodes/talos-1.10/mini01.yaml", "old.yaml"),
        ("examples/nodes/talos-1.14/mini01.yaml", "new.yaml"),
    ] {
        bench.write(to, fs::read(repository().join(from)).unwrap());
    }
    bench
}

fn on_tree(trees: &[&str], more: &[(&str, &str)], arguments: &[&str], bench: &Bench) -> Ran {
    let (dir, _root) = expanded(trees);
    for (path, text) in more {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = bench.command(arguments);
    Ran::of(&command.env("KEELBLOCK_ROOT", dir.path()).output().unwrap())
}

#[test]
fn a_recorded_machine_is_judged_as_far_as_it_goes() {
    let bench = bench();
    let json = [
        "doctor",
        "-c",
        "old.yaml",
        "--hardware",
        "mini.json",
        "--format",
        "json",
    ];
    // Services inside of the pods' network: the first host bits are not those that were meant.
    let report = bench.run(&json).exits(2).json();
    assert_eq!(report["schema"], "keelblock/doctor/v1");
    assert_eq!(report["exit"], 2);
    assert_eq!(states(&report, "network")[0], "bad", "{report:#}");
    assert!(
        report["checks"][0]["found"]
            .as_str()
            .unwrap()
            .contains("subnet-overlap")
    );
    assert_eq!(states(&report, "machine UUID"), ["ok"]);
    let missing = report["not_looked_at"].to_string();
    assert!(
        missing.contains("kernel log") && missing.contains("settings"),
        "{missing}"
    );
    let text = bench.run(&json[..5]).exits(2).stdout;
    let wide = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    let last = text
        .lines()
        .rev()
        .find(|line| !line.starts_with(' '))
        .unwrap();
    assert!(last.starts_with("first: network: "), "{text}");
    for words in ["bad   network: ", "      cause: ", "      fix:   "] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn the_interface_that_the_configuration_names_has_to_be_there() {
    let bench = bench();
    let fits = [
        "doctor",
        "-c",
        "new.yaml",
        "--hardware",
        "mini.json",
        "--format",
        "json",
    ];
    let report = bench.run(&fits).json();
    assert_eq!(states(&report, "network"), ["ok"], "{report:#}");
    bench.machine("other.json", |machine| {
        machine["machine"]["nics"] =
            serde_json::json!([{"name": "enp4s0", "kind": "physical", "operstate": "up"}]);
    });
    let other = [
        "doctor",
        "-c",
        "new.yaml",
        "--hardware",
        "other.json",
        "--format",
        "json",
    ];
    let report = bench.run(&other).json();
    assert!(
        report["checks"].to_string().contains("link-not-found"),
        "{report:#}"
    );
}

#[test]
fn the_kernel_log_of_a_tree_is_read() {
    let bench = bench();
    let log =
        "6,1,2,-;Linux version 6.12.117\n3,2,3,-;I/O error, dev sda, sector 8 op 0x1:(WRITE)\n";
    let ran = on_tree(&["macmini-2014"], &[("dev/kmsg", log)], &["doctor"], &bench).exits(5);
    assert!(
        ran.stdout
            .contains("bad   kernel log: reads or writes failed"),
        "{}",
        ran.stdout
    );
    let ran = on_tree(&["macmini-2014"], &[], &["doctor"], &bench);
    assert!(
        ran.stdout.contains("not looked at: kernel log"),
        "{}",
        ran.stdout
    );
}

#[test]
fn that_a_node_uses_its_own_disks_is_no_fault() {
    let bench = bench();
    let talos = repository().join("examples/hardware/macmini-2014-talos.json");
    bench.write("talos.json", fs::read(talos).unwrap());
    let words = [
        "doctor",
        "-c",
        "new.yaml",
        "--hardware",
        "talos.json",
        "--format",
        "json",
    ];
    // What is left are settings.
    let report = bench.run(&words).exits(6).json();
    assert!(
        !states(&report, "disks").contains(&"bad".to_owned()),
        "{report:#}"
    );
    assert!(
        !report["checks"].to_string().contains("is nothing"),
        "{report:#}"
    );
}

#[test]
fn this_machine_is_looked_at_and_nothing_is_hidden() {
    let bench = Bench::new();
    let ran = bench.run(&["doctor", "--format", "json"]);
    let report = ran.json();
    let code = report["exit"].as_i64().unwrap();
    assert_eq!(ran.code.map(i64::from), Some(code));
    for topic in ["clock", "machine UUID", "memory", "TPM"] {
        assert!(!states(&report, topic).is_empty(), "{topic}: {report:#}");
    }
    for topic in ["kernel log", "random numbers", "network"] {
        let said = report["not_looked_at"].to_string().contains(topic);
        assert!(
            said || !states(&report, topic).is_empty(),
            "{topic}: {report:#}"
        );
    }
}

#[test]
fn a_configuration_that_is_none_is_refused() {
    let bench = bench();
    bench.write("bad.yaml", "machine: [");
    bench.refuses(2, &["doctor", "-c", "bad.yaml"], &["bad.yaml"]);
    bench.refuses(2, &["doctor", "-c", "nosuch.yaml"], &["nosuch.yaml"]);
    bench.refuses(
        2,
        &["doctor", "--hardware", "nosuch.json"],
        &["nosuch.json"],
    );
}

#[test]
fn a_node_of_a_talconfig_is_judged_as_its_rendered_configuration_is() {
    let bench = bench();
    let example = fs::read(repository().join("examples/talconfig/talconfig.yaml")).unwrap();
    bench.write("talconfig.yaml", example);
    let named = ["doctor", "-c", "talconfig.yaml", "--hardware", "mini.json"];
    bench.refuses(2, &named, &["--node"]);
    let text = String::from_utf8(fs::read(bench.path("talconfig.yaml")).unwrap()).unwrap();
    let host = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("- hostname: "))
        .unwrap();
    let mut render = vec!["render", "--node", host];
    render.extend(["-o", "node.yaml"]);
    bench.run(&render).exits(0);
    let checks = |arguments: &[&str]| {
        let named = [
            &["doctor", "--hardware", "mini.json", "--format", "json"],
            arguments,
        ]
        .concat();
        let report = bench.run(&named).json();
        states(&report, "disks")
    };
    let rendered = checks(&["-c", "node.yaml"]);
    assert!(!rendered.is_empty());
    assert_eq!(checks(&["-c", "talconfig.yaml", "--node", host]), rendered);
}

/// An ExtensionServiceConfig for lldpd.
const LLDPD: &str = "---\napiVersion: v1alpha1\nkind: ExtensionServiceConfig\nname: lldpd\nconfigFiles:\n  - content: configure lldp portidsubtype ifname\n    mountPath: /usr/local/etc/lldpd/lldpd.conf\n";

/// What is said of lldpd, and whether it is said that extensions cannot be told.
fn of_extensions(report: &Value) -> (Vec<&str>, bool) {
    let checks = report["checks"].as_array().unwrap().iter();
    let found = checks.filter_map(|check| check["found"].as_str());
    let words = ["not-configured", "not-installed"];
    let said = found.filter_map(|it| {
        words
            .into_iter()
            .find(|word| it.contains(&format!("[lldpd-{word}]")))
    });
    let missing = report["not_looked_at"].as_array().unwrap().iter();
    let unknown = missing.filter(|it| it.as_str().unwrap().starts_with("extensions: "));
    (said.collect(), unknown.count() == 1)
}

#[test]
fn extensions_are_told_from_the_schematic_or_the_machine_or_not_at_all() {
    let bench = bench();
    let node = |id: &str, more: &str| {
        format!(
            "version: v1alpha1\nmachine:\n  type: worker\n  install: {{disk: /dev/sda, image: 'factory.talos.dev/metal-installer/{id}:v1.13.0'}}\n{more}"
        )
    };
    let empty = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";
    let unknown = "ab".repeat(32);
    let arguments = ["doctor", "-c", "node.yaml", "--format", "json"];
    let list = "layers:\n- image: 000.ghcr.io-siderolabs-lldpd.sqsh\n  metadata:\n    name: lldpd\n    version: 1.0.19\n- image: 001.schematic.sqsh\n  metadata:\n    name: schematic\n";
    let running = [("etc/extensions.yaml", list)];
    for (text, tree, wanted) in [
        (node(&unknown, ""), &[][..], (&[][..], true)),
        (node(&unknown, LLDPD), &[], (&[], true)),
        (node(empty, LLDPD), &[], (&["not-installed"], false)),
        (node(empty, ""), &[], (&[], false)),
        (node(&unknown, ""), &running, (&["not-configured"], false)),
        (node(&unknown, LLDPD), &running, (&[], false)),
    ] {
        bench.write("node.yaml", &text);
        let ran = on_tree(&["macmini-2014"], tree, &arguments, &bench);
        let report = ran.json();
        let (said, unknown) = of_extensions(&report);
        assert_eq!((&*said, unknown), wanted, "{text}\n{report:#}");
    }
    let talconfig = "clusterName: home\ntalosVersion: v1.13.0\nkubernetesVersion: v1.32.0\nendpoint: https://10.0.0.10:6443\nnodes:\n  - hostname: a\n    ipAddress: 10.0.0.1\n    installDisk: /dev/sda\n    schematic: {customization: {systemExtensions: {officialExtensions: [siderolabs/lldpd]}}}\n";
    bench.write("talconfig.yaml", talconfig);
    let recorded = ["--node", "a", "--hardware", "mini.json", "--format", "json"];
    let arguments = [&["doctor", "-c", "talconfig.yaml"], &recorded[..]].concat();
    let report = bench.run(&arguments).json();
    assert_eq!(
        of_extensions(&report),
        (vec!["not-configured"], false),
        "{report:#}"
    );
}
