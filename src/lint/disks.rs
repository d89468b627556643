//! Device paths and disk selectors that find no disk, or too many. Pure.

use super::catalogue::disks;
use super::finding::{Finding, Sink};
use super::part::{Part, below, text};
use crate::config::node::Node;
use crate::config::size::parse_matcher;
use crate::config::spec::SizeOp;

/// Keys of a selector that Talos compares by pattern.
const PATTERNS: [&str; 6] = ["uuid", "wwid", "model", "serial", "modalias", "busPath"];

/// Keys that narrow a model down.
const NARROWING: [&str; 5] = ["size", "uuid", "wwid", "serial", "busPath"];

/// Checks a path of a disk.
pub(super) fn device(part: &Part<'_>, node: &Node, sink: &mut Sink) {
    let Some(path) = part.quote(node) else {
        return;
    };
    if path.contains(['*', '?', '[']) {
        let message = format!("{path} is opened as it is written, and no device has this name");
        sink.add(Finding::new(
            &disks::GLOB_IN_PATH,
            part.at(node.place),
            message,
        ));
    } else if is_unstable(&path) {
        let message = format!("{path} may be another disk after the next boot");
        sink.add(Finding::new(
            &disks::UNSTABLE_NAME,
            part.at(node.place),
            message,
        ));
    }
}

/// A name of a SCSI or NVMe disk that goes by order.
fn is_unstable(path: &str) -> bool {
    let name = path.strip_prefix("/dev/").unwrap_or_default();
    let letters = name.strip_prefix("sd").unwrap_or_default();
    let scsi = !letters.is_empty() && letters.bytes().all(|b| b.is_ascii_lowercase());
    let numbers = name
        .strip_prefix("nvme")
        .and_then(|rest| rest.split_once('n'));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    scsi || numbers.is_some_and(|(controller, space)| digits(controller) && digits(space))
}

/// Checks `installDiskSelector` or `machine.install.diskSelector`.
pub(super) fn selector(part: &Part<'_>, node: &Node, sink: &mut Sink) {
    for key in PATTERNS {
        if let Some(value) = below(node, &[key]) {
            pattern(part, key, value, sink);
        }
    }
    let has = |key: &&str| below(node, &[key]).is_some();
    if let Some(size) = below(node, &["size"])
        && let Some(written) = part.quote(size)
        && parse_matcher(&written).is_ok_and(|size| size.op == SizeOp::Equal)
    {
        let message = format!("{written} means exactly so many bytes");
        let finding = Finding::new(&disks::EXACT_SIZE, part.at(size.place), message);
        sink.add(finding.fix(format!(
            "write a bound, such as \">= {}\"",
            written.trim_start_matches('=').trim()
        )));
    }
    if let Some(model) = below(node, &["model"])
        && !NARROWING.iter().any(has)
    {
        let message = "the model alone decides: Talos installs on the first disk that has it";
        sink.add(Finding::new(
            &disks::NOT_UNIQUE,
            part.at(model.place),
            message,
        ));
    }
    if let Some(kind) = below(node, &["type"])
        && text(kind) == Some("ssd")
        && !NARROWING.iter().chain(&["model"]).any(has)
    {
        let message = "type: ssd alone matches every disk that does not rotate";
        sink.add(Finding::new(
            &disks::BROAD_TYPE,
            part.at(kind.place),
            message,
        ));
    }
}

fn pattern(part: &Part<'_>, key: &str, node: &Node, sink: &mut Sink) {
    let Some(written) = part.quote(node) else {
        return;
    };
    if let Some(special) = written.chars().find(|c| matches!(c, '?' | '[' | '\\')) {
        let message = format!("{special} stands for itself in {key}: {written}");
        sink.add(Finding::new(&disks::LITERAL, part.at(node.place), message));
    }
    let letters = written.chars().any(char::is_alphabetic);
    if key == "model" && letters && written.contains('*') {
        let message = format!("{written} matches only models in exactly these letters");
        sink.add(Finding::new(&disks::CASE, part.at(node.place), message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_order_are_told_from_names_of_disks() {
        for (path, wanted) in [
            ("/dev/sda", true),
            ("/dev/sdaa", true),
            ("/dev/nvme0n1", true),
            ("/dev/vda", false),
            ("/dev/disk/by-id/ata-x", false),
            ("/dev/sda1", false),
            ("/dev/nvme0", false),
            ("sda", false),
        ] {
            assert_eq!(is_unstable(path), wanted, "{path}");
        }
    }
}
