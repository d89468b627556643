//! The parser of udev rules against udev itself: its own files, and the verdicts of `udevadm verify`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the repository's and the machine's files and asks udevadm"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use keelblock::tuner::rules::{Weight, parse};

fn verdicts() -> Vec<(bool, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tuning/udevadm-257.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let split = |line: &str| match line.split_once(' ') {
        Some(("accept", rule)) => (true, rule.to_owned()),
        Some(("reject", rule)) => (false, rule.to_owned()),
        _ => panic!("{line}"),
    };
    text.lines().map(split).collect()
}

/// udev takes a beginning of a builtin's name for the builtin, and runs nothing then.
fn is_half_a_builtin(rule: &str) -> bool {
    rule.contains("{builtin}") && (rule.contains("\" path_id\"") || rule.contains("\"kmo "))
}

#[test]
fn the_parser_agrees_with_udevadm_257_about_every_recorded_line() {
    let verdicts = verdicts();
    assert_eq!(verdicts.len(), 1200);
    let different: Vec<_> = verdicts
        .iter()
        .filter(|(accepted, rule)| parse(rule).is_accepted() != *accepted)
        .map(|(_, rule)| rule)
        .collect();
    let unknown = different.iter().find(|rule| !is_half_a_builtin(rule));
    assert_eq!(unknown, None);
    assert_eq!(different.len(), 3);
}

#[test]
fn every_rules_file_of_debians_udev_is_read_whole() {
    let entries = std::fs::read_dir("/usr/lib/udev/rules.d");
    let entries = entries.unwrap_or_else(|_| panic!("install the Debian package udev"));
    let mut rules = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file = parse(&text);
        let lost = file.faults.iter().find(|it| it.weight == Weight::Error);
        assert_eq!(lost, None, "{}", path.display());
        rules += file.rules.len();
    }
    assert!(rules > 100, "{rules} rules");
}

/// What this machine's udevadm says of some files; `None` before systemd 254, which brought `verify`.
fn rejected(files: &[PathBuf]) -> Option<String> {
    let run = |arguments: &[&str]| {
        let output = Command::new("udevadm").args(arguments).output();
        output.unwrap_or_else(|error| {
            panic!("cannot run udevadm ({error}): install the Debian package udev")
        })
    };
    let help = run(&["--help"]);
    if !String::from_utf8_lossy(&help.stdout).contains("verify") {
        return None;
    }
    let mut arguments = vec![
        "verify",
        "--no-summary",
        "--no-style",
        "--resolve-names=never",
    ];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let output = run(&arguments);
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Some(text.into_owned())
}

#[test]
fn this_machines_udevadm_says_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let verdicts = verdicts();
    let mut files = Vec::new();
    for (number, (_, rule)) in verdicts.iter().enumerate() {
        let path = folder.path().join(format!("{number}.rules"));
        std::fs::write(&path, format!("{rule}\n")).unwrap();
        files.push(path);
    }
    let mut different = Vec::new();
    for (files, verdicts) in files.chunks(300).zip(verdicts.chunks(300)) {
        // Without `verify` the recorded verdicts are all there is; the test above holds the parser to them.
        let Some(said) = rejected(files) else {
            return;
        };
        for (file, (accepted, rule)) in files.iter().zip(verdicts) {
            let failed = format!("{}: udev rules check failed.", file.display());
            if said.contains(&failed) == *accepted {
                different.push(rule);
            }
        }
    }
    // Later versions know more keys and options; they do not judge most lines anew.
    assert!(different.len() * 20 < verdicts.len(), "{different:?}");
}
