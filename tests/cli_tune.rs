//! `tune` as an operator meets it: on recorded machines, and on trees that stand in for sysfs and take what is written.
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
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::cli::{Bench, MACMINI_2014, Ran};

const BOT: &str = include_str!("../examples/hardware/macmini-2018-bot.json");
const BOT_TREES: [&str; 2] = ["macmini-2018", "macmini-2018-bot"];

/// A bench and a Mac mini whose attributes are plain files.
fn mini() -> (Bench, tempfile::TempDir) {
    let (tree, _) = machines::expanded(&BOT_TREES);
    (Bench::new(), tree)
}

fn tune(bench: &Bench, tree: &Path, more: &[&str]) -> Ran {
    let mut words = vec!["tune", "--state-dir", "state"];
    words.extend(more);
    let mut command = bench.command(&words);
    command.env("KEELBLOCK_ROOT", tree);
    Ran::of(&command.output().unwrap())
}

fn attribute(tree: &Path, end: &str) -> PathBuf {
    let usb = "sys/devices/pci0000:00/0000:00:14.0/usb2/2-3/2-3:1.0";
    let mut open = vec![tree.join(usb)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if entry.path().ends_with(end) {
                return entry.path();
            }
        }
    }
    panic!("no {end} below {usb}");
}

fn value(tree: &Path, end: &str) -> String {
    fs::read_to_string(attribute(tree, end))
        .unwrap()
        .trim()
        .to_owned()
}

fn results(report: &Value) -> Vec<(String, String)> {
    let settings = report["settings"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    settings
        .map(|it| (text(&it["key"]), text(&it["result"])))
        .collect()
}

#[test]
fn a_run_sets_what_differs_a_second_one_nothing_and_undo_puts_it_back() {
    let (bench, tree) = mini();
    let tree = tree.path();
    let before = cli::contents(tree);
    tune(&bench, tree, &["--check"]).exits(6);
    tune(&bench, tree, &["--dry-run"]).exits(0);
    assert_eq!(cli::contents(tree), before, "they write nothing");
    let first = tune(&bench, tree, &[]).exits(0);
    assert!(first.stdout.contains("Portable SSD T5"), "{first:#?}");
    assert!(
        first.stdout.lines().all(|line| line.chars().count() <= 80),
        "{first:#?}"
    );
    assert_eq!(value(tree, "queue/rotational"), "0");
    assert_eq!(value(tree, "queue/wbt_lat_usec"), "2000");
    tune(&bench, tree, &["--check"]).exits(0);
    let again = tune(&bench, tree, &["--format", "json"]).exits(0).json();
    assert_eq!(again["schema"], "keelblock/tune/v1");
    assert!(
        results(&again)
            .iter()
            .all(|(_, result)| result == "as-wanted"),
        "{again:#}"
    );
    tune(&bench, tree, &["--undo"]).exits(0);
    let restored = |end: &str| {
        let now = value(tree, end);
        (end.to_owned(), now)
    };
    let now: Vec<_> = ["queue/rotational", "queue/wbt_lat_usec", "bdi/max_ratio"]
        .map(restored)
        .into();
    let was = [
        ("queue/rotational", "1"),
        ("queue/wbt_lat_usec", "75000"),
        ("bdi/max_ratio", "100"),
    ];
    assert_eq!(
        now,
        was.map(|(end, value)| (end.to_owned(), value.to_owned()))
    );
    let nothing = tune(&bench, tree, &["--undo"]).exits(0);
    assert!(nothing.stdout.contains("nothing to undo"), "{nothing:#?}");
}

#[test]
fn what_cannot_be_written_is_told_and_the_rest_is_set() {
    let (bench, tree) = mini();
    let tree = tree.path();
    let rotational = attribute(tree, "queue/rotational");
    fs::remove_file(&rotational).unwrap();
    // A write to a folder fails, whoever asks.
    fs::create_dir(&rotational).unwrap();
    fs::remove_file(attribute(tree, "queue/add_random")).unwrap();
    let report = tune(&bench, tree, &["--format", "json"]).exits(5).json();
    let results = results(&report);
    let result = |key: &str| &results.iter().find(|it| it.0 == key).unwrap().1;
    assert_eq!(result("queue/rotational"), "failed");
    assert_eq!(result("queue/add_random"), "missing");
    assert_eq!(result("queue/wbt_lat_usec"), "set");
}

#[test]
fn a_recorded_machine_is_compared_and_never_set() {
    let bench = Bench::new();
    bench.write("mini.json", BOT);
    let ran = bench
        .run(&["tune", "--dry-run", "--hardware", "mini.json"])
        .exits(0);
    assert!(ran.stdout.contains("profile samsung-t5-bot"), "{ran:#?}");
    assert!(
        ran.stdout.contains("withheld") || !ran.stdout.contains("provisioning"),
        "{ran:#?}"
    );
    bench
        .run(&["tune", "--check", "--hardware", "mini.json"])
        .exits(6);
    bench.refuses(
        2,
        &["tune", "--hardware", "mini.json"],
        &["cannot be set", "--dry-run"],
    );
    bench.refuses(
        2,
        &["tune", "--undo", "--hardware", "mini.json"],
        &["cannot be set"],
    );
    bench.write("inventory.json", MACMINI_2014);
    bench.refuses(
        2,
        &["tune", "--check", "--hardware", "inventory.json"],
        &["records no attributes", "keelblock snapshot"],
    );
}

#[test]
fn only_the_named_disk_is_looked_at() {
    let bench = Bench::new();
    bench.write("mini.json", BOT);
    let words = [
        "tune",
        "--dry-run",
        "--hardware",
        "mini.json",
        "--format",
        "json",
        "--disk",
    ];
    for name in ["/dev/sda", "sda"] {
        let report = bench.run(&[&words[..], &[name]].concat()).exits(0).json();
        let settings = report["settings"].as_array().unwrap();
        assert!(
            settings.iter().all(|it| it["disk"] == "/dev/sda"),
            "{report:#}"
        );
        assert!(settings.len() >= 4);
    }
    let missing = [
        "tune",
        "--dry-run",
        "--hardware",
        "mini.json",
        "--disk",
        "/dev/sdz",
    ];
    bench.refuses(3, &missing, &["/dev/sdz", "/dev/nvme0n1"]);
}

#[test]
fn the_config_wins_over_the_profile_and_that_is_said() {
    let bench = Bench::new();
    bench.write("mini.json", BOT);
    let tuning =
        "  sysctls:\n    vm.dirty_ratio: \"5\"\n  sysfs:\n    block.sda.queue.rotational: \"1\"\n";
    let config = cli::config("    disk: /dev/nvme0n1");
    bench.write(
        "node.yaml",
        config.replace("machine:\n", &format!("machine:\n{tuning}")),
    );
    let words = [
        "tune",
        "--check",
        "-c",
        "node.yaml",
        "--hardware",
        "mini.json",
    ];
    let ran = bench.run(&words).exits(6);
    assert!(ran.stdout.contains("conflict: node.yaml:"), "{ran:#?}");
    assert!(!ran.stdout.contains("vm.dirty_bytes  "), "{ran:#?}");
}

#[test]
fn wrong_files_are_refused_before_anything_is_written() {
    let (bench, tree) = mini();
    let before = cli::contents(tree.path());
    bench.write(
        "bad.yaml",
        "version: 1\nprofiles:\n- {name: x, settings: [{key: ../x, value: 1, reason: y}]}\n",
    );
    bench.write("proof.json", "{}");
    fs::create_dir(bench.path("state")).unwrap();
    bench.write("state/tune.json", "{ torn");
    let refuses = |exit, arguments: &[&str], words: &[&str]| {
        bench.refuses_so(exit, words, |format| {
            tune(
                &bench,
                tree.path(),
                &[&["--format", format], arguments].concat(),
            )
        });
    };
    refuses(
        2,
        &["--profiles", "bad.yaml"],
        &["bad.yaml:3", "--print-profiles"],
    );
    refuses(2, &["--profiles", "nosuch.yaml"], &["nosuch.yaml"]);
    refuses(2, &["-c", "nosuch.yaml"], &["nosuch.yaml"]);
    refuses(
        2,
        &["--proof", "proof.json"],
        &["proof.json is not a proof", "trim-test"],
    );
    refuses(2, &[], &["tune.json is not a receipt"]);
    refuses(2, &["--undo"], &["tune.json is not a receipt"]);
    assert_eq!(cli::contents(tree.path()), before);
}

#[test]
fn a_run_that_was_killed_can_be_undone() {
    let (bench, tree) = mini();
    let tree = tree.path();
    tune(&bench, tree, &[]).exits(0);
    // What a killed run leaves: the receipt of everything that it might have written, and only some of it written.
    fs::write(attribute(tree, "queue/wbt_lat_usec"), "75000\n").unwrap();
    tune(&bench, tree, &["--undo"]).exits(0);
    assert_eq!(value(tree, "queue/rotational"), "1");
    assert_eq!(value(tree, "queue/wbt_lat_usec"), "75000");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_refused_before_anything_is_set() {
    let (bench, tree) = mini();
    let before = cli::contents(tree.path());
    bench.write("file", "");
    let words = ["tune", "--state-dir", "file/state"];
    let mut command = bench.command(&words);
    command.env("KEELBLOCK_ROOT", tree.path());
    let ran = Ran::of(&command.output().unwrap()).exits(5);
    assert!(ran.stderr.contains("--state-dir"), "{ran:#?}");
    assert_eq!(cli::contents(tree.path()), before);
}

#[test]
fn an_export_is_for_the_disks_that_are_there_and_the_version_that_is_named() {
    let bench = Bench::new();
    bench.write("mini.json", BOT);
    let export = ["tune", "export", "--hardware", "mini.json", "--as"];
    let udev = bench.run(&[&export[..], &["udev"]].concat()).exits(0);
    assert!(
        udev.stdout.contains("samsung-t5-bot") && !udev.stdout.contains("samsung-t7"),
        "{udev:#?}"
    );
    bench.refuses(2, &[&export[..], &["talos"]].concat(), &["--talos-version"]);
    let talos = [&export[..], &["talos", "--talos-version"]].concat();
    for (version, has, hasnt) in [
        ("1.10", "  sysctls:", "SysctlConfig"),
        ("v1.14.1", "kind: SysctlConfig", "UdevRulesConfig"),
        ("1.15", "kind: UdevRulesConfig", "machine:"),
    ] {
        let ran = bench.run(&[&talos[..], &[version]].concat()).exits(0);
        assert!(
            ran.stdout.contains(has) && !ran.stdout.contains(hasnt),
            "{version}: {ran:#?}"
        );
    }
    bench.run(&[&talos[..], &["new"]].concat()).exits(2);
    let file = [&export[..], &["sysctl", "-o", "60-own.conf"]].concat();
    bench.run(&file).exits(0);
    let written = fs::read_to_string(bench.path("60-own.conf")).unwrap();
    assert!(
        written.contains("\nvm.dirty_bytes = 268435456\n"),
        "{written}"
    );
}

#[test]
fn drift_is_blamed_on_the_rule_or_file_that_says_the_value_that_is_there() {
    let (bench, tree) = mini();
    let tree = tree.path();
    let put = |path: &str, text: &str| {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put(
        "etc/udev/rules.d/70-mine.rules",
        "# comment\nSUBSYSTEM==\"block\", KERNEL==\"sd[a-z]\", ATTR{queue/read_ahead_kb}=\"4096\"\n",
    );
    put("etc/sysctl.d/10-mine.conf", "vm.dirty_bytes = 16777216\n");
    fs::write(attribute(tree, "sda/queue/read_ahead_kb"), "4096\n").unwrap();
    put("proc/sys/vm/dirty_bytes", "16777216\n");
    let report = tune(&bench, tree, &["--check", "--format", "json"])
        .exits(6)
        .json();
    let blame = |key: &str| {
        let settings = report["settings"].as_array().unwrap();
        let setting = settings.iter().find(|it| it["key"] == key).unwrap();
        setting["blame"].as_str().unwrap_or_default().to_owned()
    };
    let rule = blame("queue/read_ahead_kb");
    assert!(rule.contains("/etc/udev/rules.d/70-mine.rules:2"), "{rule}");
    let sysctl = blame("vm.dirty_bytes");
    assert!(sysctl.contains("/etc/sysctl.d/10-mine.conf:1"), "{sysctl}");
    let text = tune(&bench, tree, &["--check"]).exits(6).stdout;
    assert!(text.contains("70-mine.rules:2"), "{text}");
}

#[test]
fn the_udev_rules_of_the_config_are_wishes_where_they_hold() {
    let (bench, tree) = mini();
    let rules = "  udev:\n    rules:\n    \
                 - SUBSYSTEM==\"block\", KERNEL==\"sda\", ATTR{queue/read_ahead_kb}=\"512\"\n    \
                 - SUBSYSTEM==\"net\", KERNEL==\"sda\", ATTR{queue/nr_requests}=\"4\"\n";
    let config = cli::config("    disk: /dev/nvme0n1");
    bench.write(
        "node.yaml",
        config.replace("machine:\n", &format!("machine:\n{rules}")),
    );
    let ran = tune(&bench, tree.path(), &["-c", "node.yaml"]).exits(0);
    assert_eq!(
        value(tree.path(), "sda/queue/read_ahead_kb"),
        "512",
        "{ran:#?}"
    );
    assert!(ran.stdout.contains("conflict: node.yaml:"), "{ran:#?}");
    assert!(!ran.stdout.contains("nr_requests"), "{ran:#?}");
    bench.write("mini.json", BOT);
    let recorded = [
        "tune",
        "--dry-run",
        "-c",
        "node.yaml",
        "--hardware",
        "mini.json",
    ];
    let ran = bench.run(&recorded).exits(0);
    assert!(
        ran.stdout.contains("note: the udev rules of the config"),
        "{ran:#?}"
    );
}
