//! Networks of pods and services. Pure.

use std::net::IpAddr;
use std::rc::Rc;

use super::catalogue::repository;
use super::finding::{Finding, Sink};
use super::part::{Part, below, items};
use crate::config::node::Node;

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
    let length: u32 = length.parse().ok()?;
    let network: IpAddr = match address.parse().ok()? {
        IpAddr::V4(v4) if length <= 32 => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            let bits = u32::from(v4);
            (bits & mask != bits).then(|| IpAddr::V4((bits & mask).into()))
        }
        IpAddr::V6(v6) if length <= 128 => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            let bits = u128::from(v6);
            (bits & mask != bits).then(|| IpAddr::V6((bits & mask).into()))
        }
        _ => None,
    }?;
    Some(format!("{network}/{length}"))
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
