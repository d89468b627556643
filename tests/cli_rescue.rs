//! rescue and repair through the program: on images that keelblock, sgdisk and cryptsetup made, with those as judges.
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

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::process::{Command, Stdio};

use keelblock::partitioner::gpt;
use keelblock::target::image::ImageFile;
use keelblock::units::{BlockSize, Extent};
use serde_json::Value;

use crate::cli::{Bench, Ran, UUID, apply, config, digest, program, root, tool};

const PASSPHRASE: &str = "MARKER-s3cr3t-7f3a";
const SIZE: u64 = 4 << 30;

/// A folder with a configuration and the image `sound.img` that an apply made of it.
struct Node {
    bench: Bench,
    state: Extent,
    meta: Extent,
}

impl Node {
    fn new() -> Self {
        let bench = Bench::new();
        let two_keys = config("    wipe: false").replacen(
            "        - nodeID: {}\n          slot: 0\n",
            &format!("        - nodeID: {{}}\n          slot: 0\n        - static:\n            passphrase: {PASSPHRASE}\n          slot: 1\n"),
            1,
        );
        bench.write("node.yaml", two_keys);
        let arguments = ["-c", "node.yaml", "--image", "sound.img", "--size", "4G"];
        bench.run(&apply(&arguments)).exits(0);
        let image =
            ImageFile::open_read_only(&bench.path("sound.img"), BlockSize::B512, 0).unwrap();
        let found = gpt::read(&image).unwrap();
        let of = |name: &str| {
            let mut all = found.table().unwrap().partitions();
            let (_, entry) = all.find(|(_, entry)| entry.name.is(name)).unwrap();
            entry.extent(BlockSize::B512).unwrap()
        };
        let (state, meta) = (of("STATE"), of("META"));
        Self { bench, state, meta }
    }

    /// Another copy of the image.
    fn copy(&self, name: &str) {
        copy(&self.bench, "sound.img", name);
    }

    fn is_sound(&self, name: &str) -> bool {
        digest(&self.bench.path(name)) == digest(&self.bench.path("sound.img"))
    }

    fn rescue(&self, name: &str, more: &[&str]) -> Ran {
        let mut all = vec!["rescue", "--image", name, "-c", "node.yaml", "--uuid", UUID];
        all.extend(more);
        self.bench.run(&all)
    }

    fn findings(&self, name: &str, more: &[&str]) -> Value {
        let mut all = vec!["--format", "json"];
        all.extend(more);
        self.rescue(name, &all).exits(0).json()
    }

    fn repair(&self, name: &str, more: &[&str]) -> Ran {
        let mut all = vec!["repair", "--image", name, "--state-dir", "state"];
        all.extend(more);
        self.bench.run(&all)
    }

    /// Where each kind of damage goes: name, first byte, length.
    fn damages(&self) -> Vec<(&'static str, u64, usize)> {
        let (state, meta) = (self.state.start.get(), self.meta.start.get());
        vec![
            ("protective MBR", 446, 66),
            ("primary GPT", 512 + 16, 4),
            ("primary GPT", 1024 + 40, 300),
            ("backup GPT", SIZE - 512, 512),
            ("backup GPT", SIZE - 512 - 16384 + 40, 300),
            ("first LUKS2 header", state, 6),
            ("first LUKS2 header", state + 4096 + 50, 300),
            ("second LUKS2 header", state + 16384 + 16, 8),
            ("second LUKS2 header", state + 16384 + 4096 + 50, 300),
            ("first copy of META", meta, 4096),
            ("second copy of META", meta + (256 << 10) + 60, 9),
        ]
    }
}

fn copy(bench: &Bench, from: &str, to: &str) {
    let paths = [from, to].map(|name| bench.path(name).display().to_string());
    tool(
        "coreutils",
        "cp",
        &["--sparse=always", &paths[0], &paths[1]],
    );
}

fn scribble(bench: &Bench, name: &str, at: u64, len: usize, byte: u8) {
    let file = OpenOptions::new()
        .write(true)
        .open(bench.path(name))
        .unwrap();
    file.write_all_at(&vec![byte; len], at).unwrap();
}

/// Every command line that a report says to type.
fn next_lines(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let next = findings.flat_map(|finding| finding["next"].as_array().unwrap());
    next.map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// A command line as a shell reads it, without the name of the program.
fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {line}");
    let said = tool("dash", "sh", &["-c", &script]);
    said.lines().skip(1).map(str::to_owned).collect()
}

#[track_caller]
fn assert_judges_content(bench: &Bench, name: &str) {
    let path = bench.path(name).display().to_string();
    let said = tool("gdisk", "sgdisk", &["--verify", &path]);
    assert!(said.contains("No problems found"), "{said}");
    let said = tool("util-linux", "blkid", &["-p", &path]);
    assert!(said.contains("PTTYPE=\"gpt\""), "{said}");
}

#[track_caller]
fn assert_opens(bench: &Bench, name: &str, at: Extent, passphrase: &str) {
    let part = bench.path("partition");
    let source = File::open(bench.path(name)).unwrap();
    let mut head = vec![0; 17 << 20];
    source.read_exact_at(&mut head, at.start.get()).unwrap();
    std::fs::write(&part, head).unwrap();
    bench.write("key", passphrase);
    let (part, key) = (
        part.display().to_string(),
        bench.path("key").display().to_string(),
    );
    tool("cryptsetup-bin", "cryptsetup", &["luksDump", &part]);
    let arguments = ["open", "--test-passphrase", "--key-file", &key, &part];
    tool("cryptsetup-bin", "cryptsetup", &arguments);
    let said = tool("util-linux", "blkid", &["-p", &part]);
    assert!(said.contains("crypto_LUKS"), "{said}");
}

#[test]
fn every_kind_of_damage_is_told_and_the_printed_command_restores_every_byte() {
    let node = Node::new();
    for (what, at, len) in node.damages() {
        for byte in [0, 0xA5] {
            node.copy("disk.img");
            scribble(&node.bench, "disk.img", at, len, byte);
            let report = node.findings("disk.img", &["--no-keys"]);
            let findings = report["findings"].as_array().unwrap();
            let told = |f: &&Value| f["what"].as_str().unwrap().contains(what);
            let told = findings.iter().find(told);
            let told = told.unwrap_or_else(|| panic!("{what}: {report:#}"));
            let line = told["next"][0].as_str().unwrap();
            assert_eq!(line, "keelblock repair --image disk.img", "{what}");
            let before = digest(&node.bench.path("disk.img"));
            let preview = node.repair("disk.img", &[]).exits(0);
            assert!(preview.stdout.contains("--yes"), "{preview:?}");
            assert_eq!(
                digest(&node.bench.path("disk.img")),
                before,
                "{what}: a preview wrote"
            );
            let mut arguments = words(line);
            arguments.extend(["--yes", "--state-dir", "state"].map(str::to_owned));
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            node.bench.run(&arguments).exits(0);
            assert!(node.is_sound("disk.img"), "{what} at {at}, {byte:#x}");
            assert_judges_content(&node.bench, "disk.img");
            let again = node.repair("disk.img", &["--yes"]).exits(0);
            assert!(again.stdout.contains("0 writes"), "{again:?}");
        }
    }
    assert_opens(&node.bench, "disk.img", node.state, PASSPHRASE);
    let inspected = node.bench.run(&["inspect", "disk.img"]).exits(0).stdout;
    assert!(!inspected.contains("damaged"), "{inspected}");
}

/// An image of the partitioning tool and cryptsetup alone.
fn theirs(bench: &Bench) -> Extent {
    bench.blank("sound.img", 256 << 20);
    let path = bench.path("sound.img").display().to_string();
    let arguments = [
        "--new=1:2048:+64M",
        "--change-name=1:STATE",
        "--typecode=1:8300",
        "--new=2:0:0",
        "--change-name=2:u-data",
        &path,
    ];
    tool("gdisk", "sgdisk", &arguments);
    bench.blank("luks.img", 64 << 20);
    bench.write("key", PASSPHRASE);
    let (luks, key) = (bench.path("luks.img"), bench.path("key"));
    let (luks, key) = (luks.display().to_string(), key.display().to_string());
    let arguments = [
        "luksFormat",
        "--batch-mode",
        "--type",
        "luks2",
        "--pbkdf-memory",
        "32768",
        "--pbkdf-force-iterations",
        "4",
        "--key-file",
        &key,
        &luks,
    ];
    tool("cryptsetup-bin", "cryptsetup", &arguments);
    let head = std::fs::read(&luks).unwrap();
    let image = OpenOptions::new().write(true).open(&path).unwrap();
    image.write_all_at(&head[..17 << 20], 1 << 20).unwrap();
    Extent::new(
        keelblock::units::Bytes::MIB,
        keelblock::units::Bytes::mib(64),
    )
}

#[test]
fn images_of_sgdisk_and_cryptsetup_are_restored_to_the_byte() {
    let bench = Bench::new();
    let state = theirs(&bench);
    let (end, luks) = (256 << 20, 1 << 20);
    for (at, len) in [
        (512, 512),
        (1024, 256),
        (end - 512, 512),
        (end - 512 - 16384, 256),
        (luks + 10, 8),
        (luks + 4096 + 20, 100),
        (luks + 16384 + 448, 16),
        (luks + 16384 + 5000, 100),
    ] {
        copy(&bench, "sound.img", "disk.img");
        scribble(&bench, "disk.img", at, len, 0xA5);
        let arguments = [
            "repair",
            "--image",
            "disk.img",
            "--yes",
            "--state-dir",
            "state",
        ];
        bench.run(&arguments).exits(0);
        assert_eq!(
            digest(&bench.path("disk.img")),
            digest(&bench.path("sound.img")),
            "{at}"
        );
    }
    // What Talos writes into a protective MBR differs from what sgdisk does; both are content.
    copy(&bench, "sound.img", "disk.img");
    scribble(&bench, "disk.img", 446, 66, 0xA5);
    let arguments = [
        "repair",
        "--image",
        "disk.img",
        "--yes",
        "--state-dir",
        "state",
    ];
    bench.run(&arguments).exits(0);
    assert_judges_content(&bench, "disk.img");
    // A header that is gone altogether comes back with another salt, and cryptsetup takes it.
    for at in [luks, luks + 16384] {
        copy(&bench, "sound.img", "disk.img");
        scribble(&bench, "disk.img", at, 16384, 0);
        let arguments = [
            "repair",
            "--image",
            "disk.img",
            "--yes",
            "--state-dir",
            "state",
        ];
        bench.run(&arguments).exits(0);
        assert_opens(&bench, "disk.img", state, PASSPHRASE);
    }
    assert_judges_content(&bench, "disk.img");
}

#[test]
fn an_image_that_was_copied_to_a_larger_disk_gets_its_backup_at_the_end() {
    let bench = Bench::new();
    theirs(&bench);
    copy(&bench, "sound.img", "disk.img");
    let file = OpenOptions::new()
        .write(true)
        .open(bench.path("disk.img"))
        .unwrap();
    file.set_len(300 << 20).unwrap();
    let path = bench.path("disk.img").display().to_string();
    let said = Command::new("sgdisk")
        .args(["--verify", &path])
        .env("PATH", "/usr/sbin:/sbin")
        .output();
    let said = String::from_utf8_lossy(&said.unwrap().stdout).into_owned();
    assert!(!said.contains("No problems found"), "{said}");
    let arguments = [
        "repair",
        "--image",
        "disk.img",
        "--yes",
        "--state-dir",
        "state",
    ];
    bench.run(&arguments).exits(0);
    assert_judges_content(&bench, "disk.img");
}

#[test]
fn undoing_brings_the_damage_back_to_the_byte() {
    let node = Node::new();
    node.copy("disk.img");
    for (_, at, len) in node.damages().into_iter().skip(4).step_by(3) {
        scribble(&node.bench, "disk.img", at, len, 0xA5);
    }
    let before = digest(&node.bench.path("disk.img"));
    let done = node.repair(
        "disk.img",
        &["--yes", "--backup", "kept.json", "--format", "json"],
    );
    let report = done.exits(0).json();
    assert_eq!(report["schema"], "keelblock/repair/v1");
    assert_eq!(report["outcome"], "repaired");
    assert!(node.is_sound("disk.img"));
    let mode = std::fs::metadata(node.bench.path("kept.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let undo = ["repair", "--undo", "kept.json", "--yes"];
    node.bench.run(&undo[..3]).exits(0);
    assert!(
        node.is_sound("disk.img"),
        "without --yes nothing is written"
    );
    node.bench.run(&undo).exits(0);
    assert_eq!(digest(&node.bench.path("disk.img")), before);
    let again = node.bench.run(&undo).exits(0);
    assert!(again.stdout.contains("0 writes"), "{again:?}");
    // What came since is not destroyed.
    node.repair("disk.img", &["--yes"]).exits(0);
    scribble(
        &node.bench,
        "disk.img",
        node.meta.start.get() + (256 << 10) + 70,
        3,
        7,
    );
    node.bench
        .refuses(4, &undo, &["kept.json", "nothing was written"]);
    // A file that is there is not replaced: it may be the only way back.
    let arguments = [
        "repair",
        "--image",
        "disk.img",
        "--yes",
        "--backup",
        "kept.json",
    ];
    node.bench.refuses(4, &arguments, &["kept.json exists"]);
}

#[test]
fn what_cannot_be_repaired_is_refused_and_stays_as_it_is() {
    let node = Node::new();
    let repair = [
        "repair",
        "--image",
        "disk.img",
        "--state-dir",
        "state",
        "--yes",
    ];
    let (state, meta) = (node.state.start.get(), node.meta.start.get());
    for (one, other, words) in [
        (512 + 16, SIZE - 16384, ["primary GPT", "backup GPT"]),
        (
            state + 4200,
            state + 16384 + 4200,
            ["first LUKS2", "second LUKS2"],
        ),
        (
            meta + 60,
            meta + (256 << 10) + 60,
            ["first copy of META", "second copy of META"],
        ),
    ] {
        node.copy("disk.img");
        scribble(&node.bench, "disk.img", one, 5, 0xA5);
        scribble(&node.bench, "disk.img", other, 5, 0xA5);
        node.bench.refuses(4, &repair, &words);
    }
    // A mark of an apply that was interrupted.
    node.copy("disk.img");
    scribble(&node.bench, "disk.img", SIZE - 512, 512, 0);
    let mark = keelblock::probe::marker::encode("1111-2222-3333-4444").unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(node.bench.path("disk.img"))
        .unwrap();
    file.write_all_at(&mark, keelblock::probe::marker::MARKER_OFFSET.get())
        .unwrap();
    node.bench
        .refuses(4, &repair, &["1111-2222-3333-4444", "interrupted"]);
    let report = node.findings("disk.img", &["--no-keys"]);
    assert!(
        report["boot"].as_str().unwrap().contains("interrupted"),
        "{report:#}"
    );
    let lines = next_lines(&report);
    assert!(
        lines[0].starts_with("keelblock apply --image disk.img -c node.yaml"),
        "{lines:?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("repair")),
        "{lines:?}"
    );
}

#[test]
fn tables_that_differ_are_shown_and_repaired_only_with_a_decision() {
    let node = Node::new();
    node.copy("disk.img");
    let path = node.bench.path("disk.img").display().to_string();
    tool("gdisk", "sgdisk", &["--change-name=4:u-other", &path]);
    // sgdisk wrote both; the first comes back as it was.
    let sound = File::open(node.bench.path("sound.img")).unwrap();
    let mut head = vec![0; 34 * 512];
    sound.read_exact_at(&mut head, 0).unwrap();
    let disk = OpenOptions::new().write(true).open(&path).unwrap();
    disk.write_all_at(&head, 0).unwrap();
    let repair = [
        "repair",
        "--image",
        "disk.img",
        "--state-dir",
        "state",
        "--yes",
    ];
    node.bench.refuses(4, &repair, &["differ", "--from"]);
    let lines = next_lines(&node.findings("disk.img", &["--no-keys"]));
    assert_eq!(
        lines,
        [
            "keelblock repair --image disk.img --from primary",
            "keelblock repair --image disk.img --from backup",
        ]
    );
    let preview = node.repair("disk.img", &["--from", "backup"]).exits(0);
    assert!(preview.stdout.contains("u-other"), "{preview:?}");
    node.repair("disk.img", &["--from", "primary", "--yes"])
        .exits(0);
    assert!(node.is_sound("disk.img"));
}

#[test]
fn rescue_says_what_opens_and_what_talos_will_do() {
    let node = Node::new();
    let report = node.findings("sound.img", &[]);
    assert_eq!(report["schema"], "keelblock/rescue/v1");
    assert_eq!(report["boot"], "Talos adopts what is there and comes up");
    let all_ok = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .all(|f| f["severity"] == "ok");
    assert!(all_ok, "{report:#}");
    assert_eq!(next_lines(&report), [""; 0]);
    assert_eq!(
        report["meta"][0]["tags"][0]["name"],
        "StateEncryptionConfig"
    );
}

#[test]
fn without_metas_tag_talos_hangs_and_an_apply_puts_it_back() {
    let node = Node::new();
    node.copy("disk.img");
    scribble(&node.bench, "disk.img", node.meta.start.get(), 1 << 20, 0);
    let report = node.findings("disk.img", &[]);
    let boot = report["boot"].as_str().unwrap();
    assert!(boot.contains("HANGS at STATE"), "{boot}");
    let lines = next_lines(&report);
    assert!(
        lines[0].starts_with("keelblock apply --image disk.img -c node.yaml"),
        "{lines:?}"
    );
    let mut arguments = words(&lines[0]);
    arguments.extend(
        [
            "--state-dir",
            "state",
            "--kdf-memory",
            "32M",
            "--kdf-time",
            "1",
        ]
        .map(str::to_owned),
    );
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    node.bench.run(&arguments).exits(0);
    let report = node.findings("disk.img", &[]);
    assert_eq!(
        report["boot"], "Talos adopts what is there and comes up",
        "{report:#}"
    );
}

#[test]
fn with_another_passphrase_in_the_configuration_metas_still_opens_state() {
    let node = Node::new();
    let other = std::fs::read_to_string(node.bench.path("node.yaml")).unwrap();
    node.bench
        .write("node.yaml", other.replace(PASSPHRASE, "another passphrase"));
    let report = node.findings("sound.img", &[]).to_string();
    assert!(
        report.contains("slot 1 has another passphrase in META"),
        "{report}"
    );
    assert!(report.contains("does not open slot 1"), "{report}");
    assert!(
        !report.contains(PASSPHRASE) && !report.contains("another passphrase\""),
        "{report}"
    );
    let text = node
        .bench
        .run(&["rescue", "--image", "sound.img", "--no-keys"])
        .exits(0)
        .stdout;
    let wide = text
        .lines()
        .find(|line| line.chars().count() > 80 && !line.contains("$ "));
    assert_eq!(wide, None);
}

#[test]
fn every_command_that_is_printed_is_one_that_the_program_takes() {
    let node = Node::new();
    let (state, meta) = (node.state.start.get(), node.meta.start.get());
    let cases: [&[(u64, usize)]; 5] = [
        &[(meta, 1 << 20)],
        &[(state + 4200, 5), (state + 16384 + 4200, 5)],
        &[(512, 512), (state + 4200, 5)],
        &[(meta, 512), (SIZE - 512, 512)],
        &[(state, 6), (446, 66)],
    ];
    let mut tried = std::collections::BTreeSet::new();
    for damages in cases {
        node.copy("disk.img");
        for (at, len) in damages {
            scribble(&node.bench, "disk.img", *at, *len, 0xA5);
        }
        for line in next_lines(&node.findings("disk.img", &[])) {
            let words = words(&line);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            copy(&node.bench, "disk.img", "kept.img");
            let ran = node.bench.run(&words);
            assert!(
                !matches!(ran.code, Some(1 | 2)) || words[0] == "unlock",
                "{line}: {ran:#?}"
            );
            assert!(!ran.stderr.contains("Usage:"), "{line}: {ran:#?}");
            copy(&node.bench, "kept.img", "disk.img");
            tried.insert(words[0].to_owned());
        }
    }
    let all = ["apply", "repair", "reset", "unlock"];
    assert!(tried.iter().map(String::as_str).eq(all), "{tried:?}");
}

#[test]
fn no_passphrase_reaches_an_output_a_log_or_a_receipt() {
    let node = Node::new();
    node.copy("disk.img");
    scribble(&node.bench, "disk.img", node.meta.start.get() + 60, 5, 0xA5);
    let mut said = Vec::new();
    for format in ["text", "json"] {
        let looked = node
            .rescue("disk.img", &["-vv", "--format", format])
            .exits(0);
        let shown = node
            .repair("disk.img", &["-vv", "--format", format])
            .exits(0);
        said.extend([looked, shown]);
    }
    said.push(
        node.repair("disk.img", &["-vv", "--yes", "--backup", "kept.json"])
            .exits(0),
    );
    for ran in &said {
        assert!(
            !ran.stdout.contains(PASSPHRASE) && !ran.stderr.contains(PASSPHRASE),
            "{ran:#?}"
        );
    }
    let receipt = std::fs::read_to_string(node.bench.path("kept.receipt.json")).unwrap();
    assert!(
        !receipt.contains(PASSPHRASE) && !receipt.contains("digest"),
        "{receipt}"
    );
}

/// python3 plays the person: it waits for each question and answers.
const PERSON: &str = r#"
import os, pty, sys
answers, argv = sys.argv[1].split(","), sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(argv[0], argv)
seen, questions = b"", [b"quit\r\n> ", b"[y/N] "]
rest = b""
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    seen += data
    rest += data
    if any(rest.endswith(q) for q in questions):
        rest = b""
        os.write(fd, (answers.pop(0) if answers else "q").encode() + b"\n")
_, status = os.waitpid(pid, 0)
sys.stdout.write(seen.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(status))
"#;

#[track_caller]
fn person(bench: &Bench, answers: &str, arguments: &[&str]) -> Ran {
    let program = program();
    let mut command = Command::new("python3");
    command
        .args(["-c", PERSON, answers])
        .arg(program)
        .args(arguments);
    command
        .current_dir(bench.folder())
        .stdin(Stdio::null())
        .env("KEELBLOCK_LOG", "error");
    let output = command.output().unwrap_or_else(|error| {
        panic!("python3 of Debian's package python3 is needed by this test: {error}")
    });
    Ran::of(&output)
}

#[test]
fn at_a_terminal_the_next_command_can_be_chosen_and_is_run_after_a_yes() {
    let node = Node::new();
    let rescue = ["rescue", "--image", "disk.img", "--no-keys"];
    let damage = || {
        node.copy("disk.img");
        scribble(&node.bench, "disk.img", SIZE - 512, 512, 0);
        digest(&node.bench.path("disk.img"))
    };
    for (answers, repaired) in [
        ("q", false),
        ("1,n,q", false),
        ("7,q", false),
        ("1,y,n,q", false),
        ("1,y,y", true),
    ] {
        let before = damage();
        let ran = person(&node.bench, answers, &rescue).exits(0);
        assert!(
            ran.stdout.contains("1) keelblock repair --image disk.img"),
            "{ran:#?}"
        );
        assert_eq!(node.is_sound("disk.img"), repaired, "{answers}: {ran:#?}");
        assert_eq!(
            digest(&node.bench.path("disk.img")) == before,
            !repaired,
            "{answers}"
        );
    }
    damage();
    let plain = person(&node.bench, "1,y,y", &[&rescue[..], &["--plain"]].concat()).exits(0);
    assert!(!plain.stdout.contains("1) "), "{plain:#?}");
    let refused = person(&node.bench, "n", &["repair", "--image", "disk.img"]).exits(0);
    assert!(
        refused.stdout.contains("nothing was written"),
        "{refused:#?}"
    );
    let piped = node.rescue("disk.img", &["--no-keys"]).exits(0);
    assert!(
        !piped.stderr.contains("what next") && !piped.stdout.contains("1) "),
        "{piped:#?}"
    );
}

#[test]
fn a_device_is_repaired_unless_somebody_uses_it() {
    if !root("repairs a loop device") {
        return;
    }
    let node = Node::new();
    node.copy("disk.img");
    scribble(&node.bench, "disk.img", SIZE - 512, 512, 0);
    let path = node.bench.path("disk.img").display().to_string();
    let device = tool("mount", "losetup", &["--find", "--show", &path]);
    let outcome = std::panic::catch_unwind(|| {
        let repair = ["repair", "--disk", &device, "--yes", "--state-dir", "state"];
        let holder = OpenOptions::new()
            .read(true)
            .custom_flags(nix::libc::O_EXCL)
            .open(&device);
        let holder = holder.unwrap();
        node.bench.refuses(4, &repair, &["in use"]);
        drop(holder);
        node.bench.run(&repair).exits(0);
        let text = node
            .bench
            .run(&["rescue", "--disk", &device, "--no-keys"])
            .exits(0);
        assert!(text.stdout.contains("every copy"), "{text:#?}");
    });
    tool("mount", "losetup", &["--detach", &device]);
    outcome.unwrap();
    assert!(node.is_sound("disk.img"));
}
