//! Talos as a judge: small Go programs around its own packages, built once a test run. Selectors are
//! asked over a pipe, everything else with one call.
#![allow(dead_code, reason = "each test program asks what it needs")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

/// What the judge says about one selector.
#[derive(Debug, Deserialize)]
pub struct Answer {
    /// Why the selector is invalid; empty if it is valid.
    #[serde(default)]
    pub error: String,
    /// A `diskSelector` as Talos prints it.
    #[serde(default)]
    pub printed: String,
    /// One for each disk.
    pub results: Option<Vec<Outcome>>,
}

/// What came of evaluating the selector for one disk.
#[derive(Debug, Deserialize)]
pub struct Outcome {
    #[serde(rename = "match")]
    pub matched: bool,
    /// Why there is no value; empty if there is one.
    #[serde(default)]
    pub error: String,
}

/// A running judge.
pub struct Judge {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Judge {
    /// Builds the program if need be, and starts it.
    pub fn start() -> Self {
        let binary = build();
        let mut child = Command::new(binary)
            .arg("select")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the judge was built and starts");
        Self {
            requests: child.stdin.take().expect("piped"),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    /// One question, one answer.
    pub fn ask(&mut self, request: &Value) -> Answer {
        writeln!(self.requests, "{request}").expect("the judge reads");
        let mut line = String::new();
        self.answers
            .read_line(&mut line)
            .expect("the judge answers");
        serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error} in the judge's answer {line:?} to {request}"))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn build() -> PathBuf {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/talos");
    let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("talos-judge");
    let output = Command::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(source)
        .output()
        .unwrap_or_else(|error| {
            panic!("cannot run go: {error}; install the Debian package golang-go (1.25 or newer)")
        });
    assert!(
        output.status.success(),
        "go build in {source}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    binary
}
