//! What other programs make of it: shards that add up, SARIF, JUnit, and the Kubernetes manifest.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::cli::{Bench, MACMINI_2014};
use crate::formats::read;
use crate::{add, fleet, node, report, text};

/// A fleet with some of everything.
fn mixed() -> Bench {
    let bench = fleet();
    for i in 0..20 {
        add(&bench, "fleet", &format!("n{i}"));
    }
    bench.write(
        "fleet/clusterconfig/home-n3.yaml",
        node("n3", "    dsik: x", ""),
    );
    bench.write(
        "fleet/clusterconfig/home-n4.yaml",
        node("n4", "    diskSelector: {size: '> 1GB'}", ""),
    );
    fs::remove_file(bench.path("fleet/snapshots/n5.json")).unwrap();
    bench.write("fleet/snapshots/n6.json", "{");
    bench.write("fleet/snapshots/unused <&>.json", MACMINI_2014);
    bench.write(
        "fleet/expect.yaml",
        "version: 1\nnodes:\n  n7: {disks: {install: {model: 'X<&>\"'}}}\n  nobody:\n",
    );
    bench
}

fn findings(report: &Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(ToString::to_string).collect()
}

fn names(report: &Value) -> BTreeSet<String> {
    let nodes = report["nodes"].as_array().unwrap();
    nodes.iter().map(ToString::to_string).collect()
}

#[test]
fn the_shards_of_a_fleet_are_disjoint_and_add_up_to_it() {
    let bench = mixed();
    let whole = report(&bench, 2, &[]);
    for of in [2, 3, 8, 50] {
        let (mut nodes, mut found) = (BTreeSet::new(), BTreeSet::new());
        for index in 0..of {
            let shard = format!("{index}/{of}");
            let ran = bench.run(&["check", "fleet", "--format", "json", "--shard", &shard]);
            let part = ran.json();
            assert_eq!(part["shard"], shard);
            assert_eq!(
                Some(part["exit"].as_i64().unwrap()),
                ran.code.map(i64::from)
            );
            for (all, more) in [(&mut nodes, names(&part)), (&mut found, findings(&part))] {
                assert!(all.is_disjoint(&more), "{shard}");
                all.extend(more);
            }
        }
        assert_eq!(nodes, names(&whole), "{of} shards");
        assert_eq!(found, findings(&whole), "{of} shards");
    }
}

#[test]
fn two_runs_say_the_same() {
    let bench = mixed();
    for format in ["text", "json", "sarif", "junit"] {
        let run = || bench.run(&["check", "fleet", "--format", format]).exits(2);
        assert_eq!(run().stdout, run().stdout, "{format}");
    }
}

#[test]
fn sarif_keeps_to_its_schema_and_points_at_the_lines() {
    let bench = mixed();
    let ran = bench.run(&["check", "fleet", "--format", "sarif"]).exits(2);
    let whole = report(&bench, 2, &[]);
    let answer = read("sarif", &ran.stdout).unwrap();
    assert_eq!(
        answer["results"],
        whole["findings"].as_array().unwrap().len()
    );
    let log = ran.json();
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for (result, finding) in run["results"]
        .as_array()
        .unwrap()
        .iter()
        .zip(whole["findings"].as_array().unwrap())
    {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["ruleId"], finding["code"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["region"]["startLine"], finding["line"]);
        assert_eq!(place["region"]["startColumn"], finding["column"]);
    }
    let unused = "fleet/snapshots/unused%20%3C%26%3E.json";
    assert!(ran.stdout.contains(unused), "{ran:#?}");
    // The judge has teeth.
    for (right, wrong) in [
        ("\"startLine\": 1", "\"startLine\": 0"),
        ("\"results\"", "\"result\""),
    ] {
        assert!(ran.stdout.contains(right));
        read("sarif", &ran.stdout.replace(right, wrong)).unwrap_err();
    }
}

#[test]
fn junit_is_read_by_another_program() {
    let bench = mixed();
    let ran = bench.run(&["check", "fleet", "--format", "junit"]).exits(2);
    let cases = read("junit", &ran.stdout).unwrap();
    for (name, status) in [
        ("a", "passed"),
        ("n3", "error"),
        ("n4", "failed"),
        ("n5", "skipped"),
        ("n6", "error"),
        ("n7", "failed"),
        ("nobody", "error"),
        ("(the fleet)", "passed"),
    ] {
        assert_eq!(cases[name], status, "{name}: {cases}");
    }
    read("junit", &ran.stdout.replace("&lt;", "<")).unwrap_err();
}

#[test]
fn the_manifest_is_what_kubernetes_takes_and_covers_every_shard() {
    let manifest = include_str!("../../examples/kubernetes/check-job.yaml");
    let answer = read("job", manifest).unwrap();
    assert_eq!(answer["kinds"], serde_json::json!(["Job"]));
    let number = |key: &str| {
        let line = manifest
            .lines()
            .find_map(|line| line.trim().strip_prefix(key));
        line.unwrap().trim().to_owned()
    };
    let shard = format!("--shard=$(JOB_COMPLETION_INDEX)/{}", number("completions:"));
    assert_eq!(
        number("- --shard="),
        shard.strip_prefix("--shard=").unwrap()
    );
    for (right, wrong) in [
        ("completionMode: Indexed", "completionMode: NonIndexed"),
        ("completions: 8", "completion: 8"),
        (
            "allowPrivilegeEscalation: false",
            "allowPrivilegeEscalation: true",
        ),
        ("runAsNonRoot: true", "runAsNonRoot: false"),
        ("name: tmp, mountPath", "name: temp, mountPath"),
    ] {
        assert!(manifest.contains(right), "{right}");
        read("job", &manifest.replace(right, wrong)).unwrap_err();
    }
}

#[test]
fn the_daemon_set_is_what_kubernetes_takes_and_has_no_power_beyond_folders_of_the_host() {
    let manifest = include_str!("../../examples/kubernetes/tune-daemonset.yaml");
    let answer = read("job", manifest).unwrap();
    let kinds = serde_json::json!(["Namespace", "DaemonSet"]);
    assert_eq!(answer["kinds"], kinds);
    for (right, wrong) in [
        ("matchLabels:", "matchLabel:"),
        (
            "allowPrivilegeEscalation: false",
            "allowPrivilegeEscalation: true",
        ),
        ("drop: [\"ALL\"]", "add: [\"SYS_ADMIN\"]"),
        ("enableServiceLinks: false", "hostNetwork: true"),
        ("readOnlyRootFilesystem: true", "privileged: true"),
        (
            "- name: sysctl\n              mountPath",
            "- name: sysctls\n              mountPath",
        ),
    ] {
        assert!(manifest.contains(right), "{right}");
        read("job", &manifest.replace(right, wrong)).unwrap_err();
    }
    // What it runs is a command line that the program takes.
    let line = manifest
        .lines()
        .find_map(|line| line.trim().strip_prefix("args: "));
    let arguments: Vec<String> = serde_json::from_str(line.unwrap()).unwrap();
    let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    words.push("--help");
    Bench::new().run(&words).exits(0);
}

#[test]
fn the_example_fleet_is_what_its_readme_says() {
    let bench = Bench::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    std::os::unix::fs::symlink(format!("{example}/fleet"), bench.path("fleet")).unwrap();
    let found = report(&bench, 4, &[]);
    let states: Vec<&str> = found["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["ok", "ambiguous", "rule-broken"]);
    text(&bench, 4, &[]);
    for (copy, original) in [
        ("mini01", "macmini-2014"),
        ("mini02", "macmini-2014-two-t5"),
    ] {
        let copy = fs::read(format!("{example}/fleet/snapshots/{copy}.json")).unwrap();
        let original = fs::read(format!("{example}/hardware/{original}.json")).unwrap();
        assert!(
            copy == original,
            "a snapshot of examples/fleet is no copy any more"
        );
    }
}
