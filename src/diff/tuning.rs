//! What a change does to the kernel: parameters, udev rules, modules and arguments.
//!
//! Spec: Talos 1.14.1 `controllers/runtime/kernel_param_spec.go` (a parameter that is not configured any more gets the
//! value from before), `kernel_module_spec.go` (modules are loaded, and never unloaded), `controllers/files/udev.go`.
//! Kernel arguments are the installer's: it writes them to the boot loader.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use super::risk::{Change, Risk};
use super::tree::{Documents, scalar};
use crate::config::node::{Node, Value};
use crate::config::spec::Location;
use crate::config::{TuningItem, tuning_items};

/// The changes from one side to the other.
pub(super) fn changes(
    before: &Config,
    after: &Config,
    old: &Documents,
    new: &Documents,
) -> Vec<Change> {
    let mut found = Vec::new();
    let (a, b) = (&before.spec.tuning, &after.spec.tuning);
    parameters("sysctl", &a.sysctls, &b.sysctls, &mut found);
    parameters("sysfs", &a.sysfs, &b.sysfs, &mut found);
    let rules = |it: &[(String, Location)]| -> Vec<String> {
        it.iter().map(|(rule, _)| rule.clone()).collect()
    };
    udev(&rules(&a.udev_rules), &rules(&b.udev_rules), &mut found);
    modules(&modules_of(old), &modules_of(new), &mut found);
    arguments(&arguments_of(before), &arguments_of(after), &mut found);
    found
}

fn parameters(
    word: &str,
    before: &BTreeMap<String, (String, Location)>,
    after: &BTreeMap<String, (String, Location)>,
    found: &mut Vec<Change>,
) {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let value = |it: &'_ BTreeMap<String, (String, Location)>| {
            it.get(key).map(|(value, _)| value.clone())
        };
        let (a, b) = (value(before), value(after));
        let effect = match &b {
            _ if a == b => continue,
            Some(_) => "Written at once.",
            None => "The value from before it was configured, or Talos' own, is written at once.",
        };
        found.push(Change::new(
            Risk::Online,
            format!("{word} {key}"),
            a,
            b,
            effect,
        ));
    }
}

/// Those of `all` that `other` does not have.
fn without<'a>(all: &'a [String], other: &[String]) -> Vec<&'a String> {
    let other: BTreeSet<&String> = other.iter().collect();
    all.iter().filter(|it| !other.contains(it)).collect()
}

fn udev(before: &[String], after: &[String], found: &mut Vec<Change>) {
    const EFFECT: &str = "The rules are loaded at once and run for every device again.";
    for rule in without(before, after) {
        let effect = "No longer run; what it set stays set until the next boot.";
        found.push(Change::new(
            Risk::Reboot,
            "udev rule",
            Some(rule.clone()),
            None,
            effect,
        ));
    }
    for rule in without(after, before) {
        found.push(Change::new(
            Risk::Online,
            "udev rule",
            None,
            Some(rule.clone()),
            EFFECT,
        ));
    }
    let common = |all: &'_ [String], other: &[String]| -> Vec<String> {
        let other: BTreeSet<&String> = other.iter().collect();
        all.iter()
            .filter(|rule| other.contains(rule))
            .cloned()
            .collect()
    };
    if common(before, after) != common(after, before) {
        found.push(Change::new(
            Risk::Online,
            "order of the udev rules",
            None,
            None,
            EFFECT,
        ));
    }
}

/// Kernel modules with their parameters; a document wins.
fn modules_of(documents: &Documents) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut add = |node: &Node| {
        let Some(name) = node.get("name").and_then(|it| scalar(&it.value)) else {
            return;
        };
        let parameters = node.get("parameters").map(|it| &it.value.value);
        let items = match parameters {
            Some(Value::List(items)) => &items[..],
            _ => &[],
        };
        let texts: Vec<&str> = items.iter().filter_map(|item| scalar(item)).collect();
        found.insert(name.to_owned(), texts.join(" "));
    };
    if let Some(Value::List(items)) = documents
        .old(&["machine", "kernel", "modules"])
        .map(|it| &it.value)
    {
        items.iter().for_each(|item| add(item));
    }
    for (title, root) in documents.iter() {
        if title.starts_with("KernelModuleConfig ") {
            add(root);
        }
    }
    found
}

fn modules(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    found: &mut Vec<Change>,
) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (a, b) = (before.get(name), after.get(name));
        let (risk, effect) = match (a, b) {
            (a, b) if a == b => continue,
            (None, _) => (Risk::Online, "Loaded at once."),
            (_, None) => (
                Risk::Reboot,
                "Talos does not unload modules: it is gone after a reboot.",
            ),
            _ => (
                Risk::Reboot,
                "A module that is loaded keeps its parameters until a reboot.",
            ),
        };
        let words = |it: Option<&String>| {
            it.map(|text| match text.as_str() {
                "" => String::from("no parameters"),
                text => text.to_owned(),
            })
        };
        found.push(Change::new(
            risk,
            format!("module {name}"),
            words(a),
            words(b),
            effect,
        ));
    }
}

fn arguments_of(config: &Config) -> Vec<String> {
    let items = config
        .texts
        .iter()
        .flat_map(|(_, text)| tuning_items(text).items);
    let argument = |item| match item {
        TuningItem::Argument { text, .. } => Some(text),
        _ => None,
    };
    items.filter_map(argument).collect()
}

fn arguments(before: &[String], after: &[String], found: &mut Vec<Change>) {
    const EFFECT: &str =
        "The installer writes kernel arguments: in effect after an upgrade or an installation.";
    for text in without(before, after) {
        found.push(Change::new(
            Risk::Upgrade,
            "kernel argument",
            Some(text.clone()),
            None,
            EFFECT,
        ));
    }
    for text in without(after, before) {
        found.push(Change::new(
            Risk::Upgrade,
            "kernel argument",
            None,
            Some(text.clone()),
            EFFECT,
        ));
    }
}
