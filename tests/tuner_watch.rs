//! `tune --watch` as a process: it sets a machine, tells Prometheus, and ends when it is told to.
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
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use self::cli::Bench;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn watch(bench: &Bench, tree: &Path, more: &[&str]) -> Child {
    let mut words = vec!["tune", "--watch", "--state-dir", "state"];
    words.extend(more);
    let mut command = bench.command(&words);
    command.env("KEELBLOCK_ROOT", tree);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not happen");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn it_sets_the_machine_writes_metrics_and_ends_on_a_signal_and_can_be_undone() {
    let bench = Bench::new();
    let (tree, _) = machines::expanded(&["macmini-2018", "macmini-2018-bot"]);
    let before = cli::contents(tree.path());
    let mut child = watch(&bench, tree.path(), &["--textfile", "keelblock.prom"]);
    let textfile = bench.path("keelblock.prom");
    until("a file of metrics", || textfile.exists());
    let metrics = fs::read_to_string(&textfile).unwrap();
    let series = r#"keelblock_tune_value{disk="usb 04e8:61f5 "#;
    assert!(metrics.contains(series), "{metrics}");
    assert!(
        metrics.contains(r#"key="queue/rotational"} 0"#),
        "{metrics}"
    );
    assert!(
        !metrics.contains(
            "keelblock_tune_drift{disk=\"usb 04e8:61f5 1234567DAFFD\",key=\"queue/rotational\"} 1"
        ),
        "{metrics}"
    );
    assert_ne!(cli::contents(tree.path()), before);
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGTERM,
    )
    .unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    let mut undo = bench.command(&["tune", "--undo", "--state-dir", "state"]);
    assert!(
        undo.env("KEELBLOCK_ROOT", tree.path())
            .output()
            .unwrap()
            .status
            .success()
    );
    let ratio = fs::read_to_string(tree.path().join("proc/sys/vm/dirty_ratio")).unwrap();
    assert_eq!(ratio.trim(), "20");
}

#[test]
fn a_wrong_address_or_file_is_refused_at_once() {
    let bench = Bench::new();
    bench.refuses(
        2,
        &["tune", "--watch", "--metrics", "nowhere"],
        &["nowhere", "--metrics 9723"],
    );
    bench.refuses(
        2,
        &["tune", "--watch", "-c", "nosuch.yaml"],
        &["nosuch.yaml"],
    );
    bench.run(&["tune", "--metrics", "9723"]).exits(2);
    bench.run(&["tune", "--watch", "--check"]).exits(2);
}
