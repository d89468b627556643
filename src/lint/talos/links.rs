//! Documents of links, and of what runs on them. Pure.

use super::view::{Out, View};
use super::{bgp, text};

const REQUIRED: &str = "a name is required";

/// Kinds of links that have addresses and routes.
const LINKS: [&str; 8] = [
    "BondConfig",
    "BridgeConfig",
    "DummyLinkConfig",
    "LinkConfig",
    "VLANConfig",
    "VRFConfig",
    "VethConfig",
    "WireguardConfig",
];

/// Kinds of which nothing else is checked than the name.
const NAMED: [&str; 1] = ["EthernetConfig"];

/// Tables that a VRF cannot have.
const RESERVED: [&str; 5] = ["", "unspec", "local", "main", "default"];

/// Checks a document; nothing if it is none of a link.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    if (LINKS.contains(&kind) && kind != "VethConfig") || NAMED.contains(&kind) {
        out.refuse_if(name.is_zero(), &name, REQUIRED);
    }
    if LINKS.contains(&kind) {
        common(doc, out);
    }
    match kind {
        "BondConfig" => {
            let (links, mode) = (doc.get("links"), doc.get("bondMode"));
            out.refuse_if(links.is_empty(), &links, "a bond needs a link");
            out.refuse_if(!mode.is_set(), &mode, "a bond needs a mode");
        }
        "VLANConfig" => {
            let (id, parent) = (doc.get("vlanID"), doc.get("parent"));
            out.refuse_if(!(1..=4094).contains(&id.number()), &id, "from 1 to 4094");
            out.refuse_if(parent.is_zero(), &parent, "the link below is required");
        }
        "VRFConfig" => {
            let table = doc.get("table");
            let reserved = RESERVED.contains(&table.text());
            out.refuse_if(reserved, &table, "a table of its own is required");
        }
        "VethConfig" => veth(doc, out),
        "WireguardConfig" => wireguard(doc, out),
        "DHCPv4Config" | "DHCPv6Config" => dhcp(doc, out),
        "HCloudVIPConfig" | "Layer2VIPConfig" => shared(kind, doc, out),
        "LinkAliasConfig" => alias(doc, out),
        "BGPInstanceConfig" => bgp::instance(doc, out),
        _ => {}
    }
}

/// Addresses and routes.
fn common(link: &View<'_>, out: &mut Out<'_>) {
    for address in link.get("addresses").items() {
        let address = address.get("address");
        let fits = text::prefix(address.text()).is_some_and(|it| !it.0.is_unspecified());
        out.refuse_if(
            !fits,
            &address,
            "an address with the bits of its network is required",
        );
    }
    for route in link.get("routes").items() {
        let network = route.get("destination");
        let whole = text::prefix(network.text()).is_some_and(|it| it.0.is_unspecified());
        out.refuse_if(whole, &network, "leave it out for the default route");
        for key in ["gateway", "source"] {
            let address = route.get(key);
            let host = address.text().split('%').next().unwrap_or_default();
            let none = host
                .parse()
                .is_ok_and(|it: std::net::IpAddr| it.is_unspecified());
            out.refuse_if(none, &address, "not the address of a machine");
        }
    }
}

fn veth(doc: &View<'_>, out: &mut Out<'_>) {
    let peer = doc.get("peer");
    let (name, other) = (doc.get("name"), peer.get("name"));
    for name in [&name, &other] {
        let text = name.text();
        let unfit = |c: char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control();
        match text {
            "" => out.refuse(name, REQUIRED),
            "." | ".." => out.refuse(name, "no name of a link"),
            _ if text.len() > 15 => out.refuse(name, "at most 15 bytes"),
            _ => out.refuse_if(text.contains(unfit), name, "no blanks, slashes and colons"),
        }
    }
    let same = !name.is_zero() && name.text() == other.text();
    out.refuse_if(same, &other, "both ends have the same name");
    common(&peer, out);
}

fn wireguard(doc: &View<'_>, out: &mut Out<'_>) {
    let key = |key: &View<'_>, out: &mut Out<'_>| {
        out.refuse_if(!text::is_key(key.text(), 32), key, "not Base64 of 32 bytes");
    };
    key(&doc.get("privateKey"), out);
    let port = doc.get("listenPort");
    out.refuse_if(
        !(0..=65535).contains(&port.number()),
        &port,
        "from 0 to 65535",
    );
    for peer in doc.get("peers").items() {
        key(&peer.get("publicKey"), out);
        let shared = peer.get("presharedKey");
        if !shared.is_zero() {
            key(&shared, out);
        }
        let interval = peer.get("persistentKeepaliveInterval");
        out.refuse_if(interval.nanos() < 0, &interval, "it cannot be negative");
    }
}

fn dhcp(doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    out.refuse_if(name.is_zero(), &name, REQUIRED);
    let raw = doc.get("duidRaw");
    let by_duid = doc.get("clientIdentifier").text() == "duid";
    let message = "it and clientIdentifier: duid need each other";
    out.refuse_if(raw.is_zero() == by_duid, &raw, message);
}

fn shared(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let (name, link) = (doc.get("name"), doc.get("link"));
    out.refuse_if(
        !text::is_address(name.text()),
        &name,
        "the name is the address",
    );
    out.refuse_if(link.is_zero(), &link, "a link is required");
    let token = doc.get("apiToken");
    let missing = kind == "HCloudVIPConfig" && token.is_zero();
    out.refuse_if(missing, &token, "a token is required");
}

fn alias(doc: &View<'_>, out: &mut Out<'_>) {
    let (name, selector) = (doc.get("name"), doc.at(&["selector", "match"]));
    out.refuse_if(name.is_zero(), &name, REQUIRED);
    if let Some((before, verb)) = name.text().split_once('%') {
        let fits = verb == "d" && !before.is_empty();
        out.refuse_if(!fits, &name, "a pattern ends in %d");
    }
    out.refuse_if(selector.is_zero(), &selector, "a selector is required");
}
