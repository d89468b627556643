//! Files that nobody should have put there: every one is a finding, none is opened that lies elsewhere, none stops the rest.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use nix::sys::stat::Mode;

use crate::cli::{Bench, MACMINI_2014};
use crate::{APPLE, add, codes, fleet, node, report, text};

#[test]
fn a_folder_that_is_no_fleet_says_so() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    fs::create_dir(bench.path("other")).unwrap();
    bench.write("other/pod.yaml", "apiVersion: v1\nkind: Pod\n");
    bench.write("talconfig.yaml", "clusterName: x\n");
    for (arguments, words) in [
        (
            &["check", "empty"][..],
            &["no machine configuration", "empty"][..],
        ),
        (&["check", "other"], &["no machine configuration"]),
        (
            &["check", "nowhere"],
            &["cannot look into nowhere", "No such file"],
        ),
        (&["check", "talconfig.yaml"], &["is no folder", "select"]),
        (&["check", "empty", "--base", "nowhere"], &["nowhere"]),
        (
            &["check", "empty", "--shard", "8/8"],
            &["count from 0 to 7"],
        ),
        (
            &["check", "empty", "--hardware", "x"],
            &["leave --hardware out"],
        ),
    ] {
        bench.refuses(2, arguments, words);
    }
    let all = ["--format", "sarif", "validate", "-c", "x"];
    let ran = bench.run(&all).exits(2);
    assert!(ran.stderr.contains("sarif"), "{ran:#?}");
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_a_finding_and_no_crash() {
    let bench = fleet();
    add(&bench, "fleet", "b");
    let config = node("a", APPLE, "");
    for cut in (0..config.len()).step_by(23) {
        bench.write("fleet/clusterconfig/home-a.yaml", &config[..cut]);
        let ran = bench.run(&["check", "fleet", "--format", "json"]);
        let report = ran.json();
        let nodes = report["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 2, "cut at {cut}: {ran:#?}");
        // Even where what is left is valid by chance, the cut-off node is not taken for a good one unseen.
        assert!(
            nodes.iter().any(|n| n["name"] == "b" && n["state"] == "ok"),
            "{cut}"
        );
    }
    bench.write("fleet/clusterconfig/home-a.yaml", &config);
    for cut in (0..MACMINI_2014.len()).step_by(397) {
        bench.write("fleet/snapshots/a.json", &MACMINI_2014[..cut]);
        let found = report(&bench, 2, &[]);
        assert!(
            codes(&found)[0].starts_with("snapshot fleet/snapshots/a.json:"),
            "{cut}"
        );
    }
}

#[test]
fn nothing_outside_of_the_folder_is_opened() {
    let bench = fleet();
    bench.write("outside.yaml", node("outside", APPLE, ""));
    bench.write("outside.json", MACMINI_2014);
    symlink("../outside.yaml", bench.path("fleet/out.yaml")).unwrap();
    symlink("/etc/passwd", bench.path("fleet/passwd.yaml")).unwrap();
    symlink("nowhere", bench.path("fleet/nowhere.json")).unwrap();
    symlink(".", bench.path("fleet/loop")).unwrap();
    symlink("loop.yaml", bench.path("fleet/loop.yaml")).unwrap();
    // A link to a file of the fleet is followed.
    symlink("snapshots/a.json", bench.path("fleet/b.json")).unwrap();
    add(&bench, "fleet", "b");
    fs::remove_file(bench.path("fleet/snapshots/b.json")).unwrap();
    let found = report(&bench, 2, &[]);
    let lines = codes(&found);
    for name in ["out.yaml", "passwd.yaml", "nowhere.json", "loop.yaml"] {
        let wanted = format!("unreadable fleet/{name}:1:1");
        assert!(lines.contains(&wanted), "{wanted}: {lines:?}");
    }
    assert_eq!(lines.len(), 4, "{lines:?}");
    let nodes = found["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{nodes:?}");
    assert_eq!(nodes[1]["hardware"], "fleet/b.json");
    for path in [
        "../outside.json",
        "/etc/passwd",
        "snapshots/../../outside.json",
        "out.yaml",
    ] {
        let expect = format!("version: 1\nnodes:\n  a:\n    hardware: {path}\n");
        bench.write("fleet/expect.yaml", expect);
        let lines = codes(&report(&bench, 2, &[]));
        assert!(
            lines
                .iter()
                .any(|line| line.contains("fleet/expect.yaml:4:15")),
            "{path}: {lines:?}"
        );
    }
}

#[test]
fn what_cannot_be_read_is_told_and_not_passed_over() {
    let bench = fleet();
    bench.write("fleet/binary.yaml", [b'a', 0xff, b'\n']);
    bench.write(
        "fleet/control.yaml",
        "version: v1alpha1\nmachine:\n  type: \u{1}\n",
    );
    let name = OsStr::from_bytes(b"fleet/no\xfftext.yaml");
    fs::write(bench.folder().join(name), "machine: {}\n").unwrap();
    bench.blank("fleet/huge.yaml", 1 << 40);
    bench.blank("fleet/huge.json", 1 << 40);
    nix::unistd::mkfifo(&bench.path("fleet/pipe.yaml"), Mode::S_IRWXU).unwrap();
    let found = report(&bench, 2, &[]);
    let lines = codes(&found);
    for wanted in [
        "unreadable fleet/binary.yaml:1:1",
        "unreadable fleet/huge.yaml:1:1",
        "unreadable fleet/pipe.yaml:1:1",
        "unreadable fleet/no\u{fffd}text.yaml:1:1",
        "configuration fleet/control.yaml:3:9",
    ] {
        assert!(
            lines.iter().any(|line| line == wanted),
            "{wanted}: {lines:?}"
        );
    }
    // A JSON file that is no recorded machine is nobody's business.
    assert!(
        !lines.iter().any(|line| line.contains("huge.json")),
        "{lines:?}"
    );
    assert_eq!(found["nodes"][0]["state"], "ok");
    if !nix::unistd::geteuid().is_root() {
        let secret = bench.path("fleet/clusterconfig/home-a.yaml");
        fs::set_permissions(secret, fs::Permissions::from_mode(0o000)).unwrap();
        let lines = codes(&report(&bench, 2, &[]));
        assert!(
            lines.iter().any(|line| line.contains("home-a.yaml")),
            "{lines:?}"
        );
    }
}

#[test]
fn expectations_that_are_no_expectations_stop_the_check_at_their_line() {
    let bench = fleet();
    for (body, words) in [
        (
            "version: 1\nnver: []\n".to_owned(),
            &["did you mean never?", " 2 | nver: []", "   | ^"][..],
        ),
        (
            format!("version: 1\nnodes: {}", "[".repeat(100_000)),
            &["nested too deeply"],
        ),
        (
            format!("version: 1\nnever:\n{}", "- {size: 1}\n".repeat(80_000)),
            &["too many values"],
        ),
        (
            format!("version: 1\n#{}", "x".repeat(5 << 20)),
            &["larger than 1 MiB"],
        ),
        (
            "version: 1\nnever: [{match: '1 +'}]\n".to_owned(),
            &["not a valid expression"],
        ),
        (
            format!("version: 1\nnever: [{{match: '{}1'}}]\n", "!".repeat(5000)),
            &["not a valid expression"],
        ),
        (
            format!(
                "version: 1\nnever:\n{}",
                (0..700)
                    .map(|i| format!("- {{match: disk.size > {i}u}}\n"))
                    .collect::<String>()
            ),
            &["8203", "8192", "633 | - {match: disk.size > 630u}", "  ^"],
        ),
        (
            format!(
                "version: 1\nnever: [{{match: '[{}] == 1'}}]\n",
                "1,".repeat(1000)
            ),
            &["not a valid expression", "^"],
        ),
        ("a: &a [*a]\n".to_owned(), &["alias"]),
    ] {
        bench.write("fleet/expect.yaml", &body);
        let ran = text(&bench, 2, &[]);
        for word in words {
            assert!(ran.stdout.contains(word), "{word}: {ran:#?}");
        }
        assert!(ran.stdout.contains("exit 2: expectations"), "{ran:#?}");
    }
    bench.write("fleet/expect.yaml", [0xff]);
    assert!(text(&bench, 2, &[]).stdout.contains("not UTF-8"));
    let named = text(&bench, 2, &["--expect", "nowhere.yaml"]);
    assert!(named.stdout.contains("No such file"), "{named:#?}");
}

#[test]
fn the_same_expression_a_thousand_times_is_one() {
    let bench = fleet();
    let rules = "- {match: disk.size > 100u * TB}\n".repeat(5000);
    bench.write("fleet/expect.yaml", format!("version: 1\nnever:\n{rules}"));
    assert_eq!(report(&bench, 0, &[])["nodes"][0]["state"], "ok");
}

#[test]
fn rules_that_never_end_count_as_broken_and_end() {
    let bench = fleet();
    let list = "[1,1,1,1,1,1,1,1,1,1]";
    let nested = |inner: String, name: &str| format!("{list}.all({name}, {inner})");
    let endless = ["a", "b", "c", "d", "e"]
        .into_iter()
        .fold("true".to_owned(), nested);
    let rules = format!("- {{match: '{endless}'}}\n").repeat(2000);
    bench.write("fleet/expect.yaml", format!("version: 1\nnever:\n{rules}"));
    let found = report(&bench, 4, &[]);
    let findings = found["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 2000);
    for finding in findings {
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("takes too much work"), "{message}");
    }
}

#[test]
fn what_a_file_says_of_itself_reaches_no_terminal_raw() {
    let bench = fleet();
    bench.write("fleet/\u{1b}[31m.yaml", "version: v1alpha1\nmachine: [\n");
    bench.machine("fleet/snapshots/a.json", |machine| {
        machine["disks"][1]["model"] = "APPLE \u{1b}]0;x\u{7}".into();
    });
    for format in ["text", "json", "sarif", "junit"] {
        let ran = bench.run(&["check", "fleet", "--format", format]).exits(2);
        let raw = ran.stdout.contains(['\u{1b}', '\u{7}']) || ran.stderr.contains('\u{1b}');
        assert!(!raw, "{format}: {ran:#?}");
    }
}

#[test]
fn no_passphrase_is_in_any_output() {
    let bench = fleet();
    let config =
        node("a", APPLE, "").replace("nodeID: {}", "static: {passphrase: hunter2-hunter2}");
    for broken in [
        config.clone(),
        config.replace("slot: 0", "slot: hunter2-hunter2"),
        config.replace("static: {", "static: {{"),
        config.replace("provider: luks2", "provider: hunter2-hunter2"),
    ] {
        bench.write("fleet/clusterconfig/home-a.yaml", broken);
        for format in ["text", "json", "sarif", "junit"] {
            let ran = bench.run(&["check", "fleet", "--format", format]);
            assert!(!ran.stdout.contains("hunter2"), "{format}: {ran:#?}");
        }
    }
}
