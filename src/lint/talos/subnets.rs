//! The networks of pods and services. Pure.

use super::text::{masked, prefix, width};
use super::view::{Out, View};

/// Bits that a network must leave for hosts.
const LEAST_HOSTS: u8 = 4;
/// Bits for hosts that the network of services may have.
const MOST_SERVICES: u8 = 20;
/// Bits for nodes that a network of pods may have.
const MOST_NODES: i64 = 16;

/// Checks a KubeNetworkConfig.
pub(super) fn document(doc: &View<'_>, out: &mut Out<'_>) {
    let mut masks = [24, 64];
    let mut known = [true, true];
    let keys = [("nodeCIDRMaskSizeIPv4", 32), ("nodeCIDRMaskSizeIPv6", 128)];
    for (index, (key, most)) in keys.into_iter().enumerate() {
        let mask = doc.get(key);
        known[index] = mask.number() == 0 || (1..=most).contains(&mask.number());
        out.refuse_if(!known[index], &mask, format!("from 1 to {most}"));
        if mask.number() != 0 {
            masks[index] = mask.number();
        }
    }
    let (pods, services) = (doc.get("podSubnets"), doc.get("serviceSubnets"));
    for list in [&pods, &services] {
        let items = list.items();
        out.refuse_if(items.is_empty(), list, "a network is required");
        let six = items.iter().filter(|it| it.text().contains(':')).count();
        let twice = six > 1 || items.len() - six > 1;
        out.refuse_if(twice, list, "at most one network of IPv4 and one of IPv6");
        for item in &items {
            subnet(item, out);
        }
    }
    let same = pods.items().len() == services.items().len();
    out.refuse_if(
        !same,
        &services,
        "pods and services need equally many networks",
    );
    for item in pods.items() {
        let Some((address, bits)) = prefix(item.text()) else {
            continue;
        };
        let index = usize::from(address.is_ipv6());
        let room = masks[index] - i64::from(bits);
        let fits = !known[index] || (0..=MOST_NODES).contains(&room);
        out.refuse_if(
            !fits,
            &item,
            format!("every node takes a /{} out of it", masks[index]),
        );
    }
    for item in services.items() {
        let large = prefix(item.text()).is_some_and(|it| width(it.0) - it.1 > MOST_SERVICES);
        out.refuse_if(
            large,
            &item,
            format!("at most {MOST_SERVICES} bits for services"),
        );
    }
}

fn subnet(item: &View<'_>, out: &mut Out<'_>) {
    match prefix(item.text()) {
        None => out.refuse(item, "not a network"),
        Some((address, bits)) => {
            let bare = masked(address, bits) == address;
            out.refuse_if(!bare, item, "it has bits of a host");
            let small = width(address) - bits < LEAST_HOSTS;
            out.refuse_if(
                small,
                item,
                format!("it leaves less than {LEAST_HOSTS} bits for hosts"),
            );
        }
    }
}
