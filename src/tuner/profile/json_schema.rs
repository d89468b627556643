//! The JSON Schema of a file of profiles, over the keys that the reader knows. Only in test builds.

use serde_json::{Value, json};

use super::parse::{LEFT, MATCH, PROFILE, SETTING, TOP};
use crate::schemas::make::own::{
    count, flag, list, object, one_or_more, pattern, some_text, text, with, with_any, word,
};

/// The schema.
pub fn json_schema() -> Value {
    let top = object(&TOP, |key| match key {
        "version" => (json!({ "const": 1 }), "Version of the format: 1."),
        "profiles" => (
            list(&profile()),
            "Tried in their order; a disk has the first one that matches it.",
        ),
        _ => unknown(key),
    });
    with(top, &["version"])
}

/// The reader knows a key that is not described here.
fn unknown(key: &str) -> ! {
    unreachable!("{key} is not described")
}

fn profile() -> Value {
    let profile = object(&PROFILE, |key| match key {
        "name" => (some_text(), "How messages and `extends` name it."),
        "title" => (text(), "For people."),
        "match" => (
            matching(),
            "Which disks it is for; all that is given must hold. Without it, it is only there to be extended.",
        ),
        "extends" => (
            text(),
            "Name of a profile whose settings and `left` come first; what is said again replaces them.",
        ),
        "settings" => (list(&setting()), "What is set."),
        "left" => (list(&left()), "What is left alone on purpose."),
        _ => unknown(key),
    });
    with(profile, &["name"])
}

fn matching() -> Value {
    let usb = pattern("[0-9a-f]{4}:[0-9a-f]{4}");
    let conditions = object(&MATCH, |key| match key {
        "usb" => (
            some(&usb),
            "idVendor:idProduct, any of them; write it in quotes.",
        ),
        "driver" => (
            some(&some_text()),
            "Driver: uas, usb-storage, ahci or nvme, any of them.",
        ),
        "model" => (some_text(), "Model, a pattern with *."),
        "rotational" => (flag(), "Whether it spins, as the kernel has it."),
        "removable" => (flag(), "Whether the medium can be taken out."),
        "optimalIoSize" => (count(None), "What the disk says of it, in bytes."),
        _ => unknown(key),
    });
    with_any(conditions, &MATCH)
}

/// One of `item`, or a list with any.
fn some(item: &Value) -> Value {
    let mut schema = one_or_more(item);
    schema["anyOf"][1]["contains"] = json!({ "not": { "type": "null" } });
    schema
}

fn setting() -> Value {
    let setting = object(&SETTING, |key| match key {
        "key" => (name(), KEY),
        "value" => (some_text(), "What to write."),
        "reason" => (
            some_text(),
            "Why it differs from what the kernel does by itself.",
        ),
        "cost" => (text(), "What it costs, or what may go wrong."),
        "source" => (text(), "Where that comes from."),
        "needs" => (
            word(&["trim-proof"]),
            "Only with a proof that `tune trim-test` wrote for this very disk.",
        ),
        _ => unknown(key),
    });
    with(setting, &["key", "value", "reason"])
}

const KEY: &str =
    "queue/…, bdi/…, device/…, scsi_disk/…, usb/…, module/NAME/PARAMETER, or a sysctl with dots.";

fn left() -> Value {
    let left = object(&LEFT, |key| match key {
        "key" => (some_text(), KEY),
        "reason" => (some_text(), "Why it is left alone."),
        _ => unknown(key),
    });
    with(left, &["key", "reason"])
}

/// What settings are named by: nothing that leads out of the directory of the device.
fn name() -> Value {
    let part = r"(?!\.{1,2}(/|$))[A-Za-z0-9_.:-]+";
    let of_disk = format!("(queue|bdi|device|scsi_disk|usb)(/{part})+");
    let of_module = format!("module/{part}/{part}");
    let sysctl = r"(?!\.{1,2}$)(?=[^/]*\.)[A-Za-z0-9_.:-]+";
    pattern(&format!("{of_disk}|{of_module}|{sysctl}"))
}
