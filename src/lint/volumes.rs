//! Sizes of volumes: those that leave room unused, and those that no disk has. Pure.

use super::Machine;
use super::catalogue::{disks, volumes};
use super::finding::{Finding, Sink};
use super::part::{Part, below, text};
use crate::config::node::Node;
use crate::config::size::parse_go_bytes;
use crate::config::spec::Location;
use crate::selector::cel::Expression;
use crate::units::Bytes;

/// Sizes that disks are sold with, in units of 10^9.
const SOLD: [u64; 21] = [
    64, 120, 128, 240, 250, 256, 480, 500, 512, 960, 1000, 1024, 1920, 2000, 2048, 3840, 4000,
    6000, 8000, 12_000, 16_000,
];

/// Checks `minSize` and `maxSize`.
pub(super) fn sizes(part: &Part<'_>, provisioning: &Node, sink: &mut Sink) {
    let most = below(provisioning, &["maxSize"]);
    let Some((most, node)) = most.and_then(|node| Some((bytes(node)?, node))) else {
        return;
    };
    if let Some(least) = below(provisioning, &["minSize"])
        && bytes(least).is_some_and(|least| least > most)
    {
        let message = "minSize is larger than maxSize";
        sink.add(Finding::new(
            &volumes::MIN_ABOVE_MAX,
            part.at(least.place),
            message,
        ));
    }
    let decimal = text(node).is_some_and(|it| !it.to_ascii_lowercase().contains('i'));
    if decimal && most % 1_000_000_000 == 0 && SOLD.contains(&(most / 1_000_000_000)) {
        let message = "disks that are sold with this size have a little more, which stays unused";
        sink.add(Finding::new(
            &volumes::UNUSED_SPACE,
            part.at(node.place),
            message,
        ));
    }
}

/// Tries the volume on recorded machines.
pub(super) fn on_machines(
    part: &Part<'_>,
    node: &Node,
    provisioning: &Node,
    expression: &Expression,
    machines: &[Machine],
    sink: &mut Sink,
) {
    // A fleet has machines of several kinds; a volume that fits one of them is meant for it.
    let mut largest: Option<u64> = None;
    for disk in machines.iter().flat_map(|machine| &machine.inventory.disks) {
        match expression.matches_disk(&disk.talos, Some(false)) {
            Ok(true) => largest = Some(largest.unwrap_or(0).max(disk.talos.size)),
            Ok(false) => {}
            // Talos has no answer either, and says so itself.
            Err(_) => return,
        }
    }
    let at = |node: &Node| -> Location { part.at(node.place) };
    match largest {
        _ if machines.is_empty() || expression.text().contains("system_disk") => {}
        None => {
            let message = format!("no disk of {} matches", names(machines));
            sink.add(Finding::new(&disks::NO_DISK, at(node), message));
        }
        Some(largest) => {
            if let Some(least) = below(provisioning, &["minSize"])
                && let Some(wanted) = bytes(least)
                && wanted > largest
            {
                let message = format!(
                    "minSize is {}, and the largest disk that matches on {} has {}",
                    Bytes::new(wanted),
                    names(machines),
                    Bytes::new(largest)
                );
                sink.add(Finding::new(&volumes::TOO_LARGE, at(least), message));
            }
        }
    }
}

fn names(machines: &[Machine]) -> String {
    match machines {
        [one] => one.name.clone(),
        several => format!("the {} recorded machines", several.len()),
    }
}

/// A size in bytes; `None` for a share, for what is to be left free, and for what is no size.
fn bytes(node: &Node) -> Option<u64> {
    let written = text(node)?;
    parse_go_bytes(written).ok().map(Bytes::get)
}
