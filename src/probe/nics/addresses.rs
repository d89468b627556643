//! Addresses of network interfaces: from the kernel's interface, or from the tables in a tree's `/proc/net`.
//!
//! Formats: proc_pid_net(5), Documentation/networking/fib_trie.rst.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::network::prefix::Prefix;
use crate::probe::reader::Reader;
use crate::sys::addresses;

/// By the interface's name, sorted.
pub(super) type Addresses = BTreeMap<String, Vec<Prefix>>;

/// The addresses of every interface that has one.
pub(super) fn read(reader: &Reader<'_>) -> Addresses {
    let mut found = Addresses::new();
    let mut add = |name: String, prefix: Prefix| {
        let of_name = found.entry(name).or_default();
        of_name.push(prefix);
        of_name.sort();
    };
    if !reader.root.is_live() {
        let [v6, trie, routes] = ["if_inet6", "fib_trie", "route"].map(|name| {
            // With its tabs, which a text for people would not keep.
            let text = reader.raw(Path::new("/proc/net").join(name));
            text.unwrap_or_default()
        });
        v6.lines()
            .filter_map(inet6)
            .for_each(|(name, prefix)| add(name, prefix));
        inet4(&trie, &routes)
            .into_iter()
            .for_each(|(name, prefix)| add(name, prefix));
        return found;
    }
    match addresses::addresses() {
        Ok(all) => {
            for (name, address, len) in all {
                if let Some(prefix) = Prefix::new(address, len) {
                    add(name, prefix);
                }
            }
        }
        Err(error) => reader.say(format!("addresses of network interfaces: {error}")),
    }
    found
}

/// A line of `if_inet6`: address, index, length, scope, flags, name; all but the name in hexadecimal.
pub(super) fn inet6(line: &str) -> Option<(String, Prefix)> {
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let len = u8::from_str_radix(words.nth(1)?, 16).ok()?;
    let name = words.nth(2)?.to_owned();
    Some((name, Prefix::new(Ipv6Addr::from(address).into(), len)?))
}

/// Local addresses of `fib_trie`, each with the interface and length of the narrowest route of `route` to its network;
/// one without such a route belongs to no interface that this could name.
pub(super) fn inet4(trie: &str, routes: &str) -> Vec<(String, Prefix)> {
    let routes: Vec<(&str, Prefix)> = routes.lines().filter_map(route).collect();
    let mut found = Vec::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = leaf.take().map(IpAddr::from)
        {
            let holds = |route: &&(&str, Prefix)| route.1.contains(address);
            let narrowest = routes
                .iter()
                .filter(holds)
                .max_by_key(|route| route.1.bits());
            if let Some((name, network)) = narrowest
                && let Some(prefix) = Prefix::new(address, network.bits())
            {
                found.push(((*name).to_owned(), prefix));
            }
        }
    }
    // The trie shows the tables one after the other, and a local address may be in two.
    found.sort();
    found.dedup();
    found
}

/// A line of `route` without a gateway: name, network and mask in hexadecimal, least significant byte first.
fn route(line: &str) -> Option<(&str, Prefix)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |at: usize| {
        let number = u32::from_str_radix(words.get(at)?, 16).ok()?;
        Some(number.swap_bytes())
    };
    let (network, gateway, mask) = (number(1)?, number(2)?, number(7)?);
    let len = u8::try_from(mask.leading_ones()).ok()?;
    let prefix = Prefix::new(Ipv4Addr::from(network).into(), len)?;
    (gateway == 0 && len > 0).then_some((words[0], prefix))
}
