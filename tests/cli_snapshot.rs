//! `snapshot` and `--hardware` as a script or a person at a terminal meets them.
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

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use self::cli::{Bench, Ran, program, root};
use self::machines::{expanded, repository};

const SERVER: &str = include_str!("../examples/hardware/server.json");
const UAS: &str = include_str!("../examples/hardware/macmini-2018-uas.json");

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("server.json", SERVER);
    bench
}

fn tree(trees: &[&str], arguments: &[&str], bench: &Bench) -> Ran {
    let (dir, _root) = expanded(trees);
    let mut command = bench.command(arguments);
    Ran::of(&command.env("KEELBLOCK_ROOT", dir.path()).output().unwrap())
}

/// What a terminal would obey, newlines apart.
fn obeyed(text: &str) -> Option<char> {
    let is = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
    text.chars().find(is)
}

#[test]
fn a_snapshot_is_a_private_file_that_the_next_command_reads() {
    let bench = bench();
    let ran = tree(&["macmini-2018"], &["snapshot", "-o", "m.json"], &bench).exits(0);
    let file = fs::metadata(bench.path("m.json")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    for words in [
        "Macmini8,1",
        "4 disks",
        "attributes in m.json",
        "not redacted",
        "--hardware m.json",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {ran:#?}");
    }
    assert!(
        ran.stdout.lines().all(|line| line.chars().count() <= 80),
        "{}",
        ran.stdout
    );
    let probed = bench
        .run(&["probe", "--format", "json", "--hardware", "m.json"])
        .exits(0)
        .json();
    let recorded: Value = serde_json::from_slice(&fs::read(bench.path("m.json")).unwrap()).unwrap();
    assert_eq!(probed, recorded["inventory"]);
    assert_eq!(recorded["schema"], "keelblock/snapshot/v1");
    // A second one takes the place of the first.
    tree(&["macmini-2014"], &["snapshot", "-o", "m.json"], &bench).exits(0);
    let probed = bench
        .run(&["probe", "--format", "json", "--hardware", "m.json"])
        .exits(0)
        .json();
    assert_eq!(probed["machine"]["product"], "Macmini7,1");
    let left: Vec<_> = fs::read_dir(bench.folder())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn every_command_takes_a_snapshot_for_the_machine() {
    let bench = bench();
    bench.write("machine.json", UAS);
    let talos = fs::read(repository().join("examples/hardware/macmini-2014-two-t5.json")).unwrap();
    bench.write("mini.json", talos);
    bench.write("node.yaml", cli::config("    disk: /dev/sda"));
    let select = ["select", "-c", "node.yaml", "--hardware", "mini.json"];
    assert!(
        bench
            .run(&select)
            .exits(0)
            .stdout
            .contains("install: /dev/sda")
    );
    let node = [
        "-c",
        "node.yaml",
        "--hardware",
        "mini.json",
        "--image",
        "a.img",
    ];
    let new = [&node[..], &["--size", "4G"]].concat();
    bench
        .run(&[&["plan"][..], &new, &cli::CHEAP].concat())
        .exits(0);
    bench.run(&cli::apply(&new)).exits(0);
    let inspect = [
        "inspect",
        "a.img",
        "-c",
        "node.yaml",
        "--hardware",
        "mini.json",
    ];
    assert!(bench.run(&inspect).exits(0).stdout.contains("STATE"));
    let demo = bench
        .run(&["demo", "--size", "5G", "--hardware", "mini.json"])
        .exits(0);
    assert!(demo.stdout.contains("on mini.json"), "{demo:#?}");
    let again = ["snapshot", "--hardware", "machine.json", "-o", "again.json"];
    bench.run(&again).exits(0);
    let [first, second] =
        ["machine.json", "again.json"].map(|name| fs::read_to_string(bench.path(name)).unwrap());
    assert_eq!(first, second);
}

#[test]
fn redaction_says_what_it_did_and_what_it_left() {
    let bench = bench();
    let redact = [
        "snapshot",
        "--hardware",
        "server.json",
        "--redact",
        "-o",
        "r.json",
    ];
    let ran = bench.run(&redact).exits(0);
    for words in [
        "different identifiers have stand-ins",
        "left: models",
        "mount points",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {ran:#?}");
    }
    let text = fs::read_to_string(bench.path("r.json")).unwrap();
    for id in [
        "PHYF934201AB960CGN",
        "store7",
        "7c2d1f60",
        "00:00:5e:00:53:a1",
    ] {
        assert!(SERVER.contains(id) && !text.contains(id), "{id}");
    }
    // Another run has other stand-ins, the same key the same ones, and the key stands nowhere.
    let key = "correct horse battery staple";
    bench.write("key", key);
    let keyed = |name: &str| {
        let words = [
            "snapshot",
            "--hardware",
            "server.json",
            "--redact",
            "--redact-key",
            "key",
            "-o",
            name,
        ];
        let ran = bench.run(&words).exits(0);
        assert!(!ran.stdout.contains(key) && !ran.stderr.contains(key));
        fs::read_to_string(bench.path(name)).unwrap()
    };
    let (one, two) = (keyed("1.json"), keyed("2.json"));
    assert_eq!(one, two);
    assert!(!one.contains(key));
    assert_ne!(one, text);
    let report = [
        "--format",
        "json",
        "snapshot",
        "--hardware",
        "r.json",
        "-o",
        "s.json",
    ];
    let report = bench.run(&report).exits(0).json();
    assert_eq!(report["schema"], "keelblock/snapshot-report/v1");
    assert_eq!(report["disks"], 7);
}

#[test]
fn a_key_that_anybody_could_guess_is_refused_before_anything_is_done() {
    let bench = bench();
    bench.write("short", "0123456789abcde\n");
    bench.write("empty", "");
    for (key, words) in [
        ("short", "at least"),
        ("empty", "16"),
        ("nosuch", "No such file"),
    ] {
        let words = if words == "at least" { "16" } else { words };
        let all = [
            "snapshot",
            "--hardware",
            "server.json",
            "-o",
            "r.json",
            "--redact",
            "--redact-key",
            key,
        ];
        bench.refuses(2, &all, &[key, words]);
    }
    assert!(!bench.exists("r.json"));
    bench.refuses(
        2,
        &["snapshot", "-o", "r.json", "--redact-key", "short"],
        &["--redact"],
    );
    bench.refuses(2, &["snapshot"], &["--output"]);
}

#[test]
fn a_file_that_cannot_be_written_is_an_input_or_output_error_and_nothing_is_left() {
    let bench = bench();
    fs::create_dir(bench.path("folder")).unwrap();
    let fifo = bench.path("pipe");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (file, words) in [
        ("nosuch/r.json", "No such file"),
        ("server.json/r.json", "Not a directory"),
        ("folder", "no file"),
        ("pipe", "no file"),
        ("/dev/null", "no file"),
        ("/proc/r.json", "cannot write"),
    ] {
        bench.refuses(
            5,
            &["snapshot", "--hardware", "server.json", "-o", file],
            &[file, words],
        );
    }
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    // A disk that is full, by the limit on the size of a file; the old snapshot stays.
    bench.write("old.json", "old");
    let run = |format: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -f 8; exec \"$@\"", "sh"])
            .arg(program());
        command.args([
            "snapshot",
            "--hardware",
            "server.json",
            "-o",
            "old.json",
            "--format",
            format,
        ]);
        command.current_dir(bench.folder()).stdin(Stdio::null());
        Ran::of(&command.output().unwrap())
    };
    bench.refuses_so(5, &["old.json", "File too large", "room"], run);
    assert_eq!(fs::read(bench.path("old.json")).unwrap(), b"old");
}

#[test]
fn a_full_file_system_leaves_the_old_snapshot() {
    if !root("to mount a small file system") {
        return;
    }
    let bench = bench();
    fs::create_dir(bench.path("small")).unwrap();
    let run = |format: &str| {
        let script = "mount -t tmpfs -o size=16k tmpfs small && echo old >small/r.json && \"$@\"; code=$?; \
                      test \"$(cat small/r.json)\" = old && test \"$(ls -A small)\" = r.json || exit 99; exit $code";
        let mut command = Command::new("unshare");
        command
            .args(["-m", "sh", "-c", script, "sh"])
            .arg(program());
        command.args([
            "snapshot",
            "--hardware",
            "server.json",
            "-o",
            "small/r.json",
            "--format",
            format,
        ]);
        command.current_dir(bench.folder()).stdin(Stdio::null());
        Ran::of(&command.output().unwrap())
    };
    bench.refuses_so(5, &["small/r.json", "No space left", "room"], run);
}

#[test]
fn standard_output_carries_the_snapshot_and_nothing_else() {
    let bench = bench();
    let ran = bench
        .run(&["snapshot", "--hardware", "server.json", "-o", "-"])
        .exits(0);
    assert_eq!(ran.stdout, SERVER);
    assert!(ran.stderr.contains("recorded Supermicro"), "{}", ran.stderr);
    let piped = Command::new("sh")
        .args([
            "-c",
            "\"$0\" snapshot --hardware server.json -o - 2>/dev/null | \"$0\" probe --hardware -",
        ])
        .arg(program())
        .current_dir(bench.folder())
        .output();
    assert!(
        Ran::of(&piped.unwrap())
            .exits(0)
            .stdout
            .contains("Super Server")
    );
    // Nobody reads on, or there is no room.
    let mut command = bench.command(&["snapshot", "--hardware", "server.json", "-o", "-"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0]).unwrap();
    drop(output);
    Ran::of(&child.wait_with_output().unwrap()).exits(0);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = bench.command(&["snapshot", "--hardware", "server.json", "-o", "-"]);
    let ran = Ran::of(&command.stdout(full).output().unwrap()).exits(5);
    assert!(ran.stderr.contains("No space left"), "{ran:?}");
}

#[test]
fn what_could_not_be_read_is_said() {
    let bench = bench();
    let words = ["snapshot", "-o", "m.json"];
    let ran = tree(&["macmini-2018", "macmini-2018-no-udev"], &words, &bench).exits(0);
    assert!(ran.stdout.contains("missing: udev"), "{}", ran.stdout);
    let empty = tempfile::tempdir().unwrap();
    let mut command = bench.command(&words);
    let ran = Ran::of(
        &command
            .env("KEELBLOCK_ROOT", empty.path())
            .output()
            .unwrap(),
    )
    .exits(0);
    for words in [
        "missing: UUID of the machine",
        "missing: disks",
        "missing: attributes",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    bench.run(&["probe", "--hardware", "m.json"]).exits(0);
}

/// The machine that the tests run on, as somebody who may open no disk.
#[test]
fn this_machine_is_recorded_without_root_and_without_udev() {
    let bench = bench();
    fs::set_permissions(bench.folder(), fs::Permissions::from_mode(0o777)).unwrap();
    let copy = bench.path("keelblock");
    fs::copy(program(), &copy).unwrap();
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&copy);
        command
    } else {
        Command::new(&copy)
    };
    command
        .args(["snapshot", "-o", "m.json"])
        .current_dir(bench.folder());
    let ran = Ran::of(
        &command
            .output()
            .expect("setpriv (Debian's package util-linux) starts"),
    )
    .exits(0);
    let snapshot: Value = serde_json::from_slice(&fs::read(bench.path("m.json")).unwrap()).unwrap();
    for disk in snapshot["inventory"]["disks"].as_array().unwrap() {
        if disk["content"]["kind"] == "unreadable" {
            let said = format!("missing: content of {}", disk["path"].as_str().unwrap());
            assert!(ran.stdout.contains(&said), "{said}: {}", ran.stdout);
        }
    }
    if snapshot["inventory"]["machine"]["udev"] == false {
        assert!(ran.stdout.contains("missing: udev"), "{}", ran.stdout);
    }
    assert!(!snapshot["attributes"].as_object().unwrap().is_empty());
    bench.run(&["probe", "--hardware", "m.json"]).exits(0);
}

#[test]
fn bad_recordings_are_refused_by_the_program_in_bounded_time() {
    let bench = bench();
    bench.write("node.yaml", cli::config("    disk: /dev/sda"));
    bench.write("cut.json", &SERVER[..SERVER.len() / 2]);
    bench.write("nul.json", "\0");
    bench.write("latin.json", b"{\"schema\": \"\xe4\"}");
    bench.write("deep.json", "[".repeat(1 << 20));
    bench.write(
        "newer.json",
        SERVER.replacen("snapshot/v1", "snapshot/v2", 1),
    );
    bench.write(
        "twice.json",
        SERVER.replacen("\"path\"", "\"path\": \"/dev/x\", \"path\"", 1),
    );
    bench.write(
        "escape.json",
        SERVER.replacen("\"snapshot/v1\"", "", 1).replacen(
            "keelblock/snapshot/v1",
            "\\u001b[31mx",
            1,
        ),
    );
    bench.blank("huge.json", 1 << 40);
    for (file, words) in [
        ("cut.json", "EOF"),
        ("nul.json", "expected value"),
        ("latin.json", "not UTF-8"),
        ("deep.json", "recursion limit"),
        ("newer.json", "newer keelblock"),
        ("twice.json", "the key \"path\" twice"),
        ("escape.json", "\\u{1b}[31mx"),
        ("huge.json", "larger than 64 MiB"),
        ("nosuch.json", "No such file"),
        (".", "Is a directory"),
    ] {
        for command in [
            &["select", "-c", "node.yaml"][..],
            &["probe"],
            &["snapshot", "-o", "r.json"],
        ] {
            let all = [command, &["--hardware", file]].concat();
            bench.refuses(2, &all, &[file, words]);
        }
    }
}

#[test]
fn nothing_that_a_disk_says_of_itself_reaches_the_terminal_raw() {
    let bench = bench();
    bench.write(
        "node.yaml",
        cli::config("    diskSelector:\n      model: APPLE*"),
    );
    let nasty = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{7f}\nINJECTED\r\u{202e}";
    bench.machine("machine.json", |machine| {
        for key in ["vendor", "product", "kernel", "uuid"] {
            machine["machine"][key] = nasty.into();
        }
        machine["notes"] = json!([nasty]);
        for disk in machine["disks"].as_array_mut().unwrap() {
            for key in ["model", "serial", "vendor", "bus_path", "transport", "wwid"] {
                disk[key] = format!("APPLE{nasty}").into();
            }
            disk["id"] = format!("{} {nasty}", disk["path"]).into();
            disk["unread"] = json!([nasty]);
            disk["boot_medium"] = json!([nasty]);
            disk["usage"] = json!([{"kind": "mount", "device": nasty, "by": nasty}]);
            disk["content"] = json!({"kind": "foreign", "table": {"kind": "gpt", "defects": [nasty]},
                "signatures": [{"kind": "ext4", "label": nasty, "uuid": nasty, "offset": 0, "note": nasty}],
                "partitions": [{"number": 1, "name": nasty, "extent": {"start": 1048576, "len": 1048576}}]});
        }
    });
    let hardware = ["--hardware", "machine.json"];
    for (arguments, code) in [
        (&["probe"][..], 0),
        (&["select", "-c", "node.yaml"], 4),
        (&["plan", "-c", "node.yaml"], 4),
        (&["plan", "-c", "node.yaml", "--disk", "/dev/sda"], 4),
        (&["snapshot", "-o", "r.json"], 0),
        (&["snapshot", "-o", "-"], 0),
    ] {
        for format in ["text", "json"] {
            let all = [arguments, &hardware, &["--format", format]].concat();
            let ran = bench.run(&all).exits(code);
            // A newline in a label is no line of ours.
            let mut lines = ran.stdout.lines().chain(ran.stderr.lines());
            assert!(
                !lines.any(|line| line.starts_with("INJECTED")),
                "{all:?}: {ran:#?}"
            );
            assert_eq!(obeyed(&ran.stdout), None, "{all:?}: {:?}", ran.stdout);
            assert_eq!(obeyed(&ran.stderr), None, "{all:?}: {:?}", ran.stderr);
        }
    }
    let kept: Value = serde_json::from_slice(&fs::read(bench.path("r.json")).unwrap()).unwrap();
    assert_eq!(
        kept["inventory"]["machine"]["vendor"], nasty,
        "what is compared stays as it is"
    );
}
