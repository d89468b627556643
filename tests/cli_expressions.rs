//! Expressions that are wrong, endless or explosive end in a clear error that shows the place, in bounded memory.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "a test program that runs the binary"
)]

use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};

const HARDWARE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/examples/hardware/macmini-2018.json"
);

/// Peak memory that a run may have, in KiB.
const MEMORY: i64 = 64 << 10;

/// The program stops by itself; the limit of a second of processor time only ends the test if it does not.
fn run(expression: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("node.yaml");
    let head =
        "apiVersion: v1alpha1\nkind: UnattendedInstallConfig\nprovisioning:\n  diskSelector:\n";
    std::fs::write(
        &config,
        format!("{head}    match: |-\n      {expression}\n"),
    )
    .unwrap();
    let binary = std::env::var("KEELBLOCK_BIN")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_keelblock").to_owned());
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -t 1; exec \"$@\"",
            "sh",
            &binary,
            "select",
            "-c",
        ])
        .arg(&config)
        .args(["--hardware", HARDWARE])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// Whether a caret stands below the line that shows the expression.
fn shows_place(text: &str, expression: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    lines.windows(2).any(|pair| {
        let part: String = expression.chars().take(8).collect();
        pair[0].contains(&part) && pair[1].trim_start_matches([' ', '|']) == "^"
    })
}

#[test]
fn a_bad_expression_ends_in_an_error_that_shows_the_place() {
    let list = format!("[{}]", vec!["1"; 60].join(","));
    let nested = ["a", "b", "c", "d", "e"]
        .iter()
        .fold("true".to_owned(), |inner, name| {
            format!("{list}.all({name}, {inner})")
        });
    let alternatives = "(a|b|ab)*".repeat(60);
    let doubled = format!(
        "['{}'].map(x, x + x).map(x, x + x).map(x, x + x)[0]",
        "a".repeat(1500)
    );
    let depth = |open: &str, close: &str, n| format!("{}true{}", open.repeat(n), close.repeat(n));
    for (expression, exit, says) in [
        ("disk.size >".to_owned(), 2, "mismatched input"),
        ("disk.size > 120".into(), 2, "no matching overload"),
        ("disk.modle == 'x'".into(), 2, "undefined field"),
        ("disk.size + 1u".into(), 2, "expected bool"),
        ("\"".repeat(4000), 2, "mismatched input"),
        ("(".repeat(4000), 2, "more than 256 operators"),
        (depth("(", ")", 60), 2, "nested more than 32 deep"),
        ("([{1:(".repeat(8), 2, "mismatched input"),
        (
            format!("disk.size > {}u", "9".repeat(4000)),
            2,
            "invalid uint literal",
        ),
        (
            format!("disk.model == '{}'", "a".repeat(5000)),
            2,
            "longer than 4096 bytes",
        ),
        (
            format!("[1]{} == [1]", ".map(x, {x: x})".repeat(60)),
            2,
            "too complex",
        ),
        (
            "1 < 1".to_owned() + &" < 1".repeat(200),
            2,
            "no matching overload",
        ),
        (nested, 4, "too much work"),
        (
            format!("['ab']{}.size() == 1", ".map(x, x + x)".repeat(60)),
            4,
            "too much work",
        ),
        (
            format!("{doubled}.matches('{alternatives}c')"),
            4,
            "too much work",
        ),
        ("disk.model.matches('[')".into(), 4, "is not supported"),
        ("disk.size / 0u == 1u".into(), 4, "division by zero"),
    ] {
        let start: String = expression.chars().take(40).collect();
        let (code, stdout, stderr) = run(&expression);
        assert_eq!(code, Some(exit), "{start}: {stderr}");
        let said = if exit == 2 { stderr } else { stdout };
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(says), "{start}: {said}");
        // Where a long line is cut, the place is shown without its start.
        let cut = expression.len() > 60;
        assert!(
            shows_place(&said, &expression) || (cut && said.contains("^\n")),
            "{start}: {said}"
        );
    }
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss();
    assert!(peak < MEMORY, "a run took {peak} KiB");
}
