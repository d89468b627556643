//! The command line itself: what is wrong with it, what its help says, and where its output goes.

use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use crate::cli::{Bench, Ran, assert_json};

const COMMANDS: [&str; 20] = [
    "probe", "snapshot", "select", "plan", "apply", "inspect", "unlock", "lock", "rescue",
    "repair", "reset", "tune", "install", "render", "validate", "check", "diff", "doctor",
    "schema", "demo",
];

#[test]
fn a_wrong_command_line_says_so_to_people_and_to_scripts() {
    let bench = Bench::new();
    let cases: [(&[&str], &str); 6] = [
        (&["nosuch"], "nosuch"),
        (&["--nosuch"], "--nosuch"),
        (&["validate"], "FILE"),
        (&["inspect"], "PATH"),
        (
            &["plan", "-c", "a", "--image", "b", "--size", "many"],
            "\"many\" is not a size",
        ),
        (
            &["plan", "-c", "a", "--image", "b", "--disk", "c"],
            "--disk",
        ),
    ];
    for (arguments, word) in cases {
        bench.refuses(2, arguments, &[word]);
    }
    let nothing = bench.run(&[]).exits(2);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("Usage: keelblock"), "{nothing:?}");
    assert_json(&bench.run(&["--format=json"]).exits(2), 2, &["--help"]);
}

#[test]
fn every_command_has_help_within_80_columns_that_says_what_each_option_does() {
    let bench = Bench::new();
    let top = bench.run(&["--help"]).exits(0).stdout;
    for command in COMMANDS {
        assert!(top.contains(&format!("\n  {command} ")), "{command}: {top}");
    }
    for command in COMMANDS.map(Some).into_iter().chain([None]) {
        for flag in ["-h", "--help"] {
            let words: Vec<&str> = command.into_iter().chain([flag]).collect();
            let help = bench.run(&words).exits(0);
            assert_eq!(help.stderr, "", "{words:?}");
            let wide = help.stdout.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{words:?}");
            assert_explained(&help.stdout);
        }
    }
}

/// An option's line either has text after its name or is followed by a deeper line of text.
fn assert_explained(help: &str) {
    let lines: Vec<&str> = help.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    for (number, line) in lines.iter().enumerate() {
        if !line.trim_start().starts_with('-') || indent(line) > 8 {
            continue;
        }
        let beside = line.trim_start().contains("  ");
        let below = lines
            .get(number + 1)
            .is_some_and(|next| indent(next) > indent(line) && !next.trim_start().starts_with('-'));
        assert!(beside || below, "{line:?} is not explained in:\n{help}");
    }
}

#[test]
fn a_schema_is_printed_as_it_is_and_a_wrong_name_gets_those_that_are_like_it() {
    let bench = Bench::new();
    let plan = bench.run(&["schema", "plan"]).exits(0);
    assert_eq!(plan.stdout, include_str!("../../schemas/plan.json"));
    let named = bench.run(&["--format", "json", "schema", "keelblock/plan/v1"]);
    assert_eq!(named.exits(0).stdout, plan.stdout);
    bench.refuses(2, &["schema", "talkonfig"], &["talkonfig", "talconfig"]);
    bench.refuses(2, &["schema", "probe"], &["inventory"]);
    bench.refuses(2, &["schema", "nosuch"], &["`keelblock schema` lists them"]);
}

#[test]
fn output_that_nobody_reads_is_no_crash() {
    let bench = Bench::new();
    bench.machine("machine.json", |_| ());
    let arguments = ["--format", "json", "probe", "--hardware", "machine.json"];
    let mut command = bench.command(&arguments);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut first = [0; 1];
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut first).unwrap();
    drop(output);
    let ran = Ran::of(&child.wait_with_output().unwrap()).exits(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_full_disk_behind_standard_output_is_an_input_or_output_error() {
    let bench = Bench::new();
    bench.machine("machine.json", |_| ());
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = bench.command(&["probe", "--hardware", "machine.json"]);
    let ran = Ran::of(&command.stdout(full()).output().unwrap()).exits(5);
    assert!(ran.stderr.contains("No space left"), "{ran:?}");
    // Standard error may be gone, too.
    let mut command = bench.command(&["-vv", "probe", "--hardware", "machine.json"]);
    let ran = command.stdout(full()).stderr(full()).output().unwrap();
    assert_eq!(ran.status.code(), Some(5));
    let mut command = bench.command(&["--help"]);
    let ran = Ran::of(&command.stdout(full()).output().unwrap()).exits(5);
    assert!(ran.stderr.contains("No space left"), "{ran:?}");
}

#[test]
fn a_log_filter_that_is_none_is_refused() {
    let bench = Bench::new();
    bench.machine("machine.json", |_| ());
    let words = ["KEELBLOCK_LOG", "keelblock=loud"];
    bench.refuses_so(2, &words, |format| {
        let arguments = ["--format", format, "probe", "--hardware", "machine.json"];
        let mut command = bench.command(&arguments);
        Ran::of(
            &command
                .env("KEELBLOCK_LOG", "keelblock=loud")
                .output()
                .unwrap(),
        )
    });
}

/// `script` gives the program a terminal.
#[test]
fn colour_is_for_terminals_that_want_it() {
    let bench = Bench::new();
    bench.machine("machine.json", |_| ());
    bench.write("node.yaml", crate::cli::config("    disk: /dev/sda"));
    let words = [
        "plan",
        "-c",
        "node.yaml",
        "--hardware",
        "machine.json",
        "--image",
        "new.img",
        "--size",
        "4G",
        "--kdf-memory",
        "32M",
        "--kdf-time",
        "1",
    ];
    assert!(!bench.run(&words).exits(0).stdout.contains('\u{1b}'));
    let line = format!("{} {}", crate::cli::program().display(), words.join(" "));
    let terminal = |no_color: Option<&str>| {
        let mut command = std::process::Command::new("script");
        command
            .args(["-qec", &line, "/dev/null"])
            .env("TERM", "xterm");
        command.current_dir(bench.folder()).stdin(Stdio::null());
        match no_color {
            Some(value) => command.env("NO_COLOR", value),
            None => command.env_remove("NO_COLOR"),
        };
        let output = command.output().unwrap_or_else(|error| {
            panic!("script of Debian's package bsdutils is needed by this test: {error}")
        });
        Ran::of(&output).exits(0).stdout
    };
    assert!(terminal(None).contains('\u{1b}'), "a terminal gets colour");
    let plain = terminal(Some("1"));
    assert!(!plain.contains('\u{1b}'), "NO_COLOR is honoured: {plain:?}");
}
