//! BGP. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::text::{masked, overlap, prefix};
use super::view::{Out, View};

/// Checks a document of one instance.
pub(super) fn instance(doc: &View<'_>, out: &mut Out<'_>) {
    for key in ["name", "localASN"] {
        let value = doc.get(key);
        out.refuse_if(value.is_zero(), &value, "it is required");
    }
    let router = doc.get("routerID");
    let six = router.text().contains(':');
    out.refuse_if(six, &router, "an address of IPv4");
    let mut seen = BTreeSet::new();
    for neighbor in doc.get("neighbors").items() {
        let (address, link) = (neighbor.get("address"), neighbor.get("link"));
        if address.is_zero() == link.is_zero() {
            out.refuse(&neighbor, "either address or link is required");
        } else if !seen.insert(format!("{}{}", address.text(), link.text())) {
            out.refuse(&neighbor, "it is there twice");
        }
        let hold = neighbor.get("holdTime");
        out.refuse_if(hold.nanos() < 0, &hold, "it cannot be negative");
        let bfd = neighbor.get("bfd");
        let bound = bfd.is_set() && !doc.get("vrf").is_zero();
        out.refuse_if(bound, &bfd, "not within a VRF");
        for key in ["transmitInterval", "receiveInterval"] {
            let interval = bfd.get(key);
            out.refuse_if(interval.nanos() < 0, &interval, "it cannot be negative");
        }
    }
    imports(doc, out);
}

fn imports(doc: &View<'_>, out: &mut Out<'_>) {
    let (mut sources, mut others) = (BTreeSet::new(), Vec::new());
    for (index, route) in doc.get("importRoutes").items().iter().enumerate() {
        let source = route.get("bgpInstance");
        let own = source.text() == doc.get("name").text();
        out.refuse_if(
            source.is_zero() || own,
            &source,
            "another instance is required",
        );
        let again = !source.is_zero() && !sources.insert(source.text());
        out.refuse_if(again, &source, "it is there twice");
        let prefixes = route.get("prefixes");
        out.refuse_if(prefixes.is_empty(), &prefixes, "a network is required");
        let mut own: Vec<(IpAddr, u8)> = Vec::new();
        for item in prefixes.items() {
            let Some(network) = prefix(item.text()) else {
                out.refuse(&item, "not a network");
                continue;
            };
            let bare = masked(network.0, network.1) == network.0;
            out.refuse_if(!bare, &item, "it has bits of a host");
            let inside = own.iter().any(|other| overlap(*other, network));
            let across =
                |(at, other): &(usize, (IpAddr, u8))| *at != index && overlap(*other, network);
            let again = inside || bare && others.iter().any(across);
            out.refuse_if(again, &item, "it overlaps another network");
            own.push(network);
            if bare {
                others.push((index, network));
            }
        }
    }
}
