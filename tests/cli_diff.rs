//! `diff` as the reviewer of a pull request meets it: real revisions of a real repository, folders and files.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "support/cli.rs"]
mod cli;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use self::cli::{Bench, MACMINI_2014, Ran};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");

/// A talconfig.yaml with two nodes, after `examples/talconfig`.
const TALCONFIG: &str = "\
clusterName: home
talosVersion: v1.12.0
kubernetesVersion: v1.34.1
endpoint: https://10.0.0.10:6443
nodes:
  - hostname: a
    ipAddress: 10.0.0.1
    controlPlane: true
    installDiskSelector: {model: APPLE*}
  - hostname: b
    ipAddress: 10.0.0.2
    controlPlane: true
    installDiskSelector: {model: APPLE*}
    patches:
      - '@patches/b.yaml'
patches:
  - |-
    machine:
      systemDiskEncryption:
        state:
          provider: luks2
          keys:
            - {slot: 0, nodeID: {}}
            - {slot: 1, static: {passphrase: hunter-first}}
";

const PATCH: &str = "machine:\n  sysctls:\n    vm.swappiness: '10'\n";

fn git(bench: &Bench, words: &[&str]) {
    let ran = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(words)
        .current_dir(bench.folder())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is needed: install Debian's package git");
    assert!(ran.status.success(), "{words:?}: {ran:?}");
}

fn commit(bench: &Bench) {
    git(bench, &["add", "-A"]);
    git(bench, &["commit", "-q", "-m", "x"]);
}

/// A repository with a committed talconfig.yaml in the folder talos.
fn repository() -> Bench {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("talos/patches")).unwrap();
    bench.write("talos/talconfig.yaml", TALCONFIG);
    bench.write("talos/patches/b.yaml", PATCH);
    git(&bench, &["init", "-q", "."]);
    commit(&bench);
    bench
}

fn change(bench: &Bench, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(bench.path(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    bench.write(file, text.replace(from, to));
}

fn diff(bench: &Bench, exit: i32, words: &[&str]) -> Value {
    let mut all = vec!["diff", "--format", "json"];
    all.extend(words);
    let report = bench.run(&all).exits(exit).json();
    assert_eq!(report["schema"], "keelblock/diff/v1");
    assert_eq!(report["exit"], exit);
    let mut text = vec!["diff"];
    text.extend(words);
    let ran = bench.run(&text).exits(exit);
    let wide = ran.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None, "{}", ran.stdout);
    assert!(!ran.stdout.contains("hunter-"), "{}", ran.stdout);
    assert!(!report.to_string().contains("hunter-"), "{report}");
    report
}

/// `name state risk` of every node.
fn nodes(report: &Value) -> Vec<String> {
    let nodes = report["nodes"].as_array().unwrap().iter();
    let text = |node: &Value, key: &str| node[key].as_str().unwrap().to_owned();
    nodes
        .map(|node| {
            ["name", "state", "risk"]
                .map(|key| text(node, key))
                .join(" ")
        })
        .collect()
}

/// `risk subject` of every change of the node `name`.
fn said(report: &Value, name: &str) -> Vec<String> {
    let mut nodes = report["nodes"].as_array().unwrap().iter();
    let node = nodes.find(|it| it["name"] == name).unwrap();
    let lists = ["disks", "keys", "tuning"].map(|key| node[key].as_array().unwrap());
    let all = lists.into_iter().flatten();
    all.map(|it| {
        format!(
            "{} {}",
            it["risk"].as_str().unwrap(),
            it["subject"].as_str().unwrap()
        )
    })
    .collect()
}

fn paths(report: &Value) -> BTreeSet<String> {
    let nodes = report["nodes"].as_array().unwrap().iter();
    let edits = nodes.flat_map(|node| node["text"].as_array().unwrap());
    edits
        .map(|it| format!("{} {}", it["document"], it["path"]))
        .collect()
}

#[test]
fn a_branch_is_told_by_what_it_does_to_disks_keys_and_tuning() {
    let bench = repository();
    assert_eq!(
        nodes(&diff(&bench, 0, &["main"])),
        ["a same none", "b same none"]
    );
    change(&bench, "talos/patches/b.yaml", "'10'", "'60'");
    let report = diff(&bench, 0, &["main"]);
    assert_eq!(nodes(&report), ["b changed online", "a same none"]);
    assert_eq!(said(&report, "b"), ["online sysctl vm.swappiness"]);
    assert_eq!(nodes(&diff(&bench, 6, &["main", "--exit-code"])).len(), 2);
    change(
        &bench,
        "talos/talconfig.yaml",
        "hunter-first",
        "hunter-second",
    );
    change(
        &bench,
        "talos/talconfig.yaml",
        "10.0.0.1\n    controlPlane: true\n    installDiskSelector: {model: APPLE*}",
        "10.0.0.1\n    controlPlane: true\n    installDiskSelector: {model: WDC*}",
    );
    commit(&bench);
    for words in [
        &["HEAD~1", "HEAD"][..],
        &["HEAD~1:talos", "talos"],
        &["main~1:talos/talconfig.yaml"],
        &["HEAD~1", "--path", "talos"],
    ] {
        let report = diff(&bench, 4, words);
        assert_eq!(
            nodes(&report),
            ["a changed wipes", "b changed rekeys"],
            "{words:?}"
        );
        assert_eq!(
            said(&report, "a"),
            ["wipes install disk", "rekeys STATE key slot 1"]
        );
        assert_eq!(
            said(&report, "b"),
            ["rekeys STATE key slot 1", "online sysctl vm.swappiness"]
        );
    }
    let forth = paths(&diff(&bench, 4, &["HEAD~1", "HEAD"]));
    assert_eq!(forth, paths(&diff(&bench, 4, &["HEAD", "HEAD~1"])));
    let only = diff(&bench, 0, &["HEAD~1", "HEAD", "--node", "b", "--no-text"]);
    assert_eq!(nodes(&only), ["b changed rekeys"]);
    assert!(paths(&only).is_empty());
}

#[test]
fn a_volume_that_nothing_opens_any_more_is_said_first() {
    let bench = repository();
    change(
        &bench,
        "talos/talconfig.yaml",
        "            - {slot: 0, nodeID: {}}\n",
        "",
    );
    change(
        &bench,
        "talos/talconfig.yaml",
        "hunter-first",
        "hunter-second",
    );
    let report = diff(&bench, 4, &["main"]);
    assert_eq!(
        said(&report, "a"),
        [
            "locks-out STATE keys",
            "rekeys STATE key slot 0",
            "rekeys STATE key slot 1"
        ]
    );
    let ran = bench.run(&["diff", "main"]);
    let (keys, text) = (
        ran.stdout.find("locks-out  STATE"),
        ran.stdout.find("\nText\n"),
    );
    assert!(keys < text && text.is_some(), "{}", ran.stdout);
    let words: Vec<&str> = ran.stdout.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains("passphrase: changed (secret)"), "{words}");
    assert!(
        ran.stdout.trim_end().ends_with("(exit 4)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn nodes_come_go_and_are_renamed() {
    let bench = repository();
    change(&bench, "talos/talconfig.yaml", "hostname: b", "hostname: c");
    let report = diff(&bench, 0, &["main"]);
    assert_eq!(nodes(&report), ["c renamed none", "a same none"]);
    assert_eq!(report["nodes"][0]["was"], "b");
    let text = fs::read_to_string(bench.path("talos/talconfig.yaml")).unwrap();
    let (head, tail) = text.split_once("  - hostname: c").unwrap();
    let tail = &tail[tail.find("patches:\n  - |").unwrap()..];
    bench.write("talos/talconfig.yaml", format!("{head}{tail}"));
    assert_eq!(
        nodes(&diff(&bench, 0, &["main"])),
        ["a same none", "b removed none"]
            .map(String::from)
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );
    commit(&bench);
    assert_eq!(
        nodes(&diff(&bench, 0, &["HEAD", "HEAD~1"])),
        ["b added remake", "a same none"]
    );
}

#[test]
fn another_disk_of_the_recorded_machine_is_wiped_by_the_next_installation() {
    let bench = repository();
    bench.write("talos/a.json", MACMINI_2014);
    commit(&bench);
    let of = |model: &str| format!("installDiskSelector: {{model: {model}}}\n  - hostname: b");
    change(
        &bench,
        "talos/talconfig.yaml",
        &of("APPLE*"),
        &of("Portable*"),
    );
    let report = diff(&bench, 4, &["main", "--node", "a"]);
    assert_eq!(said(&report, "a"), ["wipes install disk"]);
    let effect = report["nodes"][0]["disks"][0]["effect"].as_str().unwrap();
    assert!(effect.contains("in the place of"), "{effect}");
}

#[test]
fn recorded_machines_show_the_disk_before_and_after() {
    let bench = repository();
    fs::create_dir(bench.path("machines")).unwrap();
    bench.write("machines/a.json", MACMINI_2014);
    commit(&bench);
    let disk = "installDiskSelector: {model: APPLE*}\n  - hostname: b";
    change(
        &bench,
        "talos/talconfig.yaml",
        disk,
        "installDiskSelector: {serial: S35CNY0J812345}\n  - hostname: b",
    );
    let report = diff(&bench, 4, &["main", "--node", "a"]);
    assert_eq!(report["nodes"][0]["hardware"], "machines/a.json");
    assert_eq!(said(&report, "a"), ["refused install disk"]);
    change(
        &bench,
        "talos/talconfig.yaml",
        "{serial: S35CNY0J812345}",
        "{type: ssd, model: APPLE*}",
    );
    let report = diff(&bench, 0, &["main", "--node", "a"]);
    assert_eq!(said(&report, "a"), ["none install disk"]);
    let effect = report["nodes"][0]["disks"][0]["effect"].as_str().unwrap();
    assert!(effect.contains("APPLE SSD"), "{effect}");
    for words in [
        &["HEAD:talos", "talos", "--snapshots", "machines"][..],
        &[
            "HEAD:talos",
            "talos",
            "--node",
            "a",
            "--hardware",
            "machines/a.json",
        ],
    ] {
        assert_eq!(
            said(
                &diff(&bench, 0, &[words, &["--node", "a"][..0]].concat()),
                "a"
            ),
            ["none install disk"],
            "{words:?}"
        );
    }
    bench.refuses(
        2,
        &["diff", "main", "--hardware", "machines/a.json"],
        &["--hardware is of one node", "--node"],
    );
}

#[test]
fn one_node_in_two_files_is_one_node_whatever_it_is_called() {
    let bench = Bench::new();
    let node = |host: &str, disk: &str| {
        let config = cli::config(&format!("    disk: {disk}"));
        format!(
            "{config}---\napiVersion: v1alpha1\nkind: HostnameConfig\nauto: off\nhostname: {host}\n"
        )
    };
    bench.write("old.yaml", node("a", "/dev/sda"));
    bench.write("new.yaml", node("b", "/dev/sdb"));
    let report = diff(&bench, 4, &["old.yaml", "new.yaml"]);
    assert_eq!(nodes(&report), ["b changed wipes"]);
    assert_eq!(report["nodes"][0]["was"], "a");
    assert_eq!(
        nodes(&diff(&bench, 0, &["old.yaml", "old.yaml"])),
        ["a same none"]
    );
}

#[test]
fn a_volume_that_is_only_looked_for_leaves_its_data_where_it_is() {
    let bench = Bench::new();
    let plain = "version: v1alpha1\nmachine:\n  type: controlplane\n  install: {disk: /dev/sda}\n";
    let config = |label: &str| {
        let selector = format!(
            "discovery: {{volumeSelector: {{match: 'volume.partition_label == \"{label}\"'}}}}"
        );
        format!(
            "{plain}---\napiVersion: v1alpha1\nkind: ExistingVolumeConfig\nname: data\n{selector}\n"
        )
    };
    bench.write("none.yaml", plain);
    bench.write("a.yaml", config("a"));
    bench.write("b.yaml", config("b"));
    for (old, new, exit, wanted) in [
        ("none.yaml", "a.yaml", 0, "online e-data"),
        ("a.yaml", "none.yaml", 4, "strands e-data"),
        ("a.yaml", "b.yaml", 4, "strands e-data"),
    ] {
        let report = diff(&bench, exit, &[old, new]);
        let name = report["nodes"][0]["name"].as_str().unwrap().to_owned();
        assert_eq!(said(&report, &name), [wanted], "{old} {new}");
    }
}

#[test]
fn every_example_is_the_same_as_itself_and_mirrors_every_other_one() {
    let bench = Bench::new();
    symlink(EXAMPLES, bench.path("examples")).unwrap();
    for folder in ["nodes/talos-1.10", "nodes/talos-1.14", "fleet", "talconfig"] {
        let place = format!("examples/{folder}");
        let report = diff(&bench, 0, &[&place, &place]);
        assert!(paths(&report).is_empty(), "{folder}");
        assert!(
            nodes(&report).iter().all(|it| it.ends_with(" same none")),
            "{folder}"
        );
    }
    let (old, new) = ("examples/nodes/talos-1.10", "examples/nodes/talos-1.14");
    let forth = paths(&diff(&bench, 4, &[old, new]));
    assert!(!forth.is_empty());
    assert_eq!(forth, paths(&diff(&bench, 4, &[new, old])));
}

#[test]
fn what_is_no_path_or_revision_is_refused_with_what_could_be_meant() {
    let bench = repository();
    git(&bench, &["branch", "talos"]);
    for (words, said) in [
        (
            &["nosuch"][..],
            &["neither a path here nor a revision", "REVISION:PATH"][..],
        ),
        (&["main:nosuch"], &["main has no nosuch", "git ls-tree"]),
        (&["nosuch:talos"], &["no revision of this repository"]),
        (&["main..HEAD"], &["range of revisions", "OLD NEW"]),
        (
            &["talos"],
            &["a path and a revision", "./talos", "talos:./"],
        ),
        (&["./talos"], &["nothing to compare"]),
        (&[":talos"], &["index"]),
        (&["main:../x"], &["leads out of the repository"]),
        (&["main:talos", "./talos", "--path", "x"], &["--path"]),
        (
            &["main", "--node", "nosuch"],
            &["neither side has a node nosuch", "a, b"],
        ),
        (
            &["main:talos/patches", "main:talos/patches"],
            &["neither side has a machine configuration"],
        ),
        (&["--", "--output=x"], &["neither a path nor a revision"]),
    ] {
        bench.refuses(2, &[&["diff"], words].concat(), said);
    }
    assert!(!bench.exists("x"));
    let outside = Bench::new();
    outside.refuses(
        2,
        &["diff", "main"],
        &["not a git repository", "name files and folders"],
    );
    // Below the top, a path without ./ is still of the top.
    let ran = bench
        .command(&["diff", "main:talconfig.yaml"])
        .current_dir(bench.path("talos"))
        .output()
        .unwrap();
    let ran = Ran::of(&ran).exits(2);
    assert!(ran.stderr.contains("main:./talconfig.yaml"), "{ran:?}");
    let ran = bench
        .command(&["diff", "main:./talconfig.yaml"])
        .current_dir(bench.path("talos"))
        .output()
        .unwrap();
    Ran::of(&ran).exits(0);
}

#[test]
fn paths_need_no_git() {
    let bench = repository();
    let ran = bench
        .command(&["diff", "./talos", "./talos"])
        .env("PATH", "/nonexistent")
        .env("GIT_DIR", "/nonexistent")
        .output()
        .unwrap();
    Ran::of(&ran).exits(0);
}

#[test]
fn a_link_that_leads_out_of_the_revision_is_not_followed() {
    let bench = repository();
    let outside = Bench::new();
    outside.write("b.yaml", "machine:\n  sysctls:\n    stolen: '1'\n");
    fs::remove_file(bench.path("talos/patches/b.yaml")).unwrap();
    symlink(outside.path("b.yaml"), bench.path("talos/patches/b.yaml")).unwrap();
    commit(&bench);
    let report = diff(&bench, 2, &["HEAD~1", "HEAD"]);
    assert!(report.to_string().contains("leads out of"), "{report}");
    assert!(!report.to_string().contains("stolen"), "{report}");
    assert!(
        nodes(&report).contains(&String::from("b broken none")),
        "{report}"
    );
    assert!(
        nodes(&report).contains(&String::from("a same none")),
        "the other node is still compared: {report}"
    );
}

#[test]
fn a_revision_that_cannot_be_read_hides_its_nodes_and_removes_none() {
    let bench = repository();
    change(
        &bench,
        "talos/talconfig.yaml",
        "clusterName: home",
        "clusterName: [home",
    );
    commit(&bench);
    for words in [["HEAD~1", "HEAD"], ["HEAD", "HEAD~1"]] {
        let report = diff(&bench, 2, &words);
        assert_eq!(nodes(&report), ["a broken none", "b broken none"]);
        assert!(!report["broken"].as_array().unwrap().is_empty());
    }
}

#[test]
fn secrets_are_never_shown_and_files_of_them_are_said_to_differ() {
    let bench = repository();
    bench.write("talos/talsecret.yaml", "cluster: {id: hunter-cluster-id}\n");
    commit(&bench);
    change(
        &bench,
        "talos/talsecret.yaml",
        "hunter-cluster-id",
        "hunter-other-id",
    );
    let report = diff(&bench, 0, &["main"]);
    assert!(
        report["notes"]
            .to_string()
            .contains("talsecret files differ"),
        "{report}"
    );
    let secret = "QWxsIG9mIHRoaXMgaXMgYSBzZWNyZXQgdGhhdCBpcyBsb25n";
    let node = |token: &str, key: &str| {
        let config = cli::config("    disk: /dev/sda");
        config.replacen("machine:\n", &format!("machine:\n  token: {token}\n  ca: {{crt: {key}, key: {key}}}\n  env: {{proxy: \"http://u:hunter-env@h\"}}\n"), 1)
    };
    bench.write("one.yaml", node("hunter-a.token", "LS0tLS1CRUdJTg=="));
    bench.write("two.yaml", node("hunter-b.token", secret));
    let report = diff(&bench, 0, &["one.yaml", "two.yaml"]);
    assert!(
        paths(&report).contains("\"v1alpha1\" \"machine.token\""),
        "{report}"
    );
    assert!(
        !report.to_string().contains(secret) && !report.to_string().contains("LS0tLS1"),
        "{report}"
    );
}

#[test]
fn nothing_of_the_repository_is_run_and_nothing_is_written() {
    let bench = repository();
    bench.write("talos/.gitattributes", "*.yaml filter=evil diff=evil\n");
    commit(&bench);
    let marker = bench.path("ran");
    let touch = format!("touch {}", marker.display());
    for key in [
        "filter.evil.smudge",
        "filter.evil.clean",
        "diff.evil.textconv",
        "core.fsmonitor",
        "core.pager",
    ] {
        git(&bench, &["config", key, &touch]);
    }
    change(&bench, "talos/patches/b.yaml", "'10'", "'60'");
    let before = status(&bench);
    drop(fs::remove_file(&marker));
    diff(&bench, 0, &["HEAD~1", "HEAD"]);
    diff(&bench, 0, &["HEAD"]);
    assert!(!marker.exists(), "a program of the repository ran");
    assert_eq!(before, status(&bench));
}

/// Every file of the work tree with its content.
fn status(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![bench.path("talos"), bench.path(".git")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => found.push((path.display().to_string(), fs::read(&path).unwrap())),
            }
        }
    }
    found.sort();
    found
}
