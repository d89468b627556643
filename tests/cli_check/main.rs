//! `check` as a CI job meets it: what it finds in a fleet, how it ends, and what other programs read of it.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests make files and run programs"
)]

#[path = "../support/cli.rs"]
mod cli;
mod findings;
#[path = "../support/formats.rs"]
mod formats;
mod hostile;
mod others;
mod talconfig;

use std::fs;

use serde_json::Value;

use self::cli::{Bench, MACMINI_2014, Ran};

/// A node of the 2014 Mac mini, sealed with one key; `extra` are further documents.
fn node(hostname: &str, install: &str, extra: &str) -> String {
    let config = cli::config(install);
    format!(
        "{config}---\napiVersion: v1alpha1\nkind: HostnameConfig\nauto: off\nhostname: {hostname}\n{extra}"
    )
}

const APPLE: &str = "    diskSelector:\n      model: APPLE*";

/// A folder `fleet` with one node `a` on a Mac mini of 2014.
fn fleet() -> Bench {
    let bench = Bench::new();
    for folder in ["fleet", "fleet/clusterconfig", "fleet/snapshots"] {
        fs::create_dir(bench.path(folder)).unwrap();
    }
    add(&bench, "fleet", "a");
    bench
}

fn add(bench: &Bench, folder: &str, name: &str) {
    let config = format!("{folder}/clusterconfig/home-{name}.yaml");
    bench.write(&config, node(name, APPLE, ""));
    bench.write(&format!("{folder}/snapshots/{name}.json"), MACMINI_2014);
}

/// The report in JSON, whatever it comes to.
fn report(bench: &Bench, exit: i32, more: &[&str]) -> Value {
    let mut words = vec!["check", "fleet", "--format", "json"];
    words.extend(more);
    let report = bench.run(&words).exits(exit).json();
    assert_eq!(report["schema"], "keelblock/check/v1");
    assert_eq!(report["exit"], exit);
    report
}

/// `code file:line:column` of every finding.
fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap();
    let line = |f: &Value| {
        format!(
            "{} {}:{}:{}",
            f["code"].as_str().unwrap(),
            f["file"].as_str().unwrap(),
            f["line"],
            f["column"]
        )
    };
    findings.iter().map(line).collect()
}

fn text(bench: &Bench, exit: i32, more: &[&str]) -> Ran {
    let mut words = vec!["check", "fleet"];
    words.extend(more);
    let ran = bench.run(&words).exits(exit);
    let wide = ran.stdout.lines().find(|line| line.chars().count() > 80);
    // A word alone, such as a path, may be longer.
    assert!(
        wide.is_none_or(|line| line.split_whitespace().any(|word| word.len() > 60)),
        "{ran:#?}"
    );
    ran
}
