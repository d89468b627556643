//! The files for CI systems: their commands are ones that the program takes, and do what they are there for.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests run programs"
)]

#[path = "support/cli.rs"]
mod cli;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::Value;

use self::cli::{Bench, MACMINI_2014, program};

const WORKFLOW: &str = include_str!("../examples/ci/pull-request.yaml");
const HOOKS: &str = include_str!("../.pre-commit-hooks.yaml");

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// Two revisions of a repository with one node, whose disk changed.
fn revisions() -> Bench {
    let bench = Bench::new();
    for (revision, model) in [("base", "APPLE*"), ("head", "Portable*")] {
        fs::create_dir_all(bench.path(&format!("{revision}/talos/snapshots"))).unwrap();
        let talconfig = format!(
            "clusterName: home\ntalosVersion: v1.10.5\nkubernetesVersion: v1.31.1\nendpoint: https://10.0.0.10:6443\n\
             nodes:\n  - hostname: a\n    ipAddress: 10.0.0.1\n    controlPlane: true\n    installDiskSelector: {{model: '{model}'}}\n"
        );
        bench.write(&format!("{revision}/talos/talconfig.yaml"), talconfig);
        bench.write(&format!("{revision}/talos/snapshots/a.json"), MACMINI_2014);
    }
    bench
}

/// A folder in which `keelblock` is the program under test.
fn path(bench: &Bench) -> String {
    fs::create_dir_all(bench.path("bin")).unwrap();
    symlink(program(), bench.path("bin/keelblock")).unwrap();
    format!("{}:/usr/bin:/bin", bench.path("bin").display())
}

#[test]
fn the_workflow_comments_what_changed_and_fails_for_what_is_wrong() {
    let workflow = yaml(WORKFLOW);
    let steps = workflow["jobs"]["nodes"]["steps"].as_array().unwrap();
    let script = |name: &str| {
        let step = steps.iter().find(|step| step["name"] == name).unwrap();
        step["run"].as_str().unwrap().to_owned()
    };
    let bench = revisions();
    let path = path(&bench);
    let run = |script: &str, more: &[(&str, &str)]| {
        // As GitHub runs a step of bash.
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        command.current_dir(bench.path("head")).env("PATH", &path);
        command.env("TALOS", workflow["env"]["TALOS"].as_str().unwrap());
        command
            .env("GITHUB_OUTPUT", bench.path("output"))
            .envs(more.iter().copied());
        command.output().unwrap()
    };
    let checked = run(&script("Check"), &[]);
    assert!(checked.status.success(), "{checked:?}");
    let outputs = fs::read_to_string(bench.path("output")).unwrap();
    assert_eq!(outputs, "check=6\nvalidate=0\n");
    let table = fs::read_to_string(bench.path("check.txt")).unwrap();
    assert!(table.contains("changed"), "{table}");
    let sarif: Value =
        serde_json::from_slice(&fs::read(bench.path("validate.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    for (check, validate, fine) in [
        ("0", "0", true),
        ("6", "0", true),
        ("3", "0", false),
        ("0", "2", false),
    ] {
        let ended = run(
            &script("Result"),
            &[("CHECK", check), ("VALIDATE", validate)],
        );
        assert_eq!(ended.status.success(), fine, "{check} {validate}");
    }
}

#[test]
fn the_hooks_run_on_a_repository() {
    let bench = revisions();
    let hooks = yaml(HOOKS);
    let hooks = hooks.as_array().unwrap();
    assert_eq!(hooks.len(), 3);
    for hook in hooks {
        let entry = hook["entry"].as_str().unwrap();
        let mut words: Vec<&str> = entry.split(' ').collect();
        assert_eq!(words.remove(0), "keelblock");
        if hook["pass_filenames"] != false {
            fs::write(
                bench.path("base/60-disks.rules"),
                "ACTION==\"add\", KERNEL==\"sda\", ATTR{queue/rotational}=\"0\"\n",
            )
            .unwrap();
            words.push("60-disks.rules");
        }
        let mut command = Command::new(program());
        let ran = command
            .args(&words)
            .current_dir(bench.path("base"))
            .output()
            .unwrap();
        // What it finds is its business; an argument that it does not take would be said with 2 and on standard error.
        assert_eq!(String::from_utf8(ran.stderr).unwrap(), "", "{entry}");
    }
}

#[test]
fn no_example_has_an_error_but_the_one_that_is_there_to_show_them() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let ran = Bench::new().run(&["validate", examples, "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(report["files"].as_array().unwrap().len() >= 13, "{report}");
    let findings = report["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|it| it["level"] == "error");
    let errors: Vec<_> = errors
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap();
            (text("file"), text("code"))
        })
        .collect();
    assert_eq!(errors, [("repository/patches/storage.yaml", "KB105")]);
}
