//! `machine.network` of the old document. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::catalogue::validation as rules;
use super::view::{Out, View};
use super::{Role, bond, text};

/// Least MTU of KubeSpan.
pub(super) const LEAST_MTU: i64 = 1280;

/// Checks the section.
pub(super) fn section(doc: &View<'_>, role: Option<Role>, out: &mut Out<'_>) {
    let network = doc.at(&["machine", "network"]);
    let devices = network.get("interfaces").items();
    let members = members(&devices, out);
    for device in &devices {
        if role == Some(Role::Worker) {
            for owner in device.get("vlans").items().iter().chain([device]) {
                let shared = owner.get("vip");
                out.refuse_if(
                    shared.is_set(),
                    &shared,
                    "a worker cannot have a shared address",
                );
            }
        }
        if !device.get("ignore").is_true() {
            which(device, out);
            links(device, out);
            let taken = members.contains_key(device.get("interface").text());
            addresses(device, taken, out);
            routes(device, out);
        }
    }
    kubespan(&network.get("kubespan"), out);
}

/// The links of bonds and bridges, with what they belong to.
fn members<'v>(devices: &[View<'v>], out: &mut Out<'_>) -> BTreeMap<&'v str, &'v str> {
    let mut members: BTreeMap<&str, &str> = BTreeMap::new();
    for device in devices {
        let (bond, bridge) = (device.get("bond"), device.get("bridge"));
        let both = bond.is_set() && bridge.is_set();
        out.refuse_if(both, device, "a bond is no bridge");
        let selected =
            !bond.get("interfaces").is_empty() && !bond.get("deviceSelectors").is_empty();
        out.refuse_if(selected, &bond, "interfaces excludes deviceSelectors");
        let own = if bridge.is_set() { &bridge } else { &bond };
        let name = device.get("interface").text();
        for member in own.get("interfaces").items() {
            let other = members.insert(member.text(), name);
            let twice = other.is_some_and(|other| other != name);
            out.refuse_if(twice, &member, "it is part of another link already");
        }
    }
    members
}

fn which(device: &View<'_>, out: &mut Out<'_>) {
    let (name, selector) = (device.get("interface"), device.get("deviceSelector"));
    match (name.is_zero(), selector.is_set()) {
        (true, false) => out.refuse(device, "interface or deviceSelector is required"),
        (false, true) => out.refuse(&selector, "it excludes interface"),
        _ => {}
    }
    let says = |(key, value): (&str, View<'_>)| match key {
        "physical" => value.is_set(),
        _ => !value.is_zero(),
    };
    let empty = selector.is_set() && !selector.entries().into_iter().any(says);
    out.refuse_if(empty, &selector, "it is empty");
}

fn links(device: &View<'_>, out: &mut Out<'_>) {
    bond::check(&device.get("bond"), out);
    let tunnel = device.get("wireguard");
    if tunnel.is_set() {
        wireguard(&tunnel, out);
    }
    for vlan in device.get("vlans").items() {
        owned(&vlan, out);
    }
}

/// `addresses` and `cidr`, of a device or of a VLAN.
fn owned(owner: &View<'_>, out: &mut Out<'_>) {
    let (addresses, old) = (owner.get("addresses"), owner.get("cidr"));
    let both = !addresses.is_empty() && !old.is_zero();
    out.refuse_if(both, &old, "it excludes addresses");
    for address in addresses
        .items()
        .iter()
        .chain(std::iter::once(&old).filter(|it| !it.is_zero()))
    {
        let fits = text::is_address_or_network(address.text());
        out.refuse_if(!fits, address, "not an address or a network");
    }
}

fn addresses(device: &View<'_>, taken: bool, out: &mut Out<'_>) {
    owned(device, out);
    let (old, shared) = (device.get("cidr"), device.get("vip"));
    if !old.is_zero() {
        out.add(&rules::REMARK, &old, "deprecated: write addresses");
    }
    let has = device.get("dhcp").is_true()
        || !old.is_zero()
        || !device.get("addresses").is_empty()
        || shared.is_set();
    let message = "it belongs to a bond or bridge and cannot have addresses of its own";
    out.refuse_if(taken && has, device, message);
    let address = shared.get("ip");
    let fits = address.text().parse::<IpAddr>().is_ok();
    out.refuse_if(shared.is_set() && !fits, &address, "not an address");
}

fn routes(device: &View<'_>, out: &mut Out<'_>) {
    for route in device.get("routes").items() {
        let (network, gateway) = (route.get("network"), route.get("gateway"));
        let known = network.is_zero() || text::cidr(network.text()).is_some();
        out.refuse_if(!known, &network, "not a network");
        for address in [&gateway, &route.get("source")] {
            let known = address.is_zero() || address.text().parse::<IpAddr>().is_ok();
            out.refuse_if(!known, address, "not an address");
        }
        let none = network.is_zero() && gateway.is_zero();
        out.refuse_if(none, &route, "network or gateway is required");
    }
}

fn wireguard(tunnel: &View<'_>, out: &mut Out<'_>) {
    let own = tunnel.get("privateKey");
    out.refuse_if(
        !text::is_key(own.text(), 32),
        &own,
        "not Base64 of 32 bytes",
    );
    for peer in tunnel.get("peers").items() {
        let key = peer.get("publicKey");
        out.refuse_if(
            !text::is_key(key.text(), 32),
            &key,
            "not Base64 of 32 bytes",
        );
        let endpoint = peer.get("endpoint");
        let fits = |(host, _): (&str, &str)| !host.contains(':') || text::is_address(host);
        let reachable = endpoint.is_zero() || text::host_port(endpoint.text()).is_some_and(fits);
        out.refuse_if(!reachable, &endpoint, "not a host and a port");
        for allowed in peer.get("allowedIPs").items() {
            let fits = text::cidr(allowed.text()).is_some();
            out.refuse_if(!fits, &allowed, "not a network");
        }
    }
}

fn kubespan(kubespan: &View<'_>, out: &mut Out<'_>) {
    if !kubespan.get("enabled").is_true() {
        return;
    }
    let mtu = kubespan.get("mtu");
    let small = mtu.number() != 0 && mtu.number() < LEAST_MTU;
    out.refuse_if(small, &mtu, format!("at least {LEAST_MTU}"));
    text::filters(&kubespan.at(&["filters", "endpoints"]), out);
    for network in kubespan
        .at(&["filters", "excludeAdvertisedNetworks"])
        .items()
    {
        let fits = text::prefix(network.text()).is_some();
        out.refuse_if(!fits, &network, "not a network");
    }
}
