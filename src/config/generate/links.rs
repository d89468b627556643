//! `networkInterfaces` of talconfig.yaml as the documents of Talos 1.12 and newer, the way talhelper turns them.
//!
//! Pure. Takes interfaces in the shape that Talos writes `machine.network.interfaces` in. What a document has no place for
//! is dropped, as talhelper drops it: `ignore`, `dummy`, `bridgePort`, `duidv6`, addresses of clouds.
//! Spec: <https://github.com/budimanjojo/talhelper/blob/v3.1.17/pkg/talos/networkconfig.go>.

mod common;
mod virtuals;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::documents::of_kind;
use common::{add_common, list, number, prefix, route, text, truth};

/// An interface and the name that its documents have.
struct Link<'v> {
    name: String,
    device: &'v Value,
}

/// The documents of all interfaces, in talhelper's order: by kind, then by interface.
pub(super) fn documents(devices: &[Value]) -> Vec<Value> {
    let links = named(devices);
    let mut documents = Vec::new();
    documents.extend(links.iter().filter_map(alias));
    documents.extend(links.iter().flat_map(virtuals::member_aliases));
    documents.extend(links.iter().filter_map(virtuals::bond));
    documents.extend(links.iter().flat_map(|link| dhcp(&link.name, link.device)));
    documents.extend(links.iter().filter_map(vip));
    documents.extend(links.iter().filter_map(plain));
    documents.extend(links.iter().flat_map(vlans));
    documents.extend(links.iter().filter_map(virtuals::wireguard));
    documents.extend(links.iter().filter_map(virtuals::bridge));
    documents
}

/// Every interface with its name; one that is only selected gets the next free name of its kind.
fn named(devices: &[Value]) -> Vec<Link<'_>> {
    let given = devices.iter().map(|device| text(device, "interface"));
    let mut used: BTreeSet<String> = given
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    let mut next = [0_u32; 4];
    let name = |device: &Value| {
        let name = text(device, "interface");
        if !name.is_empty() || device.get("deviceSelector").is_none() {
            return name.to_owned();
        }
        let kinds = [("bond", "bond"), ("bridge", "br"), ("wireguard", "wg")];
        let kind = kinds.iter().position(|(key, _)| device.get(key).is_some());
        let stem = kind.map_or("ethSel", |kind| kinds[kind].1);
        let count = &mut next[kind.unwrap_or(kinds.len())];
        loop {
            let name = format!("{stem}{count}");
            *count += 1;
            if used.insert(name.clone()) {
                return name;
            }
        }
    };
    let names: Vec<String> = devices.iter().map(name).collect();
    let links = names.into_iter().zip(devices);
    links.map(|(name, device)| Link { name, device }).collect()
}

/// A name for what the selector of an interface finds.
fn alias(link: &Link<'_>) -> Option<Value> {
    aliased(&link.name, link.device.get("deviceSelector")?)
}

/// A name for what `selector` finds; none if it asks for nothing.
fn aliased(name: &str, selector: &Value) -> Option<Value> {
    let globs = [
        ("hardwareAddr", "mac(link.hardware_addr)"),
        ("permanentAddr", "mac(link.permanent_addr)"),
        ("busPath", "link.bus_path"),
        ("driver", "link.driver"),
        ("pciID", "link.pciid"),
    ];
    let asked = globs
        .iter()
        .filter(|(key, _)| !text(selector, key).is_empty());
    let mut conditions: Vec<String> = asked
        .map(|(key, of)| format!("glob(\"{}\", {of})", text(selector, key)))
        .collect();
    match selector.get("physical").and_then(Value::as_bool) {
        Some(true) => conditions.push("link.type == 1".to_owned()),
        Some(false) => conditions.push("link.type != 1".to_owned()),
        None => {}
    }
    let rule = conditions.join(" && ");
    let body = json!({"name": name, "selector": {"match": rule}});
    (!conditions.is_empty()).then(|| of_kind("LinkAliasConfig", body))
}

/// DHCP for the interface `name`, of which `owner` is the interface or its VLAN.
fn dhcp(name: &str, owner: &Value) -> Vec<Value> {
    if !truth(owner, "dhcp", false) {
        return Vec::new();
    }
    let none = json!({});
    let options = owner.get("dhcpOptions").unwrap_or(&none);
    let kinds = [
        ("ipv4", true, "DHCPv4Config"),
        ("ipv6", false, "DHCPv6Config"),
    ];
    let wanted = kinds
        .into_iter()
        .filter(|(key, usual, _)| truth(options, key, *usual));
    wanted
        .map(|(_, _, kind)| {
            let mut body = json!({"name": name});
            if let metric @ 1.. = number(options, "routeMetric") {
                body["routeMetric"] = metric.into();
            }
            of_kind(kind, body)
        })
        .collect()
}

fn vip(link: &Link<'_>) -> Option<Value> {
    let ip = text(link.device.get("vip")?, "ip");
    let body = json!({"name": ip, "link": link.name});
    (!ip.is_empty()).then(|| of_kind("Layer2VIPConfig", body))
}

/// Addresses, routes and MTU of an interface that is nothing else.
fn plain(link: &Link<'_>) -> Option<Value> {
    let device = link.device;
    let is_more = ["bond", "wireguard", "bridge"]
        .iter()
        .any(|key| device.get(key).is_some());
    let has = !list(device, "addresses").is_empty()
        || !list(device, "routes").is_empty()
        || number(device, "mtu") > 0;
    if is_more || !has {
        return None;
    }
    let mut body = json!({"name": link.name});
    add_common(&mut body, device);
    Some(of_kind("LinkConfig", body))
}

/// The VLANs of an interface, each with its DHCP and its shared address.
fn vlans(link: &Link<'_>) -> Vec<Value> {
    let mut documents = Vec::new();
    for vlan in list(link.device, "vlans") {
        let id = number(vlan, "vlanId");
        if id == 0 {
            continue;
        }
        let name = format!("{}.{id}", link.name);
        let mut body = json!({"name": name, "vlanID": id, "parent": link.name});
        // What is no address or route is dropped here, while it is an error on an interface.
        let addresses = list(vlan, "addresses").iter().filter_map(Value::as_str);
        let addresses: Vec<Value> = addresses
            .filter_map(prefix)
            .map(|address| json!({"address": address}))
            .collect();
        let routes: Vec<Value> = list(vlan, "routes").iter().filter_map(route).collect();
        for (key, found) in [("addresses", addresses), ("routes", routes)] {
            if !found.is_empty() {
                body[key] = found.into();
            }
        }
        if let mtu @ 1.. = number(vlan, "mtu") {
            body["mtu"] = mtu.into();
        }
        documents.push(of_kind("VLANConfig", body));
        documents.extend(dhcp(&name, vlan));
        if let Some(vip) = vlan.get("vip") {
            let body = json!({"name": text(vip, "ip"), "link": name});
            documents.push(of_kind("Layer2VIPConfig", body));
        }
    }
    documents
}
