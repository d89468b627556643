//! The Talos part of a real repository: every mistake in it is found at its line, and nothing else is an error.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test program that runs the binary"
)]

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelblock"));
    command.current_dir(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/talconfig"
    ));
    command.arg("validate").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = run(arguments);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// File, line and code of every finding but those of the tuner's linter, which has tests of its own.
fn findings(report: &Value) -> Vec<(String, u64, String)> {
    let all = report["findings"].as_array().unwrap().iter();
    let all = all.map(|it| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        (text("file"), it["line"].as_u64().unwrap(), text("code"))
    });
    all.filter(|(_, _, code)| !code.starts_with("KB6"))
        .collect()
}

const WANTED: [(&str, u64, &str); 20] = [
    // The prefix is that of the nodes' own network, and not the one that is written.
    ("talconfig.yaml", 12, "KB212"),
    // And the services' addresses are in the network that comes of it.
    ("talconfig.yaml", 15, "KB701"),
    ("talconfig.yaml", 21, "KB304"),
    ("talconfig.yaml", 21, "KB303"),
    // Its configuration is applied by hand, which a new node boots without.
    ("talconfig.yaml", 27, "KB208"),
    ("talconfig.yaml", 46, "KB501"),
    ("talconfig.yaml", 68, "KB211"),
    ("talconfig.yaml", 99, "KB401"),
    ("talconfig.yaml", 104, "KB401"),
    ("talconfig.yaml", 110, "KB211"),
    ("talos/manifests/lldpd-extension-config.yaml", 1, "KB204"),
    ("talos/patches/lldpd.yaml", 1, "KB204"),
    ("talos/patches/lldpd.yaml", 4, "KB207"),
    ("talos/patches/lldpd.yaml", 6, "KB207"),
    ("talos/patches/usb-ssd-storage.yaml", 1, "KB204"),
    ("talos/patches/usb-ssd-storage.yaml", 3, "KB112"),
    ("talos/patches/usb-ssd-storage.yaml", 4, "KB301"),
    ("talos/patches/usb-ssd-storage.yaml", 7, "KB105"),
    ("talos/patches/usb-ssd-uservolumes.yaml", 1, "KB204"),
    ("talos/patches/usb-ssd-uservolumes.yaml", 3, "KB105"),
];

#[test]
fn every_mistake_is_found_at_its_line_and_nothing_else() {
    let report = json(&["home-ops", "--format", "json"]);
    assert_eq!(report["schema"], "keelblock/lint/v1");
    let wanted: Vec<_> = WANTED
        .iter()
        .map(|(file, line, code)| (format!("home-ops/{file}"), *line, (*code).to_owned()))
        .collect();
    assert_eq!(findings(&report), wanted);
    let errors: Vec<u64> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["level"] == "error")
        .map(|it| it["line"].as_u64().unwrap())
        .collect();
    assert_eq!(errors, [7, 3]);
    assert_eq!((&report["exit"], &report["errors"]), (&2.into(), &2.into()));
    assert_eq!(report["files"].as_array().unwrap().len(), 5);
}

#[test]
fn the_file_alone_has_no_errors() {
    let output = run(&["home-ops/talconfig.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert!(
        text.lines().last().unwrap().starts_with("1 file checked: "),
        "{text}"
    );
    assert!(text.contains("    21 |       model: APPLE*\n"), "{text}");
    let strict = run(&["home-ops/talconfig.yaml", "--strict"]);
    assert_eq!(strict.status.code(), Some(2));
}

#[test]
fn every_code_is_explained_and_others_are_refused() {
    let list = run(&["--explain"]);
    let list = String::from_utf8(list.stdout).unwrap();
    for (_, _, code) in WANTED {
        assert!(list.contains(code));
        let one = run(&["--explain", code]);
        let one = String::from_utf8(one.stdout).unwrap();
        assert!(one.starts_with(code) && one.contains("\nfix: "), "{one}");
        assert!(one.lines().all(|line| line.chars().count() <= 80), "{one}");
    }
    assert_eq!(run(&["--explain", "KB999"]).status.code(), Some(2));
}

#[test]
fn sarif_names_files_that_a_code_host_can_show() {
    let log = json(&["home-ops", "--format", "sarif"]);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let uris: Vec<&str> = results
        .iter()
        .map(|it| &it["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])
        .map(|uri| uri.as_str().unwrap())
        .collect();
    assert!(uris.contains(&"home-ops/talos/patches/lldpd.yaml"));
    assert!(uris.iter().all(|uri| uri.starts_with("home-ops/")));
}
