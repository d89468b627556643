//! The example machines, and how each is put together from trees.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::fs;
use std::path::{Path, PathBuf};

use keelblock::probe::fixture;
use keelblock::root::Root;

/// Snapshot in `examples/hardware` → trees in `tests/fixtures/machines`, the later ones over the first.
pub const EXAMPLES: [(&str, &[&str]); 12] = [
    ("macmini-2012", &["macmini-2012"]),
    (
        "macmini-2014-fusion",
        &["macmini-2014", "macmini-2014-fusion"],
    ),
    (
        "macmini-2014-stick",
        &["macmini-2014", "macmini-2014-stick"],
    ),
    (
        "macmini-2014-talos",
        &["macmini-2014", "macmini-2014-talos"],
    ),
    (
        "macmini-2014-two-t5",
        &["macmini-2014", "macmini-2014-two-t5"],
    ),
    ("macmini-2018-bot", &["macmini-2018", "macmini-2018-bot"]),
    (
        "macmini-2018-locked",
        &["macmini-2018", "macmini-2018-locked"],
    ),
    (
        "macmini-2018-no-ata-id",
        &["macmini-2018", "macmini-2018-no-ata-id"],
    ),
    (
        "macmini-2018-no-udev",
        &["macmini-2018", "macmini-2018-no-udev"],
    ),
    ("macmini-2018-uas", &["macmini-2018"]),
    ("server", &["server"]),
    ("virtual-machine", &["virtual-machine"]),
];

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The trees, one over the other, in a folder that goes away with the first value.
pub fn expanded(trees: &[&str]) -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    for tree in trees {
        let path = repository().join(format!("tests/fixtures/machines/{tree}.tree"));
        let text = fs::read_to_string(path).unwrap();
        fixture::expand(&text, dir.path()).unwrap_or_else(|e| panic!("{tree}: {e}"));
    }
    let root = Root::at(dir.path());
    (dir, root)
}
