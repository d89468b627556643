//! Kernel parameters, udev rules and kernel arguments, as [`crate::tuner::lint`] judges them. Pure.

use super::catalogue::kernel;
use super::finding::{Finding, Sink};
use crate::fleet::finding::Level;
use crate::tuner::lint::{Code, FileKind, Input, lint};

/// Checks files that one node reads, in this order.
pub(super) fn check(files: &[(&str, &str)], sink: &mut Sink) {
    let inputs: Vec<Input<'_>> = files
        .iter()
        .map(|(name, text)| Input {
            name,
            text,
            kind: FileKind::Talos,
        })
        .collect();
    for found in lint(&inputs) {
        // What is no YAML was said already.
        if found.code == Code::Syntax && found.message.contains("YAML") {
            continue;
        }
        let rule = match found.code.level() {
            Level::Error => &kernel::HARMFUL,
            Level::Warning => &kernel::NO_EFFECT,
            Level::Note => &kernel::REMARK,
        };
        let message = format!("{} [{}]", found.message, found.code.word());
        let mut finding = Finding::new(rule, found.at, message);
        finding.fix = found.hint;
        finding.also = found.also;
        sink.add(finding);
    }
}
