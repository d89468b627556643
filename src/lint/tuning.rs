//! Kernel parameters, udev rules and kernel arguments, as [`crate::tuner::lint`] judges them. Pure.

use super::catalogue::kernel;
use super::finding::{Finding, Sink};
use super::part::Part;
use crate::config::{TuningItems, tuning_items_of};
use crate::fleet::finding::Level;
use crate::tuner::lint::{Code, FileKind, Input, lint};

/// A file, and the nodes that it is for.
#[derive(Clone, Copy)]
pub(super) struct Tuned<'t> {
    pub name: &'t str,
    /// The file as YAML, if it was read before.
    pub part: Option<&'t Part<'t>>,
    pub text: &'t str,
    /// By their positions from 0; `None` for a file that is for all, or that tells nodes apart itself.
    pub nodes: Option<&'t [usize]>,
}

/// Checks files that the nodes of one cluster read, in this order.
pub(super) fn check(files: &[Tuned<'_>], sink: &mut Sink) {
    let items = |file: &Tuned<'_>| -> Option<TuningItems> {
        let part = file.part?;
        let items = tuning_items_of(part.text(), &part.documents, part.fault.as_ref());
        Some(items)
    };
    let items: Vec<_> = files.iter().map(items).collect();
    let input = |(file, items)| {
        let Tuned { name, text, .. }: &Tuned<'_> = file;
        let items: &Option<TuningItems> = items;
        Input {
            name,
            text,
            kind: FileKind::Talos,
            nodes: file.nodes,
            items: items.as_ref(),
        }
    };
    let inputs: Vec<Input<'_>> = files.iter().zip(&items).map(input).collect();
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
