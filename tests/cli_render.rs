//! `render`, and `-c talconfig.yaml --node HOST`, as a script or a person meets them.
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

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use self::cli::Bench;

const TALCONFIG: &str = include_str!("../examples/talconfig/talconfig.yaml");

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("talconfig.yaml", TALCONFIG);
    bench.write("machine.json", cli::MACMINI_2014);
    bench
}

#[test]
fn a_node_is_printed_and_the_placeholders_are_said() {
    let ran = bench().run(&["render", "--node", "mini01"]).exits(0);
    assert!(ran.stdout.starts_with("version: v1alpha1\n"), "{ran:?}");
    assert!(ran.stdout.contains("hostname: mini01"), "{ran:?}");
    assert!(ran.stderr.contains("secrets are placeholders"), "{ran:?}");
    let ran = bench().run(&["render", "--all", "--format=json"]).exits(0);
    let report = ran.json();
    assert_eq!(report["schema"], "keelblock/rendered/v1");
    assert_eq!(report["placeholders"], true);
    let names: Vec<_> = report["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["hostname"])
        .collect();
    assert_eq!(names, ["mini01", "mini02"]);
}

#[test]
fn files_are_written_for_their_owner_alone_and_hold_what_is_printed() {
    let bench = bench();
    let printed = bench.run(&["render", "--node", "mini02"]).exits(0).stdout;
    bench
        .run(&["render", "--node", "mini02", "-o", "one.yaml"])
        .exits(0);
    bench.run(&["render", "--all", "-o", "out"]).exits(0);
    for name in ["one.yaml", "out/home-ops-mini02.yaml"] {
        let path = bench.path(name);
        assert_eq!(fs::read_to_string(&path).unwrap(), printed, "{name}");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert!(bench.exists("out/home-ops-mini01.yaml"));
}

#[test]
fn nothing_is_written_unless_every_node_could_be_rendered() {
    let bench = Bench::new();
    let patch = "    patches: ['{{ $$x := 1 }}machine: {certSANs: [hidden-text]}']\n";
    let broken = TALCONFIG.replace(
        "controlPlane:\n  nodeAnnotations",
        &format!("{patch}controlPlane:\n  nodeAnnotations"),
    );
    assert_ne!(broken, TALCONFIG);
    bench.write("talconfig.yaml", broken);
    bench.run(&["render", "--node", "mini01"]).exits(0);
    let words = [
        "mini02",
        "variables are not rendered",
        "talhelper genconfig",
    ];
    bench.refuses(2, &["render", "--all", "-o", "out"], &words);
    assert!(!bench.exists("out"));
    let ran = bench.run(&["render", "--node", "mini02"]).exits(2);
    assert!(!ran.stderr.contains("hidden-text"), "{ran:?}");
}

#[test]
fn a_node_that_is_not_there_or_not_named_is_refused_with_all_names() {
    let bench = bench();
    bench.refuses(
        2,
        &["render", "--node", "mini09"],
        &["no node mini09", "mini01, mini02"],
    );
    bench.refuses(
        2,
        &["validate", "-c", "talconfig.yaml"],
        &["--node", "mini01, mini02"],
    );
    bench.refuses(
        2,
        &["render", "none.yaml", "--node", "a"],
        &["none.yaml", "no such file"],
    );
    bench.write("node.yaml", "machine: {type: worker}\n");
    let words = ["--node mini01", "no talconfig.yaml"];
    bench.refuses(
        2,
        &["validate", "-c", "node.yaml", "--node", "mini01"],
        &words,
    );
}

#[test]
fn every_command_takes_the_node_of_a_talconfig_as_it_takes_its_rendered_file() {
    let bench = bench();
    bench
        .run(&["render", "--node", "mini01", "-o", "mini01.yaml"])
        .exits(0);
    let machine = ["--hardware", "machine.json", "--uuid", cli::UUID];
    let cases: [(&[&str], &[&str]); 3] = [
        (&["validate"], &[]),
        (&["select", "--format=json"], &machine[..2]),
        (&["tune", "--check", "--format=json"], &machine[..2]),
    ];
    for (command, more) in cases {
        let run = |config: &[&str]| {
            let words: Vec<&str> = [command, config, more].concat();
            let ran = bench.run(&words);
            (
                ran.code,
                ran.stdout
                    .replace("mini01.yaml", "CONFIG")
                    .replace("talconfig.yaml (rendered for mini01)", "CONFIG"),
            )
        };
        let direct = run(&["-c", "talconfig.yaml", "--node", "mini01"]);
        assert_eq!(direct, run(&["-c", "mini01.yaml"]), "{command:?}");
        assert_ne!(direct.1, "", "{command:?}");
    }
}
