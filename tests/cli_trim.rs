//! `tune trim-test` on loop devices and in files: what it refuses, what it finds, and that it leaves nothing behind.
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
#[path = "support/loops.rs"]
mod loops;

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cli::{Bench, Ran, digest, root, tool};
use loops::Loop;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const MIB: u64 = 1 << 20;

/// A disk of 256 MiB with a GPT, a partition from 1 MiB to 101 MiB, and data everywhere.
fn bench() -> (Bench, Loop) {
    let bench = Bench::new();
    bench.blank("disk.img", 256 * MIB);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bench.path("disk.img"))
        .unwrap();
    for at in (2 * MIB..250 * MIB).step_by(100_000) {
        file.write_all_at(&at.to_le_bytes(), at).unwrap();
    }
    let image = bench.path("disk.img").display().to_string();
    tool(
        "gdisk",
        "sgdisk",
        &["-n", "1:2048:+100M", "-c", "1:data", &image],
    );
    let device = Loop::new(&bench.path("disk.img"), &["--partscan"]);
    (bench, device)
}

fn test<'a>(device: &'a Loop, more: &[&'a str]) -> Vec<&'a str> {
    let named = ["tune", "trim-test", device.name(), "--state-dir", "state"];
    [&named[..], more].concat()
}

const CONFIRMED: [&str; 2] = ["--confirm", "TRIM-TEST"];

#[test]
fn free_space_is_tested_and_every_byte_comes_back() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench();
    let before = digest(&bench.path("disk.img"));
    let free = [&["--free"][..], &CONFIRMED].concat();
    let text = bench.run(&test(&device, &free)).exits(0);
    assert!(text.stdout.contains(": pass. "), "{text:#?}");
    assert!(text.stdout.contains("reads as zeros"), "{text:#?}");
    assert!(
        text.stdout.lines().all(|line| line.chars().count() <= 80),
        "{text:#?}"
    );
    assert_eq!(digest(&bench.path("disk.img")), before);

    let range = ["--range", "200M:8M", "-o", "proof.json", "--format", "json"];
    let range = [&range[..], &CONFIRMED].concat();
    let json = bench.run(&test(&device, &range)).exits(0).json();
    assert_eq!(json["schema"], "keelblock/trim-test/v1");
    assert_eq!(
        (&json["verdict"], &json["restored"]),
        (&"pass".into(), &true.into())
    );
    assert_eq!(json["window"]["start"], 200 * MIB);
    assert_eq!(digest(&bench.path("disk.img")), before);
    let left = fs::read_dir(bench.path("state")).unwrap().count();
    assert_eq!(
        left, 0,
        "the bytes from before are kept for the time of the test only"
    );

    let proof: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("proof.json")).unwrap()).unwrap();
    assert_eq!(proof["schema"], "keelblock/trim-proof/v1");
    assert_eq!(proof["verdict"], "pass");
    assert_eq!(proof["range"]["start"], 200 * MIB);
    assert_eq!(proof["disk"]["size"], 256 * MIB);
}

#[test]
fn without_the_word_it_says_what_it_would_do_and_does_nothing() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench();
    let words = [device.name(), "not confirmed", "--confirm TRIM-TEST"];
    bench.refuses(4, &test(&device, &["--free"]), &words);
    let shown = bench.run(&test(&device, &["--free"])).exits(4).stdout;
    // 101 MiB to 255 MiB are free; the middle of that, on whole MiB.
    let first = (101 + 69) * MIB;
    let window = format!("bytes {first} to {} (16 MiB)", first + 16 * MIB - 1);
    for words in ["nothing was written", &window, "unmapped"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let wrong = test(&device, &["--free", "--confirm", "trim-test"]);
    bench.refuses(4, &wrong, &["\"trim-test\"", "TRIM-TEST"]);
}

#[test]
fn what_a_partition_covers_or_a_table_needs_is_never_touched() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench();
    for (range, words) in [
        ("50M:8M", "partition 1 \"data\""),
        ("97M:8M", "partition 1 \"data\""),
        ("0:8M", "partitions may use"),
        ("248M:8M", "partitions may use"),
        ("300M:8M", "partitions may use"),
    ] {
        let range = [&["--range", range][..], &CONFIRMED].concat();
        bench.refuses(4, &test(&device, &range), &[device.name(), words]);
    }
    for (range, words) in [
        ("150M:2M", "too short"),
        ("110M:100M", "too long"),
        ("153600001:8M", "whole MiB"),
    ] {
        let range = [&["--range", range][..], &CONFIRMED].concat();
        bench.refuses(2, &test(&device, &range), &[words]);
    }
    for arguments in [&[][..], &["--free", "--range", "150M:8M"]] {
        bench.refuses(2, &test(&device, arguments), &["--free"]);
    }
}

#[test]
fn disks_that_are_used_or_not_understood_are_left_alone() {
    if !root("to mount a loop device") {
        return;
    }
    let free = [&["--free"][..], &CONFIRMED].concat();
    let (bench, device) = bench();
    // A loop device takes no claim on what it lies on, so only the probe's look at it tells.
    let place = ["--offset", "1048576", "--sizelimit", "104857600"];
    let inner = Loop::new(Path::new(device.name()), &place);
    tool("e2fsprogs", "mkfs.ext4", &["-q", inner.name()]);
    let words = [device.name(), "in use", inner.name()];
    bench.refuses(4, &test(&device, &free), &words);
    drop(inner);
    bench.run(&test(&device, &free)).exits(0);
    drop(device);

    let locked = Loop::new(&bench.path("disk.img"), &["--read-only"]);
    bench.refuses(
        4,
        &test(&locked, &free),
        &[locked.name(), "write-protected"],
    );
    drop(locked);

    bench.blank("whole.img", 64 * MIB);
    let image = bench.path("whole.img").display().to_string();
    tool("e2fsprogs", "mkfs.ext4", &["-q", &image]);
    let device = Loop::new(&bench.path("whole.img"), &[]);
    bench.refuses(
        4,
        &test(&device, &free),
        &[device.name(), "ext4", "outside of any partition"],
    );
    drop(device);

    // The first header of the table is damaged: there may be partitions that it does not show.
    let file = fs::OpenOptions::new()
        .write(true)
        .open(bench.path("disk.img"))
        .unwrap();
    file.write_all_at(&[0xff; 16], 512 + 16).unwrap();
    let device = Loop::new(&bench.path("disk.img"), &[]);
    bench.refuses(4, &test(&device, &free), &[device.name(), "damaged"]);
}

#[test]
fn a_file_is_made_new_punched_and_removed() {
    let bench = Bench::new();
    let file = ["tune", "trim-test", "--file", "hole.img", "--size", "8M"];
    let ran = bench.run(&file).exits(0);
    assert!(ran.stdout.contains("hole.img: pass"), "{ran:#?}");
    assert!(!bench.exists("hole.img"));
    bench.write("hole.img", "mine");
    bench.refuses(4, &file, &["hole.img", "is there already"]);
    let huge = ["tune", "trim-test", "--file", "new.img", "--size", "8G"];
    bench.refuses(2, &huge, &["too long"]);
    let small = ["tune", "trim-test", "--file", "new.img", "--size", "1M"];
    bench.refuses(2, &small, &["too short"]);
    assert!(!bench.exists("new.img"));
}

/// The signal comes when the bytes from before have been kept, which is before the first write.
#[test]
fn a_test_that_is_terminated_puts_everything_back_and_says_so() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench();
    let before = digest(&bench.path("disk.img"));
    let free = [&["--range", "130M:64M"][..], &CONFIRMED].concat();
    let mut stopped = false;
    for _ in 0..20 {
        let mut command = bench.command(&test(&device, &free));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let began = Instant::now();
        let kept = || fs::read_dir(bench.path("state")).is_ok_and(|mut dir| dir.next().is_some());
        while !kept() && child.try_wait().unwrap().is_none() {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "it keeps nothing"
            );
            std::thread::yield_now();
        }
        kill(
            Pid::from_raw(i32::try_from(child.id()).unwrap()),
            Signal::SIGTERM,
        )
        .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(digest(&bench.path("disk.img")), before);
        assert!(!kept(), "everything is restored, so nothing has to be kept");
        if output.status.signal() == Some(Signal::SIGTERM as i32) {
            let said = Ran::of(&output).stderr;
            assert!(said.contains("stopped by a signal"), "{said}");
            assert!(said.contains("hold again what they held before"), "{said}");
            stopped = true;
            break;
        }
        // It was done before the signal came.
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    assert!(stopped, "twenty tests were done before a signal came");
}

#[test]
fn bytes_that_an_earlier_test_left_behind_are_pointed_out_before_anything_is_written() {
    if !root("to set up a loop device") {
        return;
    }
    let (bench, device) = bench();
    let range = [&["--range", "130M:64M"][..], &CONFIRMED].concat();
    let mut command = bench.command(&test(&device, &range));
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let kept = || {
        let entries = fs::read_dir(bench.path("state")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.into_iter().find(|name| name.ends_with(".bytes"))
    };
    while kept().is_none() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let Some(name) = kept() else {
        // It was killed after it had finished; nothing is left to be pointed out then.
        return;
    };
    bench.refuses(4, &test(&device, &range), &["interrupted", &name, "dd if="]);
}
