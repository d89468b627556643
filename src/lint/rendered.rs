//! Nodes as a whole: what only shows where all documents of one node are together, as in a rendered configuration.
//!
//! Pure. The nodes of a talconfig.yaml come in rendered; what is found in them is said at the node in talconfig.yaml, once
//! for all nodes that have it, since the rendered text is in no file.

use std::collections::BTreeMap;

use super::Machine;
use super::catalogue::{network as rules, repository};
use super::finding::{Finding, Sink};
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
        sink.add(of_network(&found, at, found.message.clone()));
    }
}

/// Checks the nodes of the talconfig.yaml `file`.
pub(super) fn nodes(file: &str, nodes: &[RenderedNode], machines: &[Machine], sink: &mut Sink) {
    let mut hosts: BTreeMap<(Code, String), Vec<&str>> = BTreeMap::new();
    let mut first: Vec<(network::Finding, (u32, u32))> = Vec::new();
    for node in nodes {
        let config = match &node.config {
            Ok(config) => config,
            // An error that was found already is why.
            Err(_) if sink.has_error() => continue,
            Err(why) => {
                let message = format!("{}: {why}", node.hostname);
                sink.add(Finding::new(
                    &repository::NOT_RENDERED,
                    at(file, node.at),
                    message,
                ));
                continue;
            }
        };
        let machine = machine(node.extensions.as_deref(), machines);
        for found in unsaid(network::check_rendered(config, &machine)) {
            let named = hosts
                .entry((found.code, found.message.clone()))
                .or_default();
            if named.is_empty() {
                first.push((found, node.at));
            }
            named.push(&node.hostname);
        }
    }
    for (found, place) in first {
        let key = (found.code, found.message.clone());
        let named = hosts.remove(&key).unwrap_or_default();
        // A list has its own order; a name stands once.
        let message = format!("{}: {}", named.join(", "), found.message);
        sink.add(of_network(&found, at(file, place), message));
    }
}

fn at(file: &str, (line, column): (u32, u32)) -> Location {
    Location {
        file: file.to_owned(),
        line,
        column,
    }
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
