//! What the linter says about settings as they are found in the wild, and about files that nobody should have written.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test reads the repository's files"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use keelblock::tuner::lint::{Code, FileKind, Finding, Input, MOST_FINDINGS, kind_of, lint};
use proptest::prelude::{any, proptest};
use proptest::test_runner::Config;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every file below `directory` with one of these ends, sorted.
fn files(directory: &str, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![repository(directory)];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let end = path.extension().and_then(|end| end.to_str());
            if path.is_dir() {
                open.push(path);
            } else if end.is_some_and(|end| ends.contains(&end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no files below {directory}");
    found
}

fn lint_file(path: &Path) -> (String, Vec<Finding>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let kind = kind_of(name, &text);
    let findings = lint(&[Input {
        name,
        text: &text,
        kind,
        nodes: None,
        items: None,
    }]);
    (text, findings)
}

/// Line → the codes that its mark asks for.
fn marked(text: &str) -> BTreeMap<u32, BTreeSet<String>> {
    let mut marks = BTreeMap::new();
    let mut below: Option<BTreeSet<String>> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(codes) = line.strip_prefix("# lint:") {
            below = Some(codes.split_whitespace().map(str::to_owned).collect());
        } else if let Some(codes) = below.take() {
            marks.insert(number, codes);
        }
    }
    marks
}

#[test]
fn every_line_of_the_fixtures_gets_the_codes_that_it_asks_for_and_no_other() {
    let mut seen = BTreeSet::new();
    for path in files("tests/fixtures/tuning", &["rules", "conf", "yaml"]) {
        let (text, findings) = lint_file(&path);
        let mut found: BTreeMap<u32, BTreeSet<String>> = BTreeMap::new();
        for finding in findings {
            let codes = found.entry(finding.at.line).or_default();
            codes.insert(finding.code.word().to_owned());
            seen.insert(finding.code);
        }
        assert_eq!(found, marked(&text), "{}", path.display());
    }
    let unseen: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !seen.contains(code))
        .collect();
    assert_eq!(unseen, Vec::<&Code>::new(), "no fixture has these");
}

#[test]
fn nothing_is_said_about_the_shipped_files() {
    let mut checked = files("udev-rules", &["rules"]);
    checked.extend(files("sysctl.d", &["conf"]));
    for path in checked {
        let (_, findings) = lint_file(&path);
        assert_eq!(findings, Vec::new(), "{}", path.display());
    }
}

#[test]
fn the_example_nodes_have_the_no_ops_of_their_owner_and_nothing_worse() {
    let known = [
        Code::NoEffect,
        Code::NoEffectUnderUas,
        Code::NarrowName,
        Code::RatioOfMemory,
    ];
    for path in files("examples", &["yaml", "yml"]) {
        let (_, findings) = lint_file(&path);
        let other = findings.iter().find(|it| !known.contains(&it.code));
        assert_eq!(other, None, "{}", path.display());
    }
}

#[test]
fn whole_configurations_are_different_nodes_and_not_compared() {
    let text = "machine:\n  type: worker\n  sysctls: {kernel.x: '1'}\ncluster: {}\n";
    let input = |name| Input {
        name,
        text,
        kind: FileKind::Talos,
        nodes: None,
        items: None,
    };
    assert_eq!(lint(&[input("a.yaml"), input("b.yaml")]), Vec::new());
    let patch = Input {
        name: "patch.yaml",
        text: "machine:\n  sysctls: {kernel.x: '1'}\n",
        kind: FileKind::Talos,
        nodes: None,
        items: None,
    };
    let found = lint(&[input("a.yaml"), patch]);
    assert_eq!(found.first().map(|it| it.code), Some(Code::Duplicate));
}

#[test]
fn patches_of_different_nodes_are_not_compared() {
    let text = "machine:\n  sysctls: {kernel.x: '1'}\n";
    let input = |name, nodes| Input {
        name,
        text,
        kind: FileKind::Talos,
        nodes,
        items: None,
    };
    let codes = |inputs: &[Input<'_>]| -> Vec<Code> {
        let found = lint(inputs);
        found.iter().map(|it| it.code).collect()
    };
    let (first, rest) = (input("a.yaml", Some(&[0])), input("b.yaml", Some(&[1, 2])));
    assert_eq!(codes(&[first, rest]), []);
    let (last, all) = (input("c.yaml", Some(&[2])), input("d.yaml", None));
    assert_eq!(codes(&[first, rest, last]), [Code::Duplicate]);
    assert_eq!(codes(&[first, all]), [Code::Duplicate]);
    let inline = |more: &str| {
        let patches = "patches: ['machine: {sysctls: {kernel.x: \"1\"}}']";
        let text = format!(
            "nodes:\n  - controlPlane: true\n  - hostname: w\n{more}controlPlane:\n  {patches}\nworker:\n  {patches}\n"
        );
        let talconfig = Input {
            name: "talconfig.yaml",
            text: &text,
            kind: FileKind::Talos,
            nodes: None,
            items: None,
        };
        codes(&[talconfig])
    };
    assert_eq!(inline(""), []);
    let own = "    patches: ['machine: {sysctls: {kernel.x: \"1\"}}']\n";
    assert_eq!(inline(own), [Code::Duplicate]);
}

#[test]
fn nothing_but_what_udev_says_itself_is_said_about_debians_rules() {
    let directory = Path::new("/usr/lib/udev/rules.d");
    let entries = std::fs::read_dir(directory);
    let entries = entries.unwrap_or_else(|_| panic!("install the Debian package udev"));
    for entry in entries {
        let path = entry.unwrap().path();
        let (_, findings) = lint_file(&path);
        let ours = findings.iter().find(|it| it.code != Code::DoubtfulSyntax);
        assert_eq!(ours, None, "{}", path.display());
    }
}

#[test]
fn a_later_file_wins_over_an_earlier_one() {
    let inputs = [
        Input {
            name: "b/90-late.conf",
            text: "vm.dirty_bytes = 1000000\n",
            kind: FileKind::Sysctl,
            nodes: None,
            items: None,
        },
        Input {
            name: "a/10-early.conf",
            text: "vm.dirty_bytes = 2000000\nvm.dirty_ratio = 5\n",
            kind: FileKind::Sysctl,
            nodes: None,
            items: None,
        },
    ];
    let found = lint(&inputs);
    let places: Vec<_> = found
        .iter()
        .map(|it| (it.code, it.at.to_string()))
        .collect();
    assert!(
        places.contains(&(Code::Shadowed, "a/10-early.conf:1:1".to_owned())),
        "{places:?}"
    );
    assert!(
        places.contains(&(Code::BothLimits, "b/90-late.conf:1:1".to_owned())),
        "{places:?}"
    );
}

#[test]
fn a_talos_document_wins_over_the_machine_section() {
    let text = "apiVersion: v1alpha1\nkind: SysctlConfig\nparams: {kernel.x: '1'}\n---\nmachine:\n  sysctls: {kernel.x: '2'}\n";
    let found = lint(&[Input {
        name: "x.yaml",
        text,
        kind: FileKind::Talos,
        nodes: None,
        items: None,
    }]);
    let [finding] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!((finding.code, finding.at.line), (Code::Shadowed, 6));
}

/// Text that is nothing but what rules are made of.
fn hostile(seed: &[u8]) -> String {
    const PIECES: [&str; 32] = [
        "ACTION",
        "ATTR{queue/read_ahead_kb}",
        "ATTRS{idVendor}",
        "==",
        "=",
        "+=",
        "!=",
        "\"",
        "e\"",
        "\\",
        "\n",
        "#",
        ",",
        " ",
        "{",
        "}",
        "*",
        "[",
        "|",
        "$",
        "%",
        "GOTO",
        "LABEL",
        "a",
        "machine:\n  udev:\n    rules:\n      - |\n",
        "        ",
        "vm.dirty_bytes",
        "-",
        "\0",
        "\r",
        "\u{fffd}",
        "9999999999",
    ];
    seed.iter()
        .map(|byte| PIECES[usize::from(*byte) % PIECES.len()])
        .collect()
}

proptest! {
    #![proptest_config(Config::with_cases(300))]

    #[test]
    fn hostile_files_are_checked_without_a_panic(seed: Vec<u8>, kind in 0..3_u8, raw in any::<bool>()) {
        let text = if raw { String::from_utf8_lossy(&seed).into_owned() } else { hostile(&seed) };
        let kind = match kind {
            0 => FileKind::Rules,
            1 => FileKind::Sysctl,
            _ => FileKind::Talos,
        };
        let findings = lint(&[Input { name: "x", text: &text, kind, nodes: None, items: None }]);
        assert!(findings.iter().all(|it| it.at.line >= 1 && it.at.column >= 1));
    }
}

#[test]
fn a_mebibyte_of_anything_is_checked_within_bounds() {
    let seed: Vec<u8> = (0..400_000_u32)
        .map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 24).unwrap())
        .collect();
    let line = "ATTRS{idVendor}==\"04e8\", ATTR{queue/rotational}=\"0\", ATTR{queue/read_ahead_kb}=\"128\"\n";
    let guards = "ENV{A}!=\"1\", GOTO=\"x\"\n";
    for text in [
        hostile(&seed),
        line.repeat((1 << 20) / line.len()),
        guards.repeat((1 << 20) / guards.len()),
        "vm.dirty_bytes=1\n".repeat(60_000),
        "x".repeat(1 << 20),
    ] {
        for kind in [FileKind::Rules, FileKind::Sysctl, FileKind::Talos] {
            let found = lint(&[Input {
                name: "x",
                text: &text,
                kind,
                nodes: None,
                items: None,
            }]);
            assert!(found.len() <= MOST_FINDINGS);
        }
    }
}
