//! Everything but disks works for somebody who is not root.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    missing_docs,
    reason = "a test program that runs the binary"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// The binary as `nobody` if we are root, else as we are; in a folder that everybody may write to.
fn keelblock(folder: &Path, arguments: &[&str]) -> Output {
    let binary = std::env::var("KEELBLOCK_BIN")
        .unwrap_or_else(|_| env!("CARGO_BIN_EXE_keelblock").to_owned());
    // The build folder may be closed to others.
    let copy = folder.join("keelblock");
    if !copy.exists() {
        std::fs::copy(binary, &copy).expect("a copy of the binary");
        std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).expect("an open folder");
    }
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
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("setpriv (Debian's package util-linux) starts")
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn somebody_who_is_not_root_lays_out_an_image_and_looks_at_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = keelblock(
        folder.path(),
        &["demo", "--size", "5G", "--image", "node.img"],
    );
    assert_eq!(demo.status.code(), Some(0), "{}", text(&demo));
    assert!(text(&demo).contains("opens with slot 0"), "{}", text(&demo));
    let inspect = keelblock(folder.path(), &["inspect", "node.img", "--format", "json"]);
    assert_eq!(inspect.status.code(), Some(0), "{}", text(&inspect));
}

#[test]
fn somebody_who_is_not_root_probes_and_is_told_what_could_not_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let probe = keelblock(folder.path(), &["probe", "--format", "json"]);
    assert_eq!(probe.status.code(), Some(0), "{}", text(&probe));
    let inventory: serde_json::Value = serde_json::from_slice(&probe.stdout).expect("JSON");
    for disk in inventory["disks"].as_array().expect("disks") {
        let kind = disk["content"]["kind"].as_str().unwrap_or_default();
        assert!(
            kind != "blank",
            "a disk that cannot be read is not blank: {disk}"
        );
    }
}
