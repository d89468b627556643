//! Judges written in Go: small programs around packages of others, built once a test run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the program in `folder` of this repository unless it is up to date, which Go finds out. Go's own caches make
/// the first build of a machine the only slow one.
pub fn build(folder: &str, name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let binary = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let output = Command::new("go")
        .args(["build", "-mod=readonly", "-buildvcs=false", "-o"])
        .arg(&binary)
        .arg(".")
        .current_dir(&source)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "cannot run go: {error}; install Go as new as {folder}/go.mod says, from the \
                 Go project or the Debian package golang-go"
            )
        });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "go build in {folder}: {said}");
    binary
}
