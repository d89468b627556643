//! Links that are made of others, or of nothing: bonds, bridges, WireGuard.

use serde_json::{Value, json};

use super::common::{add_common, list, number, text};
use super::{Link, aliased};
use crate::config::generate::documents::of_kind;

/// The name of a bond's member that is only selected.
fn member(link: &Link<'_>, index: usize) -> String {
    format!("{}-m{index}", link.name)
}

/// Names for what the selectors of a bond's members find.
pub(super) fn member_aliases(link: &Link<'_>) -> Vec<Value> {
    let selectors = link
        .device
        .get("bond")
        .map_or(&[][..], |bond| list(bond, "deviceSelectors"));
    let aliases = selectors.iter().enumerate();
    aliases
        .filter_map(|(index, selector)| aliased(&member(link, index), selector))
        .collect()
}

pub(super) fn bond(link: &Link<'_>) -> Option<Value> {
    let bond = link.device.get("bond")?;
    let mut body = json!({"name": link.name});
    let selected = (0..list(bond, "deviceSelectors").len()).map(|index| member(link, index).into());
    let links: Vec<Value> = list(bond, "interfaces")
        .iter()
        .cloned()
        .chain(selected)
        .collect();
    if !links.is_empty() {
        body["links"] = links.into();
    }
    for (key, theirs) in [
        ("mode", "bondMode"),
        ("xmitHashPolicy", "xmitHashPolicy"),
        ("lacpRate", "lacpRate"),
        ("arpValidate", "arpValidate"),
        ("arpAllTargets", "arpAllTargets"),
        ("primaryReselect", "primaryReselect"),
        ("failOverMac", "failOverMac"),
        ("adSelect", "adSelect"),
    ] {
        let word = text(bond, key);
        if !word.is_empty() {
            body[theirs] = word.into();
        }
    }
    for (key, theirs) in [
        ("miimon", "miimon"),
        ("updelay", "updelay"),
        ("downdelay", "downdelay"),
        ("arpInterval", "arpInterval"),
        ("resendIgmp", "resendIGMP"),
        ("minLinks", "minLinks"),
        ("lpInterval", "lpInterval"),
        ("packetsPerSlave", "packetsPerSlave"),
        ("numPeerNotif", "numPeerNotif"),
        ("tlbDynamicLb", "tlbLogicalLb"),
        ("allSlavesActive", "allSlavesActive"),
        ("adActorSysPrio", "adActorSysPrio"),
        ("adUserPortKey", "adUserPortKey"),
        ("peerNotifyDelay", "peerNotifDelay"),
    ] {
        if let number @ 1.. = number(bond, key) {
            body[theirs] = number.into();
        }
    }
    if let Some(carrier) = bond.get("useCarrier") {
        body["useCarrier"] = carrier.clone();
    }
    let targets = list(bond, "arpIPTarget");
    if !targets.is_empty() {
        body["arpIpTargets"] = targets.into();
    }
    add_common(&mut body, link.device);
    Some(of_kind("BondConfig", body))
}

pub(super) fn wireguard(link: &Link<'_>) -> Option<Value> {
    let wireguard = link.device.get("wireguard")?;
    let mut body = json!({"name": link.name});
    let key = text(wireguard, "privateKey");
    if !key.is_empty() {
        body["privateKey"] = key.into();
    }
    for key in ["listenPort", "firewallMark"] {
        if let number @ 1.. = number(wireguard, key) {
            body[key] = number.into();
        }
    }
    let peers: Vec<Value> = list(wireguard, "peers").iter().map(peer).collect();
    if !peers.is_empty() {
        body["peers"] = peers.into();
    }
    add_common(&mut body, link.device);
    Some(of_kind("WireguardConfig", body))
}

/// A peer; what of it is no address is dropped.
fn peer(peer: &Value) -> Value {
    let mut body = json!({});
    let key = text(peer, "publicKey");
    if !key.is_empty() {
        body["publicKey"] = key.into();
    }
    let endpoint = text(peer, "endpoint");
    if endpoint.parse::<std::net::SocketAddr>().is_ok() {
        body["endpoint"] = endpoint.into();
    }
    let alive = text(peer, "persistentKeepaliveInterval");
    if !matches!(alive, "" | "0s") && !alive.starts_with('-') {
        body["persistentKeepaliveInterval"] = alive.into();
    }
    let allowed = list(peer, "allowedIPs").iter().filter_map(Value::as_str);
    let allowed: Vec<&str> = allowed
        .filter(|text| text.contains('/') && super::prefix(text).is_some())
        .collect();
    if !allowed.is_empty() {
        body["allowedIPs"] = allowed.into();
    }
    body
}

pub(super) fn bridge(link: &Link<'_>) -> Option<Value> {
    let bridge = link.device.get("bridge")?;
    let mut body = json!({"name": link.name});
    let links = list(bridge, "interfaces");
    if !links.is_empty() {
        body["links"] = links.into();
    }
    if let Some(enabled) = bridge.get("stp").and_then(|stp| stp.get("enabled")) {
        body["stp"] = json!({"enabled": enabled});
    }
    let filtering = bridge
        .get("vlan")
        .and_then(|vlan| vlan.get("vlanFiltering"));
    if filtering.and_then(Value::as_bool) == Some(true) {
        body["vlan"] = json!({"filtering": true});
    }
    add_common(&mut body, link.device);
    Some(of_kind("BridgeConfig", body))
}
