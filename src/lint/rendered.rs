//! Nodes as a whole: what only shows where all documents of one node are together, as in a rendered configuration.
//!
//! Pure. The nodes of a talconfig.yaml come in rendered, and the rendered text is in no file: what is found in them is said
//! at the patch or field that wrote it, or at the node in talconfig.yaml where that is not certain, once for all nodes.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::Machine;
use super::catalogue::{network as rules, repository};
use super::finding::{Finding, Sink};
use super::origin::Layers;
use crate::config::patch::MachineConfig;
use crate::config::spec::Location;
use crate::config::{Source, yaml};
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
        sink.add(of_network(&found, at, found.message.clone()));
    }
}

/// A finding: where it was written, or at no certain place.
type Key = (Option<(String, u32, u32)>, Code, String);

/// Checks the nodes of a talconfig.yaml with what each is made of.
pub(super) fn nodes(nodes: &[(&RenderedNode, Layers<'_>)], machines: &[Machine], sink: &mut Sink) {
    let mut found: BTreeMap<Key, (network::Finding, Location, Vec<&str>)> = BTreeMap::new();
    for (node, layers) in nodes {
        let config = match &node.config {
            Ok(config) => config,
            // An error that was found already is why.
            Err(_) if sink.has_error() => continue,
            Err(why) => {
                let message = format!("{}: {why}", node.hostname);
                let at = layers.at.clone();
                sink.add(Finding::new(&repository::NOT_RENDERED, at, message));
                continue;
            }
        };
        let machine = machine(node.extensions.as_deref(), machines);
        for (finding, at) in of_node(config, layers, &machine) {
            let place = at.as_ref().map(|at| (at.file.clone(), at.line, at.column));
            let key = (place, finding.code, finding.message.clone());
            let at = at.unwrap_or_else(|| layers.at.clone());
            let (_, _, hosts) = found.entry(key).or_insert((finding, at, Vec::new()));
            hosts.push(&node.hostname);
        }
    }
    for (finding, at, hosts) in found.into_values() {
        // The other nodes that share the place may be right.
        let message = format!("{}: {}", hosts.join(", "), finding.message);
        sink.add(of_network(&finding, at, message));
    }
}

/// What is found in a node, each with where it was written if that is certain.
fn of_node(
    config: &MachineConfig,
    layers: &Layers<'_>,
    machine: &network::Machine<'_>,
) -> Vec<(network::Finding, Option<Location>)> {
    // Most nodes have nothing that is to be placed.
    if unsaid(network::check_rendered(config, machine)).is_empty() {
        return Vec::new();
    }
    let text = &Zeroizing::new(config.to_text());
    let documents = yaml::read(text, 0).documents;
    let source = Source { name: "", text };
    let placed = |finding: network::Finding| {
        let at = finding.at.as_ref();
        let at = at.and_then(|at| layers.find(&documents, at.line, at.column)?.at);
        (finding, at)
    };
    let found = unsaid(network::check(&[source], machine));
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

fn of_network(found: &network::Finding, at: Location, message: String) -> Finding {
    let rule = match found.level {
        Level::Error => &rules::BREAKS,
        Level::Warning => &rules::DOUBTFUL,
        Level::Note => &rules::REMARK,
    };
    let message = format!("{message} [{}]", found.code.word());
    Finding::new(rule, at, message).fix(found.hint.clone())
}
