//! `expect.yaml`: what the owner of a fleet knows of its nodes, and rules that all of them must keep.
//!
//! Read as strictly as a configuration: an unknown key is an error with its place and the nearest known key. The format
//! is described in the README; `version: 1` is the only one.

use std::collections::BTreeMap;

use crate::config::context::{Context, Field};
use crate::config::expression::expression;
use crate::config::own::{self, one_or_more};
use crate::config::size;
use crate::config::spec::{Location, SizeMatcher};
use crate::config::{ConfigError, Source};
use crate::selector::cel::{Env, Expression};

/// Largest `expect.yaml`, in bytes.
pub const MOST_BYTES: u64 = 1 << 20;

const TOP: [&str; 4] = ["version", "nodes", "never", "require"];
const NODE: [&str; 5] = ["config", "hardware", "uuid", "wipe", "disks"];
const DISK: [&str; 8] = [
    "id",
    "wwid",
    "serial",
    "model",
    "transport",
    "rotational",
    "size",
    "match",
];
const NEVER: [&str; 11] = [
    "name",
    "nodes",
    "roles",
    "id",
    "wwid",
    "serial",
    "model",
    "transport",
    "rotational",
    "size",
    "match",
];
const REQUIRE: [&str; 9] = [
    "name", "nodes", "volumes", "slots", "keys", "minDisks", "maxDisks", "wipe", "snapshot",
];
const KINDS: [&str; 4] = ["static", "nodeID", "kms", "tpm"];

/// Most items of anything that is counted here.
const MOST: u64 = 1_000_000;

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
    own::document(source, read)
}

fn read(ctx: &mut Context<'_>, root: Field<'_>) -> Expect {
    let mut expect = Expect::default();
    let Some(root) = ctx.map(root, &TOP) else {
        return expect;
    };
    match root.get("version") {
        Some(version) => {
            if ctx.number(&version, u64::MAX).is_some_and(|it| it != 1) {
                ctx.bad(&version, "a version that this keelblock does not know", "1");
            }
        }
        None => ctx.missing(&root, "there is no version", "version: 1"),
    }
    if let Some(nodes) = root.get("nodes").filter(|nodes| ctx.is_map(nodes)) {
        for entry in nodes.entries() {
            let at = ctx.location(entry.at);
            let field = nodes.below(entry);
            let node = match entry.value.is_null() {
                true => NodeExpect::default(),
                false => node(ctx, field),
            };
            let node = NodeExpect { at, ..node };
            expect.nodes.insert(entry.key.to_string(), node);
        }
    }
    let items = |ctx: &mut Context<'_>, key: &str| {
        root.get(key).map_or_else(Vec::new, |list| ctx.list(&list))
    };
    for (i, item) in items(ctx, "never").into_iter().enumerate() {
        expect.never.extend(never(ctx, item, i + 1));
    }
    for (i, item) in items(ctx, "require").into_iter().enumerate() {
        expect.require.extend(require(ctx, item, i + 1));
    }
    expect
}

fn node(ctx: &mut Context<'_>, field: Field<'_>) -> NodeExpect {
    let mut node = NodeExpect::default();
    let Some(field) = ctx.map(field, &NODE) else {
        return node;
    };
    if let Some(config) = field.get("config") {
        node.config = one_or_more(ctx, &config);
        for (path, at) in &node.config {
            below(ctx, &config, path, at);
        }
    }
    node.hardware = placed(ctx, &field, "hardware");
    if let (Some((path, at)), Some(field)) = (&node.hardware, field.get("hardware")) {
        below(ctx, &field, path, at);
    }
    if let Some((text, at)) = placed(ctx, &field, "uuid") {
        let uuid = super::sniff::as_uuid(&text);
        if let (None, Some(field)) = (&uuid, field.get("uuid")) {
            ctx.bad(&field, "not a UUID", "36 characters, as `probe` prints it");
        }
        node.uuid = uuid.map(|uuid| (uuid, at));
    }
    if let Some(wipe) = field.get("wipe") {
        let disks = one_or_more(ctx, &wipe);
        node.wipe = disks.into_iter().map(|(disk, _)| disk).collect();
    }
    if let Some(disks) = field.get("disks").filter(|disks| ctx.is_map(disks)) {
        for entry in disks.entries() {
            let at = ctx.location(entry.at);
            if let Some(field) = ctx.map(disks.below(entry), &DISK) {
                let disk = disk(ctx, &field, at);
                node.disks.push((entry.key.to_string(), disk));
            }
        }
    }
    node
}

/// Paths are looked up among the files of the folder, so nothing outside of it is ever opened; this says so early.
fn below(ctx: &mut Context<'_>, field: &Field<'_>, path: &str, at: &Location) {
    let fits = path.split('/').all(|name| !matches!(name, "" | "." | ".."));
    if !fits {
        let message = format!("{path:?} (line {}) is no file below the folder", at.line);
        let allowed = "a path from the folder that is checked, without . and ..";
        ctx.bad(field, &message, allowed);
    }
}

fn placed(ctx: &mut Context<'_>, field: &Field<'_>, key: &str) -> Option<(String, Location)> {
    let field = field.get(key)?;
    let text = ctx.text(&field).filter(|text| !text.is_empty())?;
    Some((text, ctx.location(field.node.place)))
}

fn patterns(ctx: &mut Context<'_>, field: &Field<'_>, key: &str, default: &[&str]) -> Vec<String> {
    match field.get(key) {
        None => default.iter().map(|text| (*text).to_owned()).collect(),
        Some(list) => one_or_more(ctx, &list)
            .into_iter()
            .map(|(text, _)| text)
            .collect(),
    }
}

fn disk(ctx: &mut Context<'_>, field: &Field<'_>, at: Location) -> DiskMatch {
    let mut size = None;
    if let Some(field) = field.get("size")
        && let Some(text) = ctx.text(&field)
    {
        match size::parse_matcher(&text) {
            Ok(parsed) => size = Some(parsed),
            Err(error) => ctx.bad(&field, &error.to_string(), size::MATCHER),
        }
    }
    let found = DiskMatch {
        at,
        id: ctx.text_at(field, "id"),
        wwid: ctx.text_at(field, "wwid"),
        serial: ctx.text_at(field, "serial"),
        model: ctx.text_at(field, "model"),
        transport: ctx.text_at(field, "transport"),
        rotational: ctx.flag_at(field, "rotational"),
        size,
        expression: field
            .get("match")
            .and_then(|f| expression(ctx, &f, Env::Disk)),
    };
    if !DISK.iter().any(|key| field.get(key).is_some()) {
        let allowed = "at least one of id, wwid, serial, model, transport, rotational, size, match";
        ctx.missing(field, "it says nothing of a disk", allowed);
    }
    found
}

fn never(ctx: &mut Context<'_>, field: Field<'_>, number: usize) -> Option<Never> {
    let field = ctx.map(field, &NEVER)?;
    let at = ctx.location(field.node.place);
    let name = ctx.text_at(&field, "name");
    Some(Never {
        name: name.unwrap_or_else(|| format!("never {number}")),
        nodes: patterns(ctx, &field, "nodes", &["*"]),
        roles: patterns(ctx, &field, "roles", &["*"]),
        disk: disk(ctx, &field, at),
    })
}

fn require(ctx: &mut Context<'_>, field: Field<'_>, number: usize) -> Option<Require> {
    let field = ctx.map(field, &REQUIRE)?;
    let count = |ctx: &mut Context<'_>, key: &str, max: u64| {
        let field = field.get(key)?;
        ctx.number(&field, max)
    };
    let (slots, min_disks, max_disks) = (
        count(ctx, "slots", 32),
        count(ctx, "minDisks", MOST),
        count(ctx, "maxDisks", MOST),
    );
    let keys = patterns(ctx, &field, "keys", &[]);
    if let (Some(list), true) = (
        field.get("keys"),
        keys.iter().any(|key| !KINDS.contains(&key.as_str())),
    ) {
        ctx.bad(
            &list,
            "a kind of key that Talos does not have",
            &KINDS.join(", "),
        );
    }
    if !REQUIRE[3..].iter().any(|key| field.get(key).is_some()) {
        let allowed = "at least one of slots, keys, minDisks, maxDisks, wipe, snapshot";
        ctx.missing(&field, "it requires nothing", allowed);
    }
    let name = ctx.text_at(&field, "name");
    Some(Require {
        at: ctx.location(field.node.place),
        name: name.unwrap_or_else(|| format!("require {number}")),
        nodes: patterns(ctx, &field, "nodes", &["*"]),
        volumes: patterns(ctx, &field, "volumes", &["STATE", "EPHEMERAL"]),
        slots,
        keys,
        min_disks,
        max_disks,
        wipe: ctx.flag_at(&field, "wipe"),
        snapshot: ctx.flag_at(&field, "snapshot").unwrap_or(false),
    })
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
