//! What talconfig.yaml says itself: its nodes, groups, volumes and inline patches.
//!
//! Pure. What talhelper refuses and drops comes from [`crate::config::talconfig`]; this looks at what it accepts.

use std::collections::{BTreeMap, BTreeSet};

use super::FileName;
use super::catalogue::repository;
use super::disks;
use super::finding::{Finding, Sink};
use super::network;
use super::part::{Part, below, items, text};
use super::rules::Rules;
use super::unit::{Facts, WAITING, owners};
use crate::config::node::Node;

/// A patch that stands in talconfig.yaml.
pub(super) struct Inline<'f> {
    /// The byte at which its entry begins.
    pub start: usize,
    /// Its text.
    pub part: Part<'f>,
}

/// The patches that stand in the file, each place once.
pub(super) fn inline<'f>(part: &Part<'f>) -> Vec<Inline<'f>> {
    let mut seen = BTreeSet::new();
    let mut patches = Vec::new();
    for root in &part.documents {
        for owner in owners(root) {
            for patch in items(below(owner, &["patches"])) {
                let is_text = text(patch).is_some_and(|text| !text.starts_with('@'));
                let start = patch.place.start;
                if is_text && seen.insert(start) {
                    let part = part.inside(patch);
                    patches.extend(part.map(|part| Inline { start, part }));
                }
            }
        }
    }
    patches
}

/// Checks everything but patches.
pub(super) fn check(
    part: &Part<'_>,
    root: &Node,
    facts: &Facts,
    rules: &mut Rules<'_>,
    sink: &mut Sink,
) {
    for owner in owners(root) {
        target(part, owner, sink);
        if let Some(selector) = below(owner, &["installDiskSelector"]) {
            disks::selector(part, selector, sink);
        }
        if let Some(disk) = below(owner, &["installDisk"]) {
            disks::device(part, disk, sink);
        }
        for disk in items(below(owner, &["machineDisks"])) {
            if let Some(device) = below(disk, &["device"]) {
                disks::device(part, device, sink);
            }
        }
        extensions(part, owner, facts, sink);
        for (key, kind) in [
            ("volumes", "VolumeConfig"),
            ("userVolumes", "UserVolumeConfig"),
        ] {
            for volume in items(below(owner, &[key])) {
                rules.volume(part, volume, kind, facts, sink);
            }
        }
    }
    for key in ["clusterPodNets", "clusterSvcNets"] {
        network::subnets(part, below(root, &[key]), sink);
    }
}

/// Checks that every node has a file of its own.
pub(super) fn file_names(part: &Part<'_>, names: &[FileName], sink: &mut Sink) {
    let mut taken: BTreeMap<&str, &FileName> = BTreeMap::new();
    for file in names {
        let at = part.line_at(file.at.0, file.at.1);
        match &file.name {
            Err(why) => {
                let message = format!("{}: {why}", file.hostname);
                sink.add(Finding::new(&repository::NO_FILE_NAME, at, message));
            }
            Ok(name) => {
                let Some(first) = taken.get(&**name) else {
                    taken.insert(name, file);
                    continue;
                };
                let name = crate::config::one_line(name);
                let message = format!(
                    "{} and {} are both written to {name}",
                    first.hostname, file.hostname
                );
                let finding = Finding::new(&repository::SAME_FILE, at, message);
                sink.add(finding.also(part.line_at(first.at.0, first.at.1)));
            }
        }
    }
}

fn target(part: &Part<'_>, owner: &Node, sink: &mut Sink) {
    if let (Some(disk), Some(selector)) =
        (owner.get("installDisk"), owner.get("installDiskSelector"))
        && !disk.value.is_null()
        && !selector.value.is_null()
    {
        let message = "installDiskSelector is there too, and Talos then ignores installDisk";
        let finding = Finding::new(&repository::TWO_TARGETS, part.at(disk.at), message);
        sink.add(finding.also(part.at(selector.at)));
    }
}

fn extensions(part: &Part<'_>, owner: &Node, facts: &Facts, sink: &mut Sink) {
    let keys = [
        "schematic",
        "customization",
        "systemExtensions",
        "officialExtensions",
    ];
    for extension in items(below(owner, &keys)) {
        let Some(name) = text(extension) else {
            continue;
        };
        let name = name.rsplit('/').next().unwrap_or(name);
        if WAITING.contains(&name) && !facts.configured.iter().any(|it| it == name) {
            let message =
                format!("{name} is installed, and no ExtensionServiceConfig has its name");
            let finding = Finding::new(
                &repository::NO_EXTENSION_CONFIG,
                part.at(extension.place),
                message,
            );
            sink.add(finding.fix(format!(
                "add {name} to extensionServices with its configFiles, or leave the extension out"
            )));
        }
    }
}
