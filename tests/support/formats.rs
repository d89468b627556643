//! The readers of what keelblock writes for others: one Go program, built once a test run.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// What the reader of `format` makes of `document`; why not, if it refuses it.
pub fn read(format: &str, document: &str) -> Result<Value, String> {
    let mut child = Command::new(build())
        .arg(format)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the judge was built and starts");
    let mut stdin = child.stdin.take().expect("piped");
    stdin
        .write_all(document.as_bytes())
        .expect("the judge reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the judge ends");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(serde_json::from_slice(&output.stdout).expect("the judge answers in JSON"))
}

/// Builds the program unless it is up to date, which Go finds out.
fn build() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
        let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("formats-judge");
        let output = Command::new("go")
            .args(["build", "-mod=readonly", "-buildvcs=false", "-o"])
            .arg(&binary)
            .arg(".")
            .current_dir(&source)
            .output()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot run go: {error}; install Go as new as tests/formats/go.mod says, from the Go project or \
                     the Debian package golang-go"
                )
            });
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "go build in tests/formats: {said}");
        binary
    })
}
