//! What is passed through: arguments, environment, input, exit codes, signals, and upgrades altogether.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bench::{Node, fed, ran, read, wait_for, words};
use crate::cli::{Ran, root};

const SIZE: u64 = 5 << 30;

/// What the stand-in found, by file.
fn record(node: &Node, folder: &str, run: impl FnOnce(&str) -> Ran) -> Vec<(String, String)> {
    fs::create_dir(node.bench.path(folder)).unwrap();
    let ran = run("record");
    let files = ["cmdline", "environ", "stdin", "signals", "core"];
    files
        .map(|file| {
            let found = read(&node.bench, &format!("{folder}/{file}"));
            assert!(!found.is_empty(), "{file}: {ran:#?}");
            (file.to_owned(), String::from_utf8(found).unwrap())
        })
        .to_vec()
}

/// The stock installer alone, and behind keelblock: each finds the same bytes.
fn compare(node: &Node, arguments: &[String]) {
    let mut found = Vec::new();
    for by_keelblock in [false, true] {
        let run = |folder: &str| {
            let mut command = if by_keelblock {
                node.installer(arguments)
            } else {
                node.stock(arguments)
            };
            command.env("STANDIN_RECORD", folder);
            command.env("INSTALLER_META_BASE64", "MHhhPW5ldHdvcms=");
            command.env("http_proxy", "http://10.0.0.1:3128/?a=b c");
            command.env("STANDIN_EXIT", "5");
            fed(command, &read(&node.bench, "node.yaml"))
        };
        found.push(record(node, "record", run));
        fs::remove_dir_all(node.bench.path("record")).unwrap();
    }
    let behind = found.pop().unwrap();
    for (alone, behind) in found.pop().unwrap().into_iter().zip(behind) {
        assert_eq!(alone, behind);
    }
}

#[test]
fn the_stock_installer_finds_the_same_arguments_environment_input_and_signals() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let mut arguments = node.arguments();
    let uuid = format!("--meta=0xf={}", crate::cli::UUID);
    let more = [
        "--extra-kernel-arg",
        "a=b c\u{fc}",
        &uuid,
        "--meta=0xa=x\ny",
        "",
    ];
    arguments.extend(words(&more));
    compare(&node, &arguments);
    // An upgrade is handed over.
    arguments.retain(|word| word != "--upgrade=false");
    arguments.push(String::from("--upgrade=true"));
    compare(&node, &arguments);
}

#[test]
fn an_upgrade_and_everything_else_is_the_stock_installers_alone() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    node.bench.write("image", "cat >read; exit 6");
    // Nothing in this is a configuration, and nobody but the stock installer looks at it.
    let nonsense = b"\xff\xfe not a configuration";
    let mut upgrade = node.arguments();
    upgrade.push(String::from("--upgrade"));
    upgrade.push(String::from("--upgrade=true"));
    let before = node.digest();
    let ran = fed(node.installer(&upgrade), nonsense).exits(0);
    assert!(ran.stderr.contains("upgrading what is on"), "{ran:#?}");
    assert!(
        !ran.stderr.contains("INFO"),
        "keelblock said something: {ran:#?}"
    );
    let ran = fed(
        node.installer(&words(&["image", "--disk=/dev/sda"])),
        nonsense,
    )
    .exits(6);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(read(&node.bench, "read"), nonsense);
    assert_eq!(node.digest(), before);
}

/// The image has a link `imager` to the installer, which looks at the name by which it was called.
#[test]
fn under_the_name_of_the_imager_the_stock_one_is_called_by_it() {
    let bench = crate::cli::Bench::new();
    bench.write("metal", "tr '\\0' '\\n' </proc/$$/cmdline; cat");
    let mut command = bench.command(&["metal", "install"]);
    use std::os::unix::process::CommandExt as _;
    command.arg0("/usr/bin/imager");
    command.env("KEELBLOCK_INSTALLER", "/bin/bash");
    command.stdout(std::process::Stdio::piped());
    let ran = fed(command, b"profile").exits(0);
    assert_eq!(ran.stdout, "/usr/bin/imager\nmetal\ninstall\nprofile");
}

#[test]
fn every_exit_code_is_passed_on_and_nothing_is_sealed() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let before = node.digest();
    for code in [1, 2, 3, 4, 5, 6, 7, 42, 255] {
        let mut command = node.by_hand(&[], &node.arguments());
        command.env("STANDIN_EXIT", code.to_string());
        let ran = ran(command).exits(code);
        assert!(ran.stderr.contains("nothing was sealed"), "{ran:#?}");
        assert_eq!(ran.stdout, "a line of the stock installer\n");
        assert_eq!(node.digest(), before, "{code}");
    }
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("STANDIN_LATE_EXIT", "7");
    ran(command).exits(7);
    let found = node.partitions();
    let names: Vec<&str> = found.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(
        names,
        ["EFI", "META"],
        "nothing was added to a failed install"
    );
}

#[test]
fn a_death_by_signal_is_told_as_a_shell_tells_it() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    for (signal, code) in [("TERM", 143), ("KILL", 137), ("SEGV", 139)] {
        let mut command = node.by_hand(&[], &node.arguments());
        command.env("STANDIN_DIE", signal);
        ran(command).exits(code);
    }
}

#[test]
fn signals_reach_the_stock_installer_and_its_answer_comes_back() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let before = node.digest();
    for (signal, answer) in [
        (Signal::SIGHUP, 101),
        (Signal::SIGINT, 102),
        (Signal::SIGQUIT, 103),
        (Signal::SIGUSR1, 110),
        (Signal::SIGUSR2, 112),
        (Signal::SIGTERM, 115),
    ] {
        let file = node.bench.path(&format!("ready-{answer}"));
        let mut command = node.by_hand(&[], &node.arguments());
        let mut child = command.env("STANDIN_HANG", &file).spawn().unwrap();
        wait_for(&file, &mut child);
        let pid = i32::try_from(child.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
        Ran::of(&child.wait_with_output().unwrap()).exits(answer);
    }
    assert_eq!(node.digest(), before);
}

#[test]
fn without_a_configuration_the_stock_installer_runs_and_nothing_is_sealed() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    for input in ["", "\n \n"] {
        let ran = fed(node.by_hand(&[], &node.arguments()), input.as_bytes()).exits(0);
        assert!(ran.stderr.contains("no configuration"), "{ran:#?}");
        assert_eq!(node.partitions().len(), 2);
    }
}

#[test]
fn a_stock_installer_that_reads_nothing_is_no_failure() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let mut command = node.by_hand(&[], &node.arguments());
    command.env("STANDIN_DEAF", "1").env("STANDIN_EXIT", "2");
    let long = [
        read(&node.bench, "node.yaml"),
        b"# filler\n".repeat(100_000),
    ]
    .concat();
    fed(command, &long).exits(2);
}

#[test]
fn data_on_standard_output_is_not_mixed_with_the_stock_installers() {
    if !root("to set up a loop device") {
        return;
    }
    let node = Node::new(SIZE);
    let ran = ran(node.by_hand(&["--format", "json"], &node.arguments())).exits(0);
    assert_eq!(ran.json()["schema"], "keelblock/receipt/v1");
    assert!(
        ran.stderr.contains("a line of the stock installer"),
        "{ran:#?}"
    );
}
