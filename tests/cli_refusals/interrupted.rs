//! Killed in the middle, at moments that nobody chose: what is there can be told, and running again converges.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::cli::{Bench, Ran, apply, config};

#[test]
fn a_killed_apply_is_recognised_and_finished_by_the_next() {
    let bench = Bench::new();
    bench.write("node.yaml", config("    wipe: false"));
    let arguments = ["-c", "node.yaml", "--image", "disk.img", "--size", "4G"];
    let arguments = apply(&arguments);
    let began = Instant::now();
    bench.run(&arguments).exits(0);
    let whole = began.elapsed();
    for part in 1..=12 {
        std::fs::remove_file(bench.path("disk.img")).unwrap();
        let moment = whole * part / 12;
        let mut child = bench
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(moment);
        child.kill().unwrap();
        child.wait().unwrap();
        if bench.exists("disk.img") {
            assert_told(&bench.run(&["inspect", "disk.img"]), moment);
        }
        bench.run(&arguments).exits(0);
        let again = bench.run(&arguments).exits(0);
        assert!(again.stdout.contains("0 writes"), "{moment:?}: {again:#?}");
    }
}

/// Blank, unfinished or done; nothing in between. A file that has no size yet is none of them, and no disk either.
#[track_caller]
fn assert_told(inspected: &Ran, moment: Duration) {
    let text = &inspected.stdout;
    let blank = text
        .lines()
        .next()
        .is_some_and(|line| line.contains("blank"));
    let done = ["EFI", "META", "STATE", "EPHEMERAL"]
        .iter()
        .all(|name| text.contains(name));
    let unfinished = text.contains("was interrupted here");
    assert_eq!(inspected.code, Some(0), "{moment:?}: {inspected:#?}");
    assert!(blank || unfinished || done, "{moment:?}: {inspected:#?}");
}
