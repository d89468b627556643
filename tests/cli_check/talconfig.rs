//! A folder with a talconfig.yaml: its nodes are checked as they would be rendered, and what is wrong is at their lines.

use std::fs;

use serde_json::Value;

use crate::cli::{Bench, MACMINI_2014};
use crate::report;

const HEAD: &str = "\
clusterName: home
talosVersion: v1.10.5
kubernetesVersion: v1.31.1
endpoint: https://10.0.0.10:6443
nodes:
";

fn node(host: &str, last: u8, selector: &str) -> String {
    format!(
        "  - hostname: {host}\n    ipAddress: 10.0.0.{last}\n    controlPlane: true\n    installDiskSelector: {{{selector}}}\n"
    )
}

/// A repository with two nodes, the second of which finds no disk.
fn repository() -> Bench {
    let bench = Bench::new();
    for folder in ["fleet", "fleet/talos", "fleet/snapshots"] {
        fs::create_dir(bench.path(folder)).unwrap();
    }
    let text = [
        HEAD,
        &node("a", 1, "model: APPLE*"),
        &node("b", 2, "model: WDC*"),
    ]
    .concat();
    bench.write("fleet/talos/talconfig.yaml", text);
    for host in ["a", "b"] {
        bench.write(&format!("fleet/snapshots/{host}.json"), MACMINI_2014);
    }
    bench
}

fn states(report: &Value) -> Vec<(&str, &str)> {
    let nodes = report["nodes"].as_array().unwrap().iter();
    let text = |node: &'_ Value, key: &str| node[key].as_str().map(str::to_owned).unwrap();
    nodes
        .map(|node| {
            let (name, state) = (text(node, "name"), text(node, "state"));
            let name: &str = name.leak();
            (name, &*state.leak())
        })
        .collect()
}

#[test]
fn every_node_of_a_talconfig_is_a_node_of_the_fleet() {
    let bench = repository();
    let found = report(&bench, 3, &[]);
    assert_eq!(states(&found), [("a", "ok"), ("b", "no-disk")]);
    let findings = found["findings"].as_array().unwrap();
    let wrong = findings.iter().find(|it| it["node"] == "b").unwrap();
    assert_eq!(wrong["file"], "fleet/talos/talconfig.yaml");
    assert_eq!(wrong["line"], 10, "where b stands: {wrong}");
}

#[test]
fn a_node_that_talhelper_has_rendered_is_taken_from_its_file() {
    let bench = repository();
    fs::create_dir(bench.path("fleet/clusterconfig")).unwrap();
    let rendered = ["render", "fleet/talos/talconfig.yaml", "--node", "a", "-o"];
    let rendered = [&rendered[..], &["fleet/clusterconfig/home-a.yaml"]].concat();
    bench.run(&rendered).exits(0);
    let found = report(&bench, 3, &[]);
    assert_eq!(states(&found), [("a", "ok"), ("b", "no-disk")]);
    let a = &found["nodes"][0];
    assert_eq!(a["config"][0], "fleet/clusterconfig/home-a.yaml");
}

#[test]
fn what_changes_a_disk_shows_against_the_base() {
    let bench = repository();
    fs::create_dir_all(bench.path("base/talos")).unwrap();
    fs::create_dir_all(bench.path("base/snapshots")).unwrap();
    for host in ["a", "b"] {
        bench.write(&format!("base/snapshots/{host}.json"), MACMINI_2014);
    }
    let before = [
        HEAD,
        &node("a", 1, "model: APPLE*"),
        &node("b", 2, "model: APPLE*"),
    ]
    .concat();
    bench.write("base/talos/talconfig.yaml", before);
    let found = report(&bench, 3, &["--base", "base"]);
    let nodes = found["nodes"].as_array().unwrap();
    assert_eq!(nodes[0]["changes"], serde_json::json!([]));
    assert!(
        !nodes[1]["changes"].as_array().unwrap().is_empty(),
        "{}",
        nodes[1]
    );
}

#[test]
fn a_talconfig_that_talhelper_refuses_is_an_error_and_hides_nothing() {
    let bench = repository();
    let text = [
        HEAD,
        &node("a", 1, "model: APPLE*"),
        &node("B_", 2, "model: APPLE*"),
    ]
    .concat();
    bench.write("fleet/talos/talconfig.yaml", text);
    let found = report(&bench, 2, &[]);
    let findings = found["findings"].as_array().unwrap();
    let wrong =
        |it: &&Value| it["code"] == "configuration" && it["file"] == "fleet/talos/talconfig.yaml";
    assert!(findings.iter().any(|it| wrong(&it)), "{found}");
}
