//! The way through a file: documents, operations of RFC 6902, and the patches within a talconfig.yaml. Pure.

use std::rc::Rc;

use super::scalar::{Inside, scalar};
use super::{ParameterKind, Scope, TuningItem};
use crate::config::node::{Entry, Node, Value};
use crate::config::spot::{Spot, moved};
use crate::config::yaml::{self, Fault, Stream};

/// Deepest patch within a patch.
const MOST_NESTED: u8 = 2;

/// Most patches of one file that are looked into.
const MOST_PATCHES: u32 = 1000;

#[derive(Default)]
pub(super) struct Walk {
    pub items: Vec<TuningItem>,
    pub control_plane: Vec<bool>,
    pub fault: Option<(Spot, String)>,
    patches: u32,
}

impl Walk {
    /// Everything in the documents of a text, and what stopped its reading.
    pub fn documents(
        &mut self,
        documents: &[Rc<Node>],
        fault: Option<&Fault>,
        inside: Inside<'_>,
        depth: u8,
    ) {
        if let Some(Fault { at, message, .. }) = fault
            && self.fault.is_none()
        {
            let spot = moved(inside.from, at.line, at.column, false);
            self.fault = Some((spot, message.clone()));
        }
        for document in documents {
            self.document(document, inside, depth);
        }
    }

    fn document(&mut self, root: &Node, inside: Inside<'_>, depth: u8) {
        match root.get("kind").and_then(|entry| text_of(&entry.value)) {
            Some("UdevRulesConfig") => self.rules(root, inside, true),
            Some("SysctlConfig") => {
                self.parameters(root.get("params"), ParameterKind::Sysctl, inside, true);
            }
            Some("SysfsConfig") => {
                self.parameters(root.get("params"), ParameterKind::Sysfs, inside, true);
            }
            Some("SwapVolumeConfig") => self.items.push(TuningItem::Swap),
            Some(_) => {}
            None => self.machine(root.get("machine").map(|entry| &*entry.value), inside),
        }
        for operation in list(root) {
            self.operation(operation, inside);
        }
        if depth < MOST_NESTED {
            self.patches(root, inside, depth);
        }
    }

    fn machine(&mut self, machine: Option<&Node>, inside: Inside<'_>) {
        let Some(machine) = machine else {
            return;
        };
        if let Some(udev) = machine.get("udev") {
            self.rules(&udev.value, inside, false);
        }
        self.parameters(machine.get("sysctls"), ParameterKind::Sysctl, inside, false);
        self.parameters(machine.get("sysfs"), ParameterKind::Sysfs, inside, false);
        if let Some(install) = machine.get("install") {
            self.arguments(&install.value, inside);
        }
    }

    fn arguments(&mut self, install: &Node, inside: Inside<'_>) {
        let arguments = install.get("extraKernelArgs");
        for node in arguments.map_or(&[][..], |entry| list(&entry.value)) {
            self.argument(node, inside);
        }
    }

    fn argument(&mut self, node: &Node, inside: Inside<'_>) {
        if let Some((text, spot)) = scalar(node, inside) {
            self.items.push(TuningItem::Argument { text, spot });
        }
    }

    fn rules(&mut self, below: &Node, inside: Inside<'_>, in_document: bool) {
        let rules = below.get("rules");
        for node in rules.map_or(&[][..], |entry| list(&entry.value)) {
            self.rule(node, inside, in_document);
        }
    }

    fn rule(&mut self, node: &Node, inside: Inside<'_>, in_document: bool) {
        if let Some((text, spot)) = scalar(node, inside) {
            self.items.push(TuningItem::Rule {
                text,
                spot,
                in_document,
            });
        }
    }

    /// An operation of an RFC 6902 patch that sets something.
    fn operation(&mut self, operation: &Node, inside: Inside<'_>) {
        let field = |name: &str| operation.get(name).map(|entry| &*entry.value);
        let (Some(path), Some(value)) = (field("path"), field("value")) else {
            return;
        };
        if !matches!(field("op").and_then(text_of), Some("add" | "replace")) {
            return;
        }
        let Some((pointer, spot)) = scalar(path, inside) else {
            return;
        };
        // RFC 6901: `~1` is a slash within a name, and `~0` a tilde.
        let steps = pointer.split('/').skip(1);
        let steps: Vec<String> = steps
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        let kind = match steps.get(1) {
            Some(&"sysctls") => ParameterKind::Sysctl,
            _ => ParameterKind::Sysfs,
        };
        match *steps {
            ["machine"] => self.machine(Some(value), inside),
            ["machine", "udev"] => self.rules(value, inside, false),
            ["machine", "udev", "rules"] => {
                for node in list(value) {
                    self.rule(node, inside, false);
                }
            }
            ["machine", "udev", "rules", _] => self.rule(value, inside, false),
            ["machine", "sysctls" | "sysfs"] => {
                self.parameters(operation.get("value"), kind, inside, false);
            }
            ["machine", "sysctls" | "sysfs", key] => {
                self.parameter((key, spot), value, kind, inside, false);
            }
            ["machine", "install"] => self.arguments(value, inside),
            ["machine", "install", "extraKernelArgs"] => {
                for node in list(value) {
                    self.argument(node, inside);
                }
            }
            ["machine", "install", "extraKernelArgs", _] => self.argument(value, inside),
            _ => {}
        }
    }

    fn parameters(
        &mut self,
        entry: Option<&Entry>,
        kind: ParameterKind,
        inside: Inside<'_>,
        in_document: bool,
    ) {
        let Some(Value::Map(entries)) = entry.map(|entry| &entry.value.value) else {
            return;
        };
        for entry in entries {
            let spot = moved(inside.from, entry.at.line, entry.at.column, false);
            let key = (&*entry.key, spot);
            self.parameter(key, &entry.value, kind, inside, in_document);
        }
    }

    fn parameter(
        &mut self,
        (key, key_spot): (&str, Spot),
        value: &Node,
        kind: ParameterKind,
        inside: Inside<'_>,
        in_document: bool,
    ) {
        if let Some((value, spot)) = scalar(value, inside) {
            self.items.push(TuningItem::Parameter {
                kind,
                key: key.to_owned(),
                key_spot,
                value,
                spot,
                in_document,
            });
        }
    }

    /// talhelper: `patches` and `inlinePatch` of the file, of `controlPlane` and `worker`, and of each node.
    fn patches(&mut self, root: &Node, inside: Inside<'_>, depth: u8) {
        let mut owners: Vec<(Scope, &Node)> = vec![(Scope::All, root)];
        for (key, control_plane) in [("controlPlane", true), ("worker", false)] {
            let group = root.get(key).map(|entry| &*entry.value);
            owners.extend(group.map(|group| (Scope::Role { control_plane }, group)));
        }
        let nodes = root.get("nodes");
        let nodes = nodes.map_or(&[][..], |entry| list(&entry.value));
        for (index, node) in nodes.iter().enumerate() {
            owners.push((Scope::Node(index), node));
            let role = node.get("controlPlane");
            let role = role.and_then(|entry| text_of(&entry.value));
            self.control_plane.push(role == Some("true"));
        }
        for (scope, owner) in owners {
            if scope != Scope::All {
                self.items.push(TuningItem::For(scope));
            }
            if let Some(inline) = owner.get("inlinePatch") {
                let machine = inline.value.get("machine");
                self.machine(machine.map(|entry| &*entry.value), inside);
            }
            let patches = owner.get("patches");
            for patch in patches.map_or(&[][..], |entry| list(&entry.value)) {
                let Some((text, from)) = scalar(patch, inside) else {
                    continue;
                };
                self.patches += 1;
                if text.contains(':') && !text.starts_with('@') && self.patches <= MOST_PATCHES {
                    let Stream { documents, fault } = yaml::read(&text, 0);
                    let inside = Inside { text: &text, from };
                    self.documents(&documents, fault.as_ref(), inside, depth + 1);
                }
            }
        }
    }
}

fn list(node: &Node) -> &[Rc<Node>] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

fn text_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(scalar.text.as_str()),
        _ => None,
    }
}
