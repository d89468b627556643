//! From the mappings of an `expect.yaml` to what they mean; every mistake is reported at its place.

use super::{DiskMatch, Expect, Never, NodeExpect, Require};
use crate::config::context::{Context, Field};
use crate::config::expression::expression;
use crate::config::own::one_or_more;
use crate::config::size;
use crate::config::spec::Location;
use crate::fleet::sniff;
use crate::selector::cel::Env;

pub(super) const TOP: [&str; 4] = ["version", "nodes", "never", "require"];
pub(super) const NODE: [&str; 5] = ["config", "hardware", "uuid", "wipe", "disks"];
pub(super) const DISK: [&str; 8] = [
    "id",
    "wwid",
    "serial",
    "model",
    "transport",
    "rotational",
    "size",
    "match",
];
/// Keys of a rule beside those of the disk that it speaks of.
pub(super) const NEVER: [&str; 3] = ["name", "nodes", "roles"];
pub(super) const REQUIRE: [&str; 9] = [
    "name", "nodes", "volumes", "slots", "keys", "minDisks", "maxDisks", "wipe", "snapshot",
];
pub(super) const KINDS: [&str; 4] = ["static", "nodeID", "kms", "tpm"];

/// Most items of anything that is counted here.
pub(super) const MOST: u64 = 1_000_000;

/// Everything below the root.
pub(super) fn root(ctx: &mut Context<'_>, root: Field<'_>) -> Expect {
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
        let uuid = sniff::as_uuid(&text);
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
    let field = ctx.map(field, &[&NEVER[..], &DISK].concat())?;
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
