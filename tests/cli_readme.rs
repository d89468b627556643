//! The README shows the real output of real commands.
//!
//! Every `console` block is run in one folder, in order. `[..]` stands for any text within a line, a line `[...]` for any
//! number of lines.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    missing_docs,
    reason = "a test program that runs the binary"
)]

use std::path::Path;
use std::process::Command;

struct Example {
    command: String,
    output: Vec<String>,
}

fn examples() -> Vec<Example> {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"))
        .expect("README.md");
    let mut examples = Vec::new();
    let mut lines = readme.lines();
    while lines.any(|line| line == "```console") {
        let mut block = lines.by_ref().take_while(|line| *line != "```");
        let command = block
            .next()
            .and_then(|line| line.strip_prefix("$ keelblock "))
            .expect("a command");
        examples.push(Example {
            command: command.to_owned(),
            output: block.map(str::to_owned).collect(),
        });
    }
    examples
}

/// Whether `text` is `pattern`, in which `[..]` is anything.
fn line_matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn matches(pattern: &[String], text: &[&str]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((first, rest)) if first == "[...]" => {
            (0..=text.len()).any(|skip| matches(rest, &text[skip..]))
        }
        Some((first, rest)) => {
            text.first().is_some_and(|line| line_matches(first, line)) && matches(rest, &text[1..])
        }
    }
}

fn run(command: &str, folder: &Path) -> String {
    let binary = std::env::var("KEELBLOCK_BIN")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_keelblock").to_owned());
    let state = folder.join("state");
    let mut process = Command::new(binary);
    process
        .args(command.split(' '))
        .current_dir(folder)
        .env("NO_COLOR", "1");
    if command.starts_with("apply") {
        process.arg("--state-dir").arg(state);
    }
    let output = process.output().expect("the binary starts");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn every_command_in_the_readme_prints_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let examples_dir = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    std::os::unix::fs::symlink(examples_dir, folder.path().join("examples")).expect("a link");
    let examples = examples();
    assert!(
        examples.len() >= 5,
        "the README has {} examples",
        examples.len()
    );
    for example in examples {
        let text = run(&example.command, folder.path());
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            matches(&example.output, &lines),
            "keelblock {}\n--- README:\n{}\n--- prints:\n{text}",
            example.command,
            example.output.join("\n")
        );
    }
}

#[test]
fn a_pattern_matches_only_what_it_says() {
    assert!(line_matches("plan [..] applied", "plan 1234 applied"));
    assert!(!line_matches("plan [..] applied", "plan 1234 refused"));
    assert!(line_matches("same", "same") && !line_matches("same", "same not"));
    let pattern = ["a", "[...]", "c"].map(String::from);
    assert!(matches(&pattern, &["a", "b", "b", "c"]) && !matches(&pattern, &["a", "b"]));
}
