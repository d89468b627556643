//! Documents of a machine's network as a whole: its name, resolvers, time, rules, probes. Pure.

use std::net::IpAddr;

use super::interfaces::LEAST_MTU;
use super::view::{Out, View};
use super::{text, urls};

/// Priorities of routing rules that are taken.
const TAKEN: [u32; 4] = [0, 32500, 32766, 32767];

/// Checks a document; nothing if it is none of these.
pub(super) fn document(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    match kind {
        "HostnameConfig" => hostname(doc, out),
        "ResolverConfig" => resolver(doc, out),
        "TimeSyncConfig" => time(doc, out),
        "StaticHostConfig" => {
            let (name, hosts) = (doc.get("name"), doc.get("hostnames"));
            out.refuse_if(
                !text::is_address(name.text()),
                &name,
                "the name is the address",
            );
            out.refuse_if(hosts.is_empty(), &hosts, "a name of a host is required");
        }
        "KubeSpanConfig" => {
            let mtu = doc.get("mtu");
            let small = mtu.is_set() && mtu.number() < LEAST_MTU;
            out.refuse_if(small, &mtu, format!("at least {LEAST_MTU}"));
            text::filters(&doc.at(&["filters", "endpoints"]), out);
        }
        "BlackholeRouteConfig" => {
            let name = doc.get("name");
            let fits = text::prefix(name.text()).is_some();
            out.refuse_if(!fits, &name, "the name is the network");
        }
        "NetworkRuleConfig" => rule(doc, out),
        "RoutingRuleConfig" => routing(doc, out),
        "HTTPProbeConfig" | "TCPProbeConfig" => probe(kind, doc, out),
        _ => {}
    }
}

fn hostname(doc: &View<'_>, out: &mut Out<'_>) {
    let (auto, name) = (doc.get("auto"), doc.get("hostname"));
    let neither = !auto.is_set() && name.is_zero();
    out.refuse_if(neither, doc, "either auto or hostname is required");
    let both = !matches!(auto.text(), "" | "off") && !name.is_zero();
    out.refuse_if(both, &name, "auto excludes it unless it is off");
    let known = matches!(auto.text(), "" | "off" | "stable");
    out.refuse_if(!known, &auto, "off or stable");
    if name.is_zero() {
        return;
    }
    let first = name.text().split('.').next().unwrap_or_default();
    let fits = (1..=63).contains(&first.len()) && name.text().len() <= 253;
    out.refuse_if(
        !fits,
        &name,
        "at most 253 characters, 63 of them before the first point",
    );
}

fn resolver(doc: &View<'_>, out: &mut Out<'_>) {
    let dns = doc.get("hostDNS");
    for key in ["forwardKubeDNSToHost", "resolveMemberNames"] {
        let wanted = dns.get(key);
        let off = wanted.is_true() && !dns.get("enabled").is_true();
        out.refuse_if(off, &wanted, "it needs hostDNS.enabled");
    }
    for server in doc.get("nameservers").items() {
        let (address, name) = (server.get("address"), server.get("tlsServerName"));
        out.refuse_if(address.is_zero(), &address, "an address is required");
        match server.get("protocol").text() {
            "DoT" | "DoH" => out.refuse_if(name.is_zero(), &name, "DoT and DoH need it"),
            _ => out.refuse_if(!name.is_zero(), &name, "only with DoT and DoH"),
        }
    }
}

fn time(doc: &View<'_>, out: &mut Out<'_>) {
    let wait = doc.get("bootTimeout");
    out.refuse_if(wait.nanos() < 0, &wait, "it cannot be negative");
    let (ntp, ptp) = (doc.get("ntp"), doc.get("ptp"));
    out.refuse_if(ntp.is_set() && ptp.is_set(), &ptp, "it excludes ntp");
    for server in ntp.get("servers").items() {
        let bare = server.text().parse::<IpAddr>().is_ok();
        let message = "NTS needs a name, not an address";
        out.refuse_if(bare && ntp.get("useNTS").is_true(), &server, message);
    }
}

/// What Talos looks at one after the other, the first alone counts.
fn rule(doc: &View<'_>, out: &mut Out<'_>) {
    let (name, ports) = (doc.get("name"), doc.at(&["portSelector", "ports"]));
    out.refuse_if(name.is_zero(), &name, "a name is required");
    out.refuse_if(ports.is_empty(), &ports, "a port is required");
    let mut ranges: Vec<(u16, u16, View<'_>)> = Vec::new();
    for port in ports.items() {
        let number = u16::try_from(port.number()).unwrap_or(0).to_string();
        let written = if port.text().is_empty() {
            &number
        } else {
            port.text()
        };
        let (low, high) = written.split_once('-').unwrap_or((written, written));
        let (low, high) = (low.parse().unwrap_or(0), high.parse().unwrap_or(0));
        ranges.push((low, high, port));
    }
    ranges.sort_by_key(|it| it.0);
    for (low, high, port) in &ranges {
        out.refuse_if(low > high, port, "the first port is above the last");
    }
    for pair in ranges.windows(2) {
        let meets = pair[1].0 <= pair[0].1;
        out.refuse_if(meets, &pair[1].2, "it overlaps other ports");
    }
    for ingress in doc.get("ingress").items() {
        let subnet = ingress.get("subnet");
        out.refuse_if(subnet.is_zero(), &subnet, "a network is required");
    }
}

fn routing(doc: &View<'_>, out: &mut Out<'_>) {
    let name = doc.get("name");
    let digits = !name.text().is_empty() && name.text().bytes().all(|b| b.is_ascii_digit());
    let priority: Option<u32> = digits.then(|| name.text().parse().ok()).flatten();
    let free = priority.is_some_and(|it| !TAKEN.contains(&it));
    out.refuse_if(
        !free,
        &name,
        "the name is a priority from 1 to 32765, but not 32500",
    );
    let (table, action) = (doc.get("table"), doc.get("action"));
    let nowhere = matches!(table.text(), "" | "unspec" | "0");
    let unicast = matches!(action.text(), "" | "unspec" | "unicast");
    let message = "a table, or an action other than unicast, is required";
    out.refuse_if(nowhere && unicast, &table, message);
    let (mark, mask) = (doc.get("fwMark"), doc.get("fwMask"));
    out.refuse_if(!mask.is_zero() && mark.is_zero(), &mask, "it needs fwMark");
}

fn probe(kind: &str, doc: &View<'_>, out: &mut Out<'_>) {
    let (name, wait) = (doc.get("name"), doc.get("timeout"));
    out.refuse_if(name.is_zero(), &name, "a name is required");
    for duration in [wait, doc.get("interval")] {
        out.refuse_if(duration.nanos() < 0, &duration, "it cannot be negative");
    }
    let most = doc.get("failureThreshold");
    out.refuse_if(most.number() < 0, &most, "it cannot be negative");
    if kind == "TCPProbeConfig" {
        let endpoint = doc.get("endpoint");
        out.refuse_if(endpoint.is_zero(), &endpoint, "an endpoint is required");
        return;
    }
    let url = doc.get("url");
    urls::plain(&url, &["http", "https"], true, out);
    let host = urls::given(&url).is_none_or(|it| !it.host_name().is_empty());
    out.refuse_if(!host, &url, "it has no host");
}
