//! Kernel parameters, udev rules and kernel arguments wherever a file for Talos has them, for linting.
//!
//! Owns: finding them in machine configurations, strategic and RFC 6902 patches and talhelper's inline patches, and where
//! each stands in the file, blocks of text included. Reads leniently: what is no such item is passed over, since a fragment is no
//! configuration; `config::parse` is what refuses.

mod scalar;
mod walk;

use std::rc::Rc;

use self::walk::Walk;
use super::node::Node;
use super::spot::Spot;
use super::yaml::{self, Fault, Stream};

pub(crate) use self::scalar::{Inside, scalar};

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

#[cfg(test)]
mod tests;
