//! Kernel parameters, udev rules and kernel arguments wherever a file for Talos has them, for linting.
//!
//! Owns: finding them in machine configurations, strategic and RFC 6902 patches and talhelper's inline patches, and where
//! each stands in the file, blocks of text included. Reads leniently: what is no such item is passed over, since a fragment is no
//! configuration; `config::parse` is what refuses.

use std::rc::Rc;

use super::node::{Node, Place, Scalar, Style, Value};
use super::spot::{Spot, moved};
use super::yaml::{self, Fault, Stream};

/// Deepest patch within a patch.
const MOST_NESTED: u8 = 2;

/// Most patches of one file that are looked into.
const MOST_PATCHES: u32 = 1000;

/// Which map a parameter stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// `machine.sysctls` or SysctlConfig.
    Sysctl,
    /// `machine.sysfs` or SysfsConfig.
    Sysfs,
}

/// One thing that tunes the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TuningItem {
    /// An entry of `machine.udev.rules` or of UdevRulesConfig.
    Rule {
        /// Its text as Talos reads it.
        text: String,
        /// Where the text begins.
        spot: Spot,
        /// Whether it stands in a document, which replaces `machine.udev`.
        in_document: bool,
    },
    /// A kernel parameter.
    Parameter {
        /// Which map.
        kind: ParameterKind,
        /// The key as it is written.
        key: String,
        /// Where the key stands.
        key_spot: Spot,
        /// The value.
        value: String,
        /// Where the value begins.
        spot: Spot,
        /// Whether it stands in a document, which wins over `machine`.
        in_document: bool,
    },
    /// An entry of `machine.install.extraKernelArgs`.
    Argument {
        /// Its text.
        text: String,
        /// Where it begins.
        spot: Spot,
    },
    /// Something that makes swap: a SwapVolumeConfig.
    Swap,
    /// What follows is for these nodes.
    For(Scope),
}

/// The nodes of a talconfig.yaml that something in it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    All,
    /// The control plane, or all others.
    Role {
        /// Which of both.
        control_plane: bool,
    },
    /// The node at this position, from 0.
    Node(usize),
}

/// What a file has, in its order; and what stopped the reading, with its line and column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TuningItems {
    /// The items.
    pub items: Vec<TuningItem>,
    /// Whether each node of a talconfig.yaml is of the control plane.
    pub control_plane: Vec<bool>,
    /// Where the file stops being YAML, and why.
    pub fault: Option<(Spot, String)>,
}

/// Everything in `text` that tunes a node.
pub fn tuning_items(text: &str) -> TuningItems {
    let Stream { documents, fault } = yaml::read(text, 0);
    tuning_items_of(text, &documents, fault.as_ref())
}

/// The same of a text that was read before: its documents, and what stopped the reading.
pub(crate) fn tuning_items_of(
    text: &str,
    documents: &[Rc<Node>],
    fault: Option<&Fault>,
) -> TuningItems {
    let start = Spot {
        line: 1,
        column: 1,
        is_block: true,
    };
    let mut walk = Walk::default();
    let inside = Inside { text, from: start };
    walk.documents(documents, fault, inside, 0);
    TuningItems {
        items: walk.items,
        control_plane: walk.control_plane,
        fault: walk.fault,
    }
}

#[derive(Default)]
struct Walk {
    items: Vec<TuningItem>,
    control_plane: Vec<bool>,
    fault: Option<(Spot, String)>,
    patches: u32,
}

/// A text that is read as YAML, and where it stands in the file.
#[derive(Clone, Copy)]
pub(crate) struct Inside<'t> {
    pub text: &'t str,
    pub from: Spot,
}

impl Walk {
    fn documents(
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
        entry: Option<&super::node::Entry>,
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

/// The text of a scalar, and where it begins.
pub(crate) fn scalar(node: &Node, inside: Inside<'_>) -> Option<(String, Spot)> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    let spot = match scalar.style {
        Style::Literal => block(scalar, node.place, inside),
        Style::Folded => None,
        Style::Plain | Style::Quoted => {
            let quote = u32::from(scalar.style == Style::Quoted);
            let column = node.place.column.saturating_add(quote);
            Some(moved(inside.from, node.place.line, column, false))
        }
    };
    let start = moved(inside.from, node.place.line, node.place.column, false);
    Some((scalar.text.to_string(), spot.unwrap_or(start)))
}

/// Where the lines of a literal block begin.
fn block(scalar: &Scalar, place: Place, inside: Inside<'_>) -> Option<Spot> {
    let mut wanted = scalar.text.split('\n').enumerate();
    let (skipped, first) = wanted.find(|(_, line)| !line.trim().is_empty())?;
    let start = usize::try_from(place.line).ok()?;
    let lines = super::taint::lines(inside.text).enumerate();
    let mut below = lines.skip(start.saturating_sub(1));
    let (number, line) =
        below.find(|(_, line)| line.ends_with(first) && line.trim() == first.trim())?;
    let indent = line.chars().count() - first.chars().count();
    let line = u32::try_from((number + 1).checked_sub(skipped)?).ok()?;
    let column = u32::try_from(indent + 1).ok()?;
    Some(moved(inside.from, line, column, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
nodes:
  - hostname: a
    patches:
      - |-
        machine:
          sysfs:
            block.sda.queue.scheduler: none
          udev:
            rules:
              - |
                # comment
                ACTION==\"add\"
              - 'KERNEL==\"x\"'
      - '@file.yaml'
controlPlane:
  inlinePatch:
    machine:
      install:
        extraKernelArgs: [a=1]
---
apiVersion: v1alpha1
kind: SysctlConfig
params:
  vm.swappiness: \"1\"
";

    #[test]
    fn items_are_found_in_patches_and_documents_with_their_places() {
        let found = tuning_items(FILE);
        assert_eq!(found.fault, None);
        let places: Vec<(u32, u32)> = found
            .items
            .iter()
            .map(|item| match item {
                TuningItem::Rule { spot, .. } | TuningItem::Argument { spot, .. } => spot.at(1, 1),
                TuningItem::Parameter { key_spot, .. } => key_spot.at(1, 1),
                TuningItem::Swap | TuningItem::For(_) => (0, 0),
            })
            .collect();
        let wanted = [
            (0, 0),
            (19, 27),
            (0, 0),
            (11, 17),
            (13, 18),
            (7, 13),
            (24, 3),
        ];
        assert_eq!(places, wanted);
        let TuningItem::Rule { spot, .. } = &found.items[3] else {
            panic!()
        };
        assert_eq!(spot.at(2, 3), (12, 19));
    }

    #[test]
    fn operations_of_rfc_6902_are_read_like_what_they_set() {
        let patch = "\
- {op: add, path: /machine/udev/rules/-, value: 'KERNEL==\"x\"'}
- op: replace
  path: /machine/sysctls
  value: {vm.swappiness: \"1\"}
- {op: add, path: /machine/sysfs/block.sda.queue~1x, value: none}
- {op: add, path: /machine/install, value: {extraKernelArgs: [a=1]}}
- {op: remove, path: /machine/install/extraKernelArgs/0, value: b=1}
- {op: add, path: /cluster, value: {}}
- text
";
        let found = tuning_items(patch);
        let said: Vec<String> = found
            .items
            .iter()
            .map(|item| match item {
                TuningItem::Rule { text, spot, .. } | TuningItem::Argument { text, spot } => {
                    format!("{}:{} {text}", spot.line, spot.column)
                }
                TuningItem::Parameter {
                    key,
                    key_spot,
                    value,
                    ..
                } => {
                    format!("{}:{} {key}={value}", key_spot.line, key_spot.column)
                }
                item => format!("{item:?}"),
            })
            .collect();
        let wanted = [
            "1:50 KERNEL==\"x\"",
            "4:11 vm.swappiness=1",
            "5:19 block.sda.queue/x=none",
            "6:63 a=1",
        ];
        assert_eq!(said, wanted);
        // Talos takes it as JSON too, and talhelper as a patch within its file.
        let json = "[{\"op\":\"add\",\"path\":\"/machine/udev/rules/-\",\"value\":\"A==1\"}]";
        assert_eq!(tuning_items(json).items.len(), 1);
        let inline = format!("patches:\n  - '{json}'\n");
        assert_eq!(tuning_items(&inline).items.len(), 1);
    }

    #[test]
    fn what_is_no_yaml_is_said_with_its_place() {
        let found = tuning_items("machine:\n  sysctls: [\n");
        assert!(found.fault.is_some());
        assert_eq!(tuning_items("").items, Vec::new());
        assert_eq!(tuning_items("- 1\n- 2\n").items, Vec::new());
    }
}
