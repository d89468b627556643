//! Addresses of the node itself: whether pods' and services' networks take them away, whether the lists to pick from hold
//! any, and shared addresses. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Machine;
use super::code::Code;
use super::finding::Finding;
use super::prefix::{Prefix, family};
use super::text::Text;
use super::wanted::{Link, Vip, Wanted};
use crate::fleet::finding::Level;
use crate::probe::nic::Nic;

/// An address of the node, and the name of its link if it is known.
struct Own {
    prefix: Prefix,
    link: Option<String>,
}

/// What is known of the node's addresses.
struct Node {
    own: Vec<Own>,
    /// Whether there are no others: the machine was looked at, or nothing asks a server for one.
    is_all: bool,
}

pub(super) fn check(wanted: &Wanted, machine: &Machine<'_>, found: &mut Vec<Finding>) {
    let node = Node::of(wanted, machine, found);
    overlaps(wanted, &node, found);
    for (of, texts) in &wanted.valid {
        valid(of, texts, &node, found);
    }
    for vip in &wanted.vips {
        shared(vip, wanted, &node, found);
    }
}

impl Node {
    fn of(wanted: &Wanted, machine: &Machine<'_>, found: &mut Vec<Finding>) -> Self {
        let mut own = Vec::new();
        for link in &wanted.links {
            for text in &link.addresses {
                match text.text.parse::<Prefix>() {
                    Ok(prefix) => own.push(Own {
                        prefix,
                        link: link.name().map(str::to_owned),
                    }),
                    Err(_) => {
                        let message = "this is no address with the length of its network";
                        found.push(Finding::at(Code::AddressSyntax, text, message));
                    }
                }
            }
        }
        let configured: BTreeSet<&str> = wanted.links.iter().filter_map(Link::name).collect();
        for nic in machine.nics.unwrap_or_default() {
            // Interfaces of pods have addresses of pods.
            if nic.is_physical() || configured.contains(nic.name.as_str()) {
                own.extend(addresses_of(nic));
            }
        }
        // Talos itself puts the shared address on the interface of its holder.
        let shared: BTreeSet<&str> = wanted
            .vips
            .iter()
            .map(|vip| vip.address.text.as_str())
            .collect();
        let is_shared = |own: &Own| {
            own.prefix.host_bits() == 0
                && shared.contains(own.prefix.address().to_string().as_str())
        };
        own.retain(|own| !is_shared(own));
        let asks = |link: &Link| link.dhcp4 || link.dhcp6;
        let has_default = wanted.no_default_dhcp.is_none();
        let is_static = !has_default && !own.is_empty() && !wanted.links.iter().any(asks);
        // With DHCP, a recording before the first boot has no addresses, which says nothing.
        let is_seen = machine.nics.is_some() && !own.is_empty();
        Self {
            is_all: is_static || is_seen,
            own,
        }
    }
}

fn addresses_of(nic: &Nic) -> impl Iterator<Item = Own> + '_ {
    let is_routed = |prefix: &&Prefix| match prefix.address() {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    nic.addresses.iter().filter(is_routed).map(|prefix| Own {
        prefix: *prefix,
        link: Some(nic.name.clone()),
    })
}

fn overlaps(wanted: &Wanted, node: &Node, found: &mut Vec<Finding>) {
    for text in wanted.pods.iter().chain(&wanted.services) {
        let Ok(network) = text.text.parse::<Prefix>() else {
            continue;
        };
        let shared = wanted
            .vips
            .iter()
            .filter_map(|vip| vip.address.text.parse().ok());
        let vips = shared.map(Prefix::host);
        let own = node.own.iter().map(|own| own.prefix).chain(vips);
        if let Some(prefix) = own.into_iter().find(|own| own.overlaps(network)) {
            let message = match network.contains(prefix.address()) {
                true => format!(
                    "{network} holds {}, an address of the node",
                    prefix.address()
                ),
                false => format!(
                    "{network} lies in {}, the node's own network",
                    prefix.masked()
                ),
            };
            found.push(Finding::at(Code::NodeOverlap, text, message));
        }
    }
}

fn valid(of: &str, texts: &[Text], node: &Node, found: &mut Vec<Finding>) {
    let mut matched = false;
    let mut unmatched: Vec<(&Text, Prefix)> = Vec::new();
    let mut is_negative_before = false;
    for text in texts {
        let (is_negative, plain) = match text.text.strip_prefix('!') {
            Some(plain) => (true, plain),
            None => (false, text.text.as_str()),
        };
        let alone = plain.parse::<IpAddr>().map(Prefix::host).ok();
        let Some(prefix) = plain.parse().ok().or(alone) else {
            let message = format!("{of} can pick no address from this: it is no network");
            found.push(Finding::at(Code::AddressSyntax, text, message));
            continue;
        };
        if is_negative {
            is_negative_before = true;
            continue;
        }
        if is_negative_before {
            let message = "a network with `!` stands before this one and removes nothing of it";
            found.push(Finding::at(Code::ValidSubnetOrder, text, message));
        }
        if node
            .own
            .iter()
            .any(|own| prefix.contains(own.prefix.address()))
        {
            matched = true;
        } else {
            unmatched.push((text, prefix));
        }
    }
    if !node.is_all {
        return;
    }
    for (text, prefix) in unmatched {
        // A fallback for another family or another node is no mistake while one matches.
        let has_family = node
            .own
            .iter()
            .any(|own| own.prefix.family() == prefix.family());
        let level = if matched {
            Level::Warning
        } else {
            Level::Error
        };
        let known: Vec<String> = node.own.iter().map(|own| own.prefix.to_string()).collect();
        let why = match has_family {
            true => format!("the node has {}", known.join(", ")),
            false => format!("the node has no {} address", prefix.family()),
        };
        let message = format!("{of}: {why}, none of them in {prefix}");
        found.push(Finding::at(Code::ValidSubnetUnmatched, text, message).level(level));
    }
}

fn shared(vip: &Vip, wanted: &Wanted, node: &Node, found: &mut Vec<Finding>) {
    let text = &vip.address;
    let Ok(address) = text.text.parse::<IpAddr>() else {
        found.push(Finding::at(
            Code::AddressSyntax,
            text,
            "the shared address is no address",
        ));
        return;
    };
    if wanted.is_worker {
        let message = format!("{address} is shared, and this is a worker");
        found.push(Finding::at(Code::VipOnWorker, text, message));
        return;
    }
    if let Some(own) = node.own.iter().find(|own| own.prefix.address() == address) {
        let link = own.link.as_deref().unwrap_or("a link");
        let message = format!("{address} is shared, and {link} of this node has it for itself");
        found.push(Finding::at(Code::VipIsNodeAddress, text, message));
        return;
    }
    let on_link = |own: &&Own| vip.link.is_none() || own.link.is_none() || own.link == vip.link;
    let of_family = |own: &&Own| own.prefix.family() == family(address);
    let candidates: Vec<&Own> = node.own.iter().filter(on_link).filter(of_family).collect();
    if !candidates.is_empty() && !candidates.iter().any(|own| own.prefix.contains(address)) {
        let networks: Vec<String> = candidates
            .iter()
            .map(|own| own.prefix.masked().to_string())
            .collect();
        let link = vip.link.as_deref().unwrap_or("its link");
        let message = format!(
            "{address} is not in {}, the network of {link}",
            networks.join(", ")
        );
        found.push(Finding::at(Code::VipOutside, text, message));
    }
}
