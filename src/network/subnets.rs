//! The networks of pods and services: form, families, sizes, and whom they overlap. Pure.
//!
//! The rules are those of Talos' KubeNetworkConfig, of kube-apiserver (`--service-cluster-ip-range`: at most 20 host
//! bits) and of kube-controller-manager (`--node-cidr-mask-size`: at most 16 bits more than the pods' network).

use super::code::Code;
use super::finding::Finding;
use super::prefix::{Family, Prefix};
use super::text::Text;
use super::wanted::Wanted;
use crate::fleet::finding::Level;

/// kube-apiserver's limit.
const MOST_SERVICE_HOST_BITS: u8 = 20;
/// Talos' limit.
const LEAST_HOST_BITS: u8 = 4;
/// kube-controller-manager's limit.
const MOST_NODE_BITS: u8 = 16;

/// A network that could be read, and its text.
type Read<'w> = (Prefix, &'w Text);

pub(super) fn check(wanted: &Wanted, found: &mut Vec<Finding>) {
    if !wanted.has_networks {
        return;
    }
    let pods = read(&wanted.pods, wanted.is_strict, found);
    let services = read(&wanted.services, wanted.is_strict, found);
    count("pods", &pods, found);
    count("services", &services, found);
    if pods.len() == wanted.pods.len() && services.len() == wanted.services.len() {
        families(&pods, &services, found);
    }
    for service in &services {
        service_size(*service, found);
    }
    for pod in &pods {
        pod_size(*pod, wanted, found);
        for service in services.iter().filter(|service| service.0.overlaps(pod.0)) {
            let message = format!(
                "{} of the services overlaps {} of the pods",
                service.0, pod.0
            );
            found.push(Finding::at(Code::SubnetOverlap, service.1, message));
        }
    }
}

fn read<'w>(texts: &'w [Text], is_strict: bool, found: &mut Vec<Finding>) -> Vec<Read<'w>> {
    let mut networks = Vec::new();
    for text in texts {
        let Ok(prefix) = text.text.parse::<Prefix>() else {
            let message = "this is no network with its length";
            found.push(Finding::at(Code::AddressSyntax, text, message));
            continue;
        };
        if !prefix.is_canonical() {
            let message = format!(
                "{prefix} has host bits set; the network is {}",
                prefix.masked()
            );
            let level = if is_strict {
                Level::Error
            } else {
                Level::Warning
            };
            let hint = format!("write {}, or a longer length", prefix.masked());
            found.push(
                Finding::at(Code::SubnetHostBits, text, message)
                    .level(level)
                    .hint(hint),
            );
        }
        networks.push((prefix, text));
    }
    networks
}

fn count(whose: &str, networks: &[Read<'_>], found: &mut Vec<Finding>) {
    for family in [Family::V4, Family::V6] {
        let mut same = networks
            .iter()
            .filter(|network| network.0.family() == family);
        if let (Some(_), Some((_, second))) = (same.next(), same.next()) {
            let message = format!("the {whose} have a second {family} network");
            found.push(Finding::at(Code::SubnetCount, second, message));
        }
    }
}

fn families(pods: &[Read<'_>], services: &[Read<'_>], found: &mut Vec<Finding>) {
    let of = |networks: &[Read<'_>]| -> Vec<Family> {
        let mut families: Vec<Family> = networks.iter().map(|network| network.0.family()).collect();
        families.dedup();
        families
    };
    let (of_pods, of_services) = (of(pods), of(services));
    let Some((_, at)) = services.first().or(pods.first()) else {
        return;
    };
    let words = |families: &[Family]| match families {
        [] => "none".to_owned(),
        families => {
            let words: Vec<String> = families.iter().map(Family::to_string).collect();
            words.join(", ")
        }
    };
    let sorted = |families: &[Family]| {
        let mut sorted = families.to_vec();
        sorted.sort();
        sorted
    };
    let message = format!(
        "pods: {}; services: {}",
        words(&of_pods),
        words(&of_services)
    );
    if sorted(&of_pods) != sorted(&of_services) {
        found.push(Finding::at(Code::SubnetFamilies, at, message));
    } else if of_pods != of_services {
        found.push(Finding::at(Code::SubnetOrder, at, message));
    }
}

fn service_size((prefix, text): Read<'_>, found: &mut Vec<Finding>) {
    let host_bits = prefix.host_bits();
    let least = if prefix.family() == Family::V4 {
        12
    } else {
        108
    };
    if host_bits > MOST_SERVICE_HOST_BITS {
        let message = format!("{prefix} is too wide for services: /{least} is the widest");
        found
            .push(Finding::at(Code::SubnetSize, text, message).hint(format!("/{least} or longer")));
    } else if host_bits < LEAST_HOST_BITS {
        let message = format!("{prefix} has room for {} services only", 1_u32 << host_bits);
        found.push(Finding::at(Code::SubnetSize, text, message));
    }
}

fn pod_size((prefix, text): Read<'_>, wanted: &Wanted, found: &mut Vec<Finding>) {
    let (asked, default, most) = match prefix.family() {
        Family::V4 => (&wanted.node_mask_v4, 24, 32),
        Family::V6 => (&wanted.node_mask_v6, 64, 128),
    };
    let mask = asked
        .as_ref()
        .map_or(Ok(default), |mask| mask.text.parse::<u8>());
    let Some(mask) = mask.ok().filter(|mask| (1..=most).contains(mask)) else {
        if let Some(asked) = asked {
            let message = format!("the length of a node's network is from 1 to {most}");
            found.push(Finding::at(Code::SubnetSize, asked, message));
        }
        return;
    };
    let message = match mask.checked_sub(prefix.bits()) {
        None => format!("{prefix} is smaller than the /{mask} that each node gets of it"),
        Some(bits) if bits > MOST_NODE_BITS => format!(
            "{prefix} has 2^{bits} networks of /{mask} for nodes; kube-controller-manager takes 2^16 at most"
        ),
        Some(_) if prefix.host_bits() < LEAST_HOST_BITS => {
            format!("{prefix} is too small for pods")
        }
        Some(_) => return,
    };
    found.push(Finding::at(Code::SubnetSize, text, message));
}
