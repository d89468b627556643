//! Reading interfaces, and what every kind of link has: addresses, routes, MTU.

use std::net::IpAddr;

use serde_json::{Value, json};

/// The text at `key`; empty if there is none.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The number at `key`; 0 if there is none.
pub(super) fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or_default()
}

/// The boolean at `key`, or what is usual.
pub(super) fn truth(value: &Value, key: &str, usual: bool) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(usual)
}

/// The list at `key`; empty if there is none.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// An address as a network; one without a length is a network of its own. `None` if it is none.
pub(super) fn prefix(text: &str) -> Option<String> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let most = match address.parse().ok()? {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    match bits {
        Some(bits) => bits
            .parse::<u32>()
            .is_ok_and(|bits| bits <= most)
            .then(|| text.to_owned()),
        None => Some(format!("{text}/{most}")),
    }
}

/// A route; `None` if Talos could not have it.
pub(super) fn route(route: &Value) -> Option<Value> {
    let mut body = json!({});
    let network = text(route, "network");
    // Talos tells the family of a default route by its gateway.
    if !network.is_empty() {
        let network = network.contains('/').then(|| prefix(network)).flatten()?;
        if !matches!(&*network, "0.0.0.0/0" | "::/0") {
            body["destination"] = network.into();
        }
    }
    for key in ["gateway", "source"] {
        let address = text(route, key);
        if !address.is_empty() {
            let bare = address.split('%').next().unwrap_or(address);
            bare.parse::<IpAddr>().ok()?;
            body[key] = address.into();
        }
    }
    for key in ["metric", "mtu"] {
        if let number @ 1.. = number(route, key) {
            body[key] = number.into();
        }
    }
    Some(body)
}

/// Adds addresses, routes and MTU of `device` to a document. What is no address stays as it is, for Talos to refuse.
pub(super) fn add_common(body: &mut Value, device: &Value) {
    let address = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        json!({"address": prefix(text).unwrap_or_else(|| text.to_owned())})
    };
    let addresses: Vec<Value> = list(device, "addresses").iter().map(address).collect();
    let whole =
        |it: &Value| route(it).unwrap_or_else(|| json!({"destination": text(it, "network")}));
    let routes: Vec<Value> = list(device, "routes").iter().map(whole).collect();
    for (key, found) in [("addresses", addresses), ("routes", routes)] {
        if !found.is_empty() {
            body[key] = found.into();
        }
    }
    if let mtu @ 1.. = number(device, "mtu") {
        body["mtu"] = mtu.into();
    }
}
