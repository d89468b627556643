//! Networks of pods and services. Pure.

use std::rc::Rc;

use super::catalogue::repository;
use super::finding::{Finding, Sink};
use super::part::{Part, below, items};
use crate::config::node::Node;
use crate::network::prefix::Prefix;

/// Checks `cluster.network` and KubeNetworkConfig, whose lists have the same names.
pub(super) fn check(part: &Part<'_>, network: &Node, sink: &mut Sink) {
    for key in ["podSubnets", "serviceSubnets"] {
        subnets(part, below(network, &[key]), sink);
    }
}

/// Checks a list of networks.
pub(super) fn subnets(part: &Part<'_>, list: Option<&Rc<Node>>, sink: &mut Sink) {
    for node in items(list) {
        let Some(written) = part.quote(node) else {
            continue;
        };
        if let Some(network) = network_of(&written)
            && network != written
        {
            let message = format!("{written} is an address in the network {network}");
            sink.add(Finding::new(
                &repository::SUBNET,
                part.at(node.place),
                message,
            ));
        }
    }
}

/// The network that a prefix is in, if bits behind its length are set.
fn network_of(text: &str) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let written = Prefix::new(address.parse().ok()?, length.parse().ok()?)?;
    (!written.is_canonical()).then(|| written.masked().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_behind_the_length_are_found() {
        for (text, network) in [
            (
                "fd47:25e1:2f96:51:2000::/64",
                Some("fd47:25e1:2f96:51::/64"),
            ),
            ("fd47:25e1:2f96:51:1000::/108", None),
            ("10.244.0.0/16", None),
            ("10.244.1.0/16", Some("10.244.0.0/16")),
            ("10.0.0.1/0", Some("0.0.0.0/0")),
            ("::1/0", Some("::/0")),
            ("10.0.0.1/32", None),
            ("10.0.0.1/33", None),
            ("x/1", None),
        ] {
            assert_eq!(network_of(text).as_deref(), network, "{text}");
        }
    }
}
