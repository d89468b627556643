//! The JSON Schema of `expect.yaml`, over the keys that the reader knows. Only in test builds.

use serde_json::{Value, json};

use super::read::{DISK, KINDS, MOST, NEVER, NODE, REQUIRE, TOP};
use crate::schemas::make::own::{
    count, flag, list, object, one_or_more, or_null, pattern, size_condition, text, text_like,
    with, with_any, word,
};

/// The schema.
pub fn json_schema() -> Value {
    let top = object(&TOP, |key| match key {
        "version" => (json!({ "const": 1 }), "Version of the format: 1."),
        "nodes" => (
            json!({ "type": "object", "additionalProperties": or_null(node()) }),
            "What is known of each node, by its name.",
        ),
        "never" => (list(&never()), "Disks that no node may use."),
        "require" => (list(&require()), "What every configuration must have."),
        _ => unknown(key),
    });
    with(top, &["version"])
}

/// The reader knows a key that is not described here.
fn unknown(key: &str) -> ! {
    unreachable!("{key} is not described")
}

fn node() -> Value {
    let name = r"(?!\.{1,2}(/|$))[^/]+";
    let path = text_like(&format!("{name}(/{name})*"));
    let hex = |count| format!("[0-9a-fA-F]{{{count}}}");
    let uuid = [8, 4, 4, 4, 12].map(hex).join("-");
    object(&NODE, |key| match key {
        "config" => (
            one_or_more(&path),
            "Its configuration: files below the folder.",
        ),
        "hardware" => (
            text_like(&format!("|{name}(/{name})*")),
            "Its recorded machine: a file below the folder.",
        ),
        "uuid" => (pattern(&format!("|{uuid}")), "UUID of its machine."),
        "wipe" => (
            one_or_more(&text()),
            "Disks whose data may be wiped: ids, as `probe` shows them.",
        ),
        "disks" => (
            json!({ "type": "object", "additionalProperties": disk() }),
            "The disk that each role must get: install, STATE, EPHEMERAL, u-NAME, ….",
        ),
        _ => unknown(key),
    })
}

fn disk_field(key: &str) -> (Value, &'static str) {
    match key {
        "id" => (text(), "Id, path or link of the disk."),
        "wwid" => (text(), "World-wide id."),
        "serial" => (text(), "Serial number."),
        "model" => (text(), "Model, a pattern with *."),
        "transport" => (text(), "How it is connected: usb, sata, nvme, …."),
        "rotational" => (flag(), "Whether it spins."),
        "size" => (size_condition(), "Condition on the size, such as `> 4TB`."),
        "match" => (
            text(),
            "CEL expression over disk, as in a volume's diskSelector.",
        ),
        _ => unknown(key),
    }
}

fn disk() -> Value {
    with_any(object(&DISK, disk_field), &DISK)
}

fn never() -> Value {
    let keys = [&NEVER[..], &DISK].concat();
    let rule = object(&keys, |key| match key {
        "name" => (text(), "Name of the rule, for messages."),
        "nodes" => (
            one_or_more(&text()),
            "Patterns of the nodes that it is for. Default: all.",
        ),
        "roles" => (
            one_or_more(&text()),
            "Patterns of the roles that it is for. Default: all.",
        ),
        _ => disk_field(key),
    });
    with_any(rule, &DISK)
}

fn require() -> Value {
    let rule = object(&REQUIRE, |key| match key {
        "name" => (text(), "Name of the rule, for messages."),
        "nodes" => (
            one_or_more(&text()),
            "Patterns of the nodes that it is for. Default: all.",
        ),
        "volumes" => (
            one_or_more(&text()),
            "Volumes that slots and keys are for. Default: STATE and EPHEMERAL.",
        ),
        "slots" => (count(Some(32)), "So many key slots at least."),
        "keys" => (one_or_more(&word(&KINDS)), "A key of each of these kinds."),
        "minDisks" => (count(Some(MOST)), "So many disks at least."),
        "maxDisks" => (count(Some(MOST)), "So many disks at most."),
        "wipe" => (flag(), "What install.wipe must be."),
        "snapshot" => (flag(), "Whether a recorded machine must be there."),
        _ => unknown(key),
    });
    with_any(rule, &REQUIRE[3..])
}
