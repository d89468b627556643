//! `expect.yaml`: what the owner of a fleet knows of its nodes, and rules that all of them must keep.
//!
//! Read as strictly as a configuration: an unknown key is an error with its place and the nearest known key. The format
//! is described in the README; `version: 1` is the only one.

#[cfg(feature = "schemas")]
mod json_schema;
mod read;

use std::collections::BTreeMap;

use crate::config::own;
use crate::config::spec::{Location, SizeMatcher};
use crate::config::{ConfigError, Source};
use crate::selector::cel::{self, Expression};

#[cfg(feature = "schemas")]
pub use json_schema::json_schema;

/// Largest `expect.yaml`, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

/// Everything that a fleet's owner expects. The default expects nothing.
#[derive(Debug, Default)]
pub struct Expect {
    /// By name.
    pub nodes: BTreeMap<String, NodeExpect>,
    /// Disks that must not be chosen.
    pub never: Vec<Never>,
    /// What every configuration must have.
    pub require: Vec<Require>,
}

/// What is known of one node.
#[derive(Debug, Default)]
pub struct NodeExpect {
    /// Where it stands.
    pub at: Location,
    /// Its configuration files, relative to the folder, each with where it is named. Empty: found by name.
    pub config: Vec<(String, Location)>,
    /// Its recorded machine, relative to the folder.
    pub hardware: Option<(String, Location)>,
    /// UUID of its machine, in lower case.
    pub uuid: Option<(String, Location)>,
    /// Disks whose foreign data may be wiped, as `--wipe` names them.
    pub wipe: Vec<String>,
    /// Role → the disk that it must get.
    pub disks: Vec<(String, DiskMatch)>,
}

/// Conditions on a disk; all that are set must hold.
#[derive(Debug, Default)]
pub struct DiskMatch {
    /// Where they stand.
    pub at: Location,
    /// [`crate::probe::inventory::Disk::id`], path or link.
    pub id: Option<String>,
    /// Exact.
    pub wwid: Option<String>,
    /// Exact.
    pub serial: Option<String>,
    /// A pattern with `*`.
    pub model: Option<String>,
    /// Exact.
    pub transport: Option<String>,
    /// Whether it spins.
    pub rotational: Option<bool>,
    /// A size condition such as `> 4TB`.
    pub size: Option<SizeMatcher>,
    /// A CEL expression over `disk`, as in a volume document.
    pub expression: Option<Expression>,
}

/// A disk that no role may get.
#[derive(Debug)]
pub struct Never {
    /// Its name, or its number in the list.
    pub name: String,
    /// Patterns of the nodes that it is for.
    pub nodes: Vec<String>,
    /// Patterns of the roles that it is for.
    pub roles: Vec<String>,
    /// The disk.
    pub disk: DiskMatch,
}

/// What a configuration must have.
#[derive(Debug)]
pub struct Require {
    /// Where it stands.
    pub at: Location,
    /// Its name, or its number in the list.
    pub name: String,
    /// Patterns of the nodes that it is for.
    pub nodes: Vec<String>,
    /// Patterns of the volumes that `slots` and `keys` are for.
    pub volumes: Vec<String>,
    /// So many key slots at least.
    pub slots: Option<u64>,
    /// A key of each of these kinds.
    pub keys: Vec<String>,
    /// So many disks at least.
    pub min_disks: Option<u64>,
    /// So many disks at most.
    pub max_disks: Option<u64>,
    /// `install.wipe` must be this.
    pub wipe: Option<bool>,
    /// A recorded machine must be there.
    pub snapshot: bool,
}

/// Reads an `expect.yaml`.
///
/// # Errors
/// [`ConfigError`] with a diagnostic for every mistake.
pub fn parse(source: Source<'_>) -> Result<Expect, ConfigError> {
    cel::deep(|| own::document(source, read::root))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Expect, String> {
        let name = "expect.yaml";
        parse(Source { name, text }).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_that_can_be_expected_is_read() {
        let expect = read(
            "version: 1\nnodes:\n  a:\n    config: [x.yaml, y.yaml]\n    hardware: h.json\n    \
             uuid: 9F3B6C1E-2d47-5a80-b1c6-0e7d5a94c213\n    wipe: /dev/sda\n    disks:\n      \
             install: {model: APPLE*, size: '> 1GB'}\n  b:\nnever:\n- size: '> 4TB'\n- \
             {name: usb, nodes: w*, roles: [u-*], match: disk.transport == 'usb'}\nrequire:\n- \
             {slots: 2, keys: [static]}\n- {minDisks: 2, wipe: false, snapshot: true}\n",
        )
        .unwrap();
        let node = &expect.nodes["a"];
        assert_eq!((node.config.len(), node.disks.len()), (2, 1));
        assert_eq!(
            (expect.nodes["b"].at.line, expect.nodes["b"].at.column),
            (10, 3)
        );
        assert_eq!(expect.never[0].name, "never 1");
        assert_eq!(expect.never[1].disk.at.line, 13);
        assert!(expect.never[1].disk.expression.is_some());
        assert_eq!(expect.require[0].volumes, ["STATE", "EPHEMERAL"]);
        assert!(expect.require[1].snapshot);
    }

    #[test]
    fn a_mistake_has_its_place_and_what_was_meant() {
        for (text, says) in [
            ("version: 1\nnevr: []\n", "2:1: unknown key: `nevr`"),
            ("version: 1\nnevr: []\n", "did you mean never?"),
            ("nodes: {}\n", "there is no version"),
            ("", "there is no version"),
            ("version: 2\n", "1:10: version: a version that"),
            (
                "version: 1\nnever:\n- size: many\n",
                "3:9: never[0].size: no number",
            ),
            (
                "version: 1\nnever:\n- {roles: a}\n",
                "it says nothing of a disk",
            ),
            (
                "version: 1\nrequire:\n- {nodes: a}\n",
                "it requires nothing",
            ),
            (
                "version: 1\nrequire:\n- {keys: [stitac]}\n",
                "static, nodeID",
            ),
            (
                "version: 1\nnever:\n- {match: disk.sizes > 1}\n",
                "3:15: never[0].match: not a valid",
            ),
            (
                "version: 1\nnodes: {a: {hardware: ../x}}\n",
                "no file below the folder",
            ),
            (
                "version: 1\nnodes: {a: {config: [/etc/passwd]}}\n",
                "no file below the folder",
            ),
            ("version: 1\nnodes: {a: {uuid: x}}\n", "not a UUID"),
            ("version: 1\n---\nversion: 1\n", "a second document"),
            ("version: 1\nversion: 1\n", "there twice"),
            ("- 1\n", "where a mapping must stand"),
            ("version: [\n", "not valid YAML"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        let deep = format!("version: 1\nnodes: {}", "[".repeat(10_000));
        assert!(read(&deep).unwrap_err().contains("nested too deeply"));
    }
}
