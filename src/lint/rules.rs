//! What Talos accepts in one document, and what comes of it: the way from a document to the checks of its parts.
//!
//! Pure. Expressions are parsed once for each text, and all of them together may cost so much and no more.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::catalogue::{disks as disk_rules, reading, repository};
use super::finding::{Finding, Sink};
use super::part::{Part, below, items, text};
use super::unit::{Facts, WAITING};
use super::version::shown;
use super::{Machine, deprecated, disks, encryption, network, types, volumes};
use crate::config::node::Node;
use crate::selector::cel::{self, CelError, Env, Expression};
use crate::selector::contradiction;

/// What all expressions may cost together, as [`cel::cost`] counts.
const MOST: usize = 16384;

/// The release from which on talhelper's base excludes some settings.
const STRICTER: (u32, u32) = (1, 12);

/// Kinds of documents that make a volume, with what `select` calls it.
const VOLUMES: [&str; 5] = [
    "VolumeConfig",
    "UserVolumeConfig",
    "RawVolumeConfig",
    "SwapVolumeConfig",
    "UnattendedInstallConfig",
];

/// Checks documents, and remembers what expressions came to.
pub(super) struct Rules<'m> {
    machines: &'m [Machine],
    parsed: BTreeMap<(bool, String), Result<Expression, CelError>>,
    cost: usize,
}

impl<'m> Rules<'m> {
    /// With recorded machines to try expressions on.
    pub fn new(machines: &'m [Machine]) -> Self {
        Self {
            machines,
            parsed: BTreeMap::new(),
            cost: 0,
        }
    }

    /// Checks all documents of a part.
    pub fn part(&mut self, part: &Part<'_>, facts: &Facts, sink: &mut Sink) {
        for root in &part.documents {
            if root.is_null() {
                continue;
            }
            let operations = types::operations(root);
            if operations.is_empty() {
                self.document(part, root, facts, sink);
                continue;
            }
            if let Some(why) = &facts.many {
                let message = format!("this is a JSON patch, and {why}");
                sink.add(Finding::new(
                    &repository::JSON_ON_MANY,
                    part.at(root.place),
                    message,
                ));
            }
            for operation in &operations {
                self.document(part, operation, facts, sink);
            }
        }
    }

    fn document(&mut self, part: &Part<'_>, root: &Rc<Node>, facts: &Facts, sink: &mut Sink) {
        types::check(part, root, facts, sink);
        let kind = below(root, &["kind"]).and_then(|it| text(it));
        match kind {
            None => self.old(part, root, facts, sink),
            Some(kind) if VOLUMES.contains(&kind) => self.volume(part, root, kind, facts, sink),
            Some("ExistingVolumeConfig") => {
                let keys = ["discovery", "volumeSelector", "match"];
                if let Some(expression) = below(root, &keys) {
                    self.expression(part, expression, Env::Volume, sink);
                }
            }
            Some("KubeNetworkConfig") => network::check(part, root, sink),
            Some(_) => {}
        }
        deprecated::check(part, root, facts, sink);
    }

    /// The document of `machine` and `cluster`.
    fn old(&mut self, part: &Part<'_>, root: &Node, facts: &Facts, sink: &mut Sink) {
        if let Some(network) = below(root, &["cluster", "network"]) {
            network::check(part, network, sink);
        }
        let Some(machine) = below(root, &["machine"]) else {
            return;
        };
        if let Some(install) = below(machine, &["install"]) {
            if let Some(disk) = below(install, &["disk"]) {
                disks::device(part, disk, sink);
            }
            if let Some(selector) = below(install, &["diskSelector"]) {
                disks::selector(part, selector, sink);
            }
        }
        for disk in items(below(machine, &["disks"])) {
            if let Some(device) = below(disk, &["device"]) {
                disks::device(part, device, sink);
            }
        }
        for (key, name) in [("state", "STATE"), ("ephemeral", "EPHEMERAL")] {
            if let Some(node) = below(machine, &["systemDiskEncryption", key]) {
                encryption::check(part, name, node, facts, sink);
            }
        }
        extensions(part, machine, sink);
        excluded(part, machine, facts, sink);
    }

    /// A document of a volume, or what stands for one in talconfig.yaml.
    pub fn volume(
        &mut self,
        part: &Part<'_>,
        root: &Node,
        kind: &str,
        facts: &Facts,
        sink: &mut Sink,
    ) {
        let name = below(root, &["name"])
            .and_then(|it| text(it))
            .unwrap_or(kind);
        let name: String = name.chars().take(64).collect();
        if let Some(node) = below(root, &["encryption"]) {
            encryption::check(part, &name, node, facts, sink);
        }
        let Some(provisioning) = below(root, &["provisioning"]) else {
            return;
        };
        volumes::sizes(part, provisioning, sink);
        let expression = below(provisioning, &["diskSelector", "match"]);
        let parsed = expression.and_then(|node| self.expression(part, node, Env::Disk, sink));
        let (Some(expression), Some(node)) = (parsed, expression) else {
            return;
        };
        if let Some(message) = contradiction(&expression) {
            sink.add(Finding::new(
                &disk_rules::NEVER_TRUE,
                part.at(node.place),
                message,
            ));
        } else {
            volumes::on_machines(part, node, provisioning, &expression, self.machines, sink);
        }
    }

    /// The expression in a scalar; what is wrong with it is a finding.
    fn expression(
        &mut self,
        part: &Part<'_>,
        node: &Node,
        env: Env,
        sink: &mut Sink,
    ) -> Option<Expression> {
        let (written, spot) = part.scalar(node)?;
        if written.contains("{{") || written.contains('$') || written.is_empty() {
            return None;
        }
        let key = (env == Env::Disk, written);
        if !self.parsed.contains_key(&key) {
            self.cost = self.cost.saturating_add(cel::cost(&key.1));
            if self.cost > MOST {
                let message = "too many long expressions: this one was not checked";
                sink.add(Finding::new(&reading::LIMIT, part.at(node.place), message));
                return None;
            }
            let parsed = Expression::parse(&key.1, env);
            self.parsed.insert(key.clone(), parsed);
        }
        match self.parsed.get(&key)? {
            Ok(expression) => Some(expression.clone()),
            Err(error) => {
                let at = part.spot(spot, error.line.max(1), error.column.max(1));
                sink.add(Finding::new(
                    &disk_rules::EXPRESSION,
                    at,
                    error.message.clone(),
                ));
                None
            }
        }
    }
}

/// Settings of extensions where no extension looks.
fn extensions(part: &Part<'_>, machine: &Node, sink: &mut Sink) {
    use crate::config::node::Value;
    for name in WAITING {
        let mut places = Vec::new();
        if let Some(Value::Map(entries)) = below(machine, &["env"]).map(|env| &env.value) {
            let prefix = format!("{}_", name.to_ascii_uppercase());
            let own = entries
                .iter()
                .filter(|entry| entry.key.starts_with(&prefix));
            places.extend(own.map(|entry| ("machine.env", entry.at)));
        }
        for file in items(below(machine, &["files"])) {
            let path = below(file, &["path"]);
            if let Some(path) = path.filter(|path| text(path).is_some_and(|it| it.contains(name))) {
                places.push(("machine.files", path.place));
            }
        }
        for (section, place) in places {
            let message = format!("{name} runs in a container and reads nothing of {section}");
            let finding = Finding::new(&repository::WRONG_PLACE, part.at(place), message);
            sink.add(finding.fix(format!("write an ExtensionServiceConfig with name: {name}")));
        }
    }
}

/// Settings that the configuration which talhelper starts from excludes, now or later.
fn excluded(part: &Part<'_>, machine: &Node, facts: &Facts, sink: &mut Sink) {
    let (Some(version), true) = (facts.version, facts.talhelper) else {
        return;
    };
    let arguments = below(machine, &["install"]).and_then(|it| it.get("extraKernelArgs"));
    let uki = below(machine, &["install", "grubUseUKICmdline"]).and_then(|it| text(it));
    let stable = below(machine, &["features"]).and_then(|it| it.get("stableHostname"));
    let stable = stable.filter(|entry| text(&entry.value) == Some("true"));
    let hostname = below(machine, &["network"]).and_then(|it| it.get("hostname"));
    for (entry, rule, what, fix) in [
        (
            arguments.filter(|_| uki != Some("false")),
            &repository::KERNEL_ARGS,
            "install.extraKernelArgs excludes install.grubUseUKICmdline, which is set",
            "put the arguments into schematic.customization.extraKernelArgs",
        ),
        (
            stable,
            &repository::TWO_HOSTNAMES,
            "features.stableHostname excludes HostnameConfig, which talhelper writes",
            "remove it; ignoreHostname: true gives a stable name",
        ),
        (
            hostname,
            &repository::TWO_HOSTNAMES,
            "network.hostname excludes HostnameConfig, which talhelper writes",
            "set hostname of the node in talconfig.yaml",
        ),
    ] {
        let Some(entry) = entry.filter(|entry| !entry.value.is_null()) else {
            continue;
        };
        let at = part.at(entry.at);
        let finding = if version >= STRICTER {
            Finding::new(rule, at, what)
        } else {
            let message = format!("from {} on: {what}", shown(STRICTER));
            Finding::new(&repository::REFUSED_LATER, at, message)
        };
        sink.add(finding.fix(fix));
    }
}
