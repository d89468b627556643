//! `tune lint` as a script or a person at a terminal meets it.
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

use self::cli::Bench;

const DEAD: &str = "ATTRS{idVendor}==\"04e8\", ATTRS{model}==\"Portable SSD T5*\", ATTR{queue/read_ahead_kb}=\"128\"\n";
const SOUND: &str = "ATTRS{idVendor}==\"04e8\", ATTR{queue/read_ahead_kb}=\"128\"\n";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("60-dead.rules", DEAD);
    bench.write("60-sound.rules", SOUND);
    bench.write("note.conf", "vm.dirty_ratio = 5\n");
    bench
}

#[test]
fn a_finding_has_its_place_its_line_and_a_way_out_within_80_columns() {
    let ran = bench().run(&["tune", "lint", "60-dead.rules"]).exits(2);
    for part in [
        "error[parents-differ]",
        "at 60-dead.rules:1:26",
        " 1 | ATTRS{idVendor}",
        "^",
        "fix: ",
        "1 file checked: 1 error\n",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let wide = ran.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    assert_eq!(ran.stderr, "");
}

#[test]
fn sound_files_and_notes_end_with_0() {
    let bench = bench();
    let sound = bench.run(&["tune", "lint", "60-sound.rules"]).exits(0);
    assert_eq!(sound.stdout, "1 file checked: nothing to say\n");
    let note = bench.run(&["tune", "lint", "note.conf"]).exits(0);
    assert!(
        note.stdout.contains("note[ratio-of-memory]"),
        "{}",
        note.stdout
    );
    let quiet = bench.run(&["tune", "lint", "-q", "note.conf"]).exits(0);
    assert_eq!(quiet.stdout, "1 file checked: 1 note\n");
}

#[test]
fn machines_get_one_document() {
    let bench = bench();
    for arguments in [
        &[
            "tune",
            "lint",
            "--format",
            "json",
            "60-dead.rules",
            "note.conf",
        ][..],
        &[
            "--format=json",
            "tune",
            "lint",
            "60-dead.rules",
            "note.conf",
        ],
    ] {
        let report = bench.run(arguments).exits(2).json();
        assert_eq!(report["schema"], "keelblock/tune-lint/v1");
        assert_eq!(
            (report["exit"].as_u64(), report["errors"].as_u64()),
            (Some(2), Some(1))
        );
        let first = &report["findings"][0];
        assert_eq!(first["code"], "parents-differ");
        assert_eq!(
            (&first["file"], &first["line"]),
            (&"60-dead.rules".into(), &1.into())
        );
    }
}

#[test]
fn code_hosts_get_sarif() {
    let ran = bench().run(&["tune", "lint", "--format", "sarif", "60-dead.rules"]);
    let log = ran.exits(2).json();
    let run = &log["runs"][0];
    let result = &run["results"][0];
    assert_eq!(
        (&log["version"], &result["ruleId"]),
        (&"2.1.0".into(), &"parents-differ".into())
    );
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(
        run["tool"]["driver"]["rules"][index]["id"],
        "parents-differ"
    );
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (&region["startLine"], &region["startColumn"]),
        (&1.into(), &26.into())
    );
}

#[test]
fn a_code_is_explained_and_an_unknown_one_refused() {
    let bench = bench();
    let ran = bench.run(&["tune", "lint", "--explain", "read-ahead-undone"]);
    assert!(ran.exits(0).stdout.contains("Write read_ahead_kb last."));
    let all = bench.run(&["tune", "lint", "--explain", "all"]).exits(0);
    let wide = all.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    bench.refuses(
        2,
        &["tune", "lint", "--explain", "nothing"],
        &["nothing", "--explain all"],
    );
}

#[test]
fn what_cannot_be_read_is_refused() {
    let bench = bench();
    bench.refuses(2, &["tune", "lint", "missing.rules"], &["missing.rules"]);
    bench.refuses(2, &["tune", "lint"], &["FILE"]);
    let help = bench.run(&["tune", "lint", "--help"]).exits(0);
    let wide = help.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
}

#[test]
fn a_line_near_a_secret_is_not_shown() {
    let bench = bench();
    let text = "machine:\n  token: hunter2hunter2\n  sysctls: {vm.dirty_byte: '1'}\n";
    bench.write("node.yaml", text);
    let ran = bench.run(&["tune", "lint", "node.yaml"]).exits(2);
    assert!(ran.stdout.contains("unknown-setting"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("hunter2"), "{}", ran.stdout);
}
