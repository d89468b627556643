//! `networkInterfaces` by the rules that talhelper has itself and those that it asks Talos for.

use std::collections::BTreeMap;

use base64::Engine as _;

use super::super::value::Value;
use super::address::{has_port, is_cidr, is_ip, is_ip_or_cidr};
use crate::config::bond;

/// What is wrong with the list.
pub(super) fn wrong(list: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut bonded: BTreeMap<&str, &str> = BTreeMap::new();
    let mut bridged: BTreeMap<&str, &str> = BTreeMap::new();
    for device in list.items() {
        let name = device.text_at("interface");
        let mut add = |why: &str| wrong.push(format!("interface {name:?}: {why}"));
        let (bond, bridge) = (device.get("bond"), device.get("bridge"));
        if bond.is_some() && bridge.is_some() {
            add("it is a bond and a bridge");
        }
        if let Some(bond) = bond {
            let members = texts(bond, "interfaces");
            take(&members, name, &mut bonded, &bridged, &mut add);
            let selectors = bond
                .get("deviceSelectors")
                .map(Value::items)
                .unwrap_or_default();
            if !members.is_empty() && selectors.iter().any(|it| !it.is_null()) {
                add("it has interfaces and deviceSelectors");
            }
        }
        if let Some(bridge) = bridge {
            take(
                &texts(bridge, "interfaces"),
                name,
                &mut bridged,
                &bonded,
                &mut add,
            );
        }
        if !device.flag_at("ignore") {
            interface(device, &mut add);
            addressing(device, bonded.contains_key(name), &mut add);
            routes(device, &mut add);
        }
    }
    wrong
}

/// The texts of a list without its nulls.
fn texts<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    let items = value.get(key).map(Value::items).unwrap_or_default();
    let items = items.iter().filter(|item| !item.is_null());
    items.map(Value::text).collect()
}

/// Enters the members of a bond or a bridge.
fn take<'v>(
    members: &[&'v str],
    name: &'v str,
    own: &mut BTreeMap<&'v str, &'v str>,
    others: &BTreeMap<&'v str, &'v str>,
    add: &mut impl FnMut(&str),
) {
    for member in members {
        if own.get(member).is_some_and(|other| *other != name) {
            add(&format!("{member:?} is part of another one already"));
        }
        if others.contains_key(member) {
            add(&format!("{member:?} is part of a bond and of a bridge"));
        }
        own.insert(member, name);
    }
}

fn interface(device: &Value, add: &mut impl FnMut(&str)) {
    let selector = device.get("deviceSelector");
    match (device.text_at("interface").is_empty(), selector.is_some()) {
        (true, false) => add("it needs interface or deviceSelector"),
        (false, true) => add("it has interface and deviceSelector"),
        _ => {}
    }
    let keys = [
        "busPath",
        "hardwareAddr",
        "permanentAddr",
        "pciID",
        "driver",
    ];
    let is_empty = |it: &Value| {
        keys.iter().all(|key| it.text_at(key).is_empty()) && it.get("physical").is_none()
    };
    if selector.is_some_and(is_empty) {
        add("its deviceSelector is empty");
    }
    if let Some(bond) = device.get("bond") {
        bond_options(bond, add);
    }
    if let Some(wireguard) = device.get("wireguard") {
        wireguard_keys(wireguard, add);
    }
    for vlan in device.get("vlans").map(Value::items).unwrap_or_default() {
        let (cidr, addresses) = (vlan.text_at("cidr"), texts(vlan, "addresses"));
        if !cidr.is_empty() && !addresses.is_empty() {
            add("a VLAN has cidr and addresses");
        }
        let old = (!cidr.is_empty()).then_some(cidr);
        if !addresses.iter().copied().chain(old).all(is_ip_or_cidr) {
            add("an address of a VLAN is none");
        }
    }
}

fn bond_options(bond: &Value, add: &mut impl FnMut(&str)) {
    for (key, words) in bond::WORDS {
        let word = bond.text_at(key);
        if !word.is_empty() && !words.contains(&word) {
            add(&format!(
                "{key} of its bond must be one of {}",
                words.join(", ")
            ));
        }
    }
    let (interval, up, down) = (
        bond.int_at("miimon"),
        bond.int_at("updelay"),
        bond.int_at("downdelay"),
    );
    for (key, delay) in [("updelay", up), ("downdelay", down)] {
        match interval {
            0 if delay != 0 => add(&format!("{key} of its bond needs miimon")),
            0 => {}
            _ if delay % interval != 0 => {
                add(&format!("{key} of its bond must be a multiple of miimon"))
            }
            _ => {}
        }
    }
    bond_mode(bond, add);
}

/// Options that only some modes have.
fn bond_mode(bond: &Value, add: &mut impl FnMut(&str)) {
    let has = |key: &str| !bond.text_at(key).is_empty();
    // A mode that is none counts as the first one.
    let mode = match bond.text_at("mode") {
        known if bond::WORDS[0].1.contains(&known) => known,
        _ => "balance-rr",
    };
    let (lacp, balancing) = (
        mode == "802.3ad",
        matches!(mode, "balance-alb" | "balance-tlb"),
    );
    let number = |key: &str| bond.int_at(key);
    for (key, is_wrong) in [
        ("arpIPTarget", !texts(bond, "arpIPTarget").is_empty()),
        ("adActorSystem", has("adActorSystem")),
        ("lacpRate", has("lacpRate") && !lacp),
        ("arpValidate", has("arpValidate") && (lacp || balancing)),
        (
            "primary",
            has("primary") && !(balancing || mode == "active-backup"),
        ),
        (
            "arpInterval",
            number("arpInterval") > 0 && (lacp || balancing),
        ),
        (
            "packetsPerSlave",
            number("packetsPerSlave") > 1 && mode != "balance-rr",
        ),
        ("tlbDynamicLb", number("tlbDynamicLb") > 0 && !balancing),
        ("adActorSysPrio", number("adActorSysPrio") > 0 && !lacp),
        ("adUserPortKey", number("adUserPortKey") > 0 && !lacp),
    ] {
        if is_wrong {
            add(&format!("{key} cannot be set for a bond of this mode"));
        }
    }
}

fn wireguard_keys(wireguard: &Value, add: &mut impl FnMut(&str)) {
    let is_key = |text: &str| {
        // Go's decoder passes over line breaks.
        let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        let lenient = base64::engine::GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
        );
        let raw = lenient.decode(&text);
        raw.is_ok_and(|raw| raw.len() == 32)
    };
    if !is_key(wireguard.text_at("privateKey")) {
        add("its WireGuard private key is none: 32 bytes in base64");
    }
    for peer in wireguard.get("peers").map(Value::items).unwrap_or_default() {
        if !is_key(peer.text_at("publicKey")) {
            add("the public key of a WireGuard peer is none: 32 bytes in base64");
        }
        let endpoint = peer.text_at("endpoint");
        if !endpoint.is_empty() && !has_port(endpoint) {
            add("the endpoint of a WireGuard peer needs a host and a port");
        }
        if !texts(peer, "allowedIPs").iter().all(|it| is_cidr(it)) {
            add("an allowed address of a WireGuard peer is no subnet");
        }
    }
}

fn addressing(device: &Value, is_member: bool, add: &mut impl FnMut(&str)) {
    let (cidr, addresses) = (device.text_at("cidr"), texts(device, "addresses"));
    let vip = device.get("vip");
    let has_any =
        device.flag_at("dhcp") || !cidr.is_empty() || !addresses.is_empty() || vip.is_some();
    if is_member && has_any {
        add("it is part of a bond, so it cannot have addresses");
    }
    if !addresses.is_empty() && !cidr.is_empty() {
        add("it has cidr and addresses");
    }
    if !cidr.is_empty() {
        // talhelper takes the warning for an error.
        add("cidr is deprecated: addresses replaces it");
    }
    let old = (!cidr.is_empty()).then_some(cidr);
    if !addresses.iter().copied().chain(old).all(is_ip_or_cidr) {
        add("one of its addresses is none");
    }
    if vip.is_some_and(|vip| !is_ip(vip.text_at("ip"))) {
        add("the address of its vip is none");
    }
}

fn routes(device: &Value, add: &mut impl FnMut(&str)) {
    for route in device.get("routes").map(Value::items).unwrap_or_default() {
        let (network, gateway, source) = (
            route.text_at("network"),
            route.text_at("gateway"),
            route.text_at("source"),
        );
        if !network.is_empty() && !is_cidr(network) {
            add("the network of a route is no subnet");
        }
        if !gateway.is_empty() && !is_ip(gateway) {
            add("the gateway of a route is no address");
        }
        if gateway.is_empty() && network.is_empty() {
            add("a route needs a network or a gateway");
        }
        if !source.is_empty() && !is_ip(source) {
            add("the source of a route is no address");
        }
    }
}
