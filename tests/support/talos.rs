//! Talos as a judge: small Go programs around its own packages, built once a test run. Selectors are
//! asked over a pipe, everything else with one call.
#![allow(dead_code, reason = "each test program asks what it needs")]

#[path = "go.rs"]
mod go;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    /// Builds the program if need be, and starts it for selectors.
    pub fn start() -> Self {
        Self::start_for("select")
    }

    /// Builds the program if need be, and starts it for one kind of question.
    pub fn start_for(subject: &str) -> Self {
        let binary = build(Release::V1_14);
        let mut child = Command::new(binary)
            .arg(subject)
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

    /// One question about a selector, one answer.
    pub fn ask(&mut self, request: &Value) -> Answer {
        self.ask_for(request)
    }

    /// One question, one answer.
    pub fn ask_for<A: DeserializeOwned>(&mut self, request: &Value) -> A {
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

/// The releases whose packages are linked, each into a program of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// `tests/talos`, which answers everything.
    V1_14,
    /// `tests/talos/v1.10`, which decodes only.
    V1_10,
}

/// One call; the answer is one JSON value a line.
///
/// # Panics
/// If the program fails, which it does for everything but a verdict.
pub fn call(release: Release, arguments: &[&str], input: &[u8]) -> Vec<Value> {
    let mut child = Command::new(build(release))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the judge was built and starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input).expect("the judge reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the judge ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    let lines = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    let answers: Result<Vec<Value>, _> = lines.collect();
    answers.unwrap_or_else(|error| panic!("{error} in the answer to {arguments:?}"))
}

static BUILT: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];

fn build(release: Release) -> &'static Path {
    let (built, folder, name) = match release {
        Release::V1_14 => (&BUILT[0], "tests/talos", "talos-judge"),
        Release::V1_10 => (&BUILT[1], "tests/talos/v1.10", "talos-judge-1.10"),
    };
    built.get_or_init(|| go::build(folder, name))
}
