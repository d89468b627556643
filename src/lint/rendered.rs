//! Nodes as a whole: what only shows where all documents of one node are together, as in a rendered configuration.
//!
//! Pure. The nodes of a talconfig.yaml come in rendered, and the rendered text is in no file: what is found in them is said
//! at the patch or field that wrote it, or at the node in talconfig.yaml where that is not certain, once for all nodes.

use super::Machine;
use super::catalogue::{network as rules, repository};
use super::finding::{Finding, Sink};
use super::made::Made;
use super::shared::Shared;
use crate::config::Source;
use crate::config::patch::MachineConfig;
use crate::config::spec::Location;
use crate::fleet::finding::Level;
use crate::network::{self, Code};

/// A node of a talconfig.yaml, rendered. Has no `Debug`: it may hold keys.
pub struct RenderedNode {
    /// Its name.
    pub hostname: String,
    /// Line and column in talconfig.yaml, from 1.
    pub at: (u32, u32),
    /// The names of its extensions; `None` if they cannot be told.
    pub extensions: Option<Vec<String>>,
    /// Its configuration, or why it has none, in words.
    pub config: Result<MachineConfig, String>,
}

/// Checks a configuration that is in a file; `extensions` are those of its image, if they are known.
pub(super) fn check(
    source: Source<'_>,
    extensions: Option<&[String]>,
    machines: &[Machine],
    sink: &mut Sink,
) {
    let machine = machine(extensions, machines);
    for found in unsaid(network::check(&[source], &machine)) {
        let Some(at) = found.at.clone() else { continue };
        sink.add(of_network(&found, at));
    }
}

/// What is wrong with the network of the nodes of a talconfig.yaml, and which of them have it.
#[derive(Default)]
pub(super) struct Networks<'n> {
    found: Shared<'n>,
}

impl<'n> Networks<'n> {
    /// Checks one more node. That it could not be rendered is said at once.
    pub fn add(&mut self, made: &Made<'n>, machines: &[Machine], sink: &mut Sink) {
        let node = made.node;
        if let Err(why) = &node.config {
            // An error that was found already is why.
            if !sink.has_error() {
                let message = format!("{}: {why}", node.hostname);
                let at = made.layers.at.clone();
                sink.add(Finding::new(&repository::NOT_RENDERED, at, message));
            }
            return;
        }
        let machine = machine(node.extensions.as_deref(), machines);
        for (found, at) in of_node(made, &machine) {
            let is_placed = at.is_some();
            let at = at.unwrap_or_else(|| made.layers.at.clone());
            let finding = of_network(&found, at);
            self.found.add(finding, is_placed, &node.hostname);
        }
    }

    /// Says everything, each finding once for all nodes that have it.
    pub fn finish(self, sink: &mut Sink) {
        for found in self.found.into_each() {
            // The other nodes that share the place may be right.
            sink.add(found.named());
        }
    }
}

/// What is found in a node, each with where it was written if that is certain.
fn of_node(
    made: &Made<'_>,
    machine: &network::Machine<'_>,
) -> Vec<(network::Finding, Option<Location>)> {
    // Most nodes have nothing that is to be placed.
    if unsaid(network::check_rendered(made.trees(), machine)).is_empty() {
        return Vec::new();
    }
    let placed = |finding: network::Finding| {
        let at = finding.at.as_ref();
        let at = at.and_then(|at| made.find(at.line, at.column)?.at);
        (finding, at)
    };
    let found = unsaid(network::check(&[made.source()], machine));
    found.into_iter().map(placed).collect()
}

/// What the network is compared with.
fn machine<'m>(extensions: Option<&'m [String]>, machines: &'m [Machine]) -> network::Machine<'m> {
    // On several machines, what is missing on one may be there on the node's own.
    let nics = match machines {
        [only] => only.inventory.machine.nics.as_deref(),
        _ => None,
    };
    network::Machine { nics, extensions }
}

/// All but what a rule about one document says already.
fn unsaid(mut found: Vec<network::Finding>) -> Vec<network::Finding> {
    found.retain(|it| {
        !matches!(
            it.code,
            Code::SubnetHostBits | Code::LldpdNotConfigured | Code::LldpdIneffective
        )
    });
    found
}

fn of_network(found: &network::Finding, at: Location) -> Finding {
    let rule = match found.level {
        Level::Error => &rules::BREAKS,
        Level::Warning => &rules::DOUBTFUL,
        Level::Note => &rules::REMARK,
    };
    let message = format!("{} [{}]", found.message, found.code.word());
    Finding::new(rule, at, message).fix(found.hint.clone())
}
