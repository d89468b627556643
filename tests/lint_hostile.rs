//! Files that nobody means well: every one ends in findings, without a panic and within bounds.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test program that makes files and runs the binary"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use keelblock::lint::{File, Input, Repository, lint};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_oneof, proptest};
use serde_json::Value;
use zeroize::Zeroizing;

const HOME_OPS: &str = include_str!("fixtures/talconfig/home-ops/talconfig.yaml");
const STORAGE: &str =
    include_str!("fixtures/talconfig/home-ops/talos/patches/usb-ssd-storage.yaml");

/// Codes of what is found in this text as a patch, as a talconfig.yaml and as a file of a folder.
fn codes(text: &str) -> Vec<&'static str> {
    let file = |name: &str, named| File {
        name: name.to_owned(),
        path: format!("/r/{name}"),
        text: Zeroizing::new(text.to_owned()),
        named,
    };
    let files = [
        file("talconfig.yaml", true),
        file("b.yaml", true),
        file("c.yaml", false),
    ];
    let repositories = [Repository::default()];
    let input = Input {
        files: &files,
        repositories: &repositories,
        machines: &[],
        whole: true,
    };
    let findings = lint(&input).findings;
    assert!(findings.len() <= 1000);
    findings.iter().map(|finding| finding.rule.code).collect()
}

#[test]
fn texts_that_nobody_means_well_end_in_a_finding() {
    let bomb: String = (1..30)
        .map(|i| format!("k{i}: &a{i} [*a{}, *a{}, *a{}]\n", i - 1, i - 1, i - 1))
        .collect();
    let deep = format!("machine: {}{}\n", "[".repeat(5000), "]".repeat(5000));
    let deep_block: String = (0..200)
        .map(|i| format!("{}a:\n", "  ".repeat(i)))
        .collect();
    let unknown: String = (0..5000).map(|i| format!("  unknown{i}: 1\n")).collect();
    let volume = |i: usize| {
        format!(
            "---\napiVersion: v1alpha1\nkind: UserVolumeConfig\nname: a{i}\nprovisioning: {{diskSelector: {{match: 'disk.size > {i}u && ({}true)'}}, minSize: 1GB}}\n",
            "true && ".repeat(20)
        )
    };
    let expressions: String = (0..2000).map(volume).collect();
    let patches: String = (0..3000)
        .map(|i| format!("  - 'machine: {{a{i}: 1}}'\n"))
        .collect();
    for (name, text, code) in [
        ("bomb", format!("machine: &a0 [a]\n{bomb}"), "KB103"),
        ("deep", deep, "KB103"),
        ("deep block", format!("machine:\n{deep_block}"), "KB103"),
        ("tabs", "machine:\n\ttype: worker\n".to_owned(), "KB101"),
        ("twice", "machine: {}\nmachine: {}\n".to_owned(), "KB102"),
        ("control", "machine: \u{0}\n".to_owned(), "KB101"),
        ("many keys", format!("machine:\n{unknown}"), "KB105"),
        ("expressions", expressions, "KB103"),
        (
            "patches",
            format!("clusterName: a\nendpoint: b\npatches:\n{patches}"),
            "KB105",
        ),
        ("itself", "machine: &a {env: *a}\n".to_owned(), "KB101"),
    ] {
        let found = codes(&text);
        assert!(found.contains(&code), "{name}: {found:?}");
    }
}

#[test]
fn wrong_types_everywhere_are_findings() {
    let keys = [
        "machine",
        "machine.install",
        "machine.install.diskSelector",
        "machine.install.diskSelector.model",
        "machine.disks",
        "machine.systemDiskEncryption.state.keys",
        "machine.sysctls",
        "machine.udev.rules",
        "cluster.network.podSubnets",
        "nodes",
        "patches",
        "controlPlane.userVolumes",
        "clusterPodNets",
    ];
    for key in keys {
        for value in [
            "1",
            "null",
            "[]",
            "{}",
            "[[1]]",
            "[null]",
            "{a: b}",
            "[{a: [b]}]",
            "'*'",
            "!!binary x",
            "&a 1",
            "|\n  x",
        ] {
            let mut text = String::new();
            let steps: Vec<&str> = key.split('.').collect();
            for (i, step) in steps.iter().enumerate() {
                let indent = "  ".repeat(i);
                text.push_str(&format!("{indent}{step}:\n"));
            }
            text.pop();
            codes(&format!("clusterName: a\nendpoint: b\n{text} {value}\n"));
            codes(&format!("{text} {value}\n"));
        }
    }
}

fn edit(text: &str, at: usize, cut: usize, with: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % (bytes.len() + 1);
    let end = (at + cut).min(bytes.len());
    bytes.splice(at..end, with.bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

fn junk() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "${A}",
        "\t",
        "- ",
        ": ",
        "|\n",
        "*a",
        "&a ",
        "\u{1f}",
        "ü",
        "'",
        "[",
        "}",
        "$patch: delete",
        "---\n",
        "\r",
    ];
    prop_oneof![
        (0..words.len()).prop_map(move |i| words[i].to_owned()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_edit_of_a_file_makes_the_linter_panic(
        at in any::<usize>(), cut in 0..40_usize, with in junk(), patch in any::<bool>(),
    ) {
        let text = if patch { STORAGE } else { HOME_OPS };
        codes(&edit(text, at, cut, &with));
    }
}

fn validate(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keelblock"));
    command
        .args(["validate", "--format", "json"])
        .args(arguments)
        .current_dir(folder);
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (output.status.code(), report)
}

/// Whether one of the findings has this code and these words.
fn says(report: &Value, code: &str, words: &str) -> bool {
    let mut all = report["findings"].as_array().unwrap().iter();
    all.any(|it| it["code"] == code && it["message"].as_str().unwrap().contains(words))
}

const SMALL: &str = "clusterName: a\nkubernetesVersion: v1.31.1\nendpoint: https://a:6443\nnodes:\n  - hostname: n\n    ipAddress: 10.0.0.1\n    installDisk: /dev/disk/by-id/x\n";

#[test]
fn files_that_name_each_other_or_lead_outside_are_refused_and_not_read() {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.yaml");
    fs::write(&secret, "machine: {hidden-key: 1}\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    symlink(&secret, folder.path().join("link.yaml")).unwrap();
    symlink("loop.yaml", folder.path().join("loop.yaml")).unwrap();
    for (patch, words) in [
        ("@talconfig.yaml", "names itself"),
        ("@../x.yaml", "outside"),
        ("@/etc/hostname", "outside"),
        ("@link.yaml", "leads out of"),
        ("@none.yaml", "no such file"),
        ("@.", "outside"),
    ] {
        put(
            "talconfig.yaml",
            &format!("{SMALL}patches:\n  - \"{patch}\"\n"),
        );
        let (code, report) = validate(folder.path(), &["talconfig.yaml"]);
        assert_eq!(code, Some(2), "{patch}: {report}");
        assert!(says(&report, "KB201", words), "{patch}: {report}");
        assert!(!report.to_string().contains("hidden-key"), "{patch}");
        let (code, report) = validate(folder.path(), &["."]);
        assert_eq!(code, Some(2), "{patch}: {report}");
        assert!(!report.to_string().contains("hidden-key"), "{patch}");
    }
}

#[test]
fn files_that_are_no_text_or_too_large_are_findings_with_their_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("binary.yaml"), [b'a', 0xff]).unwrap();
    let large = fs::File::create(folder.path().join("large.yaml")).unwrap();
    large.set_len(100 << 20).unwrap();
    fs::write(
        folder.path().join("good.yaml"),
        "machine: {certSANs: [a]}\n",
    )
    .unwrap();
    let names = ["binary.yaml", "large.yaml", "none.yaml", "good.yaml"];
    let (code, report) = validate(folder.path(), &names);
    assert_eq!(code, Some(2));
    for words in ["byte 1 is not UTF-8", "larger than 4 MiB", "No such file"] {
        assert!(says(&report, "KB104", words), "{words}: {report}");
    }
    assert_eq!(report["errors"], 3);
    assert_eq!(report["files"].as_array().unwrap().len(), 4);
    let (code, report) = validate(folder.path(), &["."]);
    assert_eq!((code, &report["errors"]), (Some(2), &2.into()), "{report}");
}
