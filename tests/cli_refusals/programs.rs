//! Programs that keelblock needs: missing, failing, or put where they must not be taken from.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::cli::{Bench, Ran, apply, config, program, root};

const NEW: [&str; 6] = ["-c", "node.yaml", "--image", "new.img", "--size", "4G"];

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("node.yaml", config("    wipe: false"));
    bench
}

/// A program in a folder below the bench.
fn fake(bench: &Bench, folder: &str, name: &str, script: &str) {
    fs::create_dir_all(bench.path(folder)).unwrap();
    let name = format!("{folder}/{name}");
    bench.write(&name, format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(bench.path(&name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_missing_mkfs_is_named_with_its_package_and_no_image_is_left() {
    if !root("to hide mkfs.xfs in a mount namespace of its own") {
        return;
    }
    let bench = bench();
    fs::create_dir(bench.path("none")).unwrap();
    let words = ["mkfs.xfs is not installed", "xfsprogs", "PATH"];
    bench.refuses_so(5, &words, |format| {
        // Everything but mkfs.xfs: what keelblock looks for first is vfat.
        let hide = "mkdir -p none/x && cp -a /usr/sbin/mkfs.fat /usr/sbin/mkfs.vfat none/x/ && \
                    mount --bind none/x /usr/sbin && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", hide, "sh"]).arg(program());
        command.args(apply(&NEW)).args(["--format", format]);
        command.env("PATH", "/usr/bin:/bin");
        command.current_dir(bench.folder()).stdin(Stdio::null());
        let ran = Ran::of(&command.output().unwrap());
        fs::remove_dir_all(bench.path("none/x")).unwrap();
        ran
    });
    assert!(!bench.exists("new.img"));
}

#[test]
fn a_failing_mkfs_is_quoted_and_no_image_is_left() {
    let bench = bench();
    fake(
        &bench,
        "bin",
        "mkfs.xfs",
        "echo 'mkfs.xfs: no luck today' >&2; exit 1",
    );
    let path = format!("{}:/usr/bin:/bin", bench.path("bin").display());
    let words = ["mkfs.xfs failed", "no luck today", "STATE"];
    bench.refuses_so(5, &words, |format| {
        let arguments = [&apply(&NEW)[..], &["--format", format]].concat();
        let mut command = bench.command(&arguments);
        Ran::of(&command.env("PATH", &path).output().unwrap())
    });
    assert!(!bench.exists("new.img"));
}

#[test]
fn a_mkfs_that_makes_nothing_is_found_out_before_the_disk_is_touched() {
    let bench = bench();
    bench.blank("disk.img", 4 << 30);
    fake(&bench, "bin", "mkfs.xfs", "exit 0");
    let path = format!("{}:/usr/bin:/bin", bench.path("bin").display());
    let words = ["STATE", "mkfs made no xfs"];
    bench.refuses_so(5, &words, |format| {
        let arguments = ["-c", "node.yaml", "--image", "disk.img", "--format", format];
        let mut command = bench.command(&apply(&arguments));
        Ran::of(&command.env("PATH", &path).output().unwrap())
    });
}

/// A service may have no PATH, and an empty part of it is the current folder.
#[test]
fn without_a_path_the_usual_folders_are_searched_and_the_current_one_is_not() {
    for path in [None, Some(""), Some(":"), Some("."), Some("bin")] {
        let bench = bench();
        fake(&bench, ".", "mkfs.xfs", "touch taken; exit 1");
        fake(&bench, "bin", "mkfs.xfs", "touch taken; exit 1");
        let mut command = bench.command(&apply(&NEW));
        match path {
            Some(path) => command.env("PATH", path),
            None => command.env_remove("PATH"),
        };
        Ran::of(&command.output().unwrap()).exits(0);
        assert!(!bench.exists("taken"), "PATH={path:?}");
    }
}

/// The folder for scratch files has a name that anybody can guess.
#[test]
fn a_state_folder_that_cannot_be_trusted_or_written_is_refused() {
    let bench = bench();
    bench.write("file", "");
    let mut arguments = apply(&NEW);
    let at = arguments.iter().position(|word| *word == "state").unwrap();
    arguments[at] = "file";
    let words = ["scratch files in file", "--state-dir"];
    bench.refuses(5, &arguments, &words);
    assert!(!bench.exists("new.img"));
}
