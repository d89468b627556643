//! What is refused before the stock installer may discard the disk: it is not even started, and not a byte changes.

use std::process::Command;

use crate::bench::{Loop, Node, config, fake, fed, ran, read};
use crate::cli::{Bench, Ran, assert_json, root, tool};

const SIZE: u64 = 5 << 30;

/// Runs it in text and in JSON: it ends with `code`, says all of `words`, starts nothing and writes nothing.
#[track_caller]
fn refuses(node: &Node, code: i32, words: &[&str], change: impl Fn(&mut Command)) {
    let before = node.digest();
    for format in ["text", "json"] {
        let mut command = node.by_hand(&["--format", format], &node.arguments());
        command.env("STANDIN_DONE", node.bench.path("started"));
        change(&mut command);
        let ran = ran(command).exits(code);
        if format == "json" {
            assert_json(&ran, code, words);
        } else {
            for word in words {
                assert!(ran.stderr.contains(word), "does not say {word:?}: {ran:#?}");
            }
        }
        assert!(
            !ran.stderr.contains("stand-in"),
            "the stock installer ran: {ran:#?}"
        );
        assert!(
            !node.bench.exists("started"),
            "the stock installer ran: {ran:#?}"
        );
    }
    assert_eq!(node.digest(), before, "something was written");
}

#[test]
fn a_configuration_that_is_wrong() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let disk = node.disk.name();
    for (text, words) in [
        ("version: v1alpha1\nmachine: [", &["-:2"][..]),
        ("\u{feff}just words", &["-:1"]),
        ("# nothing\n", &["is empty"]),
        (
            &config(&format!("    disk: {disk}\n    whipe: true")),
            &["-:6:5", "whipe", "wipe"],
        ),
    ] {
        node.configure(text);
        refuses(&node, 2, words, |_| ());
    }
    node.configure(&config("    disk: /dev/sda"));
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("STANDIN_DONE", node.bench.path("started"));
    let ran = fed(command, b"version: \xff").exits(2);
    assert!(ran.stderr.contains("byte 9 is not UTF-8"), "{ran:#?}");
    assert!(!node.bench.exists("started"));
}

#[test]
fn another_disk_than_the_configuration_selects() {
    if !root("to set up loop devices") {
        return;
    }
    let node = Node::new(SIZE);
    let other = Bench::new();
    other.blank("other.img", SIZE);
    let selected = Loop::new(&other.path("other.img"), &[]);
    node.configure(&config(&format!("    disk: {}", selected.name())));
    let words = [node.disk.name(), selected.name(), "machine.install"];
    refuses(&node, 4, &words, |_| ());
    node.configure(&config("    diskSelector:\n      model: APPLE*"));
    let words = [node.disk.name(), "no disk matches", "APPLE*"];
    refuses(&node, 4, &words, |_| ());
}

#[test]
fn a_disk_that_is_not_there_or_was_not_told() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let install = |disk: &str| {
        let mut arguments = node.arguments();
        arguments[1] = disk.to_owned();
        arguments
    };
    let gone = ran(node.by_hand(&[], &install("--disk=/dev/nosuch"))).exits(4);
    assert!(gone.stderr.contains("/dev/nosuch"), "{gone:#?}");
    assert!(gone.stderr.contains(node.disk.name()), "{gone:#?}");
    let untold = ran(node.by_hand(&[], &install("--zero=false"))).exits(2);
    assert!(untold.stderr.contains("--disk"), "{untold:#?}");
}

#[test]
fn foreign_data_without_both_halves_of_the_consent() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let disk = node.disk.name();
    tool(
        "e2fsprogs",
        "mkfs.ext4",
        &["-q", "-L", "precious", disk, "64M"],
    );
    let wipe = |wipe: bool| node.configure(&config(&format!("    disk: {disk}\n    wipe: {wipe}")));
    let words = [disk, "ext4", "wipe: true", "KEELBLOCK_WIPE", "machine.env"];
    wipe(true);
    refuses(&node, 4, &words, |_| ());
    refuses(&node, 4, &words, |command| {
        command.env("KEELBLOCK_WIPE", "/dev/sda, wwid naa.0");
    });
    wipe(false);
    refuses(&node, 4, &words, |command| {
        command.env("KEELBLOCK_WIPE", disk);
    });
    wipe(true);
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("KEELBLOCK_WIPE", format!("/dev/sda,{disk}"));
    ran(command).exits(0);
    assert_eq!(node.partitions().len(), 4);
}

/// Talos' own partitions are as lost as foreign ones when the stock installer discards the disk.
#[test]
fn an_installed_talos_without_consent() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    ran(node.by_hand(&[], &node.arguments())).exits(0);
    let disk = node.disk.name();
    let words = [disk, "it holds STATE, EPHEMERAL", "KEELBLOCK_WIPE"];
    refuses(&node, 4, &words, |_| ());
    node.configure(&config(&format!("    disk: {disk}\n    wipe: true")));
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("KEELBLOCK_WIPE", disk);
    ran(command).exits(0);
}

#[test]
fn a_disk_that_is_mounted_or_write_protected() {
    if !root("to mount a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let disk = node.disk.name();
    node.configure(&config(&format!("    disk: {disk}\n    wipe: true")));
    tool("e2fsprogs", "mkfs.ext4", &["-q", disk, "64M"]);
    let place = Bench::new();
    let point = place.folder().display().to_string();
    tool("mount", "mount", &["-o", "ro", disk, &point]);
    let words = [disk, "in use", &point];
    refuses(&node, 4, &words, |command| {
        command.env("KEELBLOCK_WIPE", disk);
    });
    tool("mount", "umount", &[&point]);
    let node = Node::with(SIZE, &["--read-only"]);
    refuses(&node, 4, &[node.disk.name(), "write-protected"], |_| ());
}

#[test]
fn a_disk_without_room() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(2 << 30);
    refuses(&node, 4, &[node.disk.name(), "no room"], |_| ());
}

#[test]
fn keys_that_cannot_be_made() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let text = String::from_utf8(read(&node.bench, "node.yaml")).unwrap();
    for (key, kind) in [
        ("kms: {endpoint: 'https://kms.example.com'}", "kms key"),
        ("tpm: {}", "tpm key"),
    ] {
        node.configure(&text.replace("nodeID: {}", key));
        refuses(&node, 3, &[kind, "STATE", "let Talos make"], |_| ());
    }
    node.configure(&text);
    refuses(
        &node,
        4,
        &["ffffffff-ffff", "Talos refuses it"],
        |command| {
            *command = replaced(
                command,
                crate::cli::UUID,
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            );
        },
    );
}

/// The same command with one argument replaced.
fn replaced(command: &Command, old: &str, new: &str) -> Command {
    let mut other = Command::new(command.get_program());
    other.args(command.get_args().map(|word| {
        if word == old {
            new.into()
        } else {
            word.to_owned()
        }
    }));
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
        other.stdin(std::fs::File::open(folder.join("node.yaml")).unwrap());
    }
    other
}

#[test]
fn a_key_derivation_beyond_the_memory_of_the_machine() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    refuses(&node, 4, &["memory", "--kdf-memory"], |command| {
        *command = replaced(command, "32M", "900G");
    });
}

#[test]
fn a_mkfs_that_is_missing_or_fails() {
    if !root("to hide mkfs.xfs in a mount namespace of its own") {
        return;
    }
    let node = Node::new(SIZE);
    let path = fake(
        &node.bench,
        "mkfs.xfs",
        "echo 'mkfs.xfs: no luck today' >&2; exit 1",
    );
    let words = ["mkfs.xfs failed", "no luck today", "nothing was written"];
    refuses(&node, 4, &words, |command| {
        command.env("PATH", &path);
    });
    let before = node.digest();
    let hide = "mkdir none && mount --bind none /usr/sbin && exec \"$0\" \"$@\"";
    let plain = node.by_hand(&[], &node.arguments());
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", hide])
        .arg(plain.get_program());
    command.args(plain.get_args());
    command.current_dir(node.bench.folder());
    command.env("KEELBLOCK_INSTALLER", "/bin/bash");
    command.env("PATH", "/usr/bin:/bin");
    let ran = fed(piped(command), &read(&node.bench, "node.yaml")).exits(5);
    assert!(ran.stderr.contains("mkfs.xfs is not installed"), "{ran:#?}");
    assert_eq!(node.digest(), before);
}

fn piped(mut command: Command) -> Command {
    command.stdout(std::process::Stdio::piped());
    command.stderr(std::process::Stdio::piped());
    command
}

#[test]
fn a_stock_installer_that_is_missing_or_is_keelblock_itself() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let own = crate::cli::program();
    let cases: [(i32, &str, &[&str]); 2] = [
        (5, "/nosuch/installer", &["/nosuch/installer", "--stock"]),
        (
            4,
            own.to_str().unwrap(),
            &["is keelblock", "KEELBLOCK_INSTALLER"],
        ),
    ];
    for (code, stock, words) in cases {
        refuses(&node, code, words, |command| {
            command.env("KEELBLOCK_INSTALLER", stock);
        });
        // Not even for an upgrade, which would start itself forever.
        let mut upgrade = node.arguments();
        upgrade.push(String::from("--upgrade=true"));
        let mut command = node.installer(&upgrade);
        command.env("KEELBLOCK_INSTALLER", stock);
        ran(command).exits(code);
    }
}

#[test]
fn a_recorded_machine_and_a_disk_that_is_an_image() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    node.bench.machine("machine.json", |_| ());
    let recorded = ran(node.by_hand(&["--hardware", "machine.json"], &node.arguments()));
    assert!(recorded.exits(2).stderr.contains("--hardware"));
    let mut arguments = node.arguments();
    arguments[1] = format!("--disk={}", node.bench.path("disk.img").display());
    let image = ran(node.by_hand(&[], &arguments)).exits(4);
    assert!(image.stderr.contains("no such disk"), "{image:#?}");
}

#[test]
fn help_says_how_it_is_used_within_80_columns() {
    let bench = Bench::new();
    let help: Ran = bench.run(&["install", "--help"]).exits(0);
    for word in [
        "--stock",
        "KEELBLOCK_WIPE",
        "installer.stock",
        "7 installed but not sealed",
    ] {
        assert!(help.stdout.contains(word), "{word}: {help:#?}");
    }
    let wide = help.stdout.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
}
