//! A passphrase goes into the disk and nowhere else: no output, log, plan, receipt, journal, error, panic or dump.
//!
//! A marker stands for the passphrase, and is looked for as it is, in base64 and in hexadecimal.
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

use std::env;
use std::fs;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keelblock::config::{Source, parse};
use keelblock::entropy::OsEntropy;
use keelblock::keys::Keys;
use keelblock::partitioner::meta::{self, Meta};
use nix::unistd::{Whence, lseek};

use crate::cli::{Bench, Ran, UUID, apply, config};

const MARKER: &str = "MARKER-s3cr3t-7f3a";

/// The marker and what it can look like.
fn shapes() -> Vec<Vec<u8>> {
    let mut shapes = vec![MARKER.as_bytes().to_vec()];
    for shift in 0..3 {
        // The ends depend on the neighbours.
        let shifted = STANDARD.encode([&b"xx"[..shift], MARKER.as_bytes()].concat());
        shapes.push(shifted.as_bytes()[4..shifted.len() - 4].to_vec());
    }
    let hex: String = MARKER.bytes().map(|byte| format!("{byte:02x}")).collect();
    shapes.push(hex.to_uppercase().into_bytes());
    shapes.push(hex.into_bytes());
    let list: Vec<String> = MARKER.bytes().map(|byte| byte.to_string()).collect();
    shapes.push(list.join(", ").into_bytes());
    shapes
}

#[track_caller]
fn assert_hidden(what: &str, bytes: &[u8]) {
    for shape in shapes() {
        let found = bytes.windows(shape.len()).position(|it| it == shape);
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!(found, None, "{what} shows the passphrase: {shown}");
    }
}

#[track_caller]
fn hidden(ran: Ran) -> Ran {
    assert_hidden("standard output", ran.stdout.as_bytes());
    assert_hidden("standard error", ran.stderr.as_bytes());
    ran
}

/// Passphrases as YAML: plain, quoted with everything that needs escapes, and over several lines.
const NOTATIONS: [&str; 3] = [
    "MARKER-s3cr3t-7f3a",
    r#""\" MARKER-s3cr3t-7f3a \\ 'ключ' \t \u2028""#,
    "|\n              first line\n              MARKER-s3cr3t-7f3a\n",
];

/// The configuration with a static key for STATE, EPHEMERAL or both.
fn with_static(state: bool, ephemeral: bool, notation: &str) -> String {
    let key = format!("static:\n            passphrase: {notation}");
    let text = config("    wipe: false");
    let mut parts: Vec<&str> = text.split("nodeID: {}").collect();
    let tail = parts.pop().unwrap();
    let keys = [state, ephemeral].map(|it| if it { key.as_str() } else { "nodeID: {}" });
    format!("{}{}{}{}{tail}", parts[0], keys[0], parts[1], keys[1])
}

/// Everything in a folder but the configurations and images.
#[track_caller]
fn assert_folder_hidden(folder: &Path) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let extension = path.extension().and_then(|it| it.to_str());
        if path.is_dir() {
            count += assert_folder_hidden(&path);
        } else if !matches!(extension, Some("yaml" | "img")) {
            let name = path.display().to_string();
            assert_hidden(&name, &fs::read(&path).unwrap());
            let mode = path.metadata().unwrap().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name} is for its owner only");
            count += 1;
        }
    }
    count
}

#[test]
fn no_output_and_no_file_shows_a_passphrase() {
    for notation in NOTATIONS {
        let bench = Bench::new();
        bench.write("node.yaml", with_static(true, true, notation));
        let loud = |arguments: &[&str]| {
            let mut command = bench.command(arguments);
            command
                .env("KEELBLOCK_LOG", "trace")
                .env("RUST_BACKTRACE", "1");
            hidden(Ran::of(&command.output().unwrap()))
        };
        hidden(bench.run(&["-vv", "validate", "-c", "node.yaml"])).exits(0);
        let mut plan = vec!["-vv", "--format", "json", "plan", "-c", "node.yaml"];
        plan.extend([
            "--image",
            "disk.img",
            "--size",
            "4G",
            "-o",
            "disk.plan",
            "--uuid",
            UUID,
        ]);
        plan.extend(cli::CHEAP);
        loud(&plan).exits(0);
        let from_plan = [
            "apply",
            "disk.plan",
            "-c",
            "node.yaml",
            "--state-dir",
            "state",
            "-vv",
        ];
        loud(&from_plan).exits(0);
        loud(&apply(&["-c", "node.yaml", "--image", "disk.img", "-vv"])).exits(0);
        for format in ["text", "json"] {
            let inspect = ["inspect", "disk.img", "-c", "node.yaml", "--uuid", UUID];
            loud(&[&inspect[..], &["-vv", "--format", format]].concat()).exits(0);
        }
        // The plan, its journal, and two receipts and journals at most.
        assert!(assert_folder_hidden(bench.folder()) >= 3);
        let mode = bench.path("disk.img").metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "META holds the passphrase");
    }
}

#[test]
fn no_refusal_shows_a_passphrase() {
    let good = with_static(true, true, MARKER);
    let wrong = [
        good.replace("passphrase: ", "passphrase: ["),
        good.replace("passphrase: MARKER", "passphrase: {a: MARKER")
            .replace("7f3a", "7f3a}"),
        good.replace("passphrase: ", "passphrase: \n            passphrase: "),
        good.replace("passphrase:", "pasphrase:"),
        good.replace("passphrase: ", ""),
        good.replace("static:\n            passphrase:", "static:"),
        good.replace("slot: 0", "slot: MARKER-s3cr3t-7f3a"),
        good.replace("provider: luks2", "provider: MARKER-s3cr3t-7f3a"),
        good.replace("passphrase: MARKER", "passphrase: \"MARKER"),
        good.replace("passphrase: MARKER", "passphrase: *MARKER"),
        good.replace("passphrase: MARKER", "passphrase: \0MARKER"),
        format!("{good}---\n{good}"),
    ];
    let bench = Bench::new();
    for text in wrong {
        bench.write("node.yaml", &text);
        for format in ["text", "json"] {
            let arguments = ["-vv", "validate", "-c", "node.yaml", "--format", format];
            hidden(bench.run(&arguments)).exits(2);
        }
    }
    // A configuration in the place of a plan and of a machine.
    bench.write("node.yaml", &good);
    bench.write(
        "node.json",
        format!("{{\"id\": \"{MARKER}\", \"version\": 1}}"),
    );
    for name in ["node.yaml", "node.json"] {
        hidden(bench.run(&["apply", name])).exits(2);
        hidden(bench.run(&["select", "-c", "node.yaml", "--hardware", name])).exits(2);
    }
    let latin = [good.as_bytes(), b"# \xfc"].concat();
    bench.write("node.yaml", latin);
    hidden(bench.run(&["validate", "-c", "node.yaml"])).exits(2);
}

#[test]
fn a_key_that_does_not_open_is_not_shown() {
    let bench = Bench::new();
    bench.write("node.yaml", with_static(false, true, "another"));
    let image = apply(&["-c", "node.yaml", "--image", "disk.img"]);
    bench
        .run(&[&image[..], &["--size", "4G"]].concat())
        .exits(0);
    bench.write("node.yaml", with_static(false, true, MARKER));
    let refused = hidden(bench.run(&[&image[..], &["-vv"]].concat())).exits(4);
    assert!(refused.stderr.contains("EPHEMERAL"), "{refused:#?}");
}

#[test]
fn no_debug_text_shows_a_passphrase() {
    for notation in NOTATIONS {
        let text = with_static(true, true, notation);
        let source = Source {
            name: "node.yaml",
            text: &text,
        };
        let spec = parse(&[source]).unwrap();
        assert_hidden("Spec", format!("{spec:?}{spec:#?}").as_bytes());
        let keys = Keys::resolve(&spec, Some(UUID)).unwrap();
        assert_hidden("Keys", format!("{keys:?}{keys:#?}").as_bytes());
        let tag = meta::state_encryption_json(spec.state.encryption.as_ref().unwrap());
        assert_hidden("Secret", format!("{tag:?}{tag:#?}").as_bytes());
        let mut tags = Meta::default();
        tags.set(meta::tag::STATE_ENCRYPTION, tag).unwrap();
        assert_hidden("Meta", format!("{tags:?}{tags:#?}").as_bytes());
        assert_sealed_hidden(&keys);
    }
}

fn assert_sealed_hidden(keys: &Keys) {
    use keelblock::config::spec::Cipher;
    use keelblock::partitioner::luks2::{Argon2Cost, SealParams, seal};
    use keelblock::units::Bytes;
    let params = SealParams {
        uuid: keelblock::guid::Guid::APPLE_APFS,
        cipher: Cipher::AesXts,
        sector_size: 512,
        data_offset: Bytes::mib(16),
        partition_size: Bytes::mib(100),
        kdf: Argon2Cost {
            time: 1,
            memory_kib: 32 << 10,
            lanes: 1,
        },
        digest_iterations: 1000,
        tokens: std::collections::BTreeMap::new(),
    };
    let passphrases: Vec<_> = keys
        .of("STATE")
        .iter()
        .map(|(slot, key)| (*slot, key))
        .collect();
    let sealed = seal(&params, &passphrases, &mut OsEntropy).unwrap();
    assert_hidden("Sealed", format!("{sealed:?}{sealed:#?}").as_bytes());
}

/// Where the marker stands in an image; holes are passed over.
fn found_in(image: &Path) -> Vec<u64> {
    let file = fs::File::open(image).unwrap();
    let mut found = Vec::new();
    let mut at = 0;
    while let Ok(data) = lseek(file.as_fd(), at, Whence::SeekData) {
        at = lseek(file.as_fd(), data, Whence::SeekHole).unwrap();
        let mut bytes = vec![0; usize::try_from(at - data).unwrap()];
        file.read_exact_at(&mut bytes, data.unsigned_abs()).unwrap();
        let first = MARKER.as_bytes()[0];
        for (offset, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == first) {
            if bytes[offset..].starts_with(MARKER.as_bytes()) {
                found.push(data.unsigned_abs() + u64::try_from(offset).unwrap());
            }
        }
    }
    found
}

/// Talos itself keeps STATE's key there, in the clear, for it has to open STATE before it can read anything else.
#[test]
fn on_the_disk_a_passphrase_stands_in_meta_alone_and_only_that_of_state() {
    for (state, ephemeral) in [(true, true), (false, true), (true, false)] {
        let bench = Bench::new();
        bench.write("node.yaml", with_static(state, ephemeral, MARKER));
        let image = ["-c", "node.yaml", "--image", "disk.img", "--size", "4G"];
        bench.run(&apply(&image)).exits(0);
        let inspect = ["inspect", "disk.img", "--format", "json"];
        let report = bench.run(&inspect).exits(0).json();
        let parts = report["partitions"].as_array().unwrap();
        let meta = parts.iter().find(|part| part["name"] == "META").unwrap();
        let start = meta["start"].as_u64().unwrap();
        let found = found_in(&bench.path("disk.img"));
        let inside = |at: &u64| (start..start + (512 << 10)).contains(at);
        assert!(found.iter().all(inside), "{found:?} and META at {start}");
        // Both copies of META.
        assert_eq!(found.len(), if state { 2 } else { 0 }, "{found:?}");
    }
}

#[test]
fn a_running_apply_leaves_no_core_dump() {
    let bench = Bench::new();
    bench.write("node.yaml", with_static(true, true, MARKER));
    let mut arguments = apply(&["-c", "node.yaml", "--image", "disk.img", "--size", "4G"]);
    let time = arguments.iter().position(|it| *it == "--kdf-time").unwrap();
    arguments[time + 1] = "64";
    let mut command = bench.command(&arguments);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let path = format!("/proc/{}/limits", child.id());
    let began = Instant::now();
    let limited = loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let line = text
            .lines()
            .find(|line| line.starts_with("Max core file size"));
        let fields: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        if fields.get(4..6) == Some(&["0", "0"]) {
            break true;
        }
        if began.elapsed() > Duration::from_secs(5) {
            break false;
        }
        sleep(Duration::from_millis(10));
    };
    // A process that must not be dumped belongs to root in /proc, whoever runs it.
    let status = fs::metadata(format!("/proc/{}/environ", child.id()));
    let mode = status.map(|it| it.uid());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(limited, "the limit of core dumps is not 0");
    assert_eq!(mode.ok(), Some(0));
}

/// Says where it happened, and not what: the text of a panic may quote a value.
#[test]
fn a_panic_does_not_quote_its_message() {
    const CHILD: &str = "KEELBLOCK_TEST_PANIC";
    if env::var_os(CHILD).is_some() {
        keelblock::telemetry::init(keelblock::telemetry::Options::default()).unwrap();
        let passphrase = String::from(MARKER);
        let exit = keelblock::telemetry::guarded(|| panic!("cannot use {passphrase}"));
        assert_eq!(exit.code(), 1);
        return;
    }
    let name = "a_panic_does_not_quote_its_message";
    let output = std::process::Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let ran = hidden(Ran::of(&output)).exits(0);
    assert!(ran.stderr.contains("internal error at"), "{ran:#?}");
    assert!(ran.stderr.contains("tests/cli_secrets.rs"), "{ran:#?}");
}
